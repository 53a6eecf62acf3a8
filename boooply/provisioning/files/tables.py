"""Text tables: CSV with any delimiter, as spreadsheets export them."""

from __future__ import annotations

import csv
import re
import sys
from collections import deque
from collections.abc import Iterator
from typing import Final

import attrs

from boooply.errors import ProvisioningError
from boooply.provisioning.files.columns import Header, tenant_names
from boooply.provisioning.files.options import FileOptions
from boooply.provisioning.files.rows import COLUMNS, REMEDIES, Problem, Record, shown

DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}

_SEP_LINE: Final = re.compile(r'"?sep=(.)"?[,;\t]*\s*', re.IGNORECASE)  # how Excel declares a delimiter


@attrs.define(kw_only=True)
class Lines(Iterator[str]):
    """The lines of a file. The lines of the current record can be read again."""

    source: str
    file: Iterator[str]
    number: int = 1  # of the record's first line
    record: list[str] = attrs.field(factory=list[str])
    unread: deque[str] = attrs.field(factory=deque[str])

    def __next__(self) -> str:
        self.record.append(self.unread.popleft() if self.unread else next(self.file))
        return self.record[-1]

    def advance(self, count: int) -> None:
        """Start the next record after the first ``count`` lines of this one."""
        self.unread.extendleft(reversed(self.record[count:]))
        self.number += count
        self.record.clear()


@attrs.frozen
class Table:
    """A table whose header has been read."""

    lines: Lines
    delimiter: str
    header: Header

    def records(self) -> Iterator[Record]:
        """Yield the rows below the header, without blank ones."""
        reader = _reader(self.lines, self.delimiter)
        while (cells := _cells(reader)) is not None:
            if isinstance(cells, Problem):
                yield Record(self.lines.number, None, [cells])
                self.lines.advance(1)  # read the lines after an unclosed quote again, to check them too
                reader = _reader(self.lines, self.delimiter)
                continue
            record = self.header.record(self.lines.number, cells)
            if record is not None:
                yield record
            self.lines.advance(len(self.lines.record))


def open_table(lines: Lines, options: FileOptions) -> Table:
    """Read the header of a table, and find its delimiter.

    The delimiter is the given one, else that of a ``sep=`` line, else the one that separates the most known names.

    Raises:
        ProvisioningError: The header cannot be used.
    """
    _skip_blank_lines(lines)
    delimiter = options.delimiter
    if found := _SEP_LINE.fullmatch(next(lines, "")):
        delimiter = delimiter or found[1]
        lines.advance(1)
        _skip_blank_lines(lines)
    lines.advance(0)
    known = {one: _known(lines, one, options) for one in dict.fromkeys((*DELIMITERS, delimiter or ","))}
    best = max(known, key=lambda one: known[one])  # on a tie, the first one
    delimiter = delimiter or best
    cells = _cells(_reader(lines, delimiter))
    if cells is None:
        columns = ", ".join(COLUMNS)
        raise ProvisioningError(f"{lines.source}: the file is empty. Add a header row with the columns {columns}.")
    place = f"{lines.source}: line {lines.number} (the header)"
    if known[delimiter][0] < known[best][0]:
        problem = f"the delimiter is a {DELIMITERS[best]}, not {shown(delimiter)}"
        raise ProvisioningError(f"{place}: {problem}. Use --delimiter {_typed(best)} (Python: delimiter).")
    if isinstance(cells, Problem):
        raise ProvisioningError(f"{place}: {cells.text}. {REMEDIES[cells.kind]}")
    if options.delimiter is None and known[delimiter] == (0, 1):
        problem = f"the row has only one cell, {shown(cells[0])}"
        remedy = 'Name the delimiter, as in --delimiter "^" (Python: delimiter="^").'
        raise ProvisioningError(f"{place}: {problem}. {remedy}")
    header = Header(cells, options, place)
    lines.advance(len(lines.record))
    return Table(lines, delimiter, header)


def _skip_blank_lines(lines: Lines) -> None:
    for text in lines:
        if text.strip(' \t\r\n\xa0,;|"'):
            break
        lines.advance(1)
    lines.advance(0)


def _known(lines: Lines, delimiter: str, options: FileOptions) -> tuple[int, int]:
    """Count the known names and the cells that a delimiter separates in the next record, without consuming it.

    A record that cannot be read counts more than a record without a known name.
    """
    cells = _cells(_reader(lines, delimiter))
    lines.advance(0)
    if not isinstance(cells, list):
        return 0, sys.maxsize
    names = tenant_names(options)
    return sum(names.column(cell) is not None for cell in cells), len(cells)


def _reader(lines: Lines, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _cells(reader: Iterator[list[str]]) -> list[str] | Problem | None:
    """Read the next record, and no line after it."""
    try:
        return next(reader, None)
    except csv.Error as error:
        return Problem("unreadable row", f"not valid CSV: {error}")


def _typed(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else f'"{delimiter}"'
