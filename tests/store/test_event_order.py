"""The inbox drains evenly: the events of an interview in order and one at a time, at a cost that no backlog raises."""

import asyncio
import hashlib
import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Float, delete, event, insert, literal_column

from boooply import Secret
from boooply.store import AsyncDeduplicator, AsyncInbox, AsyncStore
from boooply.store.event_states import RetrySchedule
from boooply.store.events import StoredEvent
from boooply.store.schema import EVENT_QUEUES, EVENTS
from boooply.webhooks import Event, UnknownEvent, read_event

HERE: Final = Path(__file__).parent
LEASE: Final = 60.0
FAILED: Final[dict[str, Any]] = {"failure": "KeyError in app, line 1", "schedule": RetrySchedule(attempts=10**6)}


def a_body(code: str | None, number: int) -> bytes:
    return json.dumps({"event": "interview.progress", "data": {"meetingCode": code, "number": number}}).encode()


async def put(inbox: AsyncInbox, code: str | None, number: int = 1) -> None:
    await inbox.put(read_event(a_body(code, number)), a_body(code, number))


def number_of(event: Event) -> int:
    assert isinstance(event, UnknownEvent)
    return int(event.data["number"])


async def work(
    inboxes: list[AsyncInbox], handler: Callable[[Event], Awaitable[None]], until: Callable[[], bool], **options: Any
) -> None:
    working = [asyncio.create_task(inbox.work(handler, **options)) for inbox in inboxes]
    async with asyncio.timeout(30):
        while not until():  # noqa: ASYNC110 - the handler must not know of the test
            await asyncio.sleep(0.01)
    for one in working:
        one.cancel()
    await asyncio.wait(working)


# ---- one interview


async def test_one_interview_is_handled_in_order_and_one_at_a_time_and_others_beside_it(store: AsyncStore) -> None:
    inboxes = [AsyncInbox(store), AsyncInbox(store)]
    handled: dict[str, list[int]] = defaultdict(list)
    in_hand: set[str] = set()
    most = 0

    async def handle(event: Event) -> None:
        nonlocal most
        assert event.meeting_code not in in_hand
        in_hand.add(event.meeting_code)
        most = max(most, len(in_hand))
        ends = time.monotonic() + 20
        while most == 1 and time.monotonic() < ends:  # noqa: ASYNC110 - its neighbours set it
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.02)
        in_hand.remove(event.meeting_code)
        handled[event.meeting_code].append(number_of(event))

    for number in range(6):
        for code in "abc":
            await put(inboxes[0], code, number)
    await work(inboxes, handle, lambda: sum(map(len, handled.values())) == 18)
    assert handled == {code: list(range(6)) for code in "abc"}
    assert most > 1


async def test_an_event_that_waits_for_its_retry_delays_no_later_one(store: AsyncStore) -> None:
    handled: list[int] = []

    async def handle(event: Event) -> None:
        if number_of(event) == 0:
            raise ZeroDivisionError
        handled.append(number_of(event))

    inbox = AsyncInbox(store)
    for number in range(3):
        await put(inbox, "a", number)
    await work([inbox], handle, lambda: len(handled) == 2)  # the pause is 5 s
    assert handled == [1, 2]
    assert await inbox.backlog() == 1


async def test_events_that_name_no_interview_stand_alone(store: AsyncStore) -> None:
    inbox, both = AsyncInbox(store), asyncio.Barrier(2)

    async def handle(_event: Event) -> None:
        await both.wait()

    for number in range(2):
        await put(inbox, None, number)
    working = asyncio.create_task(inbox.work(handle))
    async with asyncio.timeout(20):
        while await inbox.backlog():  # noqa: ASYNC110 - the handler must not know of the test
            await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.wait({working})


@pytest.mark.parametrize(
    "codes",
    [
        pytest.param(("Boooply-AI-1", "BOOOPLY-ai-1"), id="another case"),
        pytest.param(("long" * 5000,) * 2, id="longer than an index takes"),
        pytest.param(("a\0b",) * 2, id="a null character"),
        pytest.param(("\ud800",) * 2, id="half a surrogate pair"),
    ],
)
async def test_an_interview_is_recognized_by_any_meeting_code(store: AsyncStore, codes: tuple[str, str]) -> None:
    for number, code in enumerate(codes):
        await put(AsyncInbox(store), code, number)
    first = await store.events.take(claim_token="1", lease=LEASE)
    assert first is not None
    assert await store.events.take(claim_token="2", lease=LEASE) is None
    await store.events.finish(first.key, claim_token="1")
    assert await store.events.take(claim_token="2", lease=LEASE) is not None


