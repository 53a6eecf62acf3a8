"""The options and errors of ``boooply mcp``; the tests of the integration cover the server."""

import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from boooply.extras import install_command
from boooply.sandbox import Sandbox

Run = Callable[..., Any]


@pytest.fixture
def ready(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)


def test_mcp_has_help_worth_reading(run: Run) -> None:
    ran = run("mcp", "--help")

    assert ran.code == 0
    for text in ("--http", "--port N", "--platform", "--store URL", "BOOOPLY_API_URL", "the extra mcp"):
        assert text in ran.out
    ran.check_is_fit_for_print()
    assert "mcp         Run an MCP server for an AI assistant." in run("--help").out


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--port", "1"), "--port needs --http"),
        (("--store", "sqlite:///x.db"), "--store needs --platform"),
        (("--http", "--port", "65536"), "--port"),
    ],
)
def test_conflicting_options_are_2(run: Run, options: tuple[str, ...], says: str) -> None:
    ran = run("mcp", *options)

    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


@pytest.mark.usefixtures("ready")
def test_a_port_in_use_is_one_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("mcp", "--http", "--port", str(port))

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"boooply: --port {port}: Address already in use. Choose another port\n"


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("missing", "options"),
    [
        ("BOOOPLY_API_KEY", ()),
        ("BOOOPLY_BASE_URL", ()),
        ("BOOOPLY_PLATFORM_KEY", ("--platform",)),
        ("BOOOPLY_STORE_URL", ("--platform",)),
        ("BOOOPLY_STORE_KEY", ("--platform",)),
    ],
)
def test_a_missing_setting_is_one_line_that_names_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, missing: str, options: tuple[str, ...]
) -> None:
    monkeypatch.delenv(missing)

    ran = run("mcp", *options)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"boooply: {missing} is missing: set it\n" or f" Set {missing}" in ran.err
    assert ran.err.count("\n") == 1
    ran.check_is_plain()


@pytest.mark.parametrize("missing", ["mcp", "uvicorn"])
def test_mcp_names_its_missing_extra(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from boooply.cli.main import main; sys.exit(main(['mcp']))"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - ours

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"boooply: mcp needs an extra. Install it with: {install_command('mcp')}\n"


@pytest.mark.usefixtures("ready")
def test_mcp_without_standard_input_is_2(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # what Python makes of a closed one

    ran = run("mcp")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("boooply: standard input or output is closed")
    assert ran.err.count("\n") == 1


@pytest.mark.usefixtures("ready")
def test_mcp_in_a_terminal_says_that_it_serves_a_host(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    from boooply.cli import mcp  # noqa: PLC0415 - what it serves with is replaced here

    async def nothing(_server: object) -> None:
        pass

    monkeypatch.setattr(mcp, "serve_stdio", nothing)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)

    ran = run("mcp")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("boooply: serving on standard input and output. A host usually starts this command.")
