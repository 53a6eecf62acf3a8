"""The Python API: entering, leaving, threads, the clock; and the vendor's way of calling it."""

import asyncio
import inspect
import json
import re
import shutil
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from boooply.sandbox import Limits, Sandbox, SandboxError

JANE = {"name": "Jane", "email": "jane@example.com", "role": "CANDIDATE"}
AI = {"meetingType": "AI_ONLY", "jobRole": "Dev", "participants": [JANE]}


def fetch(sandbox: Sandbox, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {sandbox.api_key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{sandbox.base_url}{path}", data, headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - the same
        return json.load(response)


def test_blocking_code_can_use_the_sandbox() -> None:
    with Sandbox(limits=Limits()) as sandbox:
        code = fetch(sandbox, "/api/integration/interviews", AI)["meeting"]["code"]
        sandbox.play(code)
        assert fetch(sandbox, f"/api/integration/interviews/{code}")["meeting"]["sessionStatus"] == "COMPLETED"
        with pytest.raises(SandboxError, match="409"):
            sandbox.play(code)
        assert [call.operation for call in sandbox.calls] == ["interviews.create", "interviews.get"]
        assert [email.to for email in sandbox.sent_emails] == ["jane@example.com"]
    assert not any(thread.name == "boooply-sandbox" for thread in threading.enumerate())
    with pytest.raises(OSError, match="refused"):
        fetch(sandbox, "/api/integration/organization")


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"limits": {"reads": 5}}, TypeError, "limits must be a boooply.sandbox.Limits"),
        ({"latency": "1"}, ValueError, "latency must be a number of seconds"),
        ({"latency": -1}, ValueError, "latency must be a number of seconds"),
        ({"latency": float("inf")}, ValueError, "latency must be a number of seconds"),
        ({"latency": float("nan")}, ValueError, "latency must be a number of seconds"),
    ],
)
def test_a_wrong_setting_raises_at_once(options: dict[str, Any], error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        Sandbox(**options)


@pytest.mark.parametrize("wrong", ["5", 1.5, None])
def test_a_limit_is_a_whole_number(wrong: Any) -> None:
    with pytest.raises(TypeError, match="reads"):
        Limits(reads=wrong)


def test_the_sandbox_stops_at_once_while_a_call_waits_for_its_latency() -> None:
    responses: list[object] = []

    def ask(sandbox: Sandbox) -> None:
        try:
            responses.append(fetch(sandbox, "/api/integration/interviews", AI))
        except OSError as error:
            responses.append(error)

    with Sandbox(latency=60) as sandbox:
        asking = threading.Thread(target=ask, args=(sandbox,))
        asking.start()
        while not sandbox.sent_emails:
            threading.Event().wait(0.001)
    asking.join(5)
    assert [isinstance(response, OSError) for response in responses] == [True]


def test_keys_have_the_shapes_of_the_contract() -> None:
    one, other = Sandbox(), Sandbox()
    assert re.fullmatch(r"bply_platform_[0-9a-f]{32}", one.platform_key)
    assert re.fullmatch(r"bply_org_[0-9a-f]{32}", one.api_key)
    assert re.fullmatch(r"whsec_[0-9a-f]{32}", one.webhook_secret)
    assert one.api_key != other.api_key
    assert not any(secret in repr(one) for secret in (one.platform_key, one.api_key, one.webhook_secret))


async def test_the_sandbox_has_an_address_once_it_serves() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="no address"):
        _ = sandbox.base_url
    async with sandbox as entered:
        assert entered is sandbox
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", sandbox.base_url)
        with pytest.raises(RuntimeError, match="serving already"):
            await sandbox.__aenter__()


def test_the_sandbox_is_entered_once_at_a_time_and_keeps_its_state() -> None:
    sandbox = Sandbox()
    with sandbox:
        with pytest.raises(RuntimeError, match="serving already"):
            sandbox.__enter__()
        code = fetch(sandbox, "/api/integration/interviews", AI)["meeting"]["code"]
    sandbox.play(code)
    with sandbox:
        assert fetch(sandbox, f"/api/integration/interviews/{code}")["meeting"]["endReason"] == "AUTO_COMPLETED"
    sandbox.__exit__(None, None, None)


