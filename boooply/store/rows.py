"""Rows that pure functions take from one state to the next, each step in one transaction."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final, Generic, TypeVar, cast

import attrs
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from boooply.errors import StoreError
from boooply.secret import Secret
from boooply.store.database import Database
from boooply.store.encryption import Encryption

T = TypeVar("T")
E = TypeVar("E", bound=attrs.AttrsInstance)
Step = Callable[[E, float], tuple[T, E]]
Insert = sqlite.Insert | postgresql.Insert

BATCH: Final = 500  # rows

_SLACK: Final = 1.0  # seconds by which a clock may be corrected without a word in the log
_ROTATED: Final = 100  # rows in one transaction; an event can be a megabyte
_INSERTS: Final[dict[str, Callable[[Table], Insert]]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

logger: logging.Logger = logging.getLogger("boooply.store")


@attrs.frozen(eq=False)
class Rows(Generic[E]):
    """The rows of one table as entries, whose fields are columns; those of a new entry have their defaults.

    A step is a function of an entry and the database's time. It returns a result and the entry that follows. Where the
    primary key has several columns, ``scope`` fixes all of them but the one that names a row.
    """

    database: Database
    table: Table
    entry_type: type[E]
    scope: Mapping[str, str] = attrs.field(factory=dict[str, str])

    @property
    def columns(self) -> list[Column[Any]]:
        """The columns of the entry's fields."""
        return [self.table.c[name] for name in _names(self.entry_type)]

    @property
    def in_scope(self) -> ColumnElement[bool]:
        """What is true of these rows, and of no others in the table."""
        return in_scope(self.table, self.scope)

    def load(self, values: Iterable[Any], /) -> E:
        """Return the entry with these values of ``columns``.

        Raises:
            StoreError: A newer version of this package wrote them.
        """
        named = dict(zip(_names(self.entry_type), values, strict=True))
        try:
            return self.entry_type(**named)
        except ValueError as error:  # of an enumeration, whose members this version knows
            problem = f"{self.table.name} contains what this version of boooply does not know ({error})"
        whose = f" for {named[self._key]}" if self._key in named else ""
        raise StoreError(f"the store's table {problem}{whose}: upgrade boooply", is_permanent=True)

    async def step(self, name: str, step: Step[E, T], /) -> T:
        """Take a step with one row in a transaction of its own, and create the row if there is none.

        Raises:
            StoreError: The database fails.
        """
        return await self.database.write(lambda connection: self.step_in(connection, name, step))

    async def step_known(self, name: str, step: Step[E, T], /) -> T | None:
        """Take a step with one row in a transaction of its own; return None if there is no such row.

        Raises:
            StoreError: The database fails.
        """
        return await self.database.write(lambda connection: self.step_known_in(connection, name, step))

    def step_known_in(self, connection: Connection, name: str, step: Step[E, T], /, **others: object) -> T | None:
        """Take a step with one row within the caller's transaction; return None if there is no such row.

        If the step changes the entry, ``others`` are written too: values of columns that are no fields of it.
        """
        locked = self._lock(connection, name)
        return None if locked is None else self.apply(connection, name, *locked, step, **others)

    def step_in(self, connection: Connection, name: str, step: Step[E, T], /, **others: object) -> T:
        """Take a step with one row within the caller's transaction, and create the row if there is none.

        If the step changes the entry, ``others`` are written too: values of columns that are no fields of it.
        """
        while (locked := self._lock(connection, name)) is None:
            # Create it, so that there is a row to lock: of two processes, the second waits here. The step dates it.
            insert_missing(connection, self.table, [self._values(name, self._new(name), 0.0)])
        return self.apply(connection, name, *locked, step, **others)

    def apply(
        self,
        connection: Connection,
        name: str,
        entry: E,
        written_at: float,
        now: float,
        step: Step[E, T],
        /,
        **others: object,
    ) -> T:
        """Take a step with the entry of a row that this transaction has locked."""
        result, after = step(_clamped(entry, name, written_at, now), now)
        if after != entry:
            put(connection, self.table, self._values(name, after, now) | others)
        return result

    def _new(self, name: str) -> E:
        key = self._key
        return self.entry_type(**({key: name} if key in _names(self.entry_type) else {}))

    @property
    def _key(self) -> str:
        return _name_column(self.table, tuple(self.scope))

    def _lock(self, connection: Connection, name: str) -> tuple[E, float, float] | None:
        """Return a row's entry, when it was written, and the time."""
        statement = _locked(self.table, self.entry_type, self.database.clock)
        row = connection.execute(statement, {**self.scope, self._key: name}).one_or_none()
        if row is None:
            return None
        values: list[Any] = list(row)
        now, written_at = values.pop(), values.pop()
        return self.load(values), written_at, now

    def _values(self, name: str, entry: E, now: float) -> dict[str, Any]:
        times = {"changed_at": now} if "changed_at" in self.table.c else {}
        return {**self.scope, self._key: name, **attrs.asdict(entry), **times}


