"""The life of an event, step by step, without a database."""

import pytest

from boooply.store import ClaimResult, event_states
from boooply.store.event_states import EventState, EventStatus


def claimed(now: float = 0, *, by: str = "ours", attempts: int = 0) -> EventState:
    return event_states.claim(EventState(attempts=attempts), now, claim_token=by, lease=60)[1]


def test_a_new_event_can_be_claimed() -> None:
    result, after = event_states.claim(EventState(), 100, claim_token="ours", lease=60)
    assert result is ClaimResult.CLAIMED
    assert after == EventState(status=EventStatus.CLAIMED, claim_token="ours", locked_until=160, attempts=1)


@pytest.mark.parametrize(("now", "result"), [(59.9, ClaimResult.BUSY), (60, ClaimResult.CLAIMED)])
def test_a_claimed_event_is_busy_until_its_lease_ends(now: float, result: ClaimResult) -> None:
    assert event_states.claim(claimed(), now, claim_token="theirs", lease=60)[0] is result


def test_only_the_claim_itself_renews_its_lease() -> None:
    assert event_states.renew(claimed(), 50, claim_token="ours", lease=60)[1].locked_until == 110
    assert event_states.renew(claimed(), 50, claim_token="theirs", lease=60) == (False, claimed())


def test_what_is_done_stays_done() -> None:
    _, done = event_states.finish(claimed(), 1, claim_token="ours")
    assert event_states.claim(done, 1e9, claim_token="theirs", lease=60) == (ClaimResult.DONE, done)
    assert event_states.release(done, 1, claim_token="ours") == (False, done)
    assert event_states.postpone(done, 1, claim_token="ours") == (False, done)


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
    _, released = event_states.release(claimed(), 1, claim_token="ours")
    assert event_states.claim(released, 1, claim_token="theirs", lease=60)[0] is ClaimResult.CLAIMED
    assert event_states.release(claimed(), 1, claim_token="theirs") == (False, claimed())
    assert event_states.postpone(claimed(), 1, claim_token="theirs") == (False, claimed())


def test_the_pauses_after_failures_grow_to_an_hour() -> None:
    states = [event_states.postpone(claimed(attempts=one), 0, claim_token="ours")[1] for one in range(14)]
    pauses = [state.locked_until for state in states]
    assert pauses[:3] == [5, 10, 20]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 3600
