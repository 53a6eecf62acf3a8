"""Rows that change in steps. A pure function computes each step, and one transaction stores it."""

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
    Update,
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

_SLACK: Final = 1.0  # seconds by which a clock may be set back without a log line
_ROTATED: Final = 100  # rows in one transaction; an event can be a megabyte
_INSERTS: Final[dict[str, Callable[[Table], Insert]]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

logger: logging.Logger = logging.getLogger("boooply.store")


@attrs.frozen(eq=False)
class Rows(Generic[E]):
    """The rows of a table as entries. The fields of an entry are columns, and a new entry has their defaults.

    A step is a function of an entry and the database's time. It returns a result and the next entry. If the primary key
    has several columns, ``scope`` contains the values of all key columns except the one that names a row.
    """

    database: Database
    table: Table
    entry_type: type[E]
    scope: Mapping[str, str] = attrs.field(factory=dict[str, str])

    @property
    def columns(self) -> list[Column[Any]]:
        """The columns for the fields of an entry."""
        return [self.table.c[name] for name in _names(self.entry_type)]

    @property
    def in_scope(self) -> ColumnElement[bool]:
        """The condition that only these rows of the table meet."""
        return in_scope(self.table, self.scope)

    def load(self, values: Iterable[Any], /) -> E:
        """Return the entry with these values of ``columns``.

        Raises:
            StoreError: A newer version of this package wrote them.
        """
        named = dict(zip(_names(self.entry_type), values, strict=True))
        try:
            return self.entry_type(**named)
        except ValueError as error:  # the value is no member of this version's enumeration
            problem = f"{self.table.name} contains a value that this version of boooply does not know ({error})"
        whose = f" for {named[self._key]}" if self._key in named else ""
        raise StoreError(f"the store's table {problem}{whose}. Upgrade boooply.", is_permanent=True)

    async def step(self, name: str, step: Step[E, T], /) -> T:
        """Run a step on one row in its own transaction, and create the row if it does not exist.

        Raises:
            StoreError: The database fails.
        """
        return await self.database.write(lambda connection: self.step_in(connection, name, step))

    async def step_known(self, name: str, step: Step[E, T], /) -> T | None:
        """Run a step on one row in its own transaction, and return None if the row does not exist.

        Raises:
            StoreError: The database fails.
        """
        return await self.database.write(lambda connection: self.step_known_in(connection, name, step))

    def step_known_in(self, connection: Connection, name: str, step: Step[E, T], /, **others: object) -> T | None:
        """Run a step on one row in the caller's transaction, and return None if the row does not exist.

        If the step changes the entry, also write ``others``: values of columns that are not fields of the entry.
        """
        locked = self._lock(connection, name)
        return None if locked is None else self._apply(connection, name, *locked, step, **others)

    def step_in(self, connection: Connection, name: str, step: Step[E, T], /, **others: object) -> T:
        """Run a step on one row in the caller's transaction, and create the row if it does not exist.

        If the step changes the entry, also write ``others``: values of columns that are not fields of the entry.
        """
        while (locked := self._lock(connection, name)) is None:
            # Create the row to lock it. If two processes do so, the second one waits here. The step sets its time.
            insert_missing(connection, self.table, [self._values(name, self._new(name), 0.0)])
        return self._apply(connection, name, *locked, step, **others)

    def _apply(
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
        """Run a step on the entry of a row that this transaction has locked."""
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
        """Return the entry of a row, the time at which it was written, and the present time."""
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
    """Iterate over the rows of a query in the order of their key, which is its first column. Read them in batches."""
    last = ""
    while True:
        batch = query.where(key > last).order_by(key).limit(BATCH)
        found = await database.read(partial(fetch, batch))
        for row in found:
            yield row
        if len(found) < BATCH:
            return
        last = found[-1][0]


def fetch(query: Select[*tuple[Any, ...]], connection: Connection) -> Sequence[Any]:
    """Return all rows of a query."""
    return connection.execute(query).all()


async def reencrypt(
    database: Database, table: Table, encryption: Encryption, decrypt: Callable[[str, bytes], Secret | None], /
) -> int:
    """Encrypt the values of a table with the first encryption key, commit each batch, and return their number.

    A value for which ``decrypt`` returns None stays unchanged.
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
    """Insert rows in their order, and skip rows that exist."""
    connection.execute(_insert_missing(connection.dialect.name, table), rows)


def put(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row, or update the named columns of the row with the same key."""
    connection.execute(_put(connection.dialect.name, table, tuple(row)), row)


def execute_both(connection: Connection, first: Insert | Update, second: Update, values: Mapping[str, Any]) -> int:
    """Execute two statements that change different rows, and return how many rows the second one changed.

    PostgreSQL executes them in one round trip. Neither may depend on the changes of the other.
    """
    if connection.dialect.name == "postgresql":
        return connection.execute(_both(first, second), values).rowcount
    connection.execute(first, values)
    return connection.execute(second, values).rowcount


def in_scope(table: FromClause, scope: Mapping[str, str]) -> ColumnElement[bool]:
    """Return the condition that the columns have these values."""
    return and_(true(), *(table.c[name] == value for name, value in scope.items()))


def insert(dialect: str, table: Table) -> Insert:
    """Return an insert statement that can have an ``ON CONFLICT`` clause."""
    return _INSERTS[dialect](table)


def _clamped(entry: E, name: str, written_at: float, now: float) -> E:
    """Return an entry whose lease ends no later than if it began now, because the clock may have been set back."""
    lease = getattr(entry, "locked_until", 0.0) - written_at
    if written_at <= now + _SLACK or lease <= 0:
        return entry
    logger.warning("the clock was set back by %.0f s: the lease of %s ends in %.0f s", written_at - now, name, lease)
    ahead: Any = entry  # of any class with the field
    return cast("E", attrs.evolve(ahead, locked_until=now + lease))


@cache
def _locked(table: Table, entry_type: type[attrs.AttrsInstance], clock: ColumnElement[float]) -> Select[Any]:
    written_at: ColumnElement[float] = table.c.changed_at if "changed_at" in table.c else literal(0.0)
    columns = select(*(table.c[name] for name in _names(entry_type)), written_at.label("written_at"))
    is_named = (table.c[name] == bindparam(name) for name in _keys(table))
    locked = columns.where(*is_named).with_for_update().cte("locked")
    timed: list[ColumnElement[Any]] = [*locked.c, clock]  # reads the clock after the wait for the lock
    return select(*timed)


@cache
def _both(first: Insert | Update, second: Update) -> Update:
    return second.add_cte(first.cte("first"))


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
