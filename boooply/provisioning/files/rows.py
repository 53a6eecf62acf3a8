"""The results of reading a file besides its customers: bad rows and warnings."""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

from boooply.models import Tenant
from boooply.provisioning.files import suspicious
from boooply.secret import redact

COLUMNS: Final = ("organization_id", "organization_name", "user_id", "user_email", "user_name", "team_members")
REQUIRED: Final = ("organization_id", "user_id", "user_email")
MEMBER_COLUMNS: Final = ("role", "email", "name")  # in the order of a cell of a table

REMEDIES: Final[dict[str, str]] = suspicious.REMEDIES | {
    "unknown name": f"Use {', '.join(COLUMNS)}; for a team member, {', '.join(MEMBER_COLUMNS)}.",
    "unreadable row": "Close each quoted cell, and double each quote inside it.",
    "invalid JSON": "Check the quotes, commas, brackets and escapes of the line.",
    "wrong number of cells": "Put a cell that contains the delimiter in double quotes.",
    "short row": "Spreadsheets leave out empty cells at the end of a row. Check that no other cell is missing.",
    "formatted number": "Format the column as text, enter the values as they are shown, and export again.",
    "repeated id": "Write one row for each customer.",
    "lost zeros": "If it is the same customer, restore the leading zeros. Otherwise it gets its own key.",
}
"""The remedy for each kind of problem. Some kinds have none."""

_SHOWN: Final = 40


@attrs.frozen(kw_only=True)
class BadRow:
    """A problem that you must correct in a row. A row with several problems yields several of these.

    Attributes:
        line: The line of the file or the row of the sheet, counted from 1. For a row of several lines, its first line
            or the line at fault.
        kind: The kind of problem: a short noun phrase that all rows with this problem share.
        column: The name of the column at fault, such as ``user_email``. None if the problem concerns the whole row.
        problem: What is wrong. Keys are masked, and control characters are escaped.
    """

    line: int
    kind: str
    column: str | None = None
    problem: str


@attrs.frozen(kw_only=True)
class RowWarning:
    """Something in a row that may be correct, and that a person should confirm before the customer is connected.

    The warning comes before the customer of its row.

    Attributes:
        line: The line of the file or the row of the sheet, counted from 1. For a row of several lines, its first line
            or the line at fault.
        kind: The kind of problem: a short noun phrase that all rows with this problem share.
        column: The name of the column at fault, such as ``user_email``. None if the problem concerns the whole row.
        problem: What looks wrong. Keys are masked, and control characters are escaped.
    """

    line: int
    kind: str
    column: str | None = None
    problem: str


@attrs.frozen(kw_only=True)
class Plan:
    """The contents of a customer file.

    Attributes:
        tenants: The customers, in the order of the file.
        bad_rows: The problems that you must correct.
        warnings: The problems that a person must confirm.
    """

    tenants: tuple[Tenant, ...]
    bad_rows: tuple[BadRow, ...] = ()
    warnings: tuple[RowWarning, ...] = ()


@attrs.frozen
class Problem:
    """A problem of a row, without its line."""

    kind: str
    text: str
    column: str | None = None
    is_warning: bool = False

    def on(self, line: int) -> BadRow | RowWarning:
        """Return the bad row or warning that this problem is on a line."""
        row = RowWarning if self.is_warning else BadRow
        return row(line=line, kind=self.kind, column=self.column, problem=self.text)


@attrs.frozen
class Record:
    """A row of a file: its line, its values by column (None if it cannot be read), and the problems of its form."""

    line: int
    values: dict[str, Any] | None
    problems: list[Problem] = attrs.field(factory=list[Problem])


@attrs.frozen
class OddCell:
    """A cell of a sheet that contains neither text nor a whole number: what it shows, and why that is no value."""

    kind: str
    text: str
    problem: str
    is_warning: bool = False


def shown(value: Any) -> str:
    """Return the start of a value for a message, with keys masked and control characters escaped."""
    if isinstance(value, str):
        safe = redact(value)
        return f"{safe[:_SHOWN]!r}{'…' if len(safe) > _SHOWN else ''}"
    return "an object" if isinstance(value, tuple) else redact(json.dumps(value))[:_SHOWN]
