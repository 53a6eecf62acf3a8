"""The output about a file of customers: what its columns mean, and what is wrong with its rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from boooply.cli.terminal import count_of, inset, printable
from boooply.models import Tenant
from boooply.provisioning.files.reading import Layout
from boooply.provisioning.files.rows import COLUMNS, REMEDIES, BadRow, RowWarning
from boooply.secret import one_line

QUESTION: Final = "\nContinue? [y/N] "
CONTINUED: Final = "\nContinuing, because of --yes.\n"
UNCONFIRMED: Final = (
    "\nNothing was sent. If these rows are right, run the command again with --yes, or with --allow ID for each ID "
    "that is right."
)
DECLINED: Final = "Nothing was sent."
DRY_RUN: Final = (
    "\nWithout --dry-run, the command asks you to confirm these rows. If there is no terminal, add --yes, or "
    "--allow ID for each ID that is right."
)
_CHANGE: Final = "\nNothing was sent. Change the file, then run the command again."
_MASKED: Final = "Values that look like keys are masked."
_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}

_LISTED: Final = 20  # of each kind
_WIDEST: Final = (None, 54, 26, 17)  # column width by the number of samples, for a terminal of 80 columns


@attrs.define
class Problems:
    """The problems of a file's rows: a count for each kind, and the first rows of each kind.

    Attributes:
        counts: The number of problems of each kind.
        listed: The first rows with each kind of problem.
        rows: The number of rows with a problem.
    """

    counts: dict[str, int] = attrs.field(factory=dict[str, int])
    listed: dict[str, list[BadRow | RowWarning]] = attrs.field(factory=dict[str, "list[BadRow | RowWarning]"])
    rows: int = 0
    _last_line: int = attrs.field(default=0, init=False)

    def add(self, row: BadRow | RowWarning) -> None:
        """Count a problem."""
        self.counts[row.kind] = self.counts.get(row.kind, 0) + 1
        listed = self.listed.setdefault(row.kind, [])
        if len(listed) < _LISTED:
            listed.append(row)
        self.rows += row.line != self._last_line  # the problems of one row are consecutive
        self._last_line = row.line


def layout(source: Path, found: Layout, samples: Sequence[Tenant]) -> RenderableType:
    """Show what each column of a file means, with the first customers."""
    columns = found.columns or [(column, column) for column in COLUMNS if any(_cell(one, column) for one in samples)]
    titles = ("Column", "First customer", "Second", "Third")[: 1 + len(samples)]
    table = Table(
        *(Column(title, overflow="ellipsis", no_wrap=True, max_width=_WIDEST[len(samples)]) for title in titles),
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    table.columns[0].min_width = len(COLUMNS[1])  # the longest name is never cut
    table.columns[0].max_width = None
    is_masked = False
    for name, column in columns:
        if column is not None:
            cells = [_cell(sample, column) for sample in samples]
            is_masked |= any(printable(cell) != one_line(cell) for cell in cells)
            table.add_row(column, *map(printable, cells))
        if column not in (None, name):
            table.add_row(Text(f"  from {printable(name)}", style="dim"))
    title = Text(f"{printable(str(source))}: {_form(found)}\n", style="bold", overflow="fold")
    parts: list[RenderableType] = [title, inset(table)]
    if left_out := [printable(name) for name, column in columns if column is None]:
        parts.append(Text(f"\nIgnored columns: {', '.join(left_out)}."))
    if is_masked:
        parts.append(Text(f"\n{_MASKED}"))
    return Group(*parts, Text())


def _form(found: Layout) -> str:
    separated = f" with {_DELIMITERS.get(found.delimiter, repr(found.delimiter))}" if found.delimiter else ""
    encoding = f", {found.encoding.removesuffix('-sig').upper()}" if found.encoding else ""
    sheet = f", sheet {printable(found.sheet)!r}" if found.sheet is not None else ""
    others = (
        f"; ignored sheets: {', '.join(repr(printable(name)) for name in found.other_sheets)}"
        if found.other_sheets
        else ""
    )
    return f"{found.form}{separated}{encoding}{sheet}{others}"


def _cell(sample: Tenant, column: str) -> str:
    if column == "team_members":
        return count_of(len(sample.team_members), "member") if sample.team_members else ""
    return getattr(sample, column) or ""


def errors(source: Path, found: Problems, doubtful: Problems) -> RenderableType:
    """List the rows of a file that must be changed, and the rows that look wrong."""
    parts: list[RenderableType] = [_title(source, found, "must be changed"), _problems(found)]
    if doubtful.rows:
        parts += [Text(), warnings(source, doubtful)]
    return Group(*parts, Text(_CHANGE))


def warnings(source: Path, found: Problems) -> RenderableType:
    """List the rows of a file that look wrong and need a confirmation."""
    verb = "looks" if found.rows == 1 else "look"
    return Group(_title(source, found, f"{verb} wrong"), _problems(found))


def _title(source: Path, found: Problems, what: str) -> Text:
    return Text(f"{printable(str(source))}: {count_of(found.rows, 'row')} {what}.\n", style="bold", overflow="fold")


def _problems(found: Problems) -> Table:
    columns = Column("Line", justify="right", no_wrap=True), Column("What is wrong", overflow="fold")
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for kind, count in found.counts.items():
        rows = found.listed[kind]
        if table.row_count:
            table.add_row()
        remedy = REMEDIES.get(kind)
        table.add_row("", Text.assemble((kind.capitalize(), "bold"), f": {remedy}" if remedy else ""))
        for row in rows:
            table.add_row(str(row.line), printable(row.problem))
        if count > len(rows):
            table.add_row("", Text(f"… and {count - len(rows):,} more: {kind}", style="dim"))
    return table
