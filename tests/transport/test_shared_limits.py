"""Rate limits that all processes on a store share."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager

import pytest

from boooply import AsyncBoooplyClient, RateLimits, RetryPolicy, Secret, StoreError
from boooply.errors import DeadlineExceededError
from boooply.protocol.messages import RateLimitClass
from boooply.ratelimit.limiter import RateLimiter
from boooply.ratelimit.status import AcquireResult
from boooply.sandbox import Limits, Sandbox
from boooply.store import AsyncStore
from boooply.transport.pool import Pool
from boooply.transport.shared_limiter import SharedLimiter


def shared_limits(store: AsyncStore, reads: int = 5, window: float = 1.0) -> RateLimits:
    return RateLimits(reads=reads, window=window, shared=store)


async def test_two_processes_share_their_limits(store_url, encryption_key):
    async with Sandbox(limits=Limits(reads=5, window=1)) as sandbox, AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            store = await stack.enter_async_context(AsyncStore.open(store_url, encryption_key=encryption_key))
            client = AsyncBoooplyClient(
                api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=shared_limits(store)
            )
            clients.append(await stack.enter_async_context(client))
        await asyncio.gather(*(client.organization.get() for client in clients for _ in range(8)))
        assert [call.status for call in sandbox.calls] == [200] * 16


async def test_the_calls_in_flight_of_a_process_that_died_expire_after_a_window(store):
    for _ in range(2):
        assert (await store.limits.acquire("name", 2, 1.0)).delay == 0
    assert (await store.limits.acquire("name", 2, 1.0)).delay > 0
    await asyncio.sleep(1.05)
    assert (await store.limits.acquire("name", 2, 1.0)).delay == 0


async def test_the_key_is_not_in_the_store(sqlite_store_url, encryption_key, tmp_path):
    async with (
        Sandbox() as sandbox,
        AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store,
        AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=shared_limits(store)
        ) as client,
    ):
        await client.organization.get()
    assert sandbox.api_key.encode() not in (tmp_path / "boooply.db").read_bytes()


async def test_a_caller_that_is_cancelled_while_it_asks_the_store_releases_its_call(store, monkeypatch):
    monkeypatch.setattr("boooply.transport.shared_limiter._SETTLED_WITHIN", 60)
    limiter = SharedLimiter("name", RateLimitClass.READS, RateLimits(reads=30, window=600), store.limits)
    for moment in range(25):
        asking = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(moment / 5000)
        asking.cancel()
        await asyncio.wait({asking})
        if not asking.cancelled():
            limiter.release(started=asking.result())
    await limiter.settle()
    assert (await store.limits.acquire("name", 30, 600)).status.remaining == 29


async def test_a_deadline_ends_the_wait(store):
    async with (
        Sandbox(limits=Limits(reads=1, window=3600)) as sandbox,
        AsyncBoooplyClient(
            api_key=sandbox.api_key,
            base_url=sandbox.base_url,
            rate_limits=shared_limits(store, 1, 3600),
            retry=RetryPolicy(deadline=0.3),
        ) as client,
    ):
        await client.organization.get()
        seconds = []
        for _ in range(3):  # the machine may stall meanwhile
            started = time.perf_counter()
            with pytest.raises(DeadlineExceededError, match="rate-limit slot"):
                await client.organization.get()
            seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.5


async def test_the_status_shows_what_remains_and_who_waits(store):
    async with (
        Sandbox(limits=Limits(reads=2, window=3600)) as sandbox,
        AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=shared_limits(store, 2, 3600)
        ) as client,
    ):
        tasks = [asyncio.create_task(client.organization.get()) for _ in range(5)]
        async with asyncio.timeout(20):  # a busy machine takes its time
            while True:
                status = client.rate_limits[RateLimitClass.READS]
                if status.waiting == 3 and not status.remaining:
                    break
                await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert status.limit == 2
    assert status.seconds_to_end > 60


@contextmanager
def locked(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Take SQLite's only write lock, for which stores that are opened within do not wait."""
    monkeypatch.setattr("boooply.store.database._PRAGMAS", ("PRAGMA busy_timeout = 20", "PRAGMA journal_mode = WAL"))
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        yield other


async def test_a_store_that_fails_briefly_is_asked_again(sqlite_store_url, encryption_key, monkeypatch):
    async with Sandbox() as sandbox:
        with locked(sqlite_store_url, monkeypatch) as other:
            async with (
                AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store,
                AsyncBoooplyClient(
                    api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=shared_limits(store)
                ) as client,
            ):
                other.execute("BEGIN IMMEDIATE")
                asyncio.get_running_loop().call_later(0.5, other.rollback)
                assert (await client.organization.get()).name
                assert not other.in_transaction


async def test_a_window_shorter_than_configured_is_used_as_the_api_reports_it(store):
    async with (
        Sandbox(limits=Limits(reads=5, window=1)) as sandbox,
        AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=shared_limits(store, 5, 60)
        ) as client,
    ):
        async with asyncio.timeout(30):
            await asyncio.gather(*(client.organization.get() for _ in range(15)))
    assert [call.status for call in sandbox.calls] == [200] * 15


