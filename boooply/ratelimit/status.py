"""The status of a rate limiter, and the protocol of a store whose rate limiters several processes share."""

from typing import Protocol

import attrs

from boooply.ratelimit.headers import RateLimitHeaders


@attrs.frozen(kw_only=True)
class RateLimitStatus:
    """The status of one rate limit.

    Attributes:
        limit: The number of calls in a window.
        remaining: The number of calls that can start now.
        waiting: The number of calls that wait for the rate limit.
        seconds_to_end: The estimated time until the last waiting call starts, in seconds.
    """

    limit: int
    remaining: int
    waiting: int
    seconds_to_end: float


@attrs.frozen(kw_only=True)
class AcquireResult:
    """The result of a request to start a call.

    Attributes:
        delay: 0 if the call has started, otherwise the seconds until the next request.
        started: The time at which the call started, by the store's clock.
        status: The status of the rate limit.
    """

    delay: float
    started: float
    status: RateLimitStatus


class LimitStore(Protocol):
    """Rate limiters that several processes share, by name. Times are by a clock that the processes share too.

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
        """Record that a call did not reach the API."""


class HasLimits(Protocol):
    """An object with rate limiters to share, such as a store."""

    @property
    def limits(self) -> LimitStore:
        """The rate limiters to share."""
        ...
