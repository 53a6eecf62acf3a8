"""The rate limiter against simulated APIs: fixed and sliding windows, skewed clocks, lost headers, another client."""

import heapq
import os
import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from math import ceil, floor, inf
from typing import Any, NamedTuple

import pytest

from boooply.ratelimit.headers import ServerClock
from boooply.ratelimit.limiter import RateLimiter

SCHEDULES = int(os.environ.get("BOOOPLY_TEST_SCHEDULES", "1000"))

FORMS: dict[str, Callable[[float, float], str]] = {
    "epoch seconds": lambda end, _: str(ceil(end)),
    "epoch milliseconds": lambda end, _: str(ceil(end * 1000)),
    "seconds from now": lambda end, now: str(ceil(end - now)),
    "ISO time": lambda end, _: datetime.fromtimestamp(ceil(end), UTC).isoformat(),
}


class Server:
    """An API that counts calls in fixed or sliding windows, by a separate clock."""

    def __init__(self, rng: random.Random, *, limit: int, window: float) -> None:
        self.limit, self.window = limit, window
        self.sliding = rng.random() < 0.5
        self.skew = rng.choice([0.0, -7.3, 3600.4, rng.uniform(-100, 100)]) + 1.8e9
        self.form = rng.choice(list(FORMS.values()))
        self.lost_headers = rng.choice([0.0, 0.0, 0.3, 1.0])
        self.sends_retry_after = rng.random() < 0.5
        self.rng = rng
        self.changes: list[tuple[float, int, float]] = []  # times, and the limit and window from then on
        self.counted: deque[float] = deque()
        self.rate_limited: list[float] = []
        self.served: list[float] = []

    def serve(self, now: float) -> bool:
        """Serve or reject a call."""
        while self.changes and self.changes[0][0] <= now:
            _, self.limit, self.window = self.changes.pop(0)
        start = now - self.window if self.sliding else self.window_start(now)
        while self.counted and (self.counted[0] <= start if self.sliding else self.counted[0] < start):
            self.counted.popleft()
        if len(self.counted) >= self.limit:
            return False
        self.counted.append(now)
        self.served.append(now)
        return True

    def window_start(self, now: float) -> float:
        return floor((now + self.skew) / self.window) * self.window - self.skew

    def respond(self, now: float) -> tuple[bool, dict[str, str]]:
        is_served = self.serve(now)
        if not is_served:
            self.rate_limited.append(now)
        if self.sliding:
            end = self.counted[0] + self.window if self.counted else now + self.window
        else:
            end = self.window_start(now) + self.window
        headers = {}
        if self.rng.random() >= self.lost_headers:
            headers = {
                "Date": format_datetime(datetime.fromtimestamp(floor(now + self.skew), UTC), usegmt=True),
                "X-RateLimit-Limit": str(self.limit),
                "X-RateLimit-Remaining": str(self.limit - len(self.counted)),
                "X-RateLimit-Reset": self.form(end + self.skew, now + self.skew),
            }
        if not is_served and self.sends_retry_after:
            headers["Retry-After"] = str(ceil(end - now))
        return is_served, headers


class RateLimited(NamedTuple):
    """A call that the server rejected with a 429."""

    started: float
    arrived: float
    returned: float
    retry_after: float


class Run(NamedTuple):
    """When the calls of a run began, when the last one returned, which were rejected, and the longest idle time."""

    begun: float
    done: float
    rate_limited: list[RateLimited]
    idle: float  # seconds after the last time that the API had reported


def run(
    rng: random.Random,
    server: Server,
    *,
    calls: int,
    others: float = 0.0,
    latency: float = 0.4,
    configured: tuple[int, float] | None = None,
) -> Run:
    """Make calls, each way up to ``latency`` seconds long, while another client makes one about every ``others``.

    ``configured`` is the client's limit and window, by default the server's.
    """
    limiter, clock = RateLimiter(*configured or (server.limit, server.window)), ServerClock()
    begun = done = now = rng.uniform(0, server.window)
    left, rate_limited, idle = calls, list[RateLimited](), 0.0
    last_start, reports = -inf, list[tuple[float, float]]()  # when each report came, and the time that it named
    events: list[tuple[float, int, str, Any]] = []
    order = iter(range(10**9))

    def schedule(delay: float, kind: str, what: Any = None) -> None:
        heapq.heappush(events, (now + delay, next(order), kind, what))

    if others:
        schedule(rng.uniform(0, 1) * others, "other")
    while left or limiter.in_flight:
        limiter.advance(now)
        while left and limiter.delay() == 0:
            left -= 1
            last_start = now
            schedule(rng.uniform(0, latency), "arrives", limiter.start())
        wait = limiter.delay() if left else inf
        if not events or events[0][0] > now + wait:
            assert wait < inf, "no event will ever wake the waiters"
            now += max(wait, 1e-6)
            if not limiter.in_flight:
                named = (end for came, end in reports if came >= last_start)
                idle = max(idle, now - max(named, default=last_start))
            continue
        now, _, kind, what = heapq.heappop(events)
        if kind == "other":
            server.serve(now)
            schedule(rng.uniform(0.2, 1.8) * others, "other")
        elif kind == "arrives":
            response = (what, now, *server.respond(now))
            schedule(rng.uniform(0, latency), "returns", response)
        else:
            started, arrived, is_served, raw = what
            headers = clock.read(raw, sent=started, received=now)
            limiter.advance(now)
            limiter.finish(headers, started=started, rate_limited=not is_served)
            reports.append((now, now + max(headers.resets_in or 0.0, headers.retry_after or 0.0)))
            if is_served:
                done = now
            else:
                left += 1
                rate_limited.append(RateLimited(started, arrived, now, float(raw.get("Retry-After", 0))))
    return Run(begun, done, rate_limited, idle)


