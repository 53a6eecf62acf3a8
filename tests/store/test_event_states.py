"""The life of an event, step by step, without a database."""

from typing import Any

import attrs
import pytest

from boooply.store import ClaimResult, event_states
from boooply.store.event_states import EventState, EventStatus, RetrySchedule


def claimed(now: float = 0, *, by: str = "ours", attempts: int = 0, number: int | None = None) -> EventState:
    return event_states.claim(EventState(attempts=attempts, number=number), now, claim_token=by, lease=60)[1]


def failed(state: EventState, now: float, *, by: str = "ours", **options: Any) -> tuple[EventStatus | None, EventState]:
    schedule = options.pop("schedule", RetrySchedule())
    return event_states.fail(
        state, now, claim_token=by, failure="KeyError in app, line 1", schedule=schedule, **options
    )


def test_a_new_event_can_be_claimed() -> None:
    result, after = event_states.claim(EventState(), 100, claim_token="ours", lease=60)
    assert result is ClaimResult.CLAIMED
    assert after == EventState(status=EventStatus.CLAIMED, claim_token="ours", locked_until=160, attempts=1)


@pytest.mark.parametrize(("now", "result"), [(59.9, ClaimResult.BUSY), (60, ClaimResult.CLAIMED)])
def test_a_claimed_event_is_busy_until_its_lease_ends(now: float, result: ClaimResult) -> None:
    assert event_states.claim(claimed(), now, claim_token="theirs", lease=60)[0] is result


def test_only_the_claim_itself_renews_its_lease() -> None:
    renewed = attrs.evolve(claimed(), locked_until=110)
    assert event_states.renew(claimed(), 50, claim_token="ours", lease=60) == (True, renewed)
    assert event_states.renew(claimed(), 50, claim_token="theirs", lease=60) == (False, claimed())


def test_a_handled_event_has_left_its_queue_and_keeps_its_count_of_attempts() -> None:
    done = EventState(status=EventStatus.DONE, claim_token="late", attempts=3)
    assert event_states.finish(claimed(attempts=2, number=7), 1, claim_token="late") == (True, done)


def test_what_is_done_stays_done() -> None:
    _, done = event_states.finish(claimed(), 1, claim_token="ours")
    assert event_states.claim(done, 1e9, claim_token="theirs", lease=60) == (ClaimResult.DONE, done)
    assert event_states.release(done, 1, claim_token="ours") == (False, done)
    assert failed(done, 1) == (None, done)


def test_an_event_handled_late_is_done_whoever_has_claimed_it_meanwhile() -> None:
    _, theirs = event_states.claim(claimed(), 61, claim_token="theirs", lease=60)
    assert event_states.finish(theirs, 62, claim_token="ours")[1].status is EventStatus.DONE


def test_an_event_handled_late_is_done_whoever_has_released_it_meanwhile() -> None:
    _, theirs = event_states.claim(claimed(), 61, claim_token="theirs", lease=60)
    _, released = event_states.release(theirs, 62, claim_token="theirs")
    assert event_states.finish(released, 63, claim_token="ours")[1].status is EventStatus.DONE


def test_a_claim_can_be_repeated() -> None:
    assert event_states.claim(claimed(), 1, claim_token="ours", lease=60) == (ClaimResult.CLAIMED, claimed())


def test_only_the_claim_itself_releases_an_event() -> None:
    is_released, released = event_states.release(claimed(number=7), 1, claim_token="ours")
    assert is_released
    assert released == EventState(status=EventStatus.WAITING, claim_token="ours", attempts=1, number=7)
    assert event_states.claim(released, 1, claim_token="theirs", lease=60)[0] is ClaimResult.CLAIMED
    assert event_states.release(claimed(), 1, claim_token="theirs") == (False, claimed())
    assert failed(claimed(), 1, by="theirs") == (None, claimed())


def test_the_pauses_after_failures_grow_to_an_hour() -> None:
    states = [failed(claimed(attempts=one), 0)[1] for one in range(14)]
    pauses = [state.locked_until for state in states]
    assert pauses[:3] == [5, 10, 20]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 3600


# ---- dead and discarded


def dead() -> EventState:
    return failed(claimed(number=7), 10, schedule=RetrySchedule(attempts=1))[1]


