"""The life of a customer in the ledger, step by step, and by any steps of several runs."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply.store import ClaimResult, Entry, State, states

OURS: dict[str, Any] = {"run": "ours", "lease": 10.0}
NOW = 100.0


def entry(state: State, run: str | None = "ours", lease_ends: float = 0.0) -> Entry:
    return Entry(organization_id="org_1", state=state, tenant="{}", run=run, lease_ends=lease_ends)


HELD = NOW + 1
OVER = NOW - 1


@pytest.mark.parametrize(
    ("before", "remint", "standing", "after"),
    [
        (entry(State.TODO, None), False, ClaimResult.TAKEN, State.TODO),
        (entry(State.TODO, "other", HELD), False, ClaimResult.HELD, State.TODO),
        (entry(State.TODO, "ours/2", HELD), False, ClaimResult.HELD, State.TODO),
        (entry(State.TODO, "ours", HELD), False, ClaimResult.TAKEN, State.TODO),
        (entry(State.SENT, "ours", HELD), False, ClaimResult.HELD, State.SENT),
        (entry(State.TODO, "other", OVER), False, ClaimResult.TAKEN, State.TODO),
        (entry(State.SENT, "other", HELD), False, ClaimResult.HELD, State.SENT),
        (entry(State.SENT, "other", OVER), False, ClaimResult.IN_DOUBT, State.IN_DOUBT),
        (entry(State.SENT, "ours", OVER), False, ClaimResult.IN_DOUBT, State.IN_DOUBT),
        (entry(State.SENT, "other", OVER), True, ClaimResult.TAKEN, State.TODO),
        (entry(State.IN_DOUBT, "other"), False, ClaimResult.IN_DOUBT, State.IN_DOUBT),
        (entry(State.IN_DOUBT, "other"), True, ClaimResult.TAKEN, State.TODO),
        (entry(State.IN_DOUBT, "ours"), True, ClaimResult.IN_DOUBT, State.IN_DOUBT),
        (entry(State.FAILED, "other"), False, ClaimResult.TAKEN, State.TODO),
        (entry(State.FAILED, "ours"), False, ClaimResult.FAILED, State.FAILED),
        (entry(State.DONE, "other"), True, ClaimResult.DONE, State.DONE),
    ],
)
def test_what_a_claim_finds(before, remint, standing, after):
    found, now = states.claim(before, NOW, tenant="{}", remint=remint, **OURS)
    assert (found, now.state) == (standing, after)
    assert now.orphans == (standing is ClaimResult.TAKEN and remint)


@pytest.mark.parametrize("state", list(State))
def test_a_key_that_is_put_there_makes_it_done_whatever_was_noted(state):
    _, now = states.put(entry(state, "other", HELD))
    assert (now.state, now.lease_ends) == (State.DONE, 0.0)
    assert states.claim(now, NOW, tenant="{}", remint=True, **OURS)[0] is ClaimResult.DONE


@pytest.mark.parametrize(
    ("before", "may"),
    [
        (entry(State.TODO, "ours", HELD), True),
        (entry(State.TODO, "ours", OVER), True),
        (entry(State.SENT, "ours", HELD), True),
        (entry(State.TODO, "other", HELD), False),
        (entry(State.TODO, "other", OVER), True),
        (entry(State.TODO, None, OVER), False),
        (entry(State.SENT, "other", OVER), False),
        (entry(State.DONE, "ours"), False),
        (entry(State.IN_DOUBT, "ours"), False),
        (entry(State.FAILED, "ours"), False),
    ],
)
def test_who_may_begin(before, may):
    answer, after = states.begin(before, NOW, **OURS)
    assert answer is may
    assert after == (attrs.evolve(before, state=State.SENT, run="ours", lease_ends=NOW + 10) if may else before)


def take_step(before: Entry, step: str, now: float, run: str) -> tuple[bool, Entry]:
    if step == "mark_not_sent":
        return states.mark_not_sent(before, now, run=run, lease=5)
    return {"fail": states.fail, "doubt": states.doubt}[step](before, run=run, reason="")


@pytest.mark.parametrize("step", ["mark_not_sent", "fail", "doubt"])
@pytest.mark.parametrize("before", [entry(State.SENT, "other", HELD), entry(State.DONE), entry(State.FAILED)])
def test_nothing_is_noted_for_one_whose_customer_it_is_not(step, before):
    assert take_step(before, step, NOW, "ours") == (False, before)


@pytest.mark.parametrize("state", list(State))
def test_a_key_that_comes_late_makes_it_done(state):
    answer, after = states.finish(entry(state, "other", HELD), run="ours", tenant="{}", has_other_key=False)
    assert (answer, after.state, after.orphans) == (True, State.DONE, 0)


def test_beside_another_key_a_late_one_is_an_orphan():
    answer, after = states.finish(entry(State.DONE, "other"), run="ours", tenant="{}", has_other_key=True)
    assert (answer, after.state, after.orphans) == (False, State.DONE, 1)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "begin", "mark_not_sent", "finish", "fail", "doubt"]),
        st.sampled_from(["a", "b", "c"]),
        st.floats(0, 6),
    ),
    max_size=40,
)


@given(STEPS)
def test_no_two_requests_are_ever_out_without_somebody_saying_that_there_may_be_two(steps):
    now, one = 0.0, Entry(organization_id="org_1")
    on_the_wire: set[str] = set()  # whose request may have minted a key
    for step, run, pause in steps:
        now += pause
        before = one
        if step == "claim":
            _, one = states.claim(one, now, run=run, tenant="{}", lease=5, remint=False)
        elif step == "begin":
            begun, one = states.begin(one, now, run=run, lease=5)
            if begun:
                assert on_the_wire <= {run}  # another try of the same one: the attempt before was not carried out
                on_the_wire = {run}
        elif step == "finish" and run in on_the_wire:
            _, one = states.finish(one, run=run, tenant="{}", has_other_key=False)
        elif step in {"mark_not_sent", "fail"} and run in on_the_wire:
            unsent, one = take_step(one, step, now, run)
            on_the_wire -= {run} if unsent else set()
        elif step == "doubt":
            _, one = states.doubt(one, run=run, reason="")
        assert before.state is not State.DONE or one.state is State.DONE
        assert before.state is not State.IN_DOUBT or one.state in {State.IN_DOUBT, State.DONE}
        assert one.orphans >= before.orphans
