"""The programs of the cookbook, each run as its page says, against the sandbox."""

import contextlib
import csv
import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography.fernet import Fernet

from boooply import AIInterview, BoooplyClient, BoooplyPlatform, Candidate, HumanInterview, Participant, Tenant, Tenants
from boooply.sandbox import Call, Sandbox
from boooply.store import Inbox, KeyStore, Store
from boooply.webhooks import read_event

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
FILES = re.compile(r'^```\{\.python notest title="(?P<path>[^"]+)"\}\n(?P<code>.*?)^```$', re.MULTILINE | re.DOTALL)
JANE = Candidate(name="Jane", email="jane@example.com")
ACME = Tenant(user_id="1", user_email="admin@acme.example", organization_id="org_1")
BETA = Tenant(user_id="2", user_email="admin@beta.example", organization_id="org_2")

pytestmark = pytest.mark.timeout(300)  # frameworks start slowly on a busy machine

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the page's programs into a folder, and name an empty store in the environment."""
    monkeypatch.setenv("BOOOPLY_STORE_URL", f"sqlite:///{tmp_path}/boooply.db")
    monkeypatch.setenv("BOOOPLY_STORE_KEY", Fernet.generate_key().decode())
    place = tmp_path / "programs"
    place.mkdir()
    for found in FILES.finditer((PAGES / "cookbook.md").read_text(encoding="utf-8")):
        place.joinpath(found["path"]).write_text(found["code"], encoding="utf-8")
    return place


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sandbox]:
    """Make a sandbox, and name it in the environment once it serves."""

    class Named(Sandbox):
        def __enter__(self) -> Self:
            super().__enter__()
            monkeypatch.setenv("BOOOPLY_BASE_URL", self.base_url)
            monkeypatch.setenv("BOOOPLY_API_KEY", self.api_key)
            monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", self.platform_key)
            monkeypatch.setenv("BOOOPLY_WEBHOOK_SECRET", self.webhook_secret)
            return self

    return Named


@pytest.fixture
def live(serve: Callable[..., Sandbox]) -> Iterator[Sandbox]:
    with serve() as sandbox:
        yield sandbox


@pytest.fixture
def run(folder: Path) -> Run:
    return partial(run_in, folder)


