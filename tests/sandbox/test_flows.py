"""The vendor's documented flows, from each door: Python and the controls call the same table as the console."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from boooply.sandbox import SandboxError

HOUR, DAY = 3600, 86_400
HOST = {"name": "Zoë", "email": "zoe@example.com", "role": "HOST"}
HUMAN: dict[str, Any] = {"meetingType": "HUMAN", "participants": [HOST]}
TEAM: dict[str, Any] = {"meetingType": "HUMAN", "isTeamMeeting": True, "participants": [HOST], "candidate": ...}


def at(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")


def slots(*hours: float) -> dict[str, Any]:
    offered = [{"start": at(one), "end": at(one + 0.5)} for one in hours]
    return {"schedulingMode": "CANDIDATE_PICKS", "availableSlots": offered}


@pytest.fixture(params=["python", "http"])
def flow(request: pytest.FixtureRequest, call: Any) -> Callable[..., Any]:
    """Run a flow by one of the doors; a rejected one is a SandboxError by both."""

    async def run(name: str, code: str, **body: Any) -> None:
        if request.param == "python":
            getattr(call.sandbox, name)(code, **body)
            return
        response = await call(f"POST /_sandbox/interviews/{code}/{name}", body, key=None)
        if response.status != 200:
            raise SandboxError(response.status, response.body["code"], response.body["error"])
        assert response.meeting == await meeting(call, code)

    return run


async def meeting(call: Any, code: str) -> Any:
    return (await call(f"GET /interviews/{code}")).meeting


# ---- booking


async def test_a_candidate_books_a_slot(call: Any, flow: Any) -> None:
    offered = slots(24, 48)
    code = (await call.create(**HUMAN, **offered)).code
    assert (await meeting(call, code))["scheduledAt"] is None
    await flow("book", code, start=offered["availableSlots"][1]["start"])
    booked = await meeting(call, code)
    start = datetime.fromisoformat(offered["availableSlots"][1]["start"])
    assert datetime.fromisoformat(booked["scheduledAt"]) == start
    assert (booked["sessionStatus"], booked["durationMinutes"]) == ("SCHEDULED", 30)
    notified = [(email.to, email.kind) for email in call.sandbox.sent_emails[2:]]
    assert notified == [("jane@example.com", "booking"), ("zoe@example.com", "booking")]


async def test_the_first_slot_is_booked_if_none_is_named(call: Any, flow: Any) -> None:
    offered = slots(24, 48)
    code = (await call.create(**offered)).code
    await flow("book", code)
    booked = (await meeting(call, code))["scheduledAt"]
    assert datetime.fromisoformat(booked) == datetime.fromisoformat(offered["availableSlots"][0]["start"])


async def test_a_slot_may_be_named_in_another_time_zone_and_as_a_datetime(call: Any) -> None:
    code = (await call.create(schedulingMode="CANDIDATE_PICKS", availableSlots=[
        {"start": "2031-04-01T14:00:00Z", "end": "2031-04-01T14:30:00Z"},
    ])).code  # fmt: skip
    call.sandbox.book(code, datetime.fromisoformat("2031-04-01T16:00:00+02:00"))
    assert (await meeting(call, code))["scheduledAt"] == "2031-04-01T14:00:00.000Z"


async def test_only_an_offered_slot_can_be_booked_and_only_once(call: Any, flow: Any) -> None:
    code = (await call.create(**slots(24))).code
    with pytest.raises(SandboxError, match="422 VALIDATION_FAILED: start must be the start of an offered slot: 20"):
        await flow("book", code, start="2031-04-01T14:00:00Z")
    with pytest.raises(SandboxError, match="422 VALIDATION_FAILED: start must be an ISO 8601 time with an offset"):
        await flow("book", code, start="tomorrow")
    await flow("book", code)
    with pytest.raises(SandboxError, match="409 NOTHING_TO_BOOK"):
        await flow("book", code)
    with pytest.raises(SandboxError, match="409 NOTHING_TO_BOOK"):
        await flow("book", (await call.create()).code)
    with pytest.raises(SandboxError, match="404 INTERVIEW_NOT_FOUND"):
        await flow("book", "nothing")


@pytest.mark.parametrize("change", ["cancel", "reschedule"])
async def test_what_was_cancelled_or_rescheduled_has_no_slot_to_book(call: Any, flow: Any, change: str) -> None:
    code = (await call.create(**slots(24))).code
    body = {"scheduledAt": at(30)} if change == "reschedule" else {}
    assert (await call(f"PATCH /interviews/{code}/{change}", body)).status == 200
    with pytest.raises(SandboxError, match="409 NOTHING_TO_BOOK"):
        await flow("book", code)


async def test_the_booking_link_expires_after_seven_days_on_the_sandbox_s_clock(call: Any, flow: Any) -> None:
    codes = [(await call.create(**slots(240))).code for _ in range(2)]
    call.sandbox.clock.advance(7 * DAY - 60)
    await flow("book", codes[0])
    call.sandbox.clock.advance(120)
    with pytest.raises(SandboxError, match="410 BOOKING_LINK_EXPIRED: the booking link has expired"):
        await flow("book", codes[1])
    assert (await meeting(call, codes[1]))["scheduledAt"] is None


# ---- finalizing


async def test_a_recruiter_finalizes_with_recommendation_and_rationale(call: Any, flow: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code)
    assert not [name for name in await meeting(call, code) if name.startswith("evaluationF")]
    await flow("finalize", code, recommendation="STRONG_HIRE", rationale="Clear, calm, deep", by="user-12")
    final = await meeting(call, code)
    assert final["evaluationRecommendation"] == "STRONG_HIRE"
    assert final["evaluationRecommendationRationale"] == "Clear, calm, deep"
    assert final["evaluationFinalizedBy"] == "user-12"
    assert final["evaluationFinalizedAt"].endswith("Z")
    await flow("finalize", code, recommendation="NO_HIRE")
    final = await meeting(call, code)
    assert (final["evaluationRecommendation"], final["evaluationRecommendationRationale"]) == ("NO_HIRE", None)


async def test_only_an_evaluated_interview_can_be_finalized(call: Any, flow: Any) -> None:
    code = (await call.create()).code
    with pytest.raises(SandboxError, match="409 NOT_EVALUATED: the interview has no evaluation to finalize"):
        await flow("finalize", code, recommendation="HIRE")
    call.sandbox.play(code)
    with pytest.raises(SandboxError, match="recommendation must be one of STRONG_HIRE, HIRE, NO_HIRE, STRONG_NO_HIRE"):
        await flow("finalize", code, recommendation="PASS")


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        ("play", {"too": "END"}, "422 VALIDATION_FAILED: too is unknown: did you mean to?"),
        ("book", {"begin": "x"}, "422 VALIDATION_FAILED: begin is unknown: the known name is start"),
        ("finalize", {"recomendation": "HIRE"}, "422 VALIDATION_FAILED: recomendation is unknown: did you mean recom"),
        ("finalize", {}, "400 MISSING_FIELD: recommendation is required"),
    ],
)
async def test_an_unknown_name_gets_the_nearest_known_one(call: Any, name: str, body: Any, problem: str) -> None:
    code = (await call.create()).code
    response = await call(f"POST /_sandbox/interviews/{code}/{name}", body, key=None)
    assert f"{response.status} {response.body['code']}: {response.body['error']}".startswith(problem)


# ---- sessions


async def test_a_meeting_falls_back_and_has_a_second_session(call: Any, flow: Any) -> None:
    code = (await call.create(**HUMAN)).code
    for step in ("ACTIVE", "SCHEDULED", "ACTIVE", "COMPLETED", "SCHEDULED", "ACTIVE", "END"):
        await flow("play", code, to=step)
    ended = await meeting(call, code)
    assert (ended["sessionStatus"], ended["endReason"]) == ("COMPLETED", "HOST_COMPLETED")
    assert [one.event for one in call.sandbox.webhooks.deliveries].count("interview.evaluation") == 1


async def test_a_meeting_that_its_host_ended_early_can_be_reopened(call: Any, flow: Any) -> None:
    code = (await call.create(**HUMAN)).code
    await flow("play", code, to="ACTIVE")
    await flow("play", code, to="HOST_ENDED")
    ended = await meeting(call, code)
    assert (ended["sessionStatus"], ended["endReason"]) == ("COMPLETED", "HOST_ENDED")
    assert call.sandbox.webhooks.deliveries == ()
    await flow("play", code, to="SCHEDULED")
    assert "endReason" not in await meeting(call, code)
    await flow("play", code, to="END")
    with pytest.raises(SandboxError, match="409 ILLEGAL_TRANSITION"):
        await flow("play", code, to="SCHEDULED")


async def test_an_analysed_meeting_cannot_be_reopened(call: Any, flow: Any) -> None:
    code = (await call.create(**HUMAN)).code
    await flow("play", code, to="ACTIVE")
    await flow("play", code, to="HOST_ENDED")
    await call(f"POST /interviews/{code}/analyze")
    with pytest.raises(SandboxError, match="409 ILLEGAL_TRANSITION"):
        await flow("play", code, to="SCHEDULED")


# ---- expiry


@pytest.mark.parametrize("body", [{}, HUMAN, TEAM], ids=["ai", "human", "team"])
async def test_an_interview_expires_24_hours_after_its_scheduled_end(call: Any, body: dict[str, Any]) -> None:
    code = (await call.create(**body, scheduledAt=at(1), durationMinutes=60)).code
    call.sandbox.clock.advance(26 * HOUR - 60)
    assert (await meeting(call, code))["sessionStatus"] == "SCHEDULED"
    call.sandbox.clock.advance(120)
    listed = (await call("GET /interviews?status=COMPLETED")).body["meetings"]
    assert [(one["meetingCode"], one["endReason"]) for one in listed] == [(code, "EXPIRED")]
    assert [email.kind for email in call.sandbox.sent_emails if email.kind != "invitation"] == []
    assert call.sandbox.webhooks.deliveries == ()


async def test_expiry_is_seen_from_python_too(call: Any) -> None:
    code = (await call.create(scheduledAt=at(1))).code
    call.sandbox.clock.advance(3 * DAY)
    with pytest.raises(SandboxError, match=r"409 ILLEGAL_TRANSITION: the interview is COMPLETED \(EXPIRED\)"):
        call.sandbox.play(code)


async def test_a_booked_and_a_moved_interview_expire_by_their_new_time(call: Any) -> None:
    booked = (await call.create(**slots(1))).code
    call.sandbox.book(booked)
    moved = (await call.create(scheduledAt=at(1))).code
    await call(f"PATCH /interviews/{moved}/reschedule", {"scheduledAt": at(100)})
    call.sandbox.clock.advance(2 * DAY)
    assert (await meeting(call, booked))["endReason"] == "EXPIRED"
    assert (await meeting(call, moved))["sessionStatus"] == "SCHEDULED"


@pytest.mark.parametrize(
    ("body", "steps"),
    [
        ({}, ()),
        ({"scheduledAt": "2020-01-01T10:00:00Z"}, ()),
        ({**HUMAN, "scheduledAt": at(1)}, ("ACTIVE", "SCHEDULED")),
        ({**HUMAN, "scheduledAt": at(1)}, ("ACTIVE",)),
    ],
    ids=["no time", "a time that was past already", "somebody was there", "somebody is there"],
)
async def test_what_does_not_expire(call: Any, body: dict[str, Any], steps: tuple[Any, ...]) -> None:
    code = (await call.create(**body)).code
    for step in steps:
        call.sandbox.play(code, step)
    call.sandbox.clock.advance(30 * DAY)
    assert "endReason" not in await meeting(call, code)


# ---- the candidate's feedback and custom questions


@pytest.mark.parametrize(("wanted", "kinds"), [(True, ["invitation", "feedback"]), (False, ["invitation"])])
async def test_the_candidate_gets_feedback_without_a_score(call: Any, wanted: bool, kinds: list[str]) -> None:
    code = (await call.create(sendCandidateFeedback=wanted)).code
    call.sandbox.play(code)
    assert [email.kind for email in call.sandbox.sent_emails] == kinds
    await call(f"POST /interviews/{code}/analyze")
    assert [email.kind for email in call.sandbox.sent_emails] == kinds
    if wanted:
        feedback = call.sandbox.sent_emails[-1]
        assert (feedback.to, feedback.meeting_code) == ("jane@example.com", code)
        assert not any(character.isdigit() for character in feedback.subject)


async def test_only_the_candidate_gets_feedback_and_only_after_an_evaluation(call: Any) -> None:
    code = (await call.create(**HUMAN, sendCandidateFeedback=True)).code
    call.sandbox.play(code, "COMPLETED")
    assert [email.kind for email in call.sandbox.sent_emails] == ["invitation"] * 2
    call.sandbox.play(code, "END")
    assert [(email.to, email.kind) for email in call.sandbox.sent_emails[2:]] == [("jane@example.com", "feedback")]


def evaluation_event(call: Any) -> Any:
    (body,) = (one.body for one in call.sandbox.webhooks.deliveries if one.event == "interview.evaluation")
    return json.loads(body)["data"]


async def test_the_questions_given_have_custom_responses(call: Any) -> None:
    call.sandbox.play((await call.create(questions=["Why us?", "Why now?"])).code)
    responses = evaluation_event(call)["customQuestionResponses"]
    assert [one["question"] for one in responses] == ["Why us?", "Why now?"]
    assert all(one["candidateAnswer"] for one in responses)


async def test_without_questions_there_are_no_custom_responses(call: Any) -> None:
    call.sandbox.play((await call.create()).code)
    assert not evaluation_event(call).get("customQuestionResponses")
