"""The customers of a CSV or JSON Lines file, and everything that is wrong with it.

An unknown column or JSON key is an error. Minting cannot be undone: a mistyped ``organizaton_name`` that was ignored
would mint a thousand organizations without a name.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import attrs

from boooply.errors import ProvisioningError, ValidationError
from boooply.models import TeamMember, Tenant
from boooply.secret import redact

T = TypeVar("T")
Pairs = Iterable[tuple[str, Any]]  # names and values of either format: a dict would hide a repeated name
Rows = Iterator["tuple[int, Pairs] | BadRow"]  # each with its line

_COLUMNS: Final[dict[type, tuple[str, ...]]] = {
    Tenant: ("organization_id", "organization_name", "user_id", "user_email", "user_name", "team_members"),
    TeamMember: ("role", "email", "name"),  # in the order in which a CSV cell joins them
}
# Each with a valid value, which replaces one that the model rejects: see _built.
_REQUIRED: Final[dict[type, dict[str, str]]] = {
    Tenant: {"organization_id": "id", "user_id": "id", "user_email": "a@b"},
    TeamMember: {"email": "a@b"},
}
_SHOWN: Final = 40
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_csv_reader = partial(csv.reader, skipinitialspace=True, strict=True)


@attrs.frozen(kw_only=True)
class BadRow:
    """A row that must be changed.

    Attributes:
        line: The line of the file, from 1; the first line of a row over several lines, or the one at fault.
        problem: All problems of the row, separated by semicolons; keys are masked, control characters escaped.
    """

    line: int
    problem: str


@attrs.frozen(kw_only=True)
class Plan:
    """The customers of a file, in its order, and the rows that must be changed."""

    tenants: tuple[Tenant, ...]
    bad_rows: tuple[BadRow, ...]


def read_tenants(path: str | Path) -> Plan:
    """Read all customers of a file, as ``iterate_rows`` does."""
    rows = tuple(iterate_rows(path))
    tenants = tuple(row for row in rows if isinstance(row, Tenant))
    return Plan(tenants=tenants, bad_rows=tuple(row for row in rows if isinstance(row, BadRow)))


def iterate_rows(path: str | Path) -> Iterator[Tenant | BadRow]:
    """Read the customers of a file one at a time; earlier ids are kept on disk, not in memory.

    ``.jsonl`` and ``.ndjson`` are JSON Lines, all else is CSV. Lines that are blank or contain only commas are skipped.

    Raises:
        ProvisioningError: The file cannot be opened, has no usable header, or contains no customers.
    """
    path = Path(path)
    row = None
    try:
        # Bytes that are not UTF-8 become lone surrogates, so that only their own row is bad.
        file = path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise ProvisioningError(f"{path}: cannot be opened: {error.strerror}") from error
    with file, closing(_FirstLines()) as first_lines:
        for row in _READERS.get(path.suffix.lower(), _csv_rows)(_Lines(source=str(path), file=file)):
            yield row if isinstance(row, BadRow) else _checked(*row, first_lines)
    if row is None:
        raise ProvisioningError(f"{path}: contains no customers")


class _FirstLines:
    """The line on which each id occurs first, in a temporary SQLite file of any size."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def of(self, identity: str, line: int) -> int:
        """Return the line on which an id occurs first; a new id is recorded with this line."""
        row = (identity.encode("utf-8", "surrogatepass"), line)
        if self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", row).rowcount:
            return line
        first: int = self._rows.execute("SELECT line FROM seen WHERE id = ?", row[:1]).fetchone()[0]
        return first

    def close(self) -> None:
        self._rows.close()


@attrs.define(kw_only=True)
class _Lines(Iterator[str]):
    """The lines of a file, of which those of the current record can be read again."""

    source: str
    file: Iterator[str]
    number: int = 1  # of the record's first line
    record: list[str] = attrs.field(factory=list[str])
    unread: deque[str] = attrs.field(factory=deque[str])

    def __next__(self) -> str:
        self.record.append(self.unread.popleft() if self.unread else next(self.file))
        return self.record[-1]

    def advance(self, count: int) -> None:
        """Start the next record after ``count`` lines of this one."""
        self.unread.extendleft(reversed(self.record[count:]))
        self.number += count
        self.record.clear()

    def bad_byte(self) -> BadRow | None:
        for number, line in enumerate(self.record, self.number):
            if found := _LONE_SURROGATE.search(line):
                place = f"byte 0x{ord(found.group()) - 0xDC00:02X} at character {found.start() + 1}"
                return BadRow(line=number, problem=f"not UTF-8: {place}; save the file as UTF-8")
        return None


def _csv_rows(lines: _Lines) -> Rows:
    records = _csv_records(lines)
    header = _header(next(records, None), lines.source)
    for record in records:
        yield record if isinstance(record, BadRow) else _csv_row(*record, header)


def _csv_records(lines: _Lines) -> Iterator[tuple[int, list[str]] | BadRow]:
    while True:
        try:
            cells = next(_csv_reader(lines), None)  # a reader for each record takes the lines of that record alone
        except csv.Error as error:
            hint = "close each quoted cell, and double each quote inside it"
            yield BadRow(line=lines.number, problem=f"not valid CSV: {error}; {hint}")
            lines.advance(1)  # the lines that an open quote has swallowed are read again, and checked too
            continue
        if cells is None:
            return
        if bad := lines.bad_byte():
            yield bad
        elif any(map(str.strip, cells)):
            yield lines.number, cells
        lines.advance(len(lines.record))


