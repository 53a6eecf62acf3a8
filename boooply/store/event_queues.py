"""The queues of stored events: the events of one interview are handled one at a time, in order of arrival.

All functions run in the caller's transaction. Code that locks rows of both tables must lock the queue first.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import attrs
from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Float,
    ScalarSelect,
    Select,
    Update,
    bindparam,
    case,
    delete,
    func,
    select,
    update,
)

from boooply.store.event_statements import finishing
from boooply.store.event_states import EventState, EventStatus
from boooply.store.rows import Insert, execute_both, insert
from boooply.store.schema import EVENT_QUEUES, EVENTS

_SLACK: Final = 1.0  # seconds by which a clock may be set back without a log line

IS_QUEUED: Final[ColumnElement[bool]] = EVENTS.c.number.is_not(None)  # the condition of the partial index
_IS_NAMED: Final = EVENT_QUEUES.c.name == bindparam("queue_name")
IN_QUEUE: Final = (EVENTS.c.queue == bindparam("queue_name")) & IS_QUEUED
FIRST: Final = (EVENTS.c.locked_until, EVENTS.c.number)
"""The order of a queue: first attempts in order of arrival, then retries in order of their due time."""

_LAST_NUMBER: Final[Select[int]] = select(EVENT_QUEUES.c.last_number).where(_IS_NAMED)
_QUEUE_OF_EVENT: Final = select(EVENTS.c.queue).where(EVENTS.c.key == bindparam("event")).scalar_subquery()
_NOW: Final = bindparam("now", type_=Float)
_ARRIVED: Final = case((EVENTS.c.received_at > _NOW, _NOW), else_=EVENTS.c.received_at)  # the clock may be set back
# A retry is due at the end of its pause, and a first attempt when the event arrived.
_DUE: Final = case((EVENTS.c.locked_until > 0, EVENTS.c.locked_until), else_=_ARRIVED)
_NEXT: Final = select(_DUE).where(IN_QUEUE).order_by(*FIRST).limit(1)
_NEXT_DUE: Final = _NEXT.scalar_subquery()
_OTHER_DUE: Final = _NEXT.where(EVENTS.c.key != bindparam("key")).scalar_subquery()
_RELEASE_EVENT: Final[Update] = (
    update(EVENTS)
    .where(IN_QUEUE, EVENTS.c.claim_token == bindparam("abandoned"), EVENTS.c.status == EventStatus.CLAIMED)
    .values(status=EventStatus.WAITING, locked_until=0.0)
)
_CLAIM: Final[Update] = (
    update(EVENT_QUEUES)
    .where(_IS_NAMED)
    .values(claim_token=bindparam("by"), due_at=bindparam("lease_ends"), changed_at=_NOW)
)
_CLAIM_EVENT: Final[Update] = (
    update(EVENTS)
    .where(EVENTS.c.key == bindparam("event_key"))
    .values(
        status=bindparam("claimed"),
        claim_token=bindparam("by"),
        locked_until=bindparam("lease_ends"),
        attempts=bindparam("attempt"),
        changed_at=_NOW,
    )
)


def _releasing(due: ScalarSelect[Any]) -> Update:
    # not exists(), for which PostgreSQL may search the whole table
    return update(EVENT_QUEUES).where(_IS_NAMED, due.is_not(None)).values(claim_token=None, due_at=due, changed_at=_NOW)


_RELEASE: Final[Update] = _releasing(_NEXT_DUE)
_RELEASE_TO_OTHERS: Final[Update] = _releasing(_OTHER_DUE)
_DELETE: Final[Delete] = delete(EVENT_QUEUES).where(_IS_NAMED)

logger: logging.Logger = logging.getLogger("boooply.store")


@attrs.frozen
class Queue:
    """A queue that this transaction has locked, the time, and whether the clock was set back: see ``look``."""

    name: str
    claim_token: str | None
    now: float
    is_ahead: bool = attrs.field(default=False, converter=bool)


def add(connection: Connection, queue: str, now: float, due_at: float) -> int:
    """Lock a queue, create it if it does not exist, and return the number for the event that joins it."""
    connection.execute(_joining(connection.dialect.name), {"name": queue, "due_at": due_at, "changed_at": now})
    return connection.execute(_LAST_NUMBER, {"queue_name": queue}).scalar_one()


def lock(connection: Connection, event: str, clock: ColumnElement[float]) -> Queue | None:
    """Lock the queue of an event. Return None for an event without a queue, such as an event of a deduplicator."""
    row = connection.execute(_of_event(clock), {"event": event}).one_or_none()
    return None if row is None else Queue(*row)


def look(connection: Connection, clock: ColumnElement[float]) -> tuple[bool, bool]:
    """Return whether a queue is due, and whether a queue was changed in the future, because the clock was set back."""
    is_due, is_ahead = connection.execute(_look(clock)).one()
    return bool(is_due), bool(is_ahead)  # both are null for an empty table


def next_due(connection: Connection, clock: ColumnElement[float], pauses_until: float | None = None) -> Queue | None:
    """Lock the queue that has waited longest for its next event, among the queues that no one else has locked.

    Pauses that end by ``pauses_until`` count as over. The default is the present.
    """
    statement, values = _due(clock), {}
    if pauses_until is not None:
        statement, values = _due_by(clock), {"pauses_until": pauses_until}
    row = connection.execute(statement, values).one_or_none()
    return None if row is None else Queue(*row)


def release_abandoned(connection: Connection, queue: Queue) -> None:
    """Release an event whose process died. It is the first in its queue again."""
    if queue.claim_token is not None:
        connection.execute(_RELEASE_EVENT, {"queue_name": queue.name, "abandoned": queue.claim_token})


def claim(connection: Connection, queue: Queue, claim_token: str, lease: float) -> None:
    """Claim a queue, or renew the claim. Until the lease ends, no one else handles an event of this queue."""
    change = {"by": claim_token, "lease_ends": queue.now + lease, "now": queue.now}
    connection.execute(_CLAIM, {"queue_name": queue.name, **change})


def claim_event(connection: Connection, queue: Queue, key: str, claimed: EventState) -> None:
    """Claim a queue and its first event, whose claimed state is given."""
    values = {"by": claimed.claim_token, "lease_ends": claimed.locked_until, "now": queue.now}
    values |= {"queue_name": queue.name, "event_key": key, "claimed": claimed.status, "attempt": claimed.attempts}
    execute_both(connection, _CLAIM_EVENT, _CLAIM, values)


def finish_event(connection: Connection, key: str, claim_token: str, clock: ColumnElement[float]) -> None:
    """Record that an event was handled, and release its queue, unless another claim has it."""
    queue = lock(connection, key, clock)
    # The event was handled whatever its state is, so the state is not read.
    finish = finishing(connection.dialect.name, clock)
    values = {"key": key, "by": claim_token}
    if queue is None or queue.claim_token not in {None, claim_token}:
        connection.execute(finish, values)
        return
    of_queue = {"queue_name": queue.name, "now": queue.now}
    if not execute_both(connection, finish, _RELEASE_TO_OTHERS, values | of_queue):
        connection.execute(_DELETE, {"queue_name": queue.name})


def release(connection: Connection, queue: Queue) -> None:
    """Release a queue, so that its next event can be handled when it is due. Delete the queue if it is empty."""
    if not connection.execute(_RELEASE, {"queue_name": queue.name, "now": queue.now}).rowcount:
        connection.execute(_DELETE, {"queue_name": queue.name})


@contextmanager
def released(
    connection: Connection, event: str, claim_token: str | None, clock: ColumnElement[float]
) -> Generator[None]:
    """Lock the queue of an event, and release it after the block, unless another claim has it."""
    queue = lock(connection, event, clock)
    yield
    if queue is not None and queue.claim_token in {None, claim_token}:
        release(connection, queue)


def bring_back(connection: Connection, clock: ColumnElement[float]) -> None:
    """Restart all leases and pauses after the clock was set back. Otherwise events would wait for that much longer."""
    now, queues, events = select(clock).scalar_subquery(), EVENT_QUEUES.c, EVENTS.c
    due = {"due_at": now + queues.due_at - queues.changed_at, "changed_at": now}
    connection.execute(update(EVENT_QUEUES).where(queues.changed_at > now + _SLACK).values(due))
    ends = case((events.locked_until > 0, now + events.locked_until - events.changed_at), else_=0.0)
    ahead = update(EVENTS).where(events.changed_at > now + _SLACK)
    count = connection.execute(ahead.values(locked_until=ends, changed_at=now)).rowcount
    logger.warning("the clock was set back: the leases of stored events start again (%d)", count)


@cache
def _joining(dialect: str) -> Insert:
    statement = insert(dialect, EVENT_QUEUES).values(last_number=1)
    queues, excluded = EVENT_QUEUES.c, statement.excluded
    is_sooner = queues.claim_token.is_(None) & (queues.due_at > excluded.due_at)
    changes: dict[str, Any] = {
        "last_number": queues.last_number + 1,
        "due_at": case((is_sooner, excluded.due_at), else_=queues.due_at),
        "changed_at": case((is_sooner, excluded.changed_at), else_=queues.changed_at),
    }
    return statement.on_conflict_do_update(index_elements=["name"], set_=changes)


# The time is a subquery that is evaluated once, because a database does not use an index for a function of the present.
# The minimum and the maximum use an index too. For exists(), PostgreSQL may search the whole table.


@cache
def _look(clock: ColumnElement[float]) -> Select[bool, bool]:
    first = select(func.min(EVENT_QUEUES.c.due_at)).scalar_subquery()
    return select(first <= select(clock).scalar_subquery(), _is_ahead(clock))


def _is_ahead(clock: ColumnElement[float]) -> ColumnElement[bool]:
    last = select(func.max(EVENT_QUEUES.c.changed_at)).scalar_subquery()
    return last > select(clock).scalar_subquery() + _SLACK


@cache
def _of_event(clock: ColumnElement[float]) -> Select[str, str | None, float]:
    columns = select(EVENT_QUEUES.c.name, EVENT_QUEUES.c.claim_token)
    locked = columns.where(EVENT_QUEUES.c.name == _QUEUE_OF_EVENT).with_for_update().cte("locked")
    return select(locked.c.name, locked.c.claim_token, clock)  # reads the clock after the wait for the lock


@cache
def _due(clock: ColumnElement[float]) -> Select[str, str | None, float, bool]:
    return _first_of(clock, EVENT_QUEUES.c.due_at <= select(clock).scalar_subquery())


@cache
def _due_by(clock: ColumnElement[float]) -> Select[str, str | None, float, bool]:
    """Return the statement for a test's clock. Leases still end by the database's clock."""
    queues = EVENT_QUEUES.c
    pause_is_over = queues.claim_token.is_(None) & (queues.due_at <= bindparam("pauses_until", type_=Float))
    lease_is_over = queues.claim_token.is_not(None) & (queues.due_at <= select(clock).scalar_subquery())
    return _first_of(clock, pause_is_over | lease_is_over)


def _first_of(clock: ColumnElement[float], is_due: ColumnElement[bool]) -> Select[str, str | None, float, bool]:
    now, queues = select(clock).scalar_subquery(), EVENT_QUEUES.c
    columns = select(queues.name, queues.claim_token, now, _is_ahead(clock))
    return columns.where(is_due).order_by(queues.due_at).limit(1).with_for_update(skip_locked=True)
