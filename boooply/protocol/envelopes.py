"""The position of the result within a response. Each function reads every form that the API is known to send."""

from collections.abc import Callable
from typing import Any, Final, cast

from boooply.converter import StructureError

Payload = dict[str, Any]
Envelope = Callable[[Payload], Any]

_WRAPPING: Final = "success"  # next to the fields of a result at the top level, but not one of them

# The fields next to a wrapped evaluation.
BESIDE_EVALUATION: Final = ("aiSummary", "recommendations", "meetingStatistics", "rawAnalysis", "interviewerEvaluation")


def bare(payload: Payload) -> Payload:
    """Return the fields at the top level."""
    return {name: value for name, value in payload.items() if name != _WRAPPING}


def minted(payload: Payload) -> Payload:
    """Return a key and the fields next to it.

    Raises:
        StructureError: The key is blank or not text.
    """
    key = payload.get("apiKey")
    if key is not None and not isinstance(key, str):
        raise StructureError("expected text", "apiKey")
    if key is not None and not key.strip():
        raise StructureError("is empty", "apiKey")
    return bare(payload)


def within(name: str) -> Envelope:
    """Return a function that takes the object under ``name``, or the fields at the top level if there is none."""

    def take(payload: Payload) -> Any:
        return payload[name] if isinstance(payload.get(name), dict) else bare(payload)

    return take


def under(*names: str) -> Envelope:
    """Return a function that takes the first value under one of ``names``, or None."""

    def take(payload: Payload) -> Any:
        return next((payload[name] for name in names if payload.get(name) is not None), None)

    return take


def items(name: str) -> Envelope:
    """Return a function that takes the list under ``name``, or an empty list if it is missing or null."""

    def take(payload: Payload) -> Any:
        found = payload.get(name)
        return [] if found is None else found

    return take


def page(payload: Payload) -> Payload:
    """Return a page, with its numbers from ``pagination`` or from the top level."""
    numbers = payload.get("pagination")
    flat = bare(payload)
    if isinstance(numbers, dict):
        del flat["pagination"]
        flat |= cast("Payload", numbers)
    return flat


def evaluation(payload: Payload) -> Payload | None:
    """Return an evaluation and the fields next to it, or None if the analysis has not run."""
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
