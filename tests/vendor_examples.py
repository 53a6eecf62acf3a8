"""The vendor's published examples, and how what was read from one is compared with it."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from boooply import (
    AIRecommendation,
    ConfidenceLevel,
    EndReason,
    MeetingType,
    ParticipantRole,
    Recommendation,
    Secret,
    SessionStatus,
    SpeakerRole,
    to_dict,
)
from boooply.models import ResponseModel
from boooply.webhooks import OverallRecommendation, QuickDecision, Severity

EXAMPLES = Path(__file__).parent / "data" / "vendor"

# The API's names under which a value is a time or a secret, or one of an enumeration.
TIMES = {"scheduledAt", "joinedAt", "leftAt", "createdAt", "start", "end", "timestamp", "evaluationFinalizedAt"}
SECRETS = {"joinToken", "videoUrl", "apiKey"}
MEMBERS: dict[str, tuple[type[str], ...]] = {
    "meetingType": (MeetingType,),
    "sessionStatus": (SessionStatus,),
    "endReason": (EndReason,),
    "role": (ParticipantRole, SpeakerRole),
    "evaluationRecommendation": (AIRecommendation,),
    "aiRecommendation": (AIRecommendation,),
    "confidenceLevel": (ConfidenceLevel,),
    "quickDecision": (QuickDecision,),
    "severity": (Severity,),
}
RECOMMENDATIONS: dict[str, type[str]] = {
    "Evaluation": Recommendation,
    "EvaluationEvent": OverallRecommendation,
    "ScoresEvent": OverallRecommendation,
    "FollowUp": str,
}
# What the contract leaves free within.
FREE = {"rawAnalysis", "rubricSnapshot"}
# The API's second names, and the first ones.
ALTERNATIVES = {"code": "meetingCode", "status": "sessionStatus", "interviews": "meetings"}


def examples(name: str) -> list[dict[str, Any]]:
    """Return the examples in one of the vendor's files."""
    found: list[dict[str, Any]] = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    return found


def primary(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object under the API's first names."""
    second = {ALTERNATIVES[name]: value for name, value in fields.items() if name in ALTERNATIVES}
    return second | {name: value for name, value in fields.items() if name not in ALTERNATIVES}


def comparable(value: Any) -> Any:
    """Return a value without nulls, with times as times: they are equal, however their seconds are written."""
    if isinstance(value, Mapping):
        return {name: comparable(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return datetime.fromisoformat(value)
    return value


def assert_read(read: Any, inner: Any) -> None:
    """Check that every field of an object is an attribute of the right type, and that nothing else comes out."""
    if isinstance(inner, list):
        assert isinstance(read, tuple)
        assert len(read) == len(inner)
        for one, example in zip(read, inner, strict=True):
            assert_read(one, example)
        return
    if inner is None or not isinstance(read, ResponseModel):
        assert read == inner
        return
    _assert_attributes(read, primary(inner))
    assert comparable(to_dict(read, secrets=True)) == comparable(primary(inner))


def _assert_attributes(read: Any, inner: Mapping[str, Any]) -> None:
    if isinstance(read, ResponseModel):
        assert read.extra == {}, type(read).__name__
    for wire, value in inner.items():
        name = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", wire)
        found = getattr(read, "items" if wire == "meetings" else name)
        if value is None:
            assert not found, wire
        else:
            _assert_kind(type(read).__name__, wire, found, value)


def _assert_kind(model: str, wire: str, found: Any, value: Any) -> None:
    if isinstance(value, dict):
        _assert_object(wire, found, primary(value))
    elif isinstance(value, list):
        assert isinstance(found, tuple), wire
        for one, example in zip(found, value, strict=True):
            _assert_kind(model, wire, one, example)
    elif wire in SECRETS:
        assert isinstance(found, Secret), wire
        assert found.reveal() == value
    elif wire in TIMES and value[:1] != "0":  # "02:15" is a place in the recording
        assert found == datetime.fromisoformat(value), wire
    else:
        kinds = MEMBERS.get(wire) or (RECOMMENDATIONS[model] if wire == "recommendation" else type(value),)
        assert isinstance(found, kinds), wire
        assert type(found) in kinds, wire
        assert found == value, wire


def _assert_object(wire: str, found: Any, value: Mapping[str, Any]) -> None:
    if wire in FREE:
        assert found == value, wire
    elif wire == "byCriterion":
        assert [*found] == [*value]
        for name, one in value.items():
            _assert_attributes(found[name], one)
    else:
        assert not isinstance(found, Mapping), f"{wire} has no class"
        _assert_attributes(found, value)
