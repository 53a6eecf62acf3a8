"""From a model's arguments to the request objects that check them: strictly, and every refusal names its place."""

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


def refuse_unknown(given: Mapping[str, Any], known: list[str], place: str = "") -> None:
    """Refuse an argument that there is not, instead of doing something else than was asked for.

    Raises:
        ValidationError: It names the argument, and the one that was meant.
    """
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known)}"
            raise ValidationError(f"{place}{name[:_LONGEST_NAME]}", f"is unknown: {hint}")


def build(model: type[T], given: Mapping[str, Any], place: str = "") -> T:
    """Build a request object from arguments in the API's spelling; null is as good as absent.

    Raises:
        ValidationError: An argument is unknown, missing or wrong; its field is spelled as the argument is.
    """
    attrs.resolve_types(cast("Any", model))
    fields: dict[str, attrs.Attribute[Any]] = {spelled(one.name): one for one in attrs.fields(cast("Any", model))}
    refuse_unknown(given, [*fields], place)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if given.get(name) is not None:
            values[field.name] = _value(field.type, given[name], f"{place}{name}")
        elif field.default is attrs.NOTHING:
            raise ValidationError(f"{place}{name}", "is missing")
    try:
        return model(**values)
    except ValidationError as problem:
        error = ValidationError(f"{place}{spelled(problem.field)}", _spelled_out(problem.rule, [*fields.values()]))
    raise error


def _spelled_out(rule: str, fields: "list[attrs.Attribute[Any]]") -> str:
    """Spell the fields that a rule names as the arguments are."""
    names = {field.name: spelled(field.name) for field in fields}
    return re.sub(r"[a-z]+(?:_[a-z]+)+", lambda found: names.get(found.group(), found.group()), rule)


def _value(annotation: Any, value: Any, place: str) -> Any:
    (kind, *_) = kinds_of(annotation)
    if get_origin(kind) is tuple:
        items = cast("list[Any]", _unpacked(value, list, place))
        return [_value(get_args(kind)[0], one, f"{place}[{number}]") for number, one in enumerate(items)]
    if attrs.has(kind):
        return build(kind, cast("dict[str, Any]", _unpacked(value, dict, place)), f"{place}.")
    convert = _CONVERTERS.get(kind)
    return value if convert is None else convert(value, place)


_IN_WORDS: Final[dict[type, str]] = {list: "a list", dict: "an object"}


def _unpacked(value: Any, wanted: type, place: str) -> Any:
    """Take a list or an object; some hosts write those as text that holds JSON."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = ""
    if not isinstance(value, wanted):
        raise ValidationError(place, f"has to be {_IN_WORDS[wanted]}, not {kind_of(value)}")
    return value


def _whole(value: Any, _place: str) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value  # 30.0 is an integer in JSON


def _moment(value: Any, place: str) -> datetime:
    rule = "has to be a time with an offset, as 2026-05-01T09:00:00Z or 2026-05-01T11:00:00+02:00"
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise ValidationError(place, rule)
    try:
        moment.astimezone(UTC)
    except OverflowError:
        moment = None
    if moment is None:
        raise ValidationError(place, "has to lie within the years 1 to 9999 in UTC too")
    return moment


_CONVERTERS: Final[dict[Any, Callable[[Any, str], Any]]] = {int: _whole, datetime: _moment}
