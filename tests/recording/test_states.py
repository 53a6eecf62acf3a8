"""The life of a customer in the ledger, step by step, and by any steps of several claims."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply.recording import states
from boooply.store import ClaimResult, Entry, State

OURS: dict[str, Any] = {"claim_token": "ours", "lease": 10.0}
NOW = 100.0


def entry(state: State, claimed_by: str | None = "ours", locked_until: float = 0.0) -> Entry:
    return Entry(organization_id="org_1", state=state, tenant="{}", claim_token=claimed_by, locked_until=locked_until)


BUSY = NOW + 1
EXPIRED = NOW - 1


@pytest.mark.parametrize(
    ("before", "remint", "result", "after"),
    [
        (entry(State.TODO, None), False, ClaimResult.CLAIMED, State.TODO),
        (entry(State.TODO, "other", BUSY), False, ClaimResult.BUSY, State.TODO),
        (entry(State.TODO, "ours/2", BUSY), False, ClaimResult.BUSY, State.TODO),
        (entry(State.TODO, "ours", BUSY), False, ClaimResult.CLAIMED, State.TODO),
        (entry(State.SENT, "ours", BUSY), False, ClaimResult.BUSY, State.SENT),
        (entry(State.TODO, "other", EXPIRED), False, ClaimResult.CLAIMED, State.TODO),
        (entry(State.SENT, "other", BUSY), False, ClaimResult.BUSY, State.SENT),
        (entry(State.SENT, "other", EXPIRED), False, ClaimResult.IN_DOUBT, State.IN_DOUBT),
        (entry(State.SENT, "ours", EXPIRED), False, ClaimResult.IN_DOUBT, State.IN_DOUBT),
        (entry(State.SENT, "other", EXPIRED), True, ClaimResult.CLAIMED, State.TODO),
        (entry(State.IN_DOUBT, "other"), False, ClaimResult.IN_DOUBT, State.IN_DOUBT),
        (entry(State.IN_DOUBT, "other"), True, ClaimResult.CLAIMED, State.TODO),
        (entry(State.IN_DOUBT, "ours"), True, ClaimResult.IN_DOUBT, State.IN_DOUBT),
        (entry(State.FAILED, "other"), False, ClaimResult.CLAIMED, State.TODO),
        (entry(State.FAILED, "ours"), False, ClaimResult.FAILED, State.FAILED),
        (entry(State.DONE, "other"), True, ClaimResult.DONE, State.DONE),
    ],
)
def test_what_a_claim_finds(before, remint, result, after):
    found, now = states.claim(before, NOW, tenant="{}", remint=remint, **OURS)
    assert (found, now.state) == (result, after)
    assert now.orphans == (result is ClaimResult.CLAIMED and remint)


@pytest.mark.parametrize(
    ("state", "fallback", "kept"),
    [
        (State.DONE, None, State.DONE),
        (State.DONE, State.IN_DOUBT, State.DONE),
        (State.IN_DOUBT, None, None),
        (State.IN_DOUBT, State.IN_DOUBT, State.IN_DOUBT),
        (State.IN_DOUBT, State.DONE, State.IN_DOUBT),
        (State.FAILED, None, None),
        (State.FAILED, State.DONE, State.DONE),
        (State.TODO, None, None),
    ],
)
def test_a_customer_with_a_key_keeps_the_state_to_return_to_if_no_new_key_arrives(state, fallback, kept):
    before = attrs.evolve(entry(state, "other"), fallback=fallback)
    found, now = states.claim(before, NOW, tenant="{}", remint=True, replace=True, **OURS)
    assert (found, now.fallback) == (ClaimResult.CLAIMED, kept)


@pytest.mark.parametrize(
    ("claimed_by", "result"), [("other", ClaimResult.CLAIMED), (None, ClaimResult.CLAIMED), ("ours", ClaimResult.DONE)]
)
def test_a_run_replaces_a_key_once(claimed_by, result):
    found, _ = states.claim(entry(State.DONE, claimed_by), NOW, tenant="{}", remint=False, replace=True, **OURS)
    assert found is result


@pytest.mark.parametrize(
    ("before", "may"),
    [
        (entry(State.TODO, "ours", BUSY), True),
        (entry(State.TODO, "ours", EXPIRED), True),
        (entry(State.SENT, "ours", BUSY), True),
        (entry(State.TODO, "other", BUSY), False),
        (entry(State.TODO, "other", EXPIRED), True),
        (entry(State.TODO, None, EXPIRED), False),
        (entry(State.SENT, "other", EXPIRED), False),
        (entry(State.DONE, "ours"), False),
        (entry(State.IN_DOUBT, "ours"), False),
        (entry(State.FAILED, "ours"), False),
    ],
)
def test_which_claims_may_begin(before, may):
    result, after = states.begin(before, NOW, **OURS)
    assert result is may
    assert after == (
        attrs.evolve(before, state=State.SENT, claim_token="ours", locked_until=NOW + 10) if may else before
    )


def take_step(before: Entry, step: str, now: float, claim_token: str) -> tuple[bool, Entry]:
    if step == "mark_not_sent":
        return states.mark_not_sent(before, now, claim_token=claim_token, lease=5)
    steps = {"fail": states.fail, "mark_in_doubt": states.mark_in_doubt}
    return steps[step](before, now, claim_token=claim_token, reason="")


@pytest.mark.parametrize("step", ["mark_not_sent", "fail", "mark_in_doubt"])
@pytest.mark.parametrize("before", [entry(State.SENT, "other", BUSY), entry(State.DONE), entry(State.FAILED)])
def test_a_step_changes_nothing_without_the_claim(step, before):
    assert take_step(before, step, NOW, "ours") == (False, before)


@pytest.mark.parametrize("state", list(State))
def test_a_key_that_arrives_late_makes_any_customer_done(state):
    result, after = states.finish(
        entry(state, "other", BUSY), NOW, claim_token="ours", tenant="{}", has_other_key=False
    )
    assert (result, after.state, after.orphans) == (True, State.DONE, 0)


def test_beside_another_key_a_late_one_is_an_orphan():
    result, after = states.finish(entry(State.DONE, "other"), NOW, claim_token="ours", tenant="{}", has_other_key=True)
    assert (result, after.state, after.orphans) == (False, State.DONE, 1)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "begin", "mark_not_sent", "finish", "fail", "mark_in_doubt"]),
        st.sampled_from(["a", "b", "c"]),
        st.floats(0, 6),
    ),
    max_size=40,
)


@given(STEPS)
def test_two_requests_are_never_under_way_unless_the_customer_is_in_doubt(steps):
    now, one = 0.0, Entry(organization_id="org_1")
    on_the_wire: set[str] = set()  # whose request may have minted a key
    for step, token, pause in steps:
        now += pause
        before = one
        if step == "claim":
            _, one = states.claim(one, now, claim_token=token, tenant="{}", lease=5, remint=False)
        elif step == "begin":
            begun, one = states.begin(one, now, claim_token=token, lease=5)
            if begun:
                assert on_the_wire <= {token}  # a retry: the attempt before was not carried out
                on_the_wire = {token}
        elif step == "finish" and token in on_the_wire:
            _, one = states.finish(one, now, claim_token=token, tenant="{}", has_other_key=False)
        elif step in {"mark_not_sent", "fail"} and token in on_the_wire:
            unsent, one = take_step(one, step, now, token)
            on_the_wire -= {token} if unsent else set()
        elif step == "mark_in_doubt":
            _, one = states.mark_in_doubt(one, now, claim_token=token, reason="")
        assert before.state is not State.DONE or one.state is State.DONE
        assert before.state is not State.IN_DOUBT or one.state in {State.IN_DOUBT, State.DONE}
        assert one.orphans >= before.orphans


def loaded(state: State) -> Entry:
    """Return an entry whose fields all have values."""
    return attrs.evolve(entry(state, "ours", BUSY), orphans=2, reason="before", fallback=State.DONE)


@pytest.mark.parametrize("state", State)
def test_a_rejected_request_frees_the_claim(state):
    result, after = states.fail(loaded(state), NOW, claim_token="ours", reason="402")
    assert result is (state in {State.TODO, State.SENT})
    assert after == (
        attrs.evolve(loaded(state), state=State.FAILED, locked_until=0.0, reason="402") if result else loaded(state)
    )


@pytest.mark.parametrize("state", State)
def test_a_lost_response_frees_the_claim(state):
    result, after = states.mark_in_doubt(loaded(state), NOW, claim_token="ours", reason="lost")
    assert result is (state is State.SENT)
    assert after == (
        attrs.evolve(loaded(state), state=State.IN_DOUBT, locked_until=0.0, reason="lost") if result else loaded(state)
    )


@pytest.mark.parametrize("state", State)
def test_only_a_customer_that_is_done_can_be_reopened(state):
    result, after = states.reopen(loaded(state), NOW, reason="shared")
    assert result is (state is State.DONE)
    expected = attrs.evolve(loaded(state), state=State.IN_DOUBT, reason="shared", fallback=State.IN_DOUBT)
    assert after == (expected if result else loaded(state))


@pytest.mark.parametrize("state", State)
def test_only_a_customer_that_has_failed_can_be_retried(state):
    before, after = states.retry(loaded(state), NOW)
    assert before is state
    expected = attrs.evolve(loaded(state), state=State.TODO, claim_token=None, locked_until=0.0, reason=None)
    assert after == (expected if state is State.FAILED else loaded(state))


@pytest.mark.parametrize("state", State)
def test_enrolling_takes_new_data_unless_the_request_was_sent(state):
    before, after = states.enroll(loaded(state), NOW, tenant='{"new": 1}')
    assert before is state
    if state in {State.SENT, State.DONE}:
        assert after == loaded(state)
    elif state is State.FAILED:
        assert after == attrs.evolve(states.retry(loaded(state), NOW)[1], tenant='{"new": 1}')
    else:
        assert after == attrs.evolve(loaded(state), tenant='{"new": 1}')


@pytest.mark.parametrize("state", State)
def test_only_a_customer_without_a_request_can_be_rejected(state):
    result, after = states.reject(loaded(state), NOW, reason="unreadable")
    expected = attrs.evolve(loaded(state), state=State.FAILED, claim_token=None, locked_until=0.0, reason="unreadable")
    assert result == after == (expected if state in {State.TODO, State.FAILED} else loaded(state))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_restored_key_makes_any_customer_done(state, is_replaced):
    after = states.restore(loaded(state), is_replaced=is_replaced)
    assert after == attrs.evolve(
        loaded(state),
        state=State.DONE,
        claim_token=None,
        locked_until=0.0,
        orphans=2 + is_replaced,
        reason=None,
        fallback=None,
    )


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("keeps", [False, True])
def test_a_shared_key_puts_a_customer_in_doubt_unless_it_keeps_another(state, keeps):
    after = states.share(loaded(state), reason="shared", keeps_other_key=keeps)
    if state is not State.DONE:
        assert after == attrs.evolve(loaded(state), state=State.IN_DOUBT, locked_until=0.0, reason="shared")
    elif keeps:
        assert after == loaded(state)
    else:
        assert after == states.reopen(loaded(state), NOW, reason="shared")[1]
