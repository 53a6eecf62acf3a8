"""Checks of single values in a body, which the tables in `rules` combine.

A check takes a field's name and value, and raises a `SandboxError`: 400 for a missing field or the wrong JSON type, and
422 for a value that breaks a rule. An explicit null breaks a rule, since callers must leave out an optional field.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeGuard

from attrs import frozen

from boooply.sandbox.wire import SandboxError, invalid, missing, parse_time

__all__ = [
    "Check",
    "Field",
    "boolean",
    "check_fields",
    "check_names",
    "email",
    "integer_from",
    "is_email",
    "is_list",
    "is_object",
    "list_of",
    "non_empty",
    "number_between",
    "object_with",
    "one_of",
    "string",
    "time",
]

Check = Callable[[str, Any], None]


def _wrong_type(field: str, wanted: str) -> SandboxError:
    return SandboxError(400, "INVALID_TYPE", f"{field} must be {wanted}")


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Check whether a JSON value is a list."""
    return isinstance(value, list)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Check whether a JSON value is an object."""
    return isinstance(value, dict)


def is_email(value: str) -> bool:
    """Check whether a text looks like an e-mail address: text on both sides of a single @, without spaces."""
    local, at, domain = value.partition("@")
    return bool(local and at and domain) and "@" not in domain and not any(character.isspace() for character in value)


def string(field: str, value: Any) -> None:
    """Require a string."""
    if not isinstance(value, str):
        raise _wrong_type(field, "a string")


def non_empty(field: str, value: Any) -> None:
    """Require a string that is not blank."""
    string(field, value)
    if not value.strip():
        raise invalid(field, "must not be empty")


def email(field: str, value: Any) -> None:
    """Require an e-mail address."""
    string(field, value)
    if not is_email(value):
        raise invalid(field, "must be an e-mail address")


def time(field: str, value: Any) -> None:
    """Require an ISO time with an offset."""
    string(field, value)
    if parse_time(value) is None:
        raise invalid(field, "must be an ISO 8601 time with an offset")


def boolean(field: str, value: Any) -> None:
    """Require true or false."""
    if not isinstance(value, bool):
        raise _wrong_type(field, "true or false")


def integer_from(minimum: int, *, at_most: int | None = None) -> Check:
    """Require a whole number that is at least the minimum, and at most `at_most` if given."""

    def check(field: str, value: Any) -> None:
        # a bool is an int in Python, but not in JSON
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(field, "a whole number")
        if at_most is not None and not minimum <= value <= at_most:
            raise invalid(field, f"must be from {minimum} to {at_most}")
        if value < minimum:
            raise invalid(field, f"must be at least {minimum}")

    return check


def number_between(minimum: float, maximum: float) -> Check:
    """Require a number from the minimum to the maximum."""

    def check(field: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type(field, "a number")
        if not minimum <= value <= maximum:
            raise invalid(field, f"must be from {minimum:g} to {maximum:g}")

    return check


def one_of(*values: str) -> Check:
    """Require one of these strings."""

    def check(field: str, value: Any) -> None:
        string(field, value)
        if value not in values:
            raise invalid(field, f"must be one of {', '.join(values)}")

    return check


def list_of(item: Check, *, at_most: int | None = None, at_least: int = 0) -> Check:
    """Require a list whose items pass a check."""

    def check(field: str, value: Any) -> None:
        if not is_list(value):
            raise _wrong_type(field, "a list")
        if len(value) < at_least:
            raise invalid(field, f"must have at least {at_least} item(s)")
        if at_most is not None and len(value) > at_most:
            raise invalid(field, f"must have at most {at_most} items")
        for position, one in enumerate(value):
            if one is None:
                raise invalid(f"{field}[{position}]", "must not be null")
            item(f"{field}[{position}]", one)

    return check


@frozen
class Field:
    """One field of a body: its name, its check, and whether it is required."""

    name: str
    check: Check
    required: bool = False


def check_fields(fields: tuple[Field, ...], body: Mapping[str, Any], where: str = "") -> None:
    """Check these fields of a body; ignore others, which future clients may send."""
    for field in fields:
        path = f"{where}{field.name}"
        if field.name in body:
            if body[field.name] is None:
                raise invalid(path, "must not be null: leave it out instead")
            field.check(path, body[field.name])
        elif field.required:
            raise missing(path)


def check_names(known: Iterable[str], body: Mapping[str, Any], where: str = "") -> None:
    """Require that a body has only known names; the error for another one suggests the nearest."""
    names = tuple(known)
    for name in body:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            known_names = f"the known name{' is' if len(names) == 1 else 's are'} {', '.join(names)}"
            raise invalid(f"{where}{name}", f"is unknown: {f'did you mean {near[0]}?' if near else known_names}")


def object_with(*fields: Field) -> Check:
    """Require an object with these fields."""

    def check(field: str, value: Any) -> None:
        if not is_object(value):
            raise _wrong_type(field, "an object")
        check_fields(fields, value, f"{field}.")

    return check
