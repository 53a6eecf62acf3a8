"""Excel workbooks (.xlsx), read with openpyxl (the extra ``excel``). Only text and whole numbers are values."""

from __future__ import annotations

import re
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import IO, TYPE_CHECKING, Any, Final
from zipfile import ZipFile, ZipInfo

import attrs

from boooply.errors import ProvisioningError
from boooply.extras import install_command
from boooply.provisioning.files.columns import Header, tenant_names
from boooply.provisioning.files.options import FileOptions
from boooply.provisioning.files.rows import COLUMNS, REQUIRED, OddCell, Record, shown

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

Cell = str | OddCell
Rows = Iterator[tuple[int, list[Cell]]]

_MOST_BYTES: Final = 2_000_000_000  # unpacked
_DIGITS: Final = 15  # the precision of a spreadsheet
_PIECE: Final = 1_000_000  # bytes
_FORMULA: Final = re.compile(rb"<(?:\w+:)?f[\s/>]")
_ESCAPED: Final = re.compile("_x((?![Dd][89A-Fa-f])[0-9A-Fa-f]{4})_")  # half of a surrogate pair is not a character

# The parts of a number format besides its digits, and the formats that show a whole number with all its digits.
_LITERAL: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_PLAIN_CODE: Final = re.compile(r"(?:General|@|[#?,]*0?(?:\.[0#?]+)?)", re.IGNORECASE)
_SCIENTIFIC: Final = re.compile("E[+-]", re.IGNORECASE)  # Excel chooses this format for long numbers


@attrs.frozen
class OpenSheet:
    """The sheet with the customers, after its header was read."""

    name: str
    others: tuple[str, ...]
    header: Header
    rows: Rows

    def records(self) -> Iterator[Record]:
        """Yield the rows below the header, without blank ones."""
        for number, cells in self.rows:
            padded = cells + [""] * (len(self.header.columns) - len(cells))  # sheets omit empty cells
            if record := self.header.record(number, padded):
                yield record


@contextmanager
def open_sheet(file: IO[bytes], source: str, options: FileOptions) -> Generator[OpenSheet]:
    """Open the first sheet of a workbook whose first non-blank row names the required columns.

    Raises:
        ProvisioningError: The extra is not installed, the file is not a workbook, or no sheet has the columns.
    """
    with _readable(source):
        books = _load(file, source, twice=_has_formulas(file, source))
    try:
        yield _sheet(books, source, options)
    finally:
        for book in books:
            book.close()


@contextmanager
def _readable(source: str) -> Generator[None]:
    """Raise one error for any damage of a workbook."""
    try:
        yield
    except ProvisioningError:
        raise
    except Exception:  # noqa: BLE001 - openpyxl passes on any error that its parsers raise for a damaged part
        problem = "the file is damaged or not an Excel workbook. Save it again as .xlsx or CSV UTF-8."
        raise ProvisioningError(f"{source}: {problem}") from None


def _has_formulas(file: IO[bytes], source: str) -> bool:
    """Return whether a cell may have a formula.

    Raises:
        ProvisioningError: The workbook is too large.
    """
    with ZipFile(file) as archive:
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > _MOST_BYTES:
            raise ProvisioningError(f"{source}: the file is too large. Save it as CSV UTF-8.")
        return any(
            _FORMULA.search(piece)
            for part in parts
            if part.filename.startswith("xl/worksheets/")
            for piece in _pieces(archive, part)
        )


def _pieces(archive: ZipFile, part: ZipInfo) -> Iterator[bytes]:
    """Yield the tags of a part in blocks: the part may be one line of many megabytes."""
    rest = b""
    with archive.open(part) as content:
        while piece := content.read(_PIECE):
            whole, bracket, rest = (rest + piece).rpartition(b"<")
            rest = bracket + rest
            yield whole
    yield rest