def run_in(place: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(  # noqa: S603 - the words of this file
        [sys.executable, *words], cwd=place, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@contextlib.contextmanager
def started(place: Path, *words: str, to: Any = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, *words], cwd=place, stdout=to, stderr=to, text=True) as process:  # noqa: S603 - ours
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(120)


def within(seconds: float, found: Callable[[], Any]) -> Any:
    ends = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < ends
        time.sleep(0.05)
    return value


def evaluate(live: Sandbox, client: BoooplyClient, overall: int, name: str = "Jane") -> str:
    candidate = Candidate(name=name, email=f"{name.lower()}@example.com")
    code = client.interviews.create(AIInterview(job_role="Engineer", candidate=candidate)).meeting_code
    live.play(code, evaluation={"overall": overall})
    return code


@contextlib.contextmanager
def customers(*tenants: Tenant) -> Iterator[Tenants]:
    with Store.open() as store, BoooplyPlatform() as platform:
        connected = Tenants(platform, store)
        for tenant in tenants:
            connected.connect(tenant)
        yield connected


def test_the_page_has_ten_programs(folder: Path) -> None:
    assert len(list(folder.iterdir())) == 10


def test_scores_are_exported(live: Sandbox, folder: Path, run: Run) -> None:
    gone = Tenant(user_id="3", user_email="admin@gone.example", organization_id="org_3")
    with customers(ACME, BETA, gone) as connected:
        code = evaluate(live, connected.client("org_1"), 91)
        connected.client("org_2").interviews.create(AIInterview(job_role="Engineer", candidate=JANE))
    live.revoke_keys("org_3")

    done = run("export_scores.py", "scores.csv", code=1)

    (row,) = csv.DictReader(io.StringIO(folder.joinpath("scores.csv").read_text(encoding="utf-8")))
    assert (row["customer"], row["meeting_code"], float(row["overall_score"])) == ("org_1", code, 91)
    assert "3 of 3: org_3" in done.stderr
    assert "HTTP 401" in done.stderr
    assert not folder.joinpath("scores.part").exists()


@pytest.mark.usefixtures("live")
def test_a_recruiters_interviews_move(run: Run) -> None:
    monday = (datetime.now(UTC) + timedelta(days=7)).replace(hour=14, minute=30, second=0, microsecond=0)
    with BoooplyClient() as client:

        def plan(email: str, when: datetime) -> str:
            ann = Participant(name="Ann", email=email, role="INTERVIEWER")
            request = HumanInterview(job_role="Engineer", candidate=JANE, participants=[ann], scheduled_at=when)
            return client.interviews.create(request).meeting_code

        hers = plan("ann@acme.example", monday), plan("ann@acme.example", monday.replace(hour=16))
        others = plan("joann@acme.example", monday), plan("ann@acme.example", monday + timedelta(days=1))
        days = monday.date(), monday.date() + timedelta(days=3)

        done = run("move_interviews.py", "ann@acme.example", *(day.isoformat() for day in days))

        times = {one.meeting_code: one.scheduled_at for one in client.interviews.iterate()}
        assert [times[code] for code in hers] == [
            monday + timedelta(days=3),
            monday.replace(hour=16) + timedelta(days=3),
        ]
        assert [times[code] for code in others] == [monday, monday + timedelta(days=1)]
        assert "2 of 2" in done.stdout
        again = run("move_interviews.py", "ann@acme.example", *(day.isoformat() for day in days))
        assert again.stdout == ""


def test_an_interview_that_starts_meanwhile_stays(serve: Callable[..., Sandbox], run: Run) -> None:
    def start(call: Call) -> None:
        if call.operation == "interviews.list":
            sandbox.play(code, "ACTIVE")  # before the program reads the list

    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with serve(on_call=start) as sandbox, BoooplyClient() as client:
        request = AIInterview(job_role="Engineer", candidate=JANE, scheduled_at=tomorrow)
        code = client.interviews.create(request).meeting_code
        done = run("move_interviews.py", JANE.email, tomorrow.date().isoformat(), "2099-01-01")

    assert f"\n{code} was not moved: " in done.stdout


@pytest.mark.usefixtures("live")
def test_dead_events_are_listed(run: Run) -> None:
    assert run("dead_events.py").stdout == ""
    is_dead = threading.Event()

    def handle(_event: object) -> None:
        raise LookupError

    body = b'{"event":"interview.scores","data":{"meetingCode":"Boooply-AI-1","sourceId":"org_1"}}'
    with Store.open() as store:
        inbox = Inbox(store, attempts=1)
        inbox.put(read_event(body), body)
        inbox.work(handle, stop=is_dead, on_dead=lambda _: is_dead.set())

    text = run("dead_events.py").stdout

    assert text.startswith("1 webhook events are dead.")
    assert "    1  LookupError in " in text
    assert "    1  org_1" in text
    assert "interview.scores  Boooply-AI-1" in text


@pytest.mark.usefixtures("live")
def test_free_slots_are_printed(run: Run) -> None:
    with BoooplyClient() as client:
        first = client.interviews.get_availability("ann@acme.example", duration_minutes=45, days=7).slots[-1]

    lines = run("free_slots.py", "ann@acme.example", "unconnected@acme.example").stdout.splitlines()

    assert lines[0] == "ann@acme.example"
    assert lines[-2:] == ["unconnected@acme.example", "  no calendar is connected"]
    (day,) = (line for line in lines if line.startswith(f"  {first.start:%a %d %b} "))
    assert first.start.strftime(":%M") in day


CELERY = """
import sys
import tasks

tasks.app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"},
    result_backend=f"file://{sys.argv[1]}",
)
tasks.invite.default_retry_delay = 1
if sys.argv[2:] == ["worker"]:
    tasks.app.worker_main(["worker", "--concurrency=2", "--pool=prefork", "--loglevel=info", "--without-mingle"])
else:
    sent = [tasks.invite.delay("org_1", "Engineer", name, f"{name}@example.com") for name in sys.argv[2:]]
    print(*(one.get(timeout=120) for one in sent))
"""


@contextlib.contextmanager
def celery(folder: Path) -> Iterator[tuple[str, ...]]:
    """Run a worker of two processes, and return the words of a program that sends it tasks."""
    for name in ("queue", "control", "results"):
        folder.joinpath(name).mkdir()
    folder.joinpath("celery_here.py").write_text(CELERY, encoding="utf-8")
    words = "celery_here.py", str(folder / "results")
    with folder.joinpath("worker.log").open("w", encoding="utf-8") as log, started(folder, *words, "worker", to=log):
        yield words


def test_a_celery_task_invites_once(live: Sandbox, folder: Path, run: Run) -> None:
    live.faults.add("interviews.create", "commit-then-drop")
    with customers(ACME), celery(folder) as words:
        codes = run(*words, "ada", "grace", "joan").stdout.split()

    assert len(set(codes)) == 3
    assert len(live.sent_emails) == 3
    live.assert_nobody_emailed_twice()


def test_a_celery_task_fails_if_nobody_knows(live: Sandbox, folder: Path, run: Run) -> None:
    live.faults.add("interviews.create", "drop-before")
    with customers(ACME), celery(folder) as words:
        assert "AmbiguousWriteError" in run(*words, "ada", code=1).stderr

    assert live.sent_emails == ()


def test_a_celery_task_waits_for_the_api(serve: Callable[..., Sandbox], folder: Path, run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        options = {"port": free.getsockname()[1], "state": tmp_path / "state.json"}
    with serve(**options), customers(ACME):
        pass
    log = folder / "worker.log"
    with celery(folder) as words, ThreadPoolExecutor() as threads:
        sent = threads.submit(run, *words, "ada")
        within(100, lambda: "Retry in 1s" in log.read_text(encoding="utf-8"))
        with serve(**options) as sandbox:
            assert sent.result().stdout.startswith("Boooply-AI-")
            assert len(sandbox.sent_emails) == 1


@pytest.fixture
def project(folder: Path) -> Path:
    """Follow the Django page, and add the command."""
    run_in(folder, "-m", "django", "startproject", "mysite", ".")
    run_in(folder, "manage.py", "startapp", "interviews")
    for found in FILES.finditer((PAGES / "django.md").read_text(encoding="utf-8")):
        path = folder / found["path"]
        before = path.read_text(encoding="utf-8") if path.name == "settings.py" else ""
        path.write_text(before + found["code"], encoding="utf-8")
    commands = folder / "interviews" / "management" / "commands"
    commands.mkdir(parents=True)
    folder.joinpath("missing_ratings.py").rename(commands / "missing_ratings.py")
    run_in(folder, "manage.py", "makemigrations", "interviews")
    run_in(folder, "manage.py", "migrate")
    return folder


def test_a_django_command_lists_missed_evaluations(live: Sandbox, project: Path) -> None:
    with customers(ACME) as connected:
        client = connected.client("org_1")
        known, missed = evaluate(live, client, 80), evaluate(live, client, 75, "Joe")
        client.interviews.create(AIInterview(job_role="Engineer", candidate=JANE))
    with contextlib.closing(sqlite3.connect(project / "db.sqlite3")) as database, database:
        database.execute("INSERT INTO interviews_rating (code, customer, rating) VALUES (?, 'org_1', 4)", (known,))

    done = run_in(project, "manage.py", "missing_ratings", "org_1")
    assert done.stdout.split() == ["org_1", missed, "75"]

    done = run_in(project, "manage.py", "missing_ratings", "org_9", code=1)
    assert done.stderr.startswith("CommandError: ")


def test_a_notebook_shows_the_scores(live: Sandbox, folder: Path) -> None:
    with BoooplyClient() as client:
        worst, best = evaluate(live, client, 42), evaluate(live, client, 87)
        client.interviews.create(AIInterview(job_role="Engineer", candidate=JANE))
    cells = folder.joinpath("scores.py").read_text(encoding="utf-8").split("# %%\n")[1:]
    book = folder / "scores.ipynb"
    cell: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    content = {"cells": [cell | {"source": source} for source in cells], "metadata": {}, "nbformat": 4}
    book.write_text(json.dumps(content | {"nbformat_minor": 4}), encoding="utf-8")

    run_in(folder, str(Path(sys.executable).with_name("jupyter-execute")), "--inplace", book.name)

    outputs = [
        "".join(output.get("text") or output["data"]["text/plain"])
        for cell in json.loads(book.read_text(encoding="utf-8"))["cells"]
        for output in cell["outputs"]
    ]
    assert outputs[:2] == ["'Sandbox Company'", "'2 completed, 2 scored'"]
    assert " 40 ■\n" in outputs[2]
    assert " 80 ■\n" in outputs[2]
    assert [line.split()[1] for line in outputs[3].splitlines()] == [best, worst]


def test_customers_of_a_table_are_connected(live: Sandbox, folder: Path, run: Run) -> None:
    with contextlib.closing(sqlite3.connect(folder / "app.db")) as database, database:
        database.executescript("""
            CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
            CREATE TABLE organizations (id INTEGER PRIMARY KEY, name TEXT, admin_id INTEGER, is_active INTEGER);
            INSERT INTO users VALUES (1, 'Ada', 'ada@acme.example'), (2, 'Bo', 'bo@beta.example');
            INSERT INTO organizations VALUES (7, 'Acme', 1, 1), (8, 'Beta', 2, 1), (9, 'Closed', 2, 0);
        """)
    live.faults.add("create_organization_api_key", "500")

    first = run("connect_users.py", "app.db", code=4)
    assert first.stdout.count("is connected") == first.stdout.count("is not connected: ") == 1

    second = run("connect_users.py", "app.db", code=4)
    assert second.stdout.count("is connected") == 1
    assert sum(live.mints.values()) == 1


APPLICATION = """
import signal, sys, threading
from itertools import count
from boooply.store import KeyStore

stop = threading.Event()
signal.signal(signal.SIGINT, lambda *_: stop.set())
with KeyStore.open() as keys:
    for number in count():
        keys.put(f"org_{number}", f"bply_org_{number:016}")
        keys.get(f"org_{number // 2}")
        print(number, flush=True)
        if stop.wait(0.01):
            break
"""


def test_the_stores_key_is_rotated_in_use(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = os.environ["BOOOPLY_STORE_KEY"], Fernet.generate_key().decode()
    with KeyStore.open() as keys:
        for number in range(200):
            keys.put(f"before_{number}", f"bply_org_{number:016}")
    assert "Set BOOOPLY_STORE_KEY to NEW,OLD" in run("rotate_store_key.py", code=2).stderr
    monkeypatch.setenv("BOOOPLY_STORE_KEY", f"{new},{old}")
    folder.joinpath("application.py").write_text(APPLICATION, encoding="utf-8")

    with started(folder, "application.py") as application:
        assert application.stdout is not None
        application.stdout.readline()
        done = run("rotate_store_key.py")
    assert application.returncode == 0
    assert int(done.stdout.split()[0]) > 200

    monkeypatch.setenv("BOOOPLY_STORE_KEY", new)
    with KeyStore.open() as keys:
        assert len(list(keys.organizations())) > 200
        assert list(keys.corrupt()) == []


class Slack(BaseHTTPRequestHandler):
    """A fake Slack, which rejects the first message."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(json.loads(body))  # type: ignore[attr-defined]  # set below
        self.send_response(500 if len(self.server.bodies) == 1 else 200)  # type: ignore[attr-defined]  # the same
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slack) as server:
        server.bodies = []  # type: ignore[attr-defined]  # what came
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("SLACK_WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/services/T0/B0/x")
        yield server.bodies  # type: ignore[attr-defined]  # the same
        server.shutdown()
        thread.join()


def test_each_evaluation_is_posted_to_slack(live: Sandbox, folder: Path, slack: list[Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def is_up() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json"):
            return True
        return False

    with (
        customers(ACME) as connected,
        started(folder, "-m", "uvicorn", "slack:app", "--port", str(port), "--log-level", "error"),
    ):
        within(60, is_up)
        live.webhooks.url = f"http://127.0.0.1:{port}/webhooks/boooply"
        candidate = Candidate(name="Ann & Co <x>", email="ann@example.com")
        client = connected.client("org_1")
        code = client.interviews.create(AIInterview(job_role="Engineer", candidate=candidate)).meeting_code
        live.play(code, evaluation={"overall": 90, "recommendation": "PASS"})
        within(60, lambda: len(slack) == 2)

    assert slack[0] == slack[1]  # refused, and tried again
    assert re.fullmatch(r"Ann &amp; Co &lt;x&gt; \(Engineer\): \d(\.\d)? of 5", slack[1]["text"])
