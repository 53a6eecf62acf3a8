"""The sandbox's clock, and the rate limits of section 2 whose windows it opens and closes."""

import math
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from attrs import Attribute, field, frozen, validators

__all__ = ["GENEROUS", "Allowance", "Clock", "Decision", "Limits", "Windows", "allowance_of"]

# ---- the clock

FURTHEST = 1_000_000_000
"""Seconds; keeps a typing error from moving the clock past the last year that a datetime can express."""


class Clock:
    """The sandbox's time: real time plus an offset that tests push forward.

    Rate-limit windows, time stamps, calendars and signatures all read this clock, so a test that needs the next
    window or an expired link advances it instead of sleeping.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        self._lock = threading.Lock()

    @property
    def ahead(self) -> float:
        """How far the clock was pushed forward, in seconds."""
        return self._offset

    def timestamp(self) -> float:
        """Return the seconds since the epoch."""
        return time.time() + self._offset

    def now(self) -> datetime:
        """Return the time as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def advance(self, seconds: float) -> None:
        """Push the clock forward.

        Safe from any thread. It cannot go back, since a window that has passed must not reopen.

        Raises:
            ValueError: `seconds` is negative, not a number, or more than about thirty years.
        """
        if not 0 <= seconds <= FURTHEST:
            raise ValueError(f"a clock advances by 0 to {FURTHEST} seconds at once")
        with self._lock:
            self._offset += seconds


# ---- limits

Allowance = Literal["reads", "writes", "ai"]


def _finite(_instance: object, attribute: "Attribute[Any]", value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be a finite number")


@frozen(kw_only=True)
class Limits:
    """The number of calls that a key may make in one window. Windows are fixed and aligned to the epoch.

    Attributes:
        reads: GET.
        writes: POST, PATCH and DELETE.
        ai: Generating a job description, which counts as this alone.
        window: Seconds; a fraction is accepted.
    """

    reads: int = field(default=100, validator=validators.ge(0))
    writes: int = field(default=10, validator=validators.ge(0))
    ai: int = field(default=5, validator=validators.ge(0))
    window: float = field(default=60, validator=[validators.gt(0), _finite])


GENEROUS = Limits(reads=1_000_000, writes=1_000_000, ai=1_000_000)
"""The meaning of `limits=None`: headers as always, and an allowance out of reach."""


def allowance_of(method: str) -> Allowance:
    """Return the class that a method counts as, unless its operation has a class of its own."""
    return "reads" if method in {"GET", "HEAD", "OPTIONS"} else "writes"


@frozen(kw_only=True)
class Decision:
    """The decision on a call, and the state of its window after it."""

    granted: bool
    limit: int
    remaining: int
    resets_at: int
    retry_after: int

    def headers(self) -> dict[str, str]:
        """Return the headers of the response; only a 429 carries Retry-After."""
        shown = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.resets_at),
        }
        return shown if self.granted else {**shown, "Retry-After": str(self.retry_after)}


class Windows:
    """The calls counted in the current window of each key and class.

    Earlier windows are not kept: the clock never goes back.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._used: dict[tuple[str, Allowance], tuple[int, int]] = {}

    @property
    def window(self) -> float:
        """The length of a window, in seconds."""
        return self._limits.window

    def take(self, key: str, allowance: Allowance, now: float) -> Decision:
        """Count a call if the limit of its window is not reached; a rejected call counts nothing."""
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
            # Both are rounded up: a client that relies on either must not return within the old window.
            resets_at=math.ceil(end),
            retry_after=max(1, math.ceil(end - now)),
        )
