"""The steps of playing an interview: when each is possible, and its effect.

- `ACTIVE` starts the interview, and `SCHEDULED` takes it back to its start.
- `END` ends it for good. The interview then has a transcript, a recording and an evaluation.
- `COMPLETED` ends a human or team meeting that can be resumed: it has a transcript and a recording, but no end reason
  and no evaluation. For an AI interview, `COMPLETED` means `END`.
- `HOST_ENDED` ends a human or team meeting early. It has an end reason, and can be reopened until it is evaluated.
- `NO_SHOW` and `EXPIRED` end an interview that did not take place. As in Boooply's API, the session status is
  COMPLETED: only the end reason shows the difference.
- `FAILED` ends an interview with the status FAILED.
"""

from datetime import datetime
from typing import Final, Literal, get_args

from attrs import evolve

from boooply.sandbox.records import Interview, Participant
from boooply.sandbox.state import State
from boooply.sandbox.wire import conflict

__all__ = ["STEPS", "Step", "expire_overdue", "play", "play_interview", "possible_steps"]

Step = Literal["ACTIVE", "COMPLETED", "SCHEDULED", "END", "HOST_ENDED", "NO_SHOW", "EXPIRED", "FAILED"]
STEPS: Final[tuple[str, ...]] = get_args(Step)

OPEN_STEPS: Final[dict[tuple[str, bool], frozenset[str]]] = {
    # (status, whether an end can be resumed): the possible steps. All other statuses are final.
    ("SCHEDULED", False): frozenset({"ACTIVE", "END", "NO_SHOW", "EXPIRED", "FAILED"}),
    ("SCHEDULED", True): frozenset({"ACTIVE", "COMPLETED", "END", "HOST_ENDED", "NO_SHOW", "EXPIRED", "FAILED"}),
    ("ACTIVE", False): frozenset({"END", "NO_SHOW", "FAILED"}),
    ("ACTIVE", True): frozenset({"COMPLETED", "SCHEDULED", "END", "HOST_ENDED", "NO_SHOW", "FAILED"}),
    ("COMPLETED", True): frozenset({"ACTIVE", "SCHEDULED", "END", "HOST_ENDED"}),
}
REOPENING: Final = frozenset({"ACTIVE", "SCHEDULED"})
"""The steps that are possible after an early end, until there is an evaluation."""

HELD: Final = frozenset({"COMPLETED", "END", "HOST_ENDED"})
"""The steps of interviews that took place."""

TOOK_PLACE: Final = frozenset({"AUTO_COMPLETED", "HOST_COMPLETED"})
"""The end reasons of interviews that took place."""

STATUS_AFTER: Final[dict[str, str]] = {
    "ACTIVE": "ACTIVE",
    "SCHEDULED": "SCHEDULED",
    "COMPLETED": "COMPLETED",
    "END": "COMPLETED",
    "HOST_ENDED": "COMPLETED",
    "NO_SHOW": "COMPLETED",
    "EXPIRED": "COMPLETED",
    "FAILED": "FAILED",
}


def possible_steps(interview: Interview) -> frozenset[str]:
    """Return the steps that are possible now."""
    if interview.end_reason is not None:
        return REOPENING if interview.end_reason == "HOST_ENDED" and not interview.analyses else frozenset()
    return OPEN_STEPS.get((interview.status, interview.kind != "AI"), frozenset())


def play(interview: Interview, step: Step, now: datetime) -> Interview:
    """Return the interview after a step.

    Raises:
        SandboxError: 409 if the step is not possible in the current status.
    """
    is_ai = interview.kind == "AI"
    taken: Step = "END" if is_ai and step == "COMPLETED" else step
    if taken not in possible_steps(interview):
        ended = "" if interview.end_reason is None else f" ({interview.end_reason})"
        raise conflict(
            f"the interview is {interview.status}{ended} and cannot be played to {step}", "ILLEGAL_TRANSITION"
        )
    return evolve(
        interview,
        status=STATUS_AFTER[taken],
        end_reason=_end_reason(taken, is_ai=is_ai),
        participants=tuple(_moved(person, taken, now) for person in interview.participants),
        started_at=interview.started_at or (now if taken in {"ACTIVE", *HELD} else None),
        ended_at=now if taken in HELD else interview.ended_at,
        analyses=interview.analyses + (taken == "END" and interview.kind != "TEAM"),
    )


def play_interview(state: State, before: Interview, step: Step) -> Interview:
    """Play an interview one step, and send its webhooks if the step is final.

    Raises:
        SandboxError: 409 if the step is not possible now.
    """
    played = state.put(play(before, step, state.clock.now()))
    if played.end_reason in TOOK_PLACE:
        state.announce(played)
    return played


def expire_overdue(state: State) -> None:
    """Expire the interviews that nobody had joined by 24 hours after their scheduled end."""
    for interview in state.take_overdue():
        play_interview(state, interview, "EXPIRED")


def _end_reason(step: Step, *, is_ai: bool) -> str | None:
    if step == "END":
        return "AUTO_COMPLETED" if is_ai else "HOST_COMPLETED"
    return step if step in {"HOST_ENDED", "NO_SHOW", "EXPIRED"} else None


def _moved(person: Participant, step: Step, now: datetime) -> Participant:
    if step == "ACTIVE":
        return evolve(person, joined_at=person.joined_at or now, left_at=None, is_active=True)
    if step in HELD and person.joined_at is None:
        return evolve(person, joined_at=now, left_at=now)
    return evolve(person, left_at=now, is_active=False) if person.is_active else person
