"""The attrs converters of request fields, which check a value and convert it to the type of its field.

Each converter raises a ``ValidationError`` with the path within the value. ``by_annotation`` puts the name of the field
in front of that path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType
from typing import Any, Final, TypeVar, cast, get_args, get_type_hints
from uuid import UUID

import attrs

from boooply.errors import ValidationError
from boooply.models.enums import AuthProvider, InterviewType
from boooply.models.mappings import build, under
from boooply.models.older import warn_of_older_name
from boooply.secret import redact

T = TypeVar("T")

Accept = Callable[[Any], T]

# Rejects only what no mail server accepts. Whether the mailbox exists is for the API to find out.
_EMAIL: Final = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")  # a tab is fine
_NOT_IN_CELLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE_BREAKS: Final = frozenset("\n\v\f\r\x85\u2028\u2029")
_NUMBERS: Final = (int, float)
_LARGEST: Final = 2**53  # JSON readers with floating-point numbers change larger whole numbers
_LISTS: Final = frozenset({list, tuple})
_NO_LISTS: Final = (str, bytes, Mapping)  # iterating over a mapping yields its keys
_LAST_YEARS: Final = frozenset({1, 9999})

# Values that only older documentation of the API contains.
_OLDER: Final[Mapping[type[StrEnum], frozenset[str]]] = {
    AuthProvider: frozenset({"YOUR_PLATFORM"}),
    InterviewType: frozenset({"HYBRID"}),
}


def kind(value: object) -> str:
    """Return the name of a value's type, and never the value."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def long_text(value: Any) -> str:
    """Require text that is not blank, with any characters."""
    if not isinstance(value, str):
        raise ValidationError("", f"must be text, not {kind(value)}")
    if not value or value.isspace():
        raise ValidationError("", "is blank")
    return value


def line(value: Any) -> str:
    """Require one line of text that is not blank and contains no control characters."""
    if isinstance(value, str) and value.isprintable() and not value.isspace() and value != "":
        return value
    text = long_text(value)
    found = _CONTROL.search(text)
    if found is None:
        return text
    raise ValidationError("", "must be one line" if found.group() in _LINE_BREAKS else "contains a control character")


def email(value: str) -> str:
    """Require text that can be an e-mail address."""
    if _EMAIL.fullmatch(line(value)) is None:
        raise ValidationError("", "is not an e-mail address")
    return value


def identity(value: str | int | UUID) -> str:
    """Require one of the caller's own IDs, and return it as text."""
    if isinstance(value, str):
        line(value)
    elif isinstance(value, bool) or not isinstance(value, int | UUID):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ValidationError("", f"must be text, a whole number or a UUID, not {kind(value)}")
    return str(value)


def optional_identity(value: str | int | UUID | None) -> str | None:
    """Require one of the caller's own IDs. ``by_annotation`` never passes None."""
    return identity(cast("str", value))


def flag(value: Any) -> bool:
    """Require True or False."""
    if not isinstance(value, bool):
        raise ValidationError("", f"must be True or False, not {kind(value)}")
    return value


def time(value: datetime | str) -> datetime:
    """Require a datetime with a time zone, or an ISO 8601 text with an offset."""
    rule = "must be a time with an offset, such as 2026-05-01T09:00:00Z"
    found = _from_iso(value) if isinstance(value, str) else value
    if isinstance(value, str) and (found is None or found.utcoffset() is None):
        raise ValidationError("", rule)
    if not isinstance(found, datetime):
        raise ValidationError("", f"{rule}, or a datetime, not {kind(value)}")
    if found.utcoffset() is None:
        raise ValidationError("", "has no time zone: add one, as in datetime(…, tzinfo=UTC)")
    if found.year in _LAST_YEARS and not _has_utc(found):
        raise ValidationError("", "must be within the years 1 to 9999 in UTC")
    return found


def _from_iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def optional_time(value: datetime | str | None) -> datetime | None:
    """Require a time. ``by_annotation`` never passes None."""
    return time(cast("datetime", value))


def _has_utc(value: datetime) -> bool:
    try:
        value.astimezone(UTC)
    except OverflowError:
        return False
    return True


