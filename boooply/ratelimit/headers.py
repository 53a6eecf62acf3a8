"""The rate-limit headers of a response (contract section 2), and the API's clock as they show it.

The reset comes in four forms and ``Retry-After`` in two. Absolute times are turned into seconds from now with the
response's own ``Date``, so that our clock need not agree with the API's. That is cut to whole seconds: the result is
never too early, and at most a second too late.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import attrs

from boooply.protocol.header_values import http_date, number, retry_after, timestamp

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far this machine's clock may be from the API's while no response has shown it."""

ROUNDED: Final = timedelta(seconds=1)
"""How far the API may cut its times, to whole seconds."""

_MOST_DIGITS: Final = 9
_FIRST_EPOCH_SECONDS: Final = 1e8  # 1973: a smaller number is seconds from now
_FIRST_EPOCH_MILLISECONDS: Final = 1e11
_SOON: Final = 0.001  # seconds


@attrs.frozen(kw_only=True)
class RateLimitHeaders:
    """The rate-limit headers of one response; those that are missing or malformed are None.

    ``resets_at`` is in seconds since 1970 by the API's own clock, ``resets_in`` and ``retry_after`` in seconds from
    when the response came.
    """

    limit: int | None = None
    remaining: int | None = None
    resets_at: float | None = None
    resets_in: float | None = None
    retry_after: float | None = None


@attrs.define
class ServerClock:
    """The API's clock: ``ahead`` of ours by at least so many seconds, or None before the first response."""

    ahead: float | None = None

    def read(self, headers: Mapping[str, str], *, sent: float, received: float) -> RateLimitHeaders:
        """Compare a response's ``Date`` with our clock, and read its headers by the better of the two.

        ``sent`` and ``received`` are in seconds by our clock.
        """
        date = http_date(headers.get("Date"))
        return _read(headers, date, None if date is None else received + self._observe(date, sent, received))

    def _observe(self, date: float, sent: float, received: float) -> float:
        # ``Date`` was taken between the two times and cut to whole seconds, so each response gives a lower and an upper
        # bound. The highest lower bound is nearest to the truth. When the bounds contradict it, one of the clocks was
        # set.
        least, most = date - received, date + 1 - sent
        if self.ahead is None or not least <= self.ahead <= most:
            self.ahead = least
        return self.ahead


def read_headers(headers: Mapping[str, str]) -> RateLimitHeaders:
    """Read the headers of a response; malformed ones raise nothing."""
    date = http_date(headers.get("Date"))
    return _read(headers, date, date)


def _read(headers: Mapping[str, str], date: float | None, now: float | None) -> RateLimitHeaders:
    """Read headers that were written at ``date``; ``now`` is when the response came, by the same clock."""
    resets_at, resets_in = _reset(headers.get("X-RateLimit-Reset"), date, now)
    return RateLimitHeaders(
        limit=_count(headers.get("X-RateLimit-Limit")) or None,
        remaining=_count(headers.get("X-RateLimit-Remaining")),
        resets_at=resets_at,
        resets_in=resets_in,
        retry_after=retry_after(headers),
    )


def _reset(value: str | None, date: float | None, now: float | None) -> tuple[float | None, float | None]:
    """Read a reset as seconds since 1970 by the API's clock, where it gives them, and as seconds from now."""
    found = number(value)
    if found is not None and found < _FIRST_EPOCH_SECONDS:
        return None, found
    scale = 1 if found is None or found < _FIRST_EPOCH_MILLISECONDS else 1000
    resets_at = _iso(value) if found is None else found / scale
    if resets_at is None or date is None or now is None:
        return None, None
    # A window that ended while the response was on its way ends soon; one that had ended before is malformed.
    return resets_at, max(_SOON, resets_at - now) if resets_at > date else resets_at - date


def _count(value: str | None) -> int | None:
    text = (value or "").strip()
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= _MOST_DIGITS else None


def _iso(value: str | None) -> float | None:
    try:
        return timestamp(datetime.fromisoformat((value or "").strip()))
    except (ValueError, OverflowError):
        return None
