"""What was said in a played interview: made up, and always the same for one interview."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from attrs import frozen

from boooply.sandbox.moments import iso
from boooply.sandbox.records import Interview

__all__ = ["duration_seconds", "questions_of", "transcript", "turns"]

TURN_SECONDS = 20
USUAL_QUESTIONS = (
    "Tell me about a project you are proud of.",
    "How did you find out what was going wrong?",
    "What would you do differently today?",
)
ANSWER = "Let me think. I would start from what the users saw, and measure before changing anything."


@frozen
class Turn:
    """Hold one turn: who spoke, in which role, and what."""

    speaker: str
    role: str
    content: str


def questions_of(interview: Interview) -> tuple[str, ...]:
    """Return what was asked: the questions or the agenda of the interview, else the usual ones."""
    return tuple(interview.details.get("questions") or interview.details.get("agenda") or USUAL_QUESTIONS)


def _asker_and_answerer(interview: Interview) -> tuple[tuple[str, str], tuple[str, str]]:
    # An empty room still gets its transcript: every participant can have been removed.
    people = [(person.name, person.role) for person in interview.participants]
    answerer = next((one for one in people if one[1] == "CANDIDATE"), people[-1] if people else ("", "PARTICIPANT"))
    if interview.kind == "AI":
        return ("Boooply AI", "AI"), answerer
    return next((one for one in people if one != answerer), answerer), answerer


def turns(interview: Interview) -> Iterator[Turn]:
    """Tell the conversation turn by turn: each question and its answer."""
    asker, answerer = _asker_and_answerer(interview)
    for question in questions_of(interview):
        yield Turn(*asker, question)
        yield Turn(*answerer, ANSWER)


def duration_seconds(interview: Interview) -> int:
    """Return how long the conversation took."""
    return 2 * TURN_SECONDS * len(questions_of(interview))


def transcript(interview: Interview) -> list[dict[str, Any]]:
    """Return the entries of section 5.5; none before the interview has been played."""
    if interview.ended_at is None:
        return []
    entries: list[dict[str, Any]] = []
    for number, turn in enumerate(turns(interview)):
        entry: dict[str, Any] = {
            "id": f"{interview.id}-{number}",
            "speaker": turn.speaker,
            "role": turn.role,
            "content": turn.content,
        }
        offset = number * TURN_SECONDS
        if interview.kind == "AI":
            entry["timestamp"] = iso((interview.started_at or interview.ended_at) + timedelta(seconds=offset))
        else:
            end = (offset + TURN_SECONDS) * 1000
            entry |= {"startMs": offset * 1000, "endMs": end, "confidence": round(0.99 - number % 5 / 100, 2)}
        entries.append(entry)
    return entries
