"""The connector: it records that a request has a connection, and never reuses one with unread bytes."""

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
    """The progress of one attempt; before it ``has_connection``, no byte of the request can have left.

    ``on_connection`` receives the connection, of which aiohttp shows nothing once a short response has arrived.
    """

    has_connection: bool = False
    on_connection: Callable[[BaseTransport | None], None] | None = None


# An object, not a truth value: instrumentation may run the attempt in a task, whose context is a copy.
ATTEMPT: Final = ContextVar[AttemptProgress]("boooply_attempt")


class Connector(aiohttp.TCPConnector):
    """A connector that drops a kept connection on which bytes arrived after its last response.

    Such bytes would be read as the response to the next request, which may be another customer's.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType]  # aiohttp leaves a type argument out
        self._known: weakref.WeakSet[ResponseHandler] = weakref.WeakSet()

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        """Return a connection that is new, or on which nothing has arrived since its last response."""
        connection = await super().connect(req, traces, timeout)
        while (protocol := _protocol_of(connection)) in self._known:
            if not _has_unread_bytes(protocol):
                break
            connection.close()
            connection = await super().connect(req, traces, timeout)
        else:
            self._known.add(protocol)
        progress = ATTEMPT.get(None)
        if progress is not None:
            progress.has_connection = True
            if progress.on_connection is not None:
                progress.on_connection(protocol.transport)
        return connection


def _protocol_of(connection: Connection) -> ResponseHandler:
    return cast("ResponseHandler", connection.protocol)  # None only once it is released


def _has_unread_bytes(protocol: ResponseHandler) -> bool:
    """Return whether bytes, or the end of the connection, have arrived: in aiohttp's buffers or in the socket's."""
    if protocol.should_close or protocol.transport is None:
        return True
    socket = protocol.transport.get_extra_info("socket")
    return socket is not None and _is_readable(socket.fileno())


def _is_readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows, whose select() takes any descriptor
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
