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
    """Something that happened to an interview.

    ``event`` is its name. Route it by ``source_id``, the platform's own id of the customer, which is None for
    interviews created in the dashboard. ``meeting_code`` is empty only for an unknown event that has none.
    ``timestamp`` is part of the signed body. ``idempotency_key`` is a digest of the signed body: the same for every
    delivery of one event, another for a re-analysis. ``announced_as`` is the name in the header ``X-Boooply-Event``, if
    that differs: the signed body wins.
    """

    event: str = ""
    idempotency_key: str = ""
    announced_as: str | None = None
    meeting_code: str = ""
    title: str | None = None
    meeting_type: MeetingType | str | None = None
    is_team_meeting: bool = False
    candidate_name: str | None = attrs.field(default=None, repr=False)
    job_role: str | None = None
    source: str | None = None
    source_id: str | None = None
    source_platform: str | None = None
    participants: tuple[InterviewParticipant, ...] = attrs.field(default=(), repr=False)
    timestamp: datetime | None = None


@attrs.frozen(kw_only=True, slots=False)
class TranscriptEvent(Event):
    """``interview.transcript``: what was said."""

    transcript: tuple[TranscriptLine, ...] = attrs.field(default=(), repr=False)
    transcript_count: int | None = None


@attrs.frozen(kw_only=True, slots=False)
class Rated(Event):
    """The fields of both evaluations and scores."""

    overall_rating: float | None = None
    recommendation: OverallRecommendation | str | None = None
    confidence_level: ConfidenceLevel | str | None = None
    scores: EventScores | None = None
    ratings_for_recruiters: RecruiterRatings | None = None
    one_line_summary: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True, slots=False)
class ScoresEvent(Rated):
    """``interview.scores``: the numbers of an evaluation; ``overall_rating`` runs from 1 to 5."""


@attrs.frozen(kw_only=True, slots=False)
class EvaluationEvent(Rated):
    """``interview.evaluation``: the whole evaluation; ``overall_rating`` runs from 1 to 5."""

    summary: str | None = attrs.field(default=None, repr=False)
    recruiter_summary: RecruiterSummary | None = None
    skills_assessment: tuple[SkillAssessment, ...] = ()
    strengths_and_weaknesses: StrengthsAndWeaknesses | None = None
    red_flags: tuple[RedFlag, ...] = ()
    positive_signals: tuple[PositiveSignal, ...] = ()
    sentiment_analysis: SentimentAnalysis | None = None
    questions_asked: tuple[QuestionAsked, ...] = ()
    meeting_statistics: MeetingStatistics | None = None
    next_steps: FollowUp | None = None
    custom_question_responses: Any = attrs.field(default=None, repr=False, hash=False)


@attrs.frozen(kw_only=True, slots=False)
class InterviewerEvaluationEvent(Event):
    """``interview.interviewer_evaluation``: an assessment of the interviewer of a one-to-one human interview."""

    interviewer_evaluation: InterviewerEvaluation | None = None
    analysis_meta: AnalysisMeta | None = None


@attrs.frozen(kw_only=True, slots=False)
class RecordingEvent(Event):
    """``interview.recording``: a recording; ``duration`` is in seconds.

    ``video_url`` is pre-signed and expires after 7 days. ``video_api_url`` is stable and requires the organization's
    key.
    """

    duration: float | None = None
    format: str | None = None
    video_url: Secret | None = None
    video_api_url: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class UnknownEvent(Event):
    """An event that this version does not know; ``data`` contains everything that came with it."""

    data: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, hash=False)


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
    if not isinstance(data, dict):
        return "the body has no object named data"
    return _event(name, cast("dict[str, Any]", data), hashlib.sha256(body).hexdigest())


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


def _event(name: str, data: dict[str, Any], digest: str) -> Event | str:
    model = _EVENTS.get(name, UnknownEvent)
    reserved = {key: data[key] for key in _RESERVED & data.keys()}
    payload = {key: value for key, value in data.items() if key not in reserved} if reserved else dict(data)
    if payload.get("recommendation") is None and "overallRecommendation" in payload:
        payload["recommendation"] = payload.pop("overallRecommendation")
    try:
        event = structure(payload | {"event": name, "idempotencyKey": digest}, model)
    except StructureError as error:
        return f"{name[:_LONGEST_NAME]}: data.{error}"
    if isinstance(event, UnknownEvent):
        event = attrs.evolve(event, data=data)
    elif not event.meeting_code:
        return f"{name}: data.meetingCode is missing"
    return attrs.evolve(event, extra={**event.extra, **reserved}) if reserved else event
