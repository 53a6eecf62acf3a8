"""Where the rows of an export go: standard output, or a file that is complete or absent, with a half-finished one."""

import json
import os
import sqlite3
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

import attrs

from boooply.cli.interviews.rows import Format, Row
from boooply.errors import BoooplyError, ConfigurationError

Evaluations = Mapping[str, Row]
"""The columns of the evaluations that were read already, by the meeting code."""

_KIND: Final = 0x6270_6C79  # marks the SQLite file as a half-finished export
_VERSION: Final = 1
_PRIVATE: Final = 0o600
_SCHEMA: Final = """
CREATE TABLE export (options TEXT NOT NULL, begun_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M', 'now')));
CREATE TABLE customers (customer TEXT PRIMARY KEY);
CREATE TABLE interviews (
    customer TEXT NOT NULL, meeting_code TEXT NOT NULL, place INTEGER NOT NULL, row TEXT NOT NULL, evaluation TEXT,
    PRIMARY KEY (customer, meeting_code)
);
"""
_PUT: Final = """
INSERT INTO interviews VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET place = excluded.place, row = excluded.row, evaluation = excluded.evaluation
"""
_ANY: Final = "SELECT EXISTS (SELECT 1 FROM interviews)"
_COMPLETE: Final = """
SELECT row, evaluation FROM interviews WHERE customer IN (SELECT customer FROM customers)
ORDER BY customer, place
"""


@attrs.frozen
class ReadRow:
    """A row that was read.

    Attributes:
        place: Its place in the list of the customer's interviews.
        code: The meeting code.
        row: The columns of the interview.
        evaluation: Those of its evaluation, if that was read.
    """

    place: int
    code: str
    row: Row
    evaluation: Row | None = None


class Sink(Protocol):
    """Where the rows of an export go."""

    @property
    def begun_at(self) -> str | None:
        """When the export was begun, in UTC, if an earlier run began it."""
        ...

    @property
    def customers(self) -> frozenset[str]:
        """The customers of which it has everything."""
        ...

    def evaluations(self, customer: str, /) -> Evaluations:
        """Return the evaluations of a customer that need not be read again."""
        ...

    def put(self, customer: str, rows: Iterable[ReadRow], /) -> None:
        """Take rows of a customer."""

    def finish(self, customer: str, /) -> None:
        """Record that all rows of a customer are there."""


@attrs.define(eq=False)
class Stream:
    """Standard output, which gets each row at once, and the first row of an interview only."""

    _format: Format
    begun_at: None = attrs.field(default=None, init=False)
    customers: frozenset[str] = attrs.field(factory=frozenset[str], init=False)
    _seen: dict[str, set[str]] = attrs.field(factory=dict[str, set[str]], init=False)

    def __attrs_post_init__(self) -> None:
        self._write(self._format.head)

    def evaluations(self, customer: str, /) -> Evaluations:
        """Return the interviews that have been written: nothing more is needed of them."""
        return {code: {} for code in self._seen.get(customer, ())}

    def put(self, customer: str, rows: Iterable[ReadRow], /) -> None:
        """Write the rows of interviews that were not written before."""
        seen = self._seen.setdefault(customer, set())
        lines: list[str] = []
        for one in rows:
            if one.code not in seen:
                seen.add(one.code)
                lines.append(self._format.line({**one.row, **(one.evaluation or {})}))
        self._write("".join(lines))

    def finish(self, customer: str, /) -> None:
        """Forget what was written of a customer."""
        self._seen.pop(customer, None)

    def _write(self, text: str) -> None:
        sys.stdout.buffer.write(text.encode())  # in UTF-8, whatever the terminal has
        sys.stdout.buffer.flush()


