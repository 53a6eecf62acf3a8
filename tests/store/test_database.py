"""Reads and writes in threads: nothing holds up the event loop, one group after another, and no thread is left."""

import asyncio
import subprocess
import sys
import textwrap
import threading
import time

from boooply.store import Store


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("boooply-store")]


async def test_a_write_that_takes_long_holds_up_neither_the_loop_nor_a_reader(store):
    released = threading.Event()

    def slow(_connection, items):
        released.wait(10)
        return items

    writing = asyncio.create_task(store.database.write(slow, "written"))
    await asyncio.sleep(0.05)
    assert [one async for one in store.ledger.entries()] == []
    assert not writing.done()
    released.set()
    assert await writing == "written"


async def test_a_group_that_is_written_again_does_not_overtake_itself(store):
    log = []

    def slow(_connection, items):
        log.append("begins")
        time.sleep(0.1)
        log.append("ends")
        return items

    writing = asyncio.create_task(store.database.write(slow, "written"))
    await asyncio.sleep(0.05)
    store.database._writer.cancel()  # as a loop does that is ending, while a clean-up still waits for its step
    assert await writing == "written"
    assert log == ["begins", "ends"] * 2


async def test_a_store_that_is_closed_leaves_no_thread(store_url, encryption_key):
    async with Store.open(store_url, encryption_key=encryption_key) as store:
        reading = [asyncio.create_task(_count(store)) for _ in range(8)]
        await asyncio.gather(*reading)
        assert len(threads()) > 1
    assert threads() == []


async def _count(store: Store) -> int:
    return len([one async for one in store.ledger.entries()])


FORKS = textwrap.dedent("""
    import asyncio, os, sys, threading
    from boooply.store import Store

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def run(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)

    opening = Store.open(sys.argv[1], encryption_key=sys.argv[2])
    store = run(opening.__aenter__())
    run(store.keys.put("org_1", "bply_org_0123456789abcdef"))
    child = os.fork()
    if not child:
        sys.exit()
    assert os.waitpid(child, 0) == (child, 0)
    assert run(store.keys.get("org_1")).reveal() == "bply_org_0123456789abcdef"
    run(opening.__aexit__(None, None, None))
""")


async def test_a_child_process_comes_to_its_end_and_leaves_the_parents_store_alone(store_url, encryption_key):
    words = [sys.executable, "-W", "ignore", "-c", FORKS, store_url, encryption_key]
    done = await asyncio.to_thread(subprocess.run, words, check=False, timeout=30, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
