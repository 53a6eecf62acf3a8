"""The connections: one session for each event loop, closed with the loop and unused in a forked child."""

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
from boooply.protocol.hosts import is_bypassed, is_loopback, proxy_problem
from boooply.protocol.messages import RateLimitClass
from boooply.protocol.retry import RetryBudget
from boooply.ratelimit.headers import ServerClock
from boooply.ratelimit.limiter import RateLimiter
from boooply.ratelimit.limits import RateLimits
from boooply.ratelimit.status import RateLimitStatus
from boooply.secret import Secret, as_secret
from boooply.transport.connector import Connector
from boooply.transport.local_limiter import LocalLimiter
from boooply.transport.shared_limiter import SharedLimiter, shared_name
from boooply.transport.slot import Limiter
from boooply.version import __version__

CLOSED: Final = "this client is closed: create a new one, or close it later"

# Servers often drop an idle connection after 5 s, and a write at that moment is ambiguous. Drop ours earlier.
_KEEP_ALIVE: Final = 4.0
_MANY_LIMITERS: Final = 1000
_PORTS: Final = {"http": 80, "https": 443}
_HEADERS: Final = {
    "Accept": "application/json",
    "User-Agent": f"boooply-python/{__version__}",
    "X-SDK-Version": __version__,
}


async def _open_session(tls: ssl.SSLContext | None) -> AsyncGenerator[aiohttp.ClientSession]:
    """Open a session, and close it when the generator ends. The event loop ends all its generators when it ends."""
    session = aiohttp.ClientSession(
        connector=Connector(limit=0, keepalive_timeout=_KEEP_ALIVE, ssl=True if tls is None else tls),
        headers=_HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
    )
    # If a kept-alive connection is dead, aiohttp itself sends a GET or DELETE again. That would bypass the rate limit
    # and the retry budget. aiohttp's own test client switches it off in the same way.
    session._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # there is no public way
    try:
        yield session
    finally:
        await session.close()


@attrs.frozen
class LoopSession:
    """The session of one event loop, and the generator that closes it."""

    session: aiohttp.ClientSession
    opened: AsyncGenerator[aiohttp.ClientSession]


def proxy_for(base_url: str) -> Secret | None:
    """Return the URL of the proxy that the environment names for an address, or None.

    The URL is a secret, because it may contain a password. Requests to this machine never use a proxy.

    Raises:
        ConfigurationError: The URL cannot work, or the proxy is of a kind that is not supported, such as SOCKS.
    """
    parts = urlsplit(base_url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    if is_loopback(host) or is_bypassed(getproxies().get("no", ""), host, port) or proxy_bypass(host):
        return None
    found = as_secret(getproxies().get(parts.scheme))
    if found is None:
        return None
    problem = proxy_problem(found.reveal())
    if problem is not None:
        raise ConfigurationError(f"{parts.scheme}_proxy {problem}")
    return found if "://" in found.reveal() else Secret(f"http://{found.reveal()}")  # as curl does


class Pool:
    """The connections to one API, shared by clients. Each event loop has a session, opened on first use.

    When a loop ends, it closes its session. So a client works in several calls of ``asyncio.run``, and a program that
    does not close its client exits without warnings.
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
        self._limiters: dict[tuple[Secret | None, RateLimitClass], Limiter] = {}
        self._many_limiters = _MANY_LIMITERS  # when there are this many, idle ones are dropped
        self._sessions: dict[asyncio.AbstractEventLoop, LoopSession] = {}
        self._closed = False
        self._mutex = threading.Lock()
        _pools.add(self)

    def limiter(self, key: Secret, limit: RateLimitClass) -> Limiter | None:
        """Return the limiter that all calls of this class with this key share, or None without rate limits."""
        if self.limits is None:
            return None
        shared = (key if self.limits.scope == "key" else None, limit)
        limiter = self._limiters.get(shared)
        if limiter is None:
            self._drop_idle_limiters()
            limiter = self._limiters.setdefault(shared, self._new_limiter(self.limits, *shared))
        return limiter

    def _drop_idle_limiters(self) -> None:
        """Drop the limiters of unused keys if there are many, because a platform may have any number of keys."""
        if len(self._limiters) >= self._many_limiters:
            limiters = tuple(self._limiters.items())  # other threads may add limiters at the same time
            self._limiters = {shared: limiter for shared, limiter in limiters if not limiter.is_idle()}
            self._many_limiters = max(_MANY_LIMITERS, 2 * len(self._limiters))

    def _new_limiter(self, limits: RateLimits, key: Secret | None, limit: RateLimitClass) -> Limiter:
        if limits.shared is not None:
            return SharedLimiter(shared_name(key, self.base_url, limit), limit, limits, limits.shared.limits)
        return LocalLimiter(RateLimiter(limits.limit_of(limit), limits.window))

    def rate_limits(self, key: Secret) -> dict[RateLimitClass, RateLimitStatus]:
        """Return the status of each rate limit of a key. Empty without rate limits."""
        limiters = {limit: self.limiter(key, limit) for limit in RateLimitClass}
        return {limit: limiter.status() for limit, limiter in limiters.items() if limiter is not None}

    def check_open(self) -> None:
        """Check that the pool is open.

        Raises:
            ConfigurationError: The pool is closed.
        """
        if self._closed:
            raise ConfigurationError(CLOSED)

    async def session(self) -> aiohttp.ClientSession:
        """Return the session of the running event loop.

        Raises:
            ConfigurationError: The pool is closed.
        """
        loop = asyncio.get_running_loop()
        kept = self._sessions.get(loop)
        if kept is None:
            self.check_open()
            opened = _open_session(self._tls)
            kept = LoopSession(await anext(opened), opened)
            with self._mutex:
                self._sessions = {one: its for one, its in self._sessions.items() if not one.is_closed()}
                self._sessions[loop] = kept
        return kept.session

    async def close(self) -> None:
        """Close all connections. Calls in flight fail.

        Connections of another event loop close when that loop runs again or ends.
        """
        self._closed = True
        running = asyncio.get_running_loop()
        await asyncio.gather(*(limiter.settle() for limiter in tuple(self._limiters.values())))
        with self._mutex:
            sessions, self._sessions = self._sessions, {}
        for loop, kept in sessions.items():
            if loop is running:
                await kept.opened.aclose()
            elif not loop.is_closed():
                asyncio.run_coroutine_threadsafe(kept.opened.aclose(), loop)

    def leave_to_parent(self) -> None:
        """Reset the pool in a forked child.

        Inherited sessions are never freed. If the child closed their sockets, it would remove them from the event queue
        that it shares with its parent, and calls of the parent would hang.
        """
        never_free(self._sessions)
        self._sessions = {}
        self._mutex = threading.Lock()  # another thread of the parent may have locked it
        self._limiters = {}  # the parent's calls in flight never finish here


def never_free(value: object) -> None:
    """Keep a value until the process ends, so that its finalizers never run."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


_pools: Final = weakref.WeakSet[Pool]()


def _leave_to_parent() -> None:
    for pool in list(_pools):
        pool.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
