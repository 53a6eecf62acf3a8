"""Excel workbooks (.xlsx), of which text, whole numbers and their formats are read, and nothing is calculated.

A library for workbooks would also read what is refused here, and hide why: one drops the zeros that a format shows
before an id, or makes an empty cell of an error.
"""

from __future__ import annotations

import lzma
import posixpath
import re
import struct
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from string import digits
from typing import IO, Final
from xml.etree.ElementTree import Element, ParseError, iterparse
from zipfile import BadZipFile, ZipFile

import attrs

from boooply.errors import ProvisioningError
from boooply.provisioning.files.columns import Header, tenant_names
from boooply.provisioning.files.options import FileOptions
from boooply.provisioning.files.rows import COLUMNS, REQUIRED, OddCell, Record, shown

Cell = str | OddCell

_DAMAGED: Final = (  # what ZIP files, their compressions, XML and numbers raise
    *(BadZipFile, zlib.error, lzma.LZMAError, struct.error, ParseError),
    *(EOFError, LookupError, OSError, RuntimeError, ValueError),
)
_MOST_COLUMNS: Final = 16_384  # of Excel
_MOST_BYTES: Final = 2_000_000_000  # of a part, unpacked
_LARGEST_EXPONENT: Final = 400  # more than that of any number in a spreadsheet
_DIGITS: Final = 15  # that a spreadsheet keeps
_ESCAPED: Final = re.compile("_x((?![Dd][89A-Fa-f])[0-9A-Fa-f]{4})_")  # half a surrogate pair is no character

# The numbers of Excel's own formats: those that show a whole number with all its digits, and those of dates and times.
_PLAIN: Final = frozenset({0, 1, 2, 3, 4, 11, *range(37, 45), 48, 49})
_DATES: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_LITERAL: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DATE_CODE: Final = re.compile("[dmyhs]", re.IGNORECASE)
_PLAIN_CODE: Final = re.compile(r"(?:General|@|[#?,]*0?(?:\.[0#?]+)?(?:E[+-][0#]+)?)", re.IGNORECASE)


_NO_VALUES: Final[dict[str, Callable[[str], OddCell]]] = {
    "e": lambda value: OddCell("error value", value, "is an error of a spreadsheet's formula"),
    "b": lambda value: OddCell("truth value", "TRUE" if value == "1" else "FALSE", "is a truth value"),
    "d": lambda value: OddCell("date", value, "is a date"),
}


@attrs.frozen
class Sheet:
    """A sheet of a workbook: its name, and its part of the archive."""

    name: str
    part: str


@attrs.frozen
class OpenSheet:
    """The sheet with the customers, whose header has been read."""

    name: str
    others: tuple[str, ...]
    header: Header
    rows: Iterator[tuple[int, list[Cell]]]
    source: str

    def records(self) -> Iterator[Record]:
        """Yield the rows below the header, without blank ones."""
        with _readable(self.source):
            for number, cells in self.rows:
                padding: list[Cell] = [""] * (len(self.header.columns) - len(cells))  # a sheet leaves out empty cells
                if record := self.header.record(number, cells + padding):
                    yield record


def open_sheet(file: IO[bytes], source: str, options: FileOptions) -> OpenSheet:
    """Open the first sheet of a workbook whose first row that is not blank contains the required columns.

    Raises:
        ProvisioningError: The file is no workbook, or no sheet has the columns.
    """
    with _readable(source):
        return _Workbook(ZipFile(file), source).sheet(options)


@contextmanager
def _readable(source: str) -> Generator[None]:
    """Make one error of all that can be wrong with the form of a workbook."""
    try:
        yield
    except _DAMAGED:
        problem = "is damaged or no Excel workbook: save it again as .xlsx, or as CSV UTF-8"
        raise ProvisioningError(f"{source}: {problem}") from None


