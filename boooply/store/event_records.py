"""The records of stored events, without their bodies, and the queries for them."""

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

IS_OPEN: Final[ColumnElement[bool]] = EVENTS.c.encrypted.is_not(None)  # the condition of the partial index
IS_PUT: Final = EVENTS.c.received_at.is_not(None)  # not the events of a deduplicator

_NAMES: Final = (
    *("key", "status", "event", "organization_id", "meeting_code", "attempts", "locked_until", "received_at"),
    *("first_failure", "first_failed_at", "last_failure", "last_failed_at", "dead_at"),
)
_RECORDS: Final[Select[*tuple[Any, ...]]] = select(*(EVENTS.c[name] for name in _NAMES)).where(IS_PUT)
_PLACE: Final = tuple_(EVENTS.c.received_at, EVENTS.c.key)
_PLACE_BEFORE: Final = tuple_(bindparam("received_after"), bindparam("after"))
_PAGE: Final = _RECORDS.where(_PLACE > _PLACE_BEFORE).order_by(EVENTS.c.received_at, EVENTS.c.key).limit(BATCH)
_NAMED: Final = _RECORDS.where(EVENTS.c.key == bindparam("name"))
# Keys are hexadecimal, and all hexadecimal digits sort before this character.
_BEHIND_ALL: Final = "g"


@attrs.frozen(kw_only=True)
class EventRecord:
    """The record of a stored event, without its body.

    Attributes:
        idempotency_key: The digest of the event's signed body.
        state: The state of the event.
        event: The name of the event, such as ``interview.evaluation``.
        organization_id: Your own ID of the customer, as in ``Event.source_id``. None if the event does not name it.
        meeting_code: The meeting code of the interview. None if the event does not name one.
        attempts: The number of attempts since the event was stored, or since it was retried by hand.
        received_at: The time at which the event was stored, in UTC.
        next_attempt_at: The time of the next attempt, in UTC, if the event waits after a failure.
        first_failure: The class of the first failure and the line that raised it. The text of the error is not stored,
            because it may quote what was said.
        first_failed_at: The time of the first failure, in UTC.
        last_failure: The class of the last failure and the line that raised it.
        last_failed_at: The time of the last failure, in UTC.
        dead_at: The time of the last attempt, in UTC, if the event is dead.
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
    """Iterate over the events in one state, or over all events with a body, in the order in which they were stored.

    Events are read in batches.
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
    """Return the record of an event, or None if there is no such event."""
    row = connection.execute(_NAMED, {"name": key}).one_or_none()
    return None if row is None else _record(row)


def records_starting_with(connection: Connection, prefix: str) -> list[EventRecord]:
    """Return at most two records of events whose keys start with these digits."""
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
    return _time(seconds) if seconds else None  # 0 means that the event does not wait for a pause
