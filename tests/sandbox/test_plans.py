"""Plans: interviews count when they are created, and a used-up plan refuses the next one."""

from typing import Any

import pytest

from boooply.sandbox import Sandbox
from boooply.sandbox.fault_table import FAULTS

DAY = 86_400


async def create(call: Any, title: str = "Talk") -> Any:
    body = {
        "meetingType": "AI_ONLY",
        "jobRole": "Engineer",
        "title": title,
        "participants": [{"name": "Jane", "email": "jane@example.com", "role": "CANDIDATE"}],
    }
    return await call("POST /interviews", body)


@pytest.mark.parametrize("plan", ["free", "FREE", "Free"])
async def test_the_free_plan_refuses_the_sixth_interview(caller_of: Any, plan: str) -> None:
    async with Sandbox(plan=plan) as sandbox:
        call = caller_of(sandbox)
        statuses = [(await create(call)).status for _ in range(5)]
        sixth = await create(call)
        assert statuses == [201] * 5
        assert (sixth.status, sixth.body["code"]) == (402, "PLAN_LIMIT_REACHED")
        assert sixth.body["error"] == "The 5 interviews of the FREE plan are used up. Upgrade the plan to create more."
        assert (await call("GET /organization")).body["organization"]["plan"] == "FREE"
        assert (await call("GET /interviews")).body["pagination"]["total"] == 5
        assert len(sandbox.sent_emails) == 5


async def test_deleting_a_no_show_and_time_give_nothing_back(caller_of: Any) -> None:
    async with Sandbox(plan="free") as sandbox:
        call = caller_of(sandbox)
        codes = [(await create(call)).code for _ in range(5)]
        await call(f"DELETE /interviews/{codes[0]}")
        await call(f"PATCH /interviews/{codes[1]}/cancel")
        sandbox.play(codes[2], "NO_SHOW")
        sandbox.clock.advance(40 * DAY)
        assert (await create(call)).status == 402


async def test_a_rejected_interview_does_not_count(caller_of: Any) -> None:
    async with Sandbox(plan="free") as sandbox:
        call = caller_of(sandbox)
        for _ in range(9):
            assert (await call("POST /interviews", {"meetingType": "AI_ONLY"})).status == 400
        assert (await create(call)).status == 201


async def test_each_customer_of_the_platform_has_the_plan_for_itself(caller_of: Any) -> None:
    async with Sandbox(plan="free") as sandbox:
        for tenant in ("org_1", "org_2"):
            call = caller_of(sandbox)
            call.key = (await call.provision(tenant)).body["apiKey"]
            assert [(await create(call)).status for _ in range(6)] == [201] * 5 + [402]


@pytest.mark.parametrize(("plan", "allowance"), [("starter", 100), ("growth", 300), ("scale", 500)])
async def test_a_paid_plan_counts_by_the_month(caller_of: Any, plan: str, allowance: int) -> None:
    async with Sandbox(plan=plan) as sandbox:
        call = caller_of(sandbox)
        for _ in range(allowance):
            assert (await create(call)).status == 201
        assert (await create(call)).status == 402
        sandbox.clock.advance(32 * DAY)
        assert (await create(call)).status == 201


def test_an_unknown_plan_names_the_nearest_one() -> None:
    with pytest.raises(
        ValueError, match=r"^plan must be one of free, starter, growth, scale, custom; not 'fre'\."
    ) as it:
        Sandbox(plan="fre")
    assert str(it.value).endswith("Did you mean free?")


async def test_the_controls_and_the_console_show_what_is_left(caller_of: Any) -> None:
    async with Sandbox(plan="free") as sandbox:
        call = caller_of(sandbox)
        await create(call)
        (shown,) = (await call("GET /_sandbox/organizations")).body["organizations"]
        assert (shown["plan"], shown["interviewsLeft"], shown["interviewAllowance"]) == ("FREE", 4, 5)
        (shown,) = (await call("GET /_sandbox/snapshot")).body["organizations"]["items"]
        assert shown["interviewsLeft"] == 4


async def test_without_a_plan_nothing_is_counted_out(call: Any) -> None:
    (shown,) = (await call("GET /_sandbox/organizations")).body["organizations"]
    assert (shown["plan"], shown["interviewsLeft"], shown["interviewAllowance"]) == ("CUSTOM", None, None)


@pytest.mark.parametrize(("fault", "status"), [("402", 402), ("403-plan", 403)])
async def test_a_fault_refuses_as_a_used_up_plan_may(call: Any, fault: Any, status: int) -> None:
    assert fault in FAULTS
    call.sandbox.faults.add("interviews.create", fault)
    rejected = await create(call)
    assert (rejected.status, rejected.body["code"]) == (status, "PLAN_LIMIT_REACHED")
    assert "used up" in rejected.body["error"]
    assert (call.sandbox.calls[-1].carried_out, call.sandbox.sent_emails) == (False, ())
