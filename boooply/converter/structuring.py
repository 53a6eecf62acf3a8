"""From the API's JSON to models, tolerantly.

cattrs generates the function that builds a model, and calls one of the hooks below for each field. The function
receives a payload with every field, where None means absent. If it fails, a second pass checks each field separately.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from types import NoneType
from typing import Any, Final, TypeVar, cast, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import (
    make_dict_structure_fn_from_attrs,  # pyright: ignore[reportUnknownVariableType]  # cattrs omits a type argument
    override,
)

from boooply.converter.annotations import is_union, kinds_of
from boooply.converter.names import ALSO, wire_name
from boooply.errors import ValidationError
from boooply.secret import Secret

T = TypeVar("T")

Hook = Callable[[Any, Any], Any]
Payload = dict[str, Any]

# The types of JSON values that these types accept unchanged.
_UNCHANGED: Final[dict[Any, tuple[type, ...]]] = {str: (str,), int: (int,), float: (float, int), bool: (bool,)}
_EXTRA: Final = "extra"


class StructureError(Exception):
    """A payload lacks a required value, or has one of the wrong type. ``str()`` shows the path, and never the value."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem, path)
        self.problem = problem
        self.path = path

    def __str__(self) -> str:
        return f"{self.path.lstrip('.') or 'the response'}: {self.problem}"

    def under(self, step: str) -> StructureError:
        """Return this error with a further step at the start of its path."""
        return StructureError(self.problem, f"{step}{self.path}")


def structure(raw: Any, into: type[T]) -> T:
    """Build a model, or any other annotated type, from JSON.

    Raises:
        StructureError: A required value is missing or of the wrong type.
    """
    return _converter.structure(raw, into)


def _expected(wanted: str, value: object) -> StructureError:
    found: dict[type, str] = {dict: "an object", list: "a list", str: "text", bool: "a boolean", NoneType: "null"}
    return StructureError(f"expected {wanted}, found {found.get(type(value), 'a number')}")


def _exactly(wanted: str, kind: type) -> Hook:
    def structure_exactly(value: Any, _: Any) -> Any:
        if type(value) in _UNCHANGED[kind]:
            return value
        raise _expected(wanted, value)

    return structure_exactly


