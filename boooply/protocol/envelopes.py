"""Where the result is within a response: each function reads every form that contract section 9 allows."""

from collections.abc import Callable
from typing import Any, Final, cast

from boooply.converter import StructureError

Payload = dict[str, Any]
Envelope = Callable[[Payload], Any]

_WRAPPING: Final = "success"  # it is beside the fields of a result at the top level, and no part of it

# The fields beside a wrapped evaluation (contract section 5.4).
BESIDE_EVALUATION: Final = ("aiSummary", "recommendations", "meetingStatistics", "rawAnalysis", "interviewerEvaluation")


def bare(payload: Payload) -> Payload:
    """Take the fields at the top level."""
    return {name: value for name, value in payload.items() if name != _WRAPPING}


def minted(payload: Payload) -> Payload:
    """Take a key and the fields beside it.

    Raises:
        StructureError: The key is blank, or no text.
    """
    key = payload.get("apiKey")
    if key is not None and not isinstance(key, str):
        raise StructureError("expected text", "apiKey")
    if key is not None and not key.strip():
        raise StructureError("is empty", "apiKey")
    return bare(payload)


def within(name: str) -> Envelope:
    """Take the object under ``name``, or the fields at the top level if it is not there."""

    def take(payload: Payload) -> Any:
        return payload[name] if isinstance(payload.get(name), dict) else bare(payload)

    return take


def under(*names: str) -> Envelope:
    """Take the value of the first of ``names`` that has one, or None."""

    def take(payload: Payload) -> Any:
        return next((payload[name] for name in names if payload.get(name) is not None), None)

    return take


def items(name: str) -> Envelope:
    """Take the list under ``name``, which is empty if it is missing or null."""

    def take(payload: Payload) -> Any:
        found = payload.get(name)
        return [] if found is None else found

    return take


def page(payload: Payload) -> Payload:
    """Take a page, whose numbers are under ``pagination`` or beside the list."""
    numbers = payload.get("pagination")
    flat = bare(payload)
    if isinstance(numbers, dict):
        del flat["pagination"]
        flat |= cast("Payload", numbers)
    return flat


def evaluation(payload: Payload) -> Payload | None:
    """Take an evaluation and the fields beside it, or None until the analysis has run."""
    found = payload.get("evaluation")
    if "evaluation" not in payload:
        flat = bare(payload)
        is_evaluated = any(flat.get(name) is not None for name in ("recommendation", "overallScore", "byCriterion"))
        return flat if is_evaluated else None
    if found is None:
        return None
    if not isinstance(found, dict):
        raise StructureError("expected an object or null", "evaluation")
    beside = {name: payload[name] for name in BESIDE_EVALUATION if payload.get(name) is not None}
    return beside | cast("Payload", found)
