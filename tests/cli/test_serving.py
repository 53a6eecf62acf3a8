"""``boooply sandbox``: a process that serves until a signal stops it."""

import asyncio
import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession
from attrs import evolve

from boooply import (
    AIInterview,
    APIConnectionError,
    AsyncBoooplyClient,
    BoooplyClient,
    BoooplyPlatform,
    Candidate,
    RetryPolicy,
    Tenant,
)
from boooply.cli.sandbox import call_line, print_exports, serve
from boooply.sandbox import Call, Sandbox

Run = Callable[..., Any]

COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main", "sandbox")
EXPORT = re.compile(r"export (BOOOPLY_\w+)=([\w:/.-]+)")


def variables_of(text: str) -> dict[str, str]:
    matches = [EXPORT.fullmatch(line) for line in text.splitlines()]
    assert all(matches), text
    return {match[1]: match[2] for match in matches if match}


@contextmanager
def served(start_program: Run, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    pipe = subprocess.PIPE
    with start_program((*COMMAND, *options), stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            # Read to the end: standard output is closed once four lines are printed.
            yield process, variables_of(process.stdout.read())
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_sandbox_prints_its_keys_serves_and_stops(start_program: Run, number: signal.Signals, code: int) -> None:
    with served(start_program) as (process, variables):
        assert list(variables) == [
            "BOOOPLY_BASE_URL",
            "BOOOPLY_PLATFORM_KEY",
            "BOOOPLY_API_KEY",
            "BOOOPLY_WEBHOOK_SECRET",
        ]
        base_url = variables["BOOOPLY_BASE_URL"]
        with BoooplyPlatform(platform_key=variables["BOOOPLY_PLATFORM_KEY"], base_url=base_url) as platform:
            platform.create_organization_api_key(
                Tenant(user_id="1", user_email="a@b.example", organization_id="株式会社")
            )
        with BoooplyClient(api_key=variables["BOOOPLY_API_KEY"], base_url=base_url) as client:
            assert client.organization.get().name == "Sandbox Company"
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stderr is not None
        said = process.stderr.read()

    assert (
        f"Sandbox on {base_url} (open it in a browser to see what happens)\nA key may make 100 reads, 10 writes "
        in said
    )
    assert f"kill {process.pid}\n" in said
    assert said.splitlines()[-2:] == [
        "201 POST   /api/server-auth/create-api-key  株式会社",
        "200 GET    /api/integration/organization  sandbox-company",
    ]
    assert not any(value in said for name, value in variables.items() if name != "BOOOPLY_BASE_URL")
    assert "\x1b" not in said


def test_a_shell_can_evaluate_the_output_and_continue(tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = f'eval "$({shlex.join(COMMAND)} 2>{said} &)"; echo "$BOOOPLY_BASE_URL $BOOOPLY_API_KEY"'

    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603 - ours

    base_url, api_key = done.stdout.split()
    with BoooplyClient(api_key=api_key, base_url=base_url) as client:
        assert client.organization.get().name == "Sandbox Company"
    os.kill(int(re.findall(r"kill (\d+)", said.read_text())[0]), signal.SIGTERM)


def test_a_port_in_use_is_one_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("sandbox", "--port", str(port))

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"boooply: port {port}: Address already in use: ")
    assert ran.err.count("\n") == 1


async def ready(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    async with asyncio.timeout(20):
        while not (printed := capsys.readouterr().out):  # noqa: ASYNC110 - what is waited for is text on a stream
            await asyncio.sleep(0.001)
    return variables_of(printed)


async def test_options_reach_the_sandbox(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serving = asyncio.create_task(serve(port=port, reads=1, writes=2, ai=3, window=3600, latency=30))
    variables = await ready(capsys)

    assert variables["BOOOPLY_BASE_URL"] == f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    # Without the SDK, which would wait for the next window.
    headers = {"Authorization": f"Bearer {variables['BOOOPLY_API_KEY']}"}
    async with ClientSession(variables["BOOOPLY_BASE_URL"], headers=headers) as session:
        statuses = [(await session.get("/api/integration/organization")).status for _ in range(2)]
        response = await session.post("/api/integration/generate-job-description", json={"jobRole": "Baker"})

    assert [*statuses, response.status] == [200, 429, 200]
    assert response.headers["X-RateLimit-Limit"] == "3"
    assert 3 * 0.03 <= time.perf_counter() - started < 3
    os.kill(os.getpid(), signal.SIGTERM)

    assert await asyncio.wait_for(serving, 20) == 0
    assert capsys.readouterr().err.splitlines() == [
        "200 GET    /api/integration/organization  sandbox-company",
        "429 GET    /api/integration/organization  sandbox-company  RATE_LIMIT_EXCEEDED",
        "200 POST   /api/integration/generate-job-description  sandbox-company",
    ]


async def test_the_sandbox_serves_on_a_loop_without_signals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_arguments: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", unknown)
    serving = asyncio.create_task(serve())
    await ready(capsys)
    serving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await serving


@pytest.fixture
async def call(sandbox: Sandbox, client: AsyncBoooplyClient) -> Call:
    await client.organization.get()
    return evolve(sandbox.calls[-1], path="/a", tenant="org_1")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "200 GET    /a  org_1"),
        ({"method": "DELETE"}, "200 DELETE /a  org_1"),
        ({"tenant": None, "status": 401, "error_code": "INVALID_API_KEY"}, "401 GET    /a  -  INVALID_API_KEY"),
        ({"status": 0, "fault": "reset-after"}, "--- GET    /a  org_1  reset-after"),
        (
            {"path": "/a\x1b[2J\n", "tenant": "o\u202er bply_org_0123456789abcdef"},
            "200 GET    /a [2J   o r bply_org_…cdef",
        ),
    ],
)
def test_a_call_is_one_line_that_cannot_act_on_a_terminal(call: Call, changes: Mapping[str, Any], line: str) -> None:
    assert call_line(evolve(call, **changes)).plain == line


@pytest.mark.parametrize(
    ("status", "style"), [(0, "red"), (101, None), (200, "green"), (404, "yellow"), (429, "yellow"), (500, "red")]
)
def test_the_colour_of_a_call_depends_on_its_status(call: Call, status: int, style: str | None) -> None:
    spans = call_line(evolve(call, status=status)).spans

    assert [span.style for span in spans if span.style] == ([style] if style else [])


def test_a_pipe_is_closed_after_the_variables() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        print_exports({"A": "1", "B": "2"}, stream)
        # The writing end is still open here, and yet there is nothing more to wait for.
        with os.fdopen(reading) as other_end:
            assert other_end.read() == "export A=1\nexport B=2\n"


def test_a_terminal_stays_open_after_the_variables() -> None:
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as stream:
        print_exports({"A": "1"}, stream)
        assert os.isatty(stream.fileno())
    os.close(master)


def test_the_variables_may_go_to_a_stream_in_memory() -> None:
    stream = io.StringIO()

    print_exports({"A": "1"}, stream)

    assert stream.getvalue() == "export A=1\n"


async def test_fault_options_make_calls_fail(capsys: pytest.CaptureFixture[str]) -> None:
    serving = asyncio.create_task(serve(fault=("organization.get:503:1", "interviews.get:reset-after:always")))
    variables = await ready(capsys)

    async with AsyncBoooplyClient(
        api_key=variables["BOOOPLY_API_KEY"],
        base_url=variables["BOOOPLY_BASE_URL"],
        retry=RetryPolicy(attempts=2, backoff=0),
    ) as client:
        assert (await client.organization.get()).id
        with pytest.raises(APIConnectionError):
            await client.interviews.get("nothing")
    os.kill(os.getpid(), signal.SIGTERM)

    assert await asyncio.wait_for(serving, 20) == 0
    faults = [line.split()[-1] for line in capsys.readouterr().err.splitlines()]
    assert faults == ["503", "sandbox-company", "reset-after", "reset-after"]


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("interviews.make:503", "operation must be one of *, create_organization_api_key"),
        ("interviews.get:boom", "fault must be one of"),
        ("interviews.get:503:often", "times must be a number, or always"),
        ("interviews.get:503:0", "times must be at least 1"),
    ],
)
async def test_an_unknown_fault_is_2(capsys: pytest.CaptureFixture[str], fault: str, problem: str) -> None:
    assert await serve(fault=(fault,)) == 2

    assert " ".join(capsys.readouterr().err.split()).startswith(f"boooply: --fault {fault}: {problem}")


