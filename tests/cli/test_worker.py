"""``boooply enqueue``, ``boooply worker`` and ``boooply queue`` on a real PostgreSQL."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from boooply.cli import provision_view
from boooply.sandbox import Limits, Sandbox
from tests.windows import at_the_start_of_a_window

Run = Callable[..., Any]
Rows = Callable[[int], Path]

MINT = "create_organization_api_key"
COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main")


@pytest.fixture(autouse=True)
def _store_on_postgresql(sandbox: Sandbox, postgresql_store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - it sets variables
    monkeypatch.setenv("BOOOPLY_STORE_URL", postgresql_store_url)


@pytest.fixture
def status(run: Run) -> Callable[[], dict[str, Any]]:
    """Ask the command what is queued."""
    return lambda: json.loads(run("queue", "status", "--json").out)


def until(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_worker_connects_queued_customers(
    run: Run, many_tenants_csv: Callable[[int], Path], sandbox, postgresql_store_url: str
) -> None:
    queued = run("enqueue", many_tenants_csv(7), "--store", postgresql_store_url)
    assert (queued.code, queued.err) == (0, "")
    assert "Queued 7 customers." in queued.out
    assert sandbox.mints == {}

    ran = run("worker", "--once", "--store", postgresql_store_url)

    assert ran.code == 0
    assert len(sandbox.mints) == 7
    ran.check_is_fit_for_print()


@pytest.mark.usefixtures("store_key")
def test_a_bad_row_queues_nothing(run: Run, tmp_path: Path, postgresql_store_url: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("organization_id,user_id,user_email\norg_1,1,nobody\n", encoding="utf-8")

    ran = run("enqueue", file, "--store", postgresql_store_url)

    assert ran.code == 2
    assert "user_email" in ran.err


def test_enqueue_reads_files_as_provision_does(run: Run, tmp_path: Path, status: Callable[[], dict[str, Any]]) -> None:
    path = tmp_path / "export.csv"
    path.write_text("Nr.;user_id;user_email\nACME;1;a@b.example\nacme;2;b@b.example\n", encoding="utf-8")

    stopped = run("enqueue", path, "--map", "Nr.=organization_id")

    assert stopped.code == 2
    assert "--yes, or with --allow ID" in " ".join(stopped.err.split())
    assert not any(status()["jobs"].values())

    queued = run("enqueue", path, "--map", "Nr.=organization_id", "--allow", "acme")

    assert (queued.code, queued.err) == (0, "")
    assert "Queued 2 customers." in queued.out


def test_enqueue_warns_of_an_id_without_the_leading_zeros_of_a_connected_customer(
    run: Run, tmp_path: Path, status: Callable[[], dict[str, Any]]
) -> None:
    path = tmp_path / "export.csv"
    path.write_text("organization_id,user_id,user_email\n00123,1,a@b.example\n", encoding="utf-8")
    assert run("provision", path).code == 0
    path.write_text("organization_id,user_id,user_email\n123,1,a@b.example\n", encoding="utf-8")

    stopped = run("enqueue", path)

    assert stopped.code == 2
    assert "'123' looks like '00123', which is already connected" in " ".join(stopped.err.split())
    assert not any(status()["jobs"].values())
    assert run("enqueue", path, "--yes").code == 0


def test_a_queue_requires_postgresql(run: Run, many_tenants_csv: Callable[[int], Path], sqlite_store_url: str) -> None:
    run("provision", many_tenants_csv(1), "--store", sqlite_store_url)

    ran = run("enqueue", many_tenants_csv(1), "--store", sqlite_store_url)

    assert ran.code == 2
    assert "the queue needs a store on PostgreSQL" in ran.err


def test_a_worker_with_a_wrong_platform_key_ends(
    run: Run,
    many_tenants_csv: Callable[[int], Path],
    sandbox,
    postgresql_store_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("enqueue", many_tenants_csv(2), "--store", postgresql_store_url)
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", "bply_platform_wrong")

    ran = run("worker", "--store", postgresql_store_url)

    assert ran.code == 1
    assert "401" in ran.err
    assert sandbox.mints == {}


# ---- what a worker shows


def test_a_worker_prints_a_summary_and_exits_as_provision_does(run: Run, many_tenants_csv: Rows, sandbox) -> None:
    sandbox.faults.add(MINT, "422")
    sandbox.faults.add(MINT, "commit-then-drop")
    run("enqueue", many_tenants_csv(5))

    ran = run("worker", "--once", "--concurrency", "1")

    assert ran.code == 4
    assert "Connected 3 customers" in ran.out
    assert re.search("in doubt +1", ran.out)
    assert re.search("failed +1", ran.out)
    ran.check_is_fit_for_print()


def test_a_worker_writes_json_for_programs(run: Run, many_tenants_csv: Rows) -> None:
    run("enqueue", many_tenants_csv(2))

    *outcomes, summary = run("worker", "--once", "--json").rows

    assert {one["outcome"] for one in outcomes} == {"connected"}
    assert summary["summary"]["connected"] == 2


def test_a_pipe_gets_a_line_a_minute(run: Run, many_tenants_csv: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    assert provision_view._INTERVALS[False] == 60
    monkeypatch.setitem(provision_view._INTERVALS, False, 0.01)
    run("enqueue", many_tenants_csv(30))

    ran = run("worker", "--once")

    assert re.search(r"^[1-9]\d* done, \d+ per minute, \d+ queued, 0 in doubt, 0 failed *$", ran.out, re.MULTILINE)


def test_an_api_that_fails_ends_a_worker_with_one_line_and_few_in_doubt(
    run: Run, many_tenants_csv: Rows, sandbox, monkeypatch: pytest.MonkeyPatch, status
) -> None:
    monkeypatch.setattr("boooply.provisioning.outage._PATIENCE", -55.0)  # it stops 5 s after its last success
    sandbox.faults.add(MINT, "500", None)
    run("enqueue", many_tenants_csv(100))

    ran = run("worker", "--once")

    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert "times in a row" in ran.err
    assert status()["customers"]["in_doubt"] <= 5 + 16
    assert re.search("in doubt +[1-9]", ran.out)


def test_a_revoked_key_among_several_is_set_aside(
    run: Run, many_tenants_csv: Rows, sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", f"bply_platform_revoked, {sandbox.platform_key},")
    run("enqueue", many_tenants_csv(10))

    ran = run("worker", "--once")

    assert ran.code == 0
    assert len(sandbox.mints) == 10
    assert ran.err.count("\n") == 1
    assert "platform key 1 of 2 is set aside" in ran.err


def test_a_missing_platform_key_is_a_wrong_setting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", ",")

    ran = run("worker", "--once")

    assert ran.code == 2
    assert "BOOOPLY_PLATFORM_KEY" in ran.err


# ---- the store fails


class Line:
    """A line to the database that can be cut, so that its connections break, or stalled, so that they say nothing."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._open: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stall(self) -> None:
        self._flows.clear()

    def cut(self) -> None:
        self._flows.set()
        for one in [self._server, *self._open]:
            with suppress(OSError):  # it is closed already
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with self._server, suppress(OSError):
            while True:
                ours, theirs = self._server.accept()[0], socket.socket(socket.AF_UNIX)
                theirs.connect(self._target)
                self._open += [ours, theirs]
                for ends in ((ours, theirs), (theirs, ours)):
                    self._threads.append(threading.Thread(target=self._pass, args=ends))
                    self._threads[-1].start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with one, suppress(OSError):
            while data := one.recv(65536):
                self._flows.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(postgresql_store_url: str) -> Iterator[Line]:
    (folder,) = parse_qs(urlsplit(postgresql_store_url).query)["host"]
    line = Line(f"{folder}/.s.PGSQL.5432")
    yield line
    line.cut()


