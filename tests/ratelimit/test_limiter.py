"""The governor against simulated servers: fixed and sliding windows, skewed clocks, lost headers, another client."""

import heapq
import json
import os
import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from math import ceil, floor, inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply.errors import ConfigurationError
from boooply.ratelimit.headers import RateLimitHeaders, clock_ahead, read_headers
from boooply.ratelimit.limiter import RateLimiter, RateLimits

SCHEDULES = int(os.environ.get("BOOOPLY_TEST_SCHEDULES", "1000"))

FORMS: dict[str, Callable[[float, float], str]] = {
    "epoch seconds": lambda end, _: str(ceil(end)),
    "epoch milliseconds": lambda end, _: str(ceil(end * 1000)),
    "seconds from now": lambda end, now: str(ceil(end - now)),
    "ISO time": lambda end, _: datetime.fromtimestamp(ceil(end), UTC).isoformat(),
}


class Server:
    """Count calls as a server would, by a clock of its own."""

    def __init__(self, rng: random.Random, *, limit: int, window: float) -> None:
        self.limit, self.window = limit, window
        self.sliding = rng.random() < 0.5
        self.skew = rng.choice([0.0, -7.3, 3600.4, rng.uniform(-100, 100)]) + 1.8e9
        self.form = rng.choice(list(FORMS.values()))
        self.loses = rng.choice([0.0, 0.0, 0.3, 1.0])
        self.tells_retry_after = rng.random() < 0.5
        self.rng = rng
        self.arrivals: deque[float] = deque()
        self.refusals: list[float] = []
        self.served: list[float] = []

    def take(self, now: float) -> bool:
        """Serve or refuse one call, whoever made it."""
        start = now - self.window if self.sliding else self.window_start(now)
        while self.arrivals and (self.arrivals[0] <= start if self.sliding else self.arrivals[0] < start):
            self.arrivals.popleft()
        if len(self.arrivals) >= self.limit:
            return False
        self.arrivals.append(now)
        self.served.append(now)
        return True

    def window_start(self, now: float) -> float:
        return floor((now + self.skew) / self.window) * self.window - self.skew

    def answer(self, now: float) -> tuple[bool, dict[str, str]]:
        served = self.take(now)
        if not served:
            self.refusals.append(now)
        if self.sliding:
            end = self.arrivals[0] + self.window if self.arrivals else now + self.window
        else:
            end = self.window_start(now) + self.window
        headers = {}
        if self.rng.random() >= self.loses:
            headers = {
                "Date": format_datetime(datetime.fromtimestamp(floor(now + self.skew), UTC), usegmt=True),
                "X-RateLimit-Limit": str(self.limit),
                "X-RateLimit-Remaining": str(self.limit - len(self.arrivals)),
                "X-RateLimit-Reset": self.form(end + self.skew, now + self.skew),
            }
        if not served and self.tells_retry_after:
            headers["Retry-After"] = str(ceil(end - now))
        return served, headers


def play(
    rng: random.Random,
    server: Server,
    *,
    calls: int,
    others: float = 0.0,
    latency: float = 0.4,
    told: list[tuple[float, float, float, float]] | None = None,
) -> tuple[float, float]:
    """Let callers through a governor, each way up to ``latency``; give when they began and when all had ended."""
    governor = RateLimiter(server.limit, server.window)
    now = rng.uniform(0, server.window)
    begun = now
    left, done = calls, now
    events: list[tuple[float, int, str, Any]] = []
    order = iter(range(10**9))
    if others:
        heapq.heappush(events, (now + rng.uniform(0, 1) * others, next(order), "other", None))
    while left or any(kind != "other" for _, _, kind, _ in events):
        while left and governor.delay(now) == 0:
            governor.start(now)
            left -= 1
            heapq.heappush(events, (now + rng.uniform(0, latency), next(order), "arrives", now))
        wait = governor.delay(now) if left else inf
        if not events or events[0][0] > now + wait:
            assert wait < inf, "nobody will ever wake the waiters"
            now += max(wait, 1e-6)
            continue
        now, _, kind, what = heapq.heappop(events)
        if kind == "other":
            server.take(now)
            heapq.heappush(events, (now + rng.uniform(0.2, 1.8) * others, next(order), "other", None))
        elif kind == "arrives":
            answered = (what, now, *server.answer(now))
            heapq.heappush(events, (now + rng.uniform(0, latency), next(order), "returns", answered))
        else:
            started, arrived, served, headers = what
            governor.finish(now, read_headers(headers), started=started, refused=not served)
            left += not served
            if told is not None and not served:
                told.append((started, arrived, now, float(headers.get("Retry-After", 0))))
            done = now if served else done
    return begun, done


