"""Faults: what each looks like on the wire, whether the call was carried out, and how often it happens."""

import asyncio
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import Any, get_args

import pytest
from aiohttp import ClientPayloadError, ClientSession, ServerDisconnectedError

from boooply.sandbox import Fault, Limits, Sandbox
from boooply.sandbox.fault_table import FAULTS
from boooply.sandbox.faults import Faults
from tests.windows import at_the_start_of_a_window

JANE = {"name": "Jane", "email": "jane@example.com", "role": "CANDIDATE"}
AI = {"meetingType": "AI_ONLY", "jobRole": "Dev", "participants": [JANE]}
PATH = "/api/integration/interviews"
TENANT = {"userId": "1", "userEmail": "admin@acme.com", "organizationId": "org_1"}

# What is seen on the wire: a status, or how the connection ends; and what the record of the call says.
BEFORE = {
    "reset-before",
    "drop-before",
    "402",
    "403-plan",
    "422",
    "429",
    "429-bare",
    "500",
    "502",
    "503",
    "504",
    "redirect",
}
STATUSES = {
    "drop-midway": 201,
    "429": 429,
    "429-bare": 429,
    "402": 402,
    "403-plan": 403,
    "422": 422,
    "500": 500,
    "500-after": 500,
    "502": 502,
    "503": 503,
    "504": 504,
    "html": 200,
    "bad-json": 200,
    "gzip-bomb": 200,
    "big-body": 200,
    "slow-drip": 201,
    "redirect": 307,
    "stale": 201,
}
LIMITS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


class LoopSession:
    """One connection, byte by byte."""

    def __init__(self, sandbox: Sandbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sandbox = sandbox
        self.reader = reader
        self.writer = writer
        self.status = 0
        self.head: dict[str, str] = {}

    def send(self, body: Any = AI, *, key: str | None = None, path: str = PATH, length: int | None = None) -> None:
        raw = json.dumps(body).encode()
        self.writer.write(
            f"POST {path} HTTP/1.1\r\nHost: {self._sandbox.base_url[7:]}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key or self._sandbox.api_key}\r\n"
            f"Content-Length: {length or len(raw)}\r\n\r\n".encode()
        )
        self.writer.write(raw)

    async def read_head(self) -> None:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.head = dict(line.split(": ", 1) for line in lines[1:] if line)

    async def read_rest(self) -> bytes:
        """Read to the end, which must come."""
        async with asyncio.timeout(20):
            return await self.reader.read()

    async def read_body(self) -> Any:
        return json.loads(await self.reader.readexactly(int(self.head["Content-Length"])))


@pytest.fixture
async def connect(sandbox: Sandbox) -> AsyncIterator[Callable[[], Any]]:
    writers = []

    async def connect() -> LoopSession:
        host, port = sandbox.base_url[7:].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writers.append(writer)
        return LoopSession(sandbox, reader, writer)

    yield connect
    for writer in writers:
        writer.transport.abort()


@pytest.fixture
async def wire(connect: Callable[[], Any]) -> LoopSession:
    found: LoopSession = await connect()
    return found


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.001)


def record(sandbox: Sandbox) -> list[tuple[int, str | None, bool]]:
    return [(call.status, call.fault, call.carried_out) for call in sandbox.calls]


# ---- the table


def test_each_fault_is_tested_and_has_a_meaning_of_one_line() -> None:
    assert list(FAULTS) == list(get_args(Fault))
    assert {name for name, row in FAULTS.items() if row.instead is not None} == BEFORE
    meanings = [row.meaning for row in FAULTS.values()]
    assert all(meaning and "\n" not in meaning for meaning in meanings)
    assert [meaning.startswith("carried out;") for meaning in meanings] == [name not in BEFORE for name in FAULTS]
    assert len(set(meanings)) == len(meanings)


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_faulted_call_is_recorded_with_its_effect(sandbox: Sandbox, wire: LoopSession, fault: Any) -> None:
    sandbox.faults.add("interviews.create", fault)
    wire.send()
    await until(lambda: sandbox.calls)
    assert record(sandbox) == [(STATUSES.get(fault, 0), fault, fault not in BEFORE)]
    assert len(sandbox.sent_emails) == (fault not in BEFORE)
    assert sandbox.faults.planned == ()
    assert sandbox.calls[0].operation == "interviews.create"
    assert sandbox.calls[0].tenant == "sandbox-company"


