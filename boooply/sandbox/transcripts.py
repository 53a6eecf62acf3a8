"""The transcript of an interview that took place (sections 5.5 and 7.1): each question and its answer."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from attrs import frozen

from boooply.sandbox.records import Interview
from boooply.sandbox.wire import iso

__all__ = ["ANSWER", "TURN_SECONDS", "duration_seconds", "questions_of", "statistics", "transcript", "transcript_lines"]

TURN_SECONDS: Final = 20
USUAL_QUESTIONS: Final = (
    "Tell me about a project you are proud of.",
    "How did you find out what was going wrong?",
    "What would you do differently today?",
)
ANSWER: Final = "Let me think. I would start from what the users saw, and measure before changing anything."
AI: Final = ("AI Interviewer", "AI")
SPEAKER_ROLES: Final = {"CO_HOST": "HOST", "OBSERVER": "PARTICIPANT"}
"""The roles of participants that a transcript does not have, and those that it has instead."""


@frozen
class Turn:
    """One turn of the conversation: who spoke, in which role, and what."""

    speaker: str
    role: str
    content: str


def questions_of(interview: Interview) -> tuple[str, ...]:
    """Return what was asked: the questions or the agenda of the interview, else the usual ones."""
    return tuple(interview.details.get("questions") or interview.details.get("agenda") or USUAL_QUESTIONS)


def _asker_and_answerer(interview: Interview) -> tuple[tuple[str, str], tuple[str, str]]:
    # An interview without people still gets its transcript: every participant may have been removed.
    people = [(person.name, SPEAKER_ROLES.get(person.role, person.role)) for person in interview.participants]
    answerer = next((one for one in people if one[1] == "CANDIDATE"), people[-1] if people else ("", "PARTICIPANT"))
    if interview.kind == "AI":
        return AI, answerer
    return next((one for one in people if one != answerer), answerer), answerer


def _turns(interview: Interview) -> Iterator[Turn]:
    asker, answerer = _asker_and_answerer(interview)
    for question in questions_of(interview):
        yield Turn(*asker, question)
        yield Turn(*answerer, ANSWER)


def duration_seconds(interview: Interview) -> int:
    """Return the length of the conversation."""
    return 2 * TURN_SECONDS * len(questions_of(interview))


def statistics(interview: Interview) -> dict[str, Any]:
    """Return the meeting's statistics."""
    return {"duration": duration_seconds(interview), "turnCount": 2 * len(questions_of(interview))}


def transcript(interview: Interview) -> list[dict[str, Any]]:
    """Return the entries of section 5.5; none if nothing was recorded."""
    if interview.ended_at is None or not interview.is_recorded:
        return []
    began = interview.started_at or interview.ended_at
    entries: list[dict[str, Any]] = []
    for number, turn in enumerate(_turns(interview)):
        offset = number * TURN_SECONDS
        times = (
            {"timestamp": iso(began + timedelta(seconds=offset))}
            if interview.kind == "AI"
            else {**_milliseconds(offset), "confidence": round(0.99 - number % 5 / 100, 2)}
        )
        entry = {"id": f"{interview.id}-{number}", "speaker": turn.speaker, "role": turn.role, "content": turn.content}
        entries.append({**entry, **times})
    return entries


def transcript_lines(interview: Interview) -> list[dict[str, Any]]:
    """Return the lines of the webhook; those of the AI have no `endMs`."""
    lines: list[dict[str, Any]] = []
    for number, turn in enumerate(_turns(interview)):
        times = _milliseconds(number * TURN_SECONDS)
        if turn.role == "AI":
            del times["endMs"]
        lines.append({"speaker": turn.speaker, "text": turn.content, **times})
    return lines


def _milliseconds(offset: int) -> dict[str, int]:
    return {"startMs": offset * 1000, "endMs": (offset + TURN_SECONDS) * 1000}
