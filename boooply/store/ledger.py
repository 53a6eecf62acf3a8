"""The ledger of minting: each step is committed before what it tells of takes place."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, Final, Generic, TypeVar

import attrs
from sqlalchemy import Connection, Executable, Row, delete, select

from boooply.converter import structure, to_dict
from boooply.models import Tenant
from boooply.secret import Secret
from boooply.store import states
from boooply.store.database import Database
from boooply.store.encryption import Encryption
from boooply.store.rows import among, insert_missing, listed, put
from boooply.store.schema import KEYS, LEDGER
from boooply.store.states import ClaimResult, Entry, State

T = TypeVar("T")
Move = Callable[[Entry, float, bytes | None], tuple[T, Entry]]

_BATCH: Final = 500
_FACTS: Final[tuple[str, ...]] = tuple(field.name for field in attrs.fields(Entry))
_STATES: Final = {state.value: state for state in State}
_ENCODE: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


@attrs.frozen(kw_only=True)
class Claimed:
    """Tell what a claim has found: the entry as it is now, and whether it was minted with other data than is given."""

    standing: ClaimResult
    entry: Entry
    is_changed: bool = False


@attrs.frozen(eq=False, slots=False)
class _Step(Generic[T]):
    """A step of one customer: ``move`` makes an answer and a new entry of its entry, the time and its sealed key."""

    organization_id: str
    move: Move[T]
    api_key: Secret | None = None  # to store in the same transaction, if the answer is yes
    unknown: T | None = None  # the answer for a customer that the ledger does not know, where that makes no entry


@attrs.frozen(eq=False)
class AsyncLedger:
    """Keep account of every customer, from before its key is asked for until the key is stored.

    ``run`` names who is at it; a ``lease``, in seconds by the database's clock, keeps others off meanwhile.
    """

    _database: Database
    _seal: Encryption

    async def claim(self, tenant: Tenant, /, *, run: str, lease: float, remint: bool = False) -> Claimed:
        """Take a customer for minting, unless it is done, somebody is at it, or it is in doubt.

        ``remint`` takes one in doubt too, once a run: the key that may exist already is counted as an orphan.
        """
        written = _written(tenant)

        def move(entry: Entry, now: float, _sealed: bytes | None) -> tuple[Claimed, Entry]:
            standing, after = states.claim(entry, now, run=run, tenant=written, lease=lease, remint=remint)
            is_changed = standing is ClaimResult.DONE and after.tenant != written
            return Claimed(standing=standing, entry=after, is_changed=is_changed), after

        return await self._step(_Step(tenant.organization_id, move))

    async def enroll(self, tenants: Iterable[Tenant], /) -> None:
        """Note customers that are to be minted, unless they are known: workers then need their ids alone."""
        await self._database.write(self._enroll, [(tenant.organization_id, _written(tenant)) for tenant in tenants])

    async def begin(self, organization_id: str, /, *, run: str, lease: float) -> bool:
        """Commit that the request goes out next; False where another run has taken the customer meanwhile."""
        return await self._move(organization_id, lambda entry, now: states.begin(entry, now, run=run, lease=lease))

    async def mark_not_sent(self, organization_id: str, /, *, run: str, lease: float = 0.0) -> bool:
        """Note that the request was certainly not carried out; without a lease anybody may take the customer."""
        return await self._move(
            organization_id, lambda entry, now: states.mark_not_sent(entry, now, run=run, lease=lease)
        )

    async def finish(self, tenant: Tenant, api_key: Secret | None, /, *, run: str) -> bool:
        """Store the key and note that the customer is done, in one transaction.

        A key that comes late is as good. Where the customer has another key already, that one stays, since it may be in
        use: this is False, and the new key counts as an orphan. Without a key (it lies in a vault of your own) only
        the ledger is written.
        """
        written, seal, identity = _written(tenant), self._seal, tenant.organization_id

        def move(entry: Entry, _now: float, sealed: bytes | None) -> tuple[bool, Entry]:
            has_other = sealed is not None and api_key is not None and seal.open(identity, sealed) != api_key
            return states.finish(entry, run=run, tenant=written, has_other_key=has_other)

        return await self._step(_Step(identity, move, api_key))

    async def put(self, organization_id: str, api_key: Secret, /) -> None:
        """Store a key that the platform brings itself, over the one that was there: the customer is done then."""
        await self._step(_Step(organization_id, lambda entry, _now, _sealed: states.put(entry), api_key))

    async def fail(self, organization_id: str, /, *, run: str, reason: str) -> bool:
        """Note why the customer could not be minted; the next run tries it again."""
        return await self._move(organization_id, lambda entry, _now: states.fail(entry, run=run, reason=reason))

    async def doubt(self, organization_id: str, /, *, run: str, reason: str) -> bool:
        """Note that nobody can tell whether the key was minted, and why."""
        return await self._move(organization_id, lambda entry, _now: states.doubt(entry, run=run, reason=reason))

    async def entries(self, organization_ids: Iterable[str] | None = None, /) -> AsyncIterator[Entry]:
        """Iterate over what is known of these customers, or of all of them in the order of their ids."""
        if organization_ids is None:
            last: str | None = ""
            while last is not None:
                found = await self._read(LEDGER.c.organization_id > last)
                for entry in found:
                    yield entry
                last = found[-1].organization_id if found else None
            return
        asked = list(organization_ids)
        for start in range(0, len(asked), _BATCH):
            for entry in await self._read(LEDGER.c.organization_id.in_(asked[start : start + _BATCH])):
                yield entry

    async def forget(self, organization_id: str, /) -> None:
        """Delete a customer's entry and its key together; nothing is revoked at Boooply."""
        await self._database.write(_forget, organization_id)

    async def _read(self, which: Any) -> list[Entry]:
        query = select(LEDGER, self._database.clock.label("now")).where(which).order_by(LEDGER.c.organization_id)

        def read(connection: Connection) -> list[Entry]:
            return [states.seen(_entry(row), row.now) for row in connection.execute(query.limit(_BATCH))]

        return await self._database.read(read)

    async def _move(self, organization_id: str, step: Callable[[Entry, float], tuple[bool, Entry]]) -> bool:
        return await self._step(_Step(organization_id, lambda entry, now, _sealed: step(entry, now), unknown=False))

    async def _step(self, step: _Step[T]) -> T:
        return await self._database.write(self._steps, step)

    def _steps(self, connection: Connection, steps: Sequence[_Step[Any]]) -> list[Any]:
        """Go a step with each customer of a group: their rows are read, moved on in memory, and written back."""
        ids = sorted({step.organization_id for step in steps})
        creating = sorted({step.organization_id for step in steps if step.unknown is None})
        now, before = self._lock(connection, ids)
        if not self._database.is_postgresql:  # a transaction that writes to SQLite is the only one
            before |= {one: Entry(organization_id=one) for one in creating if one not in before}
        while missing := [one for one in creating if one not in before]:
            # An empty row for each, so that there is something to lock: of two processes the second waits here.
            insert_missing(connection, LEDGER, [_row(Entry(organization_id=one), now) for one in missing])
            now, added = self._lock(connection, missing)
            before |= added
        keys = _sealed(connection, sorted({step.organization_id for step in steps if step.api_key is not None}))
        after, new_keys = dict(before), dict[str, Secret]()
        answers: list[Any] = []
        for step in steps:
            identity = step.organization_id
            if identity not in after:
                answers.append(step.unknown)
                continue
            if identity in new_keys:  # met twice in one group
                keys[identity] = self._seal.close(identity, new_keys[identity])
            answer, after[identity] = step.move(after[identity], now, keys.get(identity))
            answers.append(answer)
            if step.api_key is not None and answer:
                new_keys[identity] = step.api_key
        if changed := [_row(after[one], now) for one in after if after[one] is not before[one]]:
            put(connection, LEDGER, changed)
        if new_keys:
            sealed = self._seal.close_all(new_keys)
            rows = [{"organization_id": one, "sealed": sealed[one], "changed_at": now} for one in sorted(sealed)]
            put(connection, KEYS, rows)
        return answers

    def _enroll(self, connection: Connection, groups: Sequence[list[tuple[str, str]]]) -> list[None]:
        now = self._database.now(connection)
        written = dict(row for group in groups for row in group)
        rows = [_row(Entry(organization_id=one, tenant=written[one]), now) for one in sorted(written)]
        for start in range(0, len(rows), _BATCH):
            insert_missing(connection, LEDGER, rows[start : start + _BATCH])
        return [None] * len(groups)

    def _lock(self, connection: Connection, ids: list[str]) -> tuple[float, dict[str, Entry]]:
        rows = connection.execute(_locking(connection.dialect.name), listed(ids))
        before = {row.organization_id: _entry(row) for row in rows}
        # asked for once the rows are ours: waiting for them takes time
        now = self._database.now(connection)
        return now, before


