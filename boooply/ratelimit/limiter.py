"""The rate limiter: whether a call may start now, and otherwise when to ask again.

It uses two sources:

- The **server's window**, from the headers: how many calls remain, and when the window ends. Until then, only the
  window counts.
- Our own **log**. A call counts from its start until one window after its response, because it reached the API at some
  time in between. If this count stays under the limit, it is safe for fixed and sliding windows, and for any clocks.

When the server's window has ended and the log is full, a single call (the probe) may start. Its response reports the
next window.
"""

from math import ceil, inf
from typing import Final

from boooply.protocol.header_values import LONGEST_WAIT
from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.state import LimiterState, ServerWindow
from boooply.ratelimit.status import RateLimitStatus

_MOST_WINDOWS: Final = 10  # a reported window that is longer than this many configured ones is malformed
_ROUNDING: Final = 1.0  # the most by which the API may round up the end of a window, in seconds


class RateLimiter:
    """The rate limiter of one key and one class of calls. Times are in seconds, by any steady clock.

    Call ``advance`` first: all other methods refer to that time. The queries, from ``budget`` to ``status``, change
    nothing.
    """

    def __init__(self, limit: int, window: float, state: LimiterState | None = None) -> None:
        self._configured_window = window
        self.state: LimiterState = LimiterState(limit) if state is None else state

    @property
    def window(self) -> float:
        """The window in seconds: the configured window, or a longer one that the API has reported."""
        return max(self._configured_window, self.state.longest_window)

    def copy(self) -> "RateLimiter":
        """Return an independent copy."""
        return RateLimiter(self.state.limit, self._configured_window, self.state.copy())

    @property
    def in_flight(self) -> int:
        """The number of calls that have started and not ended."""
        return len(self.state.in_flight)

    def budget(self) -> int:
        """Return the number of calls that may start now."""
        state, window = self.state, self.state.server_window
        if state.now < state.blocked_until:
            return 0
        if state.is_recovering:
            return int(self.in_flight == 0)
        by_log = state.limit - self.in_flight - len(state.finished)
        if window is None:
            return max(0, by_log)
        left = self._left(window)
        if state.now < window.ends:
            return max(0, left)
        may_probe = left >= 0 and self.in_flight == 0
        return max(by_log, int(may_probe))

    def delay(self) -> float:
        """Return the seconds until the next query: 0 to start now, infinity if a call in flight must end first."""
        state, window = self.state, self.state.server_window
        if self.budget() > 0:
            return 0.0
        if state.now < state.blocked_until:
            return state.blocked_until - state.now
        if state.is_recovering:
            return inf
        if window is not None and state.now < window.ends:
            return window.ends - state.now
        return max(0.0, state.finished[0] + self.window - state.now) if state.finished else inf

    @property
    def is_idle(self) -> bool:
        """Whether this limiter can be dropped, because no call counts against the limit and none is blocked."""
        state, window = self.state, self.state.server_window
        has_ended = window is None or state.now >= window.ends
        return not state.in_flight and not state.finished and has_ended and state.now >= state.blocked_until

    def min_wait(self, ahead: int) -> float:
        """Return the shortest wait of a caller with ``ahead`` others before it, in seconds."""
        delay = self.delay()
        return 0.0 if ahead < self.budget() or delay == inf else delay

    def wait(self, ahead: int) -> float:
        """Estimate the wait of a caller with ``ahead`` others before it, in seconds.

        The end of the current window is known. Each later window is assumed to have the length of ``window``.
        """
        windows = ceil((ahead + 1 - self.budget()) / self.state.limit)
        return self.min_wait(ahead) + max(0, windows - 1) * self.window

    def status(self, waiting: int) -> RateLimitStatus:
        """Return the status, given the number of callers that wait."""
        return RateLimitStatus(
            limit=self.state.limit,
            remaining=self.budget(),
            waiting=waiting,
            seconds_to_end=self.wait(waiting - 1) if waiting else 0.0,
        )

    def advance(self, now: float) -> None:
        """Set the time, and drop the calls that no longer count."""
        self.state.now, window = now, self.window
        for log in (self.state.finished, self.state.uncounted):
            while log and log[0] + window <= now:
                log.popleft()

    def expire_stale(self) -> None:
        """Drop calls that have been in flight for longer than a window, because their process must have died."""
        state = self.state
        state.in_flight = [started for started in state.in_flight if started + self.window > state.now]

    def start(self) -> float:
        """Record the start of a call, and return its time. There must be budget for it."""
        self.state.in_flight.append(self.state.now)
        return self.state.now

    def release(self, *, started: float) -> None:
        """Record that the call that started at ``started`` did not reach the API."""
        if started in self.state.in_flight:  # the call may have expired
            self.state.in_flight.remove(started)

    def finish(self, headers: RateLimitHeaders | None, *, started: float, rate_limited: bool = False) -> None:
        """Record the end of a call.

        Args:
            headers: The headers of the response, or None if no response arrived.
            started: The time at which the call started.
            rate_limited: Whether the response is a 429.
        """
        state = self.state
        self.release(started=started)
        if rate_limited:
            self._block(headers or RateLimitHeaders())
            return
        if headers is not None:
            state.is_recovering = False
            state.limit = headers.limit or state.limit
        report = self._report(headers, started)
        if report is None:
            state.uncounted.append(state.now)
        else:
            state.server_window = report if state.server_window is None else state.server_window.merge(report)
        state.finished.append(state.now)

    def _block(self, headers: RateLimitHeaders) -> None:
        """Block all calls until the time that a 429 names, or for one window."""
        state = self.state
        named = self._plausible(headers.resets_in) if headers.retry_after is None else headers.retry_after
        wait = self.window if named is None else min(named, LONGEST_WAIT)
        state.blocked_until = max(state.blocked_until, state.now + wait)
        state.server_window = None
        state.is_recovering = True

    def _left(self, window: ServerWindow) -> int:
        """Return the number of calls that a window still allows."""
        uncounted = sum(ended > window.started for ended in self.state.uncounted)
        return window.remaining - uncounted - self.in_flight

    def _report(self, headers: RateLimitHeaders | None, started: float) -> ServerWindow | None:
        state = self.state
        resets_in = None if headers is None else self._plausible(headers.resets_in)
        if headers is None or headers.remaining is None or resets_in is None:
            return None
        # the API determined the end before it sent the response
        state.longest_window = max(state.longest_window, state.now + resets_in - started)
        return ServerWindow(
            resets_at=headers.resets_at,
            ends=state.now + resets_in,
            ends_after=started + resets_in - _ROUNDING,
            remaining=headers.remaining,
            started=started,
            reported=state.now,
        )

    def _plausible(self, resets_in: float | None) -> float | None:
        # a reset in the past, or further ahead than a window can be, is malformed
        longest = _MOST_WINDOWS * self._configured_window + _ROUNDING
        return resets_in if resets_in is not None and 0 < resets_in <= longest else None
