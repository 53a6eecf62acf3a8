"""The limiter of one process, in which calls wait until the rate limiter allows them to start."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from math import inf

from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.limiter import RateLimiter
from boooply.ratelimit.status import RateLimitStatus
from boooply.transport.waiters import Waiters


def clock() -> float:
    """Return the time of the running event loop, which tests that freeze the clock do not change."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:  # another thread asks for the status
        return time.monotonic()


class LocalLimiter:
    """One rate limiter for the callers of any number of event loops and threads."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._mutex = (
            threading.RLock()
        )  # reentrant: the garbage collector may end a call of a closed loop while this thread has it
        self._waiters = Waiters()

    def is_idle(self) -> bool:
        """Return whether this limiter can be dropped without loss."""
        with self._mutex:
            self._limiter.advance(clock())
            return self._limiter.is_idle and not self._waiters

    def wait(self) -> float:
        """Return the shortest wait of a new caller, in seconds."""
        with self._mutex:
            self._limiter.advance(clock())
            return self._limiter.min_wait(len(self._waiters))

    def status(self) -> RateLimitStatus:
        """Return the status. Any thread may call this."""
        # A copy, because a signal handler would wait for a mutex that its own thread has.
        limiter = self._limiter.copy()
        limiter.advance(clock())
        return limiter.status(len(self._waiters))

    async def acquire(self) -> float:
        """Wait until a call may start, and return its start time."""
        with self._mutex:
            self._limiter.advance(clock())
            if self._limiter.budget() > 0 and not self._waiters:
                return self._limiter.start()
        async with self._waiters.queue() as changed:
            while True:
                changed.clear()
                with self._mutex:
                    self._limiter.advance(clock())
                    delay = self._limiter.delay()
                    if delay == 0:
                        return self._limiter.start()
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if delay == inf else delay):
                        await changed.wait()

    def finish(self, headers: RateLimitHeaders | None, *, started: float, rate_limited: bool = False) -> None:
        """Record the end of a call, as `RateLimiter.finish` does."""
        with self._mutex:
            self._limiter.advance(clock())
            self._limiter.finish(headers, started=started, rate_limited=rate_limited)
        self._waiters.wake()

    def release(self, *, started: float) -> None:
        """Record that a call did not reach the API."""
        with self._mutex:
            self._limiter.advance(clock())
            self._limiter.release(started=started)
        self._waiters.wake()

    async def settle(self) -> None:
        """Return at once, because, unlike a `SharedLimiter`, this limiter records everything immediately."""
