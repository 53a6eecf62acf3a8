"""The rate limiters that all processes on a store share. Each has a row, and uses the database's clock."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, TypeVar

import attrs

from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.limiter import RateLimiter
from boooply.ratelimit.state import LimiterState
from boooply.ratelimit.status import AcquireResult
from boooply.store.database import Database
from boooply.store.rows import Rows
from boooply.store.schema import LIMITS

T = TypeVar("T")

# The longest time in seconds until a caller asks again, because other processes cannot wake it.
_ASK_AGAIN: Final = 1.0
_ASK_AGAIN_SOON: Final = 0.03  # while a call is in flight
_SHOWN: Final = 8  # digits of the digest

logger: logging.Logger = logging.getLogger("boooply.store")


@attrs.frozen
class _Row:
    """The state of one limiter as JSON. The state of a new limiter is empty."""

    state: str = ""


@attrs.frozen(eq=False)
class AsyncLimits:
    """The rate limiters of a store.

    The name of a limiter contains a digest of its key, not the key. Calls in flight of a process that died expire after
    one window.
    """

    _database: Database

    async def acquire(self, name: str, limit: int, window: float) -> AcquireResult:
        """Start a call, or return the delay after which to ask again."""
        return await self._run(name, limit, window, _acquire)

    async def finish(
        self,
        name: str,
        limit: int,
        window: float,
        headers: RateLimitHeaders | None,
        *,
        started: float,
        rate_limited: bool,
    ) -> None:
        """Record the end of a call, as `RateLimiter.finish` does."""

        def finish(limiter: RateLimiter) -> None:
            limiter.finish(headers, started=started, rate_limited=rate_limited)

        await self._run(name, limit, window, finish)

    async def release(self, name: str, limit: int, window: float, *, started: float) -> None:
        """Record that a call never reached the API."""
        await self._run(name, limit, window, lambda limiter: limiter.release(started=started))

    async def _run(self, name: str, limit: int, window: float, change: Callable[[RateLimiter], T]) -> T:
        """Change a limiter in one transaction."""

        def step(row: _Row, now: float) -> tuple[T, _Row]:
            state = LimiterState.from_json(row.state, limit)
            if state.clamp(now, window):
                logger.warning("the clock was set back: the shared limiter %s adjusts its times", name[:_SHOWN])
            limiter = RateLimiter(limit, window, state)
            limiter.advance(now)
            limiter.expire_stale()
            result = change(limiter)
            return result, _Row(limiter.state.to_json())

        return await Rows(self._database, LIMITS, _Row).step(name, step)


def _acquire(limiter: RateLimiter) -> AcquireResult:
    delay = limiter.delay()
    if delay == 0:
        limiter.start()
    longest = _ASK_AGAIN_SOON if limiter.in_flight else _ASK_AGAIN
    return AcquireResult(delay=min(delay, longest), started=limiter.state.now, status=limiter.status(0))
