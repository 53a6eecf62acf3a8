"""What a file yields besides customers: rows that must be changed, and rows that somebody must look at."""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

from boooply.models import Tenant
from boooply.provisioning.files import suspicious
from boooply.secret import redact

COLUMNS: Final = ("organization_id", "organization_name", "user_id", "user_email", "user_name", "team_members")
REQUIRED: Final = ("organization_id", "user_id", "user_email")
MEMBER_COLUMNS: Final = ("role", "email", "name")  # in the order in which a cell of a table joins them

REMEDIES: Final[dict[str, str]] = suspicious.REMEDIES | {
    "unknown name": f"Use {', '.join(COLUMNS)}; for a member, {', '.join(MEMBER_COLUMNS)}.",
    "unreadable row": "Close each quoted cell, and double each quote inside it.",
    "wrong number of cells": "Put a cell that contains the delimiter in double quotes.",
    "short row": "Spreadsheets leave out empty cells at the end of a row. Check that no cell is missing before them.",
    "formatted number": "Format the column as text, fill it in as it is shown, and export again.",
    "repeated id": "Each customer has one row.",
}
"""What to change about each kind of problem, which is the same for all its rows; not every kind has one."""

_SHOWN: Final = 40


@attrs.frozen(kw_only=True)
class BadRow:
    """A problem of a row that must be changed; a row with several problems is several of these.

    Attributes:
        line: The line of the file or the row of the sheet, from 1; the first line of a row over several lines, or the
            one at fault.
        kind: The kind of problem: a short noun phrase that is the same for all rows with it.
        column: The column at fault, as this package names it; None if the problem is that of the whole row.
        problem: What is wrong in this row; keys are masked, control characters escaped.
    """

    line: int
    kind: str
    column: str | None = None
    problem: str


@attrs.frozen(kw_only=True)
class RowWarning:
    """Something in a row that may be right, and that somebody should confirm before its customer is connected.

    It comes before the row's own customer. The attributes are those of a ``BadRow``.
    """

    line: int
    kind: str
    column: str | None = None
    problem: str


@attrs.frozen(kw_only=True)
class Plan:
    """The customers of a file, in its order, the rows that must be changed, and those to confirm."""

    tenants: tuple[Tenant, ...]
    bad_rows: tuple[BadRow, ...] = ()
    warnings: tuple[RowWarning, ...] = ()


@attrs.frozen
class Problem:
    """A problem of a row whose line is known elsewhere."""

    kind: str
    text: str
    column: str | None = None
    is_warning: bool = False

    def on(self, line: int) -> BadRow | RowWarning:
        """Return the problem as that of a line."""
        row = RowWarning if self.is_warning else BadRow
        return row(line=line, kind=self.kind, column=self.column, problem=self.text)


@attrs.frozen
class Record:
    """A row of a file: its line, its values by column (None if it cannot be read), and what is wrong with its form."""

    line: int
    values: dict[str, Any] | None
    problems: list[Problem] = attrs.field(factory=list[Problem])


@attrs.frozen
class OddCell:
    """A cell of a sheet that is neither text nor a whole number: its text, and why that is not a value."""

    kind: str
    text: str
    problem: str
    is_warning: bool = False


def shown(value: Any) -> str:
    """Write enough of a value to find it, without control characters or a key that slipped into the wrong column."""
    if isinstance(value, str):
        safe = redact(value)
        return f"{safe[:_SHOWN]!r}{'…' if len(safe) > _SHOWN else ''}"
    return "an object" if isinstance(value, tuple) else redact(json.dumps(value))[:_SHOWN]
