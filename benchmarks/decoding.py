"""A page of 100 interviews from bytes to objects: ``python benchmarks/decoding.py VARIANT ROUNDS``."""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from measure import measured
from payloads import page

Read = Callable[[bytes], object]


def boooply() -> Read:
    """Our models, unknown fields kept."""
    from boooply.protocol.endpoints import LIST_INTERVIEWS
    from boooply.protocol.messages import Response

    return lambda body: LIST_INTERVIEWS.parse(Response(status=200, headers={}, body=body)).items


def orjson() -> Read:
    """The lower bound: dictionaries, and nothing checked."""
    import orjson

    return lambda body: orjson.loads(body)["meetings"]


def stdlib() -> Read:
    """The standard library's dictionaries."""
    return lambda body: json.loads(body)["meetings"]


def pydantic() -> Read:
    """Pydantic's fastest way, unknown fields kept."""
    from pydantic import BaseModel, ConfigDict

    class Model(BaseModel):
        model_config = ConfigDict(extra="allow")

    return _typed(Model).model_validate_json


def msgspec() -> Read:
    """msgspec's structs, which keep no unknown fields."""
    import msgspec

    decoder = msgspec.json.Decoder(_typed(msgspec.Struct))
    return decoder.decode


def openai() -> Read:
    """The openai SDK's default: built without validation, recursively."""
    import httpx
    from openai._models import BaseModel, construct_type

    model = _typed(BaseModel)
    return lambda body: construct_type(type_=model, value=httpx.Response(200, content=body).json())


def _typed(base: Any) -> Any:
    """Make the same three models over any base: 23 fields, three participants, times and enumerations."""
    from boooply import AIRecommendation, EndReason, MeetingType, ParticipantRole, SessionStatus

    def model(name: str, fields: dict[str, Any], required: tuple[str, ...] = ()) -> Any:
        defaults = {one: None for one in fields if one not in required}
        return type(base)(name, (base,), {"__annotations__": fields, "__module__": __name__, **defaults})

    participant = model(
        "Participant",
        {
            "id": str | None,
            "name": str | None,
            "email": str | None,
            "role": ParticipantRole | None,
            "joinToken": str | None,
            "joinedAt": datetime | None,
            "leftAt": datetime | None,
            "isActive": bool | None,
        },
    )
    text = dict.fromkeys(
        (
            "id",
            "url",
            "title",
            "description",
            "jobRole",
            "source",
            "sourceId",
            "sourcePlatform",
            "evaluationRecommendationRationale",
            "evaluationFinalizedBy",
        ),
        str | None,
    )
    interview = model(
        "Interview",
        {
            "meetingCode": str,
            **text,
            "meetingType": MeetingType | None,
            "isTeamMeeting": bool | None,
            "sessionStatus": SessionStatus | None,
            "endReason": EndReason | None,
            "scheduledAt": datetime | None,
            "durationMinutes": int | None,
            "participants": list[participant] | None,
            "overallScore": float | None,
            "evaluationRecommendation": AIRecommendation | None,
            "evaluationFinalizedAt": datetime | None,
            "createdAt": datetime | None,
        },
        ("meetingCode",),
    )
    return model("Page", {"meetings": list[interview], "pagination": dict[str, int] | None}, ("meetings",))


VARIANTS: dict[str, Callable[[], Read]] = {
    one.__name__: one for one in (boooply, orjson, stdlib, pydantic, msgspec, openai)
}

if __name__ == "__main__":
    variant, rounds = sys.argv[1:]
    read = VARIANTS[variant]()
    body = json.dumps(page(100)).encode()
    assert len(getattr(read(body), "meetings", None) or read(body)) == 100  # noqa: S101 - the peers do the same work
    for _ in range(int(rounds) // 10):
        read(body)
    with measured(int(rounds)):
        for _ in range(int(rounds)):
            read(body)
