"""The rules of request bodies: one case per rule; a rejected body changes nothing."""

from io import BytesIO
from typing import Any

import pytest

JANE = {"name": "Jane", "email": "jane@example.com", "role": "CANDIDATE"}
HOST = {"name": "Zoë", "email": "zoe@example.com", "role": "HOST"}
AI: dict[str, Any] = {"meetingType": "AI_ONLY", "jobRole": "Engineer", "participants": [JANE]}
HUMAN: dict[str, Any] = {"meetingType": "HUMAN", "jobRole": "Engineer", "participants": [JANE, HOST]}
TEAM: dict[str, Any] = {"meetingType": "HUMAN", "isTeamMeeting": True, "participants": [HOST]}
TENANT = {"userId": "1", "userEmail": "admin@acme.com", "organizationId": "org_1"}
SLOT = {"start": "2030-01-01T10:00:00Z", "end": "2030-01-01T10:30:00Z"}
GONE = ...
"""A field that is left out."""


def changed(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**body, **changes}.items() if value is not GONE}


REJECTED = [
    # body, changes, status, the field and the rule that the text names
    (AI, {"meetingType": GONE}, 400, "meetingType is required"),
    (AI, {"meetingType": "ROBOT"}, 422, "meetingType must be one of AI_ONLY, HUMAN"),
    (AI, {"meetingType": 7}, 400, "meetingType must be a string"),
    (AI, {"meetingType": None}, 422, "meetingType must not be null"),
    (AI, {"meetingType": GONE, "type": "ai"}, 400, "meetingType is required"),
    (AI, {"isTeamMeeting": True}, 422, "isTeamMeeting must not be true with AI_ONLY"),
    (AI, {"isTeamMeeting": "yes"}, 400, "isTeamMeeting must be true or false"),
    (AI, {"jobRole": GONE}, 400, "jobRole is required"),
    (HUMAN, {"jobRole": GONE}, 400, "jobRole is required"),
    (AI, {"jobRole": " "}, 422, "jobRole must not be empty"),
    (AI, {"participants": GONE}, 400, "participants is required"),
    (AI, {"participants": GONE, "candidate": JANE}, 400, "participants is required"),
    (AI, {"participants": [HOST]}, 422, "participants must have a CANDIDATE"),
    (AI, {"participants": ["Jane"]}, 400, "participants[0] must be an object"),
    (AI, {"participants": [{"name": "Jane"}]}, 400, "participants[0].email is required"),
    (AI, {"participants": [{**JANE, "name": ""}]}, 422, "participants[0].name must not be empty"),
    (HUMAN, {"participants": GONE}, 400, "participants is required"),
    (HUMAN, {"participants": []}, 400, "participants is required"),
    (TEAM, {"participants": GONE}, 400, "participants is required"),
    (TEAM, {"participants": [{**HOST, "role": "CO_HOST"}]}, 422, "participants must have at least one HOST"),
    (TEAM, {"participants": HOST}, 400, "participants must be a list"),
    (TEAM, {"participants": [None]}, 422, "participants[0] must not be null"),
    (TEAM, {"participants": [HOST, {**JANE, "role": "BOSS"}]}, 422, "participants[1].role must be one of"),
    (TEAM, {"participants": [{**HOST, "role": GONE}]}, 400, "participants[0].role is required"),
    (TEAM, {"participants": [{**HOST, "authProvider": "AOL"}]}, 422, "participants[0].authProvider must be one of"),
    (TEAM, {"participants": [HOST, {**HOST, "email": "ZOE@example.com"}]}, 422, "must not name one e-mail"),
    (AI, {"durationMinutes": 4}, 422, "durationMinutes must be at least 5"),
    (AI, {"durationMinutes": "30"}, 400, "durationMinutes must be a whole number"),
    (AI, {"durationMinutes": 30.5}, 400, "durationMinutes must be a whole number"),
    (AI, {"durationMinutes": True}, 400, "durationMinutes must be a whole number"),
    (AI, {"durationMinutes": None}, 422, "durationMinutes must not be null"),
    (AI, {"schedulingMode": "FIXED"}, 400, "scheduledAt is required when schedulingMode is FIXED"),
    (AI, {"schedulingMode": "SOON"}, 422, "schedulingMode must be one of"),
    (AI, {"scheduledAt": "2030-01-01T10:00:00"}, 422, "scheduledAt must be an ISO 8601 time with an offset"),
    (AI, {"scheduledAt": "tomorrow"}, 422, "scheduledAt must be an ISO 8601 time with an offset"),
    (AI, {"scheduledAt": "0001-01-01T00:00:00+14:00"}, 422, "scheduledAt must be an ISO 8601 time with an offset"),
    (AI, {"scheduledAt": 1_700_000_000}, 400, "scheduledAt must be a string"),
    (AI, {"schedulingMode": "CANDIDATE_PICKS"}, 400, "availableSlots is required"),
    (AI, {"schedulingMode": "CANDIDATE_PICKS", "availableSlots": []}, 422, "availableSlots must not be empty"),
    (TEAM, {"schedulingMode": "CANDIDATE_PICKS", "availableSlots": [SLOT]}, 422, "schedulingMode must not be"),
    (AI, {"availableSlots": [SLOT] * 51}, 422, "availableSlots must have at most 50"),
    (AI, {"availableSlots": [{"start": SLOT["start"]}]}, 400, "availableSlots[0].end is required"),
    (AI, {"skills": "Go"}, 400, "skills must be a list"),
    (AI, {"skills": [1]}, 400, "skills[0] must be a string"),
    (AI, {"agenda": ["Hello"]}, 422, "agenda is for team meetings only"),
    (HUMAN, {"transcriptionEnabled": True}, 422, "transcriptionEnabled is for team meetings only"),
    (AI, {"seniority": "senior"}, 422, "seniority must be one of"),
    (AI, {"workSetup": "MOON"}, 422, "workSetup must be one of"),
    (AI, {"employmentType": "NONE"}, 422, "employmentType must be one of"),
    (AI, {"category": "OTHER"}, 422, "category must be one of"),
    (AI, {"evaluationFocus": "BALANCED"}, 422, "evaluationFocus must be one of"),
    (AI, {"aiGenerate": 1}, 400, "aiGenerate must be true or false"),
    (AI, {"candidateCV": {"name": "Jane"}}, 400, "candidateCV must be a string"),
    *[
        (AI, {"participants": [{**JANE, "email": email}]}, 422, "participants[0].email must be an e-mail address")
        for email in ("jane", "@example.com", "jane@", "a@b@c", "ja ne@example.com")
    ],
    *[
        (AI, {name: None}, 422, f"{name} must not be null")
        for name in ("participants", "scheduledAt", "skills", "title", "companyName", "stage", "category")
    ],
]


