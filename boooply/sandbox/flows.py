"""The actions of people outside the API: a table that Python, the controls and the console share.

- `play` plays an interview one step (see `playing`), and can set its outcome.
- `book` books one of the slots that the candidate was offered. The booking link expires after 7 days.
- `finalize` adds a recruiter's recommendation to an evaluated interview, or replaces an earlier one.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

from attrs import evolve, frozen

from boooply.sandbox.checks import Field, check_fields, check_names, one_of, string, time
from boooply.sandbox.outcomes import OUTCOME, with_outcome
from boooply.sandbox.playing import STEPS, expire_overdue, play_interview
from boooply.sandbox.records import Finalization, Interview
from boooply.sandbox.state import State
from boooply.sandbox.wire import SandboxError, conflict, invalid, iso, parse_time

__all__ = ["BOOKABLE_FOR", "FLOWS", "HIRING", "Flow", "in_json", "open_slots", "run_flow"]

BOOKABLE_FOR: Final = timedelta(days=7)
HIRING: Final = ("STRONG_HIRE", "HIRE", "NO_HIRE", "STRONG_NO_HIRE")
RECRUITER: Final = "sandbox-recruiter"


@frozen(kw_only=True)
class Flow:
    """A flow: the fields of its body, and its function."""

    fields: tuple[Field, ...]
    perform: Callable[[State, Interview, Mapping[str, Any]], Interview]


def in_json(value: object) -> object:
    """Return a value of Python as JSON can contain it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def run_flow(state: State, name: str, code: str, body: Mapping[str, Any]) -> Interview:
    """Run a flow on an interview of any organization.

    Raises:
        SandboxError: 400 or 422 for an invalid body, 404 for an unknown code, 409 or 410 if it is not possible now.
    """
    flow = FLOWS[name]
    expire_overdue(state)
    interview = state.interview_of_anyone(code)
    check_names((field.name for field in flow.fields), body)
    check_fields(flow.fields, body)
    return flow.perform(state, interview, body)


def _play(state: State, interview: Interview, body: Mapping[str, Any]) -> Interview:
    step = body.get("to", "END")
    # a completed AI interview is final
    left = "END" if interview.kind == "AI" and step == "COMPLETED" else step
    return play_interview(state, with_outcome(interview, left, body), step)


# ---- booking


def open_slots(interview: Interview, now: datetime) -> tuple[datetime, ...]:
    """Return the start of each slot that the candidate can book now."""
    if _is_unbooked(interview) and now < interview.created_at + BOOKABLE_FOR:
        return _starts(interview)
    return ()


def _is_unbooked(interview: Interview) -> bool:
    return interview.status == "SCHEDULED" and interview.details.get("schedulingMode") == "CANDIDATE_PICKS"


def _starts(interview: Interview) -> tuple[datetime, ...]:
    return tuple(datetime.fromisoformat(slot["start"]) for slot in interview.details.get("availableSlots", ()))


def _book(state: State, interview: Interview, body: Mapping[str, Any]) -> Interview:
    if not _is_unbooked(interview):
        raise conflict("the interview has no slot to book: its time is set, or it has ended", "NOTHING_TO_BOOK")
    if not open_slots(interview, state.clock.now()):
        raise SandboxError(410, "BOOKING_LINK_EXPIRED", "the booking link has expired after 7 days: reschedule instead")
    starts = _starts(interview)
    start = parse_time(body["start"]) if "start" in body else starts[0]
    if start not in starts:
        raise invalid("start", f"must be the start of an offered slot: {', '.join(map(iso, starts))}")
    details = {**interview.details, "schedulingMode": "FIXED"}
    booked = state.put(evolve(interview, scheduled_at=start, details=details))
    state.send("booking", booked, booked.participants)
    return booked


# ---- finalizing


def _finalize(state: State, interview: Interview, body: Mapping[str, Any]) -> Interview:
    if not interview.analyses:
        raise conflict("the interview has no evaluation to finalize: play it to END first", "NOT_EVALUATED")
    final = Finalization(
        recommendation=body["recommendation"],
        rationale=body.get("rationale"),
        by=body.get("by", RECRUITER),
        at=state.clock.now(),
    )
    return state.put(evolve(interview, finalization=final))


FLOWS: Final[Mapping[str, Flow]] = {
    "play": Flow(fields=(Field("to", one_of(*STEPS)), *OUTCOME), perform=_play),
    "book": Flow(fields=(Field("start", time),), perform=_book),
    "finalize": Flow(
        fields=(
            Field("recommendation", one_of(*HIRING), required=True),
            Field("rationale", string),
            Field("by", string),
        ),
        perform=_finalize,
    ),
}
