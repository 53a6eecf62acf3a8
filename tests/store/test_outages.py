"""A database that fails for a while: every call is retried, for a minute at most, and the outage is reported."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text

from boooply import AsyncBoooplyPlatform, KeysNotStoredError, RateLimits, Secret, StoreError, Tenant
from boooply.provisioning import Outcome, async_provision
from boooply.recording import Recorder, SharedKeyError
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore

KEY = Secret("bply_org_0123456789abcdef")


def customer(number: int) -> Tenant:
    return Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number}")


def admin(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    """Connect to the server from another database, which an outage of the store's leaves alone."""
    return psycopg.connect(url.replace("+psycopg", "").replace("/store?", "/postgres?"), autocommit=True)


@contextmanager
def down(url: str) -> Iterator[None]:
    """Let the server end all connections to the store's database and refuse new ones."""
    with admin(url) as connection:
        connection.execute("ALTER DATABASE store ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'store'")
        try:
            yield
        finally:
            connection.execute("ALTER DATABASE store ALLOW_CONNECTIONS true")


async def read(store: AsyncStore) -> list[str]:
    return [one async for one in store.keys.organizations()]


async def test_reads_writes_and_shared_limits_outlast_an_outage(postgresql_store_url, encryption_key):
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        await store.keys.put("org_1", KEY)
        with down(postgresql_store_url):
            calls = [
                asyncio.ensure_future(read(store)),
                asyncio.ensure_future(store.keys.get("org_1")),
                asyncio.ensure_future(store.keys.put("org_1", KEY)),
                asyncio.ensure_future(store.limits.acquire("name", 5, 60)),
                asyncio.ensure_future(store.events.claim("event", claim_token="ours", lease=60)),
            ]
            done, _ = await asyncio.wait(calls, timeout=1.5)
            assert not done
        async with asyncio.timeout(30):
            await asyncio.gather(*calls)


async def test_a_run_outlasts_an_outage_and_mints_each_key_once(
    postgresql_store_url, encryption_key, caplog, monkeypatch
):
    monkeypatch.setattr("boooply.store.failures._REPORTED_AFTER", 1.0)
    async with (
        Sandbox(limits=None, latency=0.1) as sandbox,
        AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store,
        AsyncBoooplyPlatform(
            platform_key=sandbox.platform_key,
            base_url=sandbox.base_url,
            rate_limits=RateLimits(writes=1000, shared=store),
        ) as platform,
    ):
        seen: list[Outcome] = []

        async def run() -> None:
            async for one in async_provision(map(customer, range(40)), platform=platform, store=store, concurrency=8):
                seen.append(one)  # noqa: PERF401 - it is looked at meanwhile

        running = asyncio.create_task(run())
        while len(seen) < 8:  # noqa: ASYNC110 - the run sets no event
            await asyncio.sleep(0.01)
        with down(postgresql_store_url):
            await asyncio.sleep(2.5)
            assert not running.done()
        await running
        assert {type(one).__name__ for one in seen} == {"Connected"}
        assert len(seen) == len(sandbox.mints) == len(await read(store)) == 40
    lines = [one.getMessage() for one in caplog.records if one.name == "boooply.store"]
    assert len(lines) == 2
    assert lines[0].startswith("the store cannot be ")
    assert lines[0].endswith(". It is retried for a minute")
    assert lines[1] == "the store can be written again"


async def test_an_outage_that_lasts_is_an_error_and_later_calls_fail_at_once(
    postgresql_store_url, encryption_key, monkeypatch
):
    monkeypatch.setattr("boooply.store.failures.PATIENCE", 1.0)
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        with down(postgresql_store_url):
            started = time.monotonic()
            with pytest.raises(StoreError, match="Check the store's URL, and that the database is running") as caught:
                await store.keys.put("org_1", KEY)
            assert 0.9 < time.monotonic() - started < 5
            assert not caught.value.is_permanent
            assert min([await seconds_to_fail(store) for _ in range(5)]) < 0.5  # the machine may be busy
        await store.keys.put("org_1", KEY)


async def seconds_to_fail(store: AsyncStore) -> float:
    started = time.monotonic()
    with pytest.raises(StoreError):
        await read(store)
    return time.monotonic() - started


async def test_the_first_connection_that_fails_is_reported_at_once(postgresql_store_url, encryption_key):
    with down(postgresql_store_url):
        async with asyncio.timeout(20):  # others are retried for a minute
            with pytest.raises(StoreError, match=r"not currently accepting connections.*Check the store's URL"):
                async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key):
                    pass


