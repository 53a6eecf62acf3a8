"""Every operation on interviews, in both flavours over real HTTP (contract sections 5 and 6)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from boooply import (
    AIInterview,
    BadRequestError,
    Candidate,
    ConflictError,
    HumanInterview,
    Interview,
    NotFoundError,
    Participant,
    Slot,
    TeamMeeting,
    Tenant,
    ValidationError,
)
from boooply.sandbox import Sandbox

JANE = Candidate(name="Jane", email="jane@example.com")
BOB = Participant(name="Bob", email="bob@acme.example", role="INTERVIEWER")
HOST = Participant(name="Ann", email="ann@acme.example", role="HOST")
NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)

AI = AIInterview(job_role="Frontend Engineer", candidate=JANE)
HUMAN = HumanInterview(job_role="Frontend Engineer", candidate=JANE, participants=[BOB])
TEAM = TeamMeeting(title="Debrief", participants=[HOST, BOB], agenda=["Jane"])


@pytest.fixture
async def interview(face) -> Interview:
    created: Interview = await face.do(face.client.interviews.create, AI)
    return created


@pytest.mark.parametrize(
    ("request_object", "meeting_type", "is_team", "roles"),
    [
        pytest.param(AI, "AI_ONLY", False, ["CANDIDATE"], id="ai"),
        pytest.param(HUMAN, "HUMAN", False, ["CANDIDATE", "INTERVIEWER"], id="human"),
        pytest.param(TEAM, "HUMAN", True, ["HOST", "INTERVIEWER"], id="team"),
    ],
)
async def test_create(
    face, sandbox: Sandbox, request_object, meeting_type: str, is_team: bool, roles: list[str]
) -> None:
    interview = await face.do(face.client.interviews.create, request_object)

    assert (interview.meeting_type, interview.is_team_meeting) == (meeting_type, is_team)
    assert [participant.role for participant in interview.participants] == roles
    assert interview.session_status == "SCHEDULED"
    assert interview.duration_minutes == 30
    assert [email.meeting_code for email in sandbox.sent_emails] == [interview.meeting_code] * len(roles)


async def test_create_rejects_anything_but_a_request_object(face, sandbox: Sandbox) -> None:
    with pytest.raises(ValidationError, match="request: must be an AIInterview"):
        await face.do(face.client.interviews.create, {"type": "ai"})

    assert sandbox.calls == ()


async def test_every_field_of_a_request_arrives(face) -> None:
    request = AIInterview(
        job_role="Engineer",
        candidate=JANE,
        title="First talk",
        skills=["Python", "SQL"],
        questions=["Why us?"],
        seniority="SENIOR",
        department="R&D",
        job_description="Build things",
        stage="1",
        company_name="Acme & Söhne",
        external_job_id="job-1",
        candidate_cv="Ten years of Python",
        work_setup="REMOTE",
        employment_type="FULL_TIME",
        ai_generate=True,
        send_candidate_feedback=False,
        category="TECHNICAL",
        evaluation_focus="problem_solving",
        duration_minutes=45,
        scheduling_mode="FIXED",
        scheduled_at=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))),
    )

    interview = await face.do(face.client.interviews.create, request)

    assert interview.title == "First talk"
    assert interview.duration_minutes == 45
    assert interview.scheduled_at == NOON


async def test_a_candidate_picks_a_slot_of_the_interviewers_calendar(face) -> None:
    availability = await face.do(face.client.interviews.get_availability, BOB.email, duration_minutes=30, days=7)
    request = HumanInterview(
        job_role="Engineer",
        candidate=JANE,
        participants=[BOB],
        scheduling_mode="CANDIDATE_PICKS",
        available_slots=availability.slots[:50],
    )

    interview = await face.do(face.client.interviews.create, request)

    assert availability.calendar_connected
    assert all(slot.end - slot.start == timedelta(minutes=30) for slot in availability.slots)
    assert interview.scheduled_at is None


async def test_get(face, interview: Interview) -> None:
    assert await face.do(face.client.interviews.get, interview.meeting_code) == interview


async def test_an_interview_of_another_organization_is_not_found(face, interview: Interview, tenant: Tenant) -> None:
    key = (await face.do(face.platform.create_organization_api_key, tenant)).api_key
    other = face.platform.organization(key)

    with pytest.raises(NotFoundError) as caught:
        await face.do(other.interviews.get, interview.meeting_code)

    assert caught.value.status == 404
    assert caught.value.operation == "interviews.get"


async def test_cancel(face, interview: Interview) -> None:
    cancelled = await face.do(face.client.interviews.cancel, interview.meeting_code, reason="Filled")

    assert cancelled.session_status == "CANCELLED"
    assert cancelled.is_over
    with pytest.raises(BadRequestError):
        await face.do(face.client.interviews.cancel, interview.meeting_code)


async def test_reschedule(face, interview: Interview) -> None:
    moved = await face.do(
        face.client.interviews.reschedule, interview.meeting_code, scheduled_at=NOON, duration_minutes=60
    )

    assert (moved.scheduled_at, moved.duration_minutes) == (NOON, 60)
    again = await face.do(face.client.interviews.reschedule, interview.meeting_code, scheduled_at=NOON, reason="Later")
    assert again.duration_minutes == 60


async def test_delete(face, interview: Interview) -> None:
    assert await face.do(face.client.interviews.delete, interview.meeting_code) is None

    with pytest.raises(NotFoundError):
        await face.do(face.client.interviews.get, interview.meeting_code)


async def test_participants_are_added_listed_and_removed(face, sandbox: Sandbox) -> None:
    code = (await face.do(face.client.interviews.create, HUMAN)).code
    emails = len(sandbox.sent_emails)

    (added,) = await face.do(face.client.interviews.add_participants, code, participants=[HOST])

    assert (added.email, added.role) == (HOST.email, "HOST")
    assert added.join_token is not None
    assert [email.to for email in sandbox.sent_emails[emails:]] == [HOST.email]
    listed = await face.do(face.client.interviews.list_participants, code)
    shown = next(one for one in listed if one.id == added.id)
    assert (shown.email, shown.join_token, shown.is_active) == (added.email, added.join_token, False)
    with pytest.raises(ConflictError):
        await face.do(face.client.interviews.add_participants, code, participants=[HOST])
    assert await face.do(face.client.interviews.remove_participant, code, added.id) is None
    assert added.email not in [p.email for p in await face.do(face.client.interviews.list_participants, code)]


async def test_before_it_is_played_an_interview_has_no_results(face, interview: Interview) -> None:
    assert await face.do(face.client.interviews.get_recording, interview.meeting_code) is None
    assert await face.do(face.client.interviews.get_transcript, interview.meeting_code) == ()
    assert await face.do(face.client.interviews.get_evaluation, interview.meeting_code) is None
    with pytest.raises(BadRequestError):
        await face.do(face.client.interviews.trigger_analysis, interview.meeting_code)


async def test_after_an_ai_interview_everything_is_there(face, sandbox: Sandbox, interview: Interview) -> None:
    sandbox.play(interview.meeting_code)

    recording = await face.do(face.client.interviews.get_recording, interview.meeting_code)
    assert recording.duration > 0
    assert recording.video_url.reveal().startswith("http")
    transcript = await face.do(face.client.interviews.get_transcript, interview.meeting_code)
    assert {entry.role for entry in transcript} == {"AI", "CANDIDATE"}
    assert all(entry.content and entry.timestamp for entry in transcript)
    evaluation = await face.do(face.client.interviews.get_evaluation, interview.meeting_code)
    assert evaluation.recommendation in {"PASS", "FAIL", "REVIEW"}
    assert 0 <= evaluation.overall_score <= 100
    assert evaluation.question_evaluations[0].question
    assert evaluation.recommendations.strengths
    assert evaluation.meeting_statistics.duration > 0
    job = await face.do(face.client.interviews.trigger_analysis, interview.meeting_code)
    assert job.queued
    assert job.job_id


async def test_after_a_human_interview_the_transcript_is_in_milliseconds(face, sandbox: Sandbox) -> None:
    code = (await face.do(face.client.interviews.create, HUMAN)).code
    sandbox.play(code)

    transcript = await face.do(face.client.interviews.get_transcript, code)
    assert all(entry.end_ms >= entry.start_ms and entry.timestamp is None for entry in transcript)
    evaluation = await face.do(face.client.interviews.get_evaluation, code)
    assert evaluation.interviewer_evaluation is not None


async def test_availability_without_a_calendar(face) -> None:
    availability = await face.do(face.client.interviews.get_availability, "unconnected@acme.example")

    assert not availability.calendar_connected
    assert availability.slots == ()
    assert availability.message


async def test_busy_blocks(face) -> None:
    busy = await face.do(face.client.interviews.get_busy_blocks, BOB.email, days=7)

    assert busy.calendar_connected
    assert busy.timezone
    assert busy.total == len(busy.busy_blocks) > 0
    assert all(isinstance(block, Slot) for block in busy.busy_blocks)


async def test_generate_job_description(face) -> None:
    description = await face.do(
        face.client.ai.generate_job_description, job_role="Data Engineer", skills=["SQL"], seniority="LEAD"
    )

    assert "Data Engineer" in description
    with pytest.raises(ValidationError, match="seniority: must be one of JUNIOR"):
        await face.do(face.client.ai.generate_job_description, job_role="Engineer", seniority="GOD")


async def test_request_sends_what_has_no_method(face, interview: Interview) -> None:
    response = await face.do(face.client.request, "GET", "/api/integration/interviews", params={"limit": 1})

    assert response.status == 200
    assert response.json()["meetings"][0]["code"] == interview.meeting_code
    assert response.headers["content-type"].startswith("application/json")
    body = {"reason": "Filled"}
    await face.do(
        face.client.request, "patch", f"/api/integration/interviews/{interview.meeting_code}/cancel", json=body
    )
    assert (await face.do(face.client.interviews.get, interview.meeting_code)).session_status == "CANCELLED"
    with pytest.raises(NotFoundError):
        await face.do(face.client.request, "GET", "/api/integration/nothing")


async def test_a_copy_with_options_uses_the_same_connections(face) -> None:
    copy = face.client.with_options(timeout=5)

    assert (await face.do(copy.organization.get)).id
    await face.do(copy.close)
    assert (await face.do(face.client.organization.get)).id