class _Workbook:
    """A workbook, whose parts are read on demand."""

    def __init__(self, archive: ZipFile, source: str) -> None:
        self._archive = archive
        self._source = source
        types = self._targets("")
        book = dict(types.values()).get("officeDocument", "")
        parts = self._targets(book)
        self.sheets = [
            Sheet(element.get("name", ""), parts[_relation(element)][1])
            for element in self._elements(book, "sheet")
            if parts[_relation(element)][0] == "worksheet"  # and not a chart
        ]
        by_kind = dict(parts.values())
        self._strings = self._shared_strings(by_kind.get("sharedStrings"))
        self._formats = self._styles(by_kind.get("styles"))

    def sheet(self, options: FileOptions) -> OpenSheet:
        """Return the sheet to read; without one that has all columns, raise what is wrong with the first."""
        if not self.sheets:
            raise ProvisioningError(f"{self._source}: contains no sheet")
        found = next((sheet for sheet in self.sheets if self._has_header(sheet, options)), self.sheets[0])
        others = tuple(sheet.name for sheet in self.sheets if sheet is not found)
        rows = self._rows(found)
        number, cells = next(rows, (0, list[Cell]()))
        place = f"{self._source}: sheet {shown(found.name)}"
        if not cells:
            raise ProvisioningError(f"{place}: is empty; add a header row with the columns {', '.join(COLUMNS)}")
        header = Header(_texts(cells), options, f"{place}, row {number} (the header)")
        return OpenSheet(found.name, others, header, rows, self._source)

    def _has_header(self, sheet: Sheet, options: FileOptions) -> bool:
        _, cells = next(self._rows(sheet), (0, list[Cell]()))
        names = tenant_names(options)
        return {names.column(text) for text in _texts(cells)} >= {*REQUIRED}

    def _rows(self, sheet: Sheet) -> Iterator[tuple[int, list[Cell]]]:
        """Yield the rows that are not blank, with their numbers."""
        number = 0
        for row in self._elements(sheet.part, "row"):
            number = int(row.get("r", number + 1))
            cells = self._cells(row)
            if any(cells):
                yield number, cells

    def _cells(self, row: Element) -> list[Cell]:
        cells: list[Cell] = []
        for element in row:
            column = _column(element.get("r", "").rstrip(digits)) or len(cells) + 1
            if column <= len(cells):
                raise ValueError(column)
            cells += [""] * (column - len(cells) - 1)
            cells.append(self._cell(element))
        while cells and not cells[-1]:  # a cell may have a format and no value
            cells.pop()
        return cells

    def _cell(self, element: Element) -> Cell:
        kind = element.get("t", "n")
        space = element.tag[:-1]  # the name of a cell is c
        if kind == "inlineStr":
            text = element.find(f"{space}is")
            return "" if text is None else _text(text)
        value = element.findtext(f"{space}v")
        if not value:
            formula = None if kind == "str" else element.findtext(f"{space}f")
            return "" if formula is None else OddCell("formula", f"={formula}", "is a formula without its result")
        if kind == "s":
            return self._strings[int(value)]
        if kind == "n":
            return _number(value, self._formats[int(element.get("s", "0"))])
        return _NO_VALUES[kind](value) if kind in _NO_VALUES else _unescaped(value)

    def _shared_strings(self, part: str | None) -> list[str]:
        return [_text(element) for element in self._elements(part, "si")] if part else []

    def _styles(self, part: str | None) -> list[tuple[int, str]]:
        """Return the format of each style: its number, and the code of one that is not Excel's own."""
        codes: dict[int, str] = {}
        formats: list[int] = []
        for element in self._elements(part, "numFmts", "cellXfs") if part else ():
            if _name(element) == "numFmts":
                codes = {int(one.get("numFmtId", "0")): one.get("formatCode", "") for one in element}
            else:
                formats = [int(one.get("numFmtId", "0")) for one in element]
        return [(number, codes.get(number, "")) for number in formats] or [(0, "")]

    def _targets(self, part: str) -> dict[str, tuple[str, str]]:
        """Return the kind and the name of each part that a part refers to, by the id of the reference."""
        folder, name = posixpath.split(part)
        return {
            element.get("Id", ""): (
                posixpath.basename(element.get("Type", "")),
                posixpath.normpath(posixpath.join("/", folder, element.get("Target", ""))).lstrip("/"),
            )
            for element in self._elements(posixpath.join(folder, "_rels", f"{name}.rels"), "Relationship")
        }

    def _elements(self, part: str, *names: str) -> Iterator[Element]:
        """Yield the elements of these names in a part of the archive, and clear each afterwards."""
        if self._archive.getinfo(part).file_size > _MOST_BYTES:
            raise ProvisioningError(f"{self._source}: is too large: save it as CSV UTF-8")
        with self._archive.open(part) as file:
            yield from _elements(file, names)


def _elements(file: IO[bytes], names: Sequence[str]) -> Iterator[Element]:
    ends = tuple(f"}}{name}" for name in names)
    parents: list[Element] = []
    # expat limits what entities expand to, and follows no external ones
    for event, element in iterparse(file, ("start", "end")):  # noqa: S314 - see above
        if event == "start":
            parents.append(element)
            continue
        parents.pop()
        if element.tag.endswith(ends):
            yield element
            element.clear()
            if parents:
                parents[-1].clear()  # what is empty takes memory too


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _relation(element: Element) -> str:
    return next((value for name, value in element.items() if name.endswith("}id")), "")


def _text(element: Element) -> str:
    """Return the text of a string, without the pronunciation that Japanese workbooks add."""
    if len(element) == 1 and element[0].tag.endswith("}t"):
        return _unescaped(element[0].text or "")
    parts = (part for child in element for part in ([child], child)[_name(child) == "r"])
    texts = (part.text or "" for part in parts if _name(part) == "t")
    return _unescaped("".join(texts))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _texts(cells: list[Cell]) -> list[str]:
    return [cell.text if isinstance(cell, OddCell) else cell for cell in cells]


@lru_cache(1024)
def _column(letters: str) -> int:
    """Return the number of a column, from 1; 0 if there are no letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    if not 0 <= number <= _MOST_COLUMNS:
        raise ValueError(letters)
    return number


def _number(value: str, style: tuple[int, str]) -> Cell:
    try:
        exact = Decimal(value)
    except InvalidOperation:
        raise ValueError(value) from None
    if not exact.is_finite() or abs(exact.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError(value)
    text = f"{exact:f}"
    problem = _problem(*style)
    if problem is not None and problem.kind == "date":
        return attrs.evolve(problem, text=text)
    if exact != exact.to_integral_value():
        return OddCell("decimal number", text, "is a number with decimals")
    text = str(int(exact))
    if abs(exact) >= 10**_DIGITS:
        return OddCell("rounded number", text, "is a number whose last digits a spreadsheet has lost")
    return text if problem is None else attrs.evolve(problem, text=text)


@cache
def _problem(number: int, code: str) -> OddCell | None:
    """Return what is wrong with a number of this format, if something is."""
    first = code.partition(";")[0]  # for positive numbers
    if number in _DATES or _DATE_CODE.search(_LITERAL.sub("", first).replace("General", "")):
        return OddCell("date", "", "is a date or a time")
    spaced = _LITERAL.sub(lambda found: "" if found.group()[0] in "_*[" else found.group(), first)
    if number in _PLAIN or (spaced and _PLAIN_CODE.fullmatch(spaced.strip(" ()"))):
        return None
    return OddCell("formatted number", "", f"is shown in another form, by the format {shown(code or str(number))}")
