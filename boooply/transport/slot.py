"""A slot of a rate limit, from its grant until its use is reported."""

from types import TracebackType
from typing import Self

import attrs

from boooply.ratelimit.headers import RateLimitHeaders
from boooply.transport.local_limiter import LocalLimiter
from boooply.transport.shared_limiter import SharedLimiter

Limiter = LocalLimiter | SharedLimiter


@attrs.define
class Slot:
    """A permission to send one request, for a ``with`` statement. Without a limiter, every request is permitted.

    Attributes:
        is_sending: Whether the request may have reached the API. If so, it counts unless ``release`` is called.
    """

    _limiter: Limiter | None
    _started: float
    is_sending: bool = False

    @classmethod
    async def acquire(cls, limiter: Limiter | None) -> Self:
        """Wait until the limiter grants a slot."""
        return cls(limiter, 0.0 if limiter is None else await limiter.acquire())

    def finish(self, headers: RateLimitHeaders | None, *, rate_limited: bool = False) -> None:
        """Report that the request reached the API, with the response's headers. Only the first report counts."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter.finish(headers, started=self._started, rate_limited=rate_limited)

    def release(self) -> None:
        """Report that the request did not reach the API. Only the first report counts."""
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
