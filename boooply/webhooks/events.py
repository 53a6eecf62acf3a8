"""Event classes, and how a signed body becomes an event (contract section 7)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NoReturn, cast

import attrs

from boooply.converter import StructureError, structure
from boooply.errors import MalformedEventError
from boooply.models import (
    ConfidenceLevel,
    InterviewerEvaluation,
    InterviewParticipant,
    MeetingStatistics,
    MeetingType,
    ResponseModel,
)
from boooply.models.response import ABSENT, about, field
from boooply.secret import Secret
from boooply.webhooks.parts import (
    AnalysisMeta,
    EventScores,
    FollowUp,
    OverallRecommendation,
    PositiveSignal,
    QuestionAsked,
    RecruiterRatings,
    RecruiterSummary,
    RedFlag,
    SentimentAnalysis,
    SkillAssessment,
    StrengthsAndWeaknesses,
    TranscriptLine,
)


@attrs.frozen(kw_only=True, slots=False)
class Event(ResponseModel):
    """Something that happened to an interview."""

    event: str = field("The name of the event, such as interview.scores.", default="")
    idempotency_key: str = field(
        "The digest of the signed body: the same for every delivery of one event, another for a re-analysis.",
        default="",
    )
    announced_as: str | None = field("The name in the header X-Boooply-Event, if it differs: the signed body wins.")
    meeting_code: str = field("The interview's meeting code. Empty only for unknown events without one.", default="")
    title: str | None = field("The title of the interview.")
    meeting_type: MeetingType | str | None = field("Who leads the interview: the AI, or people.")
    is_team_meeting: bool | None = field("Whether it is a team meeting.")
    candidate_name: str | None = field("The candidate's name.", repr=False)
    job_role: str | None = field("The role that is filled.")
    source: str | None = field("The name of the customer's organization.")
    source_id: str | None = field(
        "The platform's own id of the customer: route by it. None for interviews created in the dashboard."
    )
    source_platform: str | None = field("The name of the platform, as it was given with the platform key.")
    participants: tuple[InterviewParticipant, ...] = field("Who took part.", default=ABSENT, repr=False)
    timestamp: datetime | None = field("When the event was sent. It is part of the signed body.")


@attrs.frozen(kw_only=True, slots=False)
class TranscriptEvent(Event):
    """``interview.transcript``: what was said."""

    transcript: tuple[TranscriptLine, ...] = field("The lines of the transcript.", default=ABSENT, repr=False)
    transcript_count: int | None = field("The number of lines.")


@attrs.frozen(kw_only=True, slots=False)
class Rated(Event):
    """The fields of both evaluations and scores."""

    overall_rating: float | None = field(
        "The overall rating, 1-5. None in the first form of webhooks, which has a score."
    )
    recommendation: OverallRecommendation | str | None = field("The advice of the analysis.")
    confidence_level: ConfidenceLevel | str | None = field("How sure the analysis is.")
    scores: EventScores | None = field("The scores, 0-100.")
    ratings_for_recruiters: RecruiterRatings | None = field("Four of the scores once more, 0-100.")
    one_line_summary: str | None = field("A summary in one line.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class ScoresEvent(Rated):
    """``interview.scores``: the numbers of an evaluation."""


@attrs.frozen(kw_only=True, slots=False)
class EvaluationEvent(Rated):
    """``interview.evaluation``: the whole evaluation."""

    summary: str | None = field("A summary.", repr=False)
    recruiter_summary: RecruiterSummary | None = field("The evaluation in one sentence and one decision.")
    skills_assessment: tuple[SkillAssessment, ...] = field("The rating of each skill.", default=ABSENT)
    strengths_and_weaknesses: StrengthsAndWeaknesses | None = field("Points for and against the candidate.")
    red_flags: tuple[RedFlag, ...] = field("Warnings.", default=ABSENT)
    positive_signals: tuple[PositiveSignal, ...] = field("Good signs.", default=ABSENT)
    sentiment_analysis: SentimentAnalysis | None = field("The impression that the candidate made.")
    questions_asked: tuple[QuestionAsked, ...] = field("The questions and their answers.", default=ABSENT)
    meeting_statistics: MeetingStatistics | None = field("What was counted and measured.")
    next_steps: FollowUp | None = field("What to do next.")
    custom_question_responses: Any = field("The answers to your own questions.", repr=False, hash=False)


@attrs.frozen(kw_only=True, slots=False)
class InterviewerEvaluationEvent(Event):
    """``interview.interviewer_evaluation``: an assessment of the interviewer of a one-to-one human interview."""

    interviewer_evaluation: InterviewerEvaluation | None = field("The assessment.")
    analysis_meta: AnalysisMeta | None = field("How long the analysis took.")


@attrs.frozen(kw_only=True, slots=False)
class RecordingEvent(Event):
    """``interview.recording``: a recording."""

    duration: float | None = field("How long it is, in seconds.")
    format: str | None = field("The format of the file, such as mp4.")
    video_url: Secret | None = field("A pre-signed link to the video. It needs no key, and expires after 7 days.")
    video_api_url: str | None = field(
        "The address to store: it stays, needs the organization's key, and returns a description with a fresh link."
    )


@attrs.frozen(kw_only=True, slots=False)
class UnknownEvent(Event):
    """An event that this version does not know."""

    data: Mapping[str, Any] = attrs.field(
        factory=dict[str, Any], repr=False, hash=False, metadata=about("Everything that came with it.")
    )


_EVENTS: Final[Mapping[str, type[Event]]] = {
    "interview.transcript": TranscriptEvent,
    "interview.evaluation": EvaluationEvent,
    "interview.scores": ScoresEvent,
    "interview.interviewer_evaluation": InterviewerEvaluationEvent,
    "interview.recording": RecordingEvent,
}
# our own names, which data may have too
_RESERVED: Final = frozenset({"event", "idempotencyKey", "announcedAs", "data"})
_LONGEST_NAME: Final = 100
# Scores from 0 to 100 that come beside ``scores``: in the first form of the event, and where the vendor's sample reads
# them. Each is known by its name among the scores too.
_STRAY: Final = {"technical": "technicalSkills", "overallScore": "overall"} | {
    name: name for name in ("communication", "technicalSkills", "problemSolving", "cultureFit", "experienceMatch")
}
_FIRST_FORM: Final = {"overallRating": "overall"}  # in which the rating runs from 0 to 100


def read_event(body: bytes, /) -> Event:
    """Read a body that is known to be genuine, such as one that was stored after verification.

    Raises:
        MalformedEventError: The body is not UTF-8, not JSON, or not an event.
    """
    outcome = event_of(body)
    del body  # a traceback shows local variables
    if isinstance(outcome, str):
        raise MalformedEventError(outcome)
    return outcome


def event_of(body: bytes) -> Event | str:
    """Return the event in a body, or the reason why there is none, which quotes nothing of the body."""
    payload, problem = _json(body)
    if problem is not None:
        return problem
    if not isinstance(payload, dict):
        return "the body is JSON, but not an object"
    fields = cast("dict[str, Any]", payload)
    name, data = fields.get("event"), fields.get("data")
    if not isinstance(name, str) or not name:
        return "the body names no event"
    digest = hashlib.sha256(body).hexdigest()
    if isinstance(data, dict):
        return _event(name, cast("dict[str, Any]", data), digest, _STRAY)
    if data is None and "meetingCode" in fields:  # the first form, published until March 2026
        beside = {key: value for key, value in fields.items() if key not in {"event", "data"}}
        return _event(name, beside, digest, _STRAY | _FIRST_FORM)
    return "the body has no object named data"


def _json(body: bytes) -> tuple[Any, str | None]:
    try:
        return _STRICT.decode(body.decode()), None
    except RecursionError:
        return None, "the body is JSON that is nested too deeply"
    except UnicodeDecodeError:
        return None, "the body is not UTF-8"
    except ValueError:
        return None, "the body is not JSON"


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(constant)


# Not orjson: it changes integers above 64 bits, and an id may be one.
_STRICT: Final = json.JSONDecoder(parse_constant=_reject_constant)


def _event(name: str, data: dict[str, Any], digest: str, stray: Mapping[str, str]) -> Event | str:
    model = _EVENTS.get(name, UnknownEvent)
    payload, aside = _arranged(data, stray if issubclass(model, Rated) else {})
    try:
        event = structure(payload | {"event": name, "idempotencyKey": digest}, model)
    except StructureError as error:
        return f"{name[:_LONGEST_NAME]}: data.{error}"
    if isinstance(event, UnknownEvent):
        event = attrs.evolve(event, data=data)
    elif not event.meeting_code:
        return f"{name}: data.meetingCode is missing"
    return attrs.evolve(event, extra={**event.extra, **aside}) if aside else event


def _arranged(data: dict[str, Any], stray: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields under the names that are read, and those that only ``extra`` shows."""
    payload = {key: value for key, value in data.items() if key not in _RESERVED}
    aside = {key: data[key] for key in _RESERVED & data.keys()}
    if payload.get("recommendation") is None and "overallRecommendation" in payload:
        payload["recommendation"] = payload.pop("overallRecommendation")
    for key in [key for key in stray if key in payload]:
        value, scores = payload.pop(key), payload.get("scores")
        known = cast("dict[str, Any]", {} if scores is None else scores)
        if type(value) in {int, float} and type(known) is dict and known.get(stray[key]) is None:
            payload["scores"] = {**known, stray[key]: value}
        elif value is not None:
            aside[key] = value
    return payload, aside