def test_a_store_that_fails_while_requests_are_in_flight_loses_no_key(
    run: Run, many_tenants_csv: Rows, use: Callable[[Sandbox], None], line: Line, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("boooply.store.failures.PATIENCE", 0.0)
    run("enqueue", many_tenants_csv(20))
    with Sandbox(latency=3) as slow:
        use(slow)

        def cut() -> None:
            until(lambda: len(slow.mints) == 4)
            line.cut()

        cutting = threading.Thread(target=cut)
        cutting.start()
        url = f"postgresql+psycopg://postgres@127.0.0.1:{line.port}/store"
        ran = run("worker", "--once", "--concurrency", "4", "--store", url)
        cutting.join()

    (rescued,) = tmp_path.glob("boooply-rescued-keys-*.jsonl")
    kept = {json.loads(row)["organization_id"] for row in rescued.read_text().splitlines()}
    assert ran.code == 1
    assert kept == set(slow.mints)
    assert len(kept) == 4
    assert "4 keys could not be stored" in ran.err
    assert f"boooply store restore {rescued.name}" in " ".join(ran.err.split())
    ran.check_is_plain()
    assert run("store", "restore", rescued).code == 0


# ---- the end


@pytest.fixture
def started(start_program: Run) -> Callable[..., subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    return lambda *arguments: start_program((*COMMAND, *map(str, arguments)), stdout=pipe, stderr=pipe, text=True)


def test_sigterm_at_the_real_limit_ends_a_worker_at_once(
    run: Run, started: Run, many_tenants_csv: Rows, use: Callable[[Sandbox], None], status
) -> None:
    run("enqueue", many_tenants_csv(40))
    with Sandbox(limits=Limits()) as limited:
        at_the_start_of_a_window(limited)
        use(limited)
        with started("worker") as process:
            until(lambda: len(limited.mints) == 10)
            time.sleep(0.5)  # the others wait for the rate limit by now
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
            seconds = time.monotonic() - begun

    assert (process.returncode, err) == (0, "")
    assert seconds < 8  # a busy machine takes its time
    assert "Connected 10 customers" in out
    assert "Stopped. Customers that were not sent are queued again." in out
    found = status()
    assert (found["customers"]["done"], found["customers"]["todo"]) == (10, 30)
    assert (found["jobs"]["todo"], found["jobs"]["doing"]) == (30, 0)


def test_sigterm_ends_a_worker_with_143_that_is_to_connect_all_and_has_not(
    run: Run, started: Run, many_tenants_csv: Rows, use: Callable[[Sandbox], None]
) -> None:
    run("enqueue", many_tenants_csv(4))
    with Sandbox(limits=Limits(writes=2, window=600)) as limited:
        use(limited)
        with started("worker", "--once") as process:
            until(lambda: len(limited.mints) == 2)
            time.sleep(0.5)  # the others wait for the rate limit by now
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=25)

    assert (process.returncode, err) == (128 + signal.SIGTERM, "")
    assert "Stopped. Customers that were not sent are queued again." in out


@pytest.mark.parametrize("command", ["provision", "worker"])
def test_what_outlasts_the_grace_is_in_doubt_and_the_process_is_gone(
    run: Run, started: Run, many_tenants_csv: Rows, use: Callable[[Sandbox], None], command: str, status
) -> None:
    path = many_tenants_csv(3)
    with Sandbox(latency=60) as slow:
        use(slow)
        if command == "worker":
            run("enqueue", path)
        with started(command, *([path] if command == "provision" else []), "--grace", "1") as process:
            until(lambda: len(slow.mints) == 3)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=60)
            seconds = time.monotonic() - begun

    assert seconds < 1 + 5
    assert process.returncode == {"provision": 4, "worker": 143}[command]
    assert re.search("in doubt +3", out)
    assert "the run was stopped" in out
    assert status()["customers"]["in_doubt"] == 3