@pytest.mark.parametrize("part", range(4))
def test_alone_nothing_is_ever_refused(part: int) -> None:
    for seed in range(part, SCHEDULES, 4):
        rng = random.Random(seed)
        server = Server(rng, limit=rng.choice([1, 2, 5, 10, 100]), window=rng.choice([1.0, 5.0, 60.0]))

        play(rng, server, calls=min(250, 3 * server.limit))

        assert server.refusals == [], f"seed {seed}"


@pytest.mark.parametrize("part", range(2))
def test_where_another_client_eats_a_window_refuses_one_call_and_those_in_flight(part: int) -> None:
    refused = 0
    for seed in range(part, SCHEDULES, 2):
        rng = random.Random(seed)
        server = Server(rng, limit=rng.choice([2, 5, 10]), window=rng.choice([5.0, 60.0]))
        server.sliding = server.sliding and server.tells_retry_after  # a sliding window has no end but the one it names
        ours: list[tuple[float, float, float, float]] = []

        play(rng, server, calls=2 * server.limit, others=server.window / server.limit * rng.choice([1.5, 3]), told=ours)

        for started, arrived, returned, named in ours:
            end = returned + named if server.sliding else server.window_start(arrived) + server.window
            again = [other for other, there, *_ in ours if returned < other and there < end]
            assert not again, f"seed {seed}: refused at {started:.2f}, and again what started at {again}"
        refused += len(ours)
    assert refused > SCHEDULES / 10  # the search does come upon refusals


@pytest.mark.parametrize("window", [2.0, 60.0])
def test_the_whole_allowance_is_used_at_once_and_as_soon_as_it_is_there(window: float) -> None:
    for seed in range(200):
        rng = random.Random(seed)
        server = Server(rng, limit=10, window=window)
        server.sliding, server.loses = False, 0.0

        begun, done = play(rng, server, calls=40, latency=0.005)

        # a window serves ten; a burst at the end of the first may have reached the server partly in the next one
        first = server.window_start(begun)
        in_first = sum(1 for moment in server.served if server.window_start(moment) == first)
        shortest = first + ceil((40 - in_first) / 10) * window
        assert 0 <= done - shortest <= 1.1, f"seed {seed}"
        assert server.refusals == []


