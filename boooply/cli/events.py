"""``boooply events``: the webhook events in the store, and how to retry or discard them."""

import json
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import attrs
from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.table import Column, Table

from boooply.cli.existing_store import open_existing
from boooply.cli.exit_codes import DONE, UNFINISHED
from boooply.cli.terminal import Json, StoreUrl, console, count_of, print_error, printable, write_line
from boooply.errors import BoooplyError, ConfigurationError
from boooply.store import AsyncStore, EventRecord, EventStatus

_SHOWN: Final = 12  # digits of a key, as many as in the log
_FEWEST: Final = 4
_DIGITS: Final = frozenset("0123456789abcdef")
_PROBLEMS: Final = {
    EventStatus.CLAIMED: "a handler is running for it",
    EventStatus.DONE: "it is handled already",
    EventStatus.DISCARDED: "it is discarded already",
}
_CHANGED: Final = "it has changed meanwhile: try again"

app: Final = App(name="events")

_State = Annotated[Literal["waiting", "claimed", "done", "dead", "discarded"] | None, Parameter(metavar="STATE")]
_PurgedState = Annotated[Literal["done", "dead", "discarded"] | None, Parameter(metavar="STATE")]
_Key = Annotated[str, Parameter(name="KEY")]
_PageSize = Annotated[int, Parameter(validator=Number(gte=1), metavar="N", show_default=True)]
_Days = Annotated[float, Parameter(validator=Number(gte=0), metavar="N")]
_All = Annotated[bool, Parameter(name="--all")]


@app.command(name="list")
async def list_events(
    *, state: _State = None, limit: _PageSize = 100, store: StoreUrl = None, as_json: Json = False
) -> None:
    """List open events: waiting, claimed and dead ones.

    Args:
        state: List only events in this state.
        limit: Maximum number of events, oldest first.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
        as_json: Print one JSON object per line.
    """
    counts: Counter[str] = Counter()
    is_cut = False
    async with open_existing(store) as opened:
        async for record in opened.events.list(state=state):
            is_cut = counts.total() == limit
            if is_cut:
                break
            counts[record.state] += 1
            if as_json:
                write_line(json.dumps(_json_of(record)))
            else:
                console().print("\n".join(_lines(record)), soft_wrap=True)
    if not as_json:
        console().print(_summary(counts, state, is_cut=is_cut))


@app.command
async def show(key: _Key, /, *, store: StoreUrl = None, as_json: Json = False) -> None:
    """Show one event, without its body.

    Args:
        key: The event's idempotency key, or its first digits.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
        as_json: Print one JSON object.

    Raises:
        BoooplyError: The store does not contain the event.
    """
    async with open_existing(store) as opened:
        record = await _find(opened, key)
    if as_json:
        write_line(json.dumps(_json_of(record)))
        return
    table = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 3, 0, 0))
    for label, text in _facts(record).items():
        if text:
            table.add_row(label, printable(text))
    console().print(table)


@app.command
async def retry(*keys: _Key, every: _All = False, store: StoreUrl = None, as_json: Json = False) -> int:
    """Retry dead events, with a new count of attempts.

    An event that waits for its next attempt is retried at once.

    Args:
        keys: The events' idempotency keys, or the first digits of each.
        every: Retry all dead events.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
        as_json: Print one JSON object.

    Returns:
        The exit code: 4 if an event cannot be retried.
    """
    if every == bool(keys):
        raise ConfigurationError("give the keys of the events to retry, or --all to retry all dead events")
    async with open_existing(store) as opened:
        if every:
            count = sum([await opened.events.retry(one.idempotency_key) async for one in _dead(opened)])
            failed = 0
        else:
            count, failed = await _each(opened, keys, opened.events.retry)
    _report("retried", count, f"{count_of(count, 'event')} will be retried.", as_json=as_json)
    return UNFINISHED if failed else DONE


@app.command
async def discard(*keys: _Key, store: StoreUrl = None, as_json: Json = False) -> int:
    """Delete the bodies of events, so that they are never handled.

    You cannot undo this. If Boooply delivers the event again, it stays discarded.

    Args:
        keys: The events' idempotency keys, or the first digits of each.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
        as_json: Print one JSON object.

    Returns:
        The exit code: 4 if an event cannot be discarded.
    """
    if not keys:
        raise ConfigurationError(
            "give the keys of the events to discard. To list dead events, run: boooply events list --state dead"
        )
    async with open_existing(store) as opened:
        count, failed = await _each(opened, keys, opened.events.discard)
    _report("discarded", count, f"{count_of(count, 'event')} discarded.", as_json=as_json)
    return UNFINISHED if failed else DONE