@pytest.mark.parametrize(
    ("body", "changes", "status", "says"), REJECTED, ids=[f"{row[3]}: {str(row[1])[:40]}" for row in REJECTED]
)
async def test_create_rejects_a_bad_body(
    call, body: dict[str, Any], changes: dict[str, Any], status: int, says: str
) -> None:
    sent = changed(body, changes)
    if "participants" in sent and isinstance(sent["participants"], list):
        sent["participants"] = [changed(row, {}) if isinstance(row, dict) else row for row in sent["participants"]]
    response = await call("POST /interviews", sent)
    assert (response.status, says in response.body["error"]) == (status, True), response.body
    assert response.body["code"] == {
        "is": "MISSING_FIELD",
        "must": "VALIDATION_FAILED" if status == 422 else "INVALID_TYPE",
    }.get(says.split()[1] if status == 400 else "must")
    assert call.sandbox.sent_emails == ()
    assert (await call("GET /interviews")).body["pagination"]["total"] == 0


ACCEPTED = [
    ("a field that nobody knows", AI, {"favouriteColour": None}, {}),
    ("five minutes", AI, {"durationMinutes": 5}, {"durationMinutes": 5}),
    ("slots of another length", AI, {"availableSlots": [SLOT], "durationMinutes": 45}, {"availableSlots": [SLOT]}),
    ("fifty slots", AI, {"availableSlots": [SLOT] * 50}, {"availableSlots": [SLOT] * 50}),
    ("slots of any length", AI, {"availableSlots": [SLOT], "durationMinutes": 45}, {"availableSlots": [SLOT]}),
    ("thirty minutes by default", AI, {}, {"durationMinutes": 30, "schedulingMode": "IMMEDIATE"}),
    (
        "a time makes it fixed",
        AI,
        {"scheduledAt": "2030-01-01T10:00:00+02:00"},
        {"scheduledAt": "2030-01-01T08:00:00.000Z", "schedulingMode": "FIXED"},
    ),
    (
        "the candidate picks",
        HUMAN,
        {"schedulingMode": "CANDIDATE_PICKS", "availableSlots": [SLOT]},
        {"schedulingMode": "CANDIDATE_PICKS", "scheduledAt": None},
    ),
    ("the SDK's own names", AI, {"type": "team", "candidate": 7}, {"meetingType": "AI_ONLY", "isTeamMeeting": False}),
    (
        "team meetings have no job role",
        TEAM,
        {"agenda": ["Hi"], "transcriptionEnabled": True},
        {"title": "Team Meeting", "agenda": ["Hi"], "transcriptionEnabled": True},
    ),
    ("what says nothing is no offence", AI, {"agenda": [], "transcriptionEnabled": False}, {"agenda": []}),
    ("its own title", AI, {"title": "Zoë's talk"}, {"title": "Zoë's talk"}),
    ("the usual title", AI, {"title": ""}, {"title": "AI Interview with Jane for Engineer at Sandbox Company"}),
    ("its company", AI, {"companyName": "Acme"}, {"title": "AI Interview with Jane for Engineer at Acme"}),
    ("people's usual title", HUMAN, {}, {"title": "Interview with Jane for Engineer at Sandbox Company"}),
    ("no candidate", HUMAN, {"participants": [HOST]}, {"title": "Interview for Engineer at Sandbox Company"}),
]


