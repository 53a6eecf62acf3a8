"""What a rate limiter remembers: queries leave it alone, JSON keeps it, and reports merge into it in any order."""

import json
from collections import deque
from copy import deepcopy

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.limiter import RateLimiter
from boooply.ratelimit.state import LimiterState, ServerWindow

LIMIT, WINDOW = 3, 10.0

responses = st.none() | st.builds(
    RateLimitHeaders,
    limit=st.none() | st.integers(1, 5),
    remaining=st.none() | st.integers(0, 5),
    resets_at=st.none() | st.sampled_from([100.0, 110.0, 120.0]),
    resets_in=st.none() | st.floats(-1, 30),
    retry_after=st.none() | st.floats(0, 30),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["start", "finish", "rate_limited", "release", "expire_stale"]), st.floats(0, 12), responses
    ),
    max_size=30,
)


def after(history) -> RateLimiter:
    """Return a limiter after some steps, each so many seconds after the last one."""
    limiter = RateLimiter(LIMIT, WINDOW)
    now = 0.0
    for what, passed, headers in history:
        now += passed
        limiter.advance(now)
        in_flight = limiter.state.in_flight
        if what == "start" and limiter.budget() > 0:
            limiter.start()
        elif what == "expire_stale":
            limiter.expire_stale()
        elif what == "release" and in_flight:
            limiter.release(started=in_flight[0])
        elif in_flight:
            limiter.finish(headers, started=in_flight[-1], rate_limited=what == "rate_limited")
    return limiter


def ask(limiter: RateLimiter) -> list[object]:
    """Ask everything that can be asked."""
    waits = [question(ahead) for question in (limiter.wait, limiter.min_wait) for ahead in range(5)]
    return [limiter.budget(), limiter.delay(), waits, limiter.status(4), limiter.in_flight]


@given(steps)
def test_queries_change_nothing(history) -> None:
    limiter = after(history)
    before = deepcopy(limiter.state)

    first = ask(limiter)

    assert limiter.state == before
    assert ask(limiter) == first


@given(steps, st.floats(0, 100))
def test_advancing_twice_to_the_same_time_changes_nothing_more(history, passed) -> None:
    limiter = after(history)
    limiter.advance(limiter.state.now + passed)
    before = deepcopy(limiter.state)

    limiter.advance(before.now)

    assert limiter.state == before


@given(steps)
def test_the_results_agree(history) -> None:
    limiter = after(history)
    assert (limiter.delay() == 0) == (limiter.budget() > 0)
    assert 0 <= limiter.min_wait(4) <= limiter.wait(4)


@given(steps)
def test_a_copy_changes_independently(history) -> None:
    limiter = after(history)
    before = deepcopy(limiter.state)
    copy = limiter.copy()
    assert copy.state == before

    copy.advance(before.now)
    for _ in range(2):
        copy.finish(RateLimitHeaders(remaining=1, resets_in=5.0), started=copy.start())
        copy.finish(None, started=copy.start())
    copy.start()

    assert limiter.state == before


@given(steps)
def test_a_stored_state_is_read_as_it_was_written(history) -> None:
    state = after(history).state
    assert LimiterState.from_json(state.to_json(), limit=99) == state


def test_a_stored_state_is_plain_json() -> None:
    limiter = RateLimiter(10, 60.0)
    started = [limiter.start(), limiter.start()]
    headers = RateLimitHeaders(limit=9, remaining=4, resets_at=100.0, resets_in=50.0)
    limiter.finish(headers, started=started[0])

    written = json.loads(limiter.state.to_json())

    assert (written["limit"], written["finished"], written["in_flight"]) == (9, [0.0], [0.0])
    assert written["server_window"]["remaining"] == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        "[]",
        "null",
        "7",
        '"state"',
        '{"limit": null}',
        '{"limit": 0}',
        '{"limit": 1e999}',
        '{"limit": NaN}',
        '{"limit": 4, "in_flight": 5}',
        '{"limit": 4, "finished": [null]}',
        '{"limit": 4, "server_window": {"remaining": 3}}',
        '{"limit": 4, "server_window": [1]}',
        '{"limit": 4, "server_window": 1}',
        '{"limit": 4, "now": "soon"}',
        LimiterState(4).to_json()[:-20],
    ],
)
def test_an_unreadable_state_counts_as_a_new_state(text: str) -> None:
    assert LimiterState.from_json(text, limit=7) == LimiterState(7)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([field.name for field in attrs.fields(LimiterState)]), json_values))
