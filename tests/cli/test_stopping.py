"""``boooply provision`` on its way: progress, signals, and keys that the store does not take."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from boooply import AsyncBoooplyPlatform, StoreError
from boooply.cli import provision_view
from boooply.cli.summary import Summary
from boooply.provisioning.rescue import write_rescue_file
from boooply.recording import Recorder
from boooply.sandbox import Limits, Sandbox
from boooply.store import AsyncLedger

Run = Callable[..., Any]
Rows = Callable[..., Path]
States = Callable[[], dict[str, str]]
Use = Callable[[Sandbox], None]

MINT = "create_organization_api_key"
COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main", "provision")


pytestmark = pytest.mark.usefixtures("sandbox")


# ---- progress


def test_a_pipe_gets_a_line_now_and_then(run: Run, many_tenants_csv: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(provision_view._INTERVALS, False, 0.01)

    ran = run("provision", many_tenants_csv(200))

    lines = re.findall(
        r"^(\d+)/200 done, ([\d,]+) per minute, (.+) left, 0 in doubt, 0 failed *$", ran.out, re.MULTILINE
    )
    assert lines
    assert "\x1b" not in ran.out


def test_a_terminal_gets_a_bar(run_in_terminal: Run, many_tenants_csv: Rows) -> None:
    ran = run_in_terminal("provision", many_tenants_csv(30))

    assert (ran.code, ran.err) == (0, "")
    assert "/30 done" in ran.out
    assert ran.out.count("\x1b[?25l") == ran.out.count("\x1b[?25h") == 1  # the cursor comes back


# ---- stopping


@pytest.fixture
def narrow(use: Use) -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(writes=5, window=600), latency=1) as narrow:
        use(narrow)
        yield narrow


@pytest.fixture
def started(start_program: Run) -> Callable[..., subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    return lambda *arguments: start_program((*COMMAND, *map(str, arguments)), stdout=pipe, stderr=pipe, text=True)


def until(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_requests_finish_and_the_same_command_continues(
    run: Run, started: Run, narrow, sandbox, many_tenants_csv: Rows, number: signal.Signals, states: States, use: Use
) -> None:
    path = many_tenants_csv(9)
    with started(path, "--concurrency", "5") as process:
        until(lambda: len(narrow.mints) == 5)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (128 + number, "")
    assert "Stopping after 5 requests in progress." in " ".join(out.split())
    assert "Connected 5 customers" in out
    assert "Stopped with 4 customers left. To continue, run the same command again." in out
    use(sandbox)
    assert run("store", "adopt").code == 0  # it is another API
    again = run("provision", path)
    assert again.code == 0
    assert re.search(r"connected +5 +skipped", again.out)
    assert len(sandbox.mints) == 4
    assert set(states().values()) == {"connected"}


def test_a_second_signal_gives_up_at_once(started: Run, many_tenants_csv: Rows, states: States, use: Use) -> None:
    with Sandbox(latency=60) as slow:
        use(slow)
        with started(many_tenants_csv(3), "--json") as process:
            until(lambda: len(slow.mints) == 3)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            assert any("A second signal" in line for line in iter(process.stderr.readline, ""))
            process.send_signal(signal.SIGINT)
            begun = time.monotonic()
            out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert time.monotonic() - begun < 5
    assert "Stopped at once. Customers with a request in progress are in doubt." in err
    assert out == ""
    assert set(states().values()) == {"under_way"}  # until its lease ends


def fill(pipe: int) -> None:
    os.set_blocking(pipe, False)
    with suppress(BlockingIOError):
        while True:
            os.write(pipe, bytes(4096))
    os.set_blocking(pipe, True)


@pytest.mark.parametrize(("latency", "options"), [(60, ()), (0, ("--json",))])
def test_a_run_whose_output_nobody_reads_ends_in_time(
    start_program: Run, many_tenants_csv: Rows, use: Use, latency: int, options: tuple[str, ...]
) -> None:
    reader, writer = os.pipe()
    if "--json" in options:
        fill(writer)  # the first outcome is not written
    with Sandbox(latency=latency) as sandbox:
        use(sandbox)
        command = (*COMMAND, str(many_tenants_csv(3)), "--grace", "0", *options)
        with start_program(command, stdout=writer, stderr=subprocess.DEVNULL) as process:
            try:
                until(lambda: len(sandbox.mints) == 3)
                time.sleep(0.5)  # by now, its keys are stored
                fill(writer)
                process.send_signal(signal.SIGTERM)
                begun = time.monotonic()
                code = process.wait(timeout=20)
                seconds = time.monotonic() - begun
            finally:
                process.kill()
    os.close(reader)
    os.close(writer)

    assert code == 128 + signal.SIGTERM
    assert seconds < 0 + 5


def test_an_ignored_ctrl_c_stays_ignored(narrow, many_tenants_csv: Rows) -> None:
    command = ("/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", *COMMAND, str(many_tenants_csv(4)))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        until(lambda: len(narrow.mints) == 4)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Stopping" not in out


def test_a_signal_while_the_file_is_read_sends_nothing(
    run: Run, many_tenants_csv: Rows, sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = AsyncLedger.entries

    def interrupted(*arguments: Any) -> Any:
        monkeypatch.setattr(AsyncLedger, "entries", entries)  # once: a second signal would end this very process
        os.kill(os.getpid(), signal.SIGINT)
        return entries(*arguments)

    monkeypatch.setattr(AsyncLedger, "entries", interrupted)

    ran = run("provision", many_tenants_csv(3))

    assert ran.code == 130
    assert "Stopped. Nothing was sent." in ran.out
    assert sandbox.calls == ()


@pytest.mark.parametrize(("fault", "step", "code"), [(None, "finish", 0), ("commit-then-drop", "mark_in_doubt", 4)])
def test_a_run_that_completes_despite_a_signal_does_not_exit_with_130(
    run: Run, many_tenants_csv: Rows, sandbox, monkeypatch: pytest.MonkeyPatch, fault: Any, step: str, code: int
) -> None:
    if fault is not None:
        sandbox.faults.add(MINT, fault)
    record = getattr(Recorder, step)

    async def interrupted(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(Recorder, step, record)  # once: a second signal would end this very process
        os.kill(os.getpid(), signal.SIGINT)
        return await record(*arguments, **options)

    monkeypatch.setattr(Recorder, step, interrupted)

    ran = run("provision", many_tenants_csv(1))

    assert ran.code == code
    assert "Stopping" in ran.out
    assert "Stopped" not in ran.out


@pytest.mark.parametrize(("fault", "code"), [(None, 0), ("commit-then-drop", 4)])
@pytest.mark.parametrize("moment", ["while the summary is counted", "while the platform is closed"])
def test_a_signal_after_the_last_customer_changes_neither_summary_nor_exit_code(
    run: Run, many_tenants_csv: Rows, sandbox, monkeypatch: pytest.MonkeyPatch, fault: Any, code: int, moment: str
) -> None:
    if fault is not None:
        sandbox.faults.add(MINT, fault)
    owner, name = {
        "while the summary is counted": (Summary, "count_orphans"),
        "while the platform is closed": (AsyncBoooplyPlatform, "__aexit__"),
    }[moment]
    step = getattr(owner, name)

    async def interrupted(*arguments: Any) -> Any:
        monkeypatch.setattr(owner, name, step)  # once: a second signal would end this very process
        os.kill(os.getpid(), signal.SIGINT)
        return await step(*arguments)

    monkeypatch.setattr(owner, name, interrupted)

    ran = run("provision", many_tenants_csv(1))

    assert ran.code == code
    assert f"Connected {1 - (code > 0)} customer" in ran.out
    assert "Stop" not in ran.out


# ---- a store that fails for a while

# The command, which reports an outage after a second.
REPORTS_SOON = """
import sys
from boooply.cli.main import main
from boooply.store import failures
failures._REPORTED_AFTER = 1.0
sys.exit(main())
"""


def test_an_outage_of_the_database_is_reported_in_a_line_and_the_run_continues(
    start_program: Run, many_tenants_csv: Rows, postgresql_store_url: str, monkeypatch: pytest.MonkeyPatch, use: Use
) -> None:
    monkeypatch.setenv("BOOOPLY_STORE_URL", postgresql_store_url)
    command = (sys.executable, "-W", "error", "-c", REPORTS_SOON, "provision")
    server = postgresql_store_url.replace("+psycopg", "").replace("/store?", "/postgres?")
    with Sandbox(limits=None, latency=0.1) as slow, psycopg.connect(server, autocommit=True) as admin:
        use(slow)
        pipe, path = subprocess.PIPE, str(many_tenants_csv(30))
        process = start_program((*command, path, "--concurrency", "2"), stdout=pipe, stderr=pipe, text=True)
        until(lambda: len(slow.mints) > 2)
        admin.execute("ALTER DATABASE store ALLOW_CONNECTIONS false")
        try:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'store'")
            time.sleep(2.5)
        finally:
            admin.execute("ALTER DATABASE store ALLOW_CONNECTIONS true")
        _, err = process.communicate(timeout=60)

    assert (process.returncode, len(slow.mints)) == (0, 30)
    outage, recovered = err.splitlines()
    assert outage.startswith("boooply: the store cannot be ")
    assert outage.endswith(". It is retried for a minute")
    assert recovered == "boooply: the store can be written again"


# ---- keys that cannot be stored


@pytest.fixture
def _store_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_arguments: object, **_options: object) -> bool:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Recorder, "finish", fail)


@pytest.mark.usefixtures("_store_breaks")
def test_keys_that_cannot_be_stored_go_into_a_file_of_their_own(
    run: Run, many_tenants_csv: Rows, tmp_path: Path, sandbox: Sandbox
) -> None:
    ran = run("provision", many_tenants_csv(2), "--concurrency", "2")

    (file,) = tmp_path.glob("boooply-rescued-keys-*.jsonl")
    assert ran.code == 1
    assert "could not be stored (the disk is full)" in ran.err
    assert f"boooply store restore {file.name}" in " ".join(ran.err.split())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = {row["organization_id"] for row in map(json.loads, file.read_text().splitlines())}
    assert kept == set(sandbox.mints) != set()
    assert "bply_org_" not in file.read_text()
    ran.check_is_plain()


@pytest.mark.usefixtures("_store_breaks")
def test_the_encrypted_lines_are_shown_if_no_file_can_be_written(
    run: Run, many_tenants_csv: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.cli.rescue.write_rescue_file", lambda _lines: None)

    ran = run("provision", many_tenants_csv(1))

    assert ran.code == 1
    said, line = ran.err.splitlines()
    assert "Copy the line" in said
    assert json.loads(line)["organization_id"] == "org_0"
    ran.check_is_plain()


def test_a_store_whose_file_is_deleted_ends_the_run_at_once_and_rescues_the_keys(
    started: Run, many_tenants_csv: Rows, tmp_path: Path, use: Use
) -> None:
    with Sandbox(latency=0.3) as slow:
        use(slow)
        with started(many_tenants_csv(50), "--concurrency", "4") as process:
            until(lambda: len(slow.mints) > 4)
            for file in tmp_path.glob("boooply.db*"):
                file.unlink()
            begun, minted = time.monotonic(), len(slow.mints)
            _, err = process.communicate(timeout=60)
            passed = time.monotonic() - begun

    (rescued,) = tmp_path.glob("boooply-rescued-keys-*.jsonl")
    assert process.returncode == 1
    assert passed < 10  # it does not retry
    assert "was deleted or replaced while it was open" in err
    assert 1 <= len(rescued.read_text().splitlines()) <= 4
    assert len(slow.mints) <= minted + 4


def test_a_rescue_file_falls_back_to_the_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "gone")

    path = write_rescue_file("{}\n")

    assert path is not None
    assert path.parent == tmp_path / "elsewhere"
    assert path.read_text() == "{}\n"


@pytest.mark.usefixtures("_store_breaks")
def test_a_rescue_file_among_the_temporary_files_is_named_with_its_path(
    run: Run, many_tenants_csv: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = many_tenants_csv(1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "gone")

    ran = run("provision", path)

    (file,) = (tmp_path / "elsewhere").glob("boooply-rescued-keys-*.jsonl")
    assert ran.code == 1
    assert f"boooplystorerestore{file}" in "".join(ran.err.split())


def test_a_rescue_file_that_cannot_be_written_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "gone")

    assert write_rescue_file("{}\n") is None


def test_a_rescue_file_without_any_directory_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setattr("tempfile.tempdir", None)  # to be found again: a read-only container has none
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: [str(tmp_path / "gone")])

    assert write_rescue_file("{}\n") is None


def test_a_rescue_file_never_replaces_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path)

    # in one second a process has one name for both, so the second goes elsewhere
    paths = [write_rescue_file(lines) for lines in ("first\n", "second\n")]

    assert [path and path.read_text() for path in paths] == ["first\n", "second\n"]
