"""The JSON Schemas of the tools' arguments and results, derived from the models."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from inspect import getdoc
from types import NoneType
from typing import Any, Final, get_args, get_origin

import attrs

from boooply.converter import wire_name
from boooply.converter.annotations import kinds_of
from boooply.integrations.mcp.descriptions import BOUNDS, FIELDS, OF_MODEL
from boooply.models import ResponseModel
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
_PLAN: Final[Schema] = {
    "type": "object",
    "description": "What would be done. Nothing has been sent.",
    "properties": {
        "effect": {"type": "string", "description": "What confirming does."},
        "operation": {"type": "string", "description": "The call of the API."},
        "emails": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The addresses in the request: who is written to, as far as the request names them.",
        },
        "when": {"type": "string", "description": "The time that the request names."},
        "request": {"type": "object", "description": "The body as it would be sent, without a CV."},
        "next": {"type": "string", "description": "How to go on."},
    },
    "required": ["effect", "operation", "emails", "when", "request", "next"],
}


def spelled(name: str) -> str:
    """Spell an argument as the API does, by the general rule: names that only queries spell otherwise do not count."""
    return wire_name(NoneType, name)


def arguments(models: Iterable[type], path_params: Mapping[str, str], options: Iterable[str]) -> Schema:
    """Describe the arguments of a tool: what its models take, what its path names, and its own switches."""
    properties: dict[str, Schema] = {
        wire: {"type": "string", "minLength": 1, "description": FIELDS[name]} for wire, name in path_params.items()
    }
    required = [*properties]
    for model in models:
        schema = _sent(model)
        properties |= schema["properties"]
        required += schema["required"]
    switches = {name: {"type": "boolean", "default": False, "description": FIELDS[name]} for name in options}
    ordered = {name: properties[name] for name in required} | properties | switches
    return {"type": "object", "properties": ordered, "required": required, "additionalProperties": False}


def result(key: str, kind: Any, about: str, *, is_planned: bool, options: Iterable[str]) -> Schema:
    """Describe the result of a tool: its endpoint's result under a key, or a plan."""
    schema = _received(kind)
    if NoneType in get_args(kind):
        schema = {"anyOf": [schema, {"type": "null"}]}
    properties: dict[str, Schema] = {key: schema | {"description": about}}
    required = [key]
    if is_planned:
        done: Schema = {"type": "boolean", "description": "Whether it was done; false where this is only a plan."}
        properties = {"done": done, "plan": _PLAN} | properties
        required = ["done"]
    if "revealLink" in options:
        link = "The pre-signed link, where it was asked for. It expires after 7 days."
        properties["link"] = {"type": "string", "description": link}
    return {"type": "object", "properties": properties, "required": required}


def _sent(annotation: Any) -> Schema:
    """Describe what a model accepts; nothing else is allowed."""
    (kind, *_) = kinds_of(annotation)
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _sent(get_args(kind)[0])}
    if attrs.has(kind):
        fields = _fields(kind)
        return {
            "type": "object",
            "properties": {spelled(field.name): _argument(kind, field) for field in fields},
            "required": [spelled(field.name) for field in fields if field.default is attrs.NOTHING],
            "additionalProperties": False,
        }
    if _is_enumeration(kind):
        return {"type": "string", "enum": [*kind]}
    return _PLAIN[kind]


def _argument(model: type, field: "attrs.Attribute[Any]") -> Schema:
    default = {"default": field.default} if isinstance(field.default, int) else {}
    return _sent(field.type) | BOUNDS.get(field.name, {}) | default | _described(model, field)


def _received(annotation: Any) -> Schema:
    """Describe what the API returns, loosely, so that fields and values that it adds still match."""
    kind, *others = kinds_of(annotation)
    if _is_enumeration(kind):
        return {"type": "string"}
    if others:
        types = sorted({_PLAIN[one]["type"] for one in (kind, *others)})
        return {"type": types[0] if len(types) == 1 else types}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _received(get_args(kind)[0])}
    if get_origin(kind) is Mapping:
        return {"type": "object", "additionalProperties": _received(get_args(kind)[1])}
    if attrs.has(kind):
        name_of = wire_name if issubclass(kind, ResponseModel) else _spelled_of
        shown = [field for field in _fields(kind) if field.name != "extra" and Secret not in kinds_of(field.type)]
        properties = {name_of(kind, one.name): _received(one.type) | _described(kind, one) for one in shown}
        return {"type": "object", "properties": properties}
    return _PLAIN[kind]


def _spelled_of(_model: type, name: str) -> str:
    return spelled(name)


def _fields(model: type) -> "tuple[attrs.Attribute[Any], ...]":
    attrs.resolve_types(model)
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(model)
    return fields


def _described(model: type, field: "attrs.Attribute[Any]") -> Schema:
    text = OF_MODEL.get((model, field.name)) or FIELDS.get(field.name)
    kind = kinds_of(field.type)[0]
    if not _is_enumeration(kind):
        return {"description": text or FIELDS[field.name]}
    about = text or (getdoc(kind) or "").partition("\n")[0]
    values = f" One of {', '.join(kind)}; others may come." if issubclass(model, ResponseModel) else ""
    return {"description": f"{about}{values}"}


def _is_enumeration(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)
