"""The rate limiter's decisions, one at a time."""

from math import inf

import pytest

from boooply.errors import ConfigurationError
from boooply.protocol.messages import RateLimitClass
from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.limiter import RateLimiter
from boooply.ratelimit.limits import RateLimits
from boooply.ratelimit.state import ServerWindow


class Steps:
    """A rate limiter that is given the time with each step."""

    def __init__(self, limit: int, window: float) -> None:
        self.limiter = RateLimiter(limit, window)

    def at(self, now: float) -> RateLimiter:
        self.limiter.advance(now)
        return self.limiter

    def start(self, *times: float) -> None:
        for now in times:
            assert self.at(now).start() == now


def test_a_429_stops_all_calls_until_the_time_it_names() -> None:
    steps = Steps(10, 60)
    steps.start(0, 0)
    steps.at(1).finish(RateLimitHeaders(retry_after=5), started=0, rate_limited=True)

    assert steps.at(1).delay() == 5
    assert steps.at(6).delay() == inf  # the other one is still in flight
    steps.at(6).finish(RateLimitHeaders(), started=0)
    assert steps.at(6).delay() == 0


def test_a_429_that_names_no_time_stops_all_calls_for_a_window() -> None:
    steps = Steps(10, 60)
    steps.start(0)
    steps.at(1).finish(None, started=0, rate_limited=True)

    assert steps.at(1).delay() == 60


def test_a_429_with_a_reset_stops_all_calls_until_then() -> None:
    steps = Steps(10, 60)
    steps.start(0)
    steps.at(1).finish(RateLimitHeaders(resets_in=20), started=0, rate_limited=True)

    assert steps.at(1).delay() == 20


def test_a_429_stops_all_calls_for_an_hour_at_most() -> None:
    steps = Steps(10, 60)
    steps.start(0)
    steps.at(0).finish(RateLimitHeaders(retry_after=1e9), started=0, rate_limited=True)

    assert steps.at(0).delay() == 3600


def test_an_earlier_end_of_another_429_does_not_shorten_the_wait() -> None:
    steps = Steps(10, 60)
    steps.start(0, 0)
    steps.at(1).finish(RateLimitHeaders(retry_after=30), started=0, rate_limited=True)
    steps.at(2).finish(RateLimitHeaders(retry_after=3), started=0, rate_limited=True)

    assert steps.at(2).delay() == 29


def test_after_a_429_one_call_goes_ahead_until_a_response_comes() -> None:
    steps = Steps(10, 60)
    steps.start(0)
    steps.at(1).finish(RateLimitHeaders(retry_after=5), started=0, rate_limited=True)

    assert steps.at(6).budget() == 1
    steps.start(6)
    assert steps.at(7).delay() == inf
    steps.at(7).finish(None, started=6)  # the connection broke
    assert steps.at(7).budget() == 1
    steps.start(7)
    steps.at(8).finish(RateLimitHeaders(), started=7)
    assert steps.at(8).budget() == 8


@pytest.mark.parametrize("resets_in", [-5, 0, 1000])
def test_an_impossible_reset_is_ignored(resets_in: float) -> None:
    steps = Steps(1, 60)
    steps.start(0)
    steps.at(1).finish(RateLimitHeaders(remaining=0, resets_in=resets_in), started=0)

    assert steps.at(1).delay() == 60


def test_the_position_of_a_released_call_is_free_again() -> None:
    steps = Steps(1, 60)
    steps.start(0)
    assert steps.at(0).delay() == inf
    steps.at(0).release(started=0)

    assert steps.at(0).delay() == 0


def test_when_the_probe_is_released_another_one_may_go_ahead() -> None:
    steps = Steps(1, 60)
    steps.start(0)
    steps.at(0).finish(RateLimitHeaders(remaining=0, resets_in=1), started=0)
    assert steps.at(1).delay() == 0  # the API's window is over, though ours is not
    steps.start(1)
    assert steps.at(1).delay() > 0
    steps.at(1).release(started=1)

    assert steps.at(1).delay() == 0


def test_after_a_higher_limit_in_shorter_windows_was_reported_a_probe_goes_ahead_when_the_window_ends() -> None:
    steps = Steps(10, 60)

    def finish(now: float, remaining: int, started: float, count: int) -> None:
        for _ in range(count):
            steps.at(now).finish(RateLimitHeaders(limit=20, remaining=remaining, resets_in=1), started=started)

    steps.start(*[0.0] * 10)
    finish(0.2, 10, started=0.0, count=1)
    steps.start(*[0.2] * 10)
    finish(0.2, 10, started=0.0, count=9)
    finish(0.4, 0, started=0.2, count=10)

    assert (steps.at(2.5).budget(), steps.at(2.5).delay()) == (1, 0.0)


def test_a_full_window_gives_nothing_away_before_it_ends_even_if_it_is_longer_than_configured() -> None:
    steps = Steps(1, 60)
    steps.start(0)
    steps.at(0).finish(RateLimitHeaders(limit=1, remaining=0, resets_in=100), started=0)

    assert steps.at(60).delay() == 40
    assert steps.at(100).delay() == 0


