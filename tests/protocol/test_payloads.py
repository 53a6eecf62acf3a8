"""Recorded payloads: every example shape of the contract, both forms of section 9 included."""

from typing import Any

import pytest

from boooply.protocol import endpoints
from boooply.protocol.bodies import json_body
from boooply.protocol.messages import Response

MEETING: dict[str, Any] = {
    "id": "6f1e7c1c-0000-4000-8000-000000000000",
    "meetingCode": "Boooply-AI-1234567890",
    "code": "Boooply-AI-1234567890",
    "url": "https://meetings.boooply.com/Boooply-AI-1234567890",
    "title": "Frontend Engineer",
    "meetingType": "AI_ONLY",
    "isTeamMeeting": False,
    "sessionStatus": "COMPLETED",
    "scheduledAt": "2026-06-01T10:00:00Z",
    "durationMinutes": 30,
    "participants": [
        {"id": "p1", "name": "Jane", "email": "jane@example.com", "role": "CANDIDATE", "joinToken": "abcdefghijklmnop"}
    ],
    "source": "API",
    "sourceId": "org_7234567890",
    "sourcePlatform": None,
    "overallScore": 82,
    "endReason": "AUTO_COMPLETED",
    "evaluationRecommendation": "HIRE",
    "evaluationRecommendationRationale": "Solid",
    "evaluationFinalizedBy": "recruiter@acme.example",
    "evaluationFinalizedAt": "2026-06-02T10:00:00Z",
}
EVALUATION: dict[str, Any] = {
    "recommendation": "PASS",
    "overallScore": 82,
    "communication": 80,
    "technical": 85,
    "cultureFit": 70,
    "problemSolving": 90,
    "experienceMatch": 75,
    "questionEvaluations": [{"question": "Why?", "score": 80, "notes": "Clear"}],
}
RUBRIC: dict[str, Any] = {
    "byCriterion": {
        "ownership": {
            "score": None,
            "evidenceCount": 0,
            "evidenceQuotes": ["I did"],
            "confidence": "LOW",
            "assessmentState": "NOT_ASSESSED",
            "ratingLabel": None,
            "rationale": "Not asked",
        }
    },
    "mustHavesMet": True,
    "overallConfidence": 0.8,
    "aiRecommendation": "HIRE",
    "rubricSnapshot": {"version": 3},
}
OTHERS: dict[str, Any] = {
    "aiSummary": "Good",
    "recommendations": {"strengths": ["Clear"], "improvements": [], "nextSteps": ["Meet the team"]},
    "meetingStatistics": {"duration": 1800, "turnCount": 40, "silence": 3},
    "rawAnalysis": {"anything": [1]},
    "interviewerEvaluation": {"overallRating": None, "confidenceLevel": "LOW", "questionQuality": {"rating": 3}},
}
SLOTS = [{"start": "2026-06-01T10:00:00Z", "end": "2026-06-01T10:30:00Z"}]


def read(row: endpoints.Endpoint[Any], payload: dict[str, Any]) -> Any:
    return row.parse(Response(status=200, headers={}, body=json_body(payload)))


INTERVIEW_ROWS = [
    endpoints.CREATE_INTERVIEW,
    endpoints.GET_INTERVIEW,
    endpoints.CANCEL_INTERVIEW,
    endpoints.RESCHEDULE_INTERVIEW,
]


@pytest.mark.parametrize("row", INTERVIEW_ROWS, ids=lambda row: row.operation)
def test_an_interview_in_both_forms(row: endpoints.Endpoint[Any]) -> None:
    wrapped = read(row, {"success": True, "meeting": MEETING})
    flat = read(row, {"success": True, **MEETING})

    assert wrapped == flat
    assert wrapped.extra == {}
    assert (wrapped.code, wrapped.session_status, wrapped.overall_score) == ("Boooply-AI-1234567890", "COMPLETED", 82)
    assert wrapped.evaluation_finalized_by == "recruiter@acme.example"
    assert wrapped.participants[0].join_token.reveal() == "abcdefghijklmnop"


def test_the_second_spelling_of_code_and_status() -> None:
    interview = read(endpoints.GET_INTERVIEW, {"code": "c", "status": "ACTIVE"})

    assert (interview.meeting_code, interview.session_status, interview.extra) == ("c", "ACTIVE", {})


