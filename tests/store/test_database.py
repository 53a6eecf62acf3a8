"""Reads and writes in threads: for any number of event loops, in order, and without a thread that is left."""

import asyncio
import sqlite3
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from queue import SimpleQueue
from typing import Any

import psycopg
import pytest

from boooply import StoreError
from boooply.store import AsyncStore
from boooply.store.threads import Threads

KEY = "bply_org_0123456789abcdef"


@contextmanager
def locked(url: str, table: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Lock a table as a migration does, so that nobody can read it."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield connection


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "boooply-store"]


async def test_a_slow_write_delays_neither_the_event_loop_nor_a_reader(store):
    released = threading.Event()

    def slow(_connection):
        released.wait(10)
        return "written"

    writing = asyncio.create_task(store.database.write(slow))
    await asyncio.sleep(0.05)
    assert [one async for one in store.ledger.entries()] == []
    assert not writing.done()
    released.set()
    assert await writing == "written"


async def test_a_write_never_overtakes_an_earlier_one(store):
    log = []

    def slow(_connection, number):
        time.sleep(0.01 * (3 - number))
        log.append(number)

    await asyncio.gather(*(store.database.write(partial(slow, number=number)) for number in range(3)))
    assert log == [0, 1, 2]


async def test_one_store_serves_several_event_loops_at_once(store):
    async def put_and_get(number):
        for _ in range(10):
            await asyncio.gather(*(store.keys.put(f"org_{number}_{one}", KEY) for one in range(5)))
            assert (await store.keys.get(f"org_{number}_0")).reveal() == KEY

    others = [asyncio.to_thread(asyncio.run, put_and_get(number)) for number in range(3)]
    async with asyncio.timeout(60):
        await asyncio.gather(put_and_get(3), *others)
    assert len([one async for one in store.keys.organizations()]) == 20


async def test_a_loop_that_ends_in_the_middle_of_a_write_leaves_the_store_to_others(store):
    released = threading.Event()

    async def give_up():
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await store.database.write(lambda _connection: released.wait(10))

    await asyncio.to_thread(asyncio.run, give_up())
    released.set()
    await store.keys.put("org_1", KEY)
    assert (await store.keys.get("org_1")).reveal() == KEY


async def test_a_store_that_is_closed_leaves_no_thread(store_url, encryption_key):
    async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
        reading = [asyncio.create_task(_count(store)) for _ in range(8)]
        await asyncio.gather(*reading)
        assert len(threads()) > 1
    assert threads() == []


async def test_cancelled_reads_are_stopped_and_delay_nobody(postgresql_store_url, encryption_key):
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        await store.keys.put("org_1", KEY)
        with locked(postgresql_store_url, "boooply_ledger"):
            for _ in range(8):
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await _count(store)
            async with asyncio.timeout(20):
                assert (await store.keys.get("org_1")).reveal() == KEY
            with psycopg.connect(postgresql_store_url.replace("+psycopg", "")) as other:
                async with asyncio.timeout(30):
                    while other.execute(waiting).fetchone() != (0,):  # noqa: ASYNC110 - the database sets no event
                        await asyncio.sleep(0.01)
        assert await _count(store) == 1


async def test_a_read_cancelled_before_it_begins_is_never_made(store):
    released, made = threading.Event(), list[object]()
    blocking = [asyncio.create_task(store.database.read(lambda _connection: released.wait(10))) for _ in range(4)]
    await asyncio.sleep(0.05)
    late = asyncio.create_task(store.database.read(made.append))
    await asyncio.sleep(0.05)
    late.cancel()
    await asyncio.wait({late})
    released.set()
    assert await asyncio.gather(*blocking) == [True] * 4
    assert made == []


async def test_a_write_cancelled_before_it_begins_is_never_made(store):
    released = threading.Event()

    def slow(_connection):
        released.wait(10)
        return "written"

    blocking = asyncio.create_task(store.database.write(slow))
    await asyncio.sleep(0.05)
    late = asyncio.create_task(store.keys.put("org_1", KEY))
    later = asyncio.create_task(store.keys.put("org_2", KEY))
    await asyncio.sleep(0.05)
    late.cancel()
    await asyncio.wait({late})
    released.set()
    assert await blocking == "written"
    await later
    assert [one async for one in store.keys.organizations()] == ["org_2"]


async def test_a_write_that_has_begun_is_committed_though_its_caller_is_cancelled(store):
    begun, released = asyncio.Event(), threading.Event()
    begin = partial(asyncio.get_running_loop().call_soon_threadsafe, begun.set)

    def slow(connection):
        begin()
        released.wait(10)
        connection.exec_driver_sql("INSERT INTO boooply_limits (name, state) VALUES ('begun', '{}')")

    writing = asyncio.create_task(store.database.write(slow))
    await begun.wait()
    writing.cancel()
    await asyncio.wait({writing})
    released.set()
    await store.keys.put("org_1", KEY)  # by the same writer, so after it
    names = await store.database.read(
        lambda connection: connection.exec_driver_sql("SELECT name FROM boooply_limits").all()
    )
    assert (writing.cancelled(), names) == (True, [("begun",)])


