"""The destinations of an export: standard output, or a file that appears when it is complete."""

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
"""The columns of evaluations that were read already, by meeting code."""

_KIND: Final = 0x6270_6C79  # marks the SQLite file as an unfinished export
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
        place: Its position in the customer's list.
        code: The meeting code.
        row: The columns of the interview.
        evaluation: The columns of its evaluation, or None if it was not read.
    """

    place: int
    code: str
    row: Row
    evaluation: Row | None = None


class Sink(Protocol):
    """A destination of an export's rows."""

    @property
    def begun_at(self) -> str | None:
        """The UTC time at which an earlier run began the export, or None."""
        ...

    @property
    def customers(self) -> frozenset[str]:
        """The customers whose rows are complete."""
        ...

    def evaluations(self, customer: str, /) -> Evaluations:
        """Return the evaluations of a customer that were read already."""
        ...

    def put(self, customer: str, rows: Iterable[ReadRow], /) -> None:
        """Add rows of a customer."""

    def finish(self, customer: str, /) -> None:
        """Record that a customer's rows are complete."""


@attrs.define(eq=False)
class Stream:
    """Standard output, to which each interview is written once, as soon as it was read."""

    _format: Format
    begun_at: None = attrs.field(default=None, init=False)
    customers: frozenset[str] = attrs.field(factory=frozenset[str], init=False)
    _seen: dict[str, set[str]] = attrs.field(factory=dict[str, set[str]], init=False)

    def __attrs_post_init__(self) -> None:
        self._write(self._format.head)

    def evaluations(self, customer: str, /) -> Evaluations:
        """Return the interviews that were written, which need not be read again."""
        return {code: {} for code in self._seen.get(customer, ())}

    def put(self, customer: str, rows: Iterable[ReadRow], /) -> None:
        """Write the rows of interviews that were not written yet."""
        seen = self._seen.setdefault(customer, set())
        lines: list[str] = []
        for one in rows:
            if one.code not in seen:
                seen.add(one.code)
                lines.append(self._format.line({**one.row, **(one.evaluation or {})}))
        self._write("".join(lines))

    def finish(self, customer: str, /) -> None:
        """Forget which interviews of a customer were written."""
        self._seen.pop(customer, None)

    def _write(self, text: str) -> None:
        sys.stdout.buffer.write(text.encode())  # in UTF-8, whatever the encoding of the terminal
        sys.stdout.buffer.flush()


@attrs.define(eq=False)
class Part:
    """An unfinished export in ``FILE.part``, a SQLite file from which a killed export continues.

    Attributes:
        begun_at: The UTC time at which an earlier run began the export, or None.
    """

    _database: sqlite3.Connection
    begun_at: str | None
    _is_needed: bool = attrs.field(default=True, init=False)

    @classmethod
    @contextmanager
    def open(cls, target: Path, options: Mapping[str, Any]) -> Generator["Part"]:
        """Open the unfinished export to a file, or begin one, with an exclusive lock.

        At the end, delete it if the file is complete or nothing was read.

        Raises:
            ConfigurationError: The file cannot be written, or its unfinished export has other options.
            BoooplyError: The unfinished export cannot be written, for example because the disk is full.
        """
        path = target.with_name(f"{target.name}.part")
        if target.exists() and not target.is_file():
            raise ConfigurationError(
                f"--output: {target} is not a regular file. Choose a file, or leave out --output to print the export"
            )
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
        """The customers whose rows are complete."""
        return frozenset(customer for (customer,) in self._database.execute("SELECT customer FROM customers"))

    def evaluations(self, customer: str, /) -> Evaluations:
        """Return the evaluations of a customer that earlier runs read."""
        found = self._database.execute(
            "SELECT meeting_code, evaluation FROM interviews WHERE customer = ? AND evaluation IS NOT NULL", (customer,)
        )
        return {code: json.loads(evaluation) for code, evaluation in found}

    def put(self, customer: str, rows: Iterable[ReadRow], /) -> None:
        """Store rows in one transaction. A new row of an interview replaces the old one."""
        values = [
            (customer, one.code, one.place, json.dumps(one.row), one.evaluation and json.dumps(one.evaluation))
            for one in rows
        ]
        self._database.execute("BEGIN")
        self._database.executemany(_PUT, values)
        self._database.execute("COMMIT")

    def finish(self, customer: str, /) -> None:
        """Record that a customer's rows are complete."""
        self._database.execute("INSERT OR IGNORE INTO customers VALUES (?)", (customer,))

    def write(self, target: Path, form: Format) -> int:
        """Write the rows of complete customers to the file, replace an existing file, and return the number of rows.

        Raises:
            BoooplyError: The file cannot be written. The rows that were read are kept.
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
            raise BoooplyError(
                f"{target} cannot be written: {error.strerror}. Fix this, then run the same command again"
            ) from None
        return count


def _begin(database: sqlite3.Connection, path: Path, options: str) -> str | None:
    """Create the tables, or check that they belong to the same export, and return when it was begun."""
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
            f"--output: {path} is an unfinished export with other options. Run the command with those options again, "
            f"delete {path.name}, or choose another file"
        )
    return str(begun_at)


def _not_ours(path: Path) -> ConfigurationError:
    return ConfigurationError(f"--output: {path} is not an unfinished export. Move it away, or choose another file")


def _unusable(path: Path, error: sqlite3.Error) -> BoooplyError:
    if error.sqlite_errorname == "SQLITE_BUSY":
        return ConfigurationError(
            f"--output: another export is writing {path}. Wait until it has finished, or choose another file"
        )
    if error.sqlite_errorname == "SQLITE_NOTADB":
        return _not_ours(path)
    return BoooplyError(f"{path} cannot be used: {error}. Fix this, then run the same command again")
