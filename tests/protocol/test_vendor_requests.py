"""The vendor's published requests: each can be expressed, is sent as published, and is accepted by the sandbox."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from boooply import (
    AIInterview,
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    Candidate,
    HumanInterview,
    InterviewRequest,
    Participant,
    Slot,
    TeamMeeting,
    TeamMember,
    Tenant,
    from_dict,
)
from boooply.participants import from_google, from_microsoft, from_user
from boooply.sandbox import Sandbox

REQUESTS: list[dict[str, Any]] = json.loads(
    Path(__file__).parents[1].joinpath("data", "vendor", "requests.json").read_text("utf-8")
)
BY_NAME = {one["name"]: one for one in REQUESTS}
INTERVIEWS = {name: one for name, one in BY_NAME.items() if "sdk" in one}
OTHERS = {name: one for name, one in BY_NAME.items() if "sdk" not in one}

AI, HUMAN = "Boooply-AI-1700000001", "Boooply-H-1700000002"
BEN = Participant(name="Ben", email="ben@nordwind.example", role="INTERVIEWER")
BEN_BERG = Participant(name="Ben Berg", email="ben@nordwind.example", role="INTERVIEWER")
HOST = Participant(name="Olga", email="olga@nordwind.example", role="HOST")
COLLEAGUE = Participant(name="Ben", email="ben@nordwind.example", role="PARTICIPANT")
KIM = Candidate(name="Kim", email="kim@example.com")
KIM_SATO = Candidate(name="Kim Sato", email="kim@example.com")
ROLE_KIM = Participant(name="Kim", email="kim@example.com", role="CANDIDATE")


def at(day: int, hour: int, *, month: int = 4) -> datetime:
    return datetime(2031, month, day, hour, tzinfo=UTC)


def slot(day: int, hour: int, minutes: int) -> Slot:
    return Slot(start=at(day, hour), end=at(day, hour) + timedelta(minutes=minutes))


def sdk(name: str) -> dict[str, Any]:
    given: dict[str, Any] = INTERVIEWS[name]["sdk"]
    return given


# Each interview as a Python programmer writes it.
BY_HAND: dict[str, Callable[[], InterviewRequest]] = {
    "AI interview, short form as forwarded by an ATS": lambda: AIInterview(
        job_role="Data Engineer", candidate=KIM, skills=["SQL", "Airflow"]
    ),
    "AI interview, all options": lambda: AIInterview(
        job_role="Senior Data Engineer",
        company_name="Nordwind Logistik",
        candidate=KIM_SATO,
        candidate_cv="Eight years of pipelines.\nWarehouse migrations.\f\nPage two: talks.",
        skills=["SQL", "Airflow", "dbt"],
        seniority="SENIOR",
        department="Data",
        job_description="You build what moves our data.",
        work_setup="HYBRID",
        employment_type="FULL_TIME",
        duration_minutes=25,
        evaluation_focus="knowledge",
        send_candidate_feedback=True,
        ai_generate=True,
        questions=["Which pipeline are you proud of?"],
        external_job_id="job_77",
        title="First talk with Kim",
        category="SCREENING",
        stage="Round 1",
    ),
    "AI interview, candidate with an ATS user ID": lambda: AIInterview(
        job_role="Data Engineer",
        candidate=Candidate(
            name="Kim Sato", email="kim@example.com", external_user_id="cand_901", auth_provider="NATIVE"
        ),
    ),
    "AI interview, parsed CV as a JSON string": lambda: AIInterview(
        job_role="Backend Engineer",
        candidate=KIM,
        candidate_cv=sdk("AI interview, parsed CV as a JSON string")["candidateCV"],
    ),
    "1-to-1 interview, FIXED implied by scheduledAt alone": lambda: HumanInterview(
        job_role="Product Manager",
        scheduled_at=at(1, 14),
        duration_minutes=45,
        participants=[
            Participant(name="Kim Sato", email="kim@example.com", role="CANDIDATE"),
            BEN_BERG,
            Participant(name="Mia Moe", email="mia@nordwind.example", role="INTERVIEWER"),
        ],
        skills=["Product Strategy"],
        questions=["How do you decide what not to build?"],
    ),
    "1-to-1 interview, CANDIDATE_PICKS with one-hour slots and the default duration": lambda: HumanInterview(
        job_role="Product Designer",
        scheduling_mode="CANDIDATE_PICKS",
        skills=["Figma"],
        candidate=KIM_SATO,
        participants=[BEN_BERG],
        available_slots=[slot(1, 9, 60), slot(2, 11, 60)],
    ),
    "1-to-1 interview, slots taken from availability": lambda: HumanInterview(
        job_role="Designer",
        duration_minutes=45,
        scheduling_mode="CANDIDATE_PICKS",
        available_slots=[slot(1, 9, 45)],
        candidate=KIM,
        participants=[BEN],
    ),
    "team meeting with recording and an external guest": lambda: TeamMeeting(
        scheduled_at=at(1, 10),
        duration_minutes=60,
        agenda=["Review", "Plans", "Hiring"],
        transcription_enabled=True,
        participants=[HOST, COLLEAGUE, Participant(name="Dan Out", email="dan@elsewhere.example", role="PARTICIPANT")],
    ),
    "team meeting without recording (the default)": lambda: TeamMeeting(
        scheduled_at=at(1, 10), participants=[HOST, COLLEAGUE]
    ),
    "REST form, as curl sends it: meetingType and participants, no isTeamMeeting": lambda: AIInterview(
        job_role="Data Engineer", candidate=KIM_SATO, skills=["SQL"], duration_minutes=20
    ),
    "AI interview, custom questions only": lambda: AIInterview(
        job_role="Data Engineer",
        candidate=KIM,
        ai_generate=False,
        questions=["What is a backfill?", "How do you test a pipeline?"],
    ),
    "AI interview, CV with a leading newline and indentation": lambda: AIInterview(
        job_role="Backend Engineer",
        candidate=KIM,
        candidate_cv="\n    Kim Sato\n    Backend Engineer\n\n    Experience:\n    - Fjord: services\n  ",
    ),
    "1-to-1 interview without a scheduled time": lambda: HumanInterview(
        job_role="Backend Engineer", participants=[ROLE_KIM, BEN]
    ),
    "team meeting without a scheduled time": lambda: TeamMeeting(
        participants=[HOST, COLLEAGUE], agenda=["Plans"], transcription_enabled=True, duration_minutes=60
    ),
    "participants from Google, Microsoft and a custom system": lambda: HumanInterview(
        job_role="Designer",
        participants=[
            from_google(
                {"name": "Jo Smith", "email": "jo@mail.example", "id": "g-123", "picture": "https://img.example/jo.png"}
            ),
            from_microsoft({"displayName": "Bo Johnson", "mail": "bo@nordwind.example", "id": "ms-456"}, role="HOST"),
            from_user(
                {"name": "Kim Sato", "email": "kim@example.com", "externalUserId": 48213, "authProvider": "NATIVE"},
                role="CANDIDATE",
            ),
        ],
    ),
}

Call = Callable[[AsyncBoooplyClient], Awaitable[object]]

# All other operations, by the client's methods.
CALLS: dict[str, Call] = {
    "list, one status as a plain string": lambda client: client.interviews.list(
        status="COMPLETED", type="AI_ONLY", search="data", page=1, limit=20
    ),
    "list, several statuses, date range, score range": lambda client: client.interviews.list(
        status=["COMPLETED", "CANCELLED"],
        type="TEAM",
        source_id="org_5550001234",
        date_field="scheduled",
        date_from=at(1, 0, month=1),
        date_to=at(1, 0, month=2),
        score_min=60,
        score_max=100,
        page=2,
        limit=100,
    ),
    "cancel": lambda client: client.interviews.cancel(AI, reason="The position is filled"),
    "cancel without a reason: the body is {}": lambda client: client.interviews.cancel(AI),
    "reschedule": lambda client: client.interviews.reschedule(
        AI, scheduled_at=at(5, 14), duration_minutes=30, reason="The candidate asked"
    ),
    "add a participant": lambda client: client.interviews.add_participants(
        HUMAN, participants=[{"name": "Mia Moe", "email": "mia@nordwind.example", "role": "INTERVIEWER"}]
    ),
    "trigger analysis: no body, but the vendor's SDK still sends Content-Type application/json": lambda client: (
        client.interviews.trigger_analysis(AI)
    ),
    "availability": lambda client: client.interviews.get_availability(
        "ben@nordwind.example", duration_minutes=45, days=7
    ),
    "busy blocks": lambda client: client.interviews.get_busy_blocks("ben@nordwind.example", days=14),
    "job description": lambda client: client.ai.generate_job_description(
        job_role="Senior Data Engineer",
        department="Data",
        skills=["SQL", "Airflow"],
        seniority="SENIOR",
        work_setup="REMOTE",
        employment_type="FULL_TIME",
    ),
    "get": lambda client: client.interviews.get(AI),
    "delete": lambda client: client.interviews.delete(AI),
    "participants": lambda client: client.interviews.list_participants(AI),
    "remove participant": lambda client: client.interviews.remove_participant(AI, "p-1"),
    "recording": lambda client: client.interviews.get_recording(AI),
    "transcript": lambda client: client.interviews.get_transcript(AI),
    "evaluation": lambda client: client.interviews.get_evaluation(AI),
    "organization": lambda client: client.organization.get(),
}

OLGA: dict[str, Any] = {
    "user_id": 48213,
    "user_email": "ops@nordwind.example",
    "user_name": "Olga Ops",
    "organization_id": "org_5550001234",
    "organization_name": "Nordwind Logistik",
}
TENANTS: dict[str, Tenant] = {
    "mint a key, all fields": Tenant(
        **OLGA,
        team_members=[
            TeamMember(email="ben@nordwind.example", name="Ben", role="ADMIN"),
            TeamMember(email="mia@nordwind.example", name="Mia", role="MEMBER"),
        ],
    ),
    "mint a key, data from the signed-in user": Tenant(**OLGA),
}


class Recorder:
    """A server that records what it is sent, and responds with something for every operation."""

    def __init__(self) -> None:
        self.received: dict[str, Any] = {}

    async def respond(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.received = {
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "content_type": request.headers.get("Content-Type"),
            "body": json.loads(body) if body else None,
        }
        code = next((step for step in request.path.split("/") if step in {AI, HUMAN}), "Boooply-AI-1")
        everything: dict[str, Any] = {
            "apiKey": "bply_org_0123456789abcdef",
            "meeting": {"meetingCode": code},
            "meetings": [],
            "pagination": {"page": int(request.query.get("page", "1")), "totalPages": 1},
            "participants": [],
            "transcript": [],
            "recording": None,
            "evaluation": None,
            "description": "A role",
            "organization": {"name": "Nordwind"},
        }
        return web.json_response({"success": True, **everything})


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def recorder_url(recorder: Recorder) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", recorder.respond)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def recorded_client(recorder_url: str) -> AsyncIterator[AsyncBoooplyClient]:
    async with AsyncBoooplyClient(api_key="bply_org_0123456789abcdef", base_url=recorder_url) as client:
        yield client


def on_the_wire(vendor: dict[str, Any]) -> dict[str, Any]:
    """Give what the contract says is sent: the body, or what the JavaScript SDK makes of its caller's object."""
    if "body" in vendor or "sdk" not in vendor:
        return {"query": vendor.get("query", {}), "body": vendor.get("body")}
    body = dict(vendor["sdk"])
    kind = body.pop("type", None)
    if kind is not None:
        body["meetingType"] = "AI_ONLY" if kind == "ai" else "HUMAN"
        body["isTeamMeeting"] = kind == "team"
    if "candidate" in body:
        body["participants"] = [{**body.pop("candidate"), "role": "CANDIDATE"}]
    return {"query": {}, "body": body}