def test_any_stored_json_is_read_as_some_state(stored: dict[str, object]) -> None:
    limiter = RateLimiter(7, WINDOW, LimiterState.from_json(json.dumps(stored), limit=7))
    assert ask(limiter)


def window(**changes: object) -> ServerWindow:
    known = ServerWindow(resets_at=100.0, ends=50.0, ends_after=48.0, remaining=5, started=10.0, reported=20.0)
    return attrs.evolve(known, **changes)  # type: ignore[arg-type]  # the names of a test


def overlapping(**changes: object) -> ServerWindow:
    """Return a report of a call that overlapped the one of ``window()``."""
    return window(**{"started": 15.0, "reported": 25.0, **changes})


def test_a_report_of_a_call_that_started_after_all_others_replaces_what_is_known() -> None:
    latest = window(resets_at=40.0, ends=30.0, remaining=9, started=20.0, reported=21.0)
    assert window().merge(latest) == latest


@pytest.mark.parametrize("changes", [{"resets_at": 160.0}, {"resets_at": None, "ends_after": 50.1, "ends": 51.9}])
def test_a_report_of_a_later_window_replaces_what_is_known(changes: dict[str, object]) -> None:
    later = overlapping(remaining=9, **changes)
    assert window().merge(later) == later


@pytest.mark.parametrize("changes", [{"resets_at": 40.0}, {"resets_at": None, "ends_after": 46.0, "ends": 47.9}])
def test_a_report_of_an_earlier_window_is_ignored(changes: dict[str, object]) -> None:
    assert window().merge(overlapping(remaining=0, **changes)) == window()


@pytest.mark.parametrize(("remaining", "started"), [(3, 15.0), (6, 10.0)])
def test_of_two_reports_of_one_window_the_one_with_fewer_remaining_calls_counts(remaining: int, started: float) -> None:
    merged = window().merge(overlapping(remaining=remaining))
    assert (merged.remaining, merged.started, merged.reported) == (min(remaining, 5), started, 25.0)


@pytest.mark.parametrize(
    ("resets_at", "ends", "expected"),
    [(100.0, 49.0, 49.0), (100.0, 51.0, 50.0), (None, 49.0, 50.0), (None, 51.0, 51.0)],
)
def test_the_better_end_of_a_window_is_kept(resets_at: float | None, ends: float, expected: float) -> None:
    assert window().merge(overlapping(resets_at=resets_at, ends=ends)).ends == expected


@pytest.mark.parametrize(
    ("ahead", "blocked"), [(3600.0, 3600.0), (3601.0, 3600.0), (1e9, 3600.0), (60.0, 60.0), (-5.0, -5.0)]
)
def test_a_block_lasts_an_hour_at_most_whatever_became_of_the_clock(ahead: float, blocked: float) -> None:
    state = LimiterState(limit=10, blocked_until=1000.0 + ahead)

    assert state.clamp(1000.0, 60.0) is (ahead > 3600)
    assert state.blocked_until == 1000.0 + blocked


AHEAD = ServerWindow(resets_at=5.0, ends=1000.0, ends_after=990.0, remaining=3, started=900.0, reported=910.0)


@pytest.mark.parametrize("longest", [0.0, 30.0])
def test_a_state_from_the_future_is_brought_back(longest) -> None:
    """The times of calls become the present, and a window ends after two of the longest windows at most."""
    state = LimiterState(
        LIMIT,
        in_flight=[90.0, 200.0],
        finished=deque([80.0, 300.0]),
        uncounted=deque([70.0, 400.0]),
        server_window=AHEAD,
        longest_window=longest,
        blocked_until=100_000.0,
    )

    assert state.clamp(100.0, WINDOW)

    end = 100.0 + 2 * max(WINDOW, longest) + 1
    assert state.server_window == ServerWindow(
        resets_at=5.0, ends=end, ends_after=end, remaining=3, started=100.0, reported=100.0
    )
    assert (state.in_flight, list(state.finished), list(state.uncounted)) == ([90, 100], [80, 100], [70, 100])
    assert state.blocked_until == 100.0 + 3600
    assert not state.clamp(100.0, WINDOW)


def test_a_state_without_times_ahead_is_left_alone() -> None:
    window = ServerWindow(resets_at=5.0, ends=110.0, ends_after=109.0, remaining=3, started=90.0, reported=91.0)
    state = LimiterState(
        LIMIT,
        in_flight=[90.0],
        finished=deque([80.0]),
        uncounted=deque([70.0]),
        server_window=window,
        blocked_until=110.0,
    )
    before = deepcopy(state)

    assert not state.clamp(100.0, WINDOW)
    assert state == before
