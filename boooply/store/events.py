"""Webhook events in the store: their states and, until they are handled, their encrypted bodies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

import attrs
from sqlalchemy import Column, Connection, Select, bindparam, delete, func, select

from boooply.protocol.settings import Rule, check
from boooply.secret import Secret
from boooply.store import event_queues, event_states
from boooply.store.database import Database
from boooply.store.encryption import Encryption
from boooply.store.entries import ClaimResult
from boooply.store.event_queues import FIRST, IN_QUEUE, IS_QUEUED, Queue
from boooply.store.event_records import EventRecord, record_in, records, records_starting_with
from boooply.store.event_statements import BODY_IS_DELETED, NO_SUBJECT, EventSubject, storing
from boooply.store.event_states import EventState, EventStatus, RetrySchedule
from boooply.store.identity import writing_encryption
from boooply.store.rows import Rows
from boooply.store.schema import EVENTS

_PURGED: Final = (*BODY_IS_DELETED, EventStatus.DEAD)
_STATE: Final = Rule(
    f"{', '.join(EventStatus)}, or None for all events that are not done or discarded",
    lambda value: value is None or value in set(EventStatus),
)
_PURGED_STATE: Final = Rule(
    f"{', '.join(_PURGED)}, or None for {' and '.join(BODY_IS_DELETED)}",
    lambda value: value is None or value in _PURGED,
)
_IS_STORED: Final = select(EVENTS.c.key).where(
    EVENTS.c.key == bindparam("name"), EVENTS.c.encrypted.is_not(None) | EVENTS.c.status.in_(BODY_IS_DELETED)
)
_COLUMNS: Final[list[Column[Any]]] = [
    EVENTS.c.key,
    EVENTS.c.encrypted,
    *(EVENTS.c[one.name] for one in attrs.fields(EventState)),
]
_FIRST_TO_HANDLE: Final[Select[*tuple[Any, ...]]] = (
    select(*_COLUMNS)
    .where(IN_QUEUE, EVENTS.c.locked_until <= bindparam("pauses_until"))
    .order_by(*FIRST)
    .limit(1)
    .with_for_update()
)
_BACKLOG: Final = select(func.count()).select_from(EVENTS).where(IS_QUEUED)
_QUEUE: Final = select(EVENTS.c.queue).where(EVENTS.c.key == bindparam("name"))


@attrs.frozen(kw_only=True)
class StoredEvent:
    """A claimed event. Its ``body`` is None if it can no longer be decrypted."""

    key: str
    claim_token: str
    attempts: int
    body: Secret | None


@attrs.frozen(eq=False)
class AsyncEvents:
    """The events in a store, by their idempotency keys. All processes on the store share them.

    List, retry, discard and purge them here. ``AsyncInbox`` and ``AsyncDeduplicator`` write them.
    """

    _database: Database
    _encryption: Encryption

    async def claim(self, key: str, /, *, claim_token: str, lease: float) -> ClaimResult:
        """Claim an event, unless it is busy or needs no handling."""
        return await self._rows.step(key, partial(event_states.claim, claim_token=claim_token, lease=lease))

    async def renew(self, key: str, /, *, claim_token: str, lease: float) -> None:
        """Extend the lease of a claim."""
        await self._database.write(partial(self._renew, key, claim_token, lease))

    async def finish(self, key: str, /, *, claim_token: str) -> None:
        """Record that an event was handled, and delete its body."""
        await self._database.write(partial(self._finish, key, claim_token))

    async def release(self, key: str, /, *, claim_token: str) -> None:
        """Release an event, so that it can be claimed at once."""

        def run(connection: Connection) -> None:
            with event_queues.released(connection, key, claim_token, self._database.clock):
                self._rows.step_known_in(connection, key, partial(event_states.release, claim_token=claim_token))

        await self._database.write(run)

    async def fail(
        self, key: str, /, *, claim_token: str, failure: str, schedule: RetrySchedule, pause_from: float | None = None
    ) -> EventRecord | None:
        """Record a failed attempt: the event waits, or is dead.

        Return its record if it is dead. The pause begins now, or at ``pause_from`` if that is given.
        """
        step = partial(
            event_states.fail, claim_token=claim_token, failure=failure, schedule=schedule, pause_from=pause_from
        )

        def run(connection: Connection) -> EventRecord | None:
            with event_queues.released(connection, key, claim_token, self._database.clock):
                status = self._rows.step_known_in(connection, key, step)
            return record_in(connection, key) if status is EventStatus.DEAD else None

        return await self._database.write(run)

    async def put(
        self,
        key: str,
        body: Secret,
        /,
        *,
        queue: str | None = None,
        subject: EventSubject = NO_SUBJECT,
        received_at: float | None = None,
    ) -> None:
        """Store an event to be handled. A known event stays unchanged.

        The events of one ``queue`` are handled one at a time, in order of arrival. None creates a queue for this event.
        """

        def run(connection: Connection) -> None:
            if connection.execute(_IS_STORED, {"name": key}).one_or_none() is not None:
                return
            encrypted = writing_encryption(connection, self._encryption).encrypt(key, body)
            now = self._database.now(connection)
            arrival = now if received_at is None else received_at
            number = event_queues.add(connection, queue or key, now, arrival)
            row = {
                "key": key,
                "queue": queue or key,
                **attrs.asdict(EventState(number=number)),
                **attrs.asdict(subject),
            }
            row |= {"encrypted": encrypted, "received_at": arrival, "changed_at": now}
            connection.execute(storing(connection.dialect.name), row)

        await self._database.write(run)

    async def take(
        self, *, claim_token: str, lease: float, finished: StoredEvent | None = None, pauses_until: float | None = None
    ) -> StoredEvent | None:
        """Claim the next event to handle, if there is one, and its queue.

        Record in the same transaction that another event is ``finished``. Pauses that end by ``pauses_until`` count as
        over. The default is the present.
        """
        clock = self._database.clock
        by_database = finished is None and pauses_until is None
        if by_database and not any(await self._database.read(partial(event_queues.look, clock=clock))):
            return None  # without taking a lock that others would wait for

        stored: StoredEvent | None = None

        def run(connection: Connection) -> StoredEvent | None:
            nonlocal stored
            if stored is not None and self._renew(stored.key, claim_token, lease, connection):
                return stored  # repeated, because the commit was not confirmed
            if finished is not None:
                self._finish(finished.key, finished.claim_token, connection)
            elif event_queues.look(connection, clock)[1]:
                event_queues.bring_back(connection, clock)
            while (queue := event_queues.next_due(connection, clock, pauses_until)) is not None:
                if queue.is_ahead and finished is not None:
                    return None  # the next call corrects the clock, which must not wait while a queue is locked
                stored = self._claim_first(connection, queue, claim_token, lease, pauses_until)
                if stored is not None:
                    return stored
                event_queues.release(connection, queue)  # a deduplicator handled its events, or is handling one
                if pauses_until is not None:
                    return None  # by a test's clock, the queue may be due again
            return None

        return await self._database.write(run)

    async def backlog(self) -> int:
        """Count the events that wait or are being handled."""
        return await self._database.read(lambda connection: connection.execute(_BACKLOG).scalar_one())

    async def list(self, *, state: EventStatus | str | None = None) -> AsyncIterator[EventRecord]:
        """Iterate over the events of inboxes, the oldest first.

        The events are read in batches, so a long list needs little memory.

        Args:
            state: The state of the events: ``waiting``, ``claimed``, ``done``, ``dead`` or ``discarded``. By default,
                all events that are not done or discarded.

        Raises:
            ConfigurationError: There is no such state.
            StoreError: The store cannot be read.
        """
        check("state", state, _STATE)
        async for record in records(self._database, None if state is None else EventStatus(state)):
            yield record

    async def get(self, idempotency_key: str, /) -> EventRecord | None:
        """Return the record of an event of an inbox, or None if the event is unknown.

        Args:
            idempotency_key: The event's ``idempotency_key``.

        Raises:
            StoreError: The store cannot be read.
        """
        return await self._database.read(partial(record_in, key=idempotency_key))

    async def starting_with(self, prefix: str, /) -> Sequence[EventRecord]:
        """Return at most two events whose idempotency keys start with these digits.

        Args:
            prefix: The first hexadecimal digits of a key.

        Raises:
            StoreError: The store cannot be read.
        """
        return await self._database.read(partial(records_starting_with, prefix=prefix))

    async def retry(self, idempotency_key: str, /) -> bool:
        """Let a dead or waiting event be handled at once, with a new count of attempts.

        A dead event is handled after the waiting events of its interview.

        Args:
            idempotency_key: The event's ``idempotency_key``.

        Returns:
            False if the event is being handled, was handled or discarded, or is unknown. Otherwise True.

        Raises:
            StoreError: The store fails.
        """
        key, is_done = idempotency_key, False

        def run(connection: Connection) -> bool:
            nonlocal is_done  # in case this is repeated, because the commit was not confirmed
            queue = connection.execute(_QUEUE, {"name": key}).scalar_one_or_none()
            if queue is None:
                return False
            now = self._database.now(connection)
            number = event_queues.add(connection, queue, now, now)
            with event_queues.released(connection, key, None, self._database.clock):
                step = partial(event_states.retry, number=number)
                is_done = bool(self._rows.step_known_in(connection, key, step)) or is_done
            return is_done

        return await self._database.write(run)

    async def discard(self, idempotency_key: str, /) -> bool:
        """Discard a dead or waiting event: delete its body, and never handle it, even if it is delivered again.

        Args:
            idempotency_key: The event's ``idempotency_key``.

        Returns:
            False if the event is being handled, was handled or discarded, or is unknown. Otherwise True.

        Raises:
            StoreError: The store fails.
        """
        key, is_done = idempotency_key, False

        def run(connection: Connection) -> bool:
            nonlocal is_done  # as in `retry`
            if connection.execute(_QUEUE, {"name": key}).scalar_one_or_none() is None:
                return False
            with event_queues.released(connection, key, None, self._database.clock):
                is_done = (
                    bool(self._rows.step_known_in(connection, key, event_states.discard, encrypted=None)) or is_done
                )
            return is_done

        return await self._database.write(run)

    async def purge(self, age: timedelta, /, *, state: EventStatus | str | None = None) -> int:
        """Delete old events that were handled or discarded, and return their number.

        If a deleted event is delivered again, it is handled again. The Boooply dashboard can replay an event at any
        time.

        Args:
            age: The least time since the event was handled or discarded.
            state: Delete only the events in this state: ``done``, ``discarded`` or ``dead``. By default, dead events
                are kept.

        Raises:
            ConfigurationError: Events in this state cannot be deleted.
            StoreError: The store fails.
        """
        check("state", state, _PURGED_STATE)
        # Events that a deduplicator released have no body either.
        is_in_state = EVENTS.c.encrypted.is_(None) if state is None else EVENTS.c.status == state

        def run(connection: Connection) -> int:
            now = self._database.now(connection)
            is_old = EVENTS.c.changed_at < now - age.total_seconds()
            return connection.execute(delete(EVENTS).where(is_old, is_in_state, EVENTS.c.locked_until <= now)).rowcount

        return await self._database.write(run)

    @property
    def _rows(self) -> Rows[EventState]:
        return Rows(self._database, EVENTS, EventState)

    def _renew(self, key: str, claim_token: str, lease: float, connection: Connection) -> bool:
        """Extend the lease of a claim. Return False if the claim has ended."""
        queue = event_queues.lock(connection, key, self._database.clock)
        renew = partial(event_states.renew, claim_token=claim_token, lease=lease)
        is_ours = self._rows.step_known_in(connection, key, renew)
        if queue is not None and queue.claim_token == claim_token:
            event_queues.claim(connection, queue, claim_token, lease)
        return bool(is_ours)

    def _finish(self, key: str, claim_token: str, connection: Connection) -> None:
        event_queues.finish_event(connection, key, claim_token, self._database.clock)

    def _claim_first(
        self, connection: Connection, queue: Queue, claim_token: str, lease: float, pauses_until: float | None
    ) -> StoredEvent | None:
        event_queues.release_abandoned(connection, queue)
        until = queue.now if pauses_until is None else pauses_until
        row = connection.execute(_FIRST_TO_HANDLE, {"queue_name": queue.name, "pauses_until": until}).one_or_none()
        if row is None:
            return None
        key, encrypted, *values = row
        result, claimed = event_states.claim(self._rows.load(values), queue.now, claim_token=claim_token, lease=lease)
        if result is not ClaimResult.CLAIMED:
            return None  # by a test's clock, the claim of a deduplicator has ended
        event_queues.claim_event(connection, queue, key, claimed)
        body = self._encryption.decrypt_or_none(key, encrypted)
        return StoredEvent(key=key, claim_token=claim_token, attempts=claimed.attempts, body=body)
