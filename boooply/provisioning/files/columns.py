"""The names in a file: the columns of a table, or the keys of JSON objects.

An unknown name is an error, because minting cannot be undone: if a mistyped ``organizaton_name`` were ignored, every
organization would be created without a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from boooply.errors import ProvisioningError
from boooply.provisioning.files.options import FileOptions, bare
from boooply.provisioning.files.rows import COLUMNS, MEMBER_COLUMNS, REQUIRED, OddCell, Problem, Record, shown

Pairs = Iterable[tuple[str, Any]]  # names and values; a dict would hide a repeated name

_NAMELESS: Final = ""


class Names:
    """The names that a file may use, each with its column."""

    def __init__(self, columns: Iterable[str], options: FileOptions, mapping: Mapping[str, str]) -> None:
        self._known = {bare(column): column for column in columns}
        self._mapping = {bare(name): name for name in mapping}
        self._known |= {bare(name): column for name, column in mapping.items()}
        self._ignore_extra = options.ignore_extra
        self.unused: set[str] = set(self._mapping.values())
        """The mapped names that the file has not used yet."""

    def column(self, name: str) -> str | None:
        """Return the column that a name means, or None."""
        key = bare(name)
        self.unused.discard(self._mapping.get(key, ""))
        return self._known.get(key)

    def values(self, pairs: Pairs) -> tuple[dict[str, Any], list[Problem]]:
        """Return the values by column, without surrounding white space, and the problems of the names."""
        values: dict[str, Any] = {}
        names: dict[str, str] = {}
        problems: list[Problem] = []
        for name, value in pairs:
            column = self.column(name)
            if column is None:
                problems += self._unknown(name)
            elif column in values:
                given = f"{shown(names[column])} and {shown(name)}"
                problems.append(Problem("repeated name", f"{column}: is given twice, as {given}", column))
            else:
                names[column] = name
                values[column] = value.strip() if isinstance(value, str) else value
        return values, problems

    def _unknown(self, name: str) -> list[Problem]:
        if self._ignore_extra:
            return []
        near = get_close_matches(bare(name), self._known, n=1)
        hint = f" (did you mean {self._known[near[0]]}?)" if near else ""
        return [Problem("unknown name", f"unknown name {shown(name.strip())}{hint}")]

    def check_mapping(self, source: str) -> None:
        """Check that the file uses every mapped name.

        Raises:
            ProvisioningError: The file lacks a mapped name.
        """
        if problem := self.mapping_problem:
            raise ProvisioningError(f"{source}: {problem}. Correct the name in --map (Python: mapping).")

    @property
    def mapping_problem(self) -> str | None:
        """The problem of the mapping, if the file lacks a mapped name."""
        missing = ", ".join(shown(name) for name in sorted(self.unused))
        return f"the file has no column {missing} to map" if missing else None


def tenant_names(options: FileOptions) -> Names:
    """Return the known names of a customer's data."""
    return Names(COLUMNS, options, options.mapping)


def member_names(options: FileOptions) -> Names:
    """Return the known names of a team member's data."""
    return Names(MEMBER_COLUMNS, options, {})


class Header:
    """The columns of a table, which turn its rows into values."""

    def __init__(self, cells: Sequence[str], options: FileOptions, place: str) -> None:
        """Read the names in a header.

        Raises:
            ProvisioningError: A name is unknown, missing or repeated; the message lists all problems.
        """
        names = tenant_names(options)
        cells = [cell.strip() for cell in cells]
        found, problems = names.values((cell, None) for cell in cells if cell)
        texts = [problem.text for problem in problems]
        texts += [f"column {column} is missing" for column in REQUIRED if column not in found]
        if texts:
            texts += filter(None, [names.mapping_problem])
            known = f"The columns are {', '.join(COLUMNS)}."
            remedy = f'To read a column with another name, use --map "NAME={REQUIRED[0]}" (Python: mapping).'
            if not options.ignore_extra:
                remedy += " To skip unknown columns, use --ignore-extra (Python: ignore_extra=True)."
            raise ProvisioningError(f"{place}: {'; '.join(texts)}. {known} {remedy}")
        names.check_mapping(place)
        self.columns: list[str | None] = [
            names.column(cell) if cell else None if options.ignore_extra else _NAMELESS for cell in cells
        ]
        self.meanings: tuple[tuple[str, str | None], ...] = tuple((cell, names.column(cell)) for cell in cells if cell)
        self._last_required = max(map(self.columns.index, REQUIRED))

    def record(self, line: int, cells: Sequence[str | OddCell]) -> Record | None:
        """Return a row as values by column, or None for a blank row."""
        values = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
        if not any(values):
            return None
        columns = self.columns
        problems: list[Problem] = []
        if len(values) != len(columns):
            counts = f"the row has {len(values)} cells, the header has {len(columns)}"
            if not self._last_required < len(values) < len(columns):
                return Record(line, None, [Problem("wrong number of cells", counts)])
            problems.append(Problem("short row", counts, is_warning=True))
        found: dict[str, Any] = {column: value for column, value in zip(columns, values, strict=False) if column}
        if _NAMELESS in columns:
            problems += _nameless_problems(columns, values)
        if isinstance(members := found.get("team_members"), str):
            found["team_members"] = members_of(members)
        return Record(line, found, problems)


def _nameless_problems(columns: Sequence[str | None], values: Sequence[str | OddCell]) -> list[Problem]:
    nameless = [value for column, value in zip(columns, values, strict=False) if column == _NAMELESS and value]
    texts = (value.text if isinstance(value, OddCell) else value for value in nameless)
    return [Problem("value without a column", f"{shown(text)} is in a column without a name") for text in texts]


def members_of(cell: str) -> list[dict[str, str]]:
    """Read the team members in a cell of the form ``ROLE:EMAIL:NAME;…``."""
    entries = (entry.split(":", 2) for entry in cell.split(";") if entry.strip())  # a name may contain colons
    return [dict(zip(MEMBER_COLUMNS, map(str.strip, parts), strict=False)) for parts in entries]