def _header(record: tuple[int, list[str]] | BadRow | None, source: str) -> list[str]:
    if record is None:
        raise ProvisioningError(f"{source}: is empty; add a header row with the columns {', '.join(_COLUMNS[Tenant])}")
    if isinstance(record, BadRow):
        raise ProvisioningError(f"{source}: line {record.line}: {record.problem}")
    line, cells = record
    found, problems = _by_column(((cell, cell) for cell in cells), Tenant)
    problems += [f"column {column} is missing" for column in _REQUIRED[Tenant] if column not in found]
    if problems:
        raise ProvisioningError(f"{source}: line {line} (the header): {'; '.join(problems)}")
    return list(found)


def _csv_row(line: int, cells: list[str], header: list[str]) -> tuple[int, Pairs] | BadRow:
    if len(cells) != len(header):
        counts = f"the row has {len(cells)} cells, the header has {len(header)}"
        return BadRow(line=line, problem=f"{counts}: put a cell that contains a comma in double quotes")
    values: dict[str, Any] = dict(zip(header, cells, strict=True))
    entries = values.get("team_members", "").split(";")
    parts = (entry.split(":", 2) for entry in entries if entry.strip())  # a name may contain colons
    values["team_members"] = [tuple(zip(_COLUMNS[TeamMember], part, strict=False)) for part in parts]
    return line, values.items()


def _json_rows(lines: _Lines) -> Rows:
    for text in lines:
        if bad := lines.bad_byte():
            yield bad
        elif text.strip():
            yield _json_row(lines.number, text)
        lines.advance(1)


def _json_row(line: int, text: str) -> tuple[int, Pairs] | BadRow:
    try:
        given: Any = json.loads(text.rstrip(), object_pairs_hook=tuple)
    except json.JSONDecodeError as error:
        return BadRow(line=line, problem=f"not valid JSON: {error.msg} at character {error.colno}")
    except (ValueError, RecursionError):
        return BadRow(line=line, problem="not readable as JSON: a number is too long, or the nesting is too deep")
    if not isinstance(given, tuple):
        return BadRow(line=line, problem=f'{_shown(given)} must be an object, such as {{"organization_id": …}}')
    if _LONE_SURROGATE.search(json.dumps(given, ensure_ascii=False)):
        return BadRow(line=line, problem=r"contains half a surrogate pair: a \ud8… escape without the other half")
    return line, cast("tuple[tuple[str, Any], ...]", given)


_READERS: Final[dict[str, Callable[[_Lines], Rows]]] = {".jsonl": _json_rows, ".ndjson": _json_rows}


def _by_column(pairs: Pairs, model: type) -> tuple[dict[str, Any], list[str]]:
    known = _COLUMNS[model]
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in pairs:
        column = re.sub("(?<=[a-z])[A-Z]", lambda capital: f"_{capital[0].lower()}", name.strip())
        if column not in known:
            near = get_close_matches(column, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(known)}"
            problems.append(f"unknown name {_shown(name.strip())}: {hint}")
        elif column in found:
            problems.append(f"{column}: is given twice")
        else:
            found[column] = value.strip() if isinstance(value, str) else value
    return found, problems


def _checked(line: int, pairs: Pairs, first_lines: _FirstLines) -> Tenant | BadRow:
    values, problems = _by_column(pairs, Tenant)
    identity = values.get("organization_id")
    if type(identity) is int:  # as the model takes it
        identity = str(identity)
    # The id of a bad row counts too: otherwise the second row would become bad only after the first is corrected.
    if identity and isinstance(identity, str) and (first := first_lines.of(identity, line)) != line:
        problems.append(f"organization_id: {_shown(identity)} is already used on line {first}")
    values["team_members"], bad_members = _members(values.get("team_members"))
    tenant, bad = _built(Tenant, values)
    problems += bad_members + bad
    return BadRow(line=line, problem="; ".join(problems)) if problems else tenant


def _members(given: Any) -> tuple[list[TeamMember], list[str]]:
    if not isinstance(given or [], list):
        return [], [f"team_members: {_shown(given)} must be a list of objects"]
    members: list[TeamMember] = []
    problems: list[str] = []
    for number, entry in enumerate(given or [], 1):
        if isinstance(entry, tuple):
            values, unknown = _by_column(cast("tuple[tuple[str, Any], ...]", entry), TeamMember)
            member, bad = _built(TeamMember, values)
            members.append(member)
        else:
            unknown, bad = [], [f"{_shown(entry)} must be an object"]
        problems += [f"team_members, member {number}: {problem}" for problem in unknown + bad]
    return members, problems


def _built(model: type[T], values: dict[str, Any]) -> tuple[T, list[str]]:
    """Build a model, and collect all problems of its values.

    A model raises one problem at a time: a valid value instead of the rejected one reveals the next problem.
    """
    present = {column: value for column, value in values.items() if value is not None and value != ""}
    tried = {**dict.fromkeys(_REQUIRED[model], ""), **present}
    problems: dict[str, str] = {}
    while True:
        try:
            return model(**tried), [f"{column}: {problem}" for column, problem in problems.items()]
        except ValidationError as error:
            if error.field in problems:
                raise  # it rejects our own value too: never loop
            rule = error.rule.partition(", not ")[0]  # the text below shows the value, with keys masked
            rejected = tried[error.field]
            problems[error.field] = "is missing" if rejected == "" else f"{_shown(rejected)} {rule}"
            tried[error.field] = _REQUIRED[model].get(error.field)


def _shown(value: Any) -> str:
    # Enough of it to find it, without control characters or a key that slipped into the wrong column.
    if isinstance(value, str):
        safe = redact(value)
        return f"{safe[:_SHOWN]!r}{'…' if len(safe) > _SHOWN else ''}"
    return "an object" if isinstance(value, tuple) else redact(json.dumps(value))[:_SHOWN]
