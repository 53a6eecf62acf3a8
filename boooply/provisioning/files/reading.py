"""The customers of a file, and everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs

from boooply.models import Tenant
from boooply.provisioning.files.options import FileOptions
from boooply.provisioning.files.rows import BadRow, Plan, RowWarning


@attrs.frozen(kw_only=True)
class Layout:
    """A file as it is understood.

    Attributes:
        form: CSV, JSON Lines, JSON or Excel.
        encoding: The encoding of the text; None in a workbook.
        delimiter: The character between two cells; None where there is none.
        sheet: The sheet that is read; None where there is none.
        other_sheets: The sheets that are not read.
        columns: The names in the file, each with the column that it means here, or None if it is ignored. In JSON
            those of the first customer.
    """

    form: str
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()
    columns: tuple[tuple[str, str | None], ...] = ()


@attrs.frozen(kw_only=True)
class TenantFile:
    """An open file: how it is understood, and its rows, which are read once."""

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
    """Read all customers of a file, as ``iterate_rows`` does."""
    raise NotImplementedError


def iterate_rows(
    path: str | Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    mapping: Mapping[str, str] | None = None,
    ignore_extra: bool = False,
    allow: Iterable[str] = (),
) -> Iterator[Tenant | BadRow | RowWarning]:
    """Read the customers of a file one at a time."""
    raise NotImplementedError


@contextmanager
def open_file(path: str | Path, options: FileOptions) -> Generator[TenantFile]:
    """Open a file of customers, for commands that show how it is understood and then read it in the same pass."""
    raise NotImplementedError