def without_defaults(sent: dict[str, Any], *, is_creation: bool) -> dict[str, Any]:
    """Leave out defaults, which may be spelt out or not."""
    query = {
        name: value for name, value in sent["query"].items() if (name, value) not in {("page", "1"), ("limit", "20")}
    }
    body = sent["body"]
    if is_creation:
        defaults: dict[str, Any] = {"isTeamMeeting": False, "durationMinutes": 30}
        body = {name: value for name, value in body.items() if name not in defaults or defaults[name] != value}
    return {"query": query, "body": body}


def check(recorder: Recorder, vendor: dict[str, Any]) -> None:
    received = recorder.received
    assert (received["method"], received["path"]) == (vendor["method"], vendor["path"])
    is_creation = "sdk" in vendor
    assert without_defaults(received, is_creation=is_creation) == without_defaults(
        on_the_wire(vendor), is_creation=is_creation
    )
    if vendor["method"] in {"POST", "PATCH"}:
        assert received["content_type"] == "application/json"


def test_every_request_of_the_vendor_is_here() -> None:
    assert {*BY_HAND} == {*INTERVIEWS}
    assert {*CALLS, *TENANTS} == {*OTHERS}
    assert len(REQUESTS) == len(BY_NAME) == 35


@pytest.mark.parametrize("name", INTERVIEWS)
async def test_an_interview_of_the_javascript_sdk(
    name: str, recorder: Recorder, recorded_client: AsyncBoooplyClient
) -> None:
    await recorded_client.interviews.create(from_dict(InterviewRequest, sdk(name)))
    check(recorder, INTERVIEWS[name])