def test_the_default_schedule_takes_about_a_day() -> None:
    schedule = RetrySchedule()
    hours = sum(schedule.pause_after(number) for number in range(1, schedule.attempts)) / 3600
    assert 24 <= hours < 25


def test_a_failure_is_recorded_as_the_first_and_the_last_until_another_follows() -> None:
    _, once = failed(claimed(), 10)
    assert (once.first_failure, once.first_failed_at) == (once.last_failure, once.last_failed_at)
    _, again = event_states.claim(once, 20, claim_token="ours", lease=60)
    _, twice = event_states.fail(again, 30, claim_token="ours", failure="OSError", schedule=RetrySchedule())
    assert (twice.first_failure, twice.first_failed_at) == ("KeyError in app, line 1", 10)
    assert (twice.last_failure, twice.last_failed_at) == ("OSError", 30)


@pytest.mark.parametrize(
    ("attempts", "status"), [(0, EventStatus.WAITING), (1, EventStatus.DEAD), (5, EventStatus.DEAD)]
)
def test_an_event_is_dead_after_its_last_attempt(attempts: int, status: EventStatus) -> None:
    result, after = failed(claimed(attempts=attempts, number=7), 10, schedule=RetrySchedule(attempts=2))
    assert (result, after.status) == (status, status)
    assert (after.dead_at, after.number) == ((10, None) if status is EventStatus.DEAD else (None, 7))
    assert after.attempts <= 2


def test_that_an_event_is_dead_can_be_recorded_twice_and_is_reported_again() -> None:
    assert failed(dead(), 11) == (EventStatus.DEAD, dead())
    assert failed(dead(), 11, by="theirs") == (None, dead())


def test_a_pause_begins_now_or_when_the_caller_says() -> None:
    schedule = RetrySchedule(pauses=(3.0, 4.0))
    assert failed(claimed(), 10, schedule=schedule)[1].locked_until == 13
    assert failed(claimed(), 10, schedule=schedule, pause_from=100.0)[1].locked_until == 103
    assert failed(claimed(attempts=9), 10, schedule=schedule)[1].locked_until == 14


def test_a_dead_event_is_not_claimed() -> None:
    assert event_states.claim(dead(), 1e9, claim_token="ours", lease=60) == (ClaimResult.DONE, dead())


def test_a_retry_gives_a_dead_event_a_fresh_count_and_another_place() -> None:
    is_retried, after = event_states.retry(dead(), 20, number=9)
    assert is_retried
    assert (after.status, after.attempts, after.number, after.dead_at) == (EventStatus.WAITING, 0, 9, None)
    assert after.first_failure == "KeyError in app, line 1"
    assert event_states.claim(after, 20, claim_token="ours", lease=60)[0] is ClaimResult.CLAIMED


def test_a_retry_ends_a_pause_and_keeps_the_place() -> None:
    _, waiting = failed(claimed(attempts=3, number=7), 10)
    _, after = event_states.retry(waiting, 11, number=9)
    assert (after.locked_until, after.attempts, after.number) == (0, 0, 7)


def discarded() -> EventState:
    return event_states.discard(dead(), 20)[1]


def test_what_is_discarded_is_neither_claimed_nor_retried_nor_discarded_again() -> None:
    assert (discarded().status, discarded().number) == (EventStatus.DISCARDED, None)
    assert event_states.claim(discarded(), 1e9, claim_token="ours", lease=60) == (ClaimResult.DONE, discarded())
    assert event_states.retry(discarded(), 30, number=9) == (False, discarded())
    assert event_states.discard(discarded(), 30) == (False, discarded())


def test_what_is_handled_just_now_is_neither_retried_nor_discarded() -> None:
    assert event_states.retry(claimed(), 1, number=9) == (False, claimed())
    assert event_states.discard(claimed(), 59) == (False, claimed())
    assert event_states.discard(claimed(), 61)[0]  # its process has died


def test_what_is_done_is_neither_retried_nor_discarded() -> None:
    _, done = event_states.finish(claimed(), 1, claim_token="ours")
    assert event_states.retry(done, 1, number=9) == (False, done)
    assert event_states.discard(done, 1) == (False, done)


def test_an_event_that_is_handled_after_all_is_not_dead() -> None:
    _, done = event_states.finish(dead(), 1, claim_token="late")
    assert (done.status, done.dead_at) == (EventStatus.DONE, None)