@attrs.define(eq=False)
class Part:
    """A half-finished export in ``FILE.part``, a SQLite file: killed at any time, it continues from there.

    Attributes:
        begun_at: When it was begun, in UTC, if an earlier run began it.
    """

    _database: sqlite3.Connection
    begun_at: str | None
    _is_needed: bool = attrs.field(default=True, init=False)

    @classmethod
    @contextmanager
    def open(cls, target: Path, options: Mapping[str, Any]) -> Generator["Part"]:
        """Open the half-finished export to a file, or begin one; nobody else can open it meanwhile.

        In the end it is deleted if the file is complete, or nothing was read.

        Raises:
            ConfigurationError: The file cannot be written, or its half-finished export has other options.
            BoooplyError: The half-finished export cannot be written, because the disk is full for example.
        """
        path = target.with_name(f"{target.name}.part")
        if target.exists() and not target.is_file():
            raise ConfigurationError(f"--output: {target} is not a file: name one, or leave it out for standard output")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, _PRIVATE))
        except OSError as error:
            raise ConfigurationError(f"--output: {path} cannot be written: {error.strerror}") from None
        database = sqlite3.connect(path, isolation_level=None, timeout=0)
        is_needed = True
        try:
            part = cls(database, _begin(database, path, json.dumps(options, sort_keys=True)))
            try:
                yield part
            finally:
                is_needed = part._is_needed and database.execute(_ANY).fetchone() == (1,)
        except sqlite3.Error as error:
            raise _unusable(path, error) from None
        finally:
            database.close()
            if not is_needed:
                path.unlink(missing_ok=True)

    @property
    def customers(self) -> frozenset[str]:
        """The customers of which it has everything."""
        return frozenset(customer for (customer,) in self._database.execute("SELECT customer FROM customers"))

    def evaluations(self, customer: str, /) -> Evaluations:
        """Return the evaluations of a customer that earlier runs have read."""
        found = self._database.execute(
            "SELECT meeting_code, evaluation FROM interviews WHERE customer = ? AND evaluation IS NOT NULL", (customer,)
        )
        return {code: json.loads(evaluation) for code, evaluation in found}

    def put(self, customer: str, rows: Iterable[ReadRow], /) -> None:
        """Store rows in one transaction; of an interview that it has, the new row counts."""
        values = [
            (customer, one.code, one.place, json.dumps(one.row), one.evaluation and json.dumps(one.evaluation))
            for one in rows
        ]
        self._database.execute("BEGIN")
        self._database.executemany(_PUT, values)
        self._database.execute("COMMIT")

    def finish(self, customer: str, /) -> None:
        """Record that all rows of a customer are there."""
        self._database.execute("INSERT OR IGNORE INTO customers VALUES (?)", (customer,))

    def write(self, target: Path, form: Format) -> int:
        """Write the rows of complete customers to the file, which replaces an existing one, and count them.

        Raises:
            BoooplyError: It cannot be written; what was read is kept.
        """
        whole = target.with_name(f"{target.name}.part.new")
        count = 0
        try:
            number = os.open(whole, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, _PRIVATE)
            with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
                file.write(form.head)
                for row, evaluation in self._database.execute(_COMPLETE):
                    file.write(form.line({**json.loads(row), **json.loads(evaluation or "{}")}))
                    count += 1
                file.flush()
                os.fsync(file.fileno())
            whole.replace(target)
            self._is_needed = False
        except OSError as error:
            with suppress(OSError):
                whole.unlink(missing_ok=True)
            raise BoooplyError(f"{target} cannot be written: {error.strerror}. Run the same command again") from None
        return count


def _begin(database: sqlite3.Connection, path: Path, options: str) -> str | None:
    """Create the tables, or check that they belong to the same export; return when that was begun."""
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("BEGIN EXCLUSIVE")

    def read(query: str) -> Any:
        return database.execute(query).fetchone()

    if read("SELECT count(*) FROM sqlite_master") == (0,):
        database.execute(f"PRAGMA application_id = {_KIND}")
        database.execute(f"PRAGMA user_version = {_VERSION}")
        for statement in _SCHEMA.split(";"):
            database.execute(statement)
        database.execute("INSERT INTO export (options) VALUES (?)", (options,))
        database.execute("COMMIT")
        return None
    database.execute("COMMIT")
    if (read("PRAGMA application_id"), read("PRAGMA user_version")) != ((_KIND,), (_VERSION,)):
        raise _not_ours(path)
    found, begun_at = read("SELECT options, begun_at FROM export")
    if found != options:
        raise ConfigurationError(
            f"--output: {path} is a half-finished export with other options: run that command again, delete "
            f"{path.name}, or name another file"
        )
    return str(begun_at)


def _not_ours(path: Path) -> ConfigurationError:
    return ConfigurationError(f"--output: {path} is not a half-finished export: move it away, or name another file")


def _unusable(path: Path, error: sqlite3.Error) -> BoooplyError:
    if error.sqlite_errorname == "SQLITE_BUSY":
        return ConfigurationError(f"--output: another export is writing {path}: wait for it, or name another file")
    if error.sqlite_errorname == "SQLITE_NOTADB":
        return _not_ours(path)
    return BoooplyError(f"{path} cannot be used: {error}. Once that is repaired, run the same command again")
