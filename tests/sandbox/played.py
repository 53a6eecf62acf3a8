"""Interviews of all kinds, made and played in one sandbox over real HTTP, with everything that it sent for them."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, cast

from aiohttp import ClientSession
from attrs import Factory, frozen

from boooply.sandbox import Sandbox

API = "/api/integration"
INTERVIEWS = 210
SLOTS = [{"start": "2031-04-01T09:00:00Z", "end": "2031-04-01T10:00:00Z"}]
KIM = {"name": "Kim Sato", "email": "kim@example.com", "role": "CANDIDATE"}
PROFILE = {
    "externalUserId": "cand_901",
    "authProvider": "NATIVE",
    "externalRole": "ATS",
    "avatarUrl": "https://i.example",
}
BEN = {"name": "Ben Berg", "email": "ben@nordwind.example", "role": "INTERVIEWER"}
MIA = {"name": "Mia Moe", "email": "mia@nordwind.example", "role": "HOST"}
OLGA = {"name": "Olga", "email": "olga@nordwind.example", "role": "PARTICIPANT"}
KINDS: dict[str, dict[str, Any]] = {
    "AI": {"meetingType": "AI_ONLY", "jobRole": "Data Engineer", "participants": [KIM]},
    "profile": {"meetingType": "AI_ONLY", "jobRole": "Data Engineer", "participants": [{**KIM, **PROFILE}]},
    "human": {"meetingType": "HUMAN", "jobRole": "Designer", "participants": [KIM, BEN]},
    "panel": {"meetingType": "HUMAN", "jobRole": "Designer", "participants": [KIM, BEN, MIA]},
    "team": {"meetingType": "HUMAN", "isTeamMeeting": True, "participants": [MIA, OLGA]},
    "transcribed": {
        "meetingType": "HUMAN",
        "isTeamMeeting": True,
        "participants": [MIA, OLGA],
        "agenda": ["Plans"],
        "transcriptionEnabled": True,
    },
}
SCHEDULES: tuple[dict[str, Any], ...] = (
    {},
    {"scheduledAt": "2031-04-01T14:00:00Z", "durationMinutes": 45},
    {"schedulingMode": "IMMEDIATE"},
    {"schedulingMode": "CANDIDATE_PICKS", "availableSlots": SLOTS},
)
OPTIONS: tuple[dict[str, Any], ...] = (
    {"title": "First talk with Kim"},
    {"skills": ["SQL", "Airflow", "dbt"], "seniority": "SENIOR"},
    {"questions": ["Which pipeline are you proud of?", "How do you backfill?"]},
    {"companyName": "Fjord", "department": "Data", "stage": "Round 1", "externalJobId": "job_77"},
    {"candidateCV": "Eight years of pipelines.\f\vPage two.", "jobDescription": "You move data."},
    {"sendCandidateFeedback": True, "aiGenerate": True, "category": "SCREENING", "evaluationFocus": "knowledge"},
)
ENDS = ("", "ACTIVE", "END", "END", "END", "ACTIVE END", "NO_SHOW", "EXPIRED", "FAILED", "cancel", "reschedule END")
RESUMABLE_ENDS = ("COMPLETED", "COMPLETED SCHEDULED", "COMPLETED SCHEDULED ACTIVE END", "HOST_ENDED")
EVALUATED_ENDS = ("END finalize", "SET", "SET finalize")
SET: dict[str, Any] = {
    "evaluation": {"overall": 35, "technicalSkills": 20, "recommendation": "FAIL"},
    "transcript": [
        {"speaker": "Kim Sato", "role": "CANDIDATE", "content": "Good morning."},
        {"speaker": "Kim Sato", "role": "CANDIDATE", "content": "That is all."},
    ],
}
"""The outcome that the step SET sets."""


@frozen(kw_only=True)
class Played:
    """One interview: how it was made and played, and what the sandbox sent for it."""

    kind: str
    steps: str
    given: dict[str, Any]
    bodies: dict[str, list[Any]] = Factory(lambda: defaultdict(list))

    @property
    def code(self) -> str:
        code: str = self.bodies["interviews.create"][0]["meeting"]["meetingCode"]
        return code

    @property
    def has_ended(self) -> bool:
        return not {"END", "SET"}.isdisjoint(self.steps.split())

    @property
    def took_place(self) -> bool:
        return self.has_ended or not {"COMPLETED", "HOST_ENDED"}.isdisjoint(self.steps.split())

    def last(self, of: str) -> Any:
        return self.bodies[of][-1]

    def events(self, of: str) -> list[Any]:
        return [body["data"] for body in self.bodies[of]]


@frozen(kw_only=True)
class Sent:
    """Everything that one sandbox sent, by operation and event, and interview by interview."""

    interviews: list[Played]
    others: dict[str, list[Any]]
    headers: list[Mapping[str, str]]

    def bodies(self, of: str) -> Iterator[Any]:
        yield from self.others[of]
        for interview in self.interviews:
            yield from interview.bodies[of]

    def evaluated(self) -> list[Played]:
        return [one for one in self.interviews if one.bodies["interview.evaluation"]]


class Caller:
    """A caller of every operation, over real HTTP."""

    def __init__(self, sandbox: Sandbox, session: ClientSession, others: dict[str, list[Any]]) -> None:
        self._sandbox = sandbox
        self._session = session
        self._others = others
        self.key = sandbox.api_key

    async def __call__(self, of: str, route: str, body: Any = None, *, to: Played | None = None, key: str = "") -> Any:
        method, path = route.split(" ", 1)
        url = f"{self._sandbox.base_url}{path if path.startswith('/api/') else API + path}"
        headers = {"Authorization": f"Bearer {key or self.key}"}
        async with self._session.request(method, url, headers=headers, json=body) as response:
            received = await response.json()
            assert response.status in {200, 201}, (route, received)
        (self._others if to is None else to.bodies)[of].append(received)
        return received

    async def interview(self, choice: random.Random, kind: str, steps: str) -> Played:
        chosen = choice.sample(OPTIONS, choice.randint(0, 3)) if "isTeamMeeting" not in KINDS[kind] else []
        schedules = SCHEDULES if "isTeamMeeting" not in KINDS[kind] else SCHEDULES[:2]
        given = {**KINDS[kind], **choice.choice(schedules)}
        for options in chosen:
            given |= options
        played = Played(kind=kind, steps=steps, given=given)
        await self("interviews.create", "POST /interviews", given, to=played)
        for step in steps.split():
            await self.step(played, step)
            await self("interviews.get", f"GET /interviews/{played.code}", to=played)
        await self.look(played)
        return played

    async def step(self, played: Played, step: str) -> None:
        one = f"/interviews/{played.code}"
        if step == "cancel":
            await self("interviews.cancel", f"PATCH {one}/cancel", {"reason": "The position is filled"}, to=played)
        elif step == "reschedule":
            new = {"scheduledAt": "2031-04-05T14:00:00+02:00", "reason": "The candidate asked"}
            await self("interviews.reschedule", f"PATCH {one}/reschedule", new, to=played)
        elif step == "SET":
            self._sandbox.play(played.code, **SET)
        elif step == "finalize":
            self._sandbox.finalize(played.code, "HIRE", rationale="Clear and calm")
        else:
            self._sandbox.play(played.code, cast("Any", step))

    async def look(self, played: Played) -> None:
        one = f"/interviews/{played.code}"
        await self("interviews.get", f"GET {one}", to=played)
        await self("interviews.list_participants", f"GET {one}/participants", to=played)
        for what in ("recording", "transcript", "evaluation"):
            await self(f"interviews.get_{what}", f"GET {one}/{what}", to=played)

    async def rest(self, played: Played, choice: random.Random) -> None:
        one = f"/interviews/{played.code}"
        if choice.random() < 0.2:
            dan = {"participants": [{"name": "Dan Out", "email": "dan@elsewhere.example", "role": "INTERVIEWER"}]}
            added = await self("interviews.add_participants", f"POST {one}/participants", dan, to=played)
            person = added["participants"][0]["id"]
            await self("interviews.remove_participant", f"DELETE {one}/participants/{person}", to=played)
        if played.has_ended and played.kind not in {"team", "transcribed"} and choice.random() < 0.3:
            await self("interviews.trigger_analysis", f"POST {one}/analyze", to=played)
            await self.look(played)

    async def list_all(self) -> None:
        for page in (1, 2, 3, 99):
            await self("interviews.list", f"GET /interviews?limit=100&page={page}")

    async def all_else(self) -> None:
        for path in ("availability", "busy-blocks"):
            operation = f"interviews.get_{path.replace('-', '_')}"
            for person in ("ben@nordwind.example", "unconnected@nordwind.example"):
                await self(operation, f"GET /{path}?email={person}&days=7")
        await self("organization.get", "GET /organization")
        facts = {"jobRole": "Data Engineer", "skills": ["SQL"], "seniority": "SENIOR"}
        await self("ai.generate_job_description", "POST /generate-job-description", facts)


async def all_sent() -> Sent:
    """Make and play the interviews, always the same ones."""
    choice = random.Random(18)
    others: dict[str, list[Any]] = defaultdict(list)
    async with Sandbox() as sandbox, ClientSession() as session:
        call = Caller(sandbox, session, others)
        tenant = {"userId": "48213", "userEmail": "ops@nordwind.example", "organizationId": "org_5550001234"}
        named = {**tenant, "organizationName": "Nordwind Logistik"}
        keys = [sandbox.api_key]
        for body in (named, tenant):
            minted = await call(
                "create_organization_api_key", "POST /api/server-auth/create-api-key", body, key=sandbox.platform_key
            )
            keys.append(minted["apiKey"])
        interviews = []
        for number in range(INTERVIEWS):
            call.key = keys[number % 3]
            kind = [*KINDS][number % len(KINDS)]
            resumable = () if kind in {"AI", "profile"} else RESUMABLE_ENDS
            evaluated = () if "isTeamMeeting" in KINDS[kind] else EVALUATED_ENDS
            steps = choice.choice((*ENDS, *resumable, *evaluated))
            played = await call.interview(choice, kind, steps)
            await call.rest(played, choice)
            interviews.append(played)
        for call.key in keys[:2]:
            await call.list_all()
            await call.all_else()
        by_code = {one.code: one for one in interviews}
        for request in sandbox.webhooks.requests:
            body = json.loads(request.body)
            by_code[body["data"]["meetingCode"]].bodies[request.event].append(body)
        headers = [request.headers for request in sandbox.webhooks.requests]
        for played in interviews[:3]:
            call.key = keys[interviews.index(played) % 3]
            await call("interviews.delete", f"DELETE /interviews/{played.code}", to=played)
        return Sent(interviews=interviews, others=others, headers=headers)
