"""The one room that touches aiohttp's client: it sends what ``protocol`` made and hands back what came."""

from __future__ import annotations

import asyncio
import ctypes
import os
import weakref
from collections.abc import AsyncGenerator
from typing import Final, TypeVar

import aiohttp
import attrs
from yarl import URL

from boooply.errors import BoooplyError, ConfigurationError, ConnectionFailed, DeadlineExceeded, DecodingError
from boooply.protocol.endpoints import Endpoint
from boooply.protocol.messages import Request, Response
from boooply.secret import Secret
from boooply.version import __version__

T = TypeVar("T")

TIMEOUT: Final = 30.0
CLOSED: Final = "this client is closed: make a new one, or keep it open for as long as it is used"

_HEADERS: Final = {
    "Accept": "application/json",
    "User-Agent": f"boooply-python/{__version__}",
    "X-SDK-Version": __version__,
}
_JSON: Final = {"Content-Type": "application/json"}

# Why no answer came, for people: the first class that fits. aiohttp's own texts are not used, since they quote.
_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, "the host of base_url has no address"),
    (aiohttp.ClientConnectorCertificateError, "the certificate of the API's host is not trusted"),
    (aiohttp.ClientSSLError, "no secure connection to the API's host"),
    (aiohttp.ClientConnectorError, "the API's host refuses connections"),
    (aiohttp.ServerDisconnectedError, "the API hung up"),
    (aiohttp.ClientResponseError, "the answer was not HTTP"),
)


async def _held_open() -> AsyncGenerator[aiohttp.ClientSession]:
    """Open a session, and close it when the generator ends: at the latest with its event loop, which ends them all."""
    session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None))
    try:
        yield session
    finally:
        await session.close()


@attrs.frozen
class _Opened:
    session: aiohttp.ClientSession
    holder: AsyncGenerator[aiohttp.ClientSession]


class Pool:
    """Hold the connections to one API, for all clients that share it: a session an event loop, opened on first use.

    A loop that ends takes its session with it, so one client serves ``asyncio.run`` twice, and a program that forgets
    to close it ends in silence.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._opened: dict[asyncio.AbstractEventLoop, _Opened] = {}
        self._closed = False
        _pools.add(self)

    async def session(self) -> aiohttp.ClientSession:
        """Give the session of the running event loop."""
        loop = asyncio.get_running_loop()
        opened = self._opened.get(loop)
        if opened is None:
            if self._closed:
                raise ConfigurationError(CLOSED)
            for ended in [loop for loop in self._opened if loop.is_closed()]:
                del self._opened[ended]
            holder = _held_open()
            opened = self._opened[loop] = _Opened(await anext(holder), holder)
        return opened.session

    async def close(self) -> None:
        """Close every connection; what is still under way fails."""
        self._closed = True
        running = asyncio.get_running_loop()
        while self._opened:
            loop, opened = self._opened.popitem()
            if loop is running:
                await opened.holder.aclose()
            elif not loop.is_closed():
                asyncio.run_coroutine_threadsafe(opened.holder.aclose(), loop)

    def leave_to_parent(self) -> None:
        """Start afresh in a forked child.

        What was inherited is kept for ever: closing its sockets, or only forgetting them, would take them out of the
        event queue that the child shares with its parent, whose calls would hang.
        """
        for inherited in self._opened.values():
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))
        self._opened = {}


_pools: Final = weakref.WeakSet[Pool]()


def _leave_to_parent() -> None:
    for pool in list(_pools):
        pool.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


@attrs.frozen
class Transport:
    """Send requests with one key over a pool that others may share; ``timeout`` is in seconds, for one attempt."""

    pool: Pool
    key: Secret
    timeout: float = TIMEOUT

    async def call(self, endpoint: Endpoint[T], *, body: object = None, query: object = None, **identities: str) -> T:
        """Carry out one row of the table: make its request, send it, read its answer."""
        return endpoint.parse(await self.send(endpoint.request(body=body, query=query, **identities)))

    async def send(self, request: Request) -> Response:
        """Send a request once.

        Raises:
            ConnectionFailed: No answer came.
            DeadlineExceeded: No answer came in time.
            DecodingError: The answer broke off.
        """
        outcome = await self._attempt(request)
        if isinstance(outcome, BoooplyError):
            raise outcome
        return outcome

    # Errors are returned and raised by the caller: raised here they would lead to frames that hold the key.
    async def _attempt(self, request: Request) -> Response | BoooplyError:
        authorization = {"Authorization": f"Bearer {self.key.reveal()}"}
        status = 0
        try:
            session = await self.pool.session()
            async with session.request(
                request.method,
                URL(self.pool.base_url + request.target, encoded=True),
                data=request.body,
                headers=_HEADERS | authorization | ({} if request.body is None else _JSON),
                timeout=aiohttp.ClientTimeout(total=self.timeout),
                allow_redirects=False,  # neither key nor body goes anywhere else
            ) as answer:
                status = answer.status
                return Response(status=status, headers=answer.headers, body=await answer.read())
        except TimeoutError:
            return DeadlineExceeded(request.operation, self.timeout)
        except aiohttp.ClientPayloadError:
            return DecodingError(request.operation, status=status, problems=("the answer broke off",))
        except (aiohttp.ClientError, OSError) as problem:
            return ConnectionFailed(request.operation, _reason(problem))


def _reason(problem: Exception) -> str:
    return next((reason for kind, reason in _REASONS if isinstance(problem, kind)), "the connection broke")
