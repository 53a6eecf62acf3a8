"""Read a file of customers, and tell everything that is wrong with it before anything is sent.

A name that is not known is refused, as a CSV column and as a JSON key: minting cannot be undone, and a mistyped
``organizaton_name`` that is merely ignored would mint a thousand organizations without a name.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from bisect import bisect_left
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
Pairs = Iterable[tuple[str, Any]]  # names and values as every format hands them out: a dict would hide a repeated name
EventClaim = Iterator["tuple[int, Pairs] | BadRow"]  # a row with its line

_COLUMNS: Final[dict[type, tuple[str, ...]]] = {
    Tenant: ("organization_id", "organization_name", "user_id", "user_email", "user_name", "team_members"),
    TeamMember: ("role", "email", "name"),  # in the order in which a CSV cell joins them
}
# With what the model takes in the place of a value that it refused: see _built.
_REQUIRED: Final[dict[type, dict[str, str]]] = {
    Tenant: {"organization_id": "id", "user_id": "id", "user_email": "a@b"},
    TeamMember: {"email": "a@b"},
}
_SHOWN: Final = 40
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_csv_reader = partial(csv.reader, skipinitialspace=True)
_OPENS_HERE: Final = 'unbalanced quote: a cell that opens here with " '
# The csv module's words, and ours.
_CSV_PROBLEMS: Final = {
    "unexpected end": _OPENS_HERE + "is never closed",
    "expected after": _OPENS_HERE + 'is not closed where it ends: close it, or write a " inside it twice',
    "field larger": f"{_OPENS_HERE}is never closed, or the cell is longer than {csv.field_size_limit():,} characters",
}


@attrs.frozen(kw_only=True)
class BadRow:
    """Tell what to change in one row.

    Attributes:
        line: The physical line of the file, from 1; of a row over several lines the first, or the one at fault.
        problem: All that is wrong with it, semicolons between; no key in it, and control characters escaped.
    """

    line: int
    problem: str


@attrs.frozen(kw_only=True)
class Plan:
    """Hold the customers of a file in its order, and the rows that have to be changed first."""

    tenants: tuple[Tenant, ...]
    bad_rows: tuple[BadRow, ...]


def read_tenants(path: str | Path) -> Plan:
    """Read all customers of a file, under the terms of ``iterate_rows``."""
    rows = tuple(iterate_rows(path))
    tenants = tuple(row for row in rows if isinstance(row, Tenant))
    return Plan(tenants=tenants, bad_rows=tuple(row for row in rows if isinstance(row, BadRow)))


def iterate_rows(path: str | Path) -> Iterator[Tenant | BadRow]:
    """Read the customers of a file one at a time; the ids of those before are kept on disk, not in memory.

    ``.jsonl`` and ``.ndjson`` are JSON Lines, all else is CSV. A line that is blank or holds only commas is skipped.

    Raises:
        ProvisioningError: The file cannot be opened, has no usable header, or holds no customers.
    """
    path = Path(path)
    row = None
    try:
        # Bytes that are not UTF-8 come through as lone surrogates, so that only their own row is bad.
        file = path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise ProvisioningError(f"{path}: cannot be opened: {error.strerror}") from error
    with file, closing(_FirstLines()) as first_lines:
        for row in _READERS.get(path.suffix.lower(), _csv_rows)(_Lines(source=str(path), file=file)):
            yield row if isinstance(row, BadRow) else _checked(*row, first_lines)
    if row is None:
        raise ProvisioningError(f"{path}: holds no customers")


class _FirstLines:
    """Remember on which line each id came first: in a temporary file of SQLite's, whatever their number."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def of(self, identity: str, line: int) -> int:
        """Give the line on which an id came first, which is this one if it is new."""
        row = (identity.encode("utf-8", "surrogatepass"), line)
        if self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", row).rowcount:
            return line
        first: int = self._rows.execute("SELECT line FROM seen WHERE id = ?", row[:1]).fetchone()[0]
        return first

    def close(self) -> None:
        self._rows.close()


