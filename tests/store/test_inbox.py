"""Events are stored first, encrypted, and handled later, each once."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from boooply import ConfigurationError, StoreError
from boooply.store import AsyncDeduplicator, AsyncEvents, AsyncInbox, AsyncStore, DeclinedError
from boooply.store.schema import EVENTS
from boooply.webhooks import Event, read_event

Handler = Callable[[Event], Awaitable[None]]


def a_body(number: int = 1) -> bytes:
    data = {"meetingCode": f"Boooply-AI-{number}", "transcript": [{"speaker": "Zoë", "text": "a private thought"}]}
    return json.dumps({"event": "interview.transcript", "data": data}, ensure_ascii=False).encode()


async def put(inbox: AsyncInbox, number: int = 1) -> None:
    await inbox.put(read_event(a_body(number)), a_body(number))


async def work(inbox: AsyncInbox, handler: Handler, until: Callable[[], bool], seconds: float = 30) -> None:
    await work_for(inbox, handler, until, seconds)


async def work_for(
    inbox: AsyncInbox,
    handler: Callable[[Event], object],
    until: Callable[[], bool],
    seconds: float = 30,
    **options: Any,
) -> None:
    working = asyncio.create_task(inbox.work(handler, **options))
    async with asyncio.timeout(seconds):
        while not until():
            assert not working.done(), working
            await asyncio.sleep(0.01)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def rows(store: AsyncStore) -> list[Any]:
    def read(connection: Any) -> list[Any]:
        return list((connection.execute(select(EVENTS))).mappings())

    return await store.database.read(read)


async def test_several_inboxes_handle_each_event_once(store: AsyncStore) -> None:
    inboxes = [AsyncInbox(store) for _ in range(4)]
    handled: list[str] = []

    async def handle(event: Event) -> None:
        await asyncio.sleep(0.01)
        handled.append(event.meeting_code)

    await asyncio.gather(*(put(inboxes[number % 4], number // 5) for number in range(50)))
    await asyncio.gather(*(work(inbox, handle, lambda: len(handled) >= 10) for inbox in inboxes))
    assert sorted(handled) == sorted(f"Boooply-AI-{number}" for number in range(10))


async def test_a_body_is_encrypted_while_it_waits_and_deleted_once_handled(store: AsyncStore) -> None:
    inbox = AsyncInbox(store)
    await put(inbox)
    (waiting,) = await rows(store)
    assert b"private" not in waiting["encrypted"]
    handled: list[Any] = []

    async def handle(event: Any) -> None:
        handled.append(event.transcript[0].text)

    await work(inbox, handle, lambda: bool(handled))
    assert handled == ["a private thought"]
    (done,) = await rows(store)
    assert (done["status"], done["encrypted"]) == ("done", None)
    await put(inbox)
    assert (await rows(store))[0]["encrypted"] is None


async def test_a_new_event_is_handled_at_once(store: AsyncStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boooply.store.inbox_workers._LOOK_AGAIN", 600)
    inbox, handled = AsyncInbox(store), list[str]()

    async def handle(event: Event) -> None:
        handled.append(event.event)

    async def put_later() -> None:
        await asyncio.sleep(0.3)
        await put(inbox)

    putting = asyncio.create_task(put_later())
    await work(inbox, handle, lambda: bool(handled))
    await putting


async def test_a_failure_is_logged_and_tried_again(
    store: AsyncStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.store.inbox_workers._LOOK_AGAIN", 0.1)
    inbox = AsyncInbox(store, pauses=(0.2,))
    attempts: list[int] = []

    async def handle(_event: Event) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ZeroDivisionError

    await put(inbox)
    with caplog.at_level(logging.ERROR, "boooply.inbox"):
        await work(inbox, handle, lambda: len(attempts) == 2)
    assert "interview.transcript of Boooply-AI-1 failed, attempt 1" in caplog.text
    assert "private" not in caplog.text


async def test_a_process_that_ends_leaves_its_event_to_others(store: AsyncStore) -> None:
    inbox = AsyncInbox(store)
    began = asyncio.Event()

    async def hang(_event: Event) -> None:
        began.set()
        await asyncio.sleep(60)

    await put(inbox)
    await work(inbox, hang, began.is_set)
    handled: list[str] = []

    async def handle(event: Event) -> None:
        handled.append(event.event)

    await work(AsyncInbox(store), handle, lambda: bool(handled))


async def test_an_event_that_a_deduplicator_could_not_handle_can_be_put(store: AsyncStore) -> None:
    with pytest.raises(ZeroDivisionError):
        async with AsyncDeduplicator(store).once(read_event(a_body())):
            raise ZeroDivisionError
    inbox = AsyncInbox(store)
    await put(inbox)
    handled: list[str] = []

    async def handle(event: Event) -> None:
        handled.append(event.event)

    await work(inbox, handle, lambda: bool(handled))


async def test_waiting_events_survive_a_rotation(store_url: str) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    async with AsyncStore.open(store_url, encryption_key=old) as store:
        for number in range(3):
            await put(AsyncInbox(store), number)
    async with AsyncStore.open(store_url, encryption_key=[new, old]) as store:
        assert await store.keys.rotate() == 0
    handled: list[str] = []

    async def handle(event: Event) -> None:
        handled.append(event.meeting_code)

    async with AsyncStore.open(store_url, encryption_key=new) as store:
        await work(AsyncInbox(store), handle, lambda: len(handled) == 3)


async def test_an_altered_body_waits_and_is_logged(store: AsyncStore, caplog: pytest.LogCaptureFixture) -> None:
    await put(AsyncInbox(store))

    with store.database.engine.begin() as connection:
        connection.execute(EVENTS.update().values(encrypted=b"nonsense"))

    async def never(_event: Event) -> None:
        raise AssertionError

    with caplog.at_level(logging.ERROR, "boooply.inbox"):
        await work(AsyncInbox(store), never, lambda: "another encryption key, or altered" in caplog.text)
    assert (await rows(store))[0]["encrypted"] == b"nonsense"


async def test_a_body_of_damaged_bytes_delays_nobody_and_stays_as_it_is(store: AsyncStore) -> None:
    inbox, damaged = AsyncInbox(store), b"gAAAA\x80\xff"
    await put(inbox, 1)
    with store.database.engine.begin() as connection:
        connection.execute(EVENTS.update().values(encrypted=damaged))
    await put(inbox, 2)
    handled: list[Event] = []

    async def handle(event: Event) -> None:
        handled.append(event)

    await work(inbox, handle, lambda: bool(handled))
    assert [event.meeting_code for event in handled] == ["Boooply-AI-2"]
    assert sorted(row["encrypted"] or b"" for row in await rows(store)) == [b"", damaged]


async def test_old_events_can_be_purged(store: AsyncStore) -> None:
    inbox = AsyncInbox(store)
    for number in range(3):
        await put(inbox, number)
    handled: list[str] = []

    async def handle(event: Event) -> None:
        handled.append(event.event)

    await work(inbox, handle, lambda: len(handled) == 3)
    await put(inbox, 4)
    assert await store.events.purge(timedelta(days=1)) == 0
    assert await store.events.purge(timedelta(0)) == 3
    assert len(await rows(store)) == 1


async def test_a_handler_that_awaited_a_cancelled_task_has_failed(
    store: AsyncStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.store.inbox_workers._LOOK_AGAIN", 0.05)
    inbox = AsyncInbox(store, pauses=(0.05,))
    attempts: list[int] = []

    async def handle(_event: Event) -> None:
        attempts.append(1)
        if len(attempts) < 7:  # more often than there are workers
            inner = asyncio.create_task(asyncio.sleep(60))
            inner.cancel()
            await inner

    await put(inbox)
    with caplog.at_level(logging.ERROR, "boooply.inbox"):
        await work(inbox, handle, lambda: len(attempts) == 7)
    assert "attempt 6: CancelledError" in caplog.text


async def test_a_store_that_fails_does_not_delay_a_cancellation(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = AsyncInbox(store)
    began = asyncio.Event()

    async def hang(_event: Event) -> None:
        began.set()
        await asyncio.sleep(60)

    async def fail(*_arguments: Any, **_options: Any) -> None:
        raise StoreError("gone")

    await put(inbox)
    working = asyncio.create_task(inbox.work(hang))
    await began.wait()
    monkeypatch.setattr(AsyncEvents, "release", fail)
    working.cancel()
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await working


async def test_a_handled_event_is_recorded_once_the_store_is_back(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.store.inbox_workers._LOOK_AGAIN", 0.05)
    inbox = AsyncInbox(store)
    handled: list[str] = []
    recorded: list[bool] = []
    take = AsyncEvents.take
    failures = [StoreError("gone"), StoreError("gone")]

    async def fail_twice(self: AsyncEvents, *, finished: Any = None, **options: Any) -> Any:
        if finished is not None and failures:
            raise failures.pop()
        try:
            return await take(self, finished=finished, **options)
        finally:
            recorded.append(finished is not None)

    monkeypatch.setattr(AsyncEvents, "take", fail_twice)

    async def handle(event: Event) -> None:
        handled.append(event.event)

    await put(inbox)
    await work(inbox, handle, lambda: any(recorded))
    assert handled == ["interview.transcript"]
    assert [row["status"] for row in await rows(store)] == ["done"]


async def test_an_event_that_one_process_declines_is_left_to_another(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.store.inbox_workers._LOOK_AGAIN", 0.05)
    declined, handled = [0], [0]

    async def decline(_event: Event) -> None:
        declined[0] += 1
        raise DeclinedError

    async def handle(_event: Event) -> None:
        handled[0] += 1

    await put(AsyncInbox(store, pauses=(0.05,)))
    await work(AsyncInbox(store, pauses=(0.05,)), decline, lambda: declined[0] == 2)
    await work(AsyncInbox(store, pauses=(0.05,)), handle, lambda: handled[0] == 1)


async def test_a_cancellation_while_events_are_claimed_leaves_none_claimed(store: AsyncStore) -> None:
    for number in range(20):
        await put(AsyncInbox(store), number)

    async def never(_event: Event) -> None:
        await asyncio.sleep(60)

    for steps in range(20):
        working = asyncio.create_task(AsyncInbox(store).work(never))
        for _ in range(steps):
            await asyncio.sleep(0.001)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    assert {row["status"] for row in await rows(store)} == {"waiting"}


async def test_no_log_quotes_what_a_handler_quotes(store: AsyncStore, caplog: pytest.LogCaptureFixture) -> None:
    async def handle(event: Any) -> None:
        raise ValueError(event.transcript[0].text)

    await put(AsyncInbox(store))
    with caplog.at_level(logging.DEBUG):
        await work(AsyncInbox(store), handle, lambda: "failed, attempt 1: ValueError" in caplog.text)
    assert "test_inbox.py" in caplog.text  # where it was raised
    assert "private" not in caplog.text


async def test_stop_lets_handlers_finish_and_takes_no_more(store: AsyncStore) -> None:
    inbox, stop, began, handled = AsyncInbox(store), asyncio.Event(), asyncio.Event(), list[str]()
    for number in range(3):
        await put(inbox, number)

    async def handle(event: Event) -> None:
        began.set()
        await asyncio.sleep(0.2)
        handled.append(event.meeting_code)

    working = asyncio.create_task(inbox.work(handle, concurrency=1, stop=stop))
    await began.wait()
    stop.set()
    async with asyncio.timeout(30):
        await working
    assert handled == ["Boooply-AI-0"]
    assert sorted(row["status"] for row in await rows(store)) == ["done", "waiting", "waiting"]


async def test_stop_ends_idle_work_at_once(store: AsyncStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boooply.store.inbox_workers._LOOK_AGAIN", 600)
    stop = asyncio.Event()

    async def never(_event: Event) -> None:
        raise AssertionError

    working = asyncio.create_task(AsyncInbox(store).work(never, stop=stop))
    await asyncio.sleep(0.1)
    stop.set()
    async with asyncio.timeout(30):
        await working


async def test_stop_ends_work_although_a_handled_event_cannot_be_recorded(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = asyncio.Event()

    async def fail(*_arguments: Any, **_options: Any) -> None:
        raise StoreError("gone")

    async def handle(_event: Event) -> None:
        stop.set()

    monkeypatch.setattr(AsyncEvents, "finish", fail)
    await put(AsyncInbox(store))
    async with asyncio.timeout(30):
        await AsyncInbox(store).work(handle, stop=stop)


async def test_an_event_put_from_another_loop_is_handled_at_once(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.store.inbox_workers._LOOK_AGAIN", 600)
    inbox, handled = AsyncInbox(store), list[str]()

    async def handle(event: Event) -> None:
        handled.append(event.event)

    working = asyncio.create_task(work(inbox, handle, lambda: bool(handled)))
    await asyncio.sleep(0.3)
    await asyncio.to_thread(asyncio.run, put(inbox))
    await working


async def test_four_handlers_that_never_return_do_not_stop_a_worker(
    store: AsyncStore, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, handled = AsyncInbox(store), list[str]()
    for number in range(5):
        await put(inbox, number)

    async def handle(event: Event) -> None:
        if event.meeting_code != "Boooply-AI-4":
            await asyncio.Event().wait()
        handled.append(event.meeting_code)

    def have_failed() -> bool:
        return caplog.text.count("failed, attempt 1: TimeoutError") == 4

    await work_for(inbox, handle, lambda: bool(handled) and have_failed(), timeout=0.3)
    assert handled == ["Boooply-AI-4"]
    assert "interview.transcript of Boooply-AI-0 has taken longer than 0.3 s, attempt 1: it is cancelled" in caplog.text
    states = {row["attempts"]: row["status"] for row in await rows(store) if row["status"] != "done"}
    assert states == {1: "waiting"}  # they have failed, and wait for their pause


async def test_work_that_ends_at_the_time_limit_of_a_handler_cancels_the_handler(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, leaving, ended = AsyncInbox(store), asyncio.Event(), list[str]()
    await put(inbox)

    @asynccontextmanager
    async def renewed(*_: object, **__: object) -> AsyncIterator[None]:
        yield
        leaving.set()
        await asyncio.sleep(30)  # as the end of the real one waits for a task

    async def handle(_event: Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    monkeypatch.setattr("boooply.store.inbox_workers.renewed", renewed)
    working = asyncio.create_task(inbox.work(handle, concurrency=1, timeout=0.05))
    async with asyncio.timeout(10):
        await leaving.wait()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    assert ended == ["cancelled"]


async def test_a_coroutine_that_ignores_its_cancellation_does_not_stop_a_worker(store: AsyncStore) -> None:
    inbox, handled, may_end = AsyncInbox(store), list[str](), asyncio.Event()
    for number in range(2):
        await put(inbox, number)

    async def handle(event: Event) -> None:
        while event.meeting_code == "Boooply-AI-0" and not may_end.is_set():
            with suppress(asyncio.CancelledError):
                await may_end.wait()
        handled.append(event.meeting_code)

    working = asyncio.create_task(inbox.work(handle, concurrency=1, timeout=0.2))
    async with asyncio.timeout(30):
        while not handled:  # noqa: ASYNC110 - the handler must not know of the test
            await asyncio.sleep(0.01)
    assert handled == ["Boooply-AI-1"]
    may_end.set()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def test_a_plain_function_is_called_in_a_thread_and_once(store: AsyncStore) -> None:
    inbox, threads, loop_thread = AsyncInbox(store), list[int](), threading.get_ident()
    await put(inbox)

    def handle(_event: Event) -> None:
        threads.append(threading.get_ident())

    await work_for(inbox, handle, lambda: bool(threads))
    assert len(threads) == 1
    assert threads[0] != loop_thread
    assert [row["status"] for row in await rows(store)] == ["done"]


@pytest.mark.parametrize("ends_well", [True, False])
async def test_past_the_limit_an_event_stays_leased_until_its_thread_ends(
    store: AsyncStore, caplog: pytest.LogCaptureFixture, ends_well: bool
) -> None:
    inbox, calls, may_end = AsyncInbox(store, lease=1.5), list[str](), threading.Event()
    for number in range(2):
        await put(inbox, number)

    def handle(event: Event) -> None:
        calls.append(event.meeting_code)
        if event.meeting_code == "Boooply-AI-0":
            may_end.wait(30)
            if not ends_well:
                raise ZeroDivisionError

    working = asyncio.create_task(inbox.work(handle, concurrency=1, timeout=0.1))
    async with asyncio.timeout(30):
        while "Boooply-AI-1" not in calls:  # noqa: ASYNC110 - the handler must not know of the test
            await asyncio.sleep(0.01)
    await asyncio.sleep(3.1)  # two leases
    assert calls == ["Boooply-AI-0", "Boooply-AI-1"]
    assert "has taken longer than 0.1 s, attempt 1: its event stays leased until its thread ends" in caplog.text
    assert sorted(row["status"] for row in await rows(store)) == ["claimed", "done"]
    may_end.set()
    expected = ["done", "done"] if ends_well else ["done", "waiting"]
    async with asyncio.timeout(30):
        while sorted(row["status"] for row in await rows(store)) != expected:  # noqa: ASYNC110 - it is a database
            await asyncio.sleep(0.01)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def test_a_thread_within_its_time_is_waited_for_when_the_work_is_cancelled(store: AsyncStore) -> None:
    inbox, began, ended = AsyncInbox(store), threading.Event(), list[bool]()
    await put(inbox)

    def handle(_event: Event) -> None:
        began.set()
        time.sleep(0.3)
        ended.append(True)

    working = asyncio.create_task(inbox.work(handle))
    await asyncio.to_thread(began.wait, 10)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    assert ended == [True]
    assert [row["status"] for row in await rows(store)] == ["done"]


@pytest.mark.parametrize("ends_well", [True, False])
async def test_a_store_that_fails_after_a_thread_does_not_replace_or_delay_a_cancellation(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch, ends_well: bool
) -> None:
    inbox, began, may_end, failures = AsyncInbox(store), threading.Event(), threading.Event(), list[str]()
    await put(inbox)

    def handle(_event: Event) -> None:
        began.set()
        may_end.wait(30)
        if not ends_well:
            raise ZeroDivisionError

    async def fail(_self: AsyncEvents, key: str, **_options: Any) -> None:
        failures.append(key)
        raise StoreError("gone")

    working = asyncio.create_task(inbox.work(handle))
    await asyncio.to_thread(began.wait, 10)
    for name in ("finish", "fail"):
        monkeypatch.setattr(AsyncEvents, name, fail)
    working.cancel()
    may_end.set()
    await asyncio.wait({working}, timeout=30)
    assert working.cancelled()
    assert len(failures) == 1


async def test_a_view_of_a_body_can_be_put(store: AsyncStore) -> None:
    await AsyncInbox(store).put(read_event(a_body()), memoryview(a_body()))
    assert len(await rows(store)) == 1


@pytest.mark.parametrize("timeout", [0, -1, "5", None])
async def test_a_time_limit_that_cannot_work_is_rejected(store: AsyncStore, timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be"):
        await AsyncInbox(store).work(print, timeout=timeout)
