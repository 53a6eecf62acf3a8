"""Every response that the vendor publishes is read by the real client, and nothing of it is lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
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
    RetryPolicy,
    Tenant,
)
from tests.vendor_examples import assert_read, examples, primary

KEY = "bply_org_0123456789abcdef"
PLATFORM_KEY = "bply_platform_0123456789abcdef"
RESPONSES = examples("responses")
ERRORS = {400: BadRequestError, 401: AuthenticationError}


class Replay:
    """A server that returns one body, whatever the request."""

    url = ""

    def __init__(self) -> None:
        self.status, self.body = 200, ""

    def say(self, status: int, body: object) -> Any:
        """Set the response, and return its body as it will be sent."""
        self.status, self.body = status, json.dumps(body).replace("{api}", self.url).replace("{files}", self.url)
        return json.loads(self.body)

    async def respond(self, _: web.Request) -> web.Response:
        return web.Response(status=self.status, text=self.body, content_type="application/json")


@asynccontextmanager
async def serving(respond: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def replay() -> AsyncIterator[Replay]:
    replay = Replay()
    async with serving(replay.respond) as replay.url:
        yield replay


class FileStore:
    """A file store on another port, whose links work once, whose first body breaks off, and which rejects keys."""

    def __init__(self, replay: Replay) -> None:
        self.replay, self.served = replay, 0
        self.ranges: list[str | None] = []
        self.video = bytes(range(256)) * 4096

    async def recording(self, request: web.Request) -> web.Response:
        assert request.path == "/api/integration/interviews/Boooply-AI-1700000001/recording"
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        self.served = 0
        return await self.replay.respond(request)

    async def file(self, request: web.Request) -> web.StreamResponse:
        assert request.path_qs == "/rec/1700000001.mp4?X-Amz-Expires=604800"
        assert "Authorization" not in request.headers
        self.served += 1
        if self.served > 1:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>", content_type="text/xml")
        self.ranges.append(request.headers.get("Range"))
        start = int((self.ranges[-1] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        rest = self.video[start:]
        headers = {"Content-Type": "video/mp4", "Content-Length": str(len(rest))}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(self.video) - 1}/{len(self.video)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        await response.prepare(request)
        await response.write(rest if start else rest[: len(rest) // 2])
        await asyncio.sleep(0 if start else 0.1)
        if not start and request.transport is not None:
            request.transport.close()
        return response


async def test_a_recording_is_downloaded_from_what_the_vendor_documents(replay: Replay, tmp_path: Path) -> None:
    store = FileStore(replay)
    async with serving(store.file) as files, serving(store.recording) as api:
        (example,) = (one for one in RESPONSES if one["name"].startswith("recording:"))
        body = json.dumps(example["body"]).replace("{files}", files).replace("{api}", api)
        replay.say(200, json.loads(body))
        async with AsyncBoooplyClient(api_key=KEY, base_url=api, retry=RetryPolicy(backoff=0.01)) as client:
            recording = await client.interviews.download_recording("Boooply-AI-1700000001", tmp_path / "talk.mp4")
    assert (tmp_path / "talk.mp4").read_bytes() == store.video
    assert recording is not None
    assert recording.video_api_url == f"{api}/api/integration/interviews/Boooply-AI-1700000001/recording"
    first, second = store.ranges
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= len(store.video) // 2


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
    """Return a page: `pagination` is a separate envelope, and each interview may have second names."""
    page = primary({name: value for name, value in body.items() if name != "pagination"} | body.get("pagination", {}))
    return page | {"meetings": [primary(meeting) for meeting in page["meetings"]]}


def evaluated(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return an evaluation with the fields next to it, or None until there is one."""
    if body.get("evaluation", body) is None:
        return None
    others = {name: value for name, value in flat(body).items() if name != "evaluation"}
    inner: dict[str, Any] = others | body.get("evaluation", {})
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
async def test_an_exhausted_plan_is_reported_in_the_vendors_words(
    replay: Replay, status: int, error: type[APIStatusError]
) -> None:
    words = "All 5 interviews of the free plan are used. Choose a plan to continue."
    body = replay.say(status, {"success": False, "error": words, "code": "PLAN_LIMIT"})
    with pytest.raises(error) as caught:
        await read(replay, "interviews.create", body)
    assert (caught.value.message, caught.value.code, caught.value.status) == (words, "PLAN_LIMIT", status)
    assert words in str(caught.value)
