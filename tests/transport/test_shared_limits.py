"""One allowance for all processes on a store."""

import asyncio
import sqlite3
import time
from contextlib import AsyncExitStack, closing

import pytest

from boooply import AsyncBoooplyClient, RateLimits, RetryPolicy, StoreError
from boooply.errors import DeadlineExceededError
from boooply.protocol.messages import RateLimitClass
from boooply.sandbox import Limits, Sandbox
from boooply.store import AsyncStore
from boooply.transport.shared_limiter import SharedLimiter


def limits(store: AsyncStore, reads: int = 5, window: float = 1.0) -> RateLimits:
    return RateLimits(reads=reads, window=window, shared=store)


async def test_two_processes_share_one_allowance(store_url, encryption_key):
    async with Sandbox(limits=Limits(reads=5, window=1)) as sandbox, AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            store = await stack.enter_async_context(AsyncStore.open(store_url, encryption_key=encryption_key))
            client = AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=limits(store))
            clients.append(await stack.enter_async_context(client))
        await asyncio.gather(*(client.organization.get() for client in clients for _ in range(8)))
        assert [call.status for call in sandbox.calls] == [200] * 16


async def test_the_places_of_a_process_that_died_come_back_within_a_window(store):
    for _ in range(2):
        assert (await store.limits.start("name", 2, 0.5)).delay == 0
    assert (await store.limits.start("name", 2, 0.5)).delay > 0
    await asyncio.sleep(0.55)
    assert (await store.limits.start("name", 2, 0.5)).delay == 0


async def test_the_key_is_not_in_the_store(sqlite_store_url, encryption_key, tmp_path):
    async with (
        Sandbox() as sandbox,
        AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store,
        AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=limits(store)) as client,
    ):
        await client.organization.get()
    assert sandbox.api_key.encode() not in (tmp_path / "boooply.db").read_bytes()


async def test_one_who_is_cancelled_while_asking_gives_the_place_back(store):
    gate = SharedLimiter("name", RateLimitClass.READS, RateLimits(reads=30, window=600), store.limits)
    for moment in range(25):
        asking = asyncio.create_task(gate.enter())
        await asyncio.sleep(moment / 5000)
        asking.cancel()
        await asyncio.wait({asking})
        if not asking.cancelled():
            gate.release(started=asking.result())
    await gate.settle()
    assert (await store.limits.start("name", 30, 600)).allowance.remaining == 29


async def test_a_deadline_holds_while_standing_in_line(store):
    async with (
        Sandbox(limits=Limits(reads=1, window=60)) as sandbox,
        AsyncBoooplyClient(
            api_key=sandbox.api_key,
            base_url=sandbox.base_url,
            rate_limits=limits(store, 1, 60),
            retry=RetryPolicy(deadline=0.3),
        ) as client,
    ):
        await client.organization.get()
        started = time.perf_counter()
        with pytest.raises(DeadlineExceededError, match="rate-limit slot"):
            await client.organization.get()
    assert time.perf_counter() - started < 0.5


async def test_what_is_left_and_who_waits_can_be_looked_at(store):
    async with (
        Sandbox(limits=Limits(reads=2, window=60)) as sandbox,
        AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=limits(store, 2, 60)
        ) as client,
    ):
        tasks = [asyncio.create_task(client.organization.get()) for _ in range(5)]
        await asyncio.sleep(0.5)
        told = client.rate_limits[RateLimitClass.READS]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert (told.limit, told.remaining, told.waiting) == (2, 0, 3)
    assert told.seconds_to_end > 60


async def test_a_store_that_fails_for_a_moment_is_asked_again(store, monkeypatch):
    real, failures = type(store.limits).start, iter(range(2))

    async def failing(shared, *words):
        if next(failures, None) is not None:
            raise StoreError("the store cannot be written: database is locked")
        return await real(shared, *words)

    monkeypatch.setattr(type(store.limits), "start", failing)
    async with (
        Sandbox() as sandbox,
        AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=limits(store)) as client,
    ):
        assert (await client.organization.get()).name


async def test_an_api_whose_window_is_shorter_than_told_is_used_as_it_is(store):
    async with (
        Sandbox(limits=Limits(reads=5, window=1)) as sandbox,
        AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=limits(store, 5, 60)
        ) as client,
    ):
        async with asyncio.timeout(10):
            await asyncio.gather(*(client.organization.get() for _ in range(15)))
    assert [call.status for call in sandbox.calls] == [200] * 15


async def test_closing_a_client_waits_until_its_last_rate_limit_headers_are_stored(sqlite_store_url, encryption_key):
    async with Sandbox() as sandbox, AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        client = AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=limits(store))
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