async def test_a_caller_cancelled_in_a_pause_ends_and_its_write_is_never_made(postgresql_store_url, encryption_key):
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        with down(postgresql_store_url):
            writing = asyncio.create_task(store.keys.put("org_1", KEY))
            await asyncio.sleep(0.5)
            writing.cancel()
            await asyncio.wait({writing}, timeout=20)
            assert writing.cancelled()
        assert await read(store) == []


# ---- deadlocks


def lock_both(first: str, second: str, meeting: Callable[[], object], connection: Connection) -> None:
    lock = text("SELECT 1 FROM boooply_keys WHERE organization_id = :name FOR UPDATE")
    connection.execute(lock, {"name": first})
    meeting()
    connection.execute(lock, {"name": second})


async def test_a_deadlock_is_retried(postgresql_store_url, encryption_key):
    opening = partial(AsyncStore.open, postgresql_store_url, encryption_key=encryption_key)
    async with opening() as one, opening() as other:
        for name in ("org_1", "org_2"):
            await one.keys.put(name, KEY)
        attempts = 0
        both_have_one = asyncio.Barrier(2)
        loop = asyncio.get_running_loop()

        def meet() -> None:
            nonlocal attempts
            attempts += 1
            if attempts <= 2:
                asyncio.run_coroutine_threadsafe(both_have_one.wait(), loop).result(10)

        await asyncio.gather(
            one.database.write(partial(lock_both, "org_1", "org_2", meet)),
            other.database.write(partial(lock_both, "org_2", "org_1", meet)),
        )
        assert attempts == 3


# ---- the server's limit of connections


@contextmanager
def limited(url: str, connections: int) -> Iterator[str]:
    """Make a user that may have so many connections, and yield the URL with it."""
    with admin(url) as connection, psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as inside:
        connection.execute(f"CREATE ROLE limited LOGIN CONNECTION LIMIT {connections}".encode())
        inside.execute("GRANT ALL ON SCHEMA public TO limited")
        try:
            yield url.replace("postgres:@", "limited@", 1)
        finally:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'limited'")
            inside.execute("DROP OWNED BY limited CASCADE")
            connection.execute("DROP ROLE limited")


async def test_eight_runs_at_the_servers_limit_of_connections_all_end_well(
    platform, sandbox, postgresql_store_url, encryption_key
):
    with limited(postgresql_store_url, 8) as url:
        async with AsyncExitStack() as stack:
            stores = [
                await stack.enter_async_context(AsyncStore.open(url, encryption_key=encryption_key)) for _ in range(8)
            ]

            async def run(store: AsyncStore) -> int:
                outcomes = async_provision(map(customer, range(40)), platform=platform, store=store, concurrency=4)
                counted = len([one async for one in outcomes])
                await asyncio.gather(store.keys.put("org_0", KEY), *(read(store) for _ in range(4)))  # five at once
                return counted

            assert await asyncio.gather(*(run(store) for store in stores)) == [40] * 8
    assert len(sandbox.mints) == 40


# ---- a commit whose confirmation is lost


