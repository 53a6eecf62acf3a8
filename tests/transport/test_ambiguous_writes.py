"""What an ambiguous write shows, how its outcome is found, and what it keeps secret."""

import asyncio
import json
import pickle
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from boooply import (
    AIInterview,
    AmbiguousWriteError,
    APIStatusError,
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    Candidate,
    CannotTell,
    DeadlineExceededError,
    DecodingError,
    Interview,
    InterviewNotEvaluatedError,
    NotSeen,
    Participant,
    RetryPolicy,
)
from boooply.client import transport_of
from boooply.protocol.endpoints import CREATE_INTERVIEW
from boooply.sandbox import Sandbox

AI = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
KEY = "an-unusual-key-without-a-prefix-0123456789"


@pytest.fixture
async def quick(sandbox: Sandbox) -> AsyncIterator[AsyncBoooplyClient]:
    retry = RetryPolicy(backoff=0)
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, retry=retry) as client:
        yield client


async def test_an_ambiguous_write_carries_the_response_as_an_error(quick, sandbox):
    sandbox.faults.add("interviews.create", "500-after")
    with pytest.raises(AmbiguousWriteError) as caught:
        await quick.interviews.create(AI)
    error = caught.value.status_error
    assert error is not None
    assert (error.status, caught.value.status) == (500, 500)
    assert error.message in str(caught.value)


async def test_before_the_first_response_sent_at_is_by_our_own_clock(quick, sandbox):
    sandbox.faults.add("interviews.create", "commit-then-drop")
    with pytest.raises(AmbiguousWriteError) as caught:
        await quick.interviews.create(AI)
    assert not caught.value.by_api_clock
    assert abs(caught.value.sent_at - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize(("fault", "carried_out"), [("commit-then-drop", [True]), ("drop-before", [False, True])])
async def test_a_time_that_the_api_rounds_is_set_once(quick, sandbox, fault, carried_out):
    code = (await quick.interviews.create(AI)).meeting_code
    noon = datetime(2030, 5, 6, 12, 0, 0, 123456, tzinfo=UTC)
    await quick.interviews.reschedule(code, scheduled_at=noon)
    sandbox.faults.add("interviews.reschedule", fault)
    moved = await quick.interviews.reschedule(code, scheduled_at=noon + timedelta(minutes=5))
    assert moved.scheduled_at == noon.replace(minute=5, microsecond=123000)
    sent = [call.carried_out for call in sandbox.calls if call.operation == "interviews.reschedule"]
    assert sent == [True, *carried_out]


@asynccontextmanager
async def client_of(*routes: web.RouteDef) -> AsyncIterator[AsyncBoooplyClient]:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url, retry = f"http://127.0.0.1:{runner.addresses[0][1]}", RetryPolicy(backoff=0)
    try:
        async with AsyncBoooplyClient(api_key=KEY, base_url=url, retry=retry) as client:
            yield client
    finally:
        await runner.cleanup()


async def fail(_request: web.Request) -> web.Response:
    return web.Response(status=500)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"text": '{"success": false}', "content_type": "application/json"}, nullcontext()),
        ({"text": "<html>Not Found</html>", "content_type": "text/html"}, pytest.raises(AmbiguousWriteError)),
    ],
)
async def test_only_a_404_of_the_api_confirms_a_deletion(body, outcome):
    async def respond_with_404(_request: web.Request) -> web.Response:
        return web.Response(status=404, **body)

    async with client_of(web.delete("/{path:.*}", fail), web.get("/{path:.*}", respond_with_404)) as client:
        with outcome:
            await client.interviews.delete("Boooply-AI-1")


def repeated(request: web.Request) -> str:
    return request.headers["Authorization"].removeprefix("Bearer ")


async def echoing(request: web.Request) -> web.Response:
    key = repeated(request)
    said = f"the key {key.upper()} is not known"
    status = 200 if request.method == "POST" else 401
    body = {"success": False, "error": said.replace("A", "\\u0041"), "code": key}
    text = json.dumps(body).replace("\\\\u", "\\u")  # escaped, as JSON may be
    return web.Response(text=text, status=status, content_type="application/json", headers={"X-Request-Id": key})


