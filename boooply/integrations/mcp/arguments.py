"""The strict conversion of a model's arguments to request objects, whose errors name the argument."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final, TypeVar, cast, get_args, get_origin

import attrs

from boooply.converter.annotations import kinds_of
from boooply.errors import ValidationError
from boooply.integrations.mcp.schemas import spelled
from boooply.models.validators import kind as kind_of

T = TypeVar("T")

_LONGEST_NAME: Final = 40


def reject_unknown(given: Mapping[str, Any], known: list[str], path: str = "") -> None:
    """Check that every argument is known: ignoring one would do something other than was asked.

    Raises:
        ValidationError: Names the unknown argument, and the known one that is nearest.
    """
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known)}"
            raise ValidationError(f"{path}{name[:_LONGEST_NAME]}", f"is unknown: {hint}")


def build(model: type[T], given: Mapping[str, Any], path: str = "") -> T:
    """Build a request object from arguments in the API's spelling; null counts as absent.

    Raises:
        ValidationError: An argument is unknown, missing or wrong; its field is spelled as the argument is.
    """
    attrs.resolve_types(cast("Any", model))
    fields: dict[str, attrs.Attribute[Any]] = {spelled(one.name): one for one in attrs.fields(cast("Any", model))}
    reject_unknown(given, [*fields], path)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if given.get(name) is not None:
            values[field.name] = _value(field.type, given[name], f"{path}{name}")
        elif field.default is attrs.NOTHING:
            raise ValidationError(f"{path}{name}", "is missing")
    try:
        return model(**values)
    except ValidationError as problem:
        error = ValidationError(f"{path}{spelled(problem.field)}", _spelled_out(problem.rule, [*fields.values()]))
    raise error


def _spelled_out(rule: str, fields: "list[attrs.Attribute[Any]]") -> str:
    """Spell the fields that a rule names as the arguments are spelled."""
    names = {field.name: spelled(field.name) for field in fields}
    return re.sub(r"[a-z]+(?:_[a-z]+)+", lambda found: names.get(found.group(), found.group()), rule)


def _value(annotation: Any, value: Any, path: str) -> Any:
    (kind, *_) = kinds_of(annotation)
    if get_origin(kind) is tuple:
        items = cast("list[Any]", _unpacked(value, list, path))
        return [_value(get_args(kind)[0], one, f"{path}[{number}]") for number, one in enumerate(items)]
    if attrs.has(kind):
        return build(kind, cast("dict[str, Any]", _unpacked(value, dict, path)), f"{path}.")
    convert = _CONVERTERS.get(kind)
    return value if convert is None else convert(value, path)


_TYPE_NAMES: Final[dict[type, str]] = {list: "a list", dict: "an object"}


def _unpacked(value: Any, expected: type, path: str) -> Any:
    """Return a list or an object, which some hosts send as JSON within a string."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = ""
    if not isinstance(value, expected):
        raise ValidationError(path, f"must be {_TYPE_NAMES[expected]}, not {kind_of(value)}")
    return value


def _integer(value: Any, _path: str) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value  # 30.0 is an integer in JSON


def _time(value: Any, path: str) -> datetime:
    rule = "must be a time with an offset, as 2026-05-01T09:00:00Z or 2026-05-01T11:00:00+02:00"
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        time = None
    if time is None or time.utcoffset() is None:
        raise ValidationError(path, rule)
    try:
        time.astimezone(UTC)
    except OverflowError:
        time = None
    if time is None:
        raise ValidationError(path, "has to lie within the years 1 to 9999 in UTC too")
    return time


_CONVERTERS: Final[dict[Any, Callable[[Any, str], Any]]] = {int: _integer, datetime: _time}
