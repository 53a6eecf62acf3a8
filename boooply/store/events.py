"""Webhook events in the store: who handles them, and until they are handled, their sealed bodies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

import attrs
from sqlalchemy import ColumnElement, Connection, RowMapping, case, delete, select, update

from boooply.secret import Secret
from boooply.store import event_states
from boooply.store.database import Database
from boooply.store.encryption import Encryption
from boooply.store.event_states import EventClaim, EventState, EventStatus
from boooply.store.rows import insert_missing, put
from boooply.store.schema import EVENTS

T = TypeVar("T")

_BATCH: Final = 100  # a body can be a megabyte


@attrs.frozen(kw_only=True)
class StoredEvent:
    """Hold an event that was taken from the store; ``body`` is None where it cannot be opened any more."""

    key: str
    attempts: int
    body: Secret | None


@attrs.frozen(eq=False)
class _Step(Generic[T]):
    key: str
    move: Callable[[EventState, float], tuple[T, EventState]]


@attrs.frozen
class _Take:
    turn: str
    lease: float
    most: int


@attrs.frozen(eq=False)
class AsyncEvents:
    """Keep account of events by their idempotency keys, for all processes on one store."""

    _database: Database
    _seal: Encryption

    async def claim(self, key: str, /, *, turn: str, lease: float) -> EventClaim:
        """Take an event, unless it is handled or somebody is at it."""
        return await self._step(key, lambda one, now: event_states.claim(one, now, turn=turn, lease=lease))

    async def renew(self, key: str, /, *, turn: str, lease: float) -> None:
        """Keep others off for another while."""
        await self._step(key, lambda one, now: (None, event_states.renew(one, now, turn=turn, lease=lease)))

    async def finish(self, key: str, /, *, turn: str) -> None:
        """Note that an event is handled, and let go of its body."""
        await self._step(key, lambda one, _now: (None, event_states.finish(one, turn=turn)))

    async def release(self, key: str, /, *, turn: str) -> None:
        """Let anybody take an event, at once."""
        await self._step(key, lambda one, _now: (None, event_states.release(one, turn=turn)))

    async def postpone(self, key: str, /, *, turn: str) -> None:
        """Let anybody take an event after a pause that grows with each failure."""
        await self._step(key, lambda one, now: (None, event_states.postpone(one, now, turn=turn)))

    async def put(self, key: str, body: Secret, /) -> None:
        """Store an event to be handled, once; one that is known already is left as it is."""
        await self._database.write(self._put, (key, self._seal.close(key, body)))

    async def take(self, *, turn: str, lease: float, most: int) -> tuple[StoredEvent, ...]:
        """Take events that are to be handled, the oldest first."""
        if not await self._database.read(self._is_waiting):
            return ()
        return await self._database.write(self._take, _Take(turn, lease, most))

    async def purge(self, age: timedelta, /) -> int:
        """Forget events that were handled, or given up by a deduplicator, longer ago than that, and count them.

        A delivery that comes later than that would be handled again: the vendor's dashboard can replay one at any time.
        """
        return await self._database.write(self._purge, age.total_seconds())

    async def rotate(self) -> None:
        """Seal the bodies anew with the first encryption key; one that cannot be opened is left as it is."""
        last: str | None = ""
        while last is not None:
            last = await self._database.write(self._reseal, last)

    async def _step(self, key: str, move: Callable[[EventState, float], tuple[T, EventState]]) -> T:
        return await self._database.write(self._steps, _Step(key, move))

    def _steps(self, connection: Connection, steps: Sequence[_Step[Any]]) -> list[Any]:
        now = self._database.now(connection)
        keys = sorted({step.key for step in steps})
        insert_missing(connection, EVENTS, [_blank(key, now) for key in keys])
        query = select(EVENTS).where(EVENTS.c.key.in_(keys)).order_by(EVENTS.c.key)
        rows = connection.execute(query.with_for_update()).mappings().all()
        now = self._database.now(connection)  # once the rows are ours: waiting for them takes time
        before = {row["key"]: _handling(row) for row in rows}
        after = dict(before)
        answers: list[Any] = []
        for step in steps:
            answer, after[step.key] = step.move(after[step.key], now)
            answers.append(answer)
        _put_back(connection, {key: after[key] for key in keys if after[key] is not before[key]}, now)
        return answers

    def _put(self, connection: Connection, events: Sequence[tuple[str, bytes]]) -> list[None]:
        now = self._database.now(connection)
        rows = {key: _blank(key, now) | {"sealed": sealed} for key, sealed in events}
        insert_missing(connection, EVENTS, [rows[key] for key in sorted(rows)])
        for key in sorted(rows):
            # known by a deduplicator that could not handle it: then there is no body yet
            bodiless = (EVENTS.c.key == key) & (EVENTS.c.progress != EventStatus.DONE) & EVENTS.c.sealed.is_(None)
            connection.execute(update(EVENTS).where(bodiless).values(sealed=rows[key]["sealed"]))
        return [None] * len(events)

    def _is_waiting(self, connection: Connection) -> bool:
        found = connection.execute(select(EVENTS.c.key).where(self._due).limit(1))
        return found.scalar_one_or_none() is not None

    def _take(self, connection: Connection, takes: Sequence[_Take]) -> list[tuple[StoredEvent, ...]]:
        answers: list[tuple[StoredEvent, ...]] = []
        for take in takes:
            ours = (EVENTS.c.progress == EventStatus.TAKEN) & (EVENTS.c.turn == take.turn)
            # its own first: a write that is run again has to come to the same end
            waiting = select(EVENTS).where(self._due | ours).order_by(case((ours, 0), else_=1), EVENTS.c.changed_at)
            locking = waiting.limit(take.most).with_for_update(skip_locked=True)
            rows = connection.execute(locking).mappings().all()
            now = self._database.now(connection)
            taken = {
                row["key"]: event_states.claim(_handling(row), now, turn=take.turn, lease=take.lease)[1] for row in rows
            }
            _put_back(connection, taken, now)
            sealed = {row["key"]: row["sealed"] for row in rows}
            answers.append(
                tuple(
                    StoredEvent(key=key, attempts=one.attempts, body=self._seal.opened(key, sealed[key]))
                    for key, one in taken.items()
                )
            )
        return answers

    def _purge(self, connection: Connection, ages: Sequence[float]) -> list[int]:
        now = self._database.now(connection)
        answers: list[int] = []
        for age in ages:
            old = EVENTS.c.sealed.is_(None) & (EVENTS.c.changed_at < now - age) & (EVENTS.c.rests_until <= now)
            answers.append(connection.execute(delete(EVENTS).where(old)).rowcount)
        return answers

    def _reseal(self, connection: Connection, starts: Sequence[str]) -> list[str | None]:
        answers: list[str | None] = []
        for start in starts:
            query = select(EVENTS.c.key, EVENTS.c.sealed).where((EVENTS.c.key > start) & EVENTS.c.sealed.is_not(None))
            rows = connection.execute(query.order_by(EVENTS.c.key).limit(_BATCH).with_for_update()).all()
            for key, sealed in rows:
                body = self._seal.opened(key, sealed)
                if body is not None:
                    renewed = update(EVENTS).where(EVENTS.c.key == key).values(sealed=self._seal.close(key, body))
                    connection.execute(renewed)
            answers.append(rows[-1].key if rows else None)
        return answers

    @property
    def _due(self) -> ColumnElement[bool]:
        is_open = EVENTS.c.progress.in_((EventStatus.NEW, EventStatus.TAKEN)) & EVENTS.c.sealed.is_not(None)
        return is_open & (EVENTS.c.rests_until <= self._database.clock)


def _handling(row: RowMapping) -> EventState:
    return EventState(
        progress=EventStatus(row["progress"]),
        turn=row["turn"],
        rests_until=row["rests_until"],
        attempts=row["attempts"],
    )


def _blank(key: str, now: float) -> dict[str, Any]:
    return {"key": key, **attrs.asdict(EventState()), "sealed": None, "changed_at": now}


def _put_back(connection: Connection, changed: dict[str, EventState], now: float) -> None:
    rows = [{"key": key, **attrs.asdict(one), "changed_at": now} for key, one in changed.items()]
    done = [row | {"sealed": None} for row in rows if row["progress"] is EventStatus.DONE]
    others = [row for row in rows if row["progress"] is not EventStatus.DONE]  # their bodies stay as they are
    for group in (done, others):
        if group:
            put(connection, EVENTS, group)