async def typed(request: web.Request) -> web.Response:
    return web.Response(body=b"{}{}", headers={"Content-Type": f"text/{repeated(request)}"})


RESPONSES: dict[str, dict[str, Any]] = {
    "page": {"text": "<html>Welcome</html>", "content_type": "text/html"},
    "untyped": {"text": "\n<!DOCTYPE html><title>Welcome</title>", "content_type": "application/json"},
    "empty": {"text": "", "content_type": "text/html"},
    "drawing": {"text": "<svg/>", "content_type": "image/svg+xml"},
}


async def respond(request: web.Request) -> web.Response:
    return web.Response(**RESPONSES[request.match_info["which"]])


@pytest.fixture
async def odd_client() -> AsyncIterator[AsyncBoooplyClient]:
    """Talk to a server that repeats the key, and to a proxy's page."""
    app = web.Application()
    app.router.add_route("*", "/responses/{which}", respond)
    app.router.add_get("/api/integration/organization", typed)
    app.router.add_route("*", "/{path:.*}", echoing)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    retry = RetryPolicy(backoff=0)
    async with AsyncBoooplyClient(
        api_key=KEY, base_url=f"http://127.0.0.1:{runner.addresses[0][1]}", retry=retry
    ) as it:
        yield it
    await runner.cleanup()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_key_of_any_form_that_the_api_repeats_is_masked(odd_client, method):
    with pytest.raises(APIStatusError) as caught:
        await odd_client.request(method, "/api/anything")
    error = caught.value
    shown = f"{error} {error.message} {error.code} {error.request_id}"
    assert KEY.casefold() not in shown.casefold()
    assert error.request_id == "…6789"


async def test_a_key_in_a_content_type_is_masked(odd_client):
    with pytest.raises(DecodingError) as caught:
        await odd_client.organization.get()
    assert KEY not in str(caught.value)
    assert "…6789" in str(caught.value)


@pytest.mark.parametrize("which", ["page", "untyped"])
async def test_a_page_of_html_is_an_error_of_a_raw_request(odd_client, which):
    with pytest.raises(DecodingError, match="a page of HTML"):
        await odd_client.request("GET", f"/responses/{which}")
    with pytest.raises(AmbiguousWriteError):
        await odd_client.request("POST", f"/responses/{which}", json={})


@pytest.mark.parametrize("which", ["empty", "drawing"])
async def test_a_body_that_is_no_page_is_a_response_to_a_raw_request(odd_client, which):
    response = await odd_client.request("POST", f"/responses/{which}", json={})
    assert response.body == RESPONSES[which]["text"].encode()


async def test_resolve_ignores_an_interview_created_before_the_send(quick, sandbox):
    await quick.interviews.create(AI)
    sandbox.faults.add("interviews.create", "commit-then-drop")
    with pytest.raises(AmbiguousWriteError) as caught:
        await transport_of(quick).send(CREATE_INTERVIEW.request(body=AI), on_send=lambda: asyncio.sleep(2.2))
    assert isinstance(await quick.interviews.resolve(caught.value), Interview)


async def test_resolve_finds_an_interview_that_got_another_host(quick, sandbox):
    sandbox.faults.add("interviews.create", "commit-then-drop")
    with pytest.raises(AmbiguousWriteError) as caught:
        await quick.interviews.create(AI)
    (created,) = (await quick.interviews.list()).items
    host = Participant(name="Ann", email="ann@acme.example", role="HOST")
    await quick.interviews.add_participants(created.meeting_code, participants=[host])
    found = await quick.interviews.resolve(caught.value)
    assert isinstance(found, Interview)
    assert found.meeting_code == created.meeting_code


