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
    ends: float
    remaining: int
    is_ours_alone: bool  # whether no one else appears to use the key
    uncounted: tuple[float, ...]  # when calls ended that ``remaining`` may not include
    is_overdrawn: bool = False  # whether calls started by our own log after nothing remained

    def left(self, in_flight: int) -> int:
        """Return how many more calls this window allows."""
        return self.remaining - len(self.uncounted) - in_flight

    def merge(self, report: "ServerWindow", *, started: float) -> "ServerWindow":
        """Return what is known of the latest window after another report, from a call that started then.

        Reports arrive in any order. One without ``resets_at`` is taken to be about this window, which is never too
        optimistic.
        """
        if self.resets_at is not None and report.resets_at is not None and self.resets_at != report.resets_at:
            return report if report.resets_at > self.resets_at else self
        is_later = report.remaining < self.remaining
        return ServerWindow(
            resets_at=self.resets_at,
            # Neither end is too early. Without ``resets_at`` the window may have moved on, so the later end is right.
            ends=(max if report.resets_at is None else min)(self.ends, report.ends),
            remaining=min(self.remaining, report.remaining),
            is_ours_alone=self.is_ours_alone and report.is_ours_alone,
            uncounted=tuple(ended for ended in self.uncounted if ended > started or not is_later),
            is_overdrawn=self.is_overdrawn,
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
    server_window: ServerWindow | None = None
    may_probe: bool = False  # whether the server's window has ended, so that a single call may find out the next one
    probe: float | None = None  # when that call started
    blocked_until: float = -inf  # by a 429
    is_recovering: bool = False  # whether no response has come since a 429

    def copy(self) -> "LimiterState":
        """Return a copy; another thread may change this state meanwhile."""
        return attrs.evolve(self, in_flight=self.in_flight.copy(), finished=self.finished.copy())

    def clamp(self, now: float, window: float) -> bool:
        """Bring back the times that are further ahead than they can be, as after a clock was set back.

        Returns:
            Whether there were any.
        """
        before, ends = self.copy(), now + 2 * window + _ROUNDING
        self.in_flight = [min(started, now) for started in self.in_flight]
        self.finished = deque(min(ended, now) for ended in self.finished)
        self.probe = None if self.probe is None else min(self.probe, now)
        self.blocked_until = min(self.blocked_until, now + _LONGEST_BLOCK)
        if self.server_window is not None:
            uncounted = tuple(min(ended, now) for ended in self.server_window.uncounted)
            ends = min(self.server_window.ends, ends)
            self.server_window = attrs.evolve(self.server_window, ends=ends, uncounted=uncounted)
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
