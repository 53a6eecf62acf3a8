"""Every response that the vendor publishes is read by the real client, and nothing of it is lost."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from boooply import (
    AIInterview,
    APIStatusError,
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    AuthenticationError,
    BadRequestError,
    Candidate,
    Participant,
    PaymentRequiredError,
    PermissionDeniedError,
    Tenant,
)
from tests.vendor_examples import assert_read, examples, primary

KEY = "bply_org_0123456789abcdef"
PLATFORM_KEY = "bply_platform_0123456789abcdef"
RESPONSES = examples("responses")
ERRORS = {400: BadRequestError, 401: AuthenticationError}


class Replay:
    """A server that returns one body, whatever the request, and is its own file store."""

    url = ""

    def __init__(self) -> None:
        self.status, self.body = 200, ""

    def say(self, status: int, body: object) -> Any:
        """Set the response, and return its body as it will be sent."""
        self.status, self.body = status, json.dumps(body).replace("{api}", self.url).replace("{files}", self.url)
        return json.loads(self.body)

    async def respond(self, _: web.Request) -> web.Response:
        return web.Response(status=self.status, text=self.body, content_type="application/json")


@pytest.fixture
async def replay() -> AsyncIterator[Replay]:
    replay = Replay()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", replay.respond)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    replay.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield replay
    await runner.cleanup()


Call = Callable[[AsyncBoooplyClient, AsyncBoooplyPlatform, str], Awaitable[Any]]

KIM = Candidate(name="Kim Sato", email="kim@example.com")
MIA = Participant(name="Mia Moe", email="mia@nordwind.example", role="INTERVIEWER")
TENANT = Tenant(user_id="48213", user_email="ops@nordwind.example", organization_id="org_5550001234")
TIME = datetime(2031, 4, 5, 14, tzinfo=UTC)
BEN = "ben@nordwind.example"

CALLS: dict[str, Call] = {
    "interviews.create": lambda c, _, __: c.interviews.create(AIInterview(job_role="Data Engineer", candidate=KIM)),
    "interviews.get": lambda c, _, code: c.interviews.get(code),
    "interviews.list": lambda c, _, __: c.interviews.list(),
    "interviews.cancel": lambda c, _, code: c.interviews.cancel(code),
    "interviews.reschedule": lambda c, _, code: c.interviews.reschedule(code, scheduled_at=TIME),
    "interviews.delete": lambda c, _, code: c.interviews.delete(code),
    "interviews.add_participants": lambda c, _, code: c.interviews.add_participants(code, participants=[MIA]),
    "interviews.list_participants": lambda c, _, code: c.interviews.list_participants(code),
    "interviews.remove_participant": lambda c, _, code: c.interviews.remove_participant(code, "p-1"),
    "interviews.get_recording": lambda c, _, code: c.interviews.get_recording(code),
    "interviews.get_transcript": lambda c, _, code: c.interviews.get_transcript(code),
    "interviews.get_evaluation": lambda c, _, code: c.interviews.get_evaluation(code),
    "interviews.trigger_analysis": lambda c, _, code: c.interviews.trigger_analysis(code),
    "interviews.get_availability": lambda c, _, __: c.interviews.get_availability(BEN),
    "interviews.get_busy_blocks": lambda c, _, __: c.interviews.get_busy_blocks(BEN),
    "organization.get": lambda c, _, __: c.organization.get(),
    "ai.generate_job_description": lambda c, _, __: c.ai.generate_job_description(job_role="Data Engineer"),
    "create_organization_api_key": lambda _, p, __: p.create_organization_api_key(TENANT),
}

Inner = Callable[[dict[str, Any]], Any]


def flat(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "success"}


def within(name: str) -> Inner:
    return lambda body: body[name] if name in body else flat(body)


def listed(body: dict[str, Any]) -> dict[str, Any]:
    """Return a page: `pagination` is an envelope of its own, and each interview may have second names."""
    page = primary({name: value for name, value in body.items() if name != "pagination"} | body.get("pagination", {}))
    return page | {"meetings": [primary(meeting) for meeting in page["meetings"]]}


def evaluated(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return an evaluation with what is beside it, or None until there is one."""
    if body.get("evaluation", body) is None:
        return None
    beside = {name: value for name, value in flat(body).items() if name != "evaluation"}
    inner: dict[str, Any] = beside | body.get("evaluation", {})
    return inner


# What is within the envelope of each operation. Dropped: `success`; `message` of a removal, a deletion and a recording
# that is not there; `total` of the participants, which is their number.
INNER: dict[str, Inner] = {
    **dict.fromkeys(
        ("interviews.create", "interviews.get", "interviews.cancel", "interviews.reschedule"), within("meeting")
    ),
    "interviews.list": listed,
    "interviews.delete": lambda _: None,
    "interviews.add_participants": within("participants"),
    "interviews.list_participants": within("participants"),
    "interviews.remove_participant": lambda _: None,
    "interviews.get_recording": within("recording"),
    "interviews.get_transcript": within("transcript"),
    "interviews.get_evaluation": evaluated,
    "interviews.trigger_analysis": flat,
    "interviews.get_availability": flat,
    "interviews.get_busy_blocks": flat,
    "organization.get": within("organization"),
    "ai.generate_job_description": lambda body: body.get("description") or body["jobDescription"],
    # the customer's id is the one that was sent, whether it is echoed or not
    "create_organization_api_key": lambda body: {"organizationId": "org_5550001234"} | flat(body),
}


def code_in(body: dict[str, Any]) -> str:
    meeting = body.get("meeting", body)
    return str(meeting.get("meetingCode") or meeting.get("code") or "Boooply-AI-1700000001")


async def read(replay: Replay, operation: str, body: dict[str, Any]) -> Any:
    async with (
        AsyncBoooplyClient(api_key=KEY, base_url=replay.url) as client,
        AsyncBoooplyPlatform(platform_key=PLATFORM_KEY, base_url=replay.url) as platform,
    ):
        return await CALLS[operation](client, platform, code_in(body))


def test_all_of_the_vendors_responses_are_here() -> None:
    assert len(RESPONSES) == 38
    assert {example["operation"] for example in RESPONSES} == {*CALLS} == {*INNER}


@pytest.mark.parametrize("example", RESPONSES, ids=lambda example: example["name"])
async def test_a_response_is_read_whole(replay: Replay, example: dict[str, Any]) -> None:
    operation, status = example["operation"], example["status"]
    body = replay.say(status, example["body"])
    if status != 200:
        with pytest.raises(ERRORS[status]) as caught:
            await read(replay, operation, body)
        assert (caught.value.message, caught.value.code) == (body["error"], body.get("code"))
        return
    assert_read(await read(replay, operation, body), INNER[operation](body))


@pytest.mark.parametrize(("status", "error"), [(402, PaymentRequiredError), (403, PermissionDeniedError)])
async def test_a_plan_that_is_used_up_is_said_in_the_vendors_words(
    replay: Replay, status: int, error: type[APIStatusError]
) -> None:
    words = "All 5 interviews of the free plan are used. Choose a plan to go on."
    body = replay.say(status, {"success": False, "error": words, "code": "PLAN_LIMIT"})
    with pytest.raises(error) as caught:
        await read(replay, "interviews.create", body)
    assert (caught.value.message, caught.value.code, caught.value.status) == (words, "PLAN_LIMIT", status)
    assert words in str(caught.value)
