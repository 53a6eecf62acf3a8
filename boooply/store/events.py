"""Webhook events in the store: who handles them and, until they are handled, their encrypted bodies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from typing import Any, Final

import attrs
from sqlalchemy import Column, ColumnElement, Connection, Select, bindparam, delete, func, null, select

from boooply.secret import Secret
from boooply.store import event_queues, event_states
from boooply.store.database import Database
from boooply.store.encryption import Encryption
from boooply.store.entries import ClaimResult
from boooply.store.event_queues import FIRST, IN_QUEUE, IS_OPEN, Queue
from boooply.store.event_states import EventState, EventStatus
from boooply.store.identity import writing_encryption
from boooply.store.rows import Insert, Rows, insert
from boooply.store.schema import EVENTS

_IS_STORED: Final = select(EVENTS.c.key).where(
    EVENTS.c.key == bindparam("name"), IS_OPEN | (EVENTS.c.status == EventStatus.DONE)
)
_COLUMNS: Final[list[Column[Any]]] = [
    *(EVENTS.c.key, EVENTS.c.encrypted, EVENTS.c.changed_at),
    *(EVENTS.c[one.name] for one in attrs.fields(EventState)),
]
_FIRST_TO_HANDLE: Final[Select[*tuple[Any, ...]]] = (
    select(*_COLUMNS)
    .where(IN_QUEUE, EVENTS.c.locked_until <= bindparam("now"))
    .order_by(*FIRST)
    .limit(1)
    .with_for_update()
)
_BACKLOG: Final = select(func.count()).select_from(EVENTS).where(IS_OPEN)


@attrs.frozen(kw_only=True)
class StoredEvent:
    """A claimed event; ``body`` is None if it cannot be decrypted any more."""

    key: str
    claim_token: str
    attempts: int
    body: Secret | None


@attrs.frozen(eq=False)
class AsyncEvents:
    """The record of events by their idempotency keys, for all processes on one store."""

    _database: Database
    _encryption: Encryption

    async def claim(self, key: str, /, *, claim_token: str, lease: float) -> ClaimResult:
        """Claim an event, unless it is handled or busy."""
        return await self._rows.step(key, partial(event_states.claim, claim_token=claim_token, lease=lease))

    async def renew(self, key: str, /, *, claim_token: str, lease: float) -> None:
        """Extend the lease of a claim."""
        await self._database.write(partial(self._renew, key, claim_token, lease))

    async def finish(self, key: str, /, *, claim_token: str) -> None:
        """Record that an event is handled, and delete its body."""
        await self._database.write(partial(self._finish, key, claim_token))

    async def release(self, key: str, /, *, claim_token: str) -> None:
        """Let anybody claim an event at once."""
        await self._give_up(key, claim_token, event_states.release)

    async def postpone(self, key: str, /, *, claim_token: str) -> None:
        """Let anybody claim an event after a pause that grows with each failure."""
        await self._give_up(key, claim_token, event_states.postpone)

    async def put(self, key: str, body: Secret, /, *, queue: str | None = None) -> None:
        """Store an event to be handled, once; a known one stays as it is.

        The events of one ``queue`` are handled in order of arrival and one at a time; None is a queue of its own.
        """

        def run(connection: Connection) -> None:
            if connection.execute(_IS_STORED, {"name": key}).one_or_none() is not None:
                return
            encrypted = writing_encryption(connection, self._encryption).encrypt(key, body)
            now = self._database.now(connection)
            number = event_queues.add(connection, queue or key, now)
            row = {"key": key, "queue": queue or key, "number": number, **attrs.asdict(EventState())}
            row |= {"encrypted": encrypted, "received_at": now, "changed_at": now}
            connection.execute(_storing(connection.dialect.name), row)

        await self._database.write(run)

    async def take(self, *, claim_token: str, lease: float, finished: StoredEvent | None = None) -> StoredEvent | None:
        """Claim the event that is to be handled next, if there is one, and its queue.

        Record in the same transaction that another event is ``finished``.
        """
        clock = self._database.clock
        if finished is None and not any(await self._database.read(partial(event_queues.look, clock=clock))):
            return None  # without a lock that others would wait for

        stored: StoredEvent | None = None

        def run(connection: Connection) -> StoredEvent | None:
            nonlocal stored
            if stored is not None and self._renew(stored.key, claim_token, lease, connection):
                return stored  # repeated, since the commit was not confirmed
            if finished is not None:
                self._finish(finished.key, finished.claim_token, connection)
            elif event_queues.look(connection, clock)[1]:
                event_queues.bring_back(connection, clock)
            while (queue := event_queues.next_due(connection, clock)) is not None:
                if queue.is_ahead and finished is not None:
                    return None  # the next call brings it back: that must not wait for a queue while one is locked
                stored = self._claim_first(connection, queue, claim_token, lease)
                if stored is not None:
                    return stored
                event_queues.release(connection, queue)  # a deduplicator has handled its events, or handles one
            return None

        return await self._database.write(run)

    async def backlog(self) -> int:
        """Count the events that are stored and not handled yet."""
        return await self._database.read(lambda connection: connection.execute(_BACKLOG).scalar_one())

    async def purge(self, age: timedelta, /) -> int:
        """Forget events that were handled, or released by a deduplicator, longer ago than that, and count them.

        A later delivery would be handled again: the vendor's dashboard can replay an event at any time.
        """

        def run(connection: Connection) -> int:
            now = self._database.now(connection)
            is_old = EVENTS.c.changed_at < now - age.total_seconds()
            is_unlocked = EVENTS.c.encrypted.is_(None) & (EVENTS.c.locked_until <= now)
            return connection.execute(delete(EVENTS).where(is_old & is_unlocked)).rowcount

        return await self._database.write(run)

    @property
    def _rows(self) -> Rows[EventState]:
        return Rows(self._database, EVENTS, EventState)

    def _renew(self, key: str, claim_token: str, lease: float, connection: Connection) -> bool:
        """Extend the lease of a claim; return False if it has ended."""
        queue = event_queues.lock(connection, key, self._database.clock)
        renew = partial(event_states.renew, claim_token=claim_token, lease=lease)
        is_ours = self._rows.step_known_in(connection, key, renew)
        if queue is not None and queue.claim_token == claim_token:
            event_queues.claim(connection, queue, claim_token, lease)
        return bool(is_ours)

    def _finish(self, key: str, claim_token: str, connection: Connection) -> None:
        with event_queues.released(connection, key, claim_token, self._database.clock):
            # Handled is handled, whatever the state was: so it need not be read.
            connection.execute(
                _finishing(connection.dialect.name, self._database.clock), {"key": key, "by": claim_token}
            )

    async def _give_up(self, key: str, claim_token: str, step: Callable[..., tuple[bool, EventState]]) -> None:
        def run(connection: Connection) -> None:
            with event_queues.released(connection, key, claim_token, self._database.clock):
                self._rows.step_known_in(connection, key, partial(step, claim_token=claim_token))

        await self._database.write(run)

    def _claim_first(self, connection: Connection, queue: Queue, claim_token: str, lease: float) -> StoredEvent | None:
        event_queues.release_dead(connection, queue)
        row = connection.execute(_FIRST_TO_HANDLE, {"queue_name": queue.name, "now": queue.now}).one_or_none()
        if row is None:
            return None
        values: list[Any] = list(row)
        key, encrypted, written_at = values[:3]
        state, claim = self._rows.load(values[3:]), partial(event_states.claim, claim_token=claim_token, lease=lease)
        self._rows.apply(connection, key, state, written_at, queue.now, claim)
        event_queues.claim(connection, queue, claim_token, lease)
        body = self._encryption.decrypt_or_none(key, encrypted)
        return StoredEvent(key=key, claim_token=claim_token, attempts=state.attempts + 1, body=body)


@cache
def _finishing(dialect: str, clock: ColumnElement[float]) -> Insert:
    _, done = event_states.finish(EventState(), 0.0, claim_token="")
    row: dict[str, Any] = {
        **attrs.asdict(done),
        "claim_token": bindparam("by"),
        "encrypted": null(),
        "changed_at": clock,
    }
    statement = insert(dialect, EVENTS).values(key=bindparam("key"), **row)
    changes = {name: statement.excluded[name] for name in row if name != "attempts"}
    return statement.on_conflict_do_update(index_elements=["key"], set_=changes)


@cache
def _storing(dialect: str) -> Insert:
    statement = insert(dialect, EVENTS)
    # A deduplicator knows it and could not handle it: then it has no body yet.
    has_no_body = (EVENTS.c.status != EventStatus.DONE) & EVENTS.c.encrypted.is_(None)
    changes = {name: statement.excluded[name] for name in ("queue", "number", "encrypted", "received_at")}
    return statement.on_conflict_do_update(index_elements=["key"], set_=changes, where=has_no_body)