@cache
def _locking(dialect: str) -> Executable:
    chosen = select(*(LEDGER.c[name] for name in _FACTS)).where(LEDGER.c.organization_id.in_(among(dialect)))
    return chosen.order_by(LEDGER.c.organization_id).with_for_update()


@cache
def _sealing(dialect: str) -> Executable:
    return select(KEYS.c.organization_id, KEYS.c.sealed).where(KEYS.c.organization_id.in_(among(dialect)))


def _entry(row: Row[Any]) -> Entry:
    facts = dict(zip(_FACTS, row, strict=False))  # a row may hold more behind them
    facts["state"] = _STATES[facts["state"]]
    return Entry(**facts)


def _row(entry: Entry, now: float) -> dict[str, Any]:
    return {**vars(entry), "changed_at": now}


def _sealed(connection: Connection, ids: list[str]) -> dict[str, bytes]:
    if not ids:
        return {}
    rows = connection.execute(_sealing(connection.dialect.name), listed(ids))
    return {row.organization_id: row.sealed for row in rows}


def _forget(connection: Connection, organization_ids: Sequence[str]) -> list[None]:
    for table in (LEDGER, KEYS):
        connection.execute(delete(table).where(table.c.organization_id.in_(organization_ids)))
    return [None] * len(organization_ids)


@lru_cache(maxsize=256)  # what a claim writes is written again once the key has come
def _written(tenant: Tenant) -> str:
    return _ENCODE(to_dict(tenant))


def tenant_of(entry: Entry, /) -> Tenant:
    """Read the customer of an entry, as it was when it was taken last."""
    return structure(json.loads(entry.tenant), Tenant)
