"""The sandbox's clock and rate limits."""

import math
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal

from attrs import Attribute, field, frozen, validators

__all__ = ["GENEROUS", "Allowance", "Clock", "Decision", "Limits", "Windows", "allowance_of"]

# ---- the clock

FURTHEST = 1_000_000_000
"""The furthest advance in seconds, about 30 years, so that a typing error does not exceed the range of datetime."""


class Clock:
    """The sandbox's time: real time plus an offset that tests can increase.

    Rate-limit windows, timestamps, calendars and signatures use this clock. A test that needs the next window or an
    expired link advances the clock instead of sleeping.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        self._lock = threading.Lock()

    @property
    def ahead(self) -> float:
        """The offset from real time, in seconds."""
        return self._offset

    def timestamp(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time() + self._offset

    def now(self) -> datetime:
        """Return the time as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def advance(self, seconds: float) -> None:
        """Advance the clock by some seconds; it cannot go back.

        You can call it from any thread.

        Raises:
            ValueError: `seconds` is negative, not a number, or more than about 30 years.
        """
        if not 0 <= seconds <= FURTHEST:
            raise ValueError(f"seconds must be from 0 to {FURTHEST}")
        with self._lock:
            self._offset += seconds


# ---- limits

Allowance = Literal["reads", "writes", "ai"]


def _finite(_instance: object, attribute: "Attribute[Any]", value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be a finite number")


_COUNT: Final = [validators.instance_of(int), validators.ge(0)]


@frozen(kw_only=True)
class Limits:
    """The number of calls that each key can make in one window; windows start at multiples of their length since 1970.

    Attributes:
        reads: The limit for GET.
        writes: The limit for POST, PATCH and DELETE.
        ai: The limit for generating job descriptions, which count here only.
        window: The length of a window in seconds, which can have a fraction.
    """

    reads: int = field(default=100, validator=_COUNT)
    writes: int = field(default=10, validator=_COUNT)
    ai: int = field(default=5, validator=_COUNT)
    window: float = field(default=60, validator=[validators.gt(0), _finite])


GENEROUS = Limits(reads=1_000_000, writes=1_000_000, ai=1_000_000)
"""The meaning of `limits=None`: the usual headers, with limits that no test reaches."""


def allowance_of(method: str) -> Allowance:
    """Return the rate-limit class of a method, unless its operation has a separate class."""
    return "reads" if method in {"GET", "HEAD", "OPTIONS"} else "writes"


@frozen(kw_only=True)
class Decision:
    """The decision on a call, and the state of its window afterwards."""

    granted: bool
    limit: int
    remaining: int
    resets_at: int
    retry_after: int

    def headers(self) -> dict[str, str]:
        """Return the rate-limit headers of the response; only a 429 has Retry-After."""
        shown = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.resets_at),
        }
        return shown if self.granted else {**shown, "Retry-After": str(self.retry_after)}


class Windows:
    """The number of calls in the current window of each key and class.

    Earlier windows are dropped, since the clock never goes back.
    """

    def __init__(self, limits: Limits) -> None:
        if not isinstance(limits, Limits):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError("limits must be a boooply.sandbox.Limits, such as Limits(reads=100, writes=10)")
        self._limits = limits
        self._used: dict[tuple[str, Allowance], tuple[int, int]] = {}

    @property
    def window(self) -> float:
        """The length of a window in seconds."""
        return self._limits.window

    def take(self, key: str, allowance: Allowance, now: float) -> Decision:
        """Count a call if it is within the limit of its window; a rejected call does not count."""
        index, used = self._current(key, allowance, now)
        granted = used < getattr(self._limits, allowance)
        if granted:
            used += 1
            self._used[key, allowance] = (index, used)
        return self._decision(allowance, index, used, now, granted=granted)

    def usage(self, now: float) -> Iterator[tuple[str, Allowance, Decision]]:
        """Iterate over the keys and classes that have made calls, newest first, with the state of their windows."""
        for key, allowance in reversed(self._used):
            index, used = self._current(key, allowance, now)
            yield key, allowance, self._decision(allowance, index, used, now, granted=True)

    def _current(self, key: str, allowance: Allowance, now: float) -> tuple[int, int]:
        index = math.floor(now / self.window)
        counted_in, used = self._used.get((key, allowance), (index, 0))
        return index, used if counted_in == index else 0

    def _decision(self, allowance: Allowance, index: int, used: int, now: float, *, granted: bool) -> Decision:
        limit: int = getattr(self._limits, allowance)
        end = (index + 1) * self.window
        return Decision(
            granted=granted,
            limit=limit,
            remaining=limit - used,
            # both are rounded up, so that a client that waits for either reaches the next window
            resets_at=math.ceil(end),
            retry_after=max(1, math.ceil(end - now)),
        )
