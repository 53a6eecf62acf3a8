"""Where in an answer the result is: each function takes either form of contract section 9 to one."""

from collections.abc import Callable
from typing import Any, Final, cast

from boooply.converter import StructureError

Payload = dict[str, Any]
Envelope = Callable[[Payload], Any]

# What wraps a result that stands at the top level, and is no part of it.
_WRAPPING: Final = "success"

# Fields that a wrapped evaluation has beside it (contract section 5.4).
_BESIDE_EVALUATION: Final = (
    "aiSummary",
    "recommendations",
    "meetingStatistics",
    "rawAnalysis",
    "interviewerEvaluation",
)


def bare(payload: Payload) -> Payload:
    """Take the fields at the top level."""
    taken = payload.copy()
    taken.pop(_WRAPPING, None)
    return taken


def minted(payload: Payload) -> Payload:
    """Take a key with what stands beside it; one that is blank is none."""
    key = payload.get("apiKey")
    if isinstance(key, str) and not key.strip():
        raise StructureError("is empty", "apiKey")
    return bare(payload)


def nothing(payload: Payload) -> None:
    """Take nothing: the call has done what it was asked to."""


def within(name: str) -> Envelope:
    """Take the object under ``name``, or the fields at the top level where it is not there."""

    def take(payload: Payload) -> Any:
        return payload[name] if isinstance(payload.get(name), dict) else bare(payload)

    return take


def under(*names: str) -> Envelope:
    """Take what stands under the first of ``names`` that is there, or None."""

    def take(payload: Payload) -> Any:
        return next((payload[name] for name in names if payload.get(name) is not None), None)

    return take


def items(name: str) -> Envelope:
    """Take the list under ``name``; where it is missing or null there is nothing in it."""

    def take(payload: Payload) -> Any:
        found = payload.get(name)
        return [] if found is None else found

    return take


def page(payload: Payload) -> Payload:
    """Take a page: its numbers stand under ``pagination`` or beside the list."""
    numbers = payload.get("pagination")
    flat = bare(payload)
    if isinstance(numbers, dict):
        del flat["pagination"]
        flat |= cast("Payload", numbers)
    return flat


def evaluation(payload: Payload) -> Payload | None:
    """Take an evaluation with what stands beside it, or None until the analysis has run."""
    found = payload.get("evaluation")
    if "evaluation" not in payload:
        flat = bare(payload)
        there = any(flat.get(name) is not None for name in ("recommendation", "overallScore", "byCriterion"))
        return flat if there else None
    if found is None:
        return None
    if not isinstance(found, dict):
        raise StructureError("expected an object or null", "evaluation")
    beside = {name: payload[name] for name in _BESIDE_EVALUATION if payload.get(name) is not None}
    return beside | cast("Payload", found)
