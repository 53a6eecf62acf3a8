"""What an answer's headers tell of the rate limit (contract section 2): four forms of reset, two of Retry-After.

Moments that the API gives by its own clock are turned into seconds from now with its own ``Date``, so that no clock of
ours has to agree with it. ``Date`` is cut to whole seconds: what comes out is never early, and at most a second late.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

import attrs

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""As far as this machine's clock may be from the API's, where no answer has told."""

ROUNDED: Final = timedelta(seconds=1)
"""The API may cut its times to whole seconds."""

_NUMBER: Final = re.compile(r"\d{1,15}(?:\.\d{1,9})?")
_COUNT: Final = re.compile(r"\d{1,9}")
_FIRST_EPOCH_SECONDS: Final = 1e8  # 1973: below it a number is seconds from now
_FIRST_EPOCH_MILLISECONDS: Final = 1e11


@attrs.frozen(kw_only=True, slots=False)  # without slots it is made in half the time
class RateLimitHeaders:
    """Hold what one answer told; what it did not tell, or told in garbage, is None.

    ``date`` is when it was made and ``window`` the window that it names, in seconds since 1970 by the API's own clock;
    ``resets_in`` and ``retry_after`` are in seconds from when it came.
    """

    date: float | None = None
    limit: int | None = None
    remaining: int | None = None
    window: float | None = None
    resets_in: float | None = None
    retry_after: float | None = None


def read_headers(headers: Mapping[str, str]) -> RateLimitHeaders:
    """Read an answer's headers; nothing in them raises."""
    get = headers.get
    date, wait = _http_date(get("Date")), get("Retry-After")
    window, resets_in = _reset(get("X-RateLimit-Reset"), date)
    return RateLimitHeaders(
        date=date,
        limit=_count(get("X-RateLimit-Limit")) or None,
        remaining=_count(get("X-RateLimit-Remaining")),
        window=window,
        resets_in=resets_in,
        retry_after=None if wait is None else _retry_after(wait, date),
    )


def clock_ahead(known: float | None, date: float, *, sent: float, received: float) -> float:
    """Say by how much the API's clock is ahead of ours, in seconds, at least.

    Its ``Date`` is cut to whole seconds, and was taken between sending and receiving: so each answer shows between
    what and what it is, and the highest of the lower bounds is nearest to the truth. Where the bounds contradict what
    was known, a clock was set.
    """
    least, most = date - received, date + 1 - sent
    return least if known is None or not least <= known <= most else known


def _retry_after(value: str, date: float | None) -> float | None:
    """Read ``Retry-After`` as seconds from now, given as a number or as a date."""
    number = _number(value)
    if number is not None:
        return number
    until = _http_date(value)
    return max(0.0, until - date) if until is not None and date is not None else None


@lru_cache(maxsize=64)
def _reset(value: str | None, date: float | None) -> tuple[float | None, float | None]:
    number = _number(value)
    if number is not None and number < _FIRST_EPOCH_SECONDS:
        return None, number
    if number is not None:
        moment: float | None = number / 1000 if number >= _FIRST_EPOCH_MILLISECONDS else number
    else:
        moment = _iso(value)
    if moment is None or date is None:
        return None, None
    return moment, moment - date


def _number(value: str | None) -> float | None:
    text = (value or "").strip()
    return float(text) if _NUMBER.fullmatch(text) and text.isascii() else None


@lru_cache(maxsize=64)  # the limit stays the same, and what remains is seldom much
def _count(value: str | None) -> int | None:
    text = (value or "").strip()
    return int(text) if _COUNT.fullmatch(text) and text.isascii() else None


@lru_cache(maxsize=16)  # many answers have the same second
def _http_date(value: str | None) -> float | None:
    try:
        return _timestamp(parsedate_to_datetime(value or ""))
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def _iso(value: str | None) -> float | None:
    try:
        return _timestamp(datetime.fromisoformat((value or "").strip()))
    except (ValueError, OverflowError):
        return None


def _timestamp(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