class LosesConfirmations:
    """A way to lose the confirmation of each transaction's first commit."""

    def __init__(self, store: AsyncStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lost = 0
        self._is_repeated = False
        dialect: Any = store.database.engine.dialect
        self._commit = dialect.do_commit
        monkeypatch.setattr(dialect, "do_commit", self._do_commit)

    def _do_commit(self, connection: Any) -> None:
        self._commit(connection)
        self._is_repeated = not self._is_repeated
        if self._is_repeated:
            self.lost += 1
            connection.driver_connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")


ACME = customer(1)
OTHER_KEY = Secret("bply_org_fedcba9876543210")


async def steps(store: AsyncStore) -> AsyncIterator[object]:
    """Take every step of minting, and yield the results that matter and what is stored after it."""
    recorder, lease = Recorder(store), 60.0

    async def now() -> object:
        entries = [entry async for entry in store.ledger.entries()]
        keys = {one: (await store.keys.get(one)).reveal() async for one in store.keys.organizations()}
        return [(e.state, e.claim_token, e.orphans, e.reason, e.fallback) for e in entries], keys

    async def step(taken: Any) -> tuple[object, object]:
        result = await taken
        return getattr(result, "result", result), await now()

    yield await step(recorder.enroll([ACME, customer(2)]))
    for run in ("a/1", "b/1"):
        yield await step(recorder.claim(ACME, claim_token=run, lease=0.0))
    yield await step(recorder.begin("org_1", claim_token="b/1", lease=lease))
    await recorder.mark_not_sent("org_1", claim_token="b/1")
    yield await now()
    yield await step(recorder.claim(ACME, claim_token="c/1", lease=lease))
    yield await step(recorder.begin("org_1", claim_token="c/1", lease=lease))
    await recorder.mark_in_doubt("org_1", claim_token="c/1", reason="lost")
    yield await now()
    yield await step(recorder.claim(ACME, claim_token="d/1", lease=lease, remint=True))
    yield await step(recorder.begin("org_1", claim_token="d/1", lease=lease))
    yield await step(recorder.finish(ACME, KEY, claim_token="d/1"))
    yield await step(recorder.finish(ACME, OTHER_KEY, claim_token="c/1"))  # it arrives late
    yield await step(recorder.claim(ACME, claim_token="e/1", lease=lease, replace=True))
    yield await step(recorder.begin("org_1", claim_token="e/1", lease=lease))
    yield await step(recorder.finish(ACME, OTHER_KEY, claim_token="e/1", replace=True))
    await recorder.reopen("org_1", reason="shared")
    yield await now()
    yield await step(recorder.claim(customer(2), claim_token="f/1", lease=lease))
    await recorder.fail("org_2", claim_token="f/1", reason="422")
    yield await now()
    yield await step(store.events.claim("event", claim_token="g", lease=lease))
    await store.events.finish("event", claim_token="g")
    yield await step(store.events.claim("event", claim_token="h", lease=lease))
    yield await step(store.keys.put("org_2", KEY))
    yield await step(store.ledger.forget("org_1"))
    yield await step(recorder.restore("org_3", OTHER_KEY, create=True))
    yield await step(recorder.restore("org_3", Secret("bply_org_fedcba9876543210fedcba9876543210")))  # it has another
    with pytest.raises(SharedKeyError):
        await recorder.restore("org_4", KEY, create=True)
    yield await now()
    await recorder.enroll([customer(5)])
    await recorder.reject("org_5", reason="it cannot be read")
    yield await now()


@asynccontextmanager
async def emptied(url: str, encryption_key: str) -> AsyncIterator[AsyncStore]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    async with AsyncStore.open(url, encryption_key=encryption_key) as store:
        yield store


async def test_a_step_whose_commit_was_not_confirmed_is_repeated_without_effect(
    postgresql_store_url, encryption_key, monkeypatch
):
    async with emptied(postgresql_store_url, encryption_key) as store:
        expected = [one async for one in steps(store)]
    async with emptied(postgresql_store_url, encryption_key) as store:
        losing = LosesConfirmations(store, monkeypatch)
        found = [one async for one in steps(store)]
    assert found == expected
    assert losing.lost > 20


async def test_an_event_is_taken_once_although_the_commit_was_not_confirmed(
    postgresql_store_url, encryption_key, monkeypatch
):
    async with emptied(postgresql_store_url, encryption_key) as store:
        for number in range(3):
            await store.events.put(f"event {number}", Secret("body"))
        LosesConfirmations(store, monkeypatch)
        first = await store.events.take(claim_token="1", lease=60)
        second = await store.events.take(claim_token="2", lease=60, finished=first)
        third = await store.events.take(claim_token="3", lease=60, finished=second)
        assert [one and (one.key, one.attempts) for one in (first, second, third)] == [
            (f"event {number}", 1) for number in range(3)
        ]
        assert await store.events.take(claim_token="4", lease=60, finished=third) is None
        assert await store.events.backlog() == 0


@pytest.mark.parametrize("step", ["retry", "discard"])
async def test_an_event_was_retried_or_discarded_although_the_commit_was_not_confirmed(
    postgresql_store_url, encryption_key, monkeypatch, step
):
    monkeypatch.setattr("boooply.store.database.pause_before", lambda _retry: 1.0)
    async with (
        emptied(postgresql_store_url, encryption_key) as store,
        AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as other,
    ):
        await store.events.put("event", Secret("body"))
        losing = LosesConfirmations(store, monkeypatch)
        stepping = asyncio.create_task(getattr(store.events, step)("event"))
        while not losing.lost:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.01)
        taken = await other.events.take(claim_token="1", lease=60)  # before the repetition
        assert (taken is None, stepping.done()) == (step == "discard", False)
        assert await stepping is True