async def test_leaving_twice_is_harmless() -> None:
    async with Sandbox() as sandbox:
        pass
    await sandbox.__aexit__(None, None, None)


async def test_a_port_can_be_chosen_and_a_used_one_raises(sandbox: Sandbox) -> None:
    port = int(sandbox.base_url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        await Sandbox(port=port).__aenter__()
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=port).__enter__()
    assert not any(thread.name == "boooply-sandbox" for thread in threading.enumerate())
    await sandbox.__aexit__(None, None, None)
    async with Sandbox(port=port) as next_one:
        assert next_one.base_url == f"http://127.0.0.1:{port}"


async def test_play_works_from_another_thread(call) -> None:
    code = (await call.create()).code
    await asyncio.to_thread(call.sandbox.play, code, "ACTIVE")
    assert (await call(f"GET /interviews/{code}")).meeting["sessionStatus"] == "ACTIVE"


async def test_the_clock_control_advances_the_clock(call) -> None:
    before = call.sandbox.clock.timestamp()
    response = await call("POST /_sandbox/clock", {"advance": 3600.5}, key=None)
    assert response.body["now"].endswith("Z")
    assert 3600 <= call.sandbox.clock.timestamp() - before < 3610


BAD_CLOCKS = [
    (b"{}", 400),
    (b'{"advance": "1"}', 400),
    (b'{"advance": true}', 400),
    (b'{"advance": -1}', 422),
    (b'{"advance": 1e999}', 422),
    (b'{"advance": 1e10}', 422),
]


@pytest.mark.parametrize(("raw", "status"), BAD_CLOCKS, ids=[str(row[0]) for row in BAD_CLOCKS])
async def test_the_clock_control_rejects_bad_values(call, raw: bytes, status: int) -> None:
    response = await call("POST /_sandbox/clock", data=raw, headers={"Content-Type": "application/json"}, key=None)
    assert (response.status, "advance" in response.body["error"]) == (status, True)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_the_clock_never_goes_back(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"^seconds must be from 0 to 1000000000$"):
        Sandbox().clock.advance(seconds)


def test_the_sandbox_imports_nothing_of_the_client() -> None:
    package = Path(inspect.getfile(Sandbox)).parent
    imported = {
        name
        for file in package.glob("*.py")
        for name in re.findall(r"^\s*(?:from|import) (boooply[\w.]*)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert imported
    assert all(name.startswith("boooply.sandbox") for name in imported - {"boooply.version"})


JAVASCRIPT = """
const [base, platformKey] = process.argv.slice(1);
const send = async (method, path, key, given) => {
  const headers = {Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', 'X-SDK-Version': '2.4.0'};
  const response = await fetch(base + path, {method, headers, body: given && JSON.stringify(given)});
  const body = await response.json();
  if (!response.ok || !body.success) throw new Error(JSON.stringify(body));
  return body;
};
(async () => {
  const {apiKey} = await send('POST', '/api/server-auth/create-api-key', platformKey,
    {userId: '1', userEmail: 'admin@acme.com', userName: undefined, organizationId: 'org_7'});
  const path = '/api/integration/interviews';
  const participants = [{name: 'Jane', email: 'jane@example.com', role: 'CANDIDATE'}];
  const body = {meetingType: 'AI_ONLY', isTeamMeeting: false, jobRole: 'Zoë', participants, title: undefined};
  const {meeting} = await send('POST', path, apiKey, body);
  await send('PATCH', `${path}/${meeting.code}/cancel`, apiKey, {});
  const list = await send('GET', `${path}?status=CANCELLED&limit=5`, apiKey);
  const removed = await send('DELETE', `${path}/${meeting.meetingCode}`, apiKey);
  console.log(JSON.stringify({title: meeting.title, source: meeting.sourceId, total: list.pagination.total,
    status: list.meetings[0].sessionStatus, removed: removed.success}));
})().catch(error => { console.error(error); process.exit(1); });
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
async def test_the_vendors_javascript_calls_work(sandbox: Sandbox) -> None:
    process = await asyncio.create_subprocess_exec(
        "node", "-e", JAVASCRIPT, sandbox.base_url, sandbox.platform_key,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert json.loads(out) == {
        "title": "AI Interview with Jane for Zoë at org_7",
        "source": "org_7",
        "total": 1,
        "status": "CANCELLED",
        "removed": True,
    }
