"""Checks of the fields of responses: names, types, enumerations, ids, times and scales. They show no values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast, get_args, get_origin

import attrs

from boooply.cli.doctor.connection import NO_RESPONSE, PLATFORM_KEY_ONLY
from boooply.cli.doctor.findings import Finding, Observed, differs, is_code, is_name, named, not_checked, passed
from boooply.cli.terminal import count_of
from boooply.converter import StructureError, structure
from boooply.converter.annotations import kinds_of
from boooply.converter.names import ALSO, wire_name
from boooply.models import (
    CriterionScore,
    Evaluation,
    Interview,
    InterviewParticipant,
    Organization,
    Page,
    QuestionEvaluation,
)
from boooply.protocol.envelopes import BESIDE_EVALUATION

_EXTRA: Final = "extra"
_WORD: Final = re.compile(r"[^\W_]+")
_SHORT: Final = 4  # words
_PERCENT: Final = (0.0, 100.0)
_ENVELOPES: Final = {"evaluation", "meeting", "organization"}
_BESIDE: Final = {"message", "success", *BESIDE_EVALUATION}
_TYPES: Final[dict[type, str]] = {dict: "an object", list: "a list", str: "text", bool: "a boolean"}
_IDS: Final = frozenset({"id", "externalOrgId", "sourceId"})
# The fields that every object has in the published examples, in the API's spelling.
_ALWAYS: Final[dict[type, tuple[str, ...]]] = {
    Organization: ("id", "name", "slug", "externalOrgId", "plan"),
    Page: ("meetings", "page", "limit", "total", "totalPages"),
    Interview: ("meetingCode", "id", "url", "title", "meetingType", "sessionStatus", "durationMinutes", "participants"),
    InterviewParticipant: ("id", "name", "email", "role", "joinToken"),
}
_SCALES: Final[dict[type, dict[str, tuple[float, float]]]] = {
    Interview: {"overallScore": _PERCENT},
    Evaluation: dict.fromkeys(
        ("overallScore", "communication", "technical", "cultureFit", "problemSolving", "experienceMatch"), _PERCENT
    ),
    QuestionEvaluation: {"score": _PERCENT},
    CriterionScore: {"score": (1.0, 5.0)},
}


@attrs.frozen
class Field:
    """A field of an object in a response, with its name in the API. ``annotation`` is None for an unknown field."""

    model: type
    name: str
    annotation: Any
    value: object = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.model.__name__}.{self.name}"

    @property
    def enumeration(self) -> type[StrEnum] | None:
        """The enumeration of the values, or None."""
        kind = kinds_of(self.annotation)[0] if self.annotation is not None else None
        return kind if isinstance(kind, type) and issubclass(kind, StrEnum) else None

    @property
    def is_time(self) -> bool:
        """Whether the values are times."""
        return datetime in kinds_of(self.annotation)


def fields_of(raw: object, annotation: Any) -> Iterator[Field]:
    """Yield the fields of all models in a value, the outermost first."""
    for kind in kinds_of(annotation):
        if isinstance(raw, dict) and isinstance(kind, type) and attrs.has(kind):
            yield from _fields_of_model(cast("dict[str, object]", raw), kind)
        elif isinstance(raw, dict) and get_origin(kind) is Mapping:
            for value in cast("dict[str, object]", raw).values():
                yield from fields_of(value, get_args(kind)[1])
        elif isinstance(raw, list) and get_origin(kind) is tuple:
            for item in cast("list[object]", raw):
                yield from fields_of(item, get_args(kind)[0])


def _fields_of_model(raw: dict[str, object], model: type) -> Iterator[Field]:
    annotations = {wire_name(model, one.name): one.type for one in _attributes(model)}
    second = {spelling: annotations[wire_name(model, name)] for spelling, name in ALSO.get(model, {}).items()}
    known = annotations | second
    for name, value in raw.items():
        yield Field(model, name, known.get(name), value)
        if name in known:
            yield from fields_of(value, known[name])


def _attributes(model: type) -> list[attrs.Attribute[Any]]:
    return [one for one in attrs.fields(attrs.resolve_types(model)) if one.name != _EXTRA]


def observed_fields(observed: Observed) -> list[Field]:
    """Return the fields of everything that was read with the key."""
    return [one for reading in observed.with_key for one in fields_of(reading.raw, reading.endpoint.result)]


# ---- names


def unknown_fields(observed: Observed) -> Finding:
    """Check for fields that the SDK does not know. Names that could be data are counted, not shown."""
    fields = observed_fields(observed)
    if not fields:
        return _nothing(observed, "field")
    data = _short_data(observed)
    unknown = {(str(one.model.__name__), one.name) for one in fields if one.annotation is None} | _beside(observed)
    shown = {f"{owner}.{name}" for owner, name in unknown if is_name(name) and name.casefold() not in data}
    if not unknown:
        return passed(f"no unknown fields in {count_of(_models(fields), 'kind')} of objects")
    hidden = _hidden(len(unknown) - len(shown))
    return differs(f"{count_of(len(unknown), 'unknown field')}, kept in .extra", (*named(shown), *hidden))


def _beside(observed: Observed) -> set[tuple[str, str]]:
    """Return the names next to a wrapped result, each with its operation."""
    found: set[tuple[str, str]] = set()
    for reading in observed.with_key:
        payload = reading.payload or {}
        if reading.is_ok and any(isinstance(payload.get(name), dict) for name in _ENVELOPES):
            found |= {(reading.endpoint.operation, name) for name in payload.keys() - _ENVELOPES - _BESIDE}
    return found


def missing_fields(observed: Observed) -> Finding:
    """Check for documented fields that no object of their kind has."""
    fields = observed_fields(observed)
    if not fields:
        return _nothing(observed, "field")
    has = {(one.model, _first_spelling(one)) for one in fields}
    models = [model for model in _ALWAYS if model in {one.model for one in fields}]
    missing = [f"{model.__name__}.{name}" for model in models for name in _ALWAYS[model] if (model, name) not in has]
    return (
        differs("documented fields that no response has", named(missing)) if missing else passed("no field is missing")
    )


def _first_spelling(field: Field) -> str:
    name = ALSO.get(field.model, {}).get(field.name)
    return field.name if name is None else wire_name(field.model, name)


# ---- types and values


def field_types(observed: Observed) -> Finding:
    """Check for fields whose values have another type than the SDK expects."""
    fields = [one for one in observed_fields(observed) if one.annotation is not None and one.value is not None]
    if not fields:
        return _nothing(observed, "known field")
    wrong = {f"{one}: {_TYPES.get(type(one.value), 'a number')}" for one in fields if not _fits(one)}
    return (
        differs(f"{count_of(len(wrong), 'field')} with another type", named(wrong))
        if wrong
        else passed("every field has its documented type")
    )


def _fits(field: Field) -> bool:
    if any(isinstance(kind, type) and attrs.has(kind) for kind in kinds_of(field.annotation)):
        return isinstance(field.value, dict)  # its fields are checked separately
    try:
        structure(field.value, field.annotation)
    except StructureError as error:
        return bool(error.path)  # the problem is in a nested value
    return True


def enumeration_values(observed: Observed) -> Finding:
    """Check for values that enumerations lack. Values that could be data are counted, not shown."""
    fields = [one for one in observed_fields(observed) if one.enumeration is not None and isinstance(one.value, str)]
    if not fields:
        return _nothing(observed, "enumeration")
    unknown = {(str(one), str(one.value)) for one in fields if one.value not in set(one.enumeration or ())}
    if not unknown:
        return passed(f"no unknown values in {count_of(len({str(one) for one in fields}), 'field')}")
    prose = [f" {_words(text)} " for text in _texts(observed)]
    prose += [f" {text.replace(' ', '')} " for text in prose]  # GRACEHOPPER for "Grace Hopper"
    shown = [(name, value) for name, value in unknown if is_code(value) and not _is_within(value, prose)]
    lines = named(f"{name}: {value}" for name, value in shown)
    counts = Counter(name for name, _ in unknown - set(shown))
    rest = tuple(f"{name}: {count_of(count, 'value')} not shown" for name, count in sorted(counts.items()))
    return differs(f"{count_of(len(unknown), 'unknown value')}, kept as text", (*lines, *rest))


def id_types(observed: Observed) -> Finding:
    """Check whether ids are text."""
    ids = [one for one in observed_fields(observed) if one.name in _IDS and one.value is not None]
    if not ids:
        return _nothing(observed, "id")
    others = {str(one) for one in ids if not isinstance(one.value, str)}
    return differs("some ids are not text", named(others)) if others else passed("every id is text")


def times(observed: Observed) -> Finding:
    """Check whether times have an offset from UTC."""
    found = [one for one in observed_fields(observed) if one.annotation is not None and one.is_time]
    read = [(str(one), _time(one.value)) for one in found]
    known = [(name, time) for name, time in read if time is not None]
    if not known:
        return _nothing(observed, "time")
    without = {name for name, time in known if time.tzinfo is None}
    return (
        differs("some times have no offset, and are read as UTC", named(without))
        if without
        else passed("every time has an offset")
    )


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def scales(observed: Observed) -> Finding:
    """Check whether scores are within their documented scales."""
    scored = [
        (str(one), one.value, _SCALES[one.model][one.name])
        for one in observed_fields(observed)
        if one.name in _SCALES.get(one.model, {})
        and isinstance(one.value, int | float)
        and not isinstance(one.value, bool)
    ]
    if not scored:
        return _nothing(observed, "score")
    outside = {name for name, score, (least, most) in scored if not least <= score <= most}
    if outside:
        return differs("some scores are outside their scale", named(outside))
    return passed(f"{count_of(len(scored), 'score')}, all within their scales")


# ---- what may be shown


def _texts(observed: Observed) -> set[str]:
    """Return every text of the responses that is not the value of an enumeration."""
    found: set[str] = set()
    for reading in observed.with_key:
        coded = [one.value for one in fields_of(reading.raw, reading.endpoint.result) if one.enumeration is not None]
        found.update(Counter(_all_texts(reading.payload)) - Counter(text for text in coded if isinstance(text, str)))
    return found


def _all_texts(raw: object) -> Iterator[str]:
    rest = [raw]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest += cast("dict[str, object]", value).values()
        elif isinstance(value, list):
            rest += cast("list[object]", value)
        elif isinstance(value, str):
            yield value


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def _short_data(observed: Observed) -> set[str]:
    """Return the words of short texts, such as names, titles and addresses."""
    texts = [words for text in _texts(observed) if len(words := _words(text).split()) <= _SHORT]
    return {word for words in texts for word in (*words, "".join(words))}


def _is_within(value: str, prose: Iterable[str]) -> bool:
    wanted = f" {_words(value)} "
    return any(wanted in text for text in prose)


def _hidden(count: int) -> tuple[str, ...]:
    return (f"{count_of(count, 'name')} not shown, which could be data",) if count else ()


def _models(fields: Iterable[Field]) -> int:
    return len({one.model for one in fields})


def _nothing(observed: Observed, what: str) -> Finding:
    if not observed.settings.has_organization_key:
        return not_checked(PLATFORM_KEY_ONLY)
    return not_checked(f"the responses have no {what}" if observed_fields(observed) else NO_RESPONSE)
