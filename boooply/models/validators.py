"""What request objects hold their fields to: attrs validators that name the field and the rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

import attrs

from boooply.errors import ValidationError

T = TypeVar("T")

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]

# What every mail server refuses too; whether the mailbox exists is the vendor's to find out.
_EMAIL: Final = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_NUMBERS: Final = (int, float)  # a union would be made anew at each look


def as_tuple(value: Iterable[T]) -> tuple[T, ...]:
    """Keep a sequence as a tuple; what is no sequence stays as it is, for the field's validator to name."""
    # a tuple first, since asking an abstract class takes ten times as long
    return tuple(value) if type(value) is not tuple and _is_sequence(value) else cast("tuple[T, ...]", value)


def _is_sequence(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def texts(value: Iterable[str]) -> tuple[str, ...]:
    """Keep a list of strings as a tuple."""
    return as_tuple(value)


def optional(check: Validator) -> Validator:
    """Want what ``check`` wants, or nothing; attrs' own takes twice as long to find that nothing is given."""

    def check_given(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None:
            check(instance, attribute, value)

    return check_given


def text(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
    """Want text that is not blank and holds no control character."""
    if not isinstance(value, str):
        raise ValidationError(attribute.name, f"has to be text, not {kind(value)}")
    if not value or value.isspace():
        raise ValidationError(attribute.name, "is blank" if value else "is missing")
    if not value.isprintable() and _CONTROL.search(value):  # most text is printable, which takes no pattern to see
        raise ValidationError(attribute.name, "holds a control character")


def email(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Want something that can be an e-mail address."""
    if not (isinstance(value, str) and _EMAIL.fullmatch(value)):
        text(instance, attribute, value)
        raise ValidationError(attribute.name, "is not an e-mail address")


def flag(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
    """Want True or False."""
    if not isinstance(value, bool):
        raise ValidationError(attribute.name, f"has to be True or False, not {kind(value)}")


def aware(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
    """Want a datetime that knows its time zone."""
    if not isinstance(value, datetime):
        raise ValidationError(attribute.name, f"has to be a datetime, not {kind(value)}")
    if value.utcoffset() is None:
        raise ValidationError(attribute.name, "has no time zone: give one, as in datetime(…, tzinfo=UTC)")


def within(least: float, most: float = float("inf"), *, unit: str = "") -> Validator:
    """Want a number from ``least`` to ``most``, both included."""
    span = f"at least {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"
    rule = f"has to be {span}{f' {unit}' if unit else ''}"

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
        if isinstance(value, bool) or not isinstance(value, _NUMBERS):
            raise ValidationError(attribute.name, f"has to be a number, not {kind(value)}")
        if not least <= value <= most:
            raise ValidationError(attribute.name, f"{rule}, not {value:g}")

    return check


def whole(least: int, most: float = float("inf"), *, unit: str = "") -> Validator:
    """Want a whole number from ``least`` to ``most``, both included."""
    in_span = within(least, most, unit=unit)

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if type(value) is int and least <= value <= most:
            return
        in_span(instance, attribute, value)
        if not isinstance(value, int):
            raise ValidationError(attribute.name, "has to be a whole number")

    return check


def one_of(enumeration: type[StrEnum]) -> Validator:
    """Want a member of an enumeration, or the string of one."""
    values = frozenset(enumeration)
    rule = f"has to be one of {', '.join(enumeration)}"

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
        if not isinstance(value, str) or value not in values:
            raise ValidationError(attribute.name, rule if not isinstance(value, str) else f"{rule}, not {value[:40]!r}")

    return check


def each(check: Validator, *, most: int | None = None) -> Validator:
    """Want a sequence (a string is none), every item passing ``check``."""

    def check_all(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, tuple):
            raise ValidationError(attribute.name, f"has to be a list, not {kind(value)}")
        if not value:
            return
        items = cast("tuple[Any, ...]", value)
        if most is not None and len(items) > most:
            raise ValidationError(attribute.name, f"has to be at most {most} long, not {len(items)}")
        for item in items:
            check(instance, attribute, item)

    return check_all


def a(wanted: type) -> Validator:
    """Want an object of one class."""

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
        if not isinstance(value, wanted):
            raise ValidationError(attribute.name, f"has to be a {wanted.__name__}, not {kind(value)}")

    return check


def kind(value: object) -> str:
    """Name what kind of thing a value is, never the value."""
    return "None" if value is None else f"a {type(value).__name__}"
