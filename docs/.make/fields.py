"""What mkdocstrings cannot read in the source: the descriptions of the models' fields, the values of named defaults."""  # noqa: INP001 - loaded by path

from collections.abc import Iterator
from typing import Any, Final

import attrs
import griffe

from boooply.client import RATE_LIMITS, RETRY
from boooply.converter.json_schema import accepted
from boooply.models import ResponseModel
from boooply.models.names import camel_case
from boooply.models.request import RequestModel
from boooply.models.response import description_of
from boooply.protocol.retry import RetryPolicy
from boooply.ratelimit.limits import RateLimits
from boooply.transport import TIMEOUT

assert (RetryPolicy(), RateLimits()) == (RETRY, RATE_LIMITS)  # noqa: S101 - the signatures say so
_DEFAULTS: Final = {"TIMEOUT": repr(TIMEOUT), "RETRY": "RetryPolicy()", "RATE_LIMITS": "RateLimits()"}


class FieldDescriptions(griffe.Extension):
    """The extension that describes each field of a request or response, and shows the values of named defaults."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Replace the names of constants by their values."""
        for parameter in func.parameters:
            if str(parameter.default) in _DEFAULTS:
                parameter.default = _DEFAULTS[str(parameter.default)]

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
