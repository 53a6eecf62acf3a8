"""Waiting for an evaluation, in both flavours: COMPLETED is not the end of a human meeting."""

import asyncio

import pytest

from boooply import (
    AIInterview,
    Candidate,
    ConfigurationError,
    DeadlineExceededError,
    HumanInterview,
    InterviewNotEvaluatedError,
    NotFoundError,
    Participant,
    RetryPolicy,
    TeamMeeting,
)
from boooply.sandbox import Sandbox, Step

AI = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
HUMAN = HumanInterview(
    job_role="Engineer", participants=[Participant(name="Ann", email="ann@acme.example", role="INTERVIEWER")]
)


async def started(face, sandbox: Sandbox, request, **options) -> tuple[str, "asyncio.Task[object]"]:
    """Create an interview and wait for it in the background, until the wait has looked at it once."""
    code = (await face.do(face.client.interviews.create, request)).code
    waiting = asyncio.create_task(
        face.do(face.client.interviews.wait_for_evaluation, code, **{"timeout": 5, "poll": 0.005} | options)
    )
    await looked(sandbox)
    return code, waiting


async def looked(sandbox: Sandbox, times: int = 2) -> None:
    before = len(sandbox.calls)
    while len(sandbox.calls) < before + times:  # noqa: ASYNC110 - the calls of another party, which sets no event
        await asyncio.sleep(0.001)


async def test_the_wait_ends_with_the_evaluation_of_an_ai_interview(face, sandbox: Sandbox) -> None:
    code, waiting = await started(face, sandbox, AI)
    sandbox.play(code, "ACTIVE")
    await looked(sandbox)
    assert not waiting.done()

    sandbox.play(code)

    assert (await waiting).overall_score is not None  # type: ignore[attr-defined]  # an Evaluation, on either face


async def test_a_human_meeting_that_was_left_is_not_over(face, sandbox: Sandbox) -> None:
    code, waiting = await started(face, sandbox, HUMAN)
    steps: tuple[Step, ...] = ("ACTIVE", "COMPLETED", "SCHEDULED", "ACTIVE", "COMPLETED")
    for step in steps:
        sandbox.play(code, step)
        await looked(sandbox)
        assert not waiting.done(), step

    sandbox.play(code)

    assert (await waiting).recommendation  # type: ignore[attr-defined]  # an Evaluation, on either face


@pytest.mark.parametrize("step", ["FAILED", "NO_SHOW", "EXPIRED"])
async def test_an_interview_that_fails_ends_the_wait(face, sandbox: Sandbox, step: Step) -> None:
    code, waiting = await started(face, sandbox, HUMAN)

    sandbox.play(code, step)

    with pytest.raises(InterviewNotEvaluatedError, match=f"{code} will not be evaluated: it ended as {step}") as caught:
        await waiting
    assert caught.value.interview.meeting_code == code


async def test_a_cancelled_interview_ends_the_wait(face, sandbox: Sandbox) -> None:
    code, waiting = await started(face, sandbox, AI)

    await face.do(face.client.interviews.cancel, code)

    with pytest.raises(InterviewNotEvaluatedError, match="CANCELLED"):
        await waiting


async def test_a_team_meeting_is_not_waited_for(face, sandbox: Sandbox) -> None:
    meeting = TeamMeeting(participants=[Participant(name="Ann", email="ann@acme.example", role="HOST")])
    code = (await face.do(face.client.interviews.create, meeting)).code

    for is_over in (False, True):
        if is_over:
            sandbox.play(code)
        with pytest.raises(
            InterviewNotEvaluatedError, match=f"{code} will not be evaluated: it is a team meeting"
        ) as e:
            await face.do(face.client.interviews.wait_for_evaluation, code, timeout=1)
        assert e.value.interview.is_over is is_over
        assert str(InterviewNotEvaluatedError(*e.value.args)) == str(e.value)

    assert [call.operation for call in sandbox.calls[1:]] == ["interviews.get"] * 2


async def test_the_wait_has_an_end(face) -> None:
    code = (await face.do(face.client.interviews.create, AI)).code

    with pytest.raises(DeadlineExceededError, match=r"no evaluation within 0.02 s"):
        await face.do(face.client.interviews.wait_for_evaluation, code, timeout=0.02, poll=0.005)


@pytest.mark.parametrize("option", [{"timeout": 0}, {"poll": 0}, {"poll": -1}, {"timeout": "60"}])
async def test_a_time_that_cannot_work_is_rejected(face, sandbox, option) -> None:
    with pytest.raises(ConfigurationError, match=f"^{next(iter(option))} must be a number of seconds above zero$"):
        await face.do(face.client.interviews.wait_for_evaluation, "Boooply-AI-1", **option)
    assert not sandbox.calls


async def test_an_error_ends_the_wait_as_it_is(face) -> None:
    with pytest.raises(NotFoundError):
        await face.do(face.client.interviews.wait_for_evaluation, "nothing", timeout=1)


async def test_the_deadline_of_a_call_within_comes_through(face, sandbox: Sandbox) -> None:
    code = (await face.do(face.client.interviews.create, AI)).code
    sandbox.faults.add("interviews.get", "stall")
    hasty = face.client.with_options(retry=RetryPolicy(deadline=0.02))

    with pytest.raises(DeadlineExceededError, match=r"interviews\.get"):
        await face.do(hasty.interviews.wait_for_evaluation, code, timeout=5)
