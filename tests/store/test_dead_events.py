"""Events whose handler always fails: dead after some attempts, listed, retried, discarded and purged."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select

from boooply import ConfigurationError
from boooply.store import AsyncDeduplicator, AsyncInbox, AsyncStore, DeclinedError, EventRecord, EventStatus
from boooply.store.schema import EVENT_QUEUES, EVENTS
from boooply.webhooks import Event, read_event

QUOTED = "a private thought"


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now = datetime(2020, 2, 3, tzinfo=UTC)  # long before the database's

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def a_body(number: int = 1, code: str | None = "Boooply-AI-1", customer: str | None = "org_1") -> bytes:
    data = {"meetingCode": code, "sourceId": customer, "number": number, "text": QUOTED}
    return json.dumps({"event": "interview.progress", "data": data}).encode()


async def put(inbox: AsyncInbox, number: int = 1, **about: Any) -> str:
    event = read_event(a_body(number, **about))
    await inbox.put(event, a_body(number, **about))
    return event.idempotency_key


async def work(
    inbox: AsyncInbox, handler: Callable[[Event], object], until: Callable[[], object], **options: Any
) -> None:
    working = asyncio.create_task(inbox.work(handler, **options))
    async with asyncio.timeout(30):
        while not until():
            assert not working.done(), working
            await asyncio.sleep(0.01)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def listed(store: AsyncStore, **options: Any) -> list[EventRecord]:
    return [record async for record in store.events.list(**options)]


async def rows(store: AsyncStore, table: Any = EVENTS) -> list[Any]:
    return await store.database.read(lambda connection: list(connection.execute(select(table)).mappings()))


def fail(_event: Event) -> None:
    raise LookupError(QUOTED)


async def kill(store: AsyncStore, *, attempts: int = 1, **about: Any) -> str:
    """Put an event and let it fail until it is dead."""
    inbox, dead = AsyncInbox(store, attempts=attempts, pauses=(0.0,)), list[EventRecord]()
    key = await put(inbox, **about)
    await work(inbox, fail, lambda: dead, on_dead=dead.append)
    return key


# ---- how an event dies


async def test_an_event_is_dead_after_its_last_attempt_as_the_clock_has_it(
    store: AsyncStore, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    inbox, attempts, dead = AsyncInbox(store, clock=clock), list[datetime](), list[EventRecord]()
    key = await put(inbox)
    began = clock.now

    async def handle(_event: Event) -> None:
        attempts.append(clock.now)
        raise LookupError(QUOTED)

    working = asyncio.create_task(inbox.work(handle, on_dead=dead.append))
    async with asyncio.timeout(60):
        while not dead:
            record = await store.events.get(key)
            assert record is not None
            if record.next_attempt_at is not None:
                clock.now = max(clock.now, record.next_attempt_at)
            await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.wait({working})
    assert len(attempts) == 34
    pauses = [round((after - before).total_seconds()) for before, after in pairwise(attempts)]
    assert pauses[:3] == [5, 10, 20]
    assert timedelta(hours=24) < clock.now - began < timedelta(hours=25)
    (line,) = [line for line in caplog.messages if " is dead " in line]
    assert line.startswith(
        "interview.progress of Boooply-AI-1 for customer org_1 is dead after 34 attempts: LookupError in tests."
    )
    assert line.endswith(
        f"<locals>.handle, line {handle.__code__.co_firstlineno + 2}. "
        f"After you fix the cause, run: boooply events retry {key[:12]}"
    )
    assert QUOTED not in caplog.text


async def test_a_pause_lasts_until_the_clock_has_passed_it(store: AsyncStore) -> None:
    clock, attempts = Clock(), list[int]()
    inbox = AsyncInbox(store, clock=clock, pauses=(60,))
    key = await put(inbox)

    def handle(_event: Event) -> None:
        attempts.append(1)
        raise LookupError

    working = asyncio.create_task(inbox.work(handle))
    async with asyncio.timeout(30):
        while (record := await store.events.get(key)) is None or record.next_attempt_at is None:  # noqa: ASYNC110 - a store
            await asyncio.sleep(0.01)
        clock.advance(59)
        await asyncio.sleep(0.5)
        assert len(attempts) == 1
        clock.advance(1)
        while len(attempts) == 1:  # noqa: ASYNC110 - the handler must not know of the test
            await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.wait({working})


async def test_a_lease_stays_on_the_databases_clock(store: AsyncStore) -> None:
    clock = Clock()
    inbox = AsyncInbox(store, clock=clock)
    await put(inbox)
    until = clock.now.timestamp
    taken = await store.events.take(claim_token="dead", lease=60, pauses_until=until())
    assert taken is not None
    clock.advance(10**6)
    assert await store.events.take(claim_token="ours", lease=60, pauses_until=until()) is None
    store.database.clock = store.database.clock + 60
    clock.now = datetime(2019, 1, 1, tzinfo=UTC)
    again = await store.events.take(claim_token="ours", lease=60, pauses_until=until())
    assert again is not None
    assert again.key == taken.key


async def test_a_clock_that_is_ahead_does_not_end_the_claim_of_a_deduplicator(store: AsyncStore) -> None:
    await put(AsyncInbox(store))
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    async with AsyncDeduplicator(store).once(read_event(a_body())) as is_new:
        assert is_new
        assert await store.events.take(claim_token="ours", lease=60, pauses_until=tomorrow.timestamp()) is None


async def test_a_queue_is_due_with_its_next_event_and_is_deleted_after_its_last(store: AsyncStore) -> None:
    inbox = AsyncInbox(store)
    for number in range(2):
        await put(inbox, number)
        await asyncio.sleep(0.01)
    for due in ([row["received_at"] for row in await rows(store)][1:], []):
        taken = await store.events.take(claim_token="ours", lease=60)
        assert taken is not None
        await store.events.finish(taken.key, claim_token="ours")
        assert [row["due_at"] for row in await rows(store, EVENT_QUEUES)] == due


async def test_a_dead_event_does_not_block_its_interview(store: AsyncStore) -> None:
    await kill(store, number=1)
    inbox, handled = AsyncInbox(store), list[Any]()
    assert await inbox.backlog() == 0
    assert await rows(store, EVENT_QUEUES) == []
    await put(inbox, 2)
    await work(inbox, handled.append, lambda: handled)
    assert [event.data["number"] for event in handled] == [2]


async def test_an_event_between_others_dies_and_they_are_handled(store: AsyncStore) -> None:
    inbox, handled, dead = AsyncInbox(store, attempts=1), list[int](), list[EventRecord]()
    for number in range(3):
        await put(inbox, number)

    async def handle(event: Any) -> None:
        if event.data["number"] == 1:
            raise LookupError
        handled.append(event.data["number"])

    await work(inbox, handle, lambda: len(handled) == 2 and dead, on_dead=dead.append)
    assert handled == [0, 2]
    assert [record.state for record in await listed(store)] == ["dead"]


async def test_a_body_that_cannot_be_decrypted_dies_with_its_reason(
    store: AsyncStore, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, dead = AsyncInbox(store, attempts=2, pauses=(0.0,)), list[EventRecord]()
    await put(inbox)
    with store.database.engine.begin() as connection:
        connection.execute(EVENTS.update().values(encrypted=b"nonsense"))
    await work(inbox, fail, lambda: dead, on_dead=dead.append)
    assert dead[0].last_failure == "it was encrypted with another encryption key, or altered"
    assert (dead[0].attempts, dead[0].meeting_code, dead[0].organization_id) == (2, "Boooply-AI-1", "org_1")
    assert [" is dead after 2 attempts: it was encrypted" in line for line in caplog.messages] == [False, True]
    assert (await rows(store))[0]["encrypted"] == b"nonsense"


async def test_an_event_that_nobody_handles_dies(store: AsyncStore) -> None:
    inbox, dead = AsyncInbox(store, attempts=2, pauses=(0.0,)), list[EventRecord]()
    await put(inbox)

    def decline(_event: Event) -> None:
        raise DeclinedError

    await work(inbox, decline, lambda: dead, on_dead=dead.append)
    assert str(dead[0].last_failure).startswith(f"DeclinedError in {__name__}.test_an_event_that_nobody")


async def test_an_event_that_kills_each_process_dies(store: AsyncStore) -> None:
    inbox, dead = AsyncInbox(store, attempts=2), list[EventRecord]()
    await put(inbox)
    for number in range(2):
        assert await store.events.take(claim_token=f"{number}", lease=0.01) is not None
        await asyncio.sleep(0.05)

    def never(_event: Event) -> None:
        raise AssertionError

    await work(inbox, never, lambda: dead, on_dead=dead.append)
    assert dead[0].attempts == 2
    assert "no attempt is left: the process ended" in str(dead[0].last_failure)


async def test_a_handler_that_takes_too_long_fails_with_a_timeout(store: AsyncStore) -> None:
    inbox, dead = AsyncInbox(store, attempts=1), list[EventRecord]()
    await put(inbox)

    async def hang(_event: Event) -> None:
        await asyncio.Event().wait()

    await work(inbox, hang, lambda: dead, on_dead=dead.append, timeout=0.1)
    assert str(dead[0].last_failure).startswith(f"TimeoutError in {__name__}.test_a_handler_that_takes")


@pytest.mark.parametrize("is_async", [True, False])
async def test_on_dead_is_called_once_and_what_it_raises_changes_nothing(
    store: AsyncStore, caplog: pytest.LogCaptureFixture, is_async: bool
) -> None:
    inbox, dead, handled = AsyncInbox(store, attempts=1), list[EventRecord](), list[Event]()
    await put(inbox, 1)

    def on_dead(record: EventRecord) -> None:
        dead.append(record)
        raise LookupError(QUOTED)

    async def on_dead_async(record: EventRecord) -> None:
        on_dead(record)

    def handle(event: Event) -> None:
        if dead:
            handled.append(event)
        else:
            fail(event)

    async def put_later() -> None:
        while "on_dead failed: LookupError in" not in caplog.text:  # noqa: ASYNC110 - it is a log
            await asyncio.sleep(0.01)
        await put(inbox, 2)

    putting = asyncio.create_task(put_later())
    await work(inbox, handle, lambda: handled, on_dead=on_dead_async if is_async else on_dead)
    await putting
    assert [(one.state, one.attempts) for one in dead] == [("dead", 1)]
    assert QUOTED not in caplog.text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"attempts": 0}, "attempts must be a whole number above zero"),
        ({"attempts": 1.5}, "attempts must be"),
        ({"pauses": ()}, "pauses must be one or more numbers of seconds, none below zero"),
        ({"pauses": (-1,)}, "pauses must be"),
        ({"pauses": 5}, "pauses must be"),
        ({"pauses": "5"}, "pauses must be"),
        ({"clock": 5}, "clock must be a function, or None for the database's clock"),
    ],
)
async def test_settings_that_cannot_work_are_rejected(store: AsyncStore, options: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        AsyncInbox(store, **options)


async def test_an_on_dead_that_is_no_function_is_rejected(store: AsyncStore) -> None:
    with pytest.raises(ConfigurationError, match="on_dead must be a function, or None"):
        await AsyncInbox(store).work(print, on_dead=5)  # type: ignore[arg-type]  # a mistake


# ---- the place of a failure


def helper() -> None:
    json.loads("{")


async def test_the_place_of_a_failure_is_the_innermost_line_of_the_handlers_package(store: AsyncStore) -> None:
    inbox, dead = AsyncInbox(store, attempts=1), list[EventRecord]()
    await put(inbox)
    await work(inbox, lambda _: helper(), lambda: dead, on_dead=dead.append)
    line = helper.__code__.co_firstlineno + 1
    assert dead[0].last_failure == f"json.decoder.JSONDecodeError in {__name__}.helper, line {line}"


async def test_a_handler_may_be_a_partial_function_or_an_object(store: AsyncStore) -> None:
    class Handler:
        def __call__(self, event: Event) -> None:
            fail(event)

    handlers: list[Callable[[Event], object]] = [Handler(), partial(Handler())]
    for number, handler in enumerate(handlers):
        inbox, dead = AsyncInbox(store, attempts=1), list[EventRecord]()
        await put(inbox, number)
        await work(inbox, handler, partial(bool, dead), on_dead=dead.append)
        assert str(dead[0].last_failure).startswith(f"LookupError in {__name__}.fail, line ")


# ---- list and get


async def test_events_are_listed_with_their_subject_and_never_their_body(store: AsyncStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    key = await kill(store, attempts=2)
    (record,) = await listed(store)
    assert record == await store.events.get(key)
    assert (record.idempotency_key, record.state, record.event) == (key, EventStatus.DEAD, "interview.progress")
    assert (record.organization_id, record.meeting_code, record.attempts) == ("org_1", "Boooply-AI-1", 2)
    times = (record.received_at, record.first_failed_at, record.last_failed_at, record.dead_at)
    assert all(one is not None and before < one < datetime.now(UTC) + timedelta(seconds=5) for one in times)
    assert record.first_failure == record.last_failure
    assert record.next_attempt_at is None
    assert QUOTED not in repr(record)


async def test_an_event_may_name_nothing_or_what_no_database_takes(store: AsyncStore) -> None:
    inbox = AsyncInbox(store)
    await put(inbox, 1, code=None, customer=None)
    await put(inbox, 2, code="a\0b" * 1000, customer="\ud800")
    first, second = await listed(store)
    assert (first.meeting_code, first.organization_id) == (None, None)
    assert second.meeting_code is not None
    assert second.meeting_code.startswith("a\ufffdb")
    assert len(second.meeting_code) == 300
    assert second.organization_id == "\ufffd"


async def test_states_can_be_listed_one_by_one(store: AsyncStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boooply.store.event_records.BATCH", 2)
    dead = [await kill(store, number=number) for number in range(3)]
    discarded, inbox, handled = await kill(store, number=9), AsyncInbox(store), list[Event]()
    assert await store.events.discard(discarded)
    done = await put(inbox, 3)
    await work(inbox, handled.append, lambda: handled)
    claimed = await put(inbox, 4)
    assert await store.events.take(claim_token="ours", lease=60) is not None
    waiting = await put(inbox, 5)
    async with AsyncDeduplicator(store).once(read_event(a_body(6))):
        pass  # known to the store, and of no inbox

    async def keys(state: str | None) -> list[str]:
        return [record.idempotency_key for record in await listed(store, state=state)]

    assert await keys("dead") == dead
    assert await keys("discarded") == [discarded]
    assert await keys("done") == [done]
    assert await keys("claimed") == [claimed]
    assert await keys("waiting") == [waiting]
    assert await keys(None) == [*dead, claimed, waiting]


async def test_a_state_that_does_not_exist_is_rejected(store: AsyncStore) -> None:
    with pytest.raises(ConfigurationError, match="state must be waiting, claimed, done, dead, discarded, or None"):
        await listed(store, state="daed")


async def test_an_event_that_waits_says_until_when(store: AsyncStore) -> None:
    inbox = AsyncInbox(store)
    key = await put(inbox)
    first = await store.events.get(key)
    assert first is not None
    assert (first.attempts, first.next_attempt_at, first.last_failure) == (0, None, None)
    handled: list[Event] = []

    def handle(event: Event) -> None:
        handled.append(event)
        fail(event)

    await work(inbox, handle, lambda: handled)
    record = await store.events.get(key)
    assert record is not None
    assert record.last_failed_at is not None
    assert record.next_attempt_at is not None
    assert round((record.next_attempt_at - record.last_failed_at).total_seconds()) == 5


async def test_what_no_inbox_has_is_not_known(store: AsyncStore) -> None:
    event = read_event(a_body())
    async with AsyncDeduplicator(store).once(event):
        pass
    assert await store.events.get(event.idempotency_key) is None
    assert not await store.events.retry(event.idempotency_key)
    assert not await store.events.discard(event.idempotency_key)
    assert await store.events.get("unknown") is None
    assert not await store.events.retry("unknown")
    assert not await store.events.discard("unknown")
    assert await rows(store, EVENT_QUEUES) == []


# ---- retry, discard and purge


async def test_a_retried_event_is_handled_with_a_fresh_count(store: AsyncStore) -> None:
    key = await kill(store, attempts=3)
    assert await store.events.retry(key)
    inbox, handled = AsyncInbox(store, attempts=2), list[Event]()
    waiting = await store.events.get(key)
    assert waiting is not None
    assert (waiting.state, waiting.attempts, waiting.dead_at) == ("waiting", 0, None)
    assert await inbox.backlog() == 1
    await work(inbox, handled.append, lambda: handled)
    assert [event.idempotency_key for event in handled] == [key]
    done = await store.events.get(key)
    assert done is not None
    assert (done.state, done.attempts) == ("done", 1)
    assert done.first_failure is not None
    assert await rows(store, EVENT_QUEUES) == []


async def test_a_retried_event_comes_after_the_others_of_its_interview_and_one_at_a_time(store: AsyncStore) -> None:
    key = await kill(store, number=0)
    inbox, handled = AsyncInbox(store), list[Any]()
    await put(inbox, 1)
    await store.events.retry(key)
    await put(inbox, 2)
    taken = await store.events.take(claim_token="ours", lease=60)
    assert taken is not None
    assert await store.events.take(claim_token="theirs", lease=60) is None
    await store.events.release(taken.key, claim_token="ours")
    await work(inbox, handled.append, lambda: len(handled) == 3, concurrency=4)
    assert [event.data["number"] for event in handled] == [1, 0, 2]


async def test_a_retry_while_another_event_of_the_interview_is_handled_waits_for_that(store: AsyncStore) -> None:
    key = await kill(store, number=0)
    inbox = AsyncInbox(store)
    first = await put(inbox, 1)
    taken = await store.events.take(claim_token="ours", lease=60)
    assert taken is not None
    assert taken.key == first
    assert await store.events.retry(key)
    assert await store.events.take(claim_token="theirs", lease=60) is None
    await store.events.finish(first, claim_token="ours")
    again = await store.events.take(claim_token="theirs", lease=60)
    assert again is not None
    assert again.key == key


async def test_a_retry_ends_the_pause_of_an_event_that_waits(store: AsyncStore) -> None:
    inbox, calls = AsyncInbox(store, pauses=(3600,)), list[Event]()
    key = await put(inbox)

    def handle(event: Event) -> None:
        calls.append(event)
        fail(event)

    await work(inbox, handle, lambda: calls)
    assert await store.events.take(claim_token="ours", lease=60) is None
    assert await store.events.retry(key)
    assert await store.events.take(claim_token="ours", lease=60) is not None


@pytest.mark.parametrize("is_dead", [True, False])
async def test_a_discarded_event_has_no_body_and_stays_discarded_when_it_comes_again(
    store: AsyncStore, is_dead: bool
) -> None:
    inbox = AsyncInbox(store)
    key = await kill(store) if is_dead else await put(inbox)
    assert await store.events.discard(key)
    assert not await store.events.discard(key)
    assert not await store.events.retry(key)
    await put(inbox)
    (row,) = await rows(store)
    assert (row["status"], row["encrypted"], row["number"]) == ("discarded", None, None)
    assert await inbox.backlog() == 0
    assert await rows(store, EVENT_QUEUES) == []
    assert await store.events.take(claim_token="ours", lease=60) is None
    async with AsyncDeduplicator(store).once(read_event(a_body())) as is_new:
        assert not is_new


async def test_a_dead_event_stays_dead_when_it_comes_again(store: AsyncStore) -> None:
    key = await kill(store)
    await put(AsyncInbox(store))
    record = await store.events.get(key)
    assert record is not None
    assert record.state is EventStatus.DEAD
    assert await store.events.take(claim_token="ours", lease=60) is None


async def test_an_event_in_hand_is_neither_retried_nor_discarded(store: AsyncStore) -> None:
    key = await put(AsyncInbox(store))
    assert await store.events.take(claim_token="ours", lease=60) is not None
    assert not await store.events.retry(key)
    assert not await store.events.discard(key)
    assert await store.events.take(claim_token="theirs", lease=60) is None
    await store.events.finish(key, claim_token="ours")
    assert not await store.events.retry(key)
    assert not await store.events.discard(key)


async def test_only_a_purge_of_dead_events_forgets_them(store: AsyncStore) -> None:
    dead, discarded = await kill(store, number=1), await kill(store, number=2)
    await store.events.discard(discarded)
    waiting = await put(AsyncInbox(store), 3)
    await asyncio.sleep(0.01)  # the databases' clocks count milliseconds
    assert await store.events.purge(timedelta(0), state="done") == 0
    assert await store.events.purge(timedelta(days=1)) == 0
    assert await store.events.purge(timedelta(0)) == 1
    assert [one.idempotency_key for one in await listed(store)] == [dead, waiting]
    assert await store.events.purge(timedelta(days=1), state="dead") == 0
    assert await store.events.purge(timedelta(0), state=EventStatus.DEAD) == 1
    assert [one.idempotency_key for one in await listed(store)] == [waiting]


@pytest.mark.parametrize("state", ["waiting", "claimed", "daed"])
async def test_what_is_not_over_is_not_purged(store: AsyncStore, state: str) -> None:
    with pytest.raises(ConfigurationError, match="state must be done, discarded, dead, or None"):
        await store.events.purge(timedelta(0), state=state)


async def test_a_dead_body_survives_a_rotation(store_url: str) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    async with AsyncStore.open(store_url, encryption_key=old) as store:
        key = await kill(store)
    async with AsyncStore.open(store_url, encryption_key=[new, old]) as store:
        await store.keys.rotate()
    async with AsyncStore.open(store_url, encryption_key=new) as store:
        assert await store.events.retry(key)
        handled: list[Event] = []
        await work(AsyncInbox(store), handled.append, lambda: handled)


# ---- its cost


async def test_an_event_costs_no_statement_more_than_before(store: AsyncStore) -> None:
    statements: list[str] = []
    for number in range(3):
        await put(AsyncInbox(store), number, code=f"{number}")
    first = await store.events.take(claim_token="0", lease=60)

    def observe(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    sqlalchemy_event.listen(store.database.engine, "before_cursor_execute", observe)
    assert await store.events.take(claim_token="1", lease=60, finished=first) is not None
    sqlalchemy_event.remove(store.database.engine, "before_cursor_execute", observe)
    assert len(statements) <= 9, statements  # and the commit


async def test_no_list_of_open_events_reads_those_that_are_handled(store: AsyncStore) -> None:
    done = {"queue": "q", "status": "done", "locked_until": 0.0, "attempts": 1, "changed_at": 1.0}
    filler = [{"key": f"{number:064x}", "received_at": float(number), **done} for number in range(20_000)]
    await store.database.write(lambda connection: connection.execute(EVENTS.insert(), filler).close())
    await kill(store)
    with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    statements: list[tuple[str, Any]] = []

    def observe(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT boooply_events"):
            statements.append((statement, parameters))

    sqlalchemy_event.listen(store.database.engine, "before_cursor_execute", observe)
    await listed(store)
    await listed(store, state="dead")
    await store.events.starting_with("0123")
    sqlalchemy_event.remove(store.database.engine, "before_cursor_execute", observe)
    assert len(statements) == 3
    explain, reads_all = {
        "sqlite": ("EXPLAIN QUERY PLAN", "SCAN boooply_events"),
        "postgresql": ("EXPLAIN", "Seq Scan"),
    }[store.database.engine.dialect.name]
    with store.database.engine.connect() as connection:
        for statement, parameters in statements:
            plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))
            assert reads_all not in plan, f"{statement}\n{plan}"
