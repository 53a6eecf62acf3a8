"""What request objects check: attrs validators whose errors name the field and the rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

import attrs
from attrs.validators import optional

from boooply.errors import ValidationError

__all__ = [
    "as_tuple",
    "each_item",
    "email",
    "flag",
    "instance_of",
    "int_between",
    "kind",
    "number_between",
    "one_of",
    "optional",
    "text",
    "texts",
    "tz_aware",
]

T = TypeVar("T")

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]

# What every mail server rejects too; only the vendor can find out whether the mailbox exists.
_EMAIL: Final = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def as_tuple(value: Iterable[T]) -> tuple[T, ...]:
    """Return a sequence as a tuple, and anything else unchanged, for the field's validator to name."""
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return cast("tuple[T, ...]", value)
    return tuple(value)


def texts(value: Iterable[str]) -> tuple[str, ...]:
    """Return a list of strings as a tuple."""
    return as_tuple(value)


def text(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
    """Require text that is not blank and contains no control character."""
    if not isinstance(value, str):
        raise ValidationError(attribute.name, f"must be text, not {kind(value)}")
    if not value or value.isspace():
        raise ValidationError(attribute.name, "is blank" if value else "is missing")
    if not value.isprintable() and _CONTROL.search(value):  # line breaks and tabs are fine
        raise ValidationError(attribute.name, "contains a control character")


def email(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Require something that can be an e-mail address."""
    if not (isinstance(value, str) and _EMAIL.fullmatch(value)):
        text(instance, attribute, value)
        raise ValidationError(attribute.name, "is not an e-mail address")


def flag(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
    """Require True or False."""
    if not isinstance(value, bool):
        raise ValidationError(attribute.name, f"must be True or False, not {kind(value)}")


def tz_aware(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
    """Require a datetime with a time zone."""
    if not isinstance(value, datetime):
        raise ValidationError(attribute.name, f"must be a datetime, not {kind(value)}")
    if value.utcoffset() is None:
        raise ValidationError(attribute.name, "has no time zone: give one, as in datetime(…, tzinfo=UTC)")


def number_between(least: float, most: float = float("inf"), *, unit: str = "") -> Validator:
    """Require a number from ``least`` to ``most``, both included."""
    span = f"at least {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"
    rule = f"must be {span}{f' {unit}' if unit else ''}"

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError(attribute.name, f"must be a number, not {kind(value)}")
        if not least <= value <= most:
            raise ValidationError(attribute.name, f"{rule}, not {value:g}")

    return check


def int_between(least: int, most: float = float("inf"), *, unit: str = "") -> Validator:
    """Require a whole number from ``least`` to ``most``, both included."""
    check_number = number_between(least, most, unit=unit)

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        check_number(instance, attribute, value)
        if not isinstance(value, int):
            raise ValidationError(attribute.name, "must be a whole number")

    return check


def one_of(enumeration: type[StrEnum]) -> Validator:
    """Require a member of an enumeration, or its string."""
    values = frozenset(enumeration)
    rule = f"must be one of {', '.join(enumeration)}"

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
        if not isinstance(value, str) or value not in values:
            raise ValidationError(attribute.name, rule if not isinstance(value, str) else f"{rule}, not {value[:40]!r}")

    return check


def each_item(check_item: Validator, *, most: int | None = None) -> Validator:
    """Require a sequence other than a string, in which every item passes ``check_item``."""

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, tuple):
            raise ValidationError(attribute.name, f"must be a list, not {kind(value)}")
        items = cast("tuple[Any, ...]", value)
        if most is not None and len(items) > most:
            raise ValidationError(attribute.name, f"must be at most {most} long, not {len(items)}")
        for item in items:
            check_item(instance, attribute, item)

    return check


def instance_of(wanted: type) -> Validator:
    """Require an object of one class."""

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
        if not isinstance(value, wanted):
            raise ValidationError(attribute.name, f"must be a {wanted.__name__}, not {kind(value)}")

    return check


def kind(value: object) -> str:
    """Name the type of a value, never the value."""
    return "None" if value is None else f"a {type(value).__name__}"
