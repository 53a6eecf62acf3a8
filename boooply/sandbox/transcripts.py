"""The transcript of an interview: the one that a caller has set, or invented questions and answers."""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from attrs import frozen

from boooply.sandbox.records import Interview
from boooply.sandbox.wire import iso

__all__ = [
    "ANSWER",
    "Turn",
    "duration_seconds",
    "exchanges",
    "questions_of",
    "statistics",
    "transcript",
    "transcript_lines",
]

TURN: Final = 20_000
"""The duration of a turn in milliseconds, unless the caller sets another one."""

USUAL_QUESTIONS: Final = (
    "Tell me about a project you are proud of.",
    "How did you find out what was going wrong?",
    "What would you do differently today?",
)
ANSWER: Final = "Let me think. I would start from what the users saw, and measure before changing anything."
AI: Final = ("AI Interviewer", "AI")
SPEAKER_ROLES: Final = {"CO_HOST": "HOST", "OBSERVER": "PARTICIPANT"}
"""The roles that a transcript replaces, and their replacements."""


@frozen
class Turn:
    """A turn of the conversation: speaker, role, content, and its start and end in milliseconds."""

    speaker: str
    role: str
    content: str
    start: int
    end: int


def questions_of(interview: Interview) -> tuple[str, ...]:
    """Return the questions or the agenda of the interview, or else the usual questions."""
    return tuple(interview.details.get("questions") or interview.details.get("agenda") or USUAL_QUESTIONS)


# ---- the turns


def _asker_and_answerer(interview: Interview) -> tuple[tuple[str, str], tuple[str, str]]:
    # an interview has a transcript even if all its participants were removed
    people = [(person.name, SPEAKER_ROLES.get(person.role, person.role)) for person in interview.participants]
    answerer = next((one for one in people if one[1] == "CANDIDATE"), people[-1] if people else ("", "PARTICIPANT"))
    if interview.kind == "AI":
        return AI, answerer
    return next((one for one in people if one != answerer), answerer), answerer


def _invented(interview: Interview) -> Iterator[Turn]:
    asker, answerer = _asker_and_answerer(interview)
    for number, question in enumerate(questions_of(interview)):
        start = 2 * number * TURN
        yield Turn(*asker, question, start, start + TURN)
        yield Turn(*answerer, ANSWER, start + TURN, start + 2 * TURN)


def _entries(interview: Interview) -> list[Mapping[str, Any]] | None:
    return interview.outcome.get("transcript")


def _began(interview: Interview) -> datetime | None:
    said = (entry["timestamp"] for entry in _entries(interview) or () if "timestamp" in entry)
    first = next(said, None)
    return (interview.started_at or interview.ended_at) if first is None else datetime.fromisoformat(first)


def _starts(interview: Interview, entries: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    began, latest = _began(interview), -TURN
    for entry in entries:
        start: int = entry.get("startMs", latest + TURN)
        if "timestamp" in entry and began is not None:
            start = round((datetime.fromisoformat(entry["timestamp"]) - began).total_seconds() * 1000)
        latest = max(0, start)
        yield latest


def _set(interview: Interview, entries: list[Mapping[str, Any]]) -> Iterator[Turn]:
    starts = [*_starts(interview, entries), None]
    for entry, (start, following) in zip(entries, pairwise(starts), strict=True):
        assert start is not None  # noqa: S101 - only the last one is None, which pairwise has as `following`
        end = start + TURN if following is None else max(start, min(start + TURN, following))
        yield Turn(entry["speaker"], entry["role"], entry["content"], start, entry.get("endMs", end))


def _turns(interview: Interview) -> list[Turn]:
    entries = _entries(interview)
    return list(_invented(interview) if entries is None else _set(interview, entries))


def exchanges(interview: Interview) -> list[tuple[Turn, Turn]]:
    """Return each question with its answer: in a caller's transcript, a candidate's turn after another person's."""
    turns = _turns(interview)
    if _entries(interview) is None:
        return list(zip(turns[::2], turns[1::2], strict=True))
    return [(one, after) for one, after in pairwise(turns) if one.role != "CANDIDATE" and after.role == "CANDIDATE"]


def duration_seconds(interview: Interview) -> int:
    """Return the length of the conversation in seconds."""
    return math.ceil(max((turn.end for turn in _turns(interview)), default=0) / 1000)


def statistics(interview: Interview) -> dict[str, Any]:
    """Return the meeting's statistics."""
    return {"duration": duration_seconds(interview), "turnCount": len(_turns(interview))}


# ---- their forms


def transcript(interview: Interview) -> list[dict[str, Any]]:
    """Return the entries of the API's transcript; none if nothing was recorded."""
    began = _began(interview)
    if began is None or not interview.is_recorded:
        return []
    given = _entries(interview) or ()
    entries: list[dict[str, Any]] = []
    for number, turn in enumerate(_turns(interview)):
        times = (
            {"timestamp": iso(began + timedelta(milliseconds=turn.start))}
            if interview.kind == "AI"
            else {"startMs": turn.start, "endMs": turn.end, "confidence": round(0.99 - number % 5 / 100, 2)}
        )
        entry = {"id": f"{interview.id}-{number}", "speaker": turn.speaker, "role": turn.role, "content": turn.content}
        entries.append({**entry, **times, **(given[number] if given else {})})
    return entries


def transcript_lines(interview: Interview) -> list[dict[str, Any]]:
    """Return the lines of the webhook; lines of the AI have no `endMs`."""
    lines: list[dict[str, Any]] = []
    for turn in _turns(interview):
        end = {} if turn.role == "AI" else {"endMs": turn.end}
        lines.append({"speaker": turn.speaker, "text": turn.content, "startMs": turn.start, **end})
    return lines
