"""The state of a rate limiter: its own calls, and the window that the API last reported."""

import json
from collections import deque
from math import inf
from typing import Final

import attrs
from cattrs import Converter


@attrs.frozen
class ServerWindow:
    """The window that the API last reported. Times are by our own clock, except ``resets_at``."""

    resets_at: float | None  # by the API's clock; identifies the window
    ends: float  # never too early, but possibly too late
    ends_after: float  # the earliest time at which it may end
    remaining: int
    started: float  # when the call started that reported ``remaining``
    reported: float  # when the last report arrived

    def merge(self, report: "ServerWindow") -> "ServerWindow":
        """Return the latest window, given another report, in any order.

        If two calls overlapped, the API may have served either one first. Then the later window counts. If both report
        the same window, the result combines the cautious end and the lower number of remaining calls.
        """
        if report.started >= self.reported or report.is_later_than(self):
            return report
        if self.is_later_than(report):
            return self
        fewest = min(self, report, key=lambda window: window.remaining)
        return ServerWindow(
            resets_at=self.resets_at,
            # Neither end is too early. Without ``resets_at``, a new window may have begun, so the later end is safe.
            ends=(max if report.resets_at is None else min)(self.ends, report.ends),
            ends_after=max(self.ends_after, report.ends_after),
            remaining=fewest.remaining,
            started=fewest.started,
            reported=report.reported,
        )

    def is_later_than(self, other: "ServerWindow") -> bool:
        """Return whether this window certainly ends after the other window."""
        if self.resets_at is None or other.resets_at is None:
            return self.ends_after > other.ends
        return self.resets_at > other.resets_at

    def clamp(self, now: float, latest_end: float) -> "ServerWindow":
        """Return this window with times that are too far ahead reduced to the latest possible ones."""
        return attrs.evolve(
            self,
            ends=min(self.ends, latest_end),
            ends_after=min(self.ends_after, latest_end),
            started=min(self.started, now),
            reported=min(self.reported, now),
        )


_LONGEST_BLOCK: Final = 3600.0  # seconds
_ROUNDING: Final = 1.0  # the most by which the API may round up the end of a window, in seconds


@attrs.define(on_setattr=attrs.setters.NO_OP)  # the validator is for states from a store
class LimiterState:
    """The state of a rate limiter. Times are in seconds, by the clock that ``RateLimiter.advance`` receives."""

    limit: int = attrs.field(validator=attrs.validators.gt(0))
    now: float = 0.0
    in_flight: list[float] = attrs.Factory(list[float])  # when the unfinished calls started
    finished: deque[float] = attrs.Factory(deque[float])  # when calls ended, for one window
    uncounted: deque[float] = attrs.Factory(deque[float])  # when calls ended that reported no window
    server_window: ServerWindow | None = None  # kept after its end, until the next window is reported
    longest_window: float = 0.0  # the longest remainder of a reported window, in seconds
    blocked_until: float = -inf  # because of a 429
    is_recovering: bool = False  # whether no response has arrived since a 429

    def copy(self) -> "LimiterState":
        """Return a copy. Another thread may change this state at the same time."""
        return attrs.evolve(
            self, in_flight=self.in_flight.copy(), finished=self.finished.copy(), uncounted=self.uncounted.copy()
        )

    def clamp(self, now: float, window: float) -> bool:
        """Reduce times that are too far ahead to the latest possible ones, for example after a clock was set back.

        Returns:
            Whether any time was changed.
        """
        before, latest_end = self.copy(), now + 2 * max(window, self.longest_window) + _ROUNDING
        self.in_flight = [min(started, now) for started in self.in_flight]
        self.finished = deque(min(ended, now) for ended in self.finished)
        self.uncounted = deque(min(ended, now) for ended in self.uncounted)
        self.blocked_until = min(self.blocked_until, now + _LONGEST_BLOCK)
        if self.server_window is not None:
            self.server_window = self.server_window.clamp(now, latest_end)
        return self != before

    def to_json(self) -> str:
        """Write the state as JSON."""
        return json.dumps(_converter.unstructure(self))

    @classmethod
    def from_json(cls, text: str, limit: int) -> "LimiterState":
        """Read a state from JSON. If it cannot be read, return a new state with ``limit``."""
        try:
            return _converter.structure(json.loads(text), cls)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return cls(limit)


_converter: Final = Converter(detailed_validation=False, unstruct_collection_overrides={deque: list})
