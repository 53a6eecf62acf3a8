"""Runs of the command: in this process, and in a separate process with pipes or with a terminal."""

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from cryptography.fernet import Fernet
from rich.cells import cell_len

from boooply.cli.main import main
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore

COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main")
WHOLE_SECRET = re.compile(r"bply_(?:org|platform)_[0-9a-f]{8,}|whsec_[0-9a-f]{8,}|token=[\w-]{5,}")
TERMINAL_VARIABLES = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "PYTHONIOENCODING")
HEADER = "organization_id,organization_name,user_id,user_email,user_name,team_members"


@frozen
class Ran:
    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What was said, without what the width of the terminal made of it."""
        return " ".join(self.out.split())

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What was said to a program."""
        return [json.loads(line) for line in self.out.splitlines()]

    def check_is_fit_for_print(self) -> None:
        for line in (self.out + self.err).splitlines():
            assert cell_len(line) <= 80, line
        self.check_is_plain()

    def check_is_plain(self) -> None:
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", self.out + self.err)
        assert not WHOLE_SECRET.search(self.out + self.err)
        assert "Traceback" not in self.err


@pytest.fixture(autouse=True)
def _no_terminal_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TERMINAL_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command in this process."""

    def run(*arguments: str | Path) -> Ran:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def run_piped(run_python: Callable[..., Any]) -> Callable[..., Ran]:
    """Run the command in a separate process with pipes, where warnings are errors."""

    def run(*arguments: str | Path, **environ: str) -> Ran:
        done = run_python((*COMMAND, *map(str, arguments)), encoding="utf-8", env=os.environ | environ)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def run_in_terminal(start_program: Callable[..., Any]) -> Callable[..., Ran]:
    """Run the command in a separate process, with a terminal as its standard output."""

    def run(*arguments: str | Path, **environ: str) -> Ran:
        master, slave = pty.openpty()
        command = (*COMMAND, *map(str, arguments))
        env = os.environ | {"TERM": "xterm-256color"} | environ
        with start_program(command, stdout=slave, stderr=subprocess.PIPE, env=env) as process:
            os.close(slave)
            shown = b"".join(iter(lambda: _read(master), b""))
            os.close(master)
            _, err = process.communicate(timeout=30)
        return Ran(process.returncode, shown.decode(), err.decode())

    return run


@pytest.fixture
def answering(start_program: Callable[..., Any]) -> Callable[..., tuple[int, str]]:
    """Run a command on a terminal, answer its question, and return its exit code and what it showed."""

    def run(respond: bytes | Callable[[subprocess.Popen[bytes]], object], *arguments: str | Path) -> tuple[int, str]:
        master, slave = pty.openpty()
        env = os.environ | {"TERM": "xterm-256color"}
        command = (*COMMAND, *map(str, arguments))
        with start_program(command, stdin=slave, stdout=slave, stderr=slave, env=env) as process:
            os.close(slave)
            shown = b""
            while b"[y/N]" not in shown:
                part = _read(master)
                assert part, shown
                shown += part
            os.write(master, respond) if isinstance(respond, bytes) else respond(process)
            shown += b"".join(iter(lambda: _read(master), b""))
            code = process.wait(timeout=20)
            os.close(master)
        return code, " ".join(shown.decode().split())

    return run


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux's way to say that the other end was closed
        return b""


@pytest.fixture
def tenants_csv(tmp_path: Path) -> Callable[[Iterable[str]], Path]:
    """Write a file of customers, given its rows."""

    def write(rows: Iterable[str]) -> Path:
        path = tmp_path / "tenants.csv"
        path.write_text("\n".join((HEADER, *rows, "")), encoding="utf-8")
        return path

    return write


@pytest.fixture
def many_tenants_csv(tenants_csv: Callable[[Iterable[str]], Path]) -> Callable[[int], Path]:
    """Write a file of so many customers."""
    return lambda count: tenants_csv(
        f"org_{number},Company {number},{number},admin@t{number}.example,Jane Admin,MEMBER:bob@t{number}.example:Bob"
        for number in range(count)
    )


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sandbox], None]:
    """Let the command call a sandbox, as its platform."""

    def use(sandbox: Sandbox) -> None:
        monkeypatch.setenv("BOOOPLY_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", sandbox.platform_key)

    return use


@pytest.fixture
def store_key(monkeypatch: pytest.MonkeyPatch, sqlite_store_url: str, tmp_path: Path) -> str:
    """Set a SQLite file as the store of the command, and a new working directory."""
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("BOOOPLY_STORE_KEY", key)
    monkeypatch.setenv("BOOOPLY_STORE_URL", sqlite_store_url)
    monkeypatch.chdir(tmp_path)
    return key


@pytest.fixture
def empty_store(store_key: str) -> None:  # noqa: ARG001 - it sets variables
    """Create the store that the command reads."""

    async def create() -> None:
        async with AsyncStore.open():
            pass

    asyncio.run(create())


@pytest.fixture
def sandbox(threaded_sandbox: Sandbox, store_key: str, use: Callable[[Sandbox], None]) -> Sandbox:  # noqa: ARG001 - it sets variables
    use(threaded_sandbox)
    return threaded_sandbox


@pytest.fixture
def states(run: Callable[..., Ran]) -> Callable[[], dict[str, str]]:
    """Ask the command for each customer's state."""
    return lambda: {row["organization_id"]: row["state"] for row in run("tenants", "list", "--json").rows}
