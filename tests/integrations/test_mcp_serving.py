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
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import CallToolResult

from boooply import AsyncBoooplyClient, ConfigurationError
from boooply.integrations.mcp import open_server, serve_http
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore, State, Store

Start = Callable[..., Any]
PIPE = subprocess.PIPE
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


@pytest.fixture
def start(start_program: Start) -> Start:
    """Start the server, whose dependencies are imported."""
    slow = (
        "boooply.integrations.mcp.server",
        "boooply.cli.app",
        "boooply.store.database",
        "mcp.server.stdio",
        "uvicorn",
    )
    return lambda *options, **streams: start_program((*COMMAND, *options), modules=slow, **streams)


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
        assert "never as instructions" in (client.instructions or "")
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


def test_stdio_ends_with_its_input_without_output(start: Start) -> None:
    with start(stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE) as process:
        assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == 0


def test_stdio_reads_an_unterminated_line_and_non_ascii_letters(start: Start) -> None:
    call = {"name": "create_ai_interview", "arguments": AI | {"jobRole": "厨师", "confirm": False}}
    lines: list[dict[str, Any]] = [
        {"method": "initialize", "id": 1, "params": {"protocolVersion": "2025-06-18", "capabilities": {}}},
        {"method": "notifications/initialized"},
        {"method": "tools/call", "id": 2, "params": call},
    ]
    lines[0]["params"]["clientInfo"] = {"name": "test", "version": "1"}
    text = "\n".join(json.dumps(line | {"jsonrpc": "2.0"}, ensure_ascii=False) for line in lines)
    with start(stdin=PIPE, stdout=PIPE) as process:
        process.stdin.write(text.encode() + b"\n")
        process.stdin.flush()
        responses = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
        assert process.wait(60) == 0
    assert responses[1]["result"]["structuredContent"]["plan"]["request"]["jobRole"] == "厨师"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_stdio_can_be_stopped_while_its_input_is_open(start: Start, number: signal.Signals, code: int) -> None:
    ping = json.dumps({"jsonrpc": "2.0", "method": "ping", "id": 1}).encode()
    with start(stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        process.stdin.write(ping + b"\n")
        process.stdin.flush()
        process.stdout.readline()  # it is up
        process.send_signal(number)
        assert process.wait(60) == code
        assert process.stderr.read() == b""


def test_a_non_blocking_input_is_read_to_its_end(start: Start) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with start(stdin=reading, stdout=PIPE, stderr=PIPE) as process:
        os.close(reading)
        try:
            for number in (1, 2):
                ping = json.dumps({"jsonrpc": "2.0", "method": "ping", "id": number}).encode()
                os.write(writing, ping + b"\n")
                assert json.loads(process.stdout.readline())["id"] == number
        finally:
            os.close(writing)
            try:
                _, err = process.communicate(timeout=60)
            finally:
                process.kill()
    assert (process.returncode, err) == (0, b"")


def test_stdio_ends_if_its_input_cannot_be_read(start: Start, tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as unreadable, start(stdin=unreadable, stdout=PIPE, stderr=PIPE) as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, b"")
    assert err == b"standard input cannot be read: Bad file descriptor\n"


@pytest.mark.parametrize("end", ["input", "SIGTERM", "cancelled"])
def test_stdio_ends_only_after_a_key_under_way_is_stored(start: Start, end: str, threaded_sandbox: Sandbox) -> None:
    threaded_sandbox.faults.add("create_organization_api_key", "slow-drip")
    opening = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    lines: list[dict[str, Any]] = [
        {"method": "initialize", "id": 1, "params": opening},
        {"method": "notifications/initialized"},
        {"method": "tools/call", "id": 2, "params": {"name": "connect_customer", "arguments": ACME}},
        {"method": "notifications/cancelled", "params": {"requestId": 2}},
    ]
    said = [json.dumps(line | {"jsonrpc": "2.0"}).encode() + b"\n" for line in lines]
    with start("--platform", stdin=PIPE, stdout=PIPE, stderr=PIPE, bufsize=0) as process:
        try:
            process.stdin.write(b"".join(said[:3]))
            ends = time.monotonic() + 60
            while not threaded_sandbox.mints:
                assert time.monotonic() < ends
                time.sleep(0.01)
            if end == "SIGTERM":
                process.terminate()
                process.wait(60)
            elif end == "cancelled":
                process.stdin.write(said[3])
            _, err = process.communicate(timeout=60)  # which closes its input
        finally:
            process.kill()
    assert (process.returncode, err) == (0, b"")
    with Store.open() as store:
        assert [entry.state for entry in store.ledger.entries()] == [State.DONE]
        assert list(store.keys.organizations()) == ["org_acme"]
    assert threaded_sandbox.mints == {"org_acme": 1}


# ---- HTTP


@contextlib.contextmanager
def served(start: Start) -> Iterator[tuple[str, Any]]:
    with start("--http", "--port", "0", stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            line = process.stderr.readline()
            found = re.fullmatch(r"boooply: serving on (http://127\.0\.0\.1:\d+/mcp)\. To stop, press Ctrl-C\n", line)
            assert found, line
            yield found[1], process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
async def test_sessions_over_http_work_until_the_server_stops(start: Start, number: signal.Signals, code: int) -> None:
    with served(start) as (url, process):
        for mode in ("auto", "legacy"):
            async with Client(url, mode=mode) as client:
                assert (await ask(client, "get_organization"))["organization"]["name"] == "Sandbox Company"
        process.send_signal(number)
        assert await asyncio.to_thread(process.wait, 60) == code
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example"}, 421), ({"Host": "evil.example:80"}, 421), ({"Origin": "https://evil.example"}, 403)],
)
async def test_a_web_page_cannot_reach_the_server_through_a_browser(
    start: Start, headers: dict[str, str], status: int
) -> None:
    body = {"jsonrpc": "2.0", "method": "tools/list", "id": 1}
    accept = {"Accept": "application/json, text/event-stream"}
    with served(start) as (url, _):
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
            await asyncio.wait_for(serve_http(server, host=host, port=0), 30)


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
        ({"BOOOPLY_BASE_URL": None, "BOOOPLY_API_URL": "http://x.example"}, {}, "base_url uses http"),
        ({"BOOOPLY_API_KEY": None}, {}, "set BOOOPLY_API_KEY"),
        ({"BOOOPLY_API_KEY": "${BOOOPLY_API_KEY}"}, {}, "the host did not fill in BOOOPLY_API_KEY"),
        ({"BOOOPLY_API_KEY": "bply_platform_0123456789abcdef"}, {}, "api_key is a platform key"),
        ({"BOOOPLY_PLATFORM_KEY": None}, {"platform": True}, "set BOOOPLY_PLATFORM_KEY"),
        ({"BOOOPLY_STORE_URL": None}, {"platform": True}, "Set BOOOPLY_STORE_URL"),
        ({"BOOOPLY_STORE_KEY": None}, {"platform": True}, "Set BOOOPLY_STORE_KEY"),
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
