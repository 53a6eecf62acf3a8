"""Minting, creating, changing and listing over the raw wire."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest

JANE = {"name": "Jane", "email": "jane@example.com"}
HOST = {"name": "Zoë", "email": "zoe@example.com", "role": "HOST"}
SAM = {"name": "Sam", "email": "sam@example.com", "role": "INTERVIEWER"}
HUMAN: dict[str, Any] = {"meetingType": "HUMAN", "jobRole": "Nurse", "candidate": JANE, "participants": [HOST]}
TEAM: dict[str, Any] = {"meetingType": "HUMAN", "isTeamMeeting": True, "participants": [HOST], "title": "Debrief"}
LATER = "2030-01-01T10:00:00.000Z"


# ---- minting


async def test_minting_echoes_the_tenant_and_returns_a_working_key(call) -> None:
    response = await call.provision("org_7", organizationName="Acme Corporation")
    assert response.status == 201
    assert re.fullmatch(r"bply_org_[0-9a-f]{32}", response.body["apiKey"])
    base = call.sandbox.base_url
    assert {name: value for name, value in response.body.items() if name not in {"apiKey", "message"}} == {
        "success": True,
        "userId": "1",
        "userEmail": "admin@acme.com",
        "organizationId": "org_7",
        "organizationName": "Acme Corporation",
        "meetingBaseUrl": base,
        "apiBaseUrl": base,
    }
    organization = (await call("GET /organization", key=response.body["apiKey"])).body["organization"]
    uuid.UUID(organization.pop("id"))
    assert organization == {
        "name": "Acme Corporation",
        "slug": "acme-corporation",
        "externalOrgId": "org_7",
        "plan": "CUSTOM",
    }


async def test_a_second_mint_is_a_further_key_of_the_same_organization(call) -> None:
    bob, carol = {"email": "bob@acme.com", "role": "ADMIN"}, {"email": "carol@acme.com"}
    first = await call.provision("org_7", organizationName="Acme", teamMembers=[bob, {**bob, "email": "BOB@acme.com"}])
    second = await call.provision("org_7", organizationName="Other", teamMembers=[carol])
    await call.provision("org_8")
    keys = [first.body["apiKey"], second.body["apiKey"]]
    assert keys[0] != keys[1]
    shown = [(await call("GET /organization", key=key)).body["organization"] for key in keys]
    assert shown[0] == shown[1]
    assert second.body["organizationName"] == "Acme"
    summaries = (await call("GET /_sandbox/organizations", key=None)).body["organizations"]
    assert [(one["externalOrgId"], one["name"], one["mints"], one["teamMembers"]) for one in summaries] == [
        (None, "Sandbox Company", 0, 0),
        ("org_7", "Acme", 2, 2),
        ("org_8", "org_8", 1, 0),
    ]
    assert not any(key in str(summaries) for key in keys)


async def test_a_name_without_letters_still_has_a_slug(call) -> None:
    key = (await call.provision(organizationName="会社")).body["apiKey"]
    assert (await call("GET /organization", key=key)).body["organization"]["slug"] == "organization"


# ---- create


async def test_the_meeting_has_every_field_of_the_contract(call) -> None:
    meeting = (await call.create(scheduledAt=LATER, skills=["Go"])).meeting
    assert re.fullmatch(r"Boooply-AI-\d{10}", meeting["meetingCode"])
    assert meeting["code"] == meeting["meetingCode"]
    assert meeting["url"] == f"{call.sandbox.base_url}/meeting/{meeting['code']}"
    uuid.UUID(meeting["id"])
    fixed = {
        "title": "AI Interview with Jane for Engineer at Sandbox Company",
        "meetingType": "AI_ONLY",
        "isTeamMeeting": False,
        "sessionStatus": "SCHEDULED",
        "scheduledAt": LATER,
        "durationMinutes": 30,
        "source": None,
        "sourceId": None,
        "sourcePlatform": None,
        "overallScore": None,
    }
    assert {name: meeting[name] for name in fixed} == fixed
    assert set(meeting) - set(fixed) == {"id", "meetingCode", "code", "url", "participants"}
    (person,) = meeting["participants"]
    uuid.UUID(person["id"])
    assert len(person["joinToken"]) >= 32
    assert (person["name"], person["email"], person["role"]) == ("Jane", "jane@example.com", "CANDIDATE")
    assert meeting == (await call(f"GET /interviews/{meeting['code']}")).meeting
    assert person["joinToken"] not in repr(call.sandbox._state.interviews(call.sandbox._state.organizations()[0].id))


async def test_codes_name_the_kind_and_are_unique(call) -> None:
    bodies = [{}, {}, HUMAN, TEAM]
    codes = [(await call.create(**body)).code for body in bodies]
    assert [code.rpartition("-")[0] for code in codes] == ["Boooply-AI", "Boooply-AI", "Boooply-H", "Team"]
    assert len(set(codes)) == 4


async def test_a_minted_keys_interview_names_its_tenant(call) -> None:
    call.key = (await call.provision("org_7", organizationName="Acme")).body["apiKey"]
    meeting = (await call.create()).meeting
    assert (meeting["source"], meeting["sourceId"], meeting["sourcePlatform"]) == ("Acme", "org_7", "Sandbox ATS")
    assert meeting["title"] == "AI Interview with Jane for Engineer at Acme"


async def test_every_creation_invites_everybody(call) -> None:
    codes = [(await call.create(**HUMAN)).code for _ in range(2)]
    assert [(email.to, email.kind, email.meeting_code) for email in call.sandbox.sent_emails] == [
        (to, "invitation", code) for code in codes for to in ("jane@example.com", "zoe@example.com")
    ]
    shown = (await call("GET /_sandbox/emails", key=None)).body["emails"]
    assert [(one["to"], one["kind"], one["meetingCode"]) for one in shown] == [
        (email.to, email.kind, email.meeting_code) for email in call.sandbox.sent_emails
    ]


# ---- cancel, reschedule, delete


CHANGES = [("cancel", {"reason": "ill"}), ("reschedule", {"scheduledAt": LATER})]


@pytest.mark.parametrize(("verb", "body"), CHANGES, ids=["cancel", "reschedule"])
@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ((), 200),
        (("FAILED",), 200),
        (("ACTIVE",), 400),
        (("COMPLETED",), 400),
        (("END",), 400),
        (("NO_SHOW",), 400),
        (("COMPLETED", "SCHEDULED"), 200),
    ],
    ids=str,
)
async def test_the_status_decides_whether_an_interview_can_change(
    call, verb: str, body: Any, steps: tuple[Any, ...], status: int
) -> None:
    code = (await call.create(**HUMAN)).code
    for step in steps:
        call.sandbox.play(code, step)
    before = (await call(f"GET /interviews/{code}")).meeting
    response = await call(f"PATCH /interviews/{code}/{verb}", body)
    assert response.status == status
    after = (await call(f"GET /interviews/{code}")).meeting
    if status == 400:
        assert response.body["code"] == "INVALID_STATUS"
        assert after == before
    else:
        assert after == response.meeting
        assert after["sessionStatus"] == ("CANCELLED" if verb == "cancel" else "SCHEDULED")
    sent = [email.kind for email in call.sandbox.sent_emails[2:]]
    assert sent == ([] if status == 400 else [{"cancel": "cancellation"}.get(verb, verb)] * 2)


@pytest.mark.parametrize(("verb", "body"), CHANGES, ids=["cancel", "reschedule"])
async def test_a_cancelled_interview_stays_cancelled(call, verb: str, body: Any) -> None:
    code = (await call.create()).code
    assert (await call(f"PATCH /interviews/{code}/cancel")).meeting["sessionStatus"] == "CANCELLED"
    assert (await call(f"PATCH /interviews/{code}/{verb}", body)).status == 400


@pytest.mark.parametrize(("changes", "minutes"), [({}, 45), ({"durationMinutes": 60}, 60)], ids=["kept", "given"])
async def test_rescheduling_keeps_the_duration_unless_given(call, changes: dict[str, Any], minutes: int) -> None:
    code = (await call.create(durationMinutes=45)).code
    new_time = {"scheduledAt": "2030-01-01T12:00:00+02:00", **changes}
    meeting = (await call(f"PATCH /interviews/{code}/reschedule", new_time)).meeting
    assert (meeting["scheduledAt"], meeting["durationMinutes"]) == (LATER, minutes)
    assert call.sandbox._state.interview_of_anyone(code).details["schedulingMode"] == "FIXED"


async def test_a_deleted_interview_is_gone(call) -> None:
    code = (await call.create()).code
    assert (await call(f"DELETE /interviews/{code}")).status == 200
    for route in (f"GET /interviews/{code}", f"DELETE /interviews/{code}", f"POST /_sandbox/interviews/{code}/play"):
        assert (await call(route)).status == 404
    assert (await call.create()).code != code


# ---- participants


async def test_participants_can_be_added_and_removed(call) -> None:
    code = (await call.create()).code
    added = await call(f"POST /interviews/{code}/participants", {"participants": [SAM, HOST]})
    assert added.status == 201
    assert [one["email"] for one in added.body["participants"]] == [SAM["email"], HOST["email"]]
    assert [email.to for email in call.sandbox.sent_emails[1:]] == [SAM["email"], HOST["email"]]
    listed = (await call(f"GET /interviews/{code}/participants")).body
    assert listed["total"] == 3
    assert set(added.body) == {"success", "participants"}
    absent = {"joinedAt": None, "leftAt": None, "isActive": False}
    assert listed["participants"][1:] == [{**one, **absent} for one in added.body["participants"]]
    assert set(listed["participants"][0]) == {
        "id", "name", "email", "role", "joinToken", "joinedAt", "leftAt", "isActive",
    }  # fmt: skip
    tokens = {one["joinToken"] for one in listed["participants"]}
    assert len(tokens) == 3

    route = f"DELETE /interviews/{code}/participants/{added.body['participants'][0]['id']}"
    removed = await call(route)
    assert (removed.status, removed.body) == (200, {"success": True, "message": "Participant Sam removed"})
    again = await call(route)
    assert (again.status, again.body["code"]) == (404, "PARTICIPANT_NOT_FOUND")
    left = (await call(f"GET /interviews/{code}")).meeting["participants"]
    assert [one["email"] for one in left] == [JANE["email"], HOST["email"]]


async def test_adding_a_present_participant_is_a_conflict_and_adds_nobody(call) -> None:
    code = (await call.create()).code
    twice = [SAM, {"name": "J", "email": "JANE@example.com", "role": "HOST"}]
    response = await call(f"POST /interviews/{code}/participants", {"participants": twice})
    assert (response.status, response.body["code"]) == (409, "PARTICIPANT_EXISTS")
    assert (await call(f"GET /interviews/{code}/participants")).body["total"] == 1
    assert len(call.sandbox.sent_emails) == 1


# ---- list


@pytest.fixture
async def some(call) -> dict[str, str]:
    """Six interviews, oldest first: their codes by name."""
    bodies: dict[str, Any] = {
        "frontend": {"jobRole": "Frontend Engineer", "scheduledAt": "2030-01-01T00:00:00Z"},
        "data": {"jobRole": "Data Engineer", "candidate": {"name": "Zoë", "email": "z@data.example"}},
        "nurse": {**HUMAN, "scheduledAt": "2030-02-01T00:00:00Z"},
        "debrief": {**TEAM, "jobRole": ...},
        "cook": {"jobRole": "Cook"},
        "ended": {"jobRole": "Pilot"},
    }
    codes = {}
    for name, body in bodies.items():
        body.setdefault("candidate", ... if name == "debrief" else JANE)
        codes[name] = (await call.create(**body)).code
        call.sandbox.clock.advance(60)
    await call(f"PATCH /interviews/{codes['cook']}/cancel")
    call.sandbox.play(codes["nurse"], "ACTIVE")
    call.sandbox.play(codes["ended"])
    return codes


FOUND: list[tuple[dict[str, Any], str]] = [
    ({}, "ended cook debrief nurse data frontend"),
    ({"status": "ACTIVE"}, "nurse"),
    ({"status": "ACTIVE,CANCELLED,COMPLETED"}, "ended cook nurse"),
    ({"type": "AI_ONLY"}, "ended cook data frontend"),
    ({"type": "HUMAN"}, "nurse"),
    ({"type": "TEAM"}, "debrief"),
    ({"search": "engineer"}, "data frontend"),
    ({"search": "DEBRIEF"}, "debrief"),
    ({"search": "zoë"}, "data"),
    ({"search": "team-"}, "debrief"),
    ({"search": "@DATA.example"}, "data"),
    ({"search": "nothing"}, ""),
    ({"search": ""}, "ended cook debrief nurse data frontend"),
    ({"sourceId": "org_1"}, ""),
    ({"dateField": "scheduled"}, "ended cook debrief nurse data frontend"),
    ({"dateField": "scheduled", "dateFrom": "2030-01-01T00:00:00Z"}, "nurse frontend"),
    ({"dateField": "scheduled", "dateFrom": "2030-01-01T00:00:01Z"}, "nurse"),
    ({"dateField": "scheduled", "dateTo": "2030-01-01T00:00:00+00:00"}, "frontend"),
    ({"dateFrom": "2035-01-01T00:00:00Z"}, ""),
    ({"dateTo": "2035-01-01T00:00:00Z", "dateField": "created"}, "ended cook debrief nurse data frontend"),
    ({"scoreMin": "0"}, "ended"),
    ({"scoreMin": "99.5"}, ""),
    ({"scoreMax": "100"}, "ended"),
    ({"scoreMax": "1"}, ""),
    ({"status": "SCHEDULED", "type": "AI_ONLY", "search": "data"}, "data"),
    ({"somethingNew": "1"}, "ended cook debrief nurse data frontend"),
    ({"limit": "4"}, "ended cook debrief nurse"),
    ({"limit": "4", "page": "2"}, "data frontend"),
    ({"limit": "4", "page": "3"}, ""),
    ({"limit": "100"}, "ended cook debrief nurse data frontend"),
]


@pytest.mark.parametrize(("query", "found"), FOUND, ids=[str(row[0]) for row in FOUND])
async def test_list_filters_newest_first(call, some: dict[str, str], query: dict[str, str], found: str) -> None:
    response = await call("GET /interviews", params=query)
    names = {code: name for name, code in some.items()}
    assert [names[meeting["code"]] for meeting in response.body["meetings"]] == found.split()


async def test_list_counts_its_pages(call, some: dict[str, str]) -> None:
    paged = (await call("GET /interviews", params={"limit": "4", "page": "2"})).body["pagination"]
    assert paged == {"page": 2, "limit": 4, "total": len(some), "totalPages": 2}
    empty = (await call("GET /interviews", params={"search": "nothing"})).body["pagination"]
    assert empty == {"page": 1, "limit": 20, "total": 0, "totalPages": 0}


async def test_list_splits_at_the_time_of_creation(call, some: dict[str, str]) -> None:
    created = call.sandbox._state.interview_of_anyone(some["nurse"]).created_at
    after = (created + timedelta(seconds=1)).isoformat()
    newer = (await call("GET /interviews", params={"dateFrom": after})).body["meetings"]
    older = (await call("GET /interviews", params={"dateTo": after})).body["meetings"]
    assert ([one["code"] for one in newer], len(older)) == ([some["ended"], some["cook"], some["debrief"]], 3)


async def test_list_filters_by_the_tenant(call) -> None:
    call.key = (await call.provision("org_1")).body["apiKey"]
    await call.create()
    found = [(await call("GET /interviews", params={"sourceId": one})).body["meetings"] for one in ("org_1", "org_2")]
    assert [len(meetings) for meetings in found] == [1, 0]


BAD_QUERIES = [
    ("status", ["", "DONE", "ACTIVE,", "active", "ACTIVE, COMPLETED"]),
    ("type", ["", "AI", "team"]),
    ("dateField", ["", "updated"]),
    ("dateFrom", ["", "2030-01-01", "2030-01-01T00:00:00", "2030-01-01T00:00:00 00:00"]),
    ("dateTo", ["soon"]),
    ("scoreMin", ["", "-1", "101", "nan", "many"]),
    ("scoreMax", ["100.1"]),
    ("page", ["", "0", "-1", "1.5", "1_0", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 5000]),
    ("limit", ["0", "101", "all"]),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD_QUERIES for value in values],
    ids=[f"{name}={value[:20]}" for name, values in BAD_QUERIES for value in values],
)
async def test_list_rejects_a_bad_value(call, name: str, value: str) -> None:
    response = await call("GET /interviews", params={name: value})
    assert (response.status, response.body["code"]) == (400, "INVALID_PARAMETER")
    assert response.body["error"].startswith(f"{name} must be")


async def test_a_job_description_contains_the_given_facts(call) -> None:
    full = {"jobRole": "Pilot", "seniority": "LEAD", "skills": ["Calm", "Radio"], "workSetup": "ONSITE"}
    assert (await call("POST /generate-job-description", full)).body["description"] == (
        "We are looking for a Pilot (LEAD, ONSITE). What you bring: Calm, Radio."
    )
    bare = (await call("POST /generate-job-description", {"jobRole": "Pilot"})).body
    assert set(bare) == {"success", "description"}
    assert "Pilot." in bare["description"]