async def test_the_webhook_url_option_sets_the_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    serving = asyncio.create_task(serve(webhook_url="http://127.0.0.1:1/webhooks"))
    variables = await ready(capsys)

    async with aiohttp.request("GET", f"{variables['BOOOPLY_BASE_URL']}/_sandbox/webhooks") as response:
        assert (await response.json())["url"] == "http://127.0.0.1:1/webhooks"
    os.kill(os.getpid(), signal.SIGTERM)

    assert await asyncio.wait_for(serving, 20) == 0


async def test_a_webhook_url_that_is_not_an_address_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert await serve(webhook_url="my-host") == 2

    assert capsys.readouterr().err.startswith("boooply: --webhook-url: the webhook URL must be of the form http://")


# ---- the same after a restart


def test_a_seed_and_a_port_print_the_same_lines_each_time(start_program: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    seen = []
    for _ in range(2):
        with served(start_program, "--port", str(port), "--seed", "demo") as (process, variables):
            seen.append(variables)
            process.kill()
            process.wait(10)
    assert seen[0] == seen[1]
    assert seen[0]["BOOOPLY_BASE_URL"] == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_state_file_keeps_everything_over_a_restart(
    start_program: Run, tmp_path: Path, number: signal.Signals
) -> None:
    file = tmp_path / "sandbox.json"
    with served(start_program, "--state", str(file)) as (process, before):
        jane = Candidate(name="Zoë", email="zoe@example.com")
        with BoooplyClient(api_key=before["BOOOPLY_API_KEY"], base_url=before["BOOOPLY_BASE_URL"]) as client:
            code = client.interviews.create(AIInterview(job_role="Engineer", candidate=jane)).meeting_code
        while number == signal.SIGKILL and code not in file.read_text("utf-8"):
            time.sleep(0.05)
        process.send_signal(number)
        process.wait(10)
    with served(start_program, "--state", str(file)) as (process, after):
        assert {**after, "BOOOPLY_BASE_URL": ""} == {**before, "BOOOPLY_BASE_URL": ""}
        with BoooplyClient(api_key=after["BOOOPLY_API_KEY"], base_url=after["BOOOPLY_BASE_URL"]) as client:
            assert client.interviews.get(code).participants[0].name == "Zoë"


async def test_a_state_file_that_another_sandbox_uses_is_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "sandbox.json"
    async with Sandbox(state=file):
        assert await serve(state=file) == 2
    problem = "another sandbox is using this file: stop that sandbox, or name another file"
    assert "".join(capsys.readouterr().err.split()) == "".join(f"boooply: --state {file}: {problem}".split())


async def test_the_plan_option_refuses_the_sixth_interview(capsys: pytest.CaptureFixture[str]) -> None:
    serving = asyncio.create_task(serve(plan="Free"))
    variables = await ready(capsys)
    jane = {"name": "Jane", "email": "j@example.com", "role": "CANDIDATE"}
    body = {"meetingType": "AI_ONLY", "jobRole": "Cook", "participants": [jane]}
    headers = {"Authorization": f"Bearer {variables['BOOOPLY_API_KEY']}"}
    async with ClientSession(variables["BOOOPLY_BASE_URL"], headers=headers) as session:
        statuses = [(await session.post("/api/integration/interviews", json=body)).status for _ in range(6)]
    assert statuses == [201] * 5 + [402]
    os.kill(os.getpid(), signal.SIGTERM)

    assert await asyncio.wait_for(serving, 5) == 0


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"plan": "fre"}, "plan must be one of free, starter, growth, scale, custom; not 'fre'. Did you mean free?"),
        ({"seed": ""}, "seed must not be empty"),
        ({"state": "none/sandbox.json"}, "--state {}/none/sandbox.json: No such file or directory: name another"),
        ({"state": "other.json"}, "{}/other.json is not a sandbox's state: name another file"),
    ],
    ids=["plan", "seed", "no folder", "another file"],
)
async def test_an_option_that_cannot_work_is_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    (tmp_path / "other.json").write_text("{}")
    if "state" in options:
        options = {"state": tmp_path / options["state"]}
    assert await serve(**options) == 2
    assert "".join(capsys.readouterr().err.split()).startswith("".join(f"boooply:{problem}".format(tmp_path).split()))
