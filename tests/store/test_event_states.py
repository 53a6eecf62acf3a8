"""The life of an event, step by step, without a database."""

import pytest

from boooply.store import event_states
from boooply.store.event_states import EventClaim, EventState, EventStatus


def taken(now: float = 0, *, turn: str = "ours", attempts: int = 0) -> EventState:
    return event_states.claim(EventState(attempts=attempts), now, turn=turn, lease=60)[1]


def test_a_new_event_is_ours() -> None:
    found, after = event_states.claim(EventState(), 100, turn="ours", lease=60)
    assert found is EventClaim.OURS
    assert after == EventState(progress=EventStatus.TAKEN, turn="ours", rests_until=160, attempts=1)


@pytest.mark.parametrize(("now", "found"), [(59.9, EventClaim.BUSY), (60, EventClaim.OURS)])
def test_a_lease_keeps_others_off_until_it_ends(now: float, found: EventClaim) -> None:
    assert event_states.claim(taken(), now, turn="theirs", lease=60)[0] is found


def test_a_lease_is_renewed_by_its_holder_alone() -> None:
    assert event_states.renew(taken(), 50, turn="ours", lease=60).rests_until == 110
    assert event_states.renew(taken(), 50, turn="theirs", lease=60) == taken()


def test_what_is_done_stays_done() -> None:
    done = event_states.finish(taken(), turn="ours")
    assert event_states.claim(done, 1e9, turn="theirs", lease=60) == (EventClaim.DONE, done)
    assert event_states.release(done, turn="ours") == event_states.postpone(done, 0, turn="ours") == done


def test_who_comes_to_the_end_late_has_handled_it_all_the_same() -> None:
    theirs = event_states.claim(taken(), 61, turn="theirs", lease=60)[1]
    assert event_states.finish(theirs, turn="ours").progress is EventStatus.DONE


def test_what_was_handled_late_is_done_whoever_had_let_it_go() -> None:
    theirs = event_states.claim(taken(), 61, turn="theirs", lease=60)[1]
    assert event_states.finish(event_states.release(theirs, turn="theirs"), turn="ours").progress is EventStatus.DONE


def test_a_claim_that_is_asked_again_is_ours_still() -> None:
    found, after = event_states.claim(taken(), 1, turn="ours", lease=60)
    assert found is EventClaim.OURS
    assert after == taken()


def test_a_released_event_is_free_at_once_and_not_by_another() -> None:
    assert (
        event_states.claim(event_states.release(taken(), turn="ours"), 1, turn="theirs", lease=60)[0] is EventClaim.OURS
    )
    assert event_states.release(taken(), turn="theirs") == taken()
    assert event_states.postpone(taken(), 1, turn="theirs") == taken()


def test_the_pauses_after_failures_grow_to_an_hour() -> None:
    pauses = [event_states.postpone(taken(attempts=one), 0, turn="ours").rests_until for one in range(14)]
    assert pauses[:3] == [5, 10, 20]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 3600