def _text(value: Any, _: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:  # the API may send an ID as a number
        return str(value)
    raise _expected("text", value)


def _time(value: Any, _: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        pass
    else:
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    raise _expected("an ISO 8601 time", value)


def _secret(value: Any, _: Any) -> Secret:
    return Secret(value if type(value) is str else _text(value, None))


def _union(annotation: Any, converter: Converter) -> Hook:
    kinds = kinds_of(annotation)
    null: tuple[type, ...] = (NoneType,) if NoneType in get_args(annotation) else ()
    if isinstance(kinds[0], type) and issubclass(kinds[0], StrEnum):
        return _member_or_text(kinds[0], (str, *null))
    unchanged = (*_UNCHANGED.get(kinds[0], ()), *null)
    hook = _first_fitting([converter.get_structure_hook(kind) for kind in kinds])

    def structure_union(value: Any, _: Any) -> Any:
        return value if type(value) in unchanged else hook(value, None)

    return structure_union


def _member_or_text(enumeration: type[StrEnum], unchanged: tuple[type, ...]) -> Hook:
    members = {member.value: member for member in enumeration}

    def structure_member(value: Any, _: Any) -> Any:
        return members.get(value, value) if type(value) in unchanged else _text(value, None)

    return structure_member


def _first_fitting(hooks: list[Hook]) -> Hook:
    *others, last = hooks

    def structure_first(value: Any, _: Any) -> Any:
        for hook in others:
            try:
                return hook(value, None)
            except StructureError:
                continue
        return last(value, None)

    return structure_first if others else last


def _sequence(annotation: Any, converter: Converter) -> Hook:
    hook = converter.get_structure_hook(get_args(annotation)[0])

    def structure_sequence(value: Any, _: Any) -> Any:
        if type(value) is not list:
            raise _expected("a list", value)
        items: list[Any] = []
        for place, item in enumerate(cast("list[Any]", value)):
            try:
                items.append(hook(item, None))
            except StructureError as error:
                raise error.under(f"[{place}]") from None
        return tuple(items)

    return structure_sequence


def _mapping(annotation: Any, converter: Converter) -> Hook:
    hook = converter.get_structure_hook(get_args(annotation)[1])

    def structure_mapping(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise _expected("an object", value)
        return {key: hook(item, None) for key, item in cast("Payload", value).items()}

    return structure_mapping


@attrs.frozen
class _Field:
    """A field of a model, with the hook that structures its value. null becomes the default."""

    attribute: attrs.Attribute[Any]
    hook: Hook

    @classmethod
    def of(cls, attribute: attrs.Attribute[Any], converter: Converter) -> _Field:
        hook = converter.get_structure_hook(attribute.type)
        default = cast("Any", attribute.default)

        def structure_or_default(value: Any, _: Any) -> Any:
            if value is not None:
                return hook(value, None)
            return default.factory() if hasattr(default, "factory") else default

        return cls(attribute, hook if default in {None, attrs.NOTHING} else structure_or_default)

    @property
    def is_required(self) -> bool:
        return self.attribute.default is attrs.NOTHING


def _model(model: type, converter: Converter) -> Hook:
    attributes = [field for field in attrs.fields(attrs.resolve_types(model)) if field.name != _EXTRA]
    fields = {wire_name(model, one.name): _Field.of(one, converter) for one in attributes}
    spellings = [(wire_name(model, name), second) for second, name in ALSO.get(model, {}).items()]
    absent = dict.fromkeys([*fields, *(second for _, second in spellings)])
    build = _builder(model, fields, converter)

    def structure_model(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise _expected("an object", value)
        payload: Payload = {**absent, **value}
        # Unknown names follow all known names.
        payload[_EXTRA] = dict(islice(payload.items(), len(absent), None)) if len(payload) > len(absent) else {}
        for first, second in spellings:
            if payload[first] is None:
                payload[first] = payload[second]
        try:
            return build(payload, model)
        except (StructureError, ValidationError):
            pass
        _set_aside(payload, fields)
        try:
            return build(payload, model)
        except ValidationError as problem:
            error = StructureError(problem.rule, f".{wire_name(model, problem.field)}")
        raise error

    return structure_model


def _builder(model: type, fields: dict[str, _Field], converter: Converter) -> Hook:
    """Return the function that cattrs generates for a payload with every field, so that no default is needed."""
    given = [field.evolve(default=attrs.NOTHING) for field in attrs.fields(model)]
    overrides: dict[str, Any] = {
        field.attribute.name: override(rename=wire, struct_hook=field.hook) for wire, field in fields.items()
    }
    overrides[_EXTRA] = override(struct_hook=lambda extra, _: extra)
    return cast("Hook", make_dict_structure_fn_from_attrs(given, model, converter, **overrides))


def _set_aside(payload: Payload, fields: dict[str, _Field]) -> None:
    """Move optional values of the wrong type to ``extra``.

    Raises:
        StructureError: A required value is missing or of the wrong type.
    """
    for wire, field in fields.items():
        try:
            field.hook(payload[wire], None)
        except StructureError as error:
            if field.is_required:
                problem = StructureError("is missing") if payload[wire] is None else error
                raise problem.under(f".{wire}") from None
            payload[_EXTRA][wire] = payload[wire]
            payload[wire] = None


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is Mapping


def _is_tuple(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


_converter: Final = Converter(detailed_validation=False)
for _type, _hook in {
    str: _text,
    int: _exactly("a whole number", int),
    float: _exactly("a number", float),
    bool: _exactly("a boolean", bool),
    datetime: _time,
    Secret: _secret,
}.items():
    _converter.register_structure_hook(_type, _hook)
_converter.register_structure_hook_factory(is_union, _union)
_converter.register_structure_hook_factory(_is_mapping, _mapping)
_converter.register_structure_hook_factory(_is_tuple, _sequence)
_converter.register_structure_hook_factory(attrs.has, _model)
