"""The rate limiters that all processes on one store share: a row each, driven by the database's clock."""

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

# Seconds until a caller asks again, at most: other processes cannot wake it.
_ASK_AGAIN: Final = 1.0
_ASK_AGAIN_SOON: Final = 0.03  # while a response is on its way
_SHOWN: Final = 8  # digits of the digest

logger: logging.Logger = logging.getLogger("boooply.store")


@attrs.frozen
class _Row:
    """The state of one limiter, as JSON; that of a new one is empty."""

    state: str = ""


@attrs.frozen(eq=False)
class AsyncLimits:
    """The rate limiters of a store.

    Each is named by a digest of its key; the key is not in the store. The calls in flight of a process that died expire
    after one window.
    """

    _database: Database

    async def acquire(self, name: str, limit: int, window: float) -> AcquireResult:
        """Start a call, or return when to ask again."""
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
                logger.warning("the clock was set back: times of the shared limiter %s are brought back", name[:_SHOWN])
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