@pytest.mark.parametrize("name", INTERVIEWS)
async def test_an_interview_by_hand(name: str, recorder: Recorder, recorded_client: AsyncBoooplyClient) -> None:
    await recorded_client.interviews.create(BY_HAND[name]())
    check(recorder, INTERVIEWS[name])


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_of_the_client(name: str, recorder: Recorder, recorded_client: AsyncBoooplyClient) -> None:
    await CALLS[name](recorded_client)
    check(recorder, OTHERS[name])


@pytest.mark.parametrize("name", TENANTS)
async def test_minting_a_key(name: str, recorder: Recorder, recorder_url: str) -> None:
    tenant = TENANTS[name]
    assert from_dict(Tenant, OTHERS[name]["body"]) == tenant
    async with AsyncBoooplyPlatform(platform_key="bply_platform_0123456789abcdef", base_url=recorder_url) as platform:
        await platform.create_organization_api_key(tenant)
    check(recorder, OTHERS[name])


@pytest.mark.parametrize("name", BY_NAME)
async def test_the_sandbox_accepts_it(name: str, sandbox: Sandbox, client: AsyncBoooplyClient) -> None:
    vendor = BY_NAME[name]
    kind = HumanInterview if HUMAN in vendor["path"] else AIInterview
    interview = await client.interviews.create(kind(job_role="Cook", candidate=KIM))
    if vendor["path"].endswith("/analyze"):
        sandbox.play(interview.meeting_code)
    path = vendor["path"].replace(AI, interview.meeting_code).replace(HUMAN, interview.meeting_code)
    path = path.replace("p-1", str(interview.participants[0].id))
    key = sandbox.platform_key if "server-auth" in path else sandbox.api_key
    expected = on_the_wire(vendor)
    async with (
        aiohttp.ClientSession(sandbox.base_url, headers={"Authorization": f"Bearer {key}"}) as session,
        session.request(vendor["method"], path, params=expected["query"], json=expected["body"]) as response,
    ):
        assert response.ok, await response.text()
