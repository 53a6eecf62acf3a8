"""The functions that build models, made once for each: most fields are read in line, nulls and unknown names as well.

What cattrs generates calls a hook for each field, and knows no field that is not named; half of the time of a page of
interviews went there. Here a field of a common kind costs a look-up and a comparison, and everything else goes through
the hook that cattrs keeps for its type.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final, Union, cast, get_args, get_origin

import attrs

from boooply.converter.names import ALSO, wire_name
from boooply.models import ResponseModel
from boooply.secret import Secret, fill

Hook = Callable[[Any, Any], Any]
Build = Callable[[dict[str, Any], dict[str, Any] | None], Any]


# What the values of a type come as, and what is done with them in line. A text that is no time raises ValueError, and
# one that names no zone is read as UTC.
_IN_LINE: Final[dict[Any, tuple[tuple[type, ...], str]]] = {
    str: ((str,), "pass"),
    bool: ((bool,), "pass"),
    int: ((int,), "pass"),
    float: ((float, int), "pass"),
    Secret: ((str,), "secret = new(Secret); fill_secret(secret, {value}); {value} = secret"),
    datetime: ((str,), "{value} = {value} if ({value} := from_iso({value})).tzinfo else {value}.replace(tzinfo=UTC)"),
}


class Unfit(Exception):
    """Tell that a payload wants a second look: something required is missing, or stands under its second spelling."""


@attrs.frozen
class Shape:
    """What the reading of one model needs to know, worked out once; fields go by the API's spelling."""

    model: type
    names: dict[str, attrs.Attribute[Any]]
    doubled: tuple[tuple[str, str], ...]  # first and second spelling
    known: frozenset[str]

    @classmethod
    def of(cls, model: type) -> Shape:
        """Look at a model."""
        attrs.resolve_types(model)
        names = {wire_name(model, field.name): field for field in attrs.fields(model) if field.name != "extra"}
        spelling = {field.name: wire for wire, field in names.items()}
        doubled = tuple((spelling[name], second) for second, name in ALSO.get(model, {}).items())
        return cls(model, names, doubled, frozenset({*names, *(second for _, second in doubled)}))


def is_union(annotation: Any) -> bool:
    """Tell whether an annotation allows several types, null among them perhaps."""
    return get_origin(annotation) in {Union, UnionType}


def kinds_of(annotation: Any) -> tuple[Any, ...]:
    """Give the members of a union but for null, or the type itself."""
    if not is_union(annotation):
        return (annotation,)
    return tuple(member for member in get_args(annotation) if member is not NoneType)


def members_of(enumeration: type[StrEnum]) -> dict[str, StrEnum]:
    """Give the members of an enumeration by their values."""
    return {member.value: member for member in enumeration}


def builder(shape: Shape, hook_of: Callable[[Any], Hook]) -> Build:
    """Make the function that builds a model from a payload; ``extra`` is what it finds, unless it is given."""
    scope: dict[str, Any] = {"model": shape.model, "Unfit": Unfit}
    scope |= {"Secret": Secret, "fill_secret": fill, "from_iso": datetime.fromisoformat, "UTC": UTC}
    scope |= {"new": object.__new__, "fill": vars(ResponseModel)["__dict__"].__set__}
    is_received = issubclass(shape.model, ResponseModel)
    # what is taken out of a copy leaves there what nobody knows
    lines = ["def build(payload, extra):", *([" rest = payload.copy()"] if is_received else [])]
    lines += [f" take = {'rest.pop' if is_received else 'payload.get'}"]
    second = dict(shape.doubled)
    for number, (wire, field) in enumerate(shape.names.items()):
        scope |= {f"hook{number}": hook_of(field.type), f"type{number}": field.type}
        is_given = [f"  if take({second[wire]!r}, None) is not None: raise Unfit"] if wire in second else []
        reads, null, otherwise = _read(number, field, scope)
        lines += [f" v{number} = take({wire!r}, None)", *reads, *is_given, null, otherwise]
    lines += _filled(shape) if is_received else _called(shape)
    exec("\n".join(lines), scope)  # noqa: S102 - made of our own field names alone
    return cast("Build", scope["build"])


def _called(shape: Shape) -> list[str]:
    """Write the lines that build a model of which fields are checked."""
    arguments = [f"{field.alias}=v{number}" for number, field in enumerate(shape.names.values())]
    return [f" return model({', '.join(arguments)})"]


def _filled(shape: Shape) -> list[str]:
    """Write the lines that build what every answer has in common: nothing checks, so it is filled at once."""
    values = [f"{field.name!r}: v{number}" for number, field in enumerate(shape.names.values())]
    return [
        *[f" take({second!r}, None)" for _, second in shape.doubled],
        " if extra is None:",
        "  extra = {name: rest[name] for name in rest} if rest else {}",  # what was emptied keeps its room
        " made = new(model)",
        f" fill(made, {{'extra': extra, {', '.join(values)}}})",
        " return made",
    ]


def _read(number: int, field: attrs.Attribute[Any], scope: dict[str, Any]) -> tuple[list[str], str, str]:
    """Write the lines that read one field: up to where it is null, what it becomes then, and what is done otherwise."""
    value, otherwise = f"v{number}", f" else: v{number} = hook{number}(v{number}, type{number})"
    null = f"  {_null(number, field, scope)}"
    kind, *others = kinds_of(field.type)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        scope[f"member{number}"] = members_of(kind).get
        wire_kinds: tuple[type, ...] = (str,)
        in_line = f"{value} = member{number}({value}, {value})"
    elif kind in _IN_LINE and not (others and kind not in _IN_LINE[kind][0]):
        wire_kinds, in_line = _IN_LINE[kind]
    else:
        return [f" if {value} is None:"], null, otherwise
    fits = " or ".join(f"{value}.__class__ is {wire_kind.__name__}" for wire_kind in wire_kinds)
    return [f" if {fits}: {in_line.format(value=value)}", f" elif {value} is None:"], null, otherwise


def _null(number: int, field: attrs.Attribute[Any], scope: dict[str, Any]) -> str:
    """Write what null becomes, which reads as absent."""
    default = cast("Any", field.default)
    if default is attrs.NOTHING:
        return "raise Unfit"
    if default is None:
        return "pass"
    is_made = hasattr(default, "factory")  # attrs.Factory is a class to everybody but a type checker
    scope[f"default{number}"] = default.factory if is_made else default
    return f"v{number} = default{number}{'()' if is_made else ''}"
