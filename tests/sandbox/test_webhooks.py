"""Webhooks: their events, and their delivery to a real endpoint."""

import asyncio
import hashlib
import hmac
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, web

from boooply.sandbox import Limits, Sandbox, SandboxError

HUMAN: dict[str, Any] = {
    "meetingType": "HUMAN",
    "jobRole": "Engineer",
    "candidate": {"name": "Zoë", "email": "zoe@example.com"},
}
HOST = {"name": "Ada", "email": "ada@example.com", "role": "INTERVIEWER"}
ONE_TO_ONE = {**HUMAN, "participants": [{**HUMAN["candidate"], "role": "CANDIDATE"}, HOST]}
del ONE_TO_ONE["candidate"]
ALL = ["interview.transcript", "interview.evaluation", "interview.scores", "interview.recording"]


class Endpoint:
    """Receive webhooks on a new port; respond with the next of ``statuses``, then with 200."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append((dict(request.headers), await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200, headers={"Location": "/elsewhere"})

    @property
    def events(self) -> list[str]:
        return [json.loads(body)["event"] for _, body in self.taken]


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", endpoint.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/boooply"
    yield endpoint
    await runner.cleanup()


async def test_a_final_end_announces_everything(sandbox: Sandbox, call: Any, endpoint: Endpoint) -> None:
    sandbox.webhooks.url = endpoint.url
    code = (await call.create()).code
    sandbox.play(code)
    await sandbox.webhooks.delivered()
    assert sorted(endpoint.events) == sorted(ALL)
    assert {json.loads(body)["data"]["meetingCode"] for _, body in endpoint.taken} == {code}


async def test_a_webhook_has_the_vendors_headers_and_signature(sandbox: Sandbox, call: Any, endpoint: Endpoint) -> None:
    sandbox.webhooks.url = endpoint.url
    code = (await call.create(candidate={"name": "Zoë", "email": "zoe@example.com"})).code
    sandbox.play(code)
    await sandbox.webhooks.delivered()
    for headers, body in endpoint.taken:
        expected = hmac.new(sandbox.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Boooply-Signature"] == expected
        assert headers["X-Boooply-Event"] == json.loads(body)["event"]
        assert headers["X-Boooply-Meeting-Id"] == code
        assert headers["X-Boooply-Platform"] == "custom"
        assert headers["Authorization"] == f"Bearer {sandbox.webhook_secret}"
        assert headers["Content-Type"] == "application/json"
        assert "Zoë".encode() in body
        assert b": " not in body.split(b'"summary"')[0]


async def test_the_data_says_whose_interview_it_is(sandbox: Sandbox, call: Any, endpoint: Endpoint) -> None:
    call.key = (await call.provision("org_9")).body["apiKey"]
    sandbox.webhooks.url = endpoint.url
    sandbox.play((await call.create()).code)
    await sandbox.webhooks.delivered()
    data = json.loads(endpoint.taken[0][1])["data"]
    assert (data["sourceId"], data["candidateName"], data["jobRole"]) == ("org_9", "Jane", "Engineer")
    assert sandbox.webhooks.deliveries[0].tenant == "org_9"


@pytest.mark.parametrize("step", ["ACTIVE", "COMPLETED", "NO_SHOW", "EXPIRED", "FAILED"])
async def test_an_interview_that_did_not_take_place_announces_nothing(sandbox: Sandbox, call: Any, step: Any) -> None:
    sandbox.play((await call.create(**HUMAN)).code, step)
    assert sandbox.webhooks.deliveries == ()


async def test_a_resumable_end_announces_once_it_is_final(sandbox: Sandbox, call: Any) -> None:
    code = (await call.create(**HUMAN)).code
    sandbox.play(code, "COMPLETED")
    sandbox.play(code, "END")
    assert [one.event for one in sandbox.webhooks.deliveries] == ALL


async def test_a_one_to_one_interview_announces_its_interviewer_evaluation(sandbox: Sandbox, call: Any) -> None:
    sandbox.play((await call.create(**ONE_TO_ONE, candidate=...)).code)
    assert "interview.interviewer_evaluation" in [one.event for one in sandbox.webhooks.deliveries]


async def test_a_reanalysis_announces_another_evaluation(sandbox: Sandbox, call: Any) -> None:
    code = (await call.create()).code
    sandbox.play(code)
    first = {one.event: one.body for one in sandbox.webhooks.requests}
    await call(f"POST /interviews/{code}/analyze")
    again = sandbox.webhooks.requests[len(first) :]
    assert [one.event for one in again] == ["interview.evaluation", "interview.scores"]
    assert all(one.body != first[one.event] for one in again)


# ---- deliveries


async def test_earlier_events_are_delivered_once_there_is_an_endpoint(
    sandbox: Sandbox, call: Any, endpoint: Endpoint
) -> None:
    sandbox.play((await call.create()).code)
    assert {one.state for one in sandbox.webhooks.deliveries} == {"unsent"}
    sandbox.webhooks.url = endpoint.url
    await sandbox.webhooks.delivered()
    assert {one.state for one in sandbox.webhooks.deliveries} == {"delivered"}
    assert len(endpoint.taken) == 4


@pytest.mark.parametrize("status", [301, 400, 404, 500, 503])
async def test_anything_but_2xx_is_tried_again(sandbox: Sandbox, call: Any, endpoint: Endpoint, status: int) -> None:
    sandbox.webhooks.url = endpoint.url
    endpoint.statuses = [status] * 4
    sandbox.play((await call.create()).code)
    await sandbox.webhooks.delivered()
    assert {one.state for one in sandbox.webhooks.deliveries} == {"pending"}
    sandbox.clock.advance(5)
    await sandbox.webhooks.delivered()
    assert {one.state for one in sandbox.webhooks.deliveries} == {"delivered"}
    assert [attempt.status for attempt in sandbox.webhooks.deliveries[0].attempts] == [status, 200]
    bodies = [body for _, body in endpoint.taken]
    assert sorted(bodies) == sorted(2 * list(set(bodies)))  # byte for byte the same


async def test_the_retries_end_after_five_attempts(sandbox: Sandbox, call: Any, endpoint: Endpoint) -> None:
    endpoint.statuses = [500] * 20
    sandbox.webhooks.url = endpoint.url
    sandbox.play((await call.create()).code)
    for pause in (5, 10, 20, 40):
        await sandbox.webhooks.delivered()
        seen = len(endpoint.taken)
        sandbox.clock.advance(pause - 1)
        await asyncio.sleep(0.05)
        assert len(endpoint.taken) == seen
        sandbox.clock.advance(1)
    await sandbox.webhooks.delivered()
    assert {one.state for one in sandbox.webhooks.deliveries} == {"failed"}
    assert {len(one.attempts) for one in sandbox.webhooks.deliveries} == {5}
    took = sandbox.webhooks.deliveries[0].attempts[-1].at - sandbox.webhooks.deliveries[0].attempts[0].at
    assert 75 <= took.total_seconds() < 78


async def test_an_unreachable_endpoint_is_a_failed_attempt(sandbox: Sandbox, call: Any, endpoint: Endpoint) -> None:
    sandbox.webhooks.url = "http://127.0.0.1:1/"
    sandbox.play((await call.create()).code)
    await sandbox.webhooks.delivered()
    (attempt,) = sandbox.webhooks.deliveries[0].attempts
    assert (attempt.status, attempt.error) == (None, "ClientConnectorError")
    sandbox.webhooks.url = endpoint.url
    sandbox.clock.advance(5)
    await sandbox.webhooks.delivered()
    assert {one.state for one in sandbox.webhooks.deliveries} == {"delivered"}


async def test_an_event_can_be_replayed(sandbox: Sandbox, call: Any, endpoint: Endpoint) -> None:
    sandbox.webhooks.url = endpoint.url
    sandbox.play((await call.create()).code)
    await sandbox.webhooks.delivered()
    first = sandbox.webhooks.deliveries[0]
    sandbox.webhooks.replay(first.id)
    await sandbox.webhooks.delivered()
    assert endpoint.events.count(first.event) == 2
    assert len(sandbox.webhooks.deliveries) == 4
    with pytest.raises(SandboxError, match="DELIVERY_NOT_FOUND"):
        sandbox.webhooks.replay("none")


async def test_deliveries_under_way_end_with_the_sandbox(endpoint: Endpoint, caller_of: Any) -> None:
    async with Sandbox(webhook_url="http://127.0.0.1:1/") as sandbox:
        sandbox.play((await caller_of(sandbox).create()).code)
        await sandbox.webhooks.delivered()
    assert len(asyncio.all_tasks()) == 1
    assert endpoint.taken == []


async def test_a_blocking_caller_can_wait_for_deliveries(endpoint: Endpoint, caller_of: Any) -> None:
    with Sandbox(webhook_url=endpoint.url) as sandbox:
        sandbox.play((await caller_of(sandbox).create()).code)
        await asyncio.to_thread(sandbox.webhooks.wait)
        assert len(endpoint.taken) == 4
        sandbox.webhooks.url = None
        sandbox.play((await caller_of(sandbox).create()).code)
    assert len(endpoint.taken) == 4


async def test_wait_on_the_sandboxs_own_loop_raises(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError, match=r"await delivered\(\)"):
        sandbox.webhooks.wait()


async def test_waiting_for_deliveries_times_out(sandbox: Sandbox, call: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sandbox.webhooks.url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        sandbox.play((await call.create()).code)
        with pytest.raises(TimeoutError):
            await sandbox.webhooks.delivered(timeout=0.1)


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://host/", "http://", "http://me:secret@host/", "http://a b/"]
)
def test_an_endpoint_that_is_not_an_address_raises(url: str) -> None:
    with pytest.raises(ValueError, match="webhook URL"):
        Sandbox(webhook_url=url)


async def test_a_restarted_sandbox_resumes_deliveries(endpoint: Endpoint, caller_of: Any) -> None:
    sandbox = Sandbox(webhook_url="http://127.0.0.1:1/")
    async with sandbox:
        sandbox.play((await caller_of(sandbox).create()).code)
        await sandbox.webhooks.delivered()
    sandbox.webhooks.url = endpoint.url
    async with sandbox:
        await sandbox.webhooks.delivered()
        assert {one.state for one in sandbox.webhooks.deliveries} == {"delivered"}


async def test_removing_the_endpoint_uses_up_no_attempts(sandbox: Sandbox, call: Any, endpoint: Endpoint) -> None:
    sandbox.webhooks.url = "http://127.0.0.1:1/"
    sandbox.play((await call.create()).code)
    await sandbox.webhooks.delivered()
    sandbox.webhooks.url = None
    sandbox.clock.advance(5)
    await sandbox.webhooks.delivered()
    assert {(one.state, len(one.attempts)) for one in sandbox.webhooks.deliveries} == {("unsent", 1)}
    with pytest.raises(
        SandboxError, match=r"NO_ENDPOINT: .*set webhooks\.url .* Endpoint URL .* POST .* /_sandbox/webhooks"
    ):
        sandbox.webhooks.replay(sandbox.webhooks.deliveries[0].id)
    sandbox.webhooks.url = endpoint.url
    await sandbox.webhooks.delivered()
    assert {one.state for one in sandbox.webhooks.deliveries} == {"delivered"}


async def test_a_delivery_under_way_cannot_be_replayed(sandbox: Sandbox, call: Any) -> None:
    sandbox.webhooks.url = "http://127.0.0.1:1/"
    sandbox.play((await call.create()).code)
    with pytest.raises(SandboxError, match="DELIVERY_PENDING"):
        sandbox.webhooks.replay(sandbox.webhooks.deliveries[0].id)


async def test_numbers_are_written_as_in_javascript(sandbox: Sandbox, call: Any) -> None:
    for number in range(40):
        sandbox.play((await call.create(title=f"Interview {number}")).code)
    assert not [one.event for one in sandbox.webhooks.requests if re.search(rb":-?\d+\.0[,}\]]", one.body)]


# ---- the controls


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}, {"Host": "evil.example:80"}],
)
@pytest.mark.parametrize("route", ["GET /_sandbox/emails", "POST /_sandbox/interviews/x/play", "GET /"])
async def test_no_foreign_page_reaches_the_controls(
    sandbox: Sandbox, session: ClientSession, route: str, headers: dict[str, str]
) -> None:
    method, path = route.split()
    async with session.request(method, sandbox.base_url + path, headers=headers) as response:
        assert response.status == 403
        assert (await response.json())["code"] in {"FOREIGN_HOST", "FOREIGN_ORIGIN"}


async def test_the_console_reaches_the_controls(sandbox: Sandbox, session: ClientSession) -> None:
    for base_url in (sandbox.base_url, sandbox.base_url.replace("127.0.0.1", "localhost")):
        async with session.get(f"{base_url}/_sandbox/emails", headers={"Origin": base_url}) as response:
            assert response.status == 200


async def test_the_webhook_controls_set_show_and_replay(sandbox: Sandbox, call: Any, endpoint: Endpoint) -> None:
    assert (await call("POST /_sandbox/webhooks", {"url": endpoint.url})).status == 200
    sandbox.play((await call.create()).code)
    await sandbox.webhooks.delivered()
    seen = (await call("GET /_sandbox/webhooks")).body
    assert seen["url"] == endpoint.url
    assert [one["event"] for one in seen["deliveries"]] == ALL
    assert {one["state"] for one in seen["deliveries"]} == {"delivered"}
    assert "body" not in seen["deliveries"][0]
    again = await call(f"POST /_sandbox/webhooks/{seen['deliveries'][0]['id']}/replay", {})
    assert again.body["delivery"]["state"] == "pending"
    assert (await call("POST /_sandbox/webhooks/none/replay", {})).status == 404


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"url": 7}, 400), ({"url": "ftp://x"}, 422), ({"url": None}, 200)]
)
async def test_the_webhook_controls_reject_bad_values(call: Any, body: Any, status: int) -> None:
    assert (await call("POST /_sandbox/webhooks", body)).status == status


# ---- what a test asserts


async def test_assert_nobody_emailed_twice_fails_after_a_duplicate(sandbox: Sandbox, call: Any) -> None:
    await call.create()
    sandbox.assert_nobody_emailed_twice()
    code = (await call.create()).code
    with pytest.raises(AssertionError, match=code):
        sandbox.assert_nobody_emailed_twice()


async def test_assert_within_limits_fails_after_a_429(caller_of: Any) -> None:
    async with Sandbox(limits=Limits(writes=1)) as sandbox:
        call = caller_of(sandbox)
        sandbox.faults.add("interviews.create", "429")
        assert (await call("POST /interviews", {})).status == 429
        sandbox.assert_within_limits()
        assert (await call("POST /interviews", {})).status == 429
        with pytest.raises(AssertionError, match=r"1 of 2 calls .* interviews\.create"):
            sandbox.assert_within_limits()
