"""Webhook events in the store: who handles them and, until they are handled, their encrypted bodies."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import cache, partial
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, select, update

from boooply.secret import Secret
from boooply.store import event_states
from boooply.store.database import Database
from boooply.store.encryption import Encryption
from boooply.store.entries import ClaimResult
from boooply.store.event_states import EventState, EventStatus
from boooply.store.identity import writing_encryption
from boooply.store.rows import Insert, Rows, insert
from boooply.store.schema import EVENTS

_DROP_BODY: Final = update(EVENTS).where(EVENTS.c.key == bindparam("name")).values(encrypted=None)

logger: logging.Logger = logging.getLogger("boooply.store")


@attrs.frozen(kw_only=True)
class StoredEvent:
    """A claimed event; ``body`` is None if it cannot be decrypted any more."""

    key: str
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
        await self._rows.step_known(key, partial(event_states.renew, claim_token=claim_token, lease=lease))

    async def finish(self, key: str, /, *, claim_token: str) -> None:
        """Record that an event is handled, and delete its body."""

        def run(connection: Connection) -> None:
            self._rows.step_in(connection, key, partial(event_states.finish, claim_token=claim_token))
            connection.execute(_DROP_BODY, {"name": key})

        await self._database.write(run)

    async def release(self, key: str, /, *, claim_token: str) -> None:
        """Let anybody claim an event at once."""
        await self._rows.step_known(key, partial(event_states.release, claim_token=claim_token))

    async def postpone(self, key: str, /, *, claim_token: str) -> None:
        """Let anybody claim an event after a pause that grows with each failure."""
        await self._rows.step_known(key, partial(event_states.postpone, claim_token=claim_token))

    async def put(self, key: str, body: Secret, /) -> None:
        """Store an event to be handled, once; a known one stays as it is."""

        def run(connection: Connection) -> None:
            now = self._database.now(connection)
            encrypted = writing_encryption(connection, self._encryption).encrypt(key, body)
            row = {"key": key, **attrs.asdict(EventState()), "encrypted": encrypted}
            connection.execute(_storing(connection.dialect.name), {**row, "received_at": now, "changed_at": now})

        await self._database.write(run)

    async def take(self, *, claim_token: str, lease: float) -> StoredEvent | None:
        """Claim the oldest event that is to be handled, if there is one."""
        columns = select(EVENTS.c.key, EVENTS.c.encrypted, EVENTS.c.attempts)
        due = columns.where(self._due).order_by(EVENTS.c.changed_at).limit(1)
        is_ahead = EVENTS.c.changed_at > self._database.clock + 1  # written before the clock was set back
        look = select(is_ahead).where(self._due | (self._is_open & is_ahead)).order_by(EVENTS.c.changed_at).limit(1)
        found = await self._database.read(lambda connection: connection.execute(look).scalars().all())
        if not found:
            return None  # without a lock that others would wait for

        def run(connection: Connection) -> StoredEvent | None:
            if found[0]:
                self._bring_back(connection, is_ahead)
            row = connection.execute(due.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            key, encrypted, attempts = row
            self._rows.step_in(connection, key, partial(event_states.claim, claim_token=claim_token, lease=lease))
            body = self._encryption.decrypt_or_none(key, encrypted)
            return StoredEvent(key=key, attempts=attempts + 1, body=body)

        return await self._database.write(run)

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

    def _bring_back(self, connection: Connection, is_ahead: ColumnElement[bool]) -> None:
        """Let leases and pauses begin again: otherwise these events wait for as long as the clock was set back."""
        now = self._database.now(connection)
        ends = case((EVENTS.c.locked_until > 0, now + EVENTS.c.locked_until - EVENTS.c.changed_at), else_=0.0)
        count = connection.execute(update(EVENTS).where(is_ahead).values(locked_until=ends, changed_at=now)).rowcount
        logger.warning("the clock was set back: leases of stored events begin again (%d)", count)

    @property
    def _is_open(self) -> ColumnElement[bool]:
        return EVENTS.c.status.in_((EventStatus.NEW, EventStatus.CLAIMED)) & EVENTS.c.encrypted.is_not(None)

    @property
    def _due(self) -> ColumnElement[bool]:
        return self._is_open & (EVENTS.c.locked_until <= self._database.clock)


@cache
def _storing(dialect: str) -> Insert:
    statement = insert(dialect, EVENTS)
    # A deduplicator knows it and could not handle it: then it has no body yet.
    has_no_body = (EVENTS.c.status != EventStatus.DONE) & EVENTS.c.encrypted.is_(None)
    changes: dict[str, Any] = {"encrypted": statement.excluded.encrypted}
    return statement.on_conflict_do_update(index_elements=["key"], set_=changes, where=has_no_body)