@pytest.mark.parametrize("part", range(4))
def test_no_call_is_rejected_while_no_one_else_uses_the_key(part: int) -> None:
    for seed in range(part, SCHEDULES, 4):
        rng = random.Random(seed)
        server = Server(rng, limit=rng.choice([1, 2, 5, 10, 100]), window=rng.choice([1.0, 5.0, 60.0]))

        run(rng, server, calls=min(250, 3 * server.limit))

        assert server.rate_limited == [], f"seed {seed}"


@pytest.mark.parametrize("part", range(2))
def test_while_another_client_uses_the_key_each_window_rejects_one_call_and_those_in_flight(part: int) -> None:
    total = 0
    for seed in range(part, SCHEDULES, 2):
        rng = random.Random(seed)
        server = Server(rng, limit=rng.choice([2, 5, 10]), window=rng.choice([5.0, 60.0]))
        # a sliding window without Retry-After names no reliable end
        server.sliding = server.sliding and server.sends_retry_after

        others = server.window / server.limit * rng.choice([1.5, 3])
        rejected = run(rng, server, calls=2 * server.limit, others=others).rate_limited

        for one in rejected:
            end = one.returned + one.retry_after if server.sliding else server.window_start(one.arrived) + server.window
            again = [other for other in rejected if one.returned < other.started and other.arrived < end]
            assert not again, f"seed {seed}: {one} was rejected, and then {again}"
        total += len(rejected)
    assert total > SCHEDULES / 10  # the search does find rejected calls


@pytest.mark.parametrize("window", [2.0, 60.0])
def test_the_whole_limit_is_used_at_once_and_as_soon_as_a_window_begins(window: float) -> None:
    for seed in range(200):
        rng = random.Random(seed)
        server = Server(rng, limit=10, window=window)
        server.sliding, server.lost_headers = False, 0.0

        begun, done, *_ = run(rng, server, calls=40, latency=0.005)

        # a window serves ten; a burst at the end of the first may have reached the server partly in the next one
        first = server.window_start(begun)
        in_first = sum(1 for moment in server.served if server.window_start(moment) == first)
        shortest = first + ceil((40 - in_first) / 10) * window
        assert 0 <= done - shortest <= 1.1, f"seed {seed}"
        assert server.rate_limited == []


@pytest.mark.parametrize("part", range(8))
def test_no_call_waits_for_longer_than_the_api_reported_whatever_its_limit_and_window_become(part: int) -> None:
    for seed in range(part, SCHEDULES, 8):
        rng = random.Random(seed)
        window = rng.choice([1.0, 5.0, 60.0])

        def limit_and_window(rng: random.Random = rng, window: float = window) -> tuple[int, float]:
            return rng.choice([1, 2, 5, 20, 100]), rng.choice([1.0, 2.0, 7.5, window / 2, 2 * window, 9 * window])

        limit, its_window = limit_and_window()
        server = Server(rng, limit=limit, window=its_window)
        server.lost_headers = 0.0
        times = sorted(rng.uniform(0, 6 * its_window) for _ in range(4))

        server.changes = [(when, *limit_and_window()) for when in times]

        idle = run(rng, server, calls=100, configured=(rng.choice([1, 5, 20, 100]), window)).idle

        assert idle <= 1.0, f"seed {seed}"


@pytest.mark.parametrize("part", range(2))
def test_in_a_window_longer_than_configured_no_call_is_rejected_after_the_first_report(part: int) -> None:
    for seed in range(part, SCHEDULES, 2):
        rng = random.Random(seed)
        server = Server(rng, limit=rng.choice([1, 2, 5, 10, 100]), window=rng.choice([1.5, 5.0, 60.0]))
        server.lost_headers = 0.0
        configured = (rng.randint(1, server.limit), server.window / rng.uniform(1, 5))

        run(rng, server, calls=min(250, 3 * server.limit), configured=configured)

        assert server.rate_limited == [], f"seed {seed}"
