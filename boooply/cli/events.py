"""``boooply events``: the events that the store keeps for handlers, and what an operator may do with them."""

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

_SHOWN: Final = 12  # digits of a key, as in the log
_FEWEST: Final = 4
_DIGITS: Final = frozenset("0123456789abcdef")
_PROBLEMS: Final = {
    EventStatus.CLAIMED: "it is being handled just now",
    EventStatus.DONE: "it is handled",
    EventStatus.DISCARDED: "it is discarded",
}
_CHANGED: Final = "it has changed in the meantime: try again"

app: Final = App(name="events")

_State = Literal["waiting", "claimed", "done", "dead", "discarded"]
_Key = Annotated[str, Parameter(name="KEY")]
_PageSize = Annotated[int, Parameter(validator=Number(gte=1), metavar="N", show_default=True)]
_Days = Annotated[float, Parameter(validator=Number(gte=0), metavar="N")]
_All = Annotated[bool, Parameter(name="--all")]


@app.command(name="list")
async def list_events(
    *, state: _State | None = None, limit: _PageSize = 100, store: StoreUrl = None, as_json: Json = False
) -> None:
    """List the events that are not handled: those that are dead, wait or are claimed.

    Args:
        state: Only those in this state.
        limit: List no more than so many, the oldest first.
        store: Where the events are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.
        as_json: Write one JSON object a line.
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
    """Show what is known of one event; never its body.

    Args:
        key: Its idempotency key, or the first digits of it.
        store: Where the events are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.
        as_json: Write one JSON object.

    Raises:
        BoooplyError: The store does not know it.
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
    """Let dead events be handled again, with a fresh count of attempts.

    An event that waits for its next attempt is handled at once.

    Args:
        keys: Their idempotency keys, or the first digits of each.
        every: Retry all that are dead.
        store: Where the events are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.
        as_json: Write one JSON object.

    Returns:
        The exit code: 4 if one cannot be retried.
    """
    if every == bool(keys):
        raise ConfigurationError("name the events to retry, or give --all for all that are dead")
    async with open_existing(store) as opened:
        if every:
            count = sum([await opened.events.retry(one.idempotency_key) async for one in _dead(opened)])
            failed = 0
        else:
            count, failed = await _each(opened, keys, opened.events.retry)
    _report("retried", count, f"{count_of(count, 'event')} will be handled again.", as_json=as_json)
    return UNFINISHED if failed else DONE


@app.command
async def discard(*keys: _Key, store: StoreUrl = None, as_json: Json = False) -> int:
    """Delete the bodies of events, which are then never handled.

    That cannot be undone. A later delivery of the same event changes nothing.

    Args:
        keys: Their idempotency keys, or the first digits of each.
        store: Where the events are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.
        as_json: Write one JSON object.

    Returns:
        The exit code: 4 if one cannot be discarded.
    """
    if not keys:
        raise ConfigurationError("name the events to discard: `boooply events list --state dead` lists them")
    async with open_existing(store) as opened:
        count, failed = await _each(opened, keys, opened.events.discard)
    _report("discarded", count, f"{count_of(count, 'event')} discarded.", as_json=as_json)
    return UNFINISHED if failed else DONE


@app.command
async def purge(
    *,
    days: _Days,
    state: Literal["done", "dead", "discarded"] | None = None,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Forget events that were handled or discarded long ago.

    If Boooply delivers one again after that, it is handled again.

    Args:
        days: Only those that were handled or discarded so many days ago, or earlier.
        state: Only those in this state. Dead events are forgotten only with it.
        store: Where the events are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.
        as_json: Write one JSON object.
    """
    async with open_existing(store) as opened:
        count = await opened.events.purge(timedelta(days=days), state=state)
    _report("purged", count, f"{count_of(count, 'event')} forgotten.", as_json=as_json)


async def _each(
    store: AsyncStore, keys: tuple[str, ...], act: Callable[[str], Coroutine[Any, Any, bool]]
) -> tuple[int, int]:
    """Act on each event, print why that is impossible for some, and count both."""
    # All of them are looked up first, so that a mistyped key changes nothing.
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
        raise ConfigurationError(f"{printable(key)} is no key of an event: give at least its first {_FEWEST} digits")
    found = await store.events.starting_with(digits)
    if not found:
        raise BoooplyError(f"no event has a key that begins with {digits}: boooply events list")
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
        return f"No event is {state}." if state else "No event waits: all are handled or discarded."
    parts = [f"{count:,} {name}" for name, count in counts.most_common()]
    more = ", and there are more: --limit lists them" if is_cut else ""
    advice = "\n`boooply events retry KEY` lets a dead one be handled again." if counts[EventStatus.DEAD] else ""
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
