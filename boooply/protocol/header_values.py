"""Values of headers: numbers, dates, and ``Retry-After``, which may be either."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

LONGEST_WAIT: Final = 3600.0
"""The longest wait in seconds. A longer ``Retry-After`` is cut to it."""

_NUMBER: Final = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the ``Retry-After`` of a response in seconds from now, or None if it is missing or malformed.

    A date is compared with the ``Date`` of the response, because our clock may differ from the API's.
    """
    value = headers.get("Retry-After")
    if value is None:
        return None
    seconds = number(value)
    if seconds is not None:
        return seconds
    until, now = http_date(value), http_date(headers.get("Date"))
    return None if until is None or now is None else max(0.0, until - now)


def number(value: str | None) -> float | None:
    """Return a non-negative number, or None if the value is anything else."""
    text = (value or "").strip()
    return float(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=4)  # responses within a second share their ``Date``, the most expensive header to parse
def http_date(value: str | None) -> float | None:
    """Return an HTTP date in seconds since 1970, or None if the value is anything else."""
    try:
        return timestamp(parsedate_to_datetime(value or ""))
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def timestamp(time: datetime) -> float:
    """Return a time in seconds since 1970. A time without a time zone is in UTC."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