def _load(file: IO[bytes], source: str, *, twice: bool) -> list[Workbook]:
    """Open a workbook for the results of formulas, and ``twice`` to find formulas without a result."""
    try:
        from openpyxl import load_workbook  # noqa: PLC0415 - it belongs to an extra
    except ModuleNotFoundError as missing:
        raise ProvisioningError(
            f"{source}: an Excel file needs {missing.name}. Run `{install_command('excel')}`, or save the file as CSV "
            "UTF-8."
        ) from missing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these warnings concern parts without cells
        return [load_workbook(file, read_only=True, data_only=results) for results in (True, *([False] * twice))]


def _sheet(books: Sequence[Workbook], source: str, options: FileOptions) -> OpenSheet:
    """Return the sheet to read. If no sheet has the required columns, raise the problem of the first sheet."""
    names = [sheet.title for sheet in books[0].worksheets]
    if not names:
        raise ProvisioningError(f"{source}: the workbook contains no sheet")
    known = tenant_names(options)

    def has_header(name: str) -> bool:
        _, cells = next(_rows(books, name, source), (0, list[Cell]()))
        return {known.column(text) for text in _texts(cells)} >= {*REQUIRED}

    name = next(filter(has_header, names), names[0])
    rows = _rows(books, name, source)
    number, cells = next(rows, (0, list[Cell]()))
    place = f"{source}: sheet {shown(name)}"
    if not cells:
        raise ProvisioningError(f"{place}: the sheet is empty. Add a header row with the columns {', '.join(COLUMNS)}.")
    header = Header(_texts(cells), options, f"{place}, row {number} (the header)")
    return OpenSheet(name, tuple(one for one in names if one != name), header, rows)


def _rows(books: Sequence[Workbook], name: str, source: str) -> Rows:
    """Yield the rows that are not blank, with their numbers."""
    sheets: list[Any] = [book[name] for book in books]
    with _readable(source):
        for sheet in sheets:
            sheet.reset_dimensions()  # the size in the file may be wrong, and rows would be cut off
        for number, rows in enumerate(zip(*(sheet.iter_rows() for sheet in sheets), strict=True), 1):
            cells = [_cell(*versions) for versions in zip(*rows, strict=True)]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield number, cells


def _cell(cell: Any, formula: Any = None) -> Cell:
    value = cell.value
    if value is None:
        if formula is None or formula.data_type != "f" or cell.data_type != "n":  # no formula, or one for empty text
            return ""
        return OddCell("formula", str(formula.value), "is a formula without a stored result")
    if cell.data_type == "n":
        return _number(value, cell.number_format)
    if cell.data_type in _NO_VALUES:
        kind, problem = _NO_VALUES[cell.data_type]
        return OddCell(kind, str(value).upper().removesuffix(" 00:00:00"), problem)
    return _unescaped(str(value))


_NO_VALUES: Final = {
    "e": ("error value", "is the error value of a formula"),
    "b": ("truth value", "is a truth value"),
    "d": ("date", "is a date or a time"),
}


def _number(value: float, code: str) -> Cell:
    if value != int(value):
        return OddCell("decimal number", str(value), "is a number with decimals")
    text = str(int(value))
    if abs(value) >= 10**_DIGITS:
        return OddCell("rounded number", text, "is a number whose last digits the spreadsheet has lost")
    if _SCIENTIFIC.search(code):
        return OddCell("shortened number", text, f"may have lost digits: its format is {shown(code)}")
    if _shows_all_digits(code):
        return text
    return OddCell("formatted number", text, f"is shown differently because of its format {shown(code)}")


@cache
def _shows_all_digits(code: str) -> bool:
    positive = code.partition(";")[0]
    digits = _LITERAL.sub(lambda found: "" if found.group()[0] in "_*[" else found.group(), positive).strip(" ()")
    return bool(digits and _PLAIN_CODE.fullmatch(digits))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _texts(cells: Sequence[Cell]) -> list[str]:
    return [cell.text if isinstance(cell, OddCell) else cell for cell in cells]
