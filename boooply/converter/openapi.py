"""Models as bodies and responses in FastAPI, and as fields of pydantic models.

Only pydantic calls ``core_schema``, and nothing else imports this module. So pydantic need not be installed.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from inspect import getdoc
from typing import Any, Final, LiteralString, cast

from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError
from pydantic_core import ValidationError as PydanticError
from pydantic_core.core_schema import no_info_plain_validator_function, plain_serializer_function_ser_schema

from boooply.converter.dictionaries import KINDS, from_dict
from boooply.converter.json_schema import Schema, accepted, returned
from boooply.converter.unstructuring import to_dict
from boooply.errors import ValidationError
from boooply.models import InterviewRequest, ResponseModel
from boooply.models.mappings import in_api_spelling

# A rule that the schemas of single fields cannot express.
_ONE_OF_THEM: Final[Schema] = {"anyOf": [{"required": ["candidate"]}, {"required": ["participants"]}]}


def core_schema(cls: type) -> CoreSchema:
    """Return a schema with which pydantic reads a model by ``from_dict`` and writes it by ``to_dict``."""
    return no_info_plain_validator_function(
        partial(_validate, cls),
        ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",  # the name of the schema in OpenAPI
        serialization=plain_serializer_function_ser_schema(to_dict),
        metadata={"pydantic_js_functions": [partial(_json_schema, cls)]},
    )


def _validate(cls: type[object], value: object) -> object:
    """Return a model.

    Raises:
        PydanticError: The value is invalid. The error has the path and the rule, and never the value.
    """
    if isinstance(value, cls):
        return value
    if not isinstance(value, Mapping):
        raise _error(cls, "must be an object")
    try:
        return from_dict(cls, cast("Mapping[str, Any]", value))
    except ValidationError as error:
        problem = error
    for model in KINDS.values() if cls is InterviewRequest else (cls,):
        problem = in_api_spelling(model, problem)
    raise _error(cls, problem.rule, *_path(problem.field))


def _error(cls: type, rule: str, *path: str | int) -> PydanticError:
    problem = PydanticCustomError("value_error", cast("LiteralString", rule))
    return PydanticError.from_exception_data(cls.__name__, [InitErrorDetails(type=problem, loc=path, input=None)])


def _path(field: str) -> list[str | int]:
    """Return the steps of a path: ``availableSlots[1].end`` has three."""
    return [int(step) if step.isdecimal() else step for step in re.findall(r"[^.\[\]]+", field)]


def _json_schema(cls: type, _core: CoreSchema, handler: Any) -> Schema:
    is_written = handler.mode == "serialization"
    about = {"title": cls.__name__, "description": (getdoc(cls) or "").partition("\n")[0]}
    describe: Callable[[type], Schema] = returned if is_written or issubclass(cls, ResponseModel) else _body
    return about | describe(cls)


def _body(cls: type) -> Schema:
    if cls is InterviewRequest:
        return {"oneOf": [_of_kind(kind, model) for kind, model in KINDS.items()]}
    schema = accepted(cls)
    return schema | _ONE_OF_THEM if "candidate" in schema["properties"] else schema


def _of_kind(kind: str, model: type[InterviewRequest]) -> Schema:
    schema = _body(model)
    named: Schema = {"type": {"type": "string", "enum": [kind], "description": "The kind of interview."}}
    return schema | {
        "title": model.__name__,
        "properties": named | schema["properties"],
        "required": ["type", *schema["required"]],
    }
