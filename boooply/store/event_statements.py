"""The statements that write events."""

from functools import cache
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, bindparam, null

from boooply.store import event_states
from boooply.store.event_states import EventState, EventStatus
from boooply.store.rows import Insert, insert
from boooply.store.schema import EVENTS

BODY_IS_DELETED: Final = (EventStatus.DONE, EventStatus.DISCARDED)
_KEPT: Final = frozenset({"attempts", "first_failure", "first_failed_at", "last_failure", "last_failed_at"})
"""The fields that are kept when an event was handled."""


@attrs.frozen(kw_only=True)
class EventSubject:
    """The name, customer and interview of an event, for lists of events."""

    event: str | None = None
    organization_id: str | None = None
    meeting_code: str | None = None


NO_SUBJECT: Final = EventSubject()


@cache
def finishing(dialect: str, clock: ColumnElement[float]) -> Insert:
    """Return the statement that records that an event was handled, for the parameters ``key`` and ``by``."""
    _, done = event_states.finish(EventState(), 0.0, claim_token="")
    row: dict[str, Any] = {
        **attrs.asdict(done),
        "claim_token": bindparam("by"),
        "encrypted": null(),
        "changed_at": clock,
    }
    statement = insert(dialect, EVENTS).values(key=bindparam("key"), **row)
    changes = {name: statement.excluded[name] for name in row if name not in _KEPT}
    return statement.on_conflict_do_update(index_elements=["key"], set_=changes)


@cache
def storing(dialect: str) -> Insert:
    """Return the statement that stores an event, unless its body is stored already."""
    statement = insert(dialect, EVENTS)
    # If a deduplicator knows the event and could not handle it, the event has no body yet.
    has_no_body = EVENTS.c.status.not_in(BODY_IS_DELETED) & EVENTS.c.encrypted.is_(None)
    names = ("queue", "number", "encrypted", "received_at", *(one.name for one in attrs.fields(EventSubject)))
    changes = {name: statement.excluded[name] for name in names}
    return statement.on_conflict_do_update(index_elements=["key"], set_=changes, where=has_no_body)
