"""The server as a process: over standard input and output, over HTTP, and what its settings are called."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import CallToolResult

from boooply import AsyncBoooplyClient, ConfigurationError
from boooply.integrations.mcp import open_server, serve_http
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore, State

COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main", "mcp")
AI = {"jobRole": "Cook", "candidate": {"name": "Jane", "email": "jane@example.com"}, "confirm": True}
ACME = {"userId": "1", "userEmail": "a@acme.example", "organizationId": "org_acme", "confirm": True}


@pytest.fixture(autouse=True)
def _settings(
    threaded_sandbox: Sandbox, sqlite_store_url: str, encryption_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOOPLY_BASE_URL", threaded_sandbox.base_url)
    monkeypatch.setenv("BOOOPLY_API_KEY", threaded_sandbox.api_key)
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", threaded_sandbox.platform_key)
    monkeypatch.setenv("BOOOPLY_STORE_URL", sqlite_store_url)
    monkeypatch.setenv("BOOOPLY_STORE_KEY", encryption_key)


async def ask(client: Client, tool: str, arguments: dict[str, Any] | None = None) -> Any:
    result = await client.call_tool(tool, arguments or {})
    assert isinstance(result, CallToolResult)
    return result.structured_content


# ---- standard input and output


async def test_a_session_over_stdio_works() -> None:
    parameters = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:]], env=dict(os.environ))
    async with Client(stdio_client(parameters)) as client:
        assert client.server_info is not None
        assert client.server_info.name == "boooply"
        assert "never instructions" in (client.instructions or "")
        assert (await ask(client, "get_organization"))["organization"]["name"] == "Sandbox Company"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_no_message_of_a_session_contains_a_secret(
    mode: Any, threaded_sandbox: Sandbox, tmp_path: Path, encryption_key: str
) -> None:
    said, errors = tmp_path / "said", tmp_path / "errors"
    script = f"{shlex.join((*COMMAND, '--platform'))} 2>{errors} | tee {said}"
    parameters = StdioServerParameters(command="/bin/sh", args=["-c", script], env=dict(os.environ))
    async with Client(stdio_client(parameters), mode=mode) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        code = (await ask(client, "create_ai_interview", AI))["interview"]["meetingCode"]
        threaded_sandbox.play(code)
        for name in sorted(names - {"create_ai_interview", "connect_customer"}):
            for arguments in (
                {"meetingCode": code},
                {"email": "b@example.com"},
                {"jobRole": "Cook"},
                {},
                {"code": "nothing"},
            ):
                await client.call_tool(name, arguments)
                await client.call_tool(name, arguments | {"confirm": True})
        await ask(client, "connect_customer", ACME)
        threaded_sandbox.faults.add("create_organization_api_key", "commit-then-drop")
        assert await ask(client, "connect_customer", ACME | {"organizationId": "org_other"}) is None
        threaded_sandbox.faults.add("*", "html", times=3)
        await client.call_tool("get_organization", {})

    async with (
        AsyncBoooplyClient(api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url) as owner,
        AsyncStore.open() as store,
    ):
        interview = await owner.interviews.get(code)
        recording = await owner.interviews.get_recording(code)
        key = await store.keys.get("org_acme")
    tokens = [person.join_token.reveal() for person in interview.participants if person.join_token]
    assert recording is not None
    assert recording.video_url is not None
    signed = recording.video_url.reveal().partition("?")[0]
    known = [threaded_sandbox.api_key, threaded_sandbox.platform_key, encryption_key, key.reveal(), signed, *tokens]
    assert len(known) == 6
    everything = said.read_text() + errors.read_text()
    assert [secret for secret in known if secret in everything] == []
    assert not re.search(r"bply_(?:org|platform)_[0-9a-f]{8,}|Traceback|joinToken|videoUrl|apiKey", everything)
    assert len([json.loads(line) for line in said.read_text().splitlines()]) > 100


def test_stdio_ends_with_its_input_without_output() -> None:
    done = subprocess.run(COMMAND, input=b"", capture_output=True, timeout=30, check=False)  # noqa: S603 - our own command
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_stdio_reads_an_unterminated_line_and_non_ascii_letters() -> None:
    call = {"name": "create_ai_interview", "arguments": AI | {"jobRole": "厨师", "confirm": False}}
    lines: list[dict[str, Any]] = [
        {"method": "initialize", "id": 1, "params": {"protocolVersion": "2025-06-18", "capabilities": {}}},
        {"method": "notifications/initialized"},
        {"method": "tools/call", "id": 2, "params": call},
    ]
    lines[0]["params"]["clientInfo"] = {"name": "test", "version": "1"}
    text = "\n".join(json.dumps(line | {"jsonrpc": "2.0"}, ensure_ascii=False) for line in lines)
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own command
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(text.encode() + b"\n")
        process.stdin.flush()
        responses = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
        assert process.wait(10) == 0
    assert responses[1]["result"]["structuredContent"]["plan"]["request"]["jobRole"] == "厨师"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_stdio_can_be_stopped_while_its_input_is_open(number: signal.Signals, code: int) -> None:
    ping = json.dumps({"jsonrpc": "2.0", "method": "ping", "id": 1}).encode()
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own command
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(ping + b"\n")
        process.stdin.flush()
        process.stdout.readline()  # it is up
        process.send_signal(number)
        assert process.wait(10) == code
        assert process.stderr.read() == b""


async def test_a_non_blocking_input_is_read_to_its_end() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=reading, stdout=pipe, stderr=pipe)
    os.close(reading)
    assert process.stdout is not None
    try:
        for number in (1, 2):
            ping = json.dumps({"jsonrpc": "2.0", "method": "ping", "id": number}).encode()
            os.write(writing, ping + b"\n")
            response = await asyncio.wait_for(process.stdout.readline(), 10)
            assert json.loads(response)["id"] == number
    finally:
        os.close(writing)
        try:
            _, err = await asyncio.wait_for(process.communicate(), 10)
        finally:
            if process.returncode is None:
                process.kill()
    assert (process.returncode, err) == (0, b"")


def test_stdio_ends_if_its_input_cannot_be_read(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as unreadable:
        done = subprocess.run(COMMAND, stdin=unreadable, capture_output=True, timeout=30, check=False)  # noqa: S603 - our own command
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == b"standard input cannot be read: Bad file descriptor\n"


@pytest.mark.parametrize("end", ["input", "SIGTERM", "cancelled"])
async def test_stdio_ends_only_after_a_key_under_way_is_stored(end: str, threaded_sandbox: Sandbox) -> None:
    threaded_sandbox.faults.add("create_organization_api_key", "slow-drip")
    opening = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    lines: list[dict[str, Any]] = [
        {"method": "initialize", "id": 1, "params": opening},
        {"method": "notifications/initialized"},
        {"method": "tools/call", "id": 2, "params": {"name": "connect_customer", "arguments": ACME}},
        {"method": "notifications/cancelled", "params": {"requestId": 2}},
    ]
    said = [json.dumps(line | {"jsonrpc": "2.0"}).encode() + b"\n" for line in lines]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*COMMAND, "--platform", stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin is not None
    try:
        process.stdin.write(b"".join(said[:3]))
        async with asyncio.timeout(20):
            while not threaded_sandbox.mints:  # noqa: ASYNC110 - another thread changes it
                await asyncio.sleep(0.01)
        if end == "SIGTERM":
            process.terminate()
            await process.wait()
        elif end == "cancelled":
            process.stdin.write(said[3])
        process.stdin.close()
        _, err = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
    assert (process.returncode, err) == (0, b"")
    async with AsyncStore.open() as store:
        assert [entry.state async for entry in store.ledger.entries()] == [State.DONE]
        assert [one async for one in store.keys.organizations()] == ["org_acme"]
    assert threaded_sandbox.mints == {"org_acme": 1}


# ---- HTTP


@contextlib.contextmanager
def served(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = (*COMMAND, "--http", "--port", "0", *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            found = re.fullmatch(r"boooply: serving on (http://127\.0\.0\.1:\d+/mcp); stop it with Ctrl-C\n", line)
            assert found, line
            yield found[1], process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
async def test_sessions_over_http_work_until_the_server_stops(number: signal.Signals, code: int) -> None:
    with served() as (url, process):
        for mode in ("auto", "legacy"):
            async with Client(url, mode=mode) as client:
                assert (await ask(client, "get_organization"))["organization"]["name"] == "Sandbox Company"
        process.send_signal(number)
        assert await asyncio.to_thread(process.wait, 15) == code
        assert process.stdout is not None
        assert process.stderr is not None
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example"}, 421), ({"Host": "evil.example:80"}, 421), ({"Origin": "https://evil.example"}, 403)],
)
async def test_a_web_page_cannot_reach_the_server_through_a_browser(headers: dict[str, str], status: int) -> None:
    body = {"jsonrpc": "2.0", "method": "tools/list", "id": 1}
    accept = {"Accept": "application/json, text/event-stream"}
    with served() as (url, _):
        async with aiohttp.ClientSession() as session:
            async with session.post(url, json=body, headers=accept | headers) as response:
                assert response.status == status
            modern = accept | headers | {"MCP-Protocol-Version": "2026-07-28"}
            async with session.post(url, json=body, headers=modern) as response:
                assert response.status == status


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com", ""])  # noqa: S104 - it is rejected
async def test_serving_beyond_this_machine_raises(host: str) -> None:
    async with open_server() as server:
        with pytest.raises(ConfigurationError, match="host must be this machine"):
            await asyncio.wait_for(serve_http(server, host=host, port=0), 5)


@contextlib.asynccontextmanager
async def serving(host: str) -> AsyncIterator[str]:
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with open_server() as server:
        task = asyncio.create_task(serve_http(server, host=host, port=0, on_ready=address.set_result))
        yield await address
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_a_program_can_serve_mcp_itself(host: str) -> None:
    async with serving(host) as url, Client(url) as client:
        assert (await ask(client, "get_organization"))["organization"]["name"] == "Sandbox Company"


# ---- settings


async def works() -> bool:
    async with open_server() as server, Client(server) as client:
        return "organization" in await ask(client, "get_organization")


async def test_the_vendors_variable_for_the_address_works_too(
    monkeypatch: pytest.MonkeyPatch, threaded_sandbox: Sandbox
) -> None:
    monkeypatch.delenv("BOOOPLY_BASE_URL")
    monkeypatch.setenv("BOOOPLY_API_URL", threaded_sandbox.base_url)
    assert await works()
    monkeypatch.setenv("BOOOPLY_BASE_URL", f"{threaded_sandbox.base_url}/")
    assert await works()
    monkeypatch.setenv("BOOOPLY_BASE_URL", "")
    assert await works()


@pytest.mark.parametrize(
    ("changes", "options", "says"),
    [
        ({"BOOOPLY_API_URL": "https://other.example"}, {}, "BOOOPLY_BASE_URL and BOOOPLY_API_URL name different"),
        ({"BOOOPLY_BASE_URL": None}, {}, "set BOOOPLY_BASE_URL"),
        ({"BOOOPLY_BASE_URL": None, "BOOOPLY_API_URL": "http://x.example"}, {}, "base_url is http"),
        ({"BOOOPLY_API_KEY": None}, {}, "set BOOOPLY_API_KEY"),
        ({"BOOOPLY_API_KEY": "${BOOOPLY_API_KEY}"}, {}, "BOOOPLY_API_KEY was not filled in by the host"),
        ({"BOOOPLY_API_KEY": "bply_platform_0123456789abcdef"}, {}, "api_key is a platform key"),
        ({"BOOOPLY_PLATFORM_KEY": None}, {"platform": True}, "set BOOOPLY_PLATFORM_KEY"),
        ({"BOOOPLY_STORE_URL": None}, {"platform": True}, "set BOOOPLY_STORE_URL"),
        ({"BOOOPLY_STORE_KEY": None}, {"platform": True}, "set BOOOPLY_STORE_KEY"),
    ],
)
async def test_an_impossible_setting_stops_the_start(
    changes: dict[str, str | None], options: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=says) as caught:
        async with open_server(**options):
            pass
    assert "0123456789" not in str(caught.value)