@pytest.mark.parametrize(
    "payload",
    [
        {"meetingCode": "c", "status": "ACTIVE"},
        {"code": "c", "sessionStatus": "ACTIVE"},
        {"meetingCode": "c", "sessionStatus": None, "status": "ACTIVE"},
    ],
)
def test_each_field_may_have_its_second_spelling_alone(payload: dict[str, Any]) -> None:
    interview = read(endpoints.GET_INTERVIEW, payload)
    assert (interview.meeting_code, interview.session_status, interview.extra) == ("c", "ACTIVE", {})


def test_the_first_spelling_wins() -> None:
    both = {"meetingCode": "first", "code": "second", "sessionStatus": "ACTIVE", "status": "FAILED"}

    interview = read(endpoints.GET_INTERVIEW, both)

    assert (interview.meeting_code, interview.session_status) == ("first", "ACTIVE")


def test_a_list_in_the_first_form() -> None:
    pagination = {"page": 2, "limit": 20, "total": 41, "totalPages": 3}
    page = read(endpoints.LIST_INTERVIEWS, {"success": True, "meetings": [MEETING], "pagination": pagination})

    assert [interview.meeting_code for interview in page.items] == ["Boooply-AI-1234567890"]
    assert (page.page, page.limit, page.total, page.total_pages, page.extra) == (2, 20, 41, 3, {})


def test_a_list_in_the_second_form() -> None:
    page = read(endpoints.LIST_INTERVIEWS, {"interviews": [MEETING], "total": 41, "page": 2})

    assert [interview.meeting_code for interview in page.items] == ["Boooply-AI-1234567890"]
    assert (page.page, page.limit, page.total, page.total_pages, page.extra) == (2, None, 41, None, {})


def test_an_organization_in_both_forms() -> None:
    fields = {"id": "o1", "name": "Acme", "slug": "acme", "externalOrgId": "org_1", "plan": "PRO"}

    wrapped = read(endpoints.GET_ORGANIZATION, {"success": True, "organization": fields})
    assert wrapped == read(endpoints.GET_ORGANIZATION, {"success": True, **fields})
    assert (wrapped.id, wrapped.external_org_id, wrapped.extra) == ("o1", "org_1", {})


def test_an_evaluation_in_both_forms() -> None:
    wrapped = read(endpoints.GET_EVALUATION, {"success": True, "evaluation": EVALUATION, **OTHERS})
    flat = read(endpoints.GET_EVALUATION, {"success": True, **EVALUATION, **OTHERS})

    assert wrapped == flat
    assert wrapped.extra == {}
    assert (wrapped.recommendation, wrapped.overall_score, wrapped.problem_solving) == ("PASS", 82, 90)
    assert wrapped.question_evaluations[0].notes == "Clear"
    assert wrapped.by_criterion is None
    assert wrapped.recommendations.next_steps == ("Meet the team",)
    assert wrapped.meeting_statistics.extra == {"silence": 3}
    assert wrapped.raw_analysis == {"anything": [1]}
    assert wrapped.interviewer_evaluation.question_quality.rating == 3


def test_an_evaluation_by_rubric() -> None:
    evaluation = read(endpoints.GET_EVALUATION, {"evaluation": EVALUATION | RUBRIC})

    ownership = evaluation.by_criterion["ownership"]
    assert (ownership.score, ownership.confidence, ownership.evidence_quotes) == (None, "LOW", ("I did",))
    assert (evaluation.ai_recommendation, evaluation.overall_confidence) == ("HIRE", 0.8)


@pytest.mark.parametrize(
    "payload",
    [
        {"success": True, "evaluation": None, "aiSummary": None, "recommendations": None},
        {"success": True, "recommendation": None, "overallScore": None},
        {"success": True},
    ],
)
def test_until_the_analysis_has_run_there_is_no_evaluation(payload: dict[str, Any]) -> None:
    assert read(endpoints.GET_EVALUATION, payload) is None


def test_a_minted_key() -> None:
    key = read(
        endpoints.CREATE_ORGANIZATION_API_KEY,
        {
            "success": True,
            "apiKey": "bply_org_0123456789abcdef",
            "userId": "12345",
            "userEmail": "admin@acme.com",
            "organizationId": "org_7234567890",
            "organizationName": "Acme Corporation",
            "meetingBaseUrl": "https://meetings.boooply.com",
            "apiBaseUrl": "https://api.boooply.com",
            "message": "Created",
        },
    )

    assert key.api_key.reveal() == "bply_org_0123456789abcdef"
    assert (key.organization_id, key.api_base_url, key.message) == (
        "org_7234567890",
        "https://api.boooply.com",
        "Created",
    )