# ---- connections that break


@pytest.mark.parametrize("fault", ["reset-before", "reset-after"])
async def test_a_reset_fault_sends_rst(sandbox: Sandbox, wire: LoopSession, fault: Any) -> None:
    sandbox.faults.add("interviews.create", fault)
    wire.send()
    with pytest.raises(ConnectionResetError):
        await wire.read_rest()


async def test_reset_before_does_not_wait_for_the_body(sandbox: Sandbox, wire: LoopSession) -> None:
    sandbox.faults.add("interviews.create", "reset-before")
    wire.send(length=1_000_000)
    with pytest.raises(ConnectionResetError):
        await wire.read_rest()
    assert record(sandbox) == [(0, "reset-before", False)]


@pytest.mark.parametrize("fault", ["drop-before", "commit-then-drop"])
async def test_a_drop_closes_cleanly_without_a_byte(sandbox: Sandbox, wire: LoopSession, fault: Any) -> None:
    sandbox.faults.add("interviews.create", fault)
    wire.send()
    assert await wire.read_rest() == b""


@pytest.mark.parametrize(("fault", "route"), [("drop-before", PATH), ("commit-then-drop", f"{PATH}/x/analyze")])
async def test_a_drop_closes_cleanly_after_a_large_unread_body(
    sandbox: Sandbox, wire: LoopSession, fault: Any, route: str
) -> None:
    sandbox.faults.add("*", fault)
    wire.send("x" * 9_000_000, path=route)
    assert await wire.read_rest() == b""
    assert record(sandbox) == [(0, fault, False)]


async def test_drop_midway_sends_half_of_a_body_of_the_announced_length(sandbox: Sandbox, wire: LoopSession) -> None:
    sandbox.faults.add("interviews.create", "drop-midway")
    wire.send()
    await wire.read_head()
    assert wire.status == 201
    half = await wire.read_rest()
    assert len(half) == int(wire.head["Content-Length"]) // 2
    assert half.startswith(b'{"success":true,"meeting":{')


async def test_drop_midway_is_a_payload_error_to_a_client(sandbox: Sandbox, call: Any) -> None:
    sandbox.faults.add("*", "drop-midway")
    with pytest.raises(ClientPayloadError):
        await call("GET /organization")


async def test_a_stalled_call_ends_when_its_client_disconnects(sandbox: Sandbox, wire: LoopSession) -> None:
    before = asyncio.all_tasks()
    sandbox.faults.add("interviews.create", "stall")
    wire.send()
    await until(lambda: sandbox.calls)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await wire.reader.read(1)
    wire.writer.close()
    await until(lambda: asyncio.all_tasks() <= before)


async def test_a_stalled_call_ends_when_the_sandbox_stops(caller_of: Any) -> None:
    async with Sandbox() as sandbox:
        sandbox.faults.add("*", "stall")
        waiting = asyncio.ensure_future(caller_of(sandbox)("POST /interviews", AI))
        await until(lambda: sandbox.calls)
    with pytest.raises(ServerDisconnectedError):
        await waiting


def test_a_stalled_call_does_not_outlive_the_sandbox_of_a_thread(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox() as sandbox:
        sandbox.faults.add("*", "stall")
        host, port = sandbox.base_url[7:].split(":")
        with closing(socket.create_connection((host, int(port)))) as client:
            head = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sandbox.api_key}\r\n\r\n"
            client.sendall(head.encode())
            while not sandbox.calls:
                time.sleep(0.001)
    assert caplog.text == ""


async def test_a_reset_after_the_client_disconnected_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with Sandbox(latency=0.02) as sandbox:
        sandbox.faults.add("*", "reset-after")
        host, port = sandbox.base_url[7:].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        LoopSession(sandbox, reader, writer).send()
        await until(lambda: sandbox.sent_emails)
        writer.transport.abort()
        await until(lambda: sandbox.calls)
        assert record(sandbox) == [(0, "reset-after", True)]
    assert caplog.text == ""


