"""The connections: a session an event loop, closed with it, and left alone in a forked child."""

from __future__ import annotations

import asyncio
import ctypes
import os
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import attrs

from boooply.errors import ConfigurationError
from boooply.protocol.messages import RateLimitClass
from boooply.protocol.retry import RetryBudget
from boooply.protocol.settings import is_loopback
from boooply.ratelimit.headers import ServerClock
from boooply.ratelimit.limiter import RateLimiter
from boooply.ratelimit.limits import RateLimits
from boooply.ratelimit.status import RateLimitStatus
from boooply.secret import Secret
from boooply.transport.deadlines import Deadlines
from boooply.transport.local_limiter import LocalLimiter
from boooply.transport.shared_limiter import SharedLimiter, shared_name
from boooply.version import __version__

CLOSED: Final = "this client is closed: make a new one, or keep it open for as long as it is used"

# Servers usually drop an idle connection after 5 s: a call that meets one in that moment cannot tell whether it was
# read, so ours are dropped before.
_KEEP_ALIVE: Final = 4.0
_HEADERS: Final = {
    "Accept": "application/json",
    "User-Agent": f"boooply-python/{__version__}",
    "X-SDK-Version": __version__,
}


async def _held_open(tls: ssl.SSLContext | None, deadlines: Deadlines) -> AsyncGenerator[aiohttp.ClientSession]:
    """Open a session, and close it when the generator ends: at the latest with its event loop, which ends them all."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE, ssl=True if tls is None else tls),
        headers=_HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
    )
    # aiohttp sends a GET or DELETE a second time by itself when a kept connection turns out to be dead. That send would
    # pass the governor and the retry budget by. Its own test client switches it off in the same way: there is no other.
    session._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # as told above
    try:
        yield session
    finally:
        deadlines.close()
        await session.close()


@attrs.frozen
class LoopSession:
    """What one event loop sends over."""

    session: aiohttp.ClientSession
    deadlines: Deadlines
    holder: AsyncGenerator[aiohttp.ClientSession]


def proxy_for(base_url: str) -> Secret | None:
    """Find the proxy that the environment names for an address, once; aiohttp would look for it at each call.

    It is a secret, since a proxy's URL may hold credentials. This machine itself is never reached through one.

    Raises:
        ConfigurationError: It is of a kind that cannot be used, SOCKS say.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    found = getproxies().get(parts.scheme)
    if not found:
        return None
    kind, has_kind, _ = found.partition("://")
    if has_kind and kind.lower() not in {"http", "https"}:
        raise ConfigurationError(
            f"{parts.scheme}_proxy names a proxy of the kind {kind}, which is none for HTTP or HTTPS"
        )
    return Secret(found if has_kind else f"http://{found}")  # as curl and others read it


class Pool:
    """Hold the connections to one API, for all clients that share it: a session an event loop, opened on first use.

    A loop that ends takes its session with it, so one client serves ``asyncio.run`` twice, and a program that forgets
    to close it ends in silence.
    """

    def __init__(
        self, base_url: str, limits: RateLimits | None = None, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self.base_url = base_url
        self.proxy: Secret | None = proxy_for(base_url)
        self._tls = ssl_context
        self.limits = limits
        self.budget: RetryBudget = RetryBudget()
        self.server_clock: ServerClock = ServerClock()  # compared with this machine's clock, seconds since 1970
        self._gates: dict[tuple[Secret | None, RateLimitClass], LocalLimiter | SharedLimiter] = {}
        self._wires: dict[asyncio.AbstractEventLoop, LoopSession] = {}
        self._closed = False
        self._mutex = threading.Lock()
        _pools.add(self)

    def gate(self, key: Secret, limit: RateLimitClass) -> LocalLimiter | SharedLimiter | None:
        """Give the gate that all callers with this key and kind of call share, or None where limits are off."""
        if self.limits is None:
            return None
        shared = (key if self.limits.scope == "key" else None, limit)
        gate = self._gates.get(shared)
        if gate is None:
            gate = self._gates.setdefault(shared, self._new_gate(self.limits, *shared))
        return gate

    def _new_gate(self, limits: RateLimits, key: Secret | None, limit: RateLimitClass) -> LocalLimiter | SharedLimiter:
        if limits.shared is not None:
            return SharedLimiter(shared_name(key, self.base_url, limit), limit, limits, limits.shared.limits)
        return LocalLimiter(RateLimiter(limits.limit_of(limit), limits.window))

    def rate_limits(self, key: Secret) -> dict[RateLimitClass, RateLimitStatus]:
        """Tell where the allowances of a key stand; nothing where limits are off."""
        gates = {limit: self.gate(key, limit) for limit in RateLimitClass}
        return {limit: gate.status() for limit, gate in gates.items() if gate is not None}

    async def wire(self) -> LoopSession:
        """Give the wire of the running event loop."""
        loop = asyncio.get_running_loop()
        wire = self._wires.get(loop)
        if wire is None:
            if self._closed:
                raise ConfigurationError(CLOSED)
            deadlines = Deadlines(loop)
            holder = _held_open(self._tls, deadlines)
            wire = LoopSession(await anext(holder), deadlines, holder)
            with self._mutex:
                self._wires = {one: kept for one, kept in self._wires.items() if not one.is_closed()}
                self._wires[loop] = wire
        return wire

    async def close(self) -> None:
        """Close every connection; what is still under way fails.

        Connections that another event loop opened close once it runs again, or ends.
        """
        self._closed = True
        running = asyncio.get_running_loop()
        for gate in tuple(self._gates.values()):
            await gate.settle()
        with self._mutex:
            wires, self._wires = self._wires, {}
        for loop, wire in wires.items():
            if loop is running:
                await wire.holder.aclose()
            elif not loop.is_closed():
                asyncio.run_coroutine_threadsafe(wire.holder.aclose(), loop)

    def leave_to_parent(self) -> None:
        """Start afresh in a forked child.

        What was inherited is kept for ever: closing its sockets, or only forgetting them, would take them out of the
        event queue that the child shares with its parent, whose calls would hang.
        """
        for inherited in self._wires.values():
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))
        self._wires = {}
        self._mutex = threading.Lock()  # another thread of the parent may have held it
        self._gates = {}  # calls of the parent that are under way will never end here


_pools: Final = weakref.WeakSet[Pool]()


def _leave_to_parent() -> None:
    for pool in list(_pools):
        pool.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