DATE = 1900000000.0  # 17 March 2030, 17:46:40


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, RateLimitHeaders()),
        ({"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "3"}, RateLimitHeaders(limit=10, remaining=3)),
        ({"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "-3"}, RateLimitHeaders()),
        ({"X-RateLimit-Limit": "ten", "X-RateLimit-Remaining": "٣"}, RateLimitHeaders()),
        ({"X-RateLimit-Reset": "30"}, RateLimitHeaders(resets_in=30.0)),
        ({"X-RateLimit-Reset": "1900000000"}, RateLimitHeaders()),
        (
            {"X-RateLimit-Reset": "1900000030", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(date=DATE, window=1900000030.0, resets_in=30.0),
        ),
        (
            {"X-RateLimit-Reset": "1900000030500", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(date=DATE, window=1900000030.5, resets_in=30.5),
        ),
        (
            {"X-RateLimit-Reset": "2030-03-17T17:47:10Z", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(date=DATE, window=1900000030.0, resets_in=30.0),
        ),
        ({"X-RateLimit-Reset": "soon", "Date": "yesterday"}, RateLimitHeaders()),
        ({"Retry-After": "7"}, RateLimitHeaders(retry_after=7.0)),
        (
            {"Retry-After": "Sun, 17 Mar 2030 17:46:47 GMT", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(date=DATE, retry_after=7.0),
        ),
        (
            {"X-RateLimit-Reset": "2030-03-17T19:47:10+02:00", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(date=DATE, window=1900000030.0, resets_in=30.0),
        ),
        (
            {"X-RateLimit-Reset": "2030-03-17T17:47:10", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(date=DATE, window=1900000030.0, resets_in=30.0),
        ),
        (
            {"Retry-After": "Sun, 17 Mar 2030 17:46:40 GMT", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(date=DATE, retry_after=0.0),
        ),
        ({"Retry-After": "Sun, 17 Mar 2030 17:46:47 GMT"}, RateLimitHeaders()),
        ({"Retry-After": "-7"}, RateLimitHeaders()),
        ({"Retry-After": "nan"}, RateLimitHeaders()),
    ],
)
def test_what_headers_tell(headers: dict[str, str], told: RateLimitHeaders) -> None:
    assert read_headers(headers) == told


def test_a_refusal_stops_everything_until_the_moment_it_names() -> None:
    governor = RateLimiter(10, 60)
    governor.start(0)
    governor.start(0)
    governor.finish(1, RateLimitHeaders(retry_after=5), started=0, refused=True)

    assert governor.delay(1) == 5
    assert governor.delay(6) == inf  # the other one is still under way
    governor.finish(6, RateLimitHeaders(), started=0)
    assert governor.delay(6) == 0


def test_without_a_moment_a_refusal_stops_everything_for_a_window() -> None:
    governor = RateLimiter(10, 60)
    governor.start(0)
    governor.finish(1, None, started=0, refused=True)

    assert governor.delay(1) == 60


@pytest.mark.parametrize("resets_in", [-5, 0, 1000])
def test_a_reset_that_cannot_be_is_not_believed(resets_in: float) -> None:
    governor = RateLimiter(1, 60)
    governor.start(0)
    governor.finish(1, RateLimitHeaders(remaining=0, resets_in=resets_in), started=0)

    assert governor.delay(1) == 60


def test_a_place_that_is_given_back_is_free_again() -> None:
    governor = RateLimiter(1, 60)
    governor.start(0)
    assert governor.delay(0) == inf
    governor.release(0)

    assert governor.delay(0) == 0


def test_one_that_went_ahead_and_was_given_back_lets_another_one_go_ahead() -> None:
    governor = RateLimiter(1, 60)
    governor.start(0)
    governor.finish(0, RateLimitHeaders(remaining=0, resets_in=1), started=0)
    assert governor.delay(1) == 0  # the API's window is over, though ours is not
    governor.start(1)
    governor.release(1)

    assert governor.delay(1) == 0


def test_a_position_taken_early_by_our_own_count_is_not_freed_again_when_the_server_window_ends() -> None:
    """A server may count in sliding windows and yet report the ends of fixed ones."""
    limiter = RateLimiter(1, 60)
    limiter.start(0)
    limiter.finish(0, RateLimitHeaders(limit=1, remaining=0, resets_in=100), started=0)
    assert limiter.delay(60) == 0  # our own window has ended, the server's has not
    limiter.start(60)
    limiter.finish(60, RateLimitHeaders(limit=1, remaining=0, resets_in=40), started=60)

    assert limiter.delay(100) == 20  # until a window after the second call


@pytest.mark.parametrize(("ahead", "seconds"), [(0, 0), (9, 0), (10, 0), (19, 0), (20, 60), (39, 120)])
def test_how_long_the_line_takes(ahead: int, seconds: float) -> None:
    assert RateLimiter(10, 60).wait(0, ahead) == seconds


def test_where_an_allowance_stands() -> None:
    governor = RateLimiter(10, 60)
    for _ in range(10):
        governor.start(0)
        governor.finish(0, None, started=0)

    allowance = governor.allowance(10, waiting=25)

    assert (allowance.limit, allowance.remaining, allowance.waiting) == (10, 0, 25)
    assert allowance.seconds_to_end == 50 + 2 * 60


@pytest.mark.parametrize("change", [{"reads": 0}, {"writes": -1}, {"ai": True}, {"window": 0}, {"reads": 1.5}])
def test_limits_that_cannot_be(change) -> None:
    with pytest.raises(ConfigurationError, match="has to be above zero"):
        RateLimits(**change)


header_values = st.text() | st.integers().map(str) | st.floats().map(str) | st.datetimes().map(str)


@given(
    headers=st.dictionaries(
        st.sampled_from(["Date", "Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]),
        header_values,
    )
)
def test_any_headers_are_read_and_any_governor_bears_them(headers: dict[str, str]) -> None:
    told = read_headers(headers)
    governor = RateLimiter(10, 60)
    governor.start(0)
    governor.finish(1, told, started=0)
    governor.start(1)
    governor.finish(2, told, started=1, refused=True)

    assert governor.delay(2) >= 0
    assert governor.wait(2, 100) >= 0


@pytest.mark.parametrize(
    ("known", "date", "sent", "received", "ahead"),
    [
        (None, 100.0, 90.0, 90.2, 9.8),
        (9.8, 101.0, 91.0, 91.1, 9.9),  # nearer
        (9.9, 102.0, 92.5, 92.6, 9.9),  # cut off by more
        (9.9, 110.0, 95.0, 105.0, 9.9),  # long on its way
        (9.0, 100.0, 92.0, 92.05, 9.0),  # at the bound
        (9.5, 100.0, 92.0, 92.05, 7.95),  # beyond it
        (9.9, 50.0, 110.0, 110.1, -60.1),  # a clock was set back
        (9.9, 200.0, 111.0, 111.1, 88.9),  # or forward
    ],
)
def test_the_apis_clock_is_known_by_the_answer_that_shows_it_furthest_ahead(known, date, sent, received, ahead) -> None:
    assert clock_ahead(known, date, sent=sent, received=received) == pytest.approx(ahead)


def a_governor_that_knows_much() -> RateLimiter:
    governor = RateLimiter(10, 60.0)
    for started in (0.0, 1.0, 2.0):
        governor.start(started)
    told = RateLimitHeaders(limit=10, remaining=4, window=100.0, resets_in=50.0)
    governor.finish(3.0, told, started=0.0)
    governor.finish(4.0, None, started=1.0)
    return governor


def test_what_is_written_reads_back_as_it_was() -> None:
    governor = a_governor_that_knows_much()
    written = json.loads(json.dumps(governor.written()))
    again = RateLimiter.read(written, 99, 60.0)

    assert json.loads(json.dumps(again.written())) == written
    assert again.limit == 10  # the one that the API told
    for now in (4.0, 54.0, 64.0, 200.0):
        assert (again.budget(now), again.delay(now)) == (governor.budget(now), governor.delay(now))
    again.finish(201.0, None, started=2.0)
    assert not again.is_awaited


def test_who_knows_nothing_begins_with_what_is_given() -> None:
    fresh = RateLimiter.read({}, 7, 30.0)
    assert (fresh.limit, fresh.window, fresh.budget(0.0), fresh.is_awaited) == (7, 30.0, 7, False)


def test_a_call_under_way_for_longer_than_a_window_is_given_up_for_lost() -> None:
    governor = RateLimiter(2, 60.0)
    governor.start(0.0)
    governor.start(30.0)
    governor.lose(59.9)
    assert governor.budget(59.9) == 0
    governor.lose(60.0)
    assert governor.budget(60.0) == 1
    governor.finish(61.0, None, started=0.0)  # it comes after all
    assert governor.budget(61.0) == 0


@pytest.mark.parametrize(("remaining", "budget"), [(9, 10), (8, 8), (5, 5)])
def test_only_who_is_alone_with_a_key_goes_by_its_own_log_too(remaining: int, budget: int) -> None:
    governor = RateLimiter(10, 60.0)
    governor.start(0.0)
    governor.finish(0.0, RateLimitHeaders(limit=10, remaining=remaining, resets_in=100.0), started=0.0)

    assert governor.budget(70.0) == budget  # its own call is a window ago, and the API's window has not ended