async def test_a_client_that_disconnects_within_its_body_is_no_internal_error(
    sandbox: Sandbox, wire: LoopSession, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add("*", "drop-before")
    wire.send(length=1_000_000)
    await until(lambda: not sandbox.faults.planned)
    wire.writer.transport.abort()
    await until(lambda: sandbox.calls)
    assert record(sandbox) == [(0, "drop-before", False)]
    assert caplog.text == ""


async def test_stale_responds_and_closes_without_notice(sandbox: Sandbox, wire: LoopSession) -> None:
    sandbox.faults.add("interviews.create", "stale")
    wire.send()
    await wire.read_head()
    body = await wire.read_body()
    assert (wire.status, body["meeting"]["sessionStatus"]) == (201, "SCHEDULED")
    assert "Connection" not in wire.head
    assert "X-RateLimit-Limit" in wire.head
    assert await wire.read_rest() == b""


async def test_without_a_fault_the_connection_stays_open(sandbox: Sandbox, wire: LoopSession) -> None:
    for _ in range(2):
        wire.send()
        await wire.read_head()
        await wire.read_body()
    assert record(sandbox) == [(201, None, True)] * 2


async def test_a_reused_connection_can_be_dropped_as_a_stale_one(sandbox: Sandbox, wire: LoopSession) -> None:
    wire.send()
    await wire.read_head()
    await wire.read_body()
    sandbox.faults.add("interviews.create", "drop-before")
    wire.send()
    assert await wire.read_rest() == b""
    assert record(sandbox) == [(201, None, True), (0, "drop-before", False)]


# ---- responses that are wrong


@pytest.mark.parametrize(("fault", "waits"), [("429", True), ("429-bare", False)])
async def test_429_has_the_headers_of_a_real_one_or_none(caller_of: Any, fault: Any, waits: bool) -> None:
    async with Sandbox(limits=Limits(writes=1, reads=7)) as sandbox:
        call = caller_of(sandbox)
        at_the_start_of_a_window(sandbox)
        sandbox.faults.add("interviews.create", fault)
        response, genuine = await call("POST /interviews", AI), await call("POST /interviews", AI)
        assert (response.status, response.body) == (429, genuine.body)
        hidden = {} if waits else {*LIMITS, "Retry-After"}
        assert set(genuine.headers) - set(response.headers) == set(hidden)
        assert waits is (response.headers.get("X-RateLimit-Remaining") == "0")
        assert [one.error_code for one in sandbox.calls] == ["RATE_LIMIT_EXCEEDED"] * 2
        assert record(sandbox) == [(429, fault, False), (429, None, False)]


@pytest.mark.parametrize("fault", ["500", "500-after"])
async def test_500_has_the_json_form(call: Any, fault: Any) -> None:
    call.sandbox.faults.add("*", fault)
    response = await call("POST /interviews", AI)
    assert (response.status, response.body["code"]) == (500, "INTERNAL_ERROR")
    assert set(response.headers) > LIMITS
    assert call.sandbox.calls[0].error_code == "INTERNAL_ERROR"


@pytest.mark.parametrize("fault", ["502", "503", "504"])
async def test_a_proxy_fault_responds_with_html(call: Any, fault: Any) -> None:
    call.sandbox.faults.add("*", fault)
    response = await call("POST /interviews", AI)
    assert response.status == int(fault)
    assert response.headers["Content-Type"].startswith("text/html")
    assert fault.encode() in response.body
    assert not LIMITS & set(response.headers)


async def test_html_may_come_with_a_200(call: Any) -> None:
    call.sandbox.faults.add("*", "html")
    response = await call("POST /interviews", AI)
    assert (response.status, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert response.body.startswith(b"<!DOCTYPE html>")


async def test_bad_json_is_complete_but_invalid(call: Any) -> None:
    call.sandbox.faults.add("*", "bad-json")
    with pytest.raises(json.JSONDecodeError):
        await call("POST /interviews", AI)
    assert record(call.sandbox) == [(200, "bad-json", True)]


async def test_the_gzip_bomb_is_small_until_decompressed(sandbox: Sandbox, wire: LoopSession) -> None:
    sandbox.faults.add("*", "gzip-bomb")
    wire.send()
    await wire.read_head()
    assert (wire.status, wire.head["Content-Encoding"]) == (200, "gzip")
    assert wire.head["Content-Type"] == "application/json"
    packed = await wire.reader.readexactly(int(wire.head["Content-Length"]))
    assert len(packed) < 70_000
    unfolded = gzip.decompress(packed)
    assert len(unfolded) > 64 * 2**20
    assert json.loads(unfolded) == {"success": True}


async def test_the_big_body_has_no_content_length(sandbox: Sandbox, session: ClientSession) -> None:
    sandbox.faults.add("*", "big-body")
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    async with session.post(sandbox.base_url + PATH, json=AI, headers=headers) as response:
        assert (response.status, response.content_length) == (200, None)
        body = await response.read()
    assert body.count(b" ", 0, 40 * 2**20) == 40 * 2**20
    assert json.loads(body[40 * 2**20 :])["meeting"]["code"]


async def test_hanging_up_on_a_big_body_is_no_internal_error(
    sandbox: Sandbox, wire: LoopSession, caplog: pytest.LogCaptureFixture
) -> None:
    before = asyncio.all_tasks()
    sandbox.faults.add("*", "big-body")
    wire.send()
    await wire.read_head()
    wire.writer.transport.abort()
    await until(lambda: asyncio.all_tasks() <= before)
    assert caplog.text == ""


async def test_slow_drip_comes_byte_by_byte(sandbox: Sandbox, wire: LoopSession) -> None:
    sandbox.faults.add("*", "slow-drip")
    wire.send()
    await wire.read_head()
    assert int(wire.head["Content-Length"]) > 500
    started = time.perf_counter()
    drops = [await wire.reader.read(100) for _ in range(5)]
    assert b"".join(drops).startswith(b'{"s')
    assert max(len(drop) for drop in drops) < 5
    assert time.perf_counter() - started >= 0.01


async def test_slow_drip_arrives_whole(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boooply.sandbox.fault_table.DRIP", 0)
    call.sandbox.faults.add("*", "slow-drip")
    assert (await call("POST /interviews", AI)).meeting["sessionStatus"] == "SCHEDULED"


async def test_a_redirect_to_another_host_is_recorded_when_followed(call: Any, session: ClientSession) -> None:
    sandbox = call.sandbox
    sandbox.faults.add("*", "redirect")
    response = await call("POST /interviews", AI, allow_redirects=False)
    elsewhere = sandbox.base_url.replace("127.0.0.1", "localhost") + "/elsewhere"
    assert (response.status, response.headers["Location"]) == (307, elsewhere)
    assert sandbox.redirected == ()

    async with session.get(elsewhere) as response:
        assert response.status == 200
    async with session.post(elsewhere, headers={"Authorization": "Bearer x"}) as response:
        assert response.status == 200
    assert [(one.method, one.has_key) for one in sandbox.redirected] == [("GET", False), ("POST", True)]
    assert len(sandbox.calls) == 1


# ---- which call meets which fault


async def test_times_limits_how_many_calls_meet_a_fault(call: Any) -> None:
    faults = call.sandbox.faults
    faults.add("organization.get", "500", times=2)
    assert (await call("GET /organization")).status == 500
    assert [(one.operation, one.fault, one.times) for one in faults.planned] == [("organization.get", "500", 1)]
    assert (await call("GET /organization")).status == 500
    assert faults.planned == ()
    assert (await call("GET /organization")).status == 200


async def test_a_fault_happens_once_by_default_and_always_with_none(call: Any) -> None:
    call.sandbox.faults.add("organization.get", "500")
    call.sandbox.faults.add("organization.get", "502", times=None)
    assert [(await call("GET /organization")).status for _ in range(4)] == [500, 502, 502, 502]
    call.sandbox.faults.clear()
    assert (await call("GET /organization")).status == 200


async def test_only_its_operation_meets_a_fault_and_a_star_means_all(call: Any) -> None:
    faults = call.sandbox.faults
    faults.add("interviews.create", "500")
    faults.add("*", "503", times=3)
    statuses = [(await call("GET /organization")).status, (await call("POST /interviews", AI)).status]
    statuses += [(await call("GET /nothing")).status, (await call.provision()).status]
    assert statuses == [503, 500, 503, 503]
    assert [one.operation for one in call.sandbox.calls] == [
        "organization.get",
        "interviews.create",
        "unknown",
        "create_organization_api_key",
    ]
    assert faults.planned == ()


async def test_a_faulted_mint_is_recorded_with_its_tenant(call: Any) -> None:
    for fault, minted in (("500", 0), ("500-after", 1), ("502", 1)):
        call.sandbox.faults.add("create_organization_api_key", fault)
        await call.provision("org_7")
        assert call.sandbox.mints.get("org_7", 0) == minted
    assert {one.tenant for one in call.sandbox.calls} == {"org_7"}


@pytest.mark.parametrize("key", [None, "bply_org_wrong"])
async def test_a_call_without_a_known_key_meets_no_fault(call: Any, key: str | None) -> None:
    call.sandbox.faults.add("*", "503", times=None)
    assert (await call("GET /organization", key=key)).status == 401
    assert (await call("GET /nothing", key=key)).status == 404
    assert record(call.sandbox) == [(401, None, False), (404, None, False)]


async def test_the_controls_and_the_storage_meet_no_fault_of_every_operation(call: Any, session: ClientSession) -> None:
    code = (await call.create()).code
    call.sandbox.play(code)
    link = (await call(f"GET /interviews/{code}/recording")).body["recording"]["videoUrl"]
    call.sandbox.faults.add("*", "reset-before", times=None)
    assert (await call("GET /_sandbox/calls")).status == 200
    assert (await call("GET /_sandbox/nothing")).status == 404
    async with session.get(link) as response:
        assert response.status == 200


async def test_the_limit_is_counted_before_the_fault(caller_of: Any) -> None:
    async with Sandbox(limits=Limits(reads=2)) as sandbox:
        call = caller_of(sandbox)
        at_the_start_of_a_window(sandbox)
        sandbox.faults.add("*", "500", times=3)
        responses = [await call("GET /organization") for _ in range(3)]
        assert [response.status for response in responses] == [500, 500, 429]
        assert [response.headers["X-RateLimit-Remaining"] for response in responses] == ["1", "0", "0"]
        assert [one.times for one in sandbox.faults.planned] == [1]
        assert [one.fault for one in sandbox.calls] == ["500", "500", None]


async def test_an_error_hidden_by_a_fault_is_recorded(call: Any) -> None:
    call.sandbox.faults.add("*", "html", times=2)
    await call("POST /interviews", {})
    await call("GET /interviews/x", key=call.sandbox.platform_key)
    assert [(one.status, one.error_code, one.carried_out) for one in call.sandbox.calls] == [
        (200, "MISSING_FIELD", False),
        (200, "ORGANIZATION_KEY_REQUIRED", False),
    ]


async def test_a_fault_can_truncate_a_video(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code)
    link = (await call(f"GET /interviews/{code}/recording")).body["recording"]["videoUrl"]
    route = "GET /" + link.split("/", 3)[3]
    call.sandbox.faults.add("interviews.download_recording", "drop-midway")
    with pytest.raises(ClientPayloadError):
        await call(route, key=None)
    call.sandbox.faults.add("interviews.download_recording", "stale")
    response = await call(route, key=None, headers={"Range": "bytes=0-9"})
    assert (response.status, len(response.body), response.headers["Content-Type"]) == (206, 10, "video/mp4")


@pytest.mark.parametrize(
    ("operation", "fault", "times", "named"),
    [
        ("interviews.crate", "500", 1, "operation must be one of"),
        ("*", "501", 1, "fault must be one of reset-before, "),
        ("*", "500", 0, "times must be at least 1"),
    ],
)
async def test_planning_an_unknown_fault_raises(call: Any, operation: str, fault: Any, times: int, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call.sandbox.faults.add(operation, fault, times)
    response = await call("POST /_sandbox/faults", {"operation": operation, "fault": fault, "times": times})
    assert (response.status, named in response.body["error"]) == (422, True)
    assert call.sandbox.faults.planned == ()


@pytest.mark.parametrize("times", [1.5, True, "2"])
def test_a_fault_happens_a_whole_number_of_times(times: Any) -> None:
    with pytest.raises(TypeError, match="times must be a whole number"):
        Faults().add("*", "500", times)


# ---- the controls


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("faults", {"operation": "*", "fault": "500", "tmes": 2}),
        ("clock", {"advance": 1, "second": 5}),
        ("webhooks", {"url": None, "secret": "whsec_x"}),
    ],
)
async def test_a_control_names_an_unknown_field(call: Any, route: str, body: dict[str, Any]) -> None:
    response = await call(f"POST /_sandbox/{route}", body, key=None)
    assert response.status == 422
    assert f"{list(body)[-1]} is unknown" in response.body["error"]


async def test_faults_can_be_planned_over_http(call: Any) -> None:
    route = "/_sandbox/faults"
    one = {"operation": "interviews.create", "fault": "commit-then-drop", "times": 2}
    assert (await call(f"POST {route}", one, key=None)).body["faults"] == [one]
    await call(f"POST {route}", {"operation": "*", "fault": "500"}, key=None)
    await call(f"POST {route}", {"operation": "*", "fault": "html", "times": None}, key=None)
    planned = [one, {"operation": "*", "fault": "500", "times": 1}, {"operation": "*", "fault": "html", "times": None}]
    assert (await call(f"GET {route}", key=None)).body["faults"] == planned
    assert (await call("GET /organization")).status == 500
    shown = (await call("GET /_sandbox/calls")).body["calls"]
    assert [(call["fault"], call["carriedOut"]) for call in shown] == [("500", False)]
    assert (await call(f"DELETE {route}", key=None)).body["faults"] == []
    assert call.sandbox.faults.planned == ()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"operation": "*"}, 400),
        ({"operation": 1, "fault": "500"}, 400),
        ({"operation": None, "fault": "500"}, 422),
        ({"operation": "*", "fault": "500", "times": "1"}, 400),
        ({"operation": "*", "fault": "500", "times": True}, 400),
        ({"operation": "*", "fault": "500", "times": -1}, 422),
    ],
    ids=str,
)
async def test_the_faults_control_rejects_bad_values(call: Any, body: Any, status: int) -> None:
    assert (await call("POST /_sandbox/faults", body, key=None)).status == status
    assert call.sandbox.faults.planned == ()


