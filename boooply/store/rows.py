"""Many rows in one statement, handed over as one JSON text.

So a statement reads the same for any number of rows and is made once, and SQLite takes a group in one step: row by row
its driver would hand the interpreter's lock over and back at each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Connection, LargeBinary, Table, TextClause, text

from boooply.protocol.bodies import compact

# What is sealed is ASCII, which is how it gets into JSON; each is formatted with a column's name.
_AS_SQLITE: Final = {False: "json_extract(value, '$.{0}')", True: "CAST(json_extract(value, '$.{0}') AS BLOB)"}
_AS_POSTGRESQL: Final = {False: "{0}", True: "convert_to({0}, 'UTF8')"}
_LISTS: Final = {
    "sqlite": "SELECT value FROM json_each(:ids)",
    "postgresql": "SELECT json_array_elements_text(CAST(:ids AS json))",
}


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows in their order, leaving those alone that are there."""
    _insert(connection, table, rows, overwrites=False)


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows in their order, or write over those with the same primary key; what a row does not name stays."""
    _insert(connection, table, rows, overwrites=True)


def among(dialect: str) -> TextClause:
    """Make what ``in_`` takes for a list of texts that is given when the statement is run: see ``listed``."""
    return text(_LISTS[dialect])


def listed(ids: Iterable[str]) -> dict[str, str]:
    """Make the parameters of a statement with ``among``."""
    return {"ids": compact([*ids], default=_ascii)}


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, overwrites: bool) -> None:
    statement = _inserting(connection.dialect.name, table, tuple(rows[0]), overwrites=overwrites)
    connection.execute(statement, {"rows": compact(rows, default=_ascii)})


@cache
def _inserting(dialect: str, table: Table, names: tuple[str, ...], *, overwrites: bool) -> TextClause:
    source = _SOURCES[dialect]([table.c[name] for name in names])
    identity = ", ".join(column.name for column in table.primary_key)
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in table.primary_key)
    ending = f"UPDATE SET {changes}" if overwrites else "NOTHING"
    head = f"INSERT INTO {table.name} ({', '.join(names)})"
    return text(f"{head} {source} ON CONFLICT ({identity}) DO {ending}")


def _from_sqlite(columns: Iterable[Column[Any]]) -> str:
    values = ", ".join(_AS_SQLITE[_is_sealed(column)].format(column.name) for column in columns)
    return f"SELECT {values} FROM json_each(:rows) WHERE true"  # noqa: S608 - names of the schema alone


def _from_postgresql(columns: Iterable[Column[Any]]) -> str:
    kinds = [f"{one.name} {'text' if _is_sealed(one) else one.type}" for one in columns]
    values = ", ".join(_AS_POSTGRESQL[_is_sealed(column)].format(column.name) for column in columns)
    given = f"json_to_recordset(CAST(:rows AS json)) AS given({', '.join(kinds)})"
    return f"SELECT {values} FROM {given}"  # noqa: S608 - names of the schema alone


_SOURCES: Final = {"sqlite": _from_sqlite, "postgresql": _from_postgresql}


def _is_sealed(column: Column[Any]) -> bool:
    return isinstance(column.type, LargeBinary)


def _ascii(sealed: bytes) -> str:
    return sealed.decode("ascii", "replace")  # what is not has been damaged, and opens as little afterwards
