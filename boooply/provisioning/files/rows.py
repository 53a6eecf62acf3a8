"""What a file yields besides customers: rows that must be changed, and rows that somebody must look at."""

from __future__ import annotations

from typing import Final

import attrs

from boooply.models import Tenant

COLUMNS: Final = ("organization_id", "organization_name", "user_id", "user_email", "user_name", "team_members")
MEMBER_COLUMNS: Final = ("role", "email", "name")  # in the order in which a cell of a table joins them


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


REMEDIES: Final[dict[str, str]] = {"unknown name": f"Use {', '.join(COLUMNS)}."}
"""What to change about each kind of problem, which is the same for all its rows; not every kind has one."""