@pytest.mark.parametrize(("body", "changes", "shown"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
async def test_create_accepts_a_good_body(
    call, body: dict[str, Any], changes: dict[str, Any], shown: dict[str, Any]
) -> None:
    response = await call("POST /interviews", changed(body, changes))
    assert response.status == 201, response.body
    kept = {**call.sandbox._state.interview_of_anyone(response.code).details, **response.meeting}
    assert {name: kept[name] for name in shown} == shown


async def test_a_cv_is_not_kept(call) -> None:
    code = (await call.create(candidateCV="# Jane")).code
    assert "# Jane" not in repr(vars(call.sandbox._state)) + repr(call.sandbox._state.interview_of_anyone(code).details)


async def test_a_participants_profile_is_kept_and_not_sent(call) -> None:
    profile = {"externalUserId": "u1", "authProvider": "GOOGLE"}
    response = await call.create(candidate=..., participants=[{**JANE, **profile}])
    (kept,) = call.sandbox._state.interview_of_anyone(response.code).participants
    assert kept.profile == profile
    assert not set(profile) & set(response.meeting["participants"][0])


PROVISION_REJECTED = [
    *[({name: GONE}, 400, f"{name} is required") for name in ("userId", "userEmail", "organizationId")],
    ({"userId": ""}, 422, "userId must not be empty"),
    ({"userId": 1}, 400, "userId must be a string"),
    ({"userEmail": "admin"}, 422, "userEmail must be an e-mail address"),
    ({"userName": None}, 422, "userName must not be null"),
    ({"teamMembers": {}}, 400, "teamMembers must be a list"),
    ({"teamMembers": ["bob@acme.com"]}, 400, "teamMembers[0] must be an object"),
    ({"teamMembers": [{"name": "Bob"}]}, 400, "teamMembers[0].email is required"),
    ({"teamMembers": [{"email": "bob"}]}, 422, "teamMembers[0].email must be an e-mail address"),
    ({"teamMembers": [{"email": "bob@acme.com", "role": "BOSS"}]}, 422, "teamMembers[0].role must be one of"),
]


@pytest.mark.parametrize(("changes", "status", "says"), PROVISION_REJECTED, ids=[row[2] for row in PROVISION_REJECTED])
async def test_minting_rejects_a_bad_body(call, changes: dict[str, Any], status: int, says: str) -> None:
    response = await call(
        "POST /api/server-auth/create-api-key", changed(TENANT, changes), key=call.sandbox.platform_key
    )
    assert (response.status, says in response.body["error"]) == (status, True), response.body
    assert len((await call("GET /_sandbox/organizations")).body["organizations"]) == 1


OTHER_BODIES = [
    ("PATCH /interviews/{code}/cancel", {"reason": 1}, 400, "reason must be a string"),
    ("PATCH /interviews/{code}/cancel", {"reason": None}, 422, "reason must not be null"),
    ("PATCH /interviews/{code}/reschedule", {}, 400, "scheduledAt is required"),
    ("PATCH /interviews/{code}/reschedule", {"scheduledAt": "2030-01-01"}, 422, "scheduledAt must be an ISO"),
    (
        "PATCH /interviews/{code}/reschedule",
        {"scheduledAt": SLOT["start"], "durationMinutes": 1},
        422,
        "durationMinutes must be at least 5",
    ),
    ("POST /interviews/{code}/participants", {}, 400, "participants is required"),
    ("POST /interviews/{code}/participants", {"participants": []}, 422, "participants must have at least 1"),
    (
        "POST /interviews/{code}/participants",
        {"participants": [{"name": "J", "email": "j@b"}]},
        400,
        "participants[0].role is",
    ),
    ("POST /interviews/{code}/participants", {"participants": [HOST, HOST]}, 422, "must not name one e-mail"),
    ("POST /generate-job-description", {}, 400, "jobRole is required"),
    ("POST /generate-job-description", {"jobRole": "Dev", "seniority": "X"}, 422, "seniority must be one of"),
    ("POST /generate-job-description", {"jobRole": "Dev", "skills": "Go"}, 400, "skills must be a list"),
]


@pytest.mark.parametrize(
    ("route", "body", "status", "says"), OTHER_BODIES, ids=[f"{row[0]} {row[3]}" for row in OTHER_BODIES]
)
async def test_other_operations_reject_bad_bodies(call, route: str, body: Any, status: int, says: str) -> None:
    code = (await call.create()).code
    before = (await call(f"GET /interviews/{code}")).meeting
    response = await call(route.format(code=code), body)
    assert (response.status, says in response.body["error"]) == (status, True), response.body
    assert (await call(f"GET /interviews/{code}")).meeting == before
    assert len(call.sandbox.sent_emails) == 1


MALFORMED = [
    (b"{", "INVALID_JSON"),
    (b"[]", "INVALID_JSON"),
    (b'"text"', "INVALID_JSON"),
    (b"\xff\xfe", "INVALID_JSON"),
    (b'{"a": NaN}', "INVALID_JSON"),
    (b'{"jobRole": "\\ud800"}', "INVALID_JSON"),
    (b"[" * 100_000, "INVALID_JSON"),
    (b"", "MISSING_FIELD"),
]


@pytest.mark.parametrize(("raw", "code"), MALFORMED, ids=[str(row[0][:20]) for row in MALFORMED])
async def test_a_body_that_is_not_a_json_object_is_a_400(call, raw: bytes, code: str) -> None:
    response = await call("POST /interviews", data=raw, headers={"Content-Type": "application/json"})
    assert (response.status, response.body["code"]) == (400, code)


async def test_a_body_must_be_declared_as_json(call) -> None:
    response = await call("POST /interviews", data=b"{}", headers={"Content-Type": "text/plain"})
    assert (response.status, response.body["code"]) == (400, "INVALID_CONTENT_TYPE")


async def test_a_huge_body_is_rejected_in_the_json_form(call) -> None:
    huge = BytesIO(b'{"jobRole": "' + b"x" * (9 * 2**20) + b'"}')
    response = await call("POST /interviews", data=huge, headers={"Content-Type": "application/json"})
    assert (response.status, response.body["code"]) == (413, "BODY_TOO_LARGE")
