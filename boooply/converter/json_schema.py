"""JSON Schemas of models, for requests and responses."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from inspect import getdoc
from typing import Any, Final, get_args, get_origin

import attrs

from boooply.converter.annotations import kinds_of
from boooply.converter.descriptions import BOUNDS, FIELDS, QUOTES
from boooply.converter.names import wire_name
from boooply.models.names import camel_case
from boooply.models.response import ABSENT, description_of
from boooply.secret import Secret

Schema = dict[str, Any]

_PLAIN: Final[dict[Any, Schema]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
}


def accepted(annotation: Any) -> Schema:
    """Return the schema of a request object or of one of its fields. It allows no other properties."""
    kind = kinds_of(annotation)[0]
    if get_origin(kind) is tuple:
        return {"type": "array", "items": accepted(get_args(kind)[0])}
    if attrs.has(kind):
        fields = attrs.fields(attrs.resolve_types(kind))
        return {
            "type": "object",
            "properties": {camel_case(field.name): _argument(kind, field) for field in fields},
            "required": [camel_case(field.name) for field in fields if field.default is attrs.NOTHING],
            "additionalProperties": False,
        }
    if _is_enumeration(kind):
        return {"type": "string", "enum": [*kind]}
    return _PLAIN[kind]


def _argument(model: type, field: "attrs.Attribute[Any]") -> Schema:
    default = {"default": field.default} if isinstance(field.default, int) else {}
    return accepted(field.type) | BOUNDS.get(field.name, {}) | default | _described(model, field)


def returned(annotation: Any, *, caution: str = "") -> Schema:
    """Return the schema of the result of ``to_dict`` for a response. It allows unknown properties and values.

    ``caution`` is appended to the description of each field that quotes what people said or wrote.
    """
    kind, *others = kinds_of(annotation)
    if _is_enumeration(kind):
        return {"type": "string"}
    if others:
        types = sorted({_PLAIN[one]["type"] for one in (kind, *others)})
        return {"type": types[0] if len(types) == 1 else types}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": returned(get_args(kind)[0], caution=caution)}
    if get_origin(kind) is Mapping:
        return {"type": "object", "additionalProperties": returned(get_args(kind)[1], caution=caution)}
    return _object(kind, caution) if attrs.has(kind) else _PLAIN[kind]


def _object(model: type, caution: str) -> Schema:
    fields = attrs.fields(attrs.resolve_types(model))
    shown = [field for field in fields if field.name != "extra" and Secret not in kinds_of(field.type)]
    properties = {
        wire_name(model, one.name): returned(one.type, caution=caution) | _result(model, one, caution) for one in shown
    }
    required = [wire_name(model, one.name) for one in shown if one.default not in {None, ABSENT}]
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def _result(model: type, field: "attrs.Attribute[Any]", caution: str) -> Schema:
    text = description_of(field)
    if not text:  # a slot also occurs in requests
        return _described(model, field)
    kind = kinds_of(field.type)[0]
    values = f" One of {', '.join(kind)}. The API may add others." if _is_enumeration(kind) else ""
    return {"description": f"{text}{values}{caution if field.name in QUOTES else ''}"}


def _described(model: type, field: "attrs.Attribute[Any]") -> Schema:
    text = FIELDS.get(f"{model.__name__}.{field.name}") or FIELDS.get(field.name)
    kind = kinds_of(field.type)[0]
    if text is None and _is_enumeration(kind):
        text = (getdoc(kind) or "").partition("\n")[0]
    return {} if text is None else {"description": text}


def _is_enumeration(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)
