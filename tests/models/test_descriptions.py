"""Every field of every response and event is described once, for ``help()``, the reference and the MCP server."""

import re
from collections.abc import Iterator
from inspect import getdoc
from pydoc import plain, render_doc

import attrs
import pytest

from boooply import Interview, webhooks
from boooply.converter.annotations import kinds_of
from boooply.models import ResponseModel
from boooply.models.response import description_of

SCALE = re.compile(
    r"\b\d-\d+\b|\b(milli)?seconds\b|\bminutes\b|\b[Nn]umber of\b|\bhow often\b|\bThe most\b", re.IGNORECASE
)


def models(base: type[ResponseModel] = ResponseModel) -> Iterator[type[ResponseModel]]:
    for model in base.__subclasses__():
        if model.__module__.startswith("boooply."):
            yield model
            yield from models(model)


MODELS = sorted({*models()}, key=lambda model: model.__name__)
FIELDS = [(model, field) for model in MODELS for field in attrs.fields(attrs.resolve_types(model))]
NAMES = [f"{model.__name__}.{field.name}" for model, field in FIELDS]


def test_all_models_are_here() -> None:
    assert {Interview, webhooks.EvaluationEvent, webhooks.Point} < {*MODELS}
    assert len(FIELDS) > 200


@pytest.mark.parametrize(("model", "field"), FIELDS, ids=NAMES)
def test_a_field_is_described_in_a_sentence(model: type[ResponseModel], field: "attrs.Attribute[object]") -> None:
    text = description_of(field)
    assert re.fullmatch(r"[A-Z].{3,}\.", text)
    assert f"\n    {field.name}: {text}" in (getdoc(model) or "")


@pytest.mark.parametrize(("model", "field"), FIELDS, ids=NAMES)
def test_a_number_has_a_scale_or_a_unit(model: type[ResponseModel], field: "attrs.Attribute[object]") -> None:
    if {int, float} & {*kinds_of(field.type)} and "Its scale is not documented." not in description_of(field):
        assert SCALE.search(description_of(field)), model.__name__


def test_help_shows_the_fields_after_the_class() -> None:
    shown = plain(render_doc(webhooks.ScoresEvent))
    first, *_ = (getdoc(webhooks.ScoresEvent) or "").splitlines()
    assert first == "``interview.scores``: the numbers of an evaluation."
    assert shown.index(first) < shown.index("Attributes:") < shown.index("overall_rating: The overall rating, 1-5.")
    assert shown.index("meeting_code: ") < shown.index("extra: Unknown fields")
