"""One slot of a rate limit, from its grant until the limiter knows how it was used."""

from types import TracebackType
from typing import Self

import attrs

from boooply.ratelimit.headers import RateLimitHeaders
from boooply.transport.local_limiter import LocalLimiter
from boooply.transport.shared_limiter import SharedLimiter

Limiter = LocalLimiter | SharedLimiter


@attrs.define
class Slot:
    """A permission to send one request, used in a ``with`` statement; without a limiter, everything is permitted.

    Attributes:
        is_sending: Whether the request may have reached the API, so that it counts unless ``release`` is called.
    """

    _limiter: Limiter | None
    _started: float
    is_sending: bool = False

    @classmethod
    async def acquire(cls, limiter: Limiter | None) -> Self:
        """Wait until the limiter grants a slot."""
        return cls(limiter, 0.0 if limiter is None else await limiter.acquire())

    def finish(self, headers: RateLimitHeaders | None, *, rate_limited: bool = False) -> None:
        """Report that the request reached the API, with the headers of its response; only the first report counts."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter.finish(headers, started=self._started, rate_limited=rate_limited)

    def release(self) -> None:
        """Report that the request did not reach the API; only the first report counts."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter.release(started=self._started)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_sending:
            self.finish(None)
        else:
            self.release()
