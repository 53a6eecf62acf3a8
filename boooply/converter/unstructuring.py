"""From models to the API's JSON, without absent values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType
from typing import Any, Final, cast, get_args

import attrs
from cattrs import Converter
from cattrs.fns import identity
from cattrs.gen import (
    make_dict_unstructure_fn,
    make_dict_unstructure_fn_from_attrs,  # pyright: ignore[reportUnknownVariableType]  # cattrs omits a type argument
    override,
)

from boooply.converter.annotations import is_union
from boooply.converter.names import DERIVED, wire_name
from boooply.models import ParticipantRole, ResponseModel
from boooply.models.people import same_person
from boooply.models.response import ABSENT, Absent
from boooply.secret import Secret

Hook = Callable[[Any], dict[str, Any]]

_PLAIN: Final = frozenset({str, int, float, bool, NoneType})
_CANDIDATE: Final = ParticipantRole.CANDIDATE.value


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _is_secret(field: attrs.Attribute[Any]) -> bool:
    return field.type is Secret or Secret in get_args(field.type)


def _request(model: type, converter: Converter) -> Hook:
    """Return a hook that writes the given values and those of the class. The candidate becomes a participant."""
    overrides: dict[str, Any] = {
        field.name: override(rename=wire_name(model, field.name)) for field in attrs.fields(model)
    }
    # Without our converters, because cattrs would call them with each default.
    fields = [field.evolve(converter=None) for field in attrs.fields(attrs.resolve_types(model))]
    plain: Hook = make_dict_unstructure_fn_from_attrs(
        fields, model, converter, _cattrs_omit_if_default=True, **overrides
    )
    derived = DERIVED.get(model)
    if derived is None:
        return plain

    def unstructure_request(request: Any) -> dict[str, Any]:
        written: dict[str, Any] = plain(request)
        written |= derived
        candidate: dict[str, Any] | None = written.pop("candidate", None)
        if candidate is not None:
            candidate["role"] = _CANDIDATE
            written["participants"] = _with_candidate(candidate, written.get("participants", []))
        return written

    return unstructure_request


def _with_candidate(candidate: dict[str, Any], people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the people with the candidate first. If the candidate is already among them, merge both entries."""
    for place, person in enumerate(people):
        if same_person(person["email"], candidate["email"]):
            return [*people[:place], candidate | person, *people[place + 1 :]]
    return [candidate, *people]


def _response(model: type, converter: Converter, *, secrets: bool) -> Hook:
    """Return a hook that writes the values that a response contained."""
    overrides: dict[str, Any] = {
        field.name: override(rename=wire_name(model, field.name), omit=not secrets and _is_secret(field))
        for field in attrs.fields(model)
        if field.name != "extra"
    }
    plain: Hook = make_dict_unstructure_fn(model, converter, extra=override(omit=True), **overrides)
    lists = {wire_name(model, field.name): field.name for field in attrs.fields(model) if field.default is ABSENT}

    def unstructure_response(response: Any) -> dict[str, Any]:
        absent = {wire for wire, name in lists.items() if isinstance(getattr(response, name), Absent)}
        written = {wire: value for wire, value in plain(response).items() if value is not None and wire not in absent}
        return written | response.extra if secrets else written

    return unstructure_response


def _is_enumeration(annotation: Any) -> bool:
    return any(isinstance(member, type) and issubclass(member, StrEnum) for member in get_args(annotation))


def _is_plain(annotation: Any) -> bool:
    return is_union(annotation) and _PLAIN.issuperset(get_args(annotation))


def _is_response(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, ResponseModel)


def _string(value: str | None) -> str | None:
    return None if value is None else str(value)


def _make_converter(*, secrets: bool) -> Converter:
    converter = Converter(unstruct_collection_overrides={tuple: list})

    def request(model: type) -> Hook:
        return _request(model, converter)

    def response(model: type) -> Hook:
        return _response(model, converter, secrets=secrets)

    converter.register_unstructure_hook(datetime, _utc)
    converter.register_unstructure_hook(Secret, Secret.reveal)
    converter.register_unstructure_hook_func(_is_plain, identity)  # cattrs inlines it
    converter.register_unstructure_hook_func(_is_enumeration, _string)
    converter.register_unstructure_hook_factory(attrs.has, request)
    converter.register_unstructure_hook_factory(_is_response, response)
    return converter


_WITH_SECRETS: Final = _make_converter(secrets=True)
_WITHOUT_SECRETS: Final = _make_converter(secrets=False)


def unstructure(model: object) -> dict[str, Any]:
    """Return the JSON object of a model, without absent values, with times in UTC and secrets in plain text."""
    return cast("dict[str, Any]", _WITH_SECRETS.unstructure(model))


def to_dict(model: object, *, secrets: bool = False) -> dict[str, Any]:
    """Convert a model to a JSON dictionary with the API's camelCase names, for example for a web response.

    Absent values are left out. Times are ISO 8601 text in UTC.

    Args:
        model: The model of a request or a response.
        secrets: Whether to include keys, join tokens, pre-signed URLs and ``extra``, which may contain anything.
            Default: False.
    """
    return cast("dict[str, Any]", (_WITH_SECRETS if secrets else _WITHOUT_SECRETS).unstructure(model))
