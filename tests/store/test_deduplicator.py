"""One of many deliveries is handled: in memory, on SQLite and on PostgreSQL."""

import asyncio
import contextlib
import json
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from boooply import StoreError
from boooply.store import AsyncDeduplicator, AsyncEvents, AsyncStore
from boooply.webhooks import Event, read_event


def an_event(number: int = 1) -> Event:
    data = {"meetingCode": f"Boooply-AI-{number}"}
    return read_event(json.dumps({"event": "interview.scores", "data": data}).encode())


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def deduplicator(request: pytest.FixtureRequest, encryption_key: str) -> AsyncIterator[Any]:
    """A maker, so that a test can have several over one store."""
    if request.param == "memory":
        only = AsyncDeduplicator()

        def make(lease: float = 1.0) -> AsyncDeduplicator:
            only._lease = lease
            return only

        yield make
        return
    url = request.getfixturevalue(f"{request.param}_store_url")
    async with AsyncStore.open(url, encryption_key=encryption_key) as store:
        yield lambda lease=1.0: AsyncDeduplicator(store, lease=lease)


async def test_fifty_deliveries_at_once_are_handled_once(deduplicator: Any) -> None:
    handled: list[int] = []
    several = [deduplicator(lease=60) for _ in range(4)]

    async def deliver(number: int) -> bool:
        async with several[number % 4].once(an_event()) as is_new:
            if is_new:
                await asyncio.sleep(0.05)
                handled.append(number)
        assert handled  # code after the block may respond with 2xx
        return bool(is_new)

    results = await asyncio.gather(*(deliver(number) for number in range(50)))
    assert len(handled) == results.count(True) == 1


async def test_different_events_do_not_wait_for_each_other(deduplicator: Any) -> None:
    async with deduplicator().once(an_event(1)) as first, deduplicator().once(an_event(2)) as second:
        assert first
        assert second


async def test_an_event_whose_block_failed_is_new_again(deduplicator: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        async with deduplicator().once(an_event()):
            raise ZeroDivisionError
    async with deduplicator().once(an_event()) as is_new:
        assert is_new
    async with deduplicator().once(an_event()) as is_new:
        assert not is_new


async def test_a_waiting_delivery_takes_over_when_the_first_one_fails(deduplicator: Any) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def fail() -> None:
        async with deduplicator().once(an_event()):
            began.set()
            await asyncio.sleep(0.1)
            ended.set()
            raise ZeroDivisionError

    failing = asyncio.create_task(fail())
    await began.wait()
    async with deduplicator().once(an_event()) as is_new:
        assert ended.is_set()
        assert is_new
    with pytest.raises(ZeroDivisionError):
        await failing


async def test_a_cancelled_caller_releases_the_event(deduplicator: Any) -> None:
    began = asyncio.Event()

    async def hang() -> None:
        async with deduplicator(lease=60).once(an_event()):
            began.set()
            await asyncio.sleep(60)

    hanging = asyncio.create_task(hang())
    await began.wait()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    async with asyncio.timeout(20), deduplicator().once(an_event()) as is_new:
        assert is_new
    assert [task for task in asyncio.all_tasks() if "_renew" in repr(task)] == []


async def test_a_handler_may_take_longer_than_the_lease(deduplicator: Any) -> None:
    handled = []

    async def deliver() -> None:
        async with deduplicator(lease=2.0).once(an_event()) as is_new:
            if is_new:
                await asyncio.sleep(4.8)
                handled.append(1)

    await asyncio.gather(deliver(), deliver())
    assert handled == [1]


async def test_an_event_of_a_process_that_died_can_be_claimed_after_its_lease(
    store_url: str, encryption_key: str, run_python: Callable[..., Any]
) -> None:
    dying = f"""
        import asyncio, os
        from boooply.store import AsyncDeduplicator, AsyncStore
        from boooply.webhooks import read_event

        async def main():
            async with AsyncStore.open({store_url!r}, encryption_key={encryption_key!r}) as store:
                event = read_event(b'{{"event": "interview.scores", "data": {{"meetingCode": "Boooply-AI-1"}}}}')
                async with AsyncDeduplicator(store, lease=1.0).once(event):
                    os._exit(9)

        asyncio.run(main())
    """
    done = await asyncio.to_thread(run_python, [sys.executable, "-c", textwrap.dedent(dying)])
    assert done.returncode == 9
    async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(20), AsyncDeduplicator(store, lease=1.0).once(an_event()) as is_new:
            assert is_new
        assert asyncio.get_running_loop().time() - began < 5


async def test_a_purge_keeps_an_event_that_is_being_handled(store: AsyncStore) -> None:
    async def deliver() -> bool:
        async with AsyncDeduplicator(store).once(an_event()) as is_new:
            return is_new

    async with AsyncDeduplicator(store).once(an_event()) as is_new:
        await asyncio.sleep(0.01)  # the databases' clocks count milliseconds
        assert await store.events.purge(timedelta(0)) == 0
        again = asyncio.create_task(deliver())
        await asyncio.wait({again}, timeout=0.05)
    assert (is_new, await again) == (True, False)
    await asyncio.sleep(0.01)
    assert await store.events.purge(timedelta(0)) == 1


async def test_memory_stays_within_its_bound_and_keeps_events_being_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boooply.store.deduplicator._MOST_REMEMBERED", 3)
    deduplicator = AsyncDeduplicator()
    async with contextlib.AsyncExitStack() as stack:
        assert await stack.enter_async_context(deduplicator.once(an_event(0)))
        for number in range(1, 10):
            async with deduplicator.once(an_event(number)):
                pass
        claims: Any = deduplicator._claims
        assert an_event(0).idempotency_key in claims._states
    for number in (10, 11, 12, 13, 14):
        async with deduplicator.once(an_event(number)):
            pass
    assert len(claims._states) <= 10


async def test_a_cancelled_claim_leaves_no_event_claimed(deduplicator: Any) -> None:
    for steps in range(30):
        claiming = asyncio.create_task(deduplicator(lease=60).once(an_event(steps)).__aenter__())
        for _ in range(steps):
            await asyncio.sleep(0)
        claiming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await claiming
        if claiming.cancelled():
            async with asyncio.timeout(20), deduplicator(lease=60).once(an_event(steps)) as is_new:
                assert is_new


async def test_the_blocks_own_error_is_raised_although_the_store_fails(
    sqlite_store_url: str, encryption_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_arguments: Any, **_options: Any) -> None:
        raise StoreError("gone")

    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        monkeypatch.setattr(AsyncEvents, "release", fail)
        with pytest.raises(ZeroDivisionError):
            async with AsyncDeduplicator(store).once(an_event()):
                raise ZeroDivisionError


def test_in_memory_it_needs_no_extra() -> None:
    code = "import sys, boooply.store; boooply.store.AsyncDeduplicator(); assert 'sqlalchemy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own words


async def test_one_deduplicator_serves_several_event_loops(deduplicator: Any) -> None:
    one, handled = deduplicator(), list[int]()

    async def deliver(number: int) -> None:
        async with one.once(an_event()) as is_new:
            if is_new:
                await asyncio.sleep(0.05)
                handled.append(number)

    async with asyncio.timeout(30):
        await asyncio.gather(*(asyncio.to_thread(asyncio.run, deliver(number)) for number in range(4)))
    assert len(handled) == 1