@attrs.define(kw_only=True)
class _Lines(Iterator[str]):
    """Hand out the physical lines of a file, and hold those of the record being read for a second look."""

    source: str
    file: Iterator[str]
    number: int = 1  # of the first line held
    held: list[str] = attrs.field(factory=list[str])
    again: deque[str] = attrs.field(factory=deque[str])

    def __next__(self) -> str:
        self.held.append(self.again.popleft() if self.again else next(self.file))
        return self.held[-1]

    def settle(self, count: int) -> None:
        """Be done with the first ``count`` lines held; the others are handed out again."""
        self.again.extendleft(reversed(self.held[count:]))
        self.number += count
        self.held.clear()

    def bad_byte(self) -> BadRow | None:
        for number, line in enumerate(self.held, self.number):
            if found := _LONE_SURROGATE.search(line):
                place = f"byte 0x{ord(found.group()) - 0xDC00:02X} at character {found.start() + 1} of the line"
                return BadRow(line=number, problem=f"not UTF-8: {place}; save the file as UTF-8")
        return None


def _csv_rows(lines: _Lines) -> EventClaim:
    records = _csv_records(lines)
    header = _header(next(records, None), lines.source)
    for record in records:
        yield record if isinstance(record, BadRow) else _csv_row(*record, header)


def _csv_records(lines: _Lines) -> Iterator[tuple[int, list[str]] | BadRow]:
    while True:
        try:
            # A reader a record: it takes the lines of one, so those held are the ones to look at when it fails.
            cells = next(_csv_reader(lines, strict=True), None)
        except csv.Error as error:
            opened = _opening_line(lines.held, str(error))
            problem = next((ours for theirs, ours in _CSV_PROBLEMS.items() if theirs in str(error)), str(error))
            yield BadRow(line=lines.number + opened, problem=problem)
            lines.settle(opened + 1)  # the rows that the open quote swallowed are read again, and checked too
            continue
        if cells is None:
            return
        if bad := lines.bad_byte():
            yield bad
        elif any(map(str.strip, cells)):
            yield lines.number, cells
        lines.settle(len(lines.held))


def _opening_line(held: list[str], error: str) -> int:
    # The open cell is the last one of the text (before the line that the reader stumbled over, if it did): it opens on
    # the first line that reaches that cell.
    reach = len(held) if "unexpected end" in error else len(held) - 1

    def cells(count: int) -> int:
        return sum(map(len, _csv_reader(held[:count])))

    return bisect_left(range(1, reach + 1), cells(reach), key=cells)


def _header(record: tuple[int, list[str]] | BadRow | None, source: str) -> list[str]:
    if record is None:
        raise ProvisioningError(f"{source}: is empty: the first row has to name {', '.join(_COLUMNS[Tenant])}")
    if isinstance(record, BadRow):
        raise ProvisioningError(f"{source}: line {record.line}: {record.problem}")
    line, cells = record
    found, problems = _by_column(((cell, cell) for cell in cells), Tenant)
    problems += [f"column {column} is missing" for column in _REQUIRED[Tenant] if column not in found]
    if problems:
        raise ProvisioningError(f"{source}: line {line}, which has to name the columns: {'; '.join(problems)}")
    return list(found)


def _csv_row(line: int, cells: list[str], header: list[str]) -> tuple[int, Pairs] | BadRow:
    if len(cells) != len(header):
        hint = 'a cell that holds a comma has to stand in "…"'
        return BadRow(line=line, problem=f"{len(cells)} cells where the header names {len(header)} columns: {hint}")
    values: dict[str, Any] = dict(zip(header, cells, strict=True))
    entries = values.get("team_members", "").split(";")
    parts = (entry.split(":", 2) for entry in entries if entry.strip())  # a name may hold colons
    values["team_members"] = [tuple(zip(_COLUMNS[TeamMember], part, strict=False)) for part in parts]
    return line, values.items()


def _json_rows(lines: _Lines) -> EventClaim:
    for text in lines:
        if bad := lines.bad_byte():
            yield bad
        elif text.strip():
            yield _json_row(lines.number, text)
        lines.settle(1)


