"""From the API's JSON to models, tolerantly.

Each model is read in one go by a function made for it (``generating``). Where something is not of its kind, a second
look moves it out of the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, Final, cast, get_args, get_origin

import attrs
from cattrs import Converter

from boooply.converter.generating import Build, Shape, Unfit, builder, is_union, kinds_of, members_of
from boooply.converter.names import wire_name
from boooply.errors import ValidationError
from boooply.secret import Secret

Hook = Callable[[Any, Any], Any]


class StructureError(Exception):
    """A value that is not of the kind a model cannot do without; ``str()`` tells where, never the value."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem, path)
        self.problem = problem
        self.path = path

    def __str__(self) -> str:
        return f"{self.path.lstrip('.') or 'the answer'}: {self.problem}"

    def under(self, step: str) -> StructureError:
        """Put a step in front of the path, on the way up."""
        return StructureError(self.problem, f"{step}{self.path}")


# What the function made for a model raises where a second look is wanted.
_ODD: Final = (StructureError, Unfit, ValidationError, ValueError)


def _kind(value: object) -> str:
    kinds: dict[type, str] = {dict: "an object", list: "a list", str: "text", bool: "a boolean", NoneType: "null"}
    return kinds.get(type(value), "a number")


def _of_kind(wanted: str, *types: type) -> Hook:
    def structure(value: Any, _: Any) -> Any:
        if type(value) in types:
            return value
        raise StructureError(f"expected {wanted}, found {_kind(value)}")

    return structure


def _text(value: Any, _: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:  # an id that came as a number is an id all the same
        return str(value)
    raise StructureError(f"expected text, found {_kind(value)}")


def _time(value: Any, _: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        pass
    else:
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    raise StructureError(f"expected an ISO 8601 time, found {_kind(value)}")


def _secret(value: Any, _: Any) -> Secret:
    return Secret(_text(value, str))


def _enumeration(enumeration: type[StrEnum]) -> Hook:
    members = members_of(enumeration)

    def structure(value: Any, _: Any) -> Any:
        return members.get(value, value) if type(value) is str else _text(value, str)

    return structure


def _sequence(annotation: Any) -> Hook:
    item_type = get_args(annotation)[0]
    item = reading.get_structure_hook(item_type)
    build, given = (_built(item_type)[1], None) if attrs.has(item_type) else (item, item_type)

    def structure(value: Any, _: Any) -> Any:
        if value.__class__ is not list:
            raise StructureError(f"expected a list, found {_kind(value)}")
        try:
            return tuple([build(one, given) for one in value])
        except (*_ODD, AttributeError, TypeError):  # the last two where one is no object
            pass
        try:
            return tuple([item(one, item_type) for one in value])
        except StructureError:
            pass
        for place, one in enumerate(value):
            try:
                item(one, item_type)
            except StructureError as mismatch:
                raise mismatch.under(f"[{place}]") from None
        raise AssertionError

    return structure


def _union(annotation: Any) -> Hook:
    """Read ``T | None`` as T, and otherwise the first member that takes the value; null never comes this far."""
    members = kinds_of(annotation)
    if isinstance(members[0], type) and issubclass(members[0], StrEnum):
        return _enumeration(members[0])
    hooks = [(reading.get_structure_hook(member), member) for member in members]
    if len(hooks) == 1:
        return hooks[0][0]

    def structure(value: Any, _: Any) -> Any:
        for hook, member in hooks[:-1]:
            try:
                return hook(value, member)
            except StructureError:
                continue
        return hooks[-1][0](value, hooks[-1][1])

    return structure


def _mapping(annotation: Any) -> Hook:
    value_type = get_args(annotation)[1]
    item = None if value_type is Any else reading.get_structure_hook(value_type)

    def structure(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise StructureError(f"expected an object, found {_kind(value)}")
        values = cast("dict[str, Any]", value)
        return values if item is None else {key: item(one, value_type) for key, one in values.items()}

    return structure


def _salvage(shape: Shape, payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part a payload into what can be read and the rest, with optional values of the wrong kind.

    Raises:
        Mismatch: Something is missing or of the wrong kind that the model cannot do without.
    """
    values = {wire: value for wire, value in payload.items() if wire in shape.names and value is not None}
    extra = {wire: value for wire, value in payload.items() if wire not in shape.known}
    for first, second in shape.doubled:
        if payload.get(second) is not None:
            values.setdefault(first, payload[second])
    for wire, field in shape.names.items():
        required = field.default is attrs.NOTHING
        if wire not in values:
            if required:
                raise StructureError("is missing", f".{wire}")
            continue
        try:
            reading.get_structure_hook(field.type)(values[wire], field.type)
        except StructureError as mismatch:
            if required:
                raise mismatch.under(f".{wire}") from None
            extra[wire] = values.pop(wire)
    return values, extra


@cache
def _built(model: type) -> tuple[Shape, Build]:
    shape = Shape.of(model)
    return shape, builder(shape, reading.get_structure_hook)


def _model(model: type) -> Hook:
    """Read a model in one go, and take a second look where that fails."""
    shape, build = _built(model)

    def second_look(payload: dict[str, Any]) -> Any:
        values, extra = _salvage(shape, payload)
        try:
            return build(values, extra)
        except ValidationError as problem:
            mismatch = StructureError(problem.rule, f".{wire_name(model, problem.field)}")
        raise mismatch

    def structure(payload: Any, _: Any) -> Any:
        if payload.__class__ is not dict:
            raise StructureError(f"expected an object, found {_kind(payload)}")
        try:
            return build(payload, None)
        except _ODD:
            pass
        return second_look(payload)

    return structure


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is Mapping


def _is_tuple(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


reading: Final = Converter(detailed_validation=False)
for _type, _hook in {
    str: _text,
    int: _of_kind("a whole number", int),
    float: _of_kind("a number", float, int),
    bool: _of_kind("a boolean", bool),
    datetime: _time,
    Secret: _secret,
}.items():
    reading.register_structure_hook(_type, _hook)
reading.register_structure_hook_factory(is_union, _union)
reading.register_structure_hook_factory(_is_mapping, _mapping)
reading.register_structure_hook_factory(_is_tuple, _sequence)
reading.register_structure_hook_factory(attrs.has, _model)
