"""What an allowance looks like, and what can be shared by several processes."""

from typing import Protocol

import attrs

from boooply.ratelimit.headers import RateLimitHeaders


@attrs.frozen(kw_only=True)
class RateLimitStatus:
    """Tell where one allowance stands.

    ``remaining`` calls can start at once; ``waiting`` callers stand in line, and the last of them starts in about
    ``seconds_to_end`` seconds.
    """

    limit: int
    remaining: int
    waiting: int
    seconds_to_end: float


@attrs.frozen(kw_only=True)
class Start:
    """Tell whether a call may start: ``delay`` is 0, and ``at`` the moment; or in how many seconds to ask again."""

    delay: float
    at: float
    allowance: RateLimitStatus


class LimitStore(Protocol):
    """Drive governors that several processes share; times are by the clock that they share too."""

    async def start(self, name: str, limit: int, window: float, /) -> "Start":
        """Start a call, or tell when to ask again."""
        ...

    async def finish(
        self, name: str, limit: int, window: float, /, *, told: RateLimitHeaders | None, started: float, refused: bool
    ) -> None:
        """Note how a call has ended."""

    async def release(self, name: str, limit: int, window: float, /, *, started: float) -> None:
        """Note that a call never reached the API."""


class HasLimits(Protocol):
    """Have limits to share: an ``AsyncStore`` does."""

    @property
    def limits(self) -> LimitStore:
        """What is shared."""
        ...