def test_our_own_log_remembers_calls_for_as_long_as_the_longest_window_that_was_reported() -> None:
    steps = Steps(1, 60)
    steps.start(0)
    steps.at(2).finish(RateLimitHeaders(limit=1, remaining=0, resets_in=98), started=0)
    steps.start(100)
    steps.at(101).finish(RateLimitHeaders(), started=100)

    assert steps.at(170).delay() == 31  # until a window of 100 s after the second call


def test_a_report_describes_the_window_by_when_its_call_started_and_when_it_arrived() -> None:
    steps = Steps(10, 60)
    steps.start(5)
    steps.at(7).finish(RateLimitHeaders(limit=10, remaining=9, resets_in=59, resets_at=1e9), started=5)

    state = steps.limiter.state
    assert state.server_window == ServerWindow(
        resets_at=1e9, ends=66, ends_after=63, remaining=9, started=5, reported=7
    )
    assert state.longest_window == 61


def test_a_call_that_ends_without_headers_counts_against_the_probe() -> None:
    steps = Steps(1, 60)
    steps.start(0)
    steps.at(0).finish(RateLimitHeaders(limit=1, remaining=0, resets_in=10), started=0)
    steps.start(10)
    steps.at(11).finish(RateLimitHeaders(), started=10)  # in the next window, whose end is unknown

    assert [steps.at(now).budget() for now in (20, 70, 71)] == [0, 0, 1]  # until a window after it


def test_a_call_in_flight_for_longer_than_a_window_can_be_expired() -> None:
    steps = Steps(2, 60.0)
    steps.start(0.0, 30.0)
    steps.at(59.9).expire_stale()
    assert steps.at(59.9).budget() == 0
    steps.at(60.0).expire_stale()
    assert steps.at(60.0).budget() == 1
    steps.at(61.0).finish(None, started=0.0)  # it returns after all
    assert steps.at(61.0).budget() == 0


@pytest.mark.parametrize("remaining", [9, 8, 5])
def test_until_a_reported_window_ends_it_alone_counts(remaining: int) -> None:
    steps = Steps(10, 60.0)
    steps.start(0.0)
    steps.at(0.0).finish(RateLimitHeaders(limit=10, remaining=remaining, resets_in=100.0), started=0.0)

    assert steps.at(70.0).budget() == remaining  # our call is a window ago, and the server's window has not ended
    assert steps.at(100.0).budget() == 10


def test_the_limit_that_the_api_reports_overrides_the_one_given() -> None:
    steps = Steps(10, 60)
    steps.start(0)
    steps.at(0).finish(RateLimitHeaders(limit=3), started=0)

    assert (steps.limiter.state.limit, steps.limiter.budget()) == (3, 2)


def test_waits_are_estimated_in_windows() -> None:
    limiter = RateLimiter(10, 60)
    assert [limiter.wait(ahead) for ahead in (0, 9, 10, 19, 20, 39)] == [0, 0, 0, 0, 60, 120]


def test_waits_begin_with_the_known_end_of_the_current_window() -> None:
    steps = Steps(2, 60.0)
    limiter = steps.at(0.0)
    assert [limiter.wait(ahead) for ahead in range(6)] == [0.0, 0.0, 0.0, 0.0, 60.0, 60.0]
    assert (limiter.min_wait(1), limiter.min_wait(2)) == (0.0, 0.0)
    steps.start(0.0, 0.0)
    assert limiter.wait(0) == limiter.min_wait(0) == 0.0  # unknown: a response is on its way
    for _ in range(2):
        steps.at(10.0).finish(None, started=0.0)
    steps.at(20.0)
    assert [limiter.wait(ahead) for ahead in range(4)] == [50.0, 50.0, 110.0, 110.0]
    assert limiter.min_wait(0) == limiter.min_wait(5) == 50.0
    status = limiter.status(0)
    assert (status.remaining, status.waiting, status.seconds_to_end) == (0, 0, 0.0)
    assert [limiter.status(waiting).seconds_to_end for waiting in (1, 2, 3)] == [50.0, 50.0, 110.0]


def test_the_status_says_when_the_last_waiter_starts() -> None:
    steps = Steps(10, 60)
    for _ in range(10):
        steps.start(0)
        steps.at(0).finish(None, started=0)

    status = steps.at(10).status(waiting=25)

    assert (status.limit, status.remaining, status.waiting) == (10, 0, 25)
    assert status.seconds_to_end == 50 + 2 * 60


@pytest.mark.parametrize("change", [{"reads": 0}, {"writes": -1}, {"ai": True}, {"window": 0}, {"reads": 1.5}])
def test_impossible_limits_are_rejected(change) -> None:
    with pytest.raises(ConfigurationError, match=r"rate limits: [a-z]+ must be a (whole )?number"):
        RateLimits(**change)


def test_each_class_has_its_own_limit() -> None:
    limits = RateLimits(reads=3, writes=2, ai=1)
    assert [limits.limit_of(one) for one in (RateLimitClass.READS, RateLimitClass.WRITES, RateLimitClass.AI)] == [
        3,
        2,
        1,
    ]
