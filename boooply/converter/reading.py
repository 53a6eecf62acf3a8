"""From the API's JSON to models, tolerantly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final, Union, cast, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from boooply.converter.names import ALSO, wire_name
from boooply.errors import ValidationError
from boooply.models import Received
from boooply.secret import Secret

Hook = Callable[[Any, Any], Any]


class Mismatch(Exception):
    """A value that is not of the kind a model cannot do without; ``str()`` tells where, never the value."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem, path)
        self.problem = problem
        self.path = path

    def __str__(self) -> str:
        return f"{self.path.lstrip('.') or 'the answer'}: {self.problem}"

    def under(self, step: str) -> Mismatch:
        """Put a step in front of the path, on the way up."""
        return Mismatch(self.problem, f"{step}{self.path}")


def _kind(value: object) -> str:
    kinds: dict[type, str] = {dict: "an object", list: "a list", str: "text", bool: "a boolean", NoneType: "null"}
    return kinds.get(type(value), "a number")


def _of_kind(wanted: str, *types: type) -> Hook:
    def structure(value: Any, _: Any) -> Any:
        if type(value) in types:
            return value
        raise Mismatch(f"expected {wanted}, found {_kind(value)}")

    return structure


def _text(value: Any, _: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:  # an id that came as a number is an id all the same
        return str(value)
    raise Mismatch(f"expected text, found {_kind(value)}")


def _time(value: Any, _: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        time = None
    if time is None:
        raise Mismatch(f"expected an ISO 8601 time, found {_kind(value)}")
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _secret(value: Any, _: Any) -> Secret:
    return Secret(_text(value, str))


def _enumeration(enumeration: type[StrEnum]) -> Hook:
    members = {member.value: member for member in enumeration}

    def structure(value: Any, _: Any) -> Any:
        return members.get(value, value) if type(value) is str else _text(value, str)

    return structure


def _sequence(annotation: Any) -> Hook:
    item_type = get_args(annotation)[0]
    item = reading.get_structure_hook(item_type)

    def structure(value: Any, _: Any) -> Any:
        if type(value) is not list:
            raise Mismatch(f"expected a list, found {_kind(value)}")
        items = cast("list[Any]", value)
        read: list[Any] = []
        try:
            for one in items:
                read.append(item(one, item_type))  # noqa: PERF401 - its length tells which item failed
        except Mismatch as mismatch:
            raise mismatch.under(f"[{len(read)}]") from None
        return tuple(read)

    return structure


def _union(annotation: Any) -> Hook:
    """Read ``T | None`` as T, and otherwise the first member that takes the value; null never comes this far."""
    members = [member for member in get_args(annotation) if member is not NoneType]
    if isinstance(members[0], type) and issubclass(members[0], StrEnum):
        return _enumeration(members[0])
    hooks = [(reading.get_structure_hook(member), member) for member in members]
    if len(hooks) == 1:
        return hooks[0][0]

    def structure(value: Any, _: Any) -> Any:
        for hook, member in hooks[:-1]:
            try:
                return hook(value, member)
            except Mismatch:
                continue
        return hooks[-1][0](value, hooks[-1][1])

    return structure


def _mapping(annotation: Any) -> Hook:
    value_type = get_args(annotation)[1]
    item = None if value_type is Any else reading.get_structure_hook(value_type)

    def structure(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise Mismatch(f"expected an object, found {_kind(value)}")
        values = cast("dict[str, Any]", value)
        return values if item is None else {key: item(one, value_type) for key, one in values.items()}

    return structure


@attrs.frozen
class _Shape:
    """What the reading of one model needs to know, worked out once."""

    fields: dict[str, attrs.Attribute[Any]]
    names: dict[str, str]
    also: dict[str, str]
    keeps_extra: bool

    @classmethod
    def of(cls, model: type) -> _Shape:
        fields = {field.name: field for field in attrs.fields(model) if field.name != "extra"}
        names = {wire_name(model, name): name for name in fields}
        return cls(fields, names, ALSO.get(model, {}), issubclass(model, Received))

    def sort(self, payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Part a payload into the fields we name, in our spelling and without nulls, and all the others."""
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        names = self.names
        for wire, value in payload.items():
            name = names.get(wire)
            if name is None:
                extra[wire] = value
            elif value is not None:
                values[name] = value
        for wire, name in self.also.items():
            second = extra.pop(wire, None)
            if second is not None:
                values.setdefault(name, second)
        if self.keeps_extra:
            values["extra"] = extra
        return values, extra

    def salvage(self, values: dict[str, Any], extra: dict[str, Any]) -> None:
        """Move each optional value of the wrong kind to ``extra``, and name a required one."""
        for wire, name in self.names.items():
            field = self.fields[name]
            required = field.default is attrs.NOTHING
            if name not in values:
                if required:
                    raise Mismatch("is missing", f".{wire}")
                continue
            try:
                reading.get_structure_hook(field.type)(values[name], field.type)
            except Mismatch as mismatch:
                if required:
                    raise mismatch.under(f".{wire}") from None
                extra[wire] = values.pop(name)


def _model(model: type) -> Hook:
    """Sort the fields of a payload once, then let the function that cattrs generates build the model."""
    shape = _Shape.of(model)
    overrides: dict[str, Any] = {"extra": override(struct_hook=lambda extra, _: extra)} if shape.keeps_extra else {}
    build = cast("Hook", make_dict_structure_fn(model, reading, _cattrs_detailed_validation=False, **overrides))

    def structure(payload: Any, _: Any) -> Any:
        if type(payload) is not dict:
            raise Mismatch(f"expected an object, found {_kind(payload)}")
        values, extra = shape.sort(cast("dict[str, Any]", payload))
        try:
            return build(values, model)
        except (Mismatch, KeyError, ValidationError) as problem:
            if isinstance(problem, ValidationError):
                raise Mismatch(problem.rule, f".{wire_name(model, problem.field)}") from None
        shape.salvage(values, extra)
        return build(values, model)

    return structure


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in {Union, UnionType}


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
reading.register_structure_hook_factory(_is_union, _union)
reading.register_structure_hook_factory(_is_mapping, _mapping)
reading.register_structure_hook_factory(_is_tuple, _sequence)
reading.register_structure_hook_factory(attrs.has, _model)