@pytest.mark.parametrize(
    ("people", "outcome"),
    [
        ([{"email": "jane@example.com", "role": "CANDIDATE"}], Interview),
        ([{"email": "bob@example.com", "role": "CANDIDATE"}], NotSeen),
        ([{"name": "Jane", "role": "CANDIDATE"}], CannotTell),
        ([], CannotTell),
    ],
)
async def test_resolve_reads_the_interview_if_the_list_leaves_out_its_people(people, outcome):
    async def list_all(_request: web.Request) -> web.Response:
        return web.json_response({"success": True, "meetings": [{"meetingCode": "c"}], "total": 1})

    async def get(request: web.Request) -> web.Response:
        meeting = {"meetingCode": request.match_info["code"], "participants": people}
        return web.json_response({"success": True, "meeting": meeting})

    path = "/api/integration/interviews"
    async with client_of(web.post(path, fail), web.get(path, list_all), web.get(f"{path}/{{code}}", get)) as client:
        with pytest.raises(AmbiguousWriteError) as caught:
            await client.interviews.create(AI)
        found = await client.interviews.resolve(caught.value)
    assert isinstance(found, outcome)
    assert isinstance(found, NotSeen) or "c" in repr(found)


async def test_the_response_of_an_ambiguous_write_shows_the_apis_clock(quick, sandbox):
    sandbox.clock.advance(3600)
    sandbox.faults.add("interviews.create", "500-after")
    with pytest.raises(AmbiguousWriteError) as caught:
        await quick.interviews.create(AI)
    assert caught.value.by_api_clock
    assert abs(caught.value.sent_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=2)


async def test_resolve_asks_for_the_apis_clock_if_no_response_has_shown_it(sandbox):
    sandbox.clock.advance(3600)
    urls: dict[str, Any] = {"api_key": sandbox.api_key, "base_url": sandbox.base_url}
    async with AsyncBoooplyClient(**urls) as other:
        await other.interviews.create(AI)
    sandbox.clock.advance(60)
    async with AsyncBoooplyClient(**urls) as client:
        sandbox.faults.add("interviews.create", "drop-before")
        with pytest.raises(AmbiguousWriteError) as caught:
            await client.interviews.create(AI)
        assert not caught.value.by_api_clock
        assert await client.interviews.resolve(caught.value) == NotSeen()


async def test_an_interview_that_was_not_evaluated_can_be_pickled(quick):
    interview = await quick.interviews.create(AI)
    assert any(person.join_token is not None for person in interview.participants)
    copy = pickle.loads(pickle.dumps(InterviewNotEvaluatedError(interview)))  # noqa: S301 - our own bytes
    assert copy.interview.meeting_code == interview.meeting_code
    assert {person.join_token for person in copy.interview.participants} == {None}


async def test_on_unsent_is_called_after_an_attempt_that_was_not_carried_out(client, sandbox):
    steps: list[str] = []
    sandbox.faults.add("interviews.create", "429")

    async def on_send() -> None:
        steps.append("send")

    async def on_unsent() -> None:
        steps.append("unsent")
        raise ZeroDivisionError  # so that the wait after it is not waited

    with pytest.raises(ZeroDivisionError):
        await transport_of(client).send(CREATE_INTERVIEW.request(body=AI), on_send=on_send, on_unsent=on_unsent)
    assert steps == ["send", "unsent"]


async def test_on_unsent_is_called_if_on_send_took_until_the_deadline(client, sandbox):
    steps: list[str] = []

    async def on_send() -> None:
        await asyncio.sleep(0.2)
        steps.append("send")

    async def on_unsent() -> None:
        steps.append("unsent")

    hurried = client.with_options(retry=RetryPolicy(deadline=0.1))
    with pytest.raises(DeadlineExceededError):
        await transport_of(hurried).send(CREATE_INTERVIEW.request(body=AI), on_send=on_send, on_unsent=on_unsent)
    assert steps == ["send", "unsent"]
    assert sandbox.calls == ()


async def test_a_key_that_the_api_repeats_in_its_message_is_masked(tenant):
    async def mint(_request: web.Request) -> web.Response:
        return web.json_response({"success": True, "apiKey": KEY, "message": f"Keep it: {KEY}"})

    app = web.Application()
    app.router.add_post("/{path:.*}", mint)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url=url) as platform:
        minted = await platform.create_organization_api_key(tenant)
    await runner.cleanup()
    assert minted.api_key.reveal() == KEY
    assert minted.message == "Keep it: …6789"