def test_faults_are_planned_from_any_thread() -> None:
    with Sandbox() as sandbox:
        sandbox.faults.add("*", "500", times=None)
        host, port = sandbox.base_url[7:].split(":")
        with closing(socket.create_connection((host, int(port)))) as client:
            head = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sandbox.api_key}\r\n\r\n"
            client.sendall(head.encode())
            assert client.recv(100).startswith(b"HTTP/1.1 500 ")


# ---- duplicates and mints


async def test_a_repeated_invitation_is_a_duplicate(call: Any) -> None:
    call.sandbox.faults.add("interviews.create", "commit-then-drop")
    with pytest.raises(ServerDisconnectedError):
        await call("POST /interviews", AI)
    assert call.sandbox.duplicates == ()
    again = await call.create(jobRole="Dev", candidate={"name": "J.", "email": "Jane@Example.com"})
    (repeated,) = call.sandbox.duplicates
    assert (repeated.to, repeated.meeting_code) == ("Jane@Example.com", again.code)
    assert repeated in call.sandbox.sent_emails
    await call(f"DELETE /interviews/{again.code}")
    await call.create(jobRole="Dev")
    assert [email.to for email in call.sandbox.duplicates] == ["Jane@Example.com", "jane@example.com"]


async def test_a_different_invitation_is_no_duplicate(call: Any) -> None:
    await call.create()
    await call.create(jobRole="Another")
    await call.create(title="The second round")
    await call.create(title="The second round", jobRole="Another")
    await call.create(candidate={"name": "Joe", "email": "joe@example.com"})
    code = (await call.create(jobRole="Third")).code
    await call(f"PATCH /interviews/{code}/cancel")
    joe = {"name": "Joe", "email": "joe@example.com", "role": "PARTICIPANT"}
    added = await call(f"POST /interviews/{code}/participants", {"participants": [joe]})
    await call(f"DELETE /interviews/{code}/participants/{added.body['participants'][0]['id']}")
    assert (await call(f"POST /interviews/{code}/participants", {"participants": [joe]})).status == 201
    call.key = (await call.provision()).body["apiKey"]
    await call.create()
    assert call.sandbox.duplicates == ()


async def test_mints_are_counted_by_the_platforms_own_id(call: Any) -> None:
    assert call.sandbox.mints == {}
    for organization_id in ("org_1", "org_2", "org_1"):
        await call.provision(organization_id)
    assert call.sandbox.mints == {"org_1": 2, "org_2": 1}
