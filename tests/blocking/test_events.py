"""The blocking inbox and deduplicator: handlers are plain functions, in threads."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from boooply.store import DeclinedError, Deduplicator, EventRecord, Inbox, Store
from boooply.webhooks import Event, read_event


def a_body(number: int = 1) -> bytes:
    data = {"meetingCode": f"Boooply-AI-{number}", "transcript": [{"speaker": "Zoë", "text": "a private thought"}]}
    return json.dumps({"event": "interview.transcript", "data": data}, ensure_ascii=False).encode()


def an_event(number: int = 1) -> Event:
    return read_event(a_body(number))


@pytest.fixture
def store_of_events(store_url: str, encryption_key: str) -> Iterator[Store]:
    with Store.open(store_url, encryption_key=encryption_key) as store:
        yield store


def test_each_event_is_handled_once_in_a_thread_of_its_own(store_of_events: Store) -> None:
    inbox, stop = Inbox(store_of_events), threading.Event()
    handled: list[str] = []
    threads: set[int] = set()

    def handle(event: Event) -> None:
        handled.append(event.meeting_code)
        threads.add(threading.get_ident())
        list(store_of_events.ledger.entries())  # blocking calls work there
        if len(handled) == 8:
            stop.set()

    for number in (*range(8), 0, 1):
        inbox.put(an_event(number), a_body(number))
    inbox.work(handle, stop=stop)

    assert sorted(handled) == [f"Boooply-AI-{number}" for number in range(8)]
    assert threading.get_ident() not in threads


def test_one_interview_is_handled_in_order_and_one_event_at_a_time(store_of_events: Store) -> None:
    inbox, stop = Inbox(store_of_events), threading.Event()
    handled: list[str] = []
    in_hand = threading.Lock()

    def handle(event: Event) -> None:
        assert in_hand.acquire(blocking=False)
        time.sleep(0.02)
        handled.append(event.event)
        in_hand.release()
        if len(handled) == 6:
            stop.set()

    bodies = [json.dumps({"event": f"e{one}", "data": {"meetingCode": "Boooply-AI-1"}}).encode() for one in range(6)]
    for body in bodies:
        inbox.put(read_event(body), body)
    assert inbox.backlog() == 6
    inbox.work(handle, stop=stop)
    assert handled == [f"e{one}" for one in range(6)]
    assert inbox.backlog() == 0


def test_stopping_waits_for_the_handlers_that_run_and_records_them(store_of_events: Store) -> None:
    inbox, stop = Inbox(store_of_events), threading.Event()
    handled: list[str] = []

    def handle(event: Event) -> None:
        stop.set()
        time.sleep(0.5)
        handled.append(event.meeting_code)

    inbox.put(an_event(), a_body())
    inbox.work(handle, stop=stop)
    assert handled == ["Boooply-AI-1"]

    again = threading.Event()
    threading.Timer(0.5, again.set).start()
    inbox.work(handle, stop=again)
    assert handled == ["Boooply-AI-1"]


def test_what_a_handler_raises_is_logged_and_the_event_stays(
    store_of_events: Store, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, stop, both = Inbox(store_of_events), threading.Event(), threading.Barrier(2)

    def handle(event: Event) -> None:
        both.wait(30)
        stop.set()
        if event.meeting_code.endswith("1"):
            raise StopIteration
        raise DeclinedError

    inbox.put(an_event(1), a_body(1))
    inbox.put(an_event(2), a_body(2))
    with caplog.at_level(logging.INFO, "boooply.inbox"):
        inbox.work(handle, concurrency=2, stop=stop)

    assert "failed, attempt 1" in caplog.text
    assert "Boooply-AI-2 is left to another process" in caplog.text


def test_dead_events_are_listed_retried_and_discarded(store_of_events: Store) -> None:
    hours, stop, dead = count(), threading.Event(), list[EventRecord]()

    def clock() -> datetime:
        return datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=next(hours))

    def on_dead(record: EventRecord) -> None:
        dead.append(record)
        if len(dead) == 2:
            stop.set()

    def fail(_event: Event) -> None:
        raise LookupError

    events, inbox = store_of_events.events, Inbox(store_of_events, pauses=(5, 60), attempts=3, clock=clock)
    keys = [an_event(number).idempotency_key for number in range(2)]
    for number in range(2):
        inbox.put(an_event(number), a_body(number))
    inbox.work(fail, stop=stop, on_dead=on_dead)

    assert sorted(one.idempotency_key for one in dead) == sorted(keys)
    assert sorted(one.idempotency_key for one in events.list(state="dead")) == sorted(keys)
    assert events.discard(keys[0])
    assert events.retry(keys[1])
    first, second = (events.get(key) for key in keys)
    assert first is not None
    assert second is not None
    assert (first.state, first.attempts, second.state, second.attempts) == ("discarded", 3, "waiting", 0)
    handled, again = list[str](), threading.Event()

    def handle(event: Event) -> None:
        handled.append(event.idempotency_key)
        again.set()

    inbox.work(handle, stop=again)
    assert handled == [keys[1]]


@pytest.mark.parametrize("in_memory", [True, False])
def test_one_of_many_deliveries_is_handled(store_of_events: Store, in_memory: bool) -> None:
    deduplicator = Deduplicator(None if in_memory else store_of_events)
    handled: list[int] = []

    def deliver(number: int) -> bool:
        with deduplicator.once(an_event()) as is_new:
            if is_new:
                time.sleep(0.1)
                handled.append(number)
        assert handled  # code after the block may respond with 2xx
        return is_new

    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(deliver, range(8)))
    assert len(handled) == responses.count(True) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, StopIteration])
def test_a_block_that_raises_leaves_the_event_new(error: type[BaseException]) -> None:
    deduplicator = Deduplicator()

    def fail() -> None:
        with deduplicator.once(an_event()):
            raise error

    with pytest.raises(error):
        fail()
    with deduplicator.once(an_event()) as is_new:
        assert is_new
    with deduplicator.once(an_event()) as is_new:
        assert not is_new
