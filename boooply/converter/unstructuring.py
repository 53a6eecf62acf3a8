"""From models to the API's JSON: exactly what the contract names, and nothing for what was not given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType
from typing import Any, Final, get_args

import attrs
from cattrs import Converter
from cattrs.fns import identity
from cattrs.gen import make_dict_unstructure_fn, override

from boooply.converter.generating import is_union
from boooply.converter.names import DERIVED, wire_name
from boooply.models import ParticipantRole, ResponseModel
from boooply.secret import Secret

Writer = Callable[[Any], dict[str, Any]]

_PLAIN: Final = frozenset({str, int, float, bool, NoneType})
_CANDIDATE: Final = ParticipantRole.CANDIDATE.value


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _holds_secret(field: attrs.Attribute[Any]) -> bool:
    return field.type is Secret or Secret in get_args(field.type)


def _request(model: type, converter: Converter) -> Writer:
    """Write what was given and what the class derives; a candidate is a participant of that role."""
    overrides: dict[str, Any] = {
        field.name: override(rename=wire_name(model, field.name)) for field in attrs.fields(model)
    }
    plain: Writer = make_dict_unstructure_fn(model, converter, _cattrs_omit_if_default=True, **overrides)
    derived = DERIVED.get(model, {})

    def unstructure(request: Any) -> dict[str, Any]:
        written: dict[str, Any] = plain(request)
        written |= derived
        candidate: dict[str, Any] | None = written.pop("candidate", None)
        if candidate is not None:
            candidate["role"] = _CANDIDATE
            written["participants"] = [candidate, *written.get("participants", ())]
        return written

    return unstructure


def _answer(model: type, converter: Converter, *, secrets: bool) -> Writer:
    """Write what an answer said, without what it left out."""
    overrides: dict[str, Any] = {
        field.name: override(rename=wire_name(model, field.name), omit=not secrets and _holds_secret(field))
        for field in attrs.fields(model)
        if field.name != "extra"
    }
    plain: Writer = make_dict_unstructure_fn(model, converter, extra=override(omit=True), **overrides)

    def unstructure(answer: Any) -> dict[str, Any]:
        written = {wire: value for wire, value in plain(answer).items() if value is not None}
        return written | answer.extra if secrets else written

    return unstructure


def _is_enumeration(annotation: Any) -> bool:
    return any(isinstance(member, type) and issubclass(member, StrEnum) for member in get_args(annotation))


def _is_plain(annotation: Any) -> bool:
    return is_union(annotation) and _PLAIN.issuperset(get_args(annotation))


def _is_answer(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, ResponseModel)


def _string(value: str | None) -> str | None:
    return None if value is None else str(value)


def _writer(*, secrets: bool) -> Converter:
    converter = Converter(unstruct_collection_overrides={tuple: list})

    def request(model: type) -> Writer:
        return _request(model, converter)

    def answer(model: type) -> Writer:
        return _answer(model, converter, secrets=secrets)

    converter.register_unstructure_hook(datetime, _moment)
    converter.register_unstructure_hook(Secret, Secret.reveal)
    converter.register_unstructure_hook_func(_is_plain, identity)  # which is written in line, and not called
    converter.register_unstructure_hook_func(_is_enumeration, _string)
    converter.register_unstructure_hook_factory(attrs.has, request)
    converter.register_unstructure_hook_factory(_is_answer, answer)
    return converter


writing: Final = _writer(secrets=True)
showing: Final = _writer(secrets=False)
