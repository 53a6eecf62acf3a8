"""The descriptions of the models' fields, for mkdocstrings: it reads the source, where they are no docstrings."""  # noqa: INP001 - loaded by path

from collections.abc import Iterator
from typing import Any

import attrs
import griffe

from boooply.converter.json_schema import accepted
from boooply.models import ResponseModel
from boooply.models.names import camel_case
from boooply.models.request import RequestModel
from boooply.models.response import description_of


class FieldDescriptions(griffe.Extension):
    """The extension that gives each field of a request or response its description as a docstring."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Set the docstrings of the fields that have none."""
        models: tuple[type, ...] = (*_models(RequestModel), ResponseModel, *_models(ResponseModel))
        for model in models:
            members = pkg[f"{model.__module__.removeprefix('boooply.')}.{model.__name__}"].members
            for name, text in _descriptions(model):
                member = members.get(name)
                if isinstance(member, griffe.Attribute) and member.docstring is None:
                    member.docstring = griffe.Docstring(text, parent=member)


def _models(base: type[Any]) -> Iterator[type[Any]]:
    for model in base.__subclasses__():
        if model.__module__.startswith("boooply."):
            yield model
            yield from _models(model)


def _descriptions(model: Any) -> Iterator[tuple[str, str]]:
    is_request = issubclass(model, RequestModel)
    schema: dict[str, Any] = accepted(model)["properties"] if is_request else {}
    for field in attrs.fields(attrs.resolve_types(model)):
        if is_request:
            required = " Required." if field.default is attrs.NOTHING else ""
            yield field.name, schema[camel_case(field.name)].get("description", "") + required
        else:
            yield field.name, description_of(field)