def _json_row(line: int, text: str) -> tuple[int, Pairs] | BadRow:
    try:
        given: Any = json.loads(text.rstrip(), object_pairs_hook=tuple)
    except json.JSONDecodeError as error:
        return BadRow(line=line, problem=f"not JSON: {error.msg} at character {error.colno} of the line")
    except (ValueError, RecursionError):
        return BadRow(line=line, problem="not JSON that can be read: a number is too long, or it is nested too deep")
    if not isinstance(given, tuple):
        return BadRow(line=line, problem=f'{_shown(given)} has to be an object, as in {{"organization_id": …}}')
    if _LONE_SURROGATE.search(json.dumps(given, ensure_ascii=False)):
        return BadRow(line=line, problem=r"holds half of a character: a \ud8… escape without the other one")
    return line, cast("tuple[tuple[str, Any], ...]", given)


_READERS: Final[dict[str, Callable[[_Lines], EventClaim]]] = {".jsonl": _json_rows, ".ndjson": _json_rows}


def _by_column(pairs: Pairs, model: type) -> tuple[dict[str, Any], list[str]]:
    known = _COLUMNS[model]
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in pairs:
        column = re.sub("(?<=[a-z])[A-Z]", lambda capital: f"_{capital[0].lower()}", name.strip())
        if column not in known:
            near = get_close_matches(column, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            problems.append(f"{_shown(name.strip())} is unknown: {hint}")
        elif column in found:
            problems.append(f"{column}: given twice")
        else:
            found[column] = value.strip() if isinstance(value, str) else value
    return found, problems


def _checked(line: int, pairs: Pairs, first_lines: _FirstLines) -> Tenant | BadRow:
    values, problems = _by_column(pairs, Tenant)
    identity = values.get("organization_id")
    # A bad row uses its id too: otherwise the second row would turn bad only once the first is mended.
    if identity and isinstance(identity, str) and (first := first_lines.of(identity, line)) != line:
        problems.append(f"organization_id: {_shown(identity)} is used already on line {first}")
    values["team_members"], bad_members = _members(values.get("team_members"))
    tenant, bad = _built(Tenant, values)
    problems += bad_members + bad
    return BadRow(line=line, problem="; ".join(problems)) if problems else tenant


def _members(given: Any) -> tuple[list[TeamMember], list[str]]:
    if not isinstance(given or [], list):
        return [], [f"team_members: {_shown(given)} has to be a list of objects"]
    members: list[TeamMember] = []
    problems: list[str] = []
    for number, entry in enumerate(given or [], 1):
        if isinstance(entry, tuple):
            values, unknown = _by_column(cast("tuple[tuple[str, Any], ...]", entry), TeamMember)
            member, bad = _built(TeamMember, values)
            members.append(member)
        else:
            unknown, bad = [], [f"{_shown(entry)} has to be an object"]
        problems += [f"team_members, member {number}: {problem}" for problem in unknown + bad]
    return members, problems


def _built(model: type[T], values: dict[str, Any]) -> tuple[T, list[str]]:
    """Build a model, and tell all that it has against the values.

    It names one problem at a time: a stand-in for the value that it refused lets it come to the next one.
    """
    present = {column: value for column, value in values.items() if value is not None and value != ""}
    tried = {**dict.fromkeys(_REQUIRED[model], ""), **present}
    problems: dict[str, str] = {}
    while True:
        try:
            return model(**tried), [f"{column}: {problem}" for column, problem in problems.items()]
        except ValidationError as error:
            if error.field in problems:
                raise  # it refuses the stand-in too, and would for ever
            rule = error.rule.partition(", not ")[0]  # our text says itself what was given, and hides keys
            refused = tried[error.field]
            problems[error.field] = "missing" if refused == "" else f"{_shown(refused)} {rule}"
            tried[error.field] = _REQUIRED[model].get(error.field)


def _shown(value: Any) -> str:
    # No more of it than helps to find it, no control character, and no key that slipped into the wrong column.
    if isinstance(value, str):
        safe = redact(value)
        return f"{safe[:_SHOWN]!r}{'…' if len(safe) > _SHOWN else ''}"
    return "an object" if isinstance(value, tuple) else redact(json.dumps(value))[:_SHOWN]
