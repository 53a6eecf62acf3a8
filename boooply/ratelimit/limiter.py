"""The rate limiter: whether one more call may start now, and if not, when to ask again.

Two things are known about the API's limit:

- our own **log**. A call counts from its start until a window after its response, since it reached the API somewhere in
  between. Keeping that count under the limit is safe under fixed and sliding windows alike, whatever the clocks say.
- the **server's window**, from the headers: how many calls remain, and when it ends. It is better than the log when a
  fixed window ends, which frees all of it at once, and worse when somebody else uses the same key.

Once the server's window has ended and the log is full, a single call goes ahead (the probe) and brings the next window.
"""

from itertools import takewhile
from math import ceil, inf
from typing import Final

import attrs

from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.state import LimiterState, ServerWindow
from boooply.ratelimit.status import RateLimitStatus

_LONGEST_WAIT: Final = 3600.0  # seconds; a longer Retry-After counts as malformed
_ROUNDING: Final = 1.0  # seconds by which the API may round the end of a window up


class RateLimiter:
    """The rate limiter of one key and one class of calls; times are in seconds by any steady clock.

    Call ``advance`` first: all else applies to that moment. The queries, from ``budget`` to ``status``, change nothing.
    """

    def __init__(self, limit: int, window: float, state: LimiterState | None = None) -> None:
        self.window: float = window
        self.state: LimiterState = LimiterState(limit) if state is None else state

    def copy(self) -> "RateLimiter":
        """Return a copy, which changes independently of this one."""
        return RateLimiter(self.state.limit, self.window, self.state.copy())

    @property
    def in_flight(self) -> int:
        """How many calls have started and not ended."""
        return len(self.state.in_flight)

    def budget(self) -> int:
        """Return how many calls may start now."""
        state, window = self.state, self.state.server_window
        if state.now < state.blocked_until:
            return 0
        if state.is_recovering:
            return int(self.in_flight == 0)
        by_log = state.limit - self.in_flight - len(state.finished)
        if window is None:
            return max(by_log, int(state.may_probe and self.in_flight == 0), 0)
        by_window = window.left(self.in_flight)
        return max(by_window, by_log if window.is_ours_alone else 0, 0)

    def delay(self) -> float:
        """Return in how many seconds to ask again: 0 to start now, infinity if that is up to a call in flight."""
        state, window = self.state, self.state.server_window
        if self.budget() > 0:
            return 0.0
        if state.now < state.blocked_until:
            return state.blocked_until - state.now
        if state.is_recovering:
            return inf
        changes = [] if window is None else [window.ends]
        if state.finished and (window is None or window.is_ours_alone):
            changes.append(state.finished[0] + self.window)
        return max(0.0, min(changes, default=inf) - state.now)

    def min_wait(self, ahead: int) -> float:
        """Return the seconds that a caller with ``ahead`` others before it must wait; it may be longer."""
        delay = self.delay()
        return 0.0 if ahead < self.budget() or delay == inf else delay

    def wait(self, ahead: int) -> float:
        """Estimate the seconds that a caller with ``ahead`` others before it waits.

        The first window ends when it is known to; those after it are taken to be as long as the program set.
        """
        windows = ceil((ahead + 1 - self.budget()) / self.state.limit)
        return self.min_wait(ahead) + max(0, windows - 1) * self.window

    def status(self, waiting: int) -> RateLimitStatus:
        """Return the status while so many callers wait."""
        return RateLimitStatus(
            limit=self.state.limit,
            remaining=self.budget(),
            waiting=waiting,
            seconds_to_end=self.wait(waiting - 1) if waiting else 0.0,
        )

    def advance(self, now: float) -> None:
        """Set the time: forget the calls that no longer count, and the server's window once it has ended."""
        state, window = self.state, self.state.server_window
        state.now = now
        while state.finished and state.finished[0] + self.window <= now:
            state.finished.popleft()
        if window is not None and window.ends <= now:
            # The log may have given the next window's places away already.
            state.may_probe = not window.is_overdrawn and window.left(self.in_flight) >= 0
            state.server_window = None

    def expire_stale(self) -> None:
        """Forget calls in flight for longer than a window: the process that made them has died."""
        state = self.state
        state.in_flight = [started for started in state.in_flight if started + self.window > state.now]

    def start(self) -> float:
        """Record that a call starts, for which there must be budget, and return when."""
        state, window = self.state, self.state.server_window
        if window is None:
            state.probe = state.now if state.may_probe else None
            state.may_probe = False
        elif window.left(self.in_flight) <= 0:
            state.server_window = attrs.evolve(window, is_overdrawn=True)
        state.in_flight.append(state.now)
        return state.now

    def release(self, *, started: float) -> None:
        """Record that a call which started then did not reach the API after all."""
        state = self.state
        self._end(started)
        if started == state.probe and state.server_window is None:
            state.may_probe = True

    def finish(self, headers: RateLimitHeaders | None, *, started: float, rate_limited: bool = False) -> None:
        """Record the end of a call which started then: with a response's headers, or None if no response came.

        ``rate_limited`` says that the response is a 429.
        """
        state = self.state
        self._end(started)
        if rate_limited:
            self._block(headers or RateLimitHeaders())
            return
        if headers is not None:
            state.is_recovering = False
        self._observe(headers or RateLimitHeaders(), started)
        state.finished.append(state.now)

    def _end(self, started: float) -> None:
        if started in self.state.in_flight:  # it may have expired
            self.state.in_flight.remove(started)

    def _block(self, headers: RateLimitHeaders) -> None:
        """Let nothing start until the time that a 429 names, or for a window."""
        state = self.state
        named = self._plausible(headers.resets_in) if headers.retry_after is None else headers.retry_after
        wait = self.window if named is None else min(named, _LONGEST_WAIT)
        state.blocked_until = max(state.blocked_until, state.now + wait)
        state.server_window = None
        state.is_recovering = True

    def _observe(self, headers: RateLimitHeaders, started: float) -> None:
        """Take in the headers of a call that has just ended and is not in the log yet."""
        state, window = self.state, self.state.server_window
        if headers.limit is not None:
            state.limit = headers.limit
        report = self._report(headers, started)
        if report is not None:
            state.server_window = report if window is None else window.merge(report, started=started)
        elif window is not None:
            state.server_window = attrs.evolve(window, uncounted=(*window.uncounted, state.now))

    def _report(self, headers: RateLimitHeaders, started: float) -> ServerWindow | None:
        state, resets_in = self.state, self._plausible(headers.resets_in)
        if headers.remaining is None or resets_in is None:
            return None
        ours = self.in_flight + len(state.finished) + 1
        return ServerWindow(
            resets_at=headers.resets_at,
            ends=state.now + resets_in,
            remaining=headers.remaining,
            is_ours_alone=headers.remaining >= state.limit - ours,
            # those that ended while this one was in flight
            uncounted=tuple(takewhile(lambda ended: ended > started, reversed(state.finished))),
        )

    def _plausible(self, resets_in: float | None) -> float | None:
        # a reset in the past, or further away than a window can be, is malformed
        return resets_in if resets_in is not None and 0 < resets_in <= 2 * self.window + _ROUNDING else None
