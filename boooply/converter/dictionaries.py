"""Models from JSON of other sources: web requests, files and queues."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast, get_args, get_origin

import attrs

from boooply.converter.annotations import kinds_of
from boooply.converter.structuring import StructureError, structure
from boooply.errors import ValidationError
from boooply.models import AIInterview, HumanInterview, InterviewRequest, ResponseModel, TeamMeeting
from boooply.models.mappings import build, names_of
from boooply.models.request import RequestModel
from boooply.models.validators import kind
from boooply.secret import hide_locals

T = TypeVar("T")

_Data = Mapping[str, Any]

_Class = type[InterviewRequest]

KINDS: Final[dict[str, _Class]] = {"ai": AIInterview, "human": HumanInterview, "team": TeamMeeting}
"""The classes of interviews, by the ``type`` of the JavaScript SDK."""

# The names that determine the class of an interview: ``type``, and the names of the API.
_MEETING_TYPES: Final[dict[object, tuple[_Class, ...]]] = {
    "AI_ONLY": (AIInterview,),
    "HUMAN": (HumanInterview, TeamMeeting),
}
_IS_TEAM: Final[dict[object, tuple[_Class, ...]]] = {True: (TeamMeeting,), False: (AIInterview, HumanInterview)}
_NAMED_BY: Final[dict[str, dict[object, tuple[_Class, ...]]]] = {
    "type": {kind: (model,) for kind, model in KINDS.items()},
    "meetingType": _MEETING_TYPES,
    "meeting_type": _MEETING_TYPES,
    "isTeamMeeting": _IS_TEAM,
    "is_team_meeting": _IS_TEAM,
}


@hide_locals
def from_dict(cls: type[T], data: Mapping[str, Any], /, *, ignore_unknown: bool = False) -> T:
    """Create a model from parsed JSON, such as the body of a web request.

    Names may be in camelCase or snake_case. Times are ISO 8601 text, and nested objects are dictionaries. None counts
    as absent.

    Args:
        cls: The class of the model. For ``InterviewRequest``, the class depends on ``type`` in the data (``ai``,
            ``human`` or ``team``), or on ``meetingType`` and ``isTeamMeeting``. Models of responses need camelCase, and
            are read as tolerantly as responses of the API.
        data: The parsed JSON object.
        ignore_unknown: Whether to ignore names that the model does not have. Default: False, which raises an error.

    Raises:
        ValidationError: A name is unknown, or a value is missing or invalid. ``field`` is the path, such as
            ``candidate.email``.
    """
    if not isinstance(data, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ValidationError("data", f"must be a dictionary, not {kind(data)}")
    if issubclass(cls, ResponseModel):
        return _response(cls, data)
    if not (issubclass(cls, RequestModel) and attrs.has(cls)):
        raise ValidationError("cls", f"must be a model of boooply, not {cls.__name__}")
    model, rest = _interview(cls, data) if issubclass(cls, InterviewRequest) else (cls, data)
    return cast("T", build(model, _known(model, rest) if ignore_unknown else rest))


def _response(cls: type[T], data: _Data) -> T:
    try:
        return structure(dict(data), cls)
    except StructureError as error:
        problem = ValidationError(error.path.lstrip(".") or "data", error.problem)
    raise problem


def _interview(cls: _Class, data: _Data) -> tuple[_Class, _Data]:
    """Return the class of an interview, and the dictionary without the names that determine the class.

    Raises:
        ValidationError: No name determines the class, or the names contradict each other or ``cls``.
    """
    rest = dict(data)
    classes = [model for model in KINDS.values() if issubclass(model, cls)]
    for name, kinds in _NAMED_BY.items():
        value = rest.pop(name, None)
        if value is None:
            continue
        named = kinds.get(value) if isinstance(value, str | bool) else None
        if named is None:
            raise ValidationError(name, f"must be one of {', '.join(map(str, kinds))}")
        classes = [model for model in classes if model in named]
        if not classes:
            raise ValidationError(name, "contradicts the class, or another name, about the kind of interview")
    if len(classes) > 1 and AIInterview in classes:
        raise ValidationError("type", "is missing: pass ai, human or team")
    return classes[0], rest  # HUMAN alone is not a team meeting


def _known(model: Any, data: _Data) -> _Data:
    """Return a dictionary without the names that the model does not have, at any depth."""
    names, fields = names_of(model), attrs.fields_dict(attrs.resolve_types(model))
    return {name: _known_in(fields[names[name]].type, value) for name, value in data.items() if name in names}


def _known_in(annotation: Any, value: Any) -> Any:
    wanted = kinds_of(annotation)[0]
    if get_origin(wanted) is tuple and isinstance(value, list | tuple):
        return [_known_in(get_args(wanted)[0], item) for item in cast("list[Any]", value)]
    if attrs.has(wanted) and isinstance(value, Mapping):
        return _known(wanted, cast("_Data", value))
    return value