async def test_a_call_whose_start_was_not_confirmed_counts_twice_rather_than_not_at_all(
    postgresql_store_url, encryption_key, monkeypatch
):
    async with emptied(postgresql_store_url, encryption_key) as store:
        LosesConfirmations(store, monkeypatch)
        started = await store.limits.acquire("name", 10, 60)
    assert started.status.remaining == 8


async def test_an_outage_in_the_log_shows_no_password(postgresql_store_url, encryption_key, caplog, monkeypatch):
    monkeypatch.setattr("boooply.store.failures._REPORTED_AFTER", 0.3)
    caplog.set_level(logging.WARNING)
    url = postgresql_store_url.replace("postgres:@", "postgres:w0lves-l4mbs1@", 1)
    async with AsyncStore.open(url, encryption_key=encryption_key) as store:
        with down(postgresql_store_url):
            writing = asyncio.create_task(store.keys.put("org_1", KEY))
            await asyncio.sleep(1)
        await writing
    assert "It is retried for a minute" in caplog.text
    assert "w0lves" not in caplog.text


# ---- a lock that somebody else has


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Lock a table of the store, as a program does that has hung in a transaction."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("LOCK TABLE boooply_keys IN ACCESS EXCLUSIVE MODE")
        yield


async def test_a_lock_that_is_not_released_is_reported_and_then_an_error(
    postgresql_store_url, encryption_key, monkeypatch, caplog
):
    monkeypatch.setattr("boooply.store.failures.PATIENCE", 7.0)
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        with locked(postgresql_store_url):
            calls = [asyncio.ensure_future(store.keys.put("org_1", KEY)), asyncio.ensure_future(read(store))]
            await asyncio.sleep(6)
            lines = sorted(one.getMessage() for one in caplog.records if one.name == "boooply.store")
            assert [one.partition(":")[0] for one in lines] == [
                "the store cannot be read",
                "the store cannot be written",
            ]
            assert all("lock timeout" in one for one in lines)
            assert not any(one.done() for one in calls)
            found = await asyncio.gather(*calls, return_exceptions=True)
        for one in found:
            assert isinstance(one, StoreError)
            assert "Another process has locked the store. End that process, or wait for it." in str(one)
            assert not one.is_permanent
        await store.keys.put("org_1", KEY)


async def test_a_lock_that_is_released_in_time_is_waited_for(postgresql_store_url, encryption_key):
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        with locked(postgresql_store_url):
            calls = [asyncio.ensure_future(store.keys.put("org_1", KEY)), asyncio.ensure_future(read(store))]
            await asyncio.sleep(6)
        async with asyncio.timeout(10):
            await asyncio.gather(*calls)


async def test_no_statement_runs_without_end(postgresql_store_url, encryption_key):
    def limits(connection: Connection) -> list[object]:
        return [
            connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("lock_timeout", "statement_timeout")
        ]

    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        assert [await run(limits) for run in (store.database.read, store.database.write)] == [["5s", "1min"]] * 2


# ---- connections that broke while nobody used them


async def test_connections_that_broke_in_the_pool_are_replaced_unnoticed(postgresql_store_url, encryption_key, caplog):
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        for _ in range(3):
            await asyncio.gather(store.keys.put("org_1", KEY), *(read(store) for _ in range(8)))
            with down(postgresql_store_url):
                pass
        assert await read(store) == ["org_1"]
    assert not caplog.records


# ---- an outage that does not end


async def test_an_outage_that_does_not_end_stops_the_run_with_the_keys_that_came(
    postgresql_store_url, encryption_key, monkeypatch
):
    monkeypatch.setattr("boooply.store.failures.PATIENCE", 1.5)
    async with (
        Sandbox(limits=None, latency=0.5) as sandbox,
        AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        outcomes = async_provision(map(customer, range(40)), platform=platform, store=store, concurrency=8)
        await anext(outcomes)
        while len(sandbox.mints) < 16:  # noqa: ASYNC110 - the sandbox sets no event
            await asyncio.sleep(0.01)
        with down(postgresql_store_url):
            started = time.monotonic()
            with pytest.raises(KeysNotStoredError) as caught:
                [one async for one in outcomes]
            assert time.monotonic() - started < 10
        stored = set(await read(store))
        assert stored | set(caught.value.keys) == set(sandbox.mints)
        assert set(sandbox.mints.values()) == {1}
        assert "Check the store's URL" in str(caught.value)