def test_only_the_key_is_required() -> None:
    assert read(endpoints.CREATE_ORGANIZATION_API_KEY, {"apiKey": "bply_org_0"}).api_key.reveal() == "bply_org_0"


PARTICIPANT = {
    "id": "p1",
    "name": "Jane",
    "email": "jane@example.com",
    "role": "OBSERVER",
    "joinToken": "abcdefghijklmnop",
    "joinedAt": "2026-06-01T10:00:00Z",
    "leftAt": None,
    "isActive": True,
}


@pytest.mark.parametrize("row", [endpoints.LIST_PARTICIPANTS, endpoints.ADD_PARTICIPANTS], ids=lambda r: r.operation)
def test_participants(row: endpoints.Endpoint[Any]) -> None:
    (jane,) = read(row, {"success": True, "participants": [PARTICIPANT], "total": 1})

    assert (jane.id, jane.role, jane.is_active, jane.left_at) == ("p1", "OBSERVER", True, None)
    assert read(row, {"success": True}) == ()
    assert read(row, {"success": True, "participants": None}) == ()


def test_a_recording() -> None:
    fields = {"duration": 120.5, "format": "mp4", "videoUrl": "https://s3.example/v?sig=1", "videoApiUrl": "https://x"}

    recording = read(endpoints.GET_RECORDING, {"success": True, "recording": fields})

    assert (recording.duration, recording.format, recording.video_api_url) == (120.5, "mp4", "https://x")
    assert "s3.example" not in repr(recording)
    assert read(endpoints.GET_RECORDING, {"success": True, "recording": None, "message": "Not yet"}) is None


def test_both_forms_of_a_transcript() -> None:
    ai = {"speaker": "AI", "role": "AI", "content": "Hello", "timestamp": "2026-06-01T10:00:00Z"}
    human = {"id": "t1", "speaker": "Ann", "role": "HOST", "content": "Hi", "startMs": 0, "endMs": 900, "confidence": 1}

    first, second = read(endpoints.GET_TRANSCRIPT, {"success": True, "transcript": [ai, human]})

    assert (first.role, first.content, first.timestamp.hour, first.start_ms) == ("AI", "Hello", 10, None)
    assert (second.id, second.start_ms, second.end_ms, second.confidence, second.timestamp) == ("t1", 0, 900, 1, None)
    assert "Hello" not in repr(first)
    assert read(endpoints.GET_TRANSCRIPT, {"transcript": [ai | {"timestamp": "00:12"}]})[0].timestamp == "00:12"


def test_availability() -> None:
    payload = {"success": True, "calendarConnected": True, "email": "a@b.example", "durationMinutes": 30, "days": 14}

    availability = read(endpoints.GET_AVAILABILITY, payload | {"slots": SLOTS, "total": 1})

    assert (availability.duration_minutes, availability.days, availability.total) == (30, 14, 1)
    assert availability.slots[0].end.minute == 30
    unconnected = {"success": True, "calendarConnected": False, "slots": [], "message": "No calendar"}
    assert read(endpoints.GET_AVAILABILITY, unconnected).message == "No calendar"


def test_busy_blocks() -> None:
    payload = {"success": True, "calendarConnected": True, "email": "a@b.example", "days": 14, "timezone": "Asia/Tokyo"}

    busy = read(endpoints.GET_BUSY_BLOCKS, payload | {"busyBlocks": SLOTS, "total": 1})

    assert (busy.timezone, busy.total, len(busy.busy_blocks)) == ("Asia/Tokyo", 1, 1)


def test_an_analysis_job() -> None:
    job = read(endpoints.TRIGGER_ANALYSIS, {"success": True, "queued": True, "jobId": 17})

    assert (job.queued, job.job_id) == (True, "17")


@pytest.mark.parametrize("name", ["description", "jobDescription"])
def test_both_spellings_of_a_job_description(name: str) -> None:
    assert read(endpoints.GENERATE_JOB_DESCRIPTION, {"success": True, name: "Build things"}) == "Build things"


@pytest.mark.parametrize(
    "row", [endpoints.DELETE_INTERVIEW, endpoints.REMOVE_PARTICIPANT], ids=lambda row: row.operation
)
def test_an_operation_without_a_result_needs_no_body(row: endpoints.Endpoint[Any]) -> None:
    assert read(row, {"success": True, "message": "Gone"}) is None
    assert row.parse(Response(status=204, headers={}, body=b"")) is None