async def test_the_backlog_counts_what_is_not_handled_and_changes_nothing(store: AsyncStore) -> None:
    inbox = AsyncInbox(store)
    assert await inbox.backlog() == 0
    for number in range(4):
        await put(inbox, f"{number}", number)
    taken = [await store.events.take(claim_token=f"{number}", lease=LEASE) for number in range(3)]
    assert taken[0] is not None
    assert taken[1] is not None
    await store.events.finish(taken[0].key, claim_token="0")
    await store.events.fail(taken[1].key, claim_token="1", **FAILED)
    assert [await inbox.backlog() for _ in range(2)] == [3, 3]


# ---- claims that end in other ways


async def test_a_handler_that_outlived_its_lease_does_not_free_the_interview_of_the_next(store: AsyncStore) -> None:
    events = store.events
    for number in range(2):
        await put(AsyncInbox(store), "a", number)
    late = await events.take(claim_token="late", lease=0.05)
    await asyncio.sleep(0.1)
    again = await events.take(claim_token="ours", lease=LEASE)
    assert late is not None
    assert again is not None
    assert again.key == late.key  # its first attempt may never have begun
    await events.renew(late.key, claim_token="late", lease=LEASE)
    await events.finish(late.key, claim_token="late")
    assert await events.take(claim_token="theirs", lease=LEASE) is None
    await events.finish(again.key, claim_token="ours")
    assert await events.take(claim_token="theirs", lease=LEASE) is not None


async def test_a_renewed_claim_keeps_its_interview(store: AsyncStore) -> None:
    for number in range(2):
        await put(AsyncInbox(store), "a", number)
    first = await store.events.take(claim_token="ours", lease=0.5)
    assert first is not None
    await store.events.renew(first.key, claim_token="ours", lease=LEASE)
    await asyncio.sleep(0.6)
    assert await store.events.take(claim_token="theirs", lease=LEASE) is None


async def test_what_a_deduplicator_has_handled_delays_nothing(store: AsyncStore) -> None:
    inbox = AsyncInbox(store)
    for number in range(2):
        await put(inbox, "a", number)
    async with AsyncDeduplicator(store).once(read_event(a_body("a", 0))):
        pass
    taken = await store.events.take(claim_token="ours", lease=LEASE)
    assert taken is not None
    assert taken.key == hashlib.sha256(a_body("a", 1)).hexdigest()
    await store.events.finish(taken.key, claim_token="ours")
    assert await inbox.backlog() == 0
    assert await count(store, EVENT_QUEUES) == 0


async def test_an_interview_that_a_deduplicator_is_at_delays_no_other(store: AsyncStore) -> None:
    inbox = AsyncInbox(store)
    for number, code in enumerate("ab"):
        await put(inbox, code, number)
    async with AsyncDeduplicator(store).once(read_event(a_body("a", 0))):
        taken = await store.events.take(claim_token="ours", lease=LEASE)
    assert taken is not None
    assert taken.key == hashlib.sha256(a_body("b", 1)).hexdigest()


async def count(store: AsyncStore, table: Any) -> int:
    return await store.database.read(lambda connection: len(connection.execute(table.select()).all()))


# ---- the cost of taking an event


async def fill(store: AsyncStore, interviews: int, events: int) -> None:
    queues = [
        {"name": f"{one}", "due_at": one + 1.0, "changed_at": 1.0, "last_number": events} for one in range(interviews)
    ]
    state = {"status": "waiting", "locked_until": 0.0, "attempts": 0, "encrypted": b"", "received_at": 1.0}
    rows = [
        {"key": f"{queue['name']}/{number}", "queue": queue["name"], "number": number, "changed_at": 1.0, **state}
        for queue in queues
        for number in range(events)
    ]

    def step(connection: Any) -> None:
        connection.execute(insert(EVENT_QUEUES), queues)
        connection.execute(insert(EVENTS), rows)

    await store.database.write(step)
    with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


