"""Checks of single values in a body, to be put together in the tables of `rules`.

A check takes the field's name and its value, and raises. Two kinds of fault are kept apart: a value of the wrong JSON
type or a missing field is a 400, a value of the right type that breaks a rule is a 422. An explicit null is a value
that breaks a rule, since optional means "leave it out".
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

from attrs import frozen

from boooply.sandbox.errors import SandboxError, invalid, missing

__all__ = [
    "Check",
    "Field",
    "address",
    "check_fields",
    "filled",
    "flag",
    "is_address",
    "is_list",
    "is_object",
    "list_of",
    "moment",
    "one_of",
    "parse_moment",
    "record",
    "text",
    "whole",
]

Check = Callable[[str, Any], None]


def _wrong_type(field: str, wanted: str) -> SandboxError:
    return SandboxError(400, "INVALID_TYPE", f"{field} must be {wanted}")


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Tell whether a JSON value is a list."""
    return isinstance(value, list)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a JSON value is an object."""
    return isinstance(value, dict)


def parse_moment(value: str) -> datetime | None:
    """Read an ISO time that has an offset, as UTC; None if it is not one."""
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.astimezone(UTC) if parsed.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def is_address(value: str) -> bool:
    """Tell whether something looks like an e-mail address: something@something, one @, no spaces."""
    local, at, domain = value.partition("@")
    return bool(local and at and domain) and "@" not in domain and not any(letter.isspace() for letter in value)


def text(field: str, value: Any) -> None:
    """Want a string."""
    if not isinstance(value, str):
        raise _wrong_type(field, "a string")


def filled(field: str, value: Any) -> None:
    """Want a string that says something."""
    text(field, value)
    if not value.strip():
        raise invalid(field, "must not be empty")


def address(field: str, value: Any) -> None:
    """Want an e-mail address."""
    text(field, value)
    if not is_address(value):
        raise invalid(field, "must be an e-mail address")


def moment(field: str, value: Any) -> None:
    """Want an ISO time with an offset."""
    text(field, value)
    if parse_moment(value) is None:
        raise invalid(field, "must be an ISO 8601 time with an offset")


def flag(field: str, value: Any) -> None:
    """Want true or false."""
    if not isinstance(value, bool):
        raise _wrong_type(field, "true or false")


def whole(least: int) -> Check:
    """Want a whole number that is not below the least."""

    def check(field: str, value: Any) -> None:
        # true is an int in Python and none in JSON.
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(field, "a whole number")
        if value < least:
            raise invalid(field, f"must be at least {least}")

    return check


def one_of(*values: str) -> Check:
    """Want one of these strings."""

    def check(field: str, value: Any) -> None:
        text(field, value)
        if value not in values:
            raise invalid(field, f"must be one of {', '.join(values)}")

    return check


def list_of(item: Check, *, most: int | None = None, least: int = 0) -> Check:
    """Want a list whose items pass a check."""

    def check(field: str, value: Any) -> None:
        if not is_list(value):
            raise _wrong_type(field, "a list")
        if len(value) < least:
            raise invalid(field, f"must have at least {least} item(s)")
        if most is not None and len(value) > most:
            raise invalid(field, f"must have at most {most} items")
        for position, one in enumerate(value):
            if one is None:
                raise invalid(f"{field}[{position}]", "must not be null")
            item(f"{field}[{position}]", one)

    return check


@frozen
class Field:
    """Name one field of a body, what it must be, and whether it may be left out."""

    name: str
    check: Check
    required: bool = False


def check_fields(fields: tuple[Field, ...], body: Mapping[str, Any], where: str = "") -> None:
    """Check the fields named; fields that no row names pass unseen, since the wire may grow."""
    for field in fields:
        path = f"{where}{field.name}"
        if field.name in body:
            if body[field.name] is None:
                raise invalid(path, "must not be null: leave it out instead")
            field.check(path, body[field.name])
        elif field.required:
            raise missing(path)


def record(*fields: Field) -> Check:
    """Want an object with these fields."""

    def check(field: str, value: Any) -> None:
        if not is_object(value):
            raise _wrong_type(field, "an object")
        check_fields(fields, value, f"{field}.")

    return check