@app.command
async def purge(*, days: _Days, state: _PurgedState = None, store: StoreUrl = None, as_json: Json = False) -> None:
    """Delete the records of events that were handled or discarded long ago.

    If Boooply delivers such an event again, it is handled again.

    Args:
        days: Minimum age in days, counted from when the event was handled or discarded.
        state: Delete only events in this state. Dead events are deleted only with --state dead.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
        as_json: Print one JSON object.
    """
    async with open_existing(store) as opened:
        count = await opened.events.purge(timedelta(days=days), state=state)
    _report("purged", count, f"{count_of(count, 'event')} deleted.", as_json=as_json)


async def _each(
    store: AsyncStore, keys: tuple[str, ...], act: Callable[[str], Coroutine[Any, Any, bool]]
) -> tuple[int, int]:
    """Act on each event, and print why this is impossible for some. Return the counts of successes and failures."""
    # Look all events up first, so that a mistyped key changes nothing.
    found = [await _find(store, key) for key in keys]
    failed = 0
    for record in found:
        if not await act(record.idempotency_key):
            failed += 1
            now = await store.events.get(record.idempotency_key)
            print_error(f"{record.idempotency_key[:_SHOWN]}: {_PROBLEMS.get(now.state, _CHANGED) if now else _CHANGED}")
    return len(found) - failed, failed


async def _find(store: AsyncStore, key: str) -> EventRecord:
    digits = key.lower()
    if len(digits) < _FEWEST or not _DIGITS.issuperset(digits):
        raise ConfigurationError(
            f"{printable(key)} is not an event key: give at least the first {_FEWEST} hexadecimal digits of the key"
        )
    found = await store.events.starting_with(digits)
    if not found:
        raise BoooplyError(f"no event has a key that begins with {digits}. To list events, run: boooply events list")
    if len(found) > 1:
        raise ConfigurationError(f"several events have keys that begin with {digits}: give more digits")
    return found[0]


def _dead(store: AsyncStore) -> Any:
    return store.events.list(state=EventStatus.DEAD)


def _lines(record: EventRecord) -> list[str]:
    subject = (record.event, record.meeting_code, record.organization_id)
    lines = [
        f"{record.idempotency_key[:_SHOWN]}  {record.state:<9}  {'  '.join(printable(one) for one in subject if one)}"
    ]
    indent = " " * (_SHOWN + 2)
    if record.last_failure:
        lines.append(f"{indent}{count_of(record.attempts, 'attempt')}, last failure {_time(record.last_failed_at)}:")
        lines.append(f"{indent}{printable(record.last_failure)}")
    if record.next_attempt_at:
        lines.append(f"{indent}next attempt {_time(record.next_attempt_at)}")
    return lines


def _summary(counts: Counter[str], state: str | None, *, is_cut: bool) -> str:
    if not counts:
        return f"No event is {state}." if state else "No open events: all are handled or discarded."
    parts = [f"{count:,} {name}" for name, count in counts.most_common()]
    more = ". There are more: increase --limit to list them" if is_cut else ""
    advice = "\nTo retry a dead event, run: boooply events retry KEY" if counts[EventStatus.DEAD] else ""
    return f"\n{', '.join(parts)}{more}.{advice}"


def _facts(record: EventRecord) -> dict[str, str | None]:
    first, last = record.first_failure, record.last_failure
    return {
        "key": record.idempotency_key,
        "state": record.state,
        "event": record.event,
        "customer": record.organization_id,
        "interview": record.meeting_code,
        "received": _time(record.received_at),
        "attempts": f"{record.attempts:,}",
        "first failure": first and f"{_time(record.first_failed_at)}: {first}",
        "last failure": last and f"{_time(record.last_failed_at)}: {last}",
        "next attempt": _time(record.next_attempt_at),
        "dead since": _time(record.dead_at),
    }


def _json_of(record: EventRecord) -> dict[str, Any]:
    row = attrs.asdict(record)
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None
    }


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def _report(name: str, count: int, text: str, *, as_json: bool) -> None:
    if as_json:
        write_line(json.dumps({name: count}))
    else:
        console().print(text)