@pytest.mark.parametrize("failure", ["cut", "stall"])
@pytest.mark.parametrize("command", ["provision", "worker"])
def test_a_signal_while_the_store_fails_ends_in_time_and_rescues_the_keys(
    run: Run,
    started: Run,
    many_tenants_csv: Rows,
    use: Callable[[Sandbox], None],
    line: Line,
    tmp_path,
    command,
    failure,
) -> None:
    path = many_tenants_csv(30)
    with Sandbox(latency=2) as slow:
        use(slow)
        if command == "worker":
            run("enqueue", path)
        url = f"postgresql+psycopg://postgres@127.0.0.1:{line.port}/store"
        words = (command, *([path] if command == "provision" else []), "--concurrency", "4", "--store", url)
        with started(*words, "--grace", "4") as process:
            until(lambda: len(slow.mints) == 4)
            getattr(line, failure)()
            process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            process.communicate(timeout=60)
            seconds = time.monotonic() - begun

    (rescued,) = tmp_path.glob("boooply-rescued-keys-*.jsonl")
    assert process.returncode == {"cut": 1, "stall": 143}[failure]
    assert len(rescued.read_text().splitlines()) == len(slow.mints) == 4
    assert seconds < 4 + 5 + 2  # a busy machine takes its time


def test_a_terminal_gets_a_bar(run: Run, run_in_terminal: Run, many_tenants_csv: Rows) -> None:
    run("enqueue", many_tenants_csv(30))

    ran = run_in_terminal("worker", "--once")

    assert (ran.code, ran.err) == (0, "")
    assert " queued, " in ran.out
    assert ran.out.count("\x1b[?25l") == ran.out.count("\x1b[?25h") == 1  # the cursor comes back