@pytest.mark.parametrize(("interviews", "events"), [(5000, 2), (1, 10_000)], ids=["of many interviews", "of one"])
async def test_no_statement_of_a_handled_event_reads_the_backlog(
    store: AsyncStore, interviews: int, events: int
) -> None:
    await fill(store, interviews, events)
    statements: list[tuple[str, Any]] = []

    def observe(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            statements.append((statement, parameters))

    event.listen(store.database.engine, "before_cursor_execute", observe)
    await put(AsyncInbox(store), "another", 1)
    for end in (store.events.release, partial(store.events.fail, **FAILED), store.events.finish):
        taken = await store.events.take(claim_token="ours", lease=LEASE)
        assert taken is not None
        await store.events.renew(taken.key, claim_token="ours", lease=LEASE)
        await end(taken.key, claim_token="ours")
    event.remove(store.database.engine, "before_cursor_execute", observe)
    about_events = [one for one in statements if "boooply_events" in one[0]]
    # A table of one queue may be read.
    table, needs_index = ("boooply_event", statements) if interviews > 1 else ("boooply_events", about_events)
    explain, *reads_all = {
        "sqlite": ("EXPLAIN QUERY PLAN", f"SCAN {table}", "TEMP B-TREE"),
        "postgresql": ("EXPLAIN", f"Seq Scan on {table}", "Sort"),
    }[store.database.engine.dialect.name]
    assert len(needs_index) > 10
    with store.database.engine.connect() as connection:
        for statement, parameters in needs_index:
            plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))
            assert not any(words in plan for words in reads_all), f"{statement}\n{plan}"


# ---- any order of steps


@attrs.define
class Known:
    """What the test knows of an event."""

    interview: int
    number: int
    attempts: int = 0
    retry_at: float = 0.0
    lease_ends: float | None = None
    claim_token: str = ""
    is_done: bool = False
    is_dead: bool = False
    was_retried: bool = False


class Model:
    """The store, and what must be true of it after any steps."""

    def __init__(self, store: AsyncStore) -> None:
        self.store = store
        self.now = 1000.0
        self.events: dict[str, Known] = {}
        self.claims = 0
        self.pass_time(0)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.store.database.clock = literal_column(f"cast({self.now} AS double precision)", Float)

    async def put(self, interview: int) -> None:
        number = len(self.events)
        self.events[f"{number}"] = Known(interview, number)
        for _ in range(2):  # the second delivery changes nothing
            await self.store.events.put(f"{number}", Secret("body"), queue=f"interview {interview}")

    async def take(self) -> StoredEvent | None:
        self.claims += 1
        taken = await self.store.events.take(claim_token=f"{self.claims}", lease=LEASE)
        if taken is None:
            assert not any(self.may_be_taken(one) for one in self.events.values())
            return None
        known = self.events[taken.key]
        assert self.may_be_taken(known)
        earlier = [one for one in self.of(known.interview) if one.number < known.number]
        # The order is that of first attempts.
        assert known.attempts or known.was_retried or all(one.attempts or one.was_retried for one in earlier)
        crashed = [one for one in self.of(known.interview) if one.lease_ends is not None]
        # The first attempt of a crashed event may not have begun. That of an event that was just retried has.
        assert known in crashed or not crashed or (known.was_retried and not known.attempts)
        known.attempts += 1
        known.claim_token, known.lease_ends = f"{self.claims}", self.now + LEASE
        return taken

    def of(self, interview: int) -> list[Known]:
        return [
            one for one in self.events.values() if one.interview == interview and not one.is_done and not one.is_dead
        ]

    def may_be_taken(self, known: Known) -> bool:
        in_hand = (one.lease_ends for one in self.of(known.interview) if one.lease_ends is not None)
        return (
            not known.is_done
            and not known.is_dead
            and known.retry_at <= self.now
            and all(end <= self.now for end in in_hand)
        )

    def in_hand(self) -> list[tuple[str, Known]]:
        return [
            (key, one)
            for key, one in self.events.items()
            if one.lease_ends is not None and one.lease_ends > self.now and not one.is_done
        ]

    async def end(self, how: str, which: int) -> None:
        if not (in_hand := self.in_hand()):
            return
        key, known = in_hand[which % len(in_hand)]
        if how == "renew":
            await self.store.events.renew(key, claim_token=known.claim_token, lease=LEASE)
            known.lease_ends = self.now + LEASE
            return
        options = {"fail": FAILED, "die": FAILED | {"schedule": RetrySchedule(attempts=1)}}.get(how, {})
        method = getattr(self.store.events, "fail" if how == "die" else how)
        await method(key, claim_token=known.claim_token, **options)
        known.is_dead = how == "die"
        known.lease_ends = None
        known.is_done = how == "finish"
        known.retry_at = self.now + min(5.0 * 2 ** (known.attempts - 1), 3600) if how == "fail" else 0.0

    async def act(self, how: str, which: int) -> None:
        """Do as an operator."""
        if not self.events:
            return
        key, known = list(self.events.items())[which % len(self.events)]
        is_busy = known.lease_ends is not None and (how == "retry" or known.lease_ends > self.now)
        may = not known.is_done and not is_busy
        assert await getattr(self.store.events, how)(key) == may
        if may:
            known.is_done, known.is_dead, known.retry_at, known.lease_ends = how == "discard", False, 0.0, None
            known.was_retried = known.was_retried or bool(known.attempts)
            known.attempts = 0

    async def drain(self) -> None:
        for _ in range(10 * len(self.events)):
            if await self.take() is None:
                self.pass_time(3601)
            while self.in_hand():
                await self.end("finish", 0)
        assert all(one.is_done or one.is_dead for one in self.events.values())
        assert await self.store.events.backlog() == 0
        assert await count(self.store, EVENT_QUEUES) == 0


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 2)),
        st.tuples(st.just("take"), st.just(0)),
        st.tuples(
            st.sampled_from(["finish", "fail", "die", "release", "renew", "retry", "discard"]), st.integers(0, 9)
        ),
        st.tuples(st.just("pass"), st.sampled_from([1, 5, 30, 61, 4000])),  # after 61 s, a claim is of a dead process
    ),
    max_size=60,
)


