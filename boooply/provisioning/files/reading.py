"""The reading of a customer file: its customers and its problems."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Final

import attrs

from boooply.errors import ProvisioningError
from boooply.models import Tenant
from boooply.provisioning.files.columns import Names, member_names, tenant_names
from boooply.provisioning.files.decoding import HEAD, encoding_of, not_decodable
from boooply.provisioning.files.objects import document_records, is_document, line_records
from boooply.provisioning.files.options import FileOptions
from boooply.provisioning.files.rows import BadRow, Plan, Record, RowWarning
from boooply.provisioning.files.tables import Lines, open_table
from boooply.provisioning.files.tenants import Checker, SeenIds
from boooply.provisioning.files.workbooks import open_sheet

_MEGABYTE: Final = 1_000_000
_LARGEST: Final = 50 * _MEGABYTE  # for formats that cannot be read one row at a time
_WORKBOOKS: Final = frozenset({".xlsx", ".xlsm"})
_JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})
_OTHERS: Final = {
    ".xls": "is an old Excel file. Save it as .xlsx or CSV UTF-8.",
    ".xlsb": "is a binary Excel file. Save it as .xlsx or CSV UTF-8.",
    ".ods": "is an OpenDocument file. Save it as .xlsx or CSV UTF-8.",
    ".numbers": "is a Numbers file. Export it as .xlsx or CSV UTF-8.",
}


@attrs.frozen(kw_only=True)
class Layout:
    """The format of a file, as it was recognized.

    Attributes:
        form: The name of the format: CSV, JSON Lines, JSON or Excel.
        encoding: The encoding of the text. None for Excel.
        delimiter: The character between two cells. None unless the format is CSV.
        sheet: The name of the sheet that is read. None unless the format is Excel.
        other_sheets: The names of the sheets that are not read.
        columns: The names in the file, each with its column, or with None if it is ignored. Empty for JSON, where
            each object may have other names.
    """

    form: str
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()
    columns: tuple[tuple[str, str | None], ...] = ()


@attrs.frozen(kw_only=True)
class TenantFile:
    """An open customer file.

    Attributes:
        layout: The format of the file.
        rows: The customers, bad rows and warnings. You can iterate over them once.
    """

    layout: Layout
    rows: Iterator[Tenant | BadRow | RowWarning]


def read_tenants(
    path: str | Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    mapping: Mapping[str, str] | None = None,
    ignore_extra: bool = False,
    allow: Iterable[str] = (),
) -> Plan:
    """Read a whole customer file into memory.

    For a file that does not fit into memory, use ``iterate_rows``. It reads the same formats.

    Args:
        path: The file.
        encoding: The encoding of the text, such as ``cp1252``. By default, the encoding of the byte order mark, or
            UTF-8 without one.
        delimiter: The character between two cells. By default, the one that separates the names in the header.
        mapping: The column for each other name in the file, as in ``{"Admin Email": "user_email"}``. Names that
            differ only in case, spaces or hyphens need no mapping.
        ignore_extra: Whether to skip unknown columns. By default, an unknown column is an error.
        allow: Ids to accept although a spreadsheet seems to have changed them.

    Returns:
        The customers, the problems that you must correct, and the warnings that a person must confirm.

    Raises:
        ProvisioningError: An option is invalid, or the file cannot be opened, has no usable header, is not in its
            encoding, or contains no customers.
    """
    rows = tuple(
        iterate_rows(
            path, encoding=encoding, delimiter=delimiter, mapping=mapping, ignore_extra=ignore_extra, allow=allow
        )
    )
    return Plan(
        tenants=tuple(row for row in rows if isinstance(row, Tenant)),
        bad_rows=tuple(row for row in rows if isinstance(row, BadRow)),
        warnings=tuple(row for row in rows if isinstance(row, RowWarning)),
    )


def iterate_rows(
    path: str | Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    mapping: Mapping[str, str] | None = None,
    ignore_extra: bool = False,
    allow: Iterable[str] = (),
) -> Iterator[Tenant | BadRow | RowWarning]:
    """Read a customer file one row at a time.

    The ending of the file's name selects the format: ``.xlsx`` and ``.xlsm`` are Excel workbooks, ``.jsonl`` and
    ``.ndjson`` contain one JSON object per line, and ``.json`` contains an array or one object per line. Any other file
    is read as a text table, such as CSV. Blank rows are skipped.

    Workbooks and JSON arrays may have up to 50 MB. Other files may have any size: the ids that were read are kept in a
    temporary file, not in memory.

    Args:
        path: The file.
        encoding: The encoding of the text, such as ``cp1252``. By default, the encoding of the byte order mark, or
            UTF-8 without one.
        delimiter: The character between two cells. By default, the one that separates the names in the header.
        mapping: The column for each other name in the file, as in ``{"Admin Email": "user_email"}``. Names that
            differ only in case, spaces or hyphens need no mapping.
        ignore_extra: Whether to skip unknown columns. By default, an unknown column is an error.
        allow: Ids to accept although a spreadsheet seems to have changed them.

    Yields:
        A ``Tenant`` for each usable row, a ``BadRow`` for each problem that you must correct, and a ``RowWarning`` for
        each problem that a person must confirm. The warnings of a row come before its tenant.

    Raises:
        ProvisioningError: An option is invalid, or the file cannot be opened, has no usable header, is not in its
            encoding, or contains no customers.
    """
    options = FileOptions(
        encoding=encoding, delimiter=delimiter, mapping=mapping or {}, ignore_extra=ignore_extra, allow=allow
    )
    return _each(path, options)


def _each(path: str | Path, options: FileOptions) -> Iterator[Tenant | BadRow | RowWarning]:
    with open_file(path, options) as file:
        yield from file.rows


@contextmanager
def open_file(
    path: str | Path, options: FileOptions, connected: Mapping[str, str] | None = None
) -> Generator[TenantFile]:
    """Open a customer file for a command that shows its layout and then reads its rows in the same pass.

    Args:
        path: The file.
        options: How to read it.
        connected: The connected customers whose ids have leading zeros, by their ids without these zeros.

    Raises:
        ProvisioningError: The file cannot be used.
    """
    path = Path(path)
    with ExitStack() as stack:
        layout, records = _opened(path, options, stack)
        seen = stack.enter_context(closing(SeenIds()))
        checker = Checker(seen, member_names(options), options.allow, connected or {})
        yield TenantFile(layout=layout, rows=_rows(records, checker, path, options))


def _rows(
    records: Iterator[Record], checker: Checker, path: Path, options: FileOptions
) -> Iterator[Tenant | BadRow | RowWarning]:
    is_empty, is_decoded = True, True
    try:
        for record in records:
            is_empty = False
            yield from checker.rows(record)
    except UnicodeError:
        is_decoded = False
    if not is_decoded:  # outside the handler, because its error contains a part of the file
        raise not_decodable(path, options.encoding)
    if is_empty:
        raise ProvisioningError(f"{path}: the file contains no customers")


def _opened(path: Path, options: FileOptions, stack: ExitStack) -> tuple[Layout, Iterator[Record]]:
    with suppress(UnicodeError):
        return _open(path, options, stack)
    raise not_decodable(path, options.encoding)  # as in _rows


def _open(path: Path, options: FileOptions, stack: ExitStack) -> tuple[Layout, Iterator[Record]]:
    suffix = path.suffix.lower()
    if suffix in _OTHERS:
        raise ProvisioningError(f"{path}: the file {_OTHERS[suffix]}")
    try:
        binary = stack.enter_context(path.open("rb"))
        head = binary.peek(HEAD)[:HEAD]
    except OSError as error:
        raise ProvisioningError(f"{path}: the file cannot be opened: {error.strerror}") from error
    if suffix in _WORKBOOKS and head.startswith(b"PK"):
        _check_size(path, "Save it as CSV UTF-8.")
        sheet = stack.enter_context(open_sheet(binary, str(path), options))
        layout = Layout(form="Excel", sheet=sheet.name, other_sheets=sheet.others, columns=sheet.header.meanings)
        return layout, sheet.records()
    encoding = encoding_of(head, options.encoding, str(path))
    text = stack.enter_context(TextIOWrapper(binary, encoding, newline=""))
    if suffix in _JSON_LINES or suffix == ".json":
        names = tenant_names(options)
        if suffix in _JSON_LINES or not is_document(text):
            form, records = "JSON Lines", line_records(text, names)
        else:
            _check_size(path, "Write one object per line, and name the file .jsonl.")
            form, records = "JSON", document_records(text.read(), names, path)
        return Layout(form=form, encoding=encoding), _mapped(records, names, path)
    table = open_table(Lines(source=str(path), file=text), options)
    columns = table.header.meanings
    return Layout(form="CSV", encoding=encoding, delimiter=table.delimiter, columns=columns), table.records()


def _mapped(records: Iterator[Record], names: Names, path: Path) -> Iterator[Record]:
    """Yield the records of a JSON file, and check at the end that they used each mapped name."""
    yield from records
    names.check_mapping(str(path))


def _check_size(path: Path, remedy: str) -> None:
    size = path.stat().st_size
    if size > _LARGEST:
        raise ProvisioningError(f"{path}: the file has {size / _MEGABYTE:.0f} MB, and the limit is 50 MB. {remedy}")