async def iterate(database: Database, query: Select[*tuple[Any, ...]], key: Column[Any], /) -> AsyncIterator[Any]:
    """Iterate over the rows of a query in the order of their key, its first column; they are read in batches."""
    last = ""
    while True:
        batch = query.where(key > last).order_by(key).limit(BATCH)
        found = await database.read(partial(_fetch, batch))
        for row in found:
            yield row
        if len(found) < BATCH:
            return
        last = found[-1][0]


async def reencrypt(
    database: Database, table: Table, encryption: Encryption, decrypt: Callable[[str, bytes], Secret | None], /
) -> int:
    """Encrypt the texts of a table with the first encryption key, and count them; each batch is committed.

    A text for which ``decrypt`` returns None stays as it is.
    """
    key = table.c[_name_column(table)]
    query = select(key, table.c.encrypted).where(table.c.encrypted.is_not(None)).order_by(key)

    def step(last: str, connection: Connection) -> list[str]:
        found = connection.execute(query.where(key > last).limit(_ROTATED).with_for_update()).all()
        for name, encrypted in found:
            if (value := decrypt(name, encrypted)) is not None:
                renewed = encryption.encrypt(name, value)
                connection.execute(update(table).where(key == name).values(encrypted=renewed))
        return [row[0] for row in found]

    count, last = 0, ""
    while names := await database.write(partial(step, last)):
        count, last = count + len(names), names[-1]
    return count


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows in their order, except those that exist."""
    connection.execute(_insert_missing(connection.dialect.name, table), rows)


def put(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row, or update the row with the same key; columns that are not named stay as they are."""
    connection.execute(_put(connection.dialect.name, table, tuple(row)), row)


def in_scope(table: FromClause, scope: Mapping[str, str]) -> ColumnElement[bool]:
    """Return the condition that columns have these values."""
    return and_(true(), *(table.c[name] == value for name, value in scope.items()))


def insert(dialect: str, table: Table) -> Insert:
    """Start an insert that may have an ``ON CONFLICT`` clause."""
    return _INSERTS[dialect](table)


def _clamped(entry: E, name: str, written_at: float, now: float) -> E:
    """Return an entry whose lease ends no later than if it began now: the clock may have been set back since."""
    lease = getattr(entry, "locked_until", 0.0) - written_at
    if written_at <= now + _SLACK or lease <= 0:
        return entry
    logger.warning("the clock was set back by %.0f s: the lease of %s ends in %.0f s", written_at - now, name, lease)
    ahead: Any = entry  # of any class that has the field
    return cast("E", attrs.evolve(ahead, locked_until=now + lease))


def _fetch(query: Select[*tuple[Any, ...]], connection: Connection) -> Sequence[Any]:
    return connection.execute(query).all()


@cache
def _locked(table: Table, entry_type: type[attrs.AttrsInstance], clock: ColumnElement[float]) -> Select[Any]:
    written_at: ColumnElement[float] = table.c.changed_at if "changed_at" in table.c else literal(0.0)
    columns = select(*(table.c[name] for name in _names(entry_type)), written_at.label("written_at"))
    is_named = (table.c[name] == bindparam(name) for name in _keys(table))
    locked = columns.where(*is_named).with_for_update().cte("locked")
    timed: list[ColumnElement[Any]] = [*locked.c, clock]  # around the lock: waiting for it takes time
    return select(*timed)


@cache
def _insert_missing(dialect: str, table: Table) -> Insert:
    return insert(dialect, table).on_conflict_do_nothing()


@cache
def _put(dialect: str, table: Table, names: tuple[str, ...]) -> Insert:
    statement = insert(dialect, table)
    changes = {name: statement.excluded[name] for name in names if name not in _keys(table)}
    return statement.on_conflict_do_update(index_elements=_keys(table), set_=changes)


@cache
def _names(entry_type: type[attrs.AttrsInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(entry_type))


@cache
def _keys(table: Table) -> tuple[str, ...]:
    return tuple(str(column.key) for column in table.primary_key)


@cache
def _name_column(table: Table, fixed: tuple[str, ...] = ()) -> str:
    (name,) = (one for one in _keys(table) if one not in fixed)
    return name