@given(steps=steps)
@example(steps=[("put", 0), ("put", 0), ("take", 0), ("fail", 0), ("take", 0), ("retry", 0)])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_survives_any_retries_and_crashes(store_url: str, encryption_key: str, steps: Any) -> None:
    async def run() -> None:
        async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
            for table in (EVENTS, EVENT_QUEUES):
                await store.database.write(partial(Connection.execute, statement=delete(table)))
            model = Model(store)
            for what, which in steps:
                if what == "put":
                    await model.put(which)
                elif what == "take":
                    await model.take()
                elif what == "pass":
                    model.pass_time(which)
                elif what in {"retry", "discard"}:
                    await model.act(what, which)
                else:
                    await model.end(what, which)
            await model.drain()

    asyncio.run(run())


# ---- several processes


INTERVIEWS: Final = 20
EVENTS_EACH: Final = 5


class Workers:
    """Processes that work an inbox; those that crash are started again."""

    def __init__(self, start_program: Callable[..., subprocess.Popen[Any]], arguments: list[str], count: int) -> None:
        self.start_program, self.arguments, self.started = start_program, arguments, 0
        self.running = [self.start_one() for _ in range(count)]

    def start_one(self) -> subprocess.Popen[Any]:
        self.started += 1
        words = [sys.executable, "-m", "working", *self.arguments, str(self.started)]
        return self.start_program(words, cwd=HERE)

    def restart_the_dead(self) -> None:
        for place, one in enumerate(self.running):
            if one.poll() is not None:
                assert one.returncode in {9, -9}, one.returncode
                self.running[place] = self.start_one()

    def kill(self) -> None:
        for one in self.running:
            one.kill()
            one.wait()


async def test_several_processes_that_fail_and_crash_keep_the_order(
    start_program: Callable[..., Any], store: AsyncStore, store_url: str, encryption_key: str, tmp_path: Path
) -> None:
    file = tmp_path / "log"
    file.touch()
    inbox, chance = AsyncInbox(store), random.Random(1)
    codes = [f"Boooply-AI-{one}" for one in range(INTERVIEWS)]
    kills = 5  # after each, four interviews wait for the end of their leases
    workers = Workers(start_program, [store_url, encryption_key, str(file)], 3)
    try:
        for number in range(EVENTS_EACH):
            for code in chance.sample(codes, INTERVIEWS):  # while the processes work
                await put(inbox, code, number)
                await put(inbox, code, chance.randint(0, number))  # comes again
        ends = time.monotonic() + 100
        while await inbox.backlog():
            assert time.monotonic() < ends, await inbox.backlog()
            workers.restart_the_dead()
            if kills and chance.random() < 0.02:
                kills -= 1
                chance.choice(workers.running).kill()
            await asyncio.sleep(0.05)
    finally:
        workers.kill()
    check(file.read_text(encoding="utf-8"))


def check(log: str) -> None:
    """Check that each interview was handled in order of its first attempts, one event at a time, each to its end."""
    first: dict[str, list[str]] = defaultdict(list)
    ended: dict[str, list[str]] = defaultdict(list)
    in_hand: dict[str, str] = {}
    for line in log.splitlines():
        what, code, number = line.split()
        if what == "begin":
            assert in_hand.get(code, number) == number, line  # the same again: its process was killed
            in_hand[code] = number
            if number not in first[code]:
                first[code].append(number)
        else:
            assert in_hand[code] == number, line
            if what != "crash":
                del in_hand[code]
            if what == "end":
                ended[code].append(number)
    numbers = [str(number) for number in range(EVENTS_EACH)]
    assert set(first) == {f"Boooply-AI-{one}" for one in range(INTERVIEWS)}
    assert all(one == numbers for one in first.values()), first
    assert all(set(one) == set(numbers) for one in ended.values())
