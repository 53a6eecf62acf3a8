"""The rate-limit headers of a response, and the API's clock according to its responses.

The API may send the reset in four formats and ``Retry-After`` in two. Absolute times are converted to seconds from now
with the ``Date`` of the response, so that our clock need not agree with the API's. ``Date`` is cut to whole seconds, so
the result is never too early, and at most a second too late.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import attrs

from boooply.protocol.header_values import http_date, number, retry_after, timestamp

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""The assumed difference between this machine's clock and the API's until a response shows it."""

ROUNDED: Final = timedelta(seconds=1)
"""The most by which the API may round its times, to whole seconds."""

_MOST_DIGITS: Final = 9
_FIRST_EPOCH_SECONDS: Final = 1e8  # 1973: a smaller number is seconds from now
_FIRST_EPOCH_MILLISECONDS: Final = 1e11
_SOON: Final = 0.001  # seconds


@attrs.frozen(kw_only=True)
class RateLimitHeaders:
    """The rate-limit headers of one response. A missing or malformed header is None.

    Attributes:
        limit: The number of calls in a window.
        remaining: The number of calls left in the window.
        resets_at: The end of the window, in seconds since 1970 by the API's clock.
        resets_in: The end of the window, in seconds from the arrival of the response.
        retry_after: The wait that the API requests, in seconds from the arrival of the response.
    """

    limit: int | None = None
    remaining: int | None = None
    resets_at: float | None = None
    resets_in: float | None = None
    retry_after: float | None = None


@attrs.define
class ServerClock:
    """The API's clock. It is at least ``ahead`` seconds ahead of ours. None means that no response has arrived."""

    ahead: float | None = None

    def read(self, headers: Mapping[str, str], *, sent: float, received: float) -> RateLimitHeaders:
        """Read the headers of a response, and learn from its ``Date``.

        Args:
            headers: The headers of the response.
            sent: When the request was sent, in seconds by our clock.
            received: When the response arrived, in seconds by our clock.
        """
        date = http_date(headers.get("Date"))
        return _read(headers, date, None if date is None else received + self._observe(date, sent, received))

    def _observe(self, date: float, sent: float, received: float) -> float:
        # ``Date`` was taken between the two times and cut to whole seconds, so each response yields a lower and an
        # upper bound. The highest lower bound is the best estimate. If a later response contradicts it, one of the
        # clocks was set.
        least, most = date - received, date + 1 - sent
        if self.ahead is None or not least <= self.ahead <= most:
            self.ahead = least
        return self.ahead


def read_headers(headers: Mapping[str, str]) -> RateLimitHeaders:
    """Read the headers of a response. A malformed header raises no error."""
    date = http_date(headers.get("Date"))
    return _read(headers, date, date)


def _read(headers: Mapping[str, str], date: float | None, now: float | None) -> RateLimitHeaders:
    """Read headers that were written at ``date``. ``now`` is the arrival of the response by the same clock."""
    resets_at, resets_in = _reset(headers.get("X-RateLimit-Reset"), date, now)
    return RateLimitHeaders(
        limit=_count(headers.get("X-RateLimit-Limit")) or None,
        remaining=_count(headers.get("X-RateLimit-Remaining")),
        resets_at=resets_at,
        resets_in=resets_in,
        retry_after=retry_after(headers),
    )


def _reset(value: str | None, date: float | None, now: float | None) -> tuple[float | None, float | None]:
    """Return a reset in seconds since 1970 by the API's clock, if it is absolute, and in seconds from now."""
    found = number(value)
    if found is not None and found < _FIRST_EPOCH_SECONDS:
        return None, found
    scale = 1 if found is None or found < _FIRST_EPOCH_MILLISECONDS else 1000
    resets_at = _iso(value) if found is None else found / scale
    if resets_at is None or date is None or now is None:
        return None, None
    # A window that ended while the response was on its way ends soon. A window that had ended before is malformed.
    return resets_at, max(_SOON, resets_at - now) if resets_at > date else resets_at - date


def _count(value: str | None) -> int | None:
    text = (value or "").strip()
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= _MOST_DIGITS else None


def _iso(value: str | None) -> float | None:
    try:
        return timestamp(datetime.fromisoformat((value or "").strip()))
    except (ValueError, OverflowError):
        return None
