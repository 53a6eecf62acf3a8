"""The check of a file's rows, which turns them into customers and problems."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar, cast

from boooply.errors import ValidationError
from boooply.models import TeamMember, TeamRole, Tenant
from boooply.provisioning.files.columns import Names
from boooply.provisioning.files.rows import BadRow, OddCell, Problem, Record, RowWarning, shown
from boooply.provisioning.files.suspicious import folded, is_harmless, suspicions

T = TypeVar("T")

# The required fields, each with a valid value that replaces a rejected one: see _built.
_REQUIRED: Final[dict[type, dict[str, str]]] = {
    Tenant: {"organization_id": "id", "user_id": "id", "user_email": "a@b"},
    TeamMember: {"email": "a@b"},
}
_BLANK: Final = {model: dict.fromkeys(required, "") for model, required in _REQUIRED.items()}
_ROLES: Final[dict[str, str]] = {role.value: role.value for role in TeamRole}
_IDS: Final = frozenset({"organization_id", "user_id"})
_EARLIER: Final = """
    SELECT id, line FROM (SELECT * FROM unlike UNION ALL SELECT * FROM alike) WHERE folded = ? ORDER BY line
"""


class SeenIds:
    """The ids of a file and their lines, in a temporary SQLite file."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute("BEGIN")  # otherwise each statement would be a transaction
        self._rows.execute("CREATE TABLE unlike (folded BLOB PRIMARY KEY, id BLOB, line INTEGER) WITHOUT ROWID")
        self._rows.execute("CREATE TABLE alike (folded BLOB, id BLOB, line INTEGER, PRIMARY KEY (folded, id))")

    def look_alikes(self, identity: str, line: int) -> dict[str, int]:
        """Return the earlier ids that equal or resemble this one, each with its first line, and record this one."""
        row = (_octets(folded(identity)), _octets(identity), line)
        if self._rows.execute("INSERT OR IGNORE INTO unlike VALUES (?, ?, ?)", row).rowcount:
            return {}
        found = self._rows.execute(_EARLIER, row[:1]).fetchall()
        earlier = {octets.decode("utf-8", "surrogatepass"): first for octets, first in found}
        if identity not in earlier:
            self._rows.execute("INSERT INTO alike VALUES (?, ?, ?)", row)
        return earlier

    def close(self) -> None:
        """Delete the temporary file."""
        self._rows.close()


class Checker:
    """The check of each row against the rules of the API, the rows before it, and the connected customers."""

    def __init__(self, seen: SeenIds, members: Names, allow: frozenset[str], connected: Mapping[str, str]) -> None:
        self._seen = seen
        self._members = members
        self._allow = allow
        self._connected = connected

    def rows(self, record: Record) -> Iterator[Tenant | BadRow | RowWarning]:
        """Yield the problems of a row, then its customer if no problem must be corrected."""
        tenant, problems = self._checked(record)
        for problem in problems:
            yield problem.on(record.line)
        if tenant is not None and all(problem.is_warning for problem in problems):
            yield tenant

    def _checked(self, record: Record) -> tuple[Tenant | None, list[Problem]]:
        if record.values is None:
            return None, record.problems
        values, problems = record.values, list(record.problems)
        # The id of a bad row counts too. Otherwise its repetition would appear only after the bad row is corrected.
        problems += self._repeated(values.get("organization_id"), record.line)
        members, bad_members = self._team(values.get("team_members"))
        tenant, bad = self._built(Tenant, values | {"team_members": members})
        return tenant, problems + bad_members + bad

    def _repeated(self, given: Any, line: int) -> list[Problem]:
        identity = str(given) if type(given) is int else given  # as the model converts it
        if not identity or not isinstance(identity, str):
            return []
        earlier = self._seen.look_alikes(identity, line)
        if identity in earlier:
            text = f"organization_id: {shown(identity)} is already used on line {earlier[identity]}"
            return [Problem("repeated id", text, "organization_id")]
        look_alikes = [(other, "look-alike ids", f" on line {first}") for other, first in earlier.items()]
        if padded := self._connected.get(identity):
            look_alikes.append((padded, "lost zeros", ", which is already connected"))
        return [
            Problem(
                kind,
                f"organization_id: {shown(identity)} looks like {shown(other)}{where}",
                "organization_id",
                is_warning=True,
            )
            for other, kind, where in look_alikes
            if not {identity, other} & self._allow
        ][:1]

    def _team(self, given: Any) -> tuple[list[TeamMember], list[Problem]]:
        if isinstance(given, OddCell):
            return [], [Problem(given.kind, f"team_members: {shown(given.text)} {given.problem}", "team_members")]
        if not isinstance(given or [], list):
            text = f"team_members: {shown(given)} must be a list of objects"
            return [], [Problem("wrong type", text, "team_members")]
        members: list[TeamMember] = []
        problems: list[Problem] = []
        for number, entry in enumerate(given or [], 1):
            if isinstance(entry, dict | tuple):
                values, unknown = self._member_values(entry)
                member, bad = self._built(TeamMember, values)
                members.append(member)
            else:
                unknown, bad = [], [Problem("wrong type", f"{shown(entry)} must be an object")]
            problems += [_of_member(number, problem) for problem in unknown + bad]
        return members, problems

    def _member_values(self, entry: Any) -> tuple[dict[str, Any], list[Problem]]:
        values: dict[str, Any] = entry
        unknown: list[Problem] = []
        if isinstance(entry, tuple):
            values, unknown = self._members.values(cast("tuple[tuple[str, Any], ...]", entry))
        if role := _ROLES.get(str(values.get("role")).upper()):
            values["role"] = role
        return values, unknown

    def _built(self, model: type[T], values: dict[str, Any]) -> tuple[T, list[Problem]]:
        """Build a model, and collect all problems of its values.

        A model reports one problem at a time. Replacing the rejected value with a valid one reveals the next problem.
        """
        tried: dict[str, Any] = dict(_BLANK[model])
        problems: list[Problem] = []
        replaced: set[str] = set()
        for column, value in values.items():
            if value is None or value == "":
                continue
            is_odd = isinstance(value, OddCell)
            tried[column] = value.text if is_odd else value
            if is_odd or (isinstance(value, str) and not is_harmless(column, value)):
                found = self._suspicious(column, value)
                problems += found
                if not all(problem.is_warning for problem in found):
                    replaced.add(column)
                    tried[column] = _REQUIRED[model].get(column)
        while True:
            try:
                return model(**tried), problems
            except ValidationError as error:
                if error.field in replaced:
                    raise  # the model rejects the replacement too: do not loop
                problems.append(_broken_rule(error, tried[error.field]))
                replaced.add(error.field)
                tried[error.field] = _REQUIRED[model].get(error.field)

    def _suspicious(self, column: str, value: str | OddCell) -> list[Problem]:
        text = value.text if isinstance(value, OddCell) else value
        if column in _IDS and text in self._allow:
            return []
        found = [value] if isinstance(value, OddCell) else suspicions(column, text)
        return [Problem(one.kind, f"{column}: {shown(text)} {one.problem}", column, one.is_warning) for one in found]


def _of_member(number: int, problem: Problem) -> Problem:
    return Problem(problem.kind, f"team_members, member {number}: {problem.text}", "team_members", problem.is_warning)


def _broken_rule(error: ValidationError, rejected: Any) -> Problem:
    if rejected == "":
        return Problem("missing value", f"{error.field}: is missing", error.field)
    rule = error.rule.partition(", not ")[0]  # the value comes first in the text, with keys masked
    return Problem("invalid value", f"{error.field}: {shown(rejected)} {rule}", error.field)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
