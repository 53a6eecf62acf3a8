"""Provisioning over a queue, on a real PostgreSQL."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psycopg
import pytest

from boooply import (
    AsyncBoooplyPlatform,
    AuthenticationError,
    ConfigurationError,
    RateLimits,
    Secret,
    StoreError,
    Tenant,
)
from boooply.provisioning import AsyncQueue
from boooply.recording import Recorder, SharedKeyError
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore, State


def customers(count: int) -> Iterator[Tenant]:
    for number in range(count):
        yield Tenant(user_id="1", user_email="admin@acme.example", organization_id=f"org_{number}")


@pytest.fixture
async def postgresql_store(postgresql_store_url: str, encryption_key: str) -> AsyncIterator[AsyncStore]:
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        yield store


@pytest.fixture
async def queue(postgresql_store: AsyncStore) -> AsyncIterator[AsyncQueue]:
    async with AsyncQueue.open(postgresql_store) as queue:
        yield queue


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - the condition changes in another process
        await asyncio.sleep(0.02)


async def states(store: AsyncStore) -> Counter[State]:
    return Counter([entry.state async for entry in store.ledger.entries()])


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


async def test_a_job_contains_only_the_customers_id(queue, postgresql_store_url):
    assert await queue.enqueue(customers(3)) == 3
    jobs = rows(postgresql_store_url, "SELECT args FROM boooply_queue.procrastinate_jobs ORDER BY id")
    assert jobs == [({"organization_id": f"org_{number}"},) for number in range(3)]
    assert await states(queue.store) == {State.TODO: 3}


async def test_a_worker_connects_the_queued_customers(queue, platform, sandbox):
    await queue.enqueue(customers(20))
    await queue.work([platform], wait=False)
    assert await states(queue.store) == {State.DONE: 20}
    assert set(sandbox.mints.values()) == {1}


async def test_a_customer_queued_twice_is_minted_once(queue, platform, sandbox):
    await queue.enqueue(customers(5))
    await queue.enqueue(customers(5))
    await queue.work([platform], wait=False)
    assert set(sandbox.mints.values()) == {1}


async def test_a_customer_disconnected_since_it_was_queued_is_not_minted(queue, platform, sandbox):
    await queue.enqueue(customers(2))
    await queue.store.ledger.forget("org_0")
    await queue.work([platform], wait=False)
    assert sandbox.mints == {"org_1": 1}


async def test_a_customer_that_is_in_doubt_and_known_by_its_id_alone_ends_its_job(queue, platform, sandbox):
    recorder = Recorder(queue.store)
    await queue.store.keys.put("org_9", "bply_org_0123456789abcdef")
    with pytest.raises(SharedKeyError):
        await recorder.restore("org_0", Secret("bply_org_0123456789abcdef"), create=True)
    await queue.enqueue(customers(2))
    await queue.work([platform], wait=False)
    assert sandbox.mints == {"org_1": 1}
    assert (await queue.jobs.status()).jobs["todo"] == 0


async def test_a_rejected_platform_key_ends_the_worker_and_loses_no_job(queue, sandbox):
    await queue.enqueue(customers(30))
    async with AsyncBoooplyPlatform(platform_key="bply_platform_wrong", base_url=sandbox.base_url) as wrong:
        with pytest.raises(AuthenticationError):
            await queue.work([wrong], concurrency=2)
    assert len(sandbox.calls) <= 2
    assert await states(queue.store) == {State.TODO: 30}


async def test_a_queue_that_fails_ends_the_worker(queue, platform, postgresql_store_url):
    working = asyncio.create_task(queue.work([platform]))
    await asyncio.sleep(0.5)
    rows(postgresql_store_url, "DROP SCHEMA boooply_queue CASCADE")
    with pytest.raises(StoreError, match="does not exist"):
        await asyncio.wait_for(working, 10)


async def test_several_platform_keys_share_the_work(queue, platform, sandbox):
    narrow = RateLimits(writes=3, window=600)
    async with AsyncBoooplyPlatform(
        platform_key=sandbox.platform_key, base_url=sandbox.base_url, rate_limits=narrow
    ) as other:
        await queue.enqueue(customers(4))
        await queue.work([other, platform], wait=False, concurrency=4)
    assert await states(queue.store) == {State.DONE: 4}


async def test_enqueue_accepts_an_asynchronous_source(queue):
    async def source():
        for tenant in customers(501):
            yield tenant

    assert await queue.enqueue(source()) == 501


async def test_a_queue_on_sqlite_is_rejected(sqlite_store_url, encryption_key):
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        with pytest.raises(ConfigurationError, match="PostgreSQL"):
            async with AsyncQueue.open(store):
                pass


async def test_two_workers_on_postgresql_split_the_work(postgresql_store, platform, sandbox):
    async with AsyncQueue.open(postgresql_store) as queue:
        await queue.enqueue(customers(30))
    async with AsyncQueue.open(postgresql_store) as one, AsyncQueue.open(postgresql_store) as other:
        await asyncio.gather(*(queue.work([platform], wait=False, concurrency=3) for queue in (one, other)))
    assert await states(postgresql_store) == {State.DONE: 30}
    assert set(sandbox.mints.values()) == {1}


WORKER = """
import asyncio, sys
from boooply import AsyncBoooplyPlatform
from boooply.provisioning import provisioner
from boooply.provisioning import AsyncQueue
from boooply.store import AsyncStore

provisioner._WAITING_LEASE = 0.5
url, encryption_key, base_url, platform_key = sys.argv[1:]

async def main():
    async with (
        AsyncStore.open(url, encryption_key=encryption_key) as store,
        AsyncBoooplyPlatform(platform_key=platform_key, base_url=base_url, timeout=2) as platform,
        AsyncQueue.open(store) as queue,
    ):
        await queue.work([platform], concurrency=4)

asyncio.run(main())
"""


async def test_other_workers_take_over_the_jobs_of_a_killed_worker(
    postgresql_store, postgresql_store_url, encryption_key, monkeypatch, start_program
):
    for module in ("jobs", "queue_source"):
        monkeypatch.setattr(f"boooply.provisioning.{module}.STALLED_AFTER", 1.0)
    monkeypatch.setattr("boooply.provisioning.queue_source._FIRST_PAUSE", 1.0)
    monkeypatch.setattr("boooply.provisioning.provisioner._WAITING_LEASE", 0.5)
    async with (
        Sandbox(limits=None, latency=0.3) as sandbox,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url, timeout=2) as platform,
        AsyncQueue.open(postgresql_store) as queue,
    ):
        await queue.enqueue(customers(12))
        words = [postgresql_store_url, encryption_key, sandbox.base_url, sandbox.platform_key]
        worker = start_program([sys.executable, "-c", WORKER, *words])
        await until(lambda: len(sandbox.mints) >= 6)
        os.kill(worker.pid, signal.SIGKILL)
        await asyncio.to_thread(worker.wait)
        working = asyncio.create_task(queue.work([platform], concurrency=4))
        while not set(await states(postgresql_store)) <= {State.DONE, State.IN_DOUBT}:  # noqa: ASYNC110 - as in until()
            await asyncio.sleep(0.1)
        working.cancel()
        await asyncio.wait({working})
    found = await states(postgresql_store)
    assert found.total() == 12
    assert 1 <= found[State.IN_DOUBT] <= 4
    assert set(sandbox.mints.values()) == {1}
