"""The connector, which records that a request has a connection, and never reuses a connection with unread bytes."""

from __future__ import annotations

import select
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
import attrs
from aiohttp.connector import Connection

if TYPE_CHECKING:
    from asyncio import BaseTransport

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.tracing import Trace


@attrs.define
class AttemptProgress:
    """The progress of one attempt. While ``has_connection`` is False, no byte of the request can have been sent.

    ``on_connection`` receives the connection, because aiohttp no longer exposes it after a short response.
    """

    has_connection: bool = False
    on_connection: Callable[[BaseTransport | None], None] | None = None


# An object, not a boolean, because instrumentation may run the attempt in a task, which has a copy of the context.
ATTEMPT: Final = ContextVar[AttemptProgress]("boooply_attempt")


class Connector(aiohttp.TCPConnector):
    """A connector that drops a kept-alive connection if bytes arrived on it after its last response.

    Those bytes would be read as the response to the next request, which may belong to another customer.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType]  # aiohttp omits a type argument
        self._known: weakref.WeakSet[ResponseHandler] = weakref.WeakSet()

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        """Return a new connection, or one on which nothing has arrived since its last response."""
        connection = await super().connect(req, traces, timeout)
        while (protocol := _protocol_of(connection)) in self._known and _has_unread_bytes(protocol):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        self._known.add(protocol)
        progress = ATTEMPT.get(None)
        if progress is not None:
            progress.has_connection = True
            if progress.on_connection is not None:
                progress.on_connection(protocol.transport)
        return connection


def _protocol_of(connection: Connection) -> ResponseHandler:
    return cast("ResponseHandler", connection.protocol)  # None only after its release


def _has_unread_bytes(protocol: ResponseHandler) -> bool:
    """Return whether aiohttp's buffer or the socket contains bytes or the end of the connection."""
    if protocol.should_close or protocol.transport is None:
        return True
    socket = protocol.transport.get_extra_info("socket")
    return socket is not None and _is_readable(socket.fileno())


def _is_readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows, where select() accepts any descriptor
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
