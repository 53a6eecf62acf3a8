"""``boooply events`` on a real SQLite file."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from boooply.store import AsyncInbox, AsyncStore, EventRecord
from boooply.store.event_states import RetrySchedule
from boooply.webhooks import read_event

Run = Callable[..., Any]

FAILURE = "KeyError in app.handlers.rated, line 42"
QUOTED = "a private thought"

pytestmark = pytest.mark.usefixtures("store_key")


def a_body(number: int, customer: str | None = "org_1") -> bytes:
    data = {"meetingCode": f"Boooply-AI-{number}", "sourceId": customer, "text": QUOTED}
    return json.dumps({"event": "interview.progress", "data": data}).encode()


def put(number: int, *, customer: str | None = "org_1", attempts: int | None = None) -> str:
    """Put an event, let its attempt fail if it may have some, and return its key."""
    return asyncio.run(_put(number, customer, attempts))


async def _put(number: int, customer: str | None, attempts: int | None) -> str:
    event = read_event(a_body(number, customer))
    async with AsyncStore.open() as store:
        await AsyncInbox(store).put(event, a_body(number, customer))
        if attempts is not None:
            taken = await store.events.take(claim_token="ours", lease=60)
            assert taken is not None
            schedule = RetrySchedule(attempts=attempts)
            await store.events.fail(taken.key, claim_token="ours", failure=FAILURE, schedule=schedule)
    return event.idempotency_key


def dead(number: int, **options: Any) -> str:
    return put(number, attempts=1, **options)


def record(key: str) -> EventRecord:
    async def get() -> EventRecord | None:
        async with AsyncStore.open() as store:
            return await store.events.get(key)

    found = asyncio.run(get())
    assert found is not None
    return found


def claim() -> None:
    async def take() -> None:
        async with AsyncStore.open() as store:
            assert await store.events.take(claim_token="ours", lease=60) is not None

    asyncio.run(take())


# ---- list


@pytest.mark.usefixtures("empty_store")
def test_an_empty_store_says_so(run: Run) -> None:
    ran = run("events", "list")
    assert (ran.code, ran.out, ran.err) == (0, "No open events: all are handled or discarded.\n", "")
    assert run("events", "list", "--state", "dead").out == "No event is dead.\n"
    assert run("events", "list", "--json").out == ""


def test_events_are_listed_with_why_and_when(run: Run) -> None:
    first, second, third = dead(1), put(2, attempts=9, customer=None), put(3)

    ran = run("events", "list")

    one, two = record(first), record(second)
    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"{first[:12]}  dead       interview.progress  Boooply-AI-1  org_1",
        f"              1 attempt, last failure {one.last_failed_at:%Y-%m-%d %H:%M:%S} UTC:",
        f"              {FAILURE}",
        f"{second[:12]}  waiting    interview.progress  Boooply-AI-2",
        f"              1 attempt, last failure {two.last_failed_at:%Y-%m-%d %H:%M:%S} UTC:",
        f"              {FAILURE}",
        f"              next attempt {two.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC",
        f"{third[:12]}  waiting    interview.progress  Boooply-AI-3  org_1",
        "",
        "2 waiting, 1 dead.",
        "To retry a dead event, run: boooply events retry KEY",
    ]
    ran.check_is_fit_for_print()
    assert QUOTED not in ran.out


def test_one_state_can_be_listed(run: Run) -> None:
    key = dead(1)
    put(2)
    assert [row["idempotency_key"] for row in run("events", "list", "--state", "dead", "--json").rows] == [key]
    ran = run("events", "list", "--state", "daed")
    assert ran.code == 2
    assert "dead" in ran.err


def test_a_list_ends_at_its_limit_and_says_that_there_are_more(run: Run) -> None:
    for number in range(3):
        put(number)
    ran = run("events", "list", "--limit", "2")
    assert ran.out.endswith("\n2 waiting. There are more: increase --limit to list them.\n")
    assert len(run("events", "list", "--limit", "2", "--json").rows) == 2
    assert run("events", "list", "--limit", "3").out.endswith("\n3 waiting.\n")
    assert run("events", "list", "--limit", "0").code == 2


def test_a_name_that_acts_on_a_terminal_is_printed_as_text(run: Run) -> None:
    dead(1, customer="org\x1b[2J\n\u202ebply_org_0123456789abcdef")
    for words in (("list",), ("show", record_key(1))):
        ran = run("events", *words)
        ran.check_is_plain()
        assert "org [2J bply_org_…cdef" in ran.words


def record_key(number: int) -> str:
    async def first() -> str:
        async with AsyncStore.open() as store:
            return [one.idempotency_key async for one in store.events.list()][number - 1]

    return asyncio.run(first())


# ---- show


def test_an_event_is_shown_by_the_first_digits_of_its_key(run: Run) -> None:
    key = dead(1)

    ran = run("events", "show", key[:6].upper())

    assert ran.code == 0
    ran.check_is_fit_for_print()
    for words in (key, "dead", "interview.progress", "org_1", "Boooply-AI-1", FAILURE, "dead since", "UTC"):
        assert words in ran.words
    assert QUOTED not in ran.out


def test_an_event_is_shown_as_json(run: Run) -> None:
    key = dead(1)
    (row,) = run("events", "show", key, "--json").rows
    times = ("received_at", "first_failed_at", "last_failed_at", "dead_at")
    assert all(row.pop(name).endswith("+00:00") for name in times)
    assert row == {
        "idempotency_key": key,
        "state": "dead",
        "event": "interview.progress",
        "organization_id": "org_1",
        "meeting_code": "Boooply-AI-1",
        "attempts": 1,
        "first_failure": FAILURE,
        "last_failure": FAILURE,
    }


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize(
    ("key", "code", "problem"),
    [
        ("ab", 2, "ab is not an event key: give at least the first 4 hexadecimal digits of the key"),
        ("Boooply-AI-1", 2, "Boooply-AI-1 is not an event key"),
        ("abcd" * 16, 1, "no event has a key that begins with abcdabcd"),
    ],
)
@pytest.mark.parametrize("command", ["show", "retry", "discard"])
def test_a_key_that_names_no_event_is_an_error(run: Run, command: str, key: str, code: int, problem: str) -> None:
    ran = run("events", command, key)
    assert ran.code == code
    assert problem in ran.err


def test_digits_that_several_keys_begin_with_are_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boooply.cli.events._FEWEST", 1)
    keys = [put(number) for number in range(17)]  # of 17 keys, two begin alike
    digit = next(key[0] for key in keys if sum(other[0] == key[0] for other in keys) > 1)
    ran = run("events", "retry", digit)
    assert (ran.code, ran.err) == (2, f"boooply: several events have keys that begin with {digit}: give more digits\n")


# ---- retry, discard, purge


def test_a_dead_event_is_retried(run: Run) -> None:
    key = dead(1)
    ran = run("events", "retry", key[:12])
    assert (ran.code, ran.out) == (0, "1 event will be retried.\n")
    assert (record(key).state, record(key).attempts) == ("waiting", 0)


def test_all_dead_events_are_retried(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boooply.store.event_records.BATCH", 2)
    for number in range(5):
        dead(number)
    waiting = put(9, attempts=3)
    assert run("events", "retry", "--all", "--json").rows == [{"retried": 5}]
    assert run("events", "list", "--state", "dead").out == "No event is dead.\n"
    assert record(waiting).attempts == 1


@pytest.mark.parametrize("words", [("retry",), ("retry", "--all", "abcd")])
def test_a_retry_names_events_or_all(run: Run, words: tuple[str, ...]) -> None:
    ran = run("events", *words)
    assert ran.code == 2
    assert "give the keys of the events to retry, or --all" in ran.err


def test_a_mistyped_key_among_others_changes_nothing(run: Run) -> None:
    key = dead(1)
    assert run("events", "discard", key, "ffffffffffff").code == 1
    assert record(key).state == "dead"


def test_what_is_being_handled_cannot_be_discarded(run: Run) -> None:
    first = put(1)
    claim()
    second = dead(2)

    ran = run("events", "discard", first, second)

    assert (ran.code, ran.out) == (4, "1 event discarded.\n")
    assert ran.err == f"boooply: {first[:12]}: a handler is running for it\n"
    assert (record(first).state, record(second).state) == ("claimed", "discarded")


def test_what_is_discarded_cannot_be_retried(run: Run) -> None:
    key = dead(1)
    assert run("events", "discard", key, "--json").rows == [{"discarded": 1}]
    ran = run("events", "retry", key)
    assert (ran.code, ran.err) == (4, f"boooply: {key[:12]}: it is discarded already\n")
    assert run("events", "discard").code == 2


def test_old_events_are_purged_and_dead_ones_only_by_their_state(run: Run) -> None:
    first, second = dead(1), dead(2)
    run("events", "discard", first)
    assert run("events", "purge", "--days", "90").out == "0 events deleted.\n"
    assert run("events", "purge", "--days", "0", "--json").rows == [{"purged": 1}]
    assert record(second).state == "dead"
    assert run("events", "purge", "--days", "0", "--state", "dead").out == "1 event deleted.\n"
    assert run("events", "purge").code == 2
