"""The outcome of an interview that a caller sets: scores, recommendation, transcript, rubric and recording.

The sandbox invents what the caller leaves out. Scores have the names in the webhooks' `scores`, the transcript has the
API's form, and the rubric the form of `rubricSnapshot`.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve

from boooply.sandbox.checks import (
    Check,
    Field,
    boolean,
    check_fields,
    check_names,
    integer_from,
    is_object,
    list_of,
    non_empty,
    number_between,
    one_of,
    string,
    time,
)
from boooply.sandbox.records import Interview
from boooply.sandbox.wire import SandboxError, invalid

__all__ = ["OUTCOME", "RECOMMENDATIONS", "with_outcome"]

SCORES: Final = ("overall", "communication", "technicalSkills", "problemSolving", "cultureFit", "experienceMatch")
RECOMMENDATIONS: Final = ("STRONG_PASS", "PASS", "REVIEW", "FAIL", "STRONG_FAIL")
SPEAKERS: Final = ("AI", "CANDIDATE", "INTERVIEWER", "HOST", "PARTICIPANT")


def _strict(*fields: Field) -> Check:
    def check(field: str, value: Any) -> None:
        _open(field, value)
        check_names((one.name for one in fields), value, f"{field}.")
        check_fields(fields, value, f"{field}.")

    return check


def _open(field: str, value: Any) -> None:
    if not is_object(value):
        raise SandboxError(400, "INVALID_TYPE", f"{field} must be an object")


def _criterion(field: str, value: Any) -> None:
    # the vendor does not document the other fields of a rubric, so they are not checked
    _open(field, value)
    check_fields((Field("name", non_empty, required=True), Field("mustHave", boolean)), value, f"{field}.")


def _rubric(field: str, value: Any) -> None:
    _open(field, value)
    check_fields((Field("criteria", list_of(_criterion, at_least=1), required=True),), value, f"{field}.")
    names = [one["name"] for one in value["criteria"]]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise invalid(f"{field}.criteria", f"must not name {twice} twice")


SPEECH: Final = (
    Field("id", string),
    Field("speaker", non_empty, required=True),
    Field("role", one_of(*SPEAKERS), required=True),
    Field("content", string, required=True),
)
AI_ENTRY: Final = _strict(*SPEECH, Field("timestamp", time))
PEOPLES_ENTRY: Final = _strict(
    *SPEECH,
    Field("startMs", integer_from(0)),
    Field("endMs", integer_from(0)),
    Field("confidence", number_between(0, 1)),
)
SCORE: Final = integer_from(0, at_most=100)
EVALUATION: Final = _strict(*(Field(name, SCORE) for name in SCORES), Field("recommendation", one_of(*RECOMMENDATIONS)))
OUTCOME: Final = (
    Field("evaluation", EVALUATION),
    Field("transcript", list_of(_open)),
    Field("rubric", _rubric),
    Field("recording", boolean),
)
SESSION: Final = frozenset({"transcript", "recording"})
LEFT_BY: Final = {"END": frozenset(field.name for field in OUTCOME), "COMPLETED": SESSION, "HOST_ENDED": SESSION}
"""The parts of an outcome that each step can have; other steps have none."""


def with_outcome(interview: Interview, step: str, body: Mapping[str, Any]) -> Interview:
    """Return the interview with the outcome of a body, whose single fields are already valid.

    Raises:
        SandboxError: 400 or 422 if the step or the interview cannot have this outcome.
    """
    given = {field.name: body[field.name] for field in OUTCOME if field.name in body}
    for name, value in given.items():
        if name not in LEFT_BY.get(step, ()):
            raise invalid(name, f"must be left out: an interview has none after {step}")
        reason = _no_such_outcome(interview, name)
        if reason is not None and value is not False:
            raise invalid(name, f"must be left out: {reason}")
    entry = AI_ENTRY if interview.kind == "AI" else PEOPLES_ENTRY
    for number, one in enumerate(given.get("transcript", ())):
        entry(f"transcript[{number}]", one)
    rubric = given.pop("rubric", interview.rubric)
    return evolve(interview, outcome={**interview.outcome, **given}, rubric=rubric)


def _no_such_outcome(interview: Interview, name: str) -> str | None:
    if interview.kind != "TEAM":
        return None
    if name not in SESSION:
        return "a team meeting is never evaluated"
    is_transcribed = interview.details.get("transcriptionEnabled")
    return None if is_transcribed else "this team meeting was created without transcriptionEnabled"
