"""What request objects check: attrs validators whose errors name the field and the rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import NoneType
from typing import Any, Final, TypeVar, cast, get_args, get_origin

import attrs
from attrs.validators import optional

from boooply.errors import ValidationError
from boooply.secret import redact

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


def number_between(least: float, most: float = float("inf"), *, unit: str = "", whole: bool = False) -> Validator:
    """Require a number from ``least`` to ``most``, both included."""
    span = f"at least {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"
    rule = f"must be {span}{f' {unit}' if unit else ''}"

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError(attribute.name, f"must be a number, not {kind(value)}")
        if not least <= value <= most:
            raise ValidationError(attribute.name, f"{rule}, not {value:g}")
        if whole and not isinstance(value, int):
            raise ValidationError(attribute.name, "must be a whole number")

    return check


def one_of(enumeration: type[StrEnum]) -> Validator:
    """Require a member of an enumeration, or its string."""
    values = frozenset(enumeration)
    rule = f"must be one of {', '.join(enumeration)}"

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
        if not isinstance(value, str) or value not in values:
            raise ValidationError(
                attribute.name, rule if not isinstance(value, str) else f"{rule}, not {redact(value)[:40]!r}"
            )

    return check


def each_item(check_item: Validator) -> Validator:
    """Require a sequence other than a string, in which every item passes ``check_item``."""

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, tuple):
            raise ValidationError(attribute.name, f"must be a list, not {kind(value)}")
        for item in cast("tuple[Any, ...]", value):
            check_item(instance, attribute, item)

    return check


def instance_of(wanted: type) -> Validator:
    """Require an object of one class."""

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
        if not isinstance(value, wanted):
            raise ValidationError(attribute.name, f"must be a {wanted.__name__}, not {kind(value)}")

    return check


def by_annotation(_model: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Return the fields of a request, each with the validator that its annotation asks for, unless it has one."""
    return [
        field if field.validator is not None else field.evolve(validator=_validator_of(field.type)) for field in fields
    ]


_VALIDATORS: Final[Mapping[object, Validator]] = {str: text, bool: flag, datetime: tz_aware}


def _validator_of(annotation: Any) -> Validator:
    kinds = get_args(annotation) or (annotation,)
    if get_origin(annotation) is tuple:
        return each_item(_validator_of(kinds[0]))
    first = kinds[0]  # of an enumeration and str, the enumeration
    check = _VALIDATORS.get(first) or (one_of(first) if issubclass(first, StrEnum) else instance_of(first))
    return optional(check) if NoneType in kinds else check


def kind(value: object) -> str:
    """Name the type of a value, never the value."""
    return "None" if value is None else f"a {type(value).__name__}"
