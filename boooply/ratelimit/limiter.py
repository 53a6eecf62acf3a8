"""The rate limiter: whether one more call may start now, and if not, when to ask again.

Two things are known about the API's limit:

- the **server's window**, from the headers: how many calls remain, and when it ends. Until then it alone counts.
- our own **log**. A call counts from its start until a window after its response, since it reached the API somewhere in
  between. Keeping that count under the limit is safe under fixed and sliding windows alike, whatever the clocks say.

Once the server's window has ended and the log is full, a single call goes ahead (the probe) and brings the next window.
"""

from math import ceil, inf
from typing import Final

from boooply.protocol.header_values import LONGEST_WAIT
from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.state import LimiterState, ServerWindow
from boooply.ratelimit.status import RateLimitStatus

_MOST_WINDOWS: Final = 10  # that the API's window may be as long as; a longer one counts as malformed
_ROUNDING: Final = 1.0  # seconds by which the API may round the end of a window up


class RateLimiter:
    """The rate limiter of one key and one class of calls; times are in seconds by any steady clock.

    Call ``advance`` first: all else applies to that moment. The queries, from ``budget`` to ``status``, change nothing.
    """

    def __init__(self, limit: int, window: float, state: LimiterState | None = None) -> None:
        self._configured_window = window
        self.state: LimiterState = LimiterState(limit) if state is None else state

    @property
    def window(self) -> float:
        """The window in seconds: as configured, or longer if the API has reported that it is."""
        return max(self._configured_window, self.state.longest_window)

    def copy(self) -> "RateLimiter":
        """Return a copy, which changes independently of this one."""
        return RateLimiter(self.state.limit, self._configured_window, self.state.copy())

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
            return max(0, by_log)
        left = self._left(window)
        if state.now < window.ends:
            return max(0, left)
        may_probe = left >= 0 and self.in_flight == 0
        return max(by_log, int(may_probe))

    def delay(self) -> float:
        """Return in how many seconds to ask again: 0 to start now, infinity if that is up to a call in flight."""
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
        """Whether forgetting this limiter lets no call start earlier: none counts any more, and none is blocked."""
        state, window = self.state, self.state.server_window
        has_ended = window is None or state.now >= window.ends
        return not state.in_flight and not state.finished and has_ended and state.now >= state.blocked_until

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
        """Set the time, and forget the calls that no longer count."""
        self.state.now, window = now, self.window
        for log in (self.state.finished, self.state.uncounted):
            while log and log[0] + window <= now:
                log.popleft()

    def expire_stale(self) -> None:
        """Forget calls in flight for longer than a window: the process that made them has died."""
        state = self.state
        state.in_flight = [started for started in state.in_flight if started + self.window > state.now]

    def start(self) -> float:
        """Record that a call starts, for which there must be budget, and return when."""
        self.state.in_flight.append(self.state.now)
        return self.state.now

    def release(self, *, started: float) -> None:
        """Record that a call which started then did not reach the API after all."""
        if started in self.state.in_flight:  # it may have expired
            self.state.in_flight.remove(started)

    def finish(self, headers: RateLimitHeaders | None, *, started: float, rate_limited: bool = False) -> None:
        """Record the end of a call which started then: with a response's headers, or None if no response came.

        ``rate_limited`` says that the response is a 429.
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
        """Let nothing start until the time that a 429 names, or for a window."""
        state = self.state
        named = self._plausible(headers.resets_in) if headers.retry_after is None else headers.retry_after
        wait = self.window if named is None else min(named, LONGEST_WAIT)
        state.blocked_until = max(state.blocked_until, state.now + wait)
        state.server_window = None
        state.is_recovering = True

    def _left(self, window: ServerWindow) -> int:
        """Return how many more calls a window allows."""
        uncounted = sum(ended > window.started for ended in self.state.uncounted)
        return window.remaining - uncounted - self.in_flight

    def _report(self, headers: RateLimitHeaders | None, started: float) -> ServerWindow | None:
        state = self.state
        resets_in = None if headers is None else self._plausible(headers.resets_in)
        if headers is None or headers.remaining is None or resets_in is None:
            return None
        # the API named the end before the response was on its way
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
        # a reset in the past, or further away than a window can be, is malformed
        longest = _MOST_WINDOWS * self._configured_window + _ROUNDING
        return resets_in if resets_in is not None and 0 < resets_in <= longest else None