def number_between(least: float, most: float = float("inf"), *, unit: str = "", whole: bool = False) -> Accept[Any]:
    """Require a number from ``least`` to ``most``, inclusive."""
    span = f"at least {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"
    rule = f"must be {span}{f' {unit}' if unit else ''}"

    def accept(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, _NUMBERS):
            raise ValidationError("", f"must be a number, not {kind(value)}")
        if isinstance(value, int) and abs(value) > _LARGEST:
            raise ValidationError("", "has too many digits")
        if not least <= value <= most:
            raise ValidationError("", f"{rule}, not {value}")
        if whole and not isinstance(value, int):
            raise ValidationError("", "must be a whole number")
        return value

    return accept


def one_of(enumeration: type[StrEnum]) -> Accept[str]:
    """Require a member of an enumeration, or its string."""
    values, older = frozenset(enumeration), _OLDER.get(enumeration, frozenset())
    rule = f"must be one of {', '.join(enumeration)}"

    def accept(value: Any) -> str:
        if isinstance(value, str) and value in values:
            return value
        if isinstance(value, str) and value in older:
            warn_of_older_name(value, enumeration)
            return value
        raise ValidationError("", rule if not isinstance(value, str) else f"{rule}, not {redact(value)[:40]!r}")

    return accept


def each_item(accept: Accept[T]) -> Accept[tuple[T, ...]]:
    """Require a list of items that ``accept`` accepts, and return a tuple."""

    def accept_each(value: Any) -> tuple[T, ...]:
        if type(value) not in _LISTS and (isinstance(value, _NO_LISTS) or not hasattr(value, "__iter__")):
            raise ValidationError("", f"must be a list, not {kind(cast('object', value))}")
        items: list[T] = []
        try:
            for item in value:
                items.append(accept(item))  # noqa: PERF401 - the error needs the index of the item
        except ValidationError as error:
            problem = under(f"[{len(items)}]", error)
        else:
            return tuple(items)
        raise problem

    return accept_each


def instance_of(wanted: type[T]) -> Accept[T]:
    """Require an instance of a class, or a dictionary with its fields in snake_case or camelCase."""

    def accept(value: Any) -> T:
        if isinstance(value, wanted):
            return value
        if isinstance(value, Mapping):
            return build(wanted, cast("Mapping[str, Any]", value))
        raise ValidationError("", f"must be a {wanted.__name__} or a dictionary, not {kind(value)}")

    return accept


_lines = each_item(line)
_long_texts = each_item(long_text)


def texts(value: Iterable[str]) -> tuple[str, ...]:
    """Require a list of single-line texts."""
    return _lines(value)


def long_texts(value: Iterable[str]) -> tuple[str, ...]:
    """Require a list of texts, with or without line breaks."""
    return _long_texts(value)


def optional_cell(value: str | None) -> str | None:
    """Require text as in a spreadsheet cell, which may have line breaks. ``by_annotation`` never passes None."""
    text = long_text(value)
    if _NOT_IN_CELLS.search(text):
        raise ValidationError("", "contains a control character")
    return text


def optional_long_text(value: str | None) -> str | None:
    """Require text, with or without line breaks. ``by_annotation`` never passes None."""
    return long_text(value)


def by_annotation(_model: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Return the fields of a request, each with a converter: its own, or the one for its annotation.

    An optional field converts blank text to its default.
    """
    return [field if _is_inherited(field) else field.evolve(converter=_converter(field)) for field in fields]


def _is_inherited(field: Any) -> bool:
    return isinstance(field.converter, attrs.Converter)


_ACCEPTED: Final[Mapping[object, Accept[Any]]] = {str: line, bool: flag}


def _converter(field: Any) -> attrs.Converter[Any, Any]:
    name, annotation = field.name, field.type
    first, *others = get_args(annotation) or (annotation,)  # of "enumeration | str", the enumeration
    own: Accept[Any] | None = field.converter
    accept: Accept[Any] = own or _ACCEPTED.get(first) or one_of(cast("type[StrEnum]", first))

    default, is_optional = field.default, NoneType in others

    def convert(value: Any) -> Any:
        if value is default or (is_optional and isinstance(value, str) and (not value or value.isspace())):
            return default
        try:
            return accept(value)
        except ValidationError as error:
            is_missing = isinstance(value, str) and not value
            problem = ValidationError(name, "is missing") if is_missing else under(name, error)
        raise problem

    if own is not None:
        annotation = next(iter(get_type_hints(own).values()))
    convert.__annotations__ = {"value": annotation}  # attrs copies it to the argument of the constructor
    return attrs.Converter(convert)
