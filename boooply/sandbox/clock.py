"""The sandbox's clock: real time plus an offset that tests push forward."""

import threading
import time
from datetime import UTC, datetime

__all__ = ["Clock"]

FURTHEST = 1_000_000_000
"""So that no typing error carries the clock past the last year that a datetime knows."""


class Clock:
    """Tell the sandbox's time.

    Rate-limit windows, time stamps, calendars and signatures all read this clock, so a test that needs the next
    window or an expired link advances it and never sleeps.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        self._lock = threading.Lock()

    @property
    def ahead(self) -> float:
        """Return how far it was pushed forward, in seconds."""
        return self._offset

    def timestamp(self) -> float:
        """Return the seconds since the epoch."""
        return time.time() + self._offset

    def now(self) -> datetime:
        """Return the time as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def advance(self, seconds: float) -> None:
        """Push the clock forward.

        Safe from any thread. It cannot go back, since a window that was left is never entered again.

        Raises:
            ValueError: `seconds` is negative, not a number, or more than about thirty years.
        """
        if not 0 <= seconds <= FURTHEST:
            raise ValueError(f"a clock advances by 0 to {FURTHEST} seconds at once")
        with self._lock:
            self._offset += seconds
