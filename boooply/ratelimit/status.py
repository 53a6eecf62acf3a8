"""What a rate limiter reports, and what a store offers so that several processes can share one."""

from typing import Protocol

import attrs

from boooply.ratelimit.headers import RateLimitHeaders


@attrs.frozen(kw_only=True)
class RateLimitStatus:
    """The status of one rate limit.

    ``remaining`` calls can start at once. ``waiting`` callers wait, and the last of them starts in about
    ``seconds_to_end`` seconds.
    """

    limit: int
    remaining: int
    waiting: int
    seconds_to_end: float


@attrs.frozen(kw_only=True)
class AcquireResult:
    """The result of asking for a call: with ``delay`` 0 it started at ``started``, otherwise ask again after ``delay``.

    ``started`` is by the store's clock, and ``delay`` is in seconds.
    """

    delay: float
    started: float
    status: RateLimitStatus


class LimitStore(Protocol):
    """Rate limiters that several processes share, by name; times are by the clock that they share as well.

    ``limit`` and ``window`` (in seconds) apply until the API reports another limit.
    """

    async def acquire(self, name: str, limit: int, window: float) -> AcquireResult:
        """Start a call, or return when to ask again."""
        ...

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

    async def release(self, name: str, limit: int, window: float, *, started: float) -> None:
        """Record that a call never reached the API."""


class HasLimits(Protocol):
    """Something with rate limits to share, such as a store."""

    @property
    def limits(self) -> LimitStore:
        """The rate limiters to share."""
        ...
