"""What can be known of a stored event without its body, and the queries for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, select, tuple_

from boooply.store.database import Database
from boooply.store.event_states import EventStatus
from boooply.store.rows import BATCH
from boooply.store.schema import EVENTS

IS_OPEN: Final[ColumnElement[bool]] = EVENTS.c.encrypted.is_not(None)  # the words of the partial index
IS_PUT: Final = EVENTS.c.received_at.is_not(None)  # not what only a deduplicator knows

_NAMES: Final = (
    *("key", "status", "event", "organization_id", "meeting_code", "attempts", "locked_until", "received_at"),
    *("first_failure", "first_failed_at", "last_failure", "last_failed_at", "dead_at"),
)
_RECORDS: Final[Select[*tuple[Any, ...]]] = select(*(EVENTS.c[name] for name in _NAMES)).where(IS_PUT)
_PLACE: Final = tuple_(EVENTS.c.received_at, EVENTS.c.key)
_PLACE_BEFORE: Final = tuple_(bindparam("received_after"), bindparam("after"))
_PAGE: Final = _RECORDS.where(_PLACE > _PLACE_BEFORE).order_by(EVENTS.c.received_at, EVENTS.c.key).limit(BATCH)
_NAMED: Final = _RECORDS.where(EVENTS.c.key == bindparam("name"))
# Keys are hexadecimal: of the characters that may follow, each comes before this one.
_BEHIND_ALL: Final = "g"


@attrs.frozen(kw_only=True)
class EventRecord:
    """What is known of a stored event; nothing of its body.

    Attributes:
        idempotency_key: The digest of its signed body.
        state: How far it has come.
        event: Its name, such as ``interview.evaluation``.
        organization_id: The customer's id in your platform, as in ``source_id``; None if the event names none.
        meeting_code: The interview's meeting code; None if the event names none.
        attempts: How often it was tried, since it was stored or retried by hand.
        received_at: When it was stored.
        next_attempt_at: When it is tried again, if it waits for that after a failure.
        first_failure: The class of its first failure, and the line that raised it. Never a text, which may quote what
            was said.
        first_failed_at: When that was.
        last_failure: The class of its last failure, and the line that raised it.
        last_failed_at: When that was.
        dead_at: When its last attempt failed, if it is dead.
    """

    idempotency_key: str
    state: EventStatus
    event: str | None
    organization_id: str | None
    meeting_code: str | None
    attempts: int
    received_at: datetime
    next_attempt_at: datetime | None
    first_failure: str | None
    first_failed_at: datetime | None
    last_failure: str | None
    last_failed_at: datetime | None
    dead_at: datetime | None


async def records(database: Database, state: EventStatus | None) -> AsyncIterator[EventRecord]:
    """Iterate over the events in one state, or over those with a body, in the order in which they were stored.

    They are read in batches.
    """
    query = _PAGE
    if state is not None:
        query = query.where(EVENTS.c.status == state)
    if state not in {EventStatus.DONE, EventStatus.DISCARDED}:
        query = query.where(IS_OPEN)
    place = {"received_after": float("-inf"), "after": ""}
    while True:
        found = await database.read(partial(_fetch, query, place))
        for row in found:
            yield _record(row)
        if len(found) < BATCH:
            return
        place = {"received_after": found[-1].received_at, "after": found[-1].key}


def record_in(connection: Connection, key: str) -> EventRecord | None:
    """Return the record of an event; None if there is no such event."""
    row = connection.execute(_NAMED, {"name": key}).one_or_none()
    return None if row is None else _record(row)


def records_starting_with(connection: Connection, prefix: str) -> list[EventRecord]:
    """Return the records of the events whose keys start with these digits: two of them, if there are more."""
    is_between = (EVENTS.c.key >= prefix) & (EVENTS.c.key < prefix + _BEHIND_ALL)
    return [_record(row) for row in connection.execute(_RECORDS.where(is_between).limit(2))]


def _fetch(query: Select[*tuple[Any, ...]], place: dict[str, Any], connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(query, place).all()


def _record(row: Row[Any]) -> EventRecord:
    state, locked_until = EventStatus(row.status), row.locked_until
    return EventRecord(
        idempotency_key=row.key,
        state=state,
        event=row.event,
        organization_id=row.organization_id,
        meeting_code=row.meeting_code,
        attempts=row.attempts,
        received_at=_time(row.received_at),
        next_attempt_at=_time_or_none(locked_until if state is EventStatus.WAITING else None),
        first_failure=row.first_failure,
        first_failed_at=_time_or_none(row.first_failed_at),
        last_failure=row.last_failure,
        last_failed_at=_time_or_none(row.last_failed_at),
        dead_at=_time_or_none(row.dead_at),
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _time_or_none(seconds: float | None) -> datetime | None:
    return _time(seconds) if seconds else None  # an event that waits for no pause is locked until 0