async def test_writes_that_waited_for_one_lock_fail_together_each_with_its_own_error(
    sqlite_store_url, encryption_key, monkeypatch
):
    monkeypatch.setattr("boooply.store.failures.PATIENCE", 0.5)
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        await store.keys.put("org_0", KEY)
        with store.database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 300")
        other = sqlite3.connect(sqlite_store_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writing = [store.keys.put(f"org_{number}", KEY) for number in range(100)]
        async with asyncio.timeout(15):  # one after another they would wait 30 s
            errors = await asyncio.gather(*writing, return_exceptions=True)
        other.close()
        await store.keys.put("org_1", KEY)
    assert {str(error) for error in errors} == {
        (
            "the store cannot be written: database is locked. Another process has locked the store. End that process, "
            "or wait for it."
        )
    }
    assert len({id(error) for error in errors}) == len(errors)


async def test_it_closes_while_all_executor_threads_are_busy(sqlite_store_url, encryption_key):
    released, loop = threading.Event(), asyncio.get_running_loop()
    taken = [loop.run_in_executor(None, released.wait, 30) for _ in range(40)]
    async with asyncio.timeout(20), AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        await store.keys.put("org_1", KEY)
    released.set()
    await asyncio.gather(*taken)


async def test_reads_and_writes_after_the_end_are_errors(store, monkeypatch):
    with monkeypatch.context() as ended:
        ended.setattr(store.database._writer, "_is_closed", True)
        ended.setattr(store.database._readers, "_is_closed", True)
        with pytest.raises(StoreError, match="the store is closed"):
            await store.keys.put("org_1", KEY)
        with pytest.raises(StoreError, match="the store is closed"):
            await store.keys.get("org_1")


async def test_threads_finish_the_calls_they_took_before_they_end():
    threads, done = Threads(1), list[object]()
    doing = [asyncio.create_task(threads.run(partial(done.append, number))) for number in range(9)]
    await asyncio.sleep(0)
    threads.close(lambda: done.append("last"))
    await threads.ended()
    await asyncio.gather(*doing)
    assert done == [*range(9), "last"]
    with pytest.raises(StoreError, match="closed"):
        await threads.run(int)


class SlowQueue(SimpleQueue[Any]):
    """A queue whose first item arrives late."""

    def __init__(self) -> None:
        super().__init__()
        self.is_reached = threading.Event()

    def put(self, item, block=True, timeout=None):
        if not self.is_reached.is_set():
            self.is_reached.set()
            time.sleep(0.3)
        super().put(item, block, timeout)


async def test_no_call_is_queued_behind_the_end_of_its_thread(monkeypatch):
    queue = SlowQueue()
    monkeypatch.setattr("boooply.store.threads.SimpleQueue", lambda: queue)
    threads = Threads(1)
    calling = asyncio.create_task(asyncio.to_thread(asyncio.run, asyncio.wait_for(threads.run(int), 30)))
    await asyncio.to_thread(queue.is_reached.wait, 10)
    threads.close()
    assert await calling == 0
    await threads.ended()


NEVER_CLOSED = textwrap.dedent("""
    import sys, threading, time
    from boooply.blocking import runner
    from boooply.store import Store

    runner._SLICE = 0.1  # seconds that it waits before it ends
    opening = Store.open(sys.argv[1], encryption_key=sys.argv[2])
    store = opening.__enter__()
    threading.Thread(target=store.keys.get, args=("org_1",), daemon=True).start()
    time.sleep(0.5)
""")


async def test_a_program_ends_although_one_of_its_reads_does_not(postgresql_store_url, encryption_key, run_python):
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        await store.keys.put("org_1", KEY)
    words = [sys.executable, "-c", NEVER_CLOSED, postgresql_store_url, encryption_key]
    with locked(postgresql_store_url, "boooply_keys"):
        done = await asyncio.to_thread(run_python, words)
    assert done.returncode == 0, done.stderr


async def _count(store: AsyncStore) -> int:
    return len([one async for one in store.ledger.entries()])


FORKS = textwrap.dedent("""
    import asyncio, os, sys, threading
    from boooply.store import AsyncStore

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def run(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)

    opening = AsyncStore.open(sys.argv[1], encryption_key=sys.argv[2])
    store = run(opening.__aenter__())
    run(store.keys.put("org_1", "bply_org_0123456789abcdef"))
    child = os.fork()
    if not child:
        sys.exit()
    assert os.waitpid(child, 0) == (child, 0)
    assert run(store.keys.get("org_1")).reveal() == "bply_org_0123456789abcdef"
    run(opening.__aexit__(None, None, None))
""")


async def test_a_forked_child_ends_and_leaves_the_parents_store_alone(store_url, encryption_key, run_python):
    words = [sys.executable, "-W", "ignore", "-c", FORKS, store_url, encryption_key]
    done = await asyncio.to_thread(run_python, words)
    assert (done.returncode, done.stderr) == (0, b"")


CLOSES_IN_A_CHILD = textwrap.dedent("""
    import asyncio, os, signal, sys, threading
    from boooply.store import AsyncStore

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    begun, released = threading.Event(), threading.Event()

    def start(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop)

    def slow(connection):
        begun.set()
        released.wait(10)
        connection.exec_driver_sql("SELECT 1")
        return "written"

    opening = AsyncStore.open(sys.argv[1], encryption_key=sys.argv[2])
    store = start(opening.__aenter__()).result(10)
    writing = start(store.database.write(slow))
    assert begun.wait(10)
    child = os.fork()
    if not child:
        signal.alarm(5)  # a wait for the parent's loop would never end
        asyncio.run(opening.__aexit__(None, None, None))
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    released.set()
    assert writing.result(10) == "written"
    start(opening.__aexit__(None, None, None)).result(10)
""")


async def test_closing_a_store_in_a_forked_child_leaves_the_parents_store_open(store_url, encryption_key, run_python):
    words = [sys.executable, "-W", "ignore", "-c", CLOSES_IN_A_CHILD, store_url, encryption_key]
    done = await asyncio.to_thread(run_python, words)
    assert (done.returncode, done.stderr) == (0, b"")