async def test_closing_a_client_waits_until_its_last_rate_limit_headers_are_stored(sqlite_store_url, encryption_key):
    async with Sandbox() as sandbox, AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        client = AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=shared_limits(store)
        )
        with closing(sqlite3.connect(sqlite_store_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            calling = asyncio.create_task(client.organization.get())
            while not sandbox.calls:
                assert not calling.done()
                await asyncio.sleep(0)
            other.execute("BEGIN IMMEDIATE")  # takes SQLite's only write lock
            await calling
            asyncio.get_running_loop().call_later(0.1, other.rollback)
            await client.close()
            assert not other.in_transaction


async def test_a_store_that_keeps_failing_ends_the_wait(sqlite_store_url, encryption_key, monkeypatch):
    monkeypatch.setattr("boooply.store.failures.PATIENCE", 0.3)
    with locked(sqlite_store_url, monkeypatch) as other:
        async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
            limiter = SharedLimiter("name", RateLimitClass.READS, RateLimits(), store.limits)
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(20):
                with pytest.raises(StoreError, match="database is locked"):
                    await limiter.acquire()
            other.rollback()
            assert limiter.status().waiting == 0


async def test_closing_does_not_wait_for_a_store_that_cannot_record_the_end_of_a_call(
    sqlite_store_url, encryption_key, monkeypatch
):
    monkeypatch.setattr("boooply.transport.shared_limiter._SETTLED_WITHIN", 0.3)
    with locked(sqlite_store_url, monkeypatch) as other:
        async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
            limiter = SharedLimiter("name", RateLimitClass.READS, RateLimits(), store.limits)
            started = await limiter.acquire()
            other.execute("BEGIN IMMEDIATE")
            limiter.finish(None, started=started)
            async with asyncio.timeout(20):  # for a minute the store retries
                await limiter.settle()
            other.rollback()


async def test_closing_waits_for_all_limits_at_the_same_time(sqlite_store_url, encryption_key, monkeypatch):
    monkeypatch.setattr("boooply.transport.shared_limiter._SETTLED_WITHIN", 1.0)
    with locked(sqlite_store_url, monkeypatch) as other:
        async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
            pool = Pool("http://127.0.0.1:1", shared_limits(store))
            limiters = [pool.limiter(Secret(f"bply_org_{number}"), RateLimitClass.READS) for number in range(5)]
            starts = [(one, await one.acquire()) for one in limiters if one is not None]
            other.execute("BEGIN IMMEDIATE")
            for limiter, started in starts:
                limiter.finish(None, started=started)
            closing_from = time.monotonic()
            await pool.close()
            seconds = time.monotonic() - closing_from
            other.rollback()
    assert len(starts) == 5
    assert seconds < 3  # one after the other, they would take 5 s


async def test_an_unreadable_stored_state_counts_as_a_new_state(sqlite_store_url, encryption_key):
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        assert (await store.limits.acquire("name", 5, 60)).status.remaining == 4
        assert (await store.limits.acquire("name", 5, 60)).status.remaining == 3
        with closing(sqlite3.connect(sqlite_store_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            changed = other.execute('UPDATE boooply_limits SET state = \'{"limit": 5, "in_fl\'').rowcount
        assert changed == 1
        assert (await store.limits.acquire("name", 5, 60)).status.remaining == 4


async def test_waiters_start_in_the_order_in_which_they_came(store):
    limiter = SharedLimiter("name", RateLimitClass.READS, RateLimits(reads=1, window=600), store.limits)
    started, order = await limiter.acquire(), []

    async def call(number: int) -> None:
        limiter.release(started=await limiter.acquire())
        order.append(number)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(call(number))
        await asyncio.sleep(0.1)
        limiter.release(started=started)
    await limiter.settle()
    assert order == [0, 1, 2, 3]


class InMemory:
    """A store's limits without a store, which any event loop may use."""

    def __init__(self) -> None:
        self._limiter, self._mutex = RateLimiter(3, 0.2), threading.Lock()

    async def acquire(self, _name, _limit, _window):
        await asyncio.sleep(0.001)
        with self._mutex:
            self._limiter.advance(time.monotonic())
            delay = self._limiter.delay()
            started = self._limiter.start() if delay == 0 else 0.0
            return AcquireResult(delay=min(delay, 0.01), started=started, status=self._limiter.status(0))

    async def finish(self, _name, _limit, _window, headers, *, started, rate_limited):
        await asyncio.sleep(0.001)
        with self._mutex:
            self._limiter.advance(time.monotonic())
            self._limiter.finish(headers, started=started, rate_limited=rate_limited)

    async def release(self, _name, _limit, _window, *, started):
        raise NotImplementedError


def test_callers_on_several_event_loops_share_a_limiter():
    limiter = SharedLimiter("name", RateLimitClass.READS, RateLimits(reads=3, window=0.2), InMemory())
    starts = []

    async def call() -> None:
        started = await limiter.acquire()
        starts.append(started)
        limiter.finish(None, started=started)

    async def make_calls() -> None:
        async with asyncio.timeout(30):
            await asyncio.gather(*(call() for _ in range(4)))
            await limiter.settle()

    threads = [threading.Thread(target=asyncio.run, args=[make_calls()]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(starts) == 8
