"""What a rate limiter remembers: its own calls, and the window that the API last reported."""

import json
from collections import deque
from math import inf
from typing import Final

import attrs
from cattrs import Converter


@attrs.frozen
class ServerWindow:
    """The window that the API last reported; times are by our own clock, except ``resets_at``."""

    resets_at: float | None  # by the API's clock, which names the window
    ends: float  # not too early, but possibly too late
    ends_after: float  # the earliest time at which it may end
    remaining: int
    started: float  # when the call started that reported ``remaining``
    reported: float  # when the last report arrived

    def merge(self, report: "ServerWindow") -> "ServerWindow":
        """Return what is known of the latest window after another report, whatever their order.

        Of two calls that overlapped, the API may have served either one first. Then the later window counts, and in one
        window, neither the end nor what remains is too optimistic.
        """
        if report.started >= self.reported or report.is_later_than(self):
            return report
        if self.is_later_than(report):
            return self
        fewest = min(self, report, key=lambda window: window.remaining)
        return ServerWindow(
            resets_at=self.resets_at,
            # Neither end is too early. Without ``resets_at`` the window may have moved on, so the later end is right.
            ends=(max if report.resets_at is None else min)(self.ends, report.ends),
            ends_after=max(self.ends_after, report.ends_after),
            remaining=fewest.remaining,
            started=fewest.started,
            reported=report.reported,
        )

    def is_later_than(self, other: "ServerWindow") -> bool:
        """Return whether this window certainly ends after the other one."""
        if self.resets_at is None or other.resets_at is None:
            return self.ends_after > other.ends
        return self.resets_at > other.resets_at

    def clamp(self, now: float, latest_end: float) -> "ServerWindow":
        """Return this window without times that are further ahead than they can be."""
        return attrs.evolve(
            self,
            ends=min(self.ends, latest_end),
            ends_after=min(self.ends_after, latest_end),
            started=min(self.started, now),
            reported=min(self.reported, now),
        )


_LONGEST_BLOCK: Final = 3600.0  # seconds
_ROUNDING: Final = 1.0  # seconds by which the API may round the end of a window up


@attrs.define(on_setattr=attrs.setters.NO_OP)  # the validator is for what is read from a store
class LimiterState:
    """Everything that a rate limiter remembers; times are in seconds by the clock that the limiter is driven with."""

    limit: int = attrs.field(validator=attrs.validators.gt(0))
    now: float = 0.0
    in_flight: list[float] = attrs.Factory(list[float])  # when the unfinished calls started
    finished: deque[float] = attrs.Factory(deque[float])  # when calls ended, for one window
    uncounted: deque[float] = attrs.Factory(deque[float])  # when those of them ended that reported no window
    server_window: ServerWindow | None = None  # it stays when it has ended, until the next one is reported
    longest_window: float = 0.0  # seconds that a reported window had left
    blocked_until: float = -inf  # by a 429
    is_recovering: bool = False  # whether no response has come since a 429

    def copy(self) -> "LimiterState":
        """Return a copy; another thread may change this state meanwhile."""
        return attrs.evolve(
            self, in_flight=self.in_flight.copy(), finished=self.finished.copy(), uncounted=self.uncounted.copy()
        )

    def clamp(self, now: float, window: float) -> bool:
        """Bring back the times that are further ahead than they can be, as after a clock was set back.

        Returns:
            Whether there were any.
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
        """Read a state; an unreadable one counts as a new state with ``limit``."""
        try:
            return _converter.structure(json.loads(text), cls)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return cls(limit)


_converter: Final = Converter(detailed_validation=False, unstruct_collection_overrides={deque: list})