# ---- boooply queue


def test_status_counts_customers_jobs_and_workers(run: Run, many_tenants_csv: Rows, sandbox, status) -> None:
    sandbox.faults.add(MINT, "422")
    run("enqueue", many_tenants_csv(3))
    assert status()["customers"] == {"todo": 3, "sent": 0, "done": 0, "in_doubt": 0, "failed": 0}
    run("worker", "--once")

    found = status()

    assert found["customers"] == {"todo": 0, "sent": 0, "done": 2, "in_doubt": 0, "failed": 1}
    assert found["jobs"] == {"todo": 0, "doing": 0, "succeeded": 2, "failed": 1}
    assert (found["workers"], found["is_paused"]) == (0, False)
    ran = run("queue", "status")
    assert re.search("done +2", ran.out)
    ran.check_is_fit_for_print()


def test_a_paused_queue_gives_no_jobs(run: Run, many_tenants_csv: Rows, sandbox) -> None:
    run("enqueue", many_tenants_csv(2))
    assert "run: boooply queue resume" in run("queue", "pause").out

    ran = run("worker", "--once")

    assert ran.code == 1
    assert "the queue is paused" in ran.err
    assert sandbox.mints == {}
    assert json.loads(run("queue", "resume", "--json").out) == {"is_paused": False}
    assert run("worker", "--once").code == 0


def test_failed_customers_are_listed_and_retried_but_never_those_in_doubt(
    run: Run, many_tenants_csv: Rows, sandbox, status
) -> None:
    sandbox.faults.add(MINT, "422")
    sandbox.faults.add(MINT, "commit-then-drop")
    run("enqueue", many_tenants_csv(3))
    advice = " ".join(run("worker", "--once", "--concurrency", "1").out.split())

    assert "run boooply enqueue again, and then boooply worker --remint-in-doubt." in advice
    assert "To retry these customers, run: boooply queue retry --all" in advice
    assert "The same command" not in advice
    (row,) = run("queue", "failed", "--json").rows
    assert row["organization_id"] == "org_0"
    assert "422" in row["reason"]
    assert "1 customer failed." in run("queue", "failed").out
    rejected = run("queue", "retry", "org_0", "org_1")
    assert rejected.code == 2
    assert "org_1 is in doubt, not failed" in rejected.err
    assert run("queue", "retry", "org_9").code == run("queue", "retry").code == 2
    assert status()["jobs"]["todo"] == 0
    assert json.loads(run("queue", "retry", "--all", "--json").out) == {"queued": 1}
    assert run("worker", "--once").code == 0
    assert status()["customers"] == {"todo": 0, "sent": 0, "done": 2, "in_doubt": 1, "failed": 0}


def test_purge_deletes_finished_jobs_alone(run: Run, many_tenants_csv: Rows, postgresql_url: str, status) -> None:
    path = many_tenants_csv(4)
    run("enqueue", path)
    run("worker", "--once")
    run("enqueue", path)

    assert "Deleted 4 finished jobs." in run("queue", "purge").out

    assert status()["jobs"] == {"todo": 4, "doing": 0, "succeeded": 0, "failed": 0}
    with psycopg.connect(postgresql_url) as connection:
        rows = connection.execute("SELECT job_id FROM boooply_queue.procrastinate_events").fetchall()
    assert Counter(rows).total() == 4


def test_tables_of_another_version_are_reported_in_one_line(
    run: Run, many_tenants_csv: Rows, postgresql_url: str
) -> None:
    run("queue", "status")
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("UPDATE boooply_queue.boooply_queue_state SET version = '02.00.00'")

    ran = run("enqueue", many_tenants_csv(1))

    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert "Install the same version on every machine" in ran.err
    assert "DROP SCHEMA" in ran.err
    assert run("tenants", "list", "--json").out == ""


def test_three_first_commands_at_once_queue_everyone(started: Run, many_tenants_csv: Rows, status) -> None:
    path = many_tenants_csv(50)
    processes = [started("enqueue", path) for _ in range(3)]
    assert [process.communicate(timeout=60)[1] for process in processes] == ["", "", ""]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert status()["jobs"]["todo"] == 50
