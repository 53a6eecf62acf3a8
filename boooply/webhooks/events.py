"""Event classes, and the conversion of a signed body to an event."""

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
    """An event of an interview, verified by ``Webhook.verify``."""

    event: str = field("The name of the event, such as interview.scores.", default="")
    idempotency_key: str = field(
        "The digest of the signed body: the same for each delivery of an event, another after a new analysis.",
        default="",
    )
    announced_as: str | None = field(
        "The name in the header X-Boooply-Event, if it differs. Trust event, which is signed."
    )
    meeting_code: str = field(
        "The meeting code of the interview. Empty only for an UnknownEvent without one.", default=""
    )
    title: str | None = field("The title of the interview.")
    meeting_type: MeetingType | str | None = field("Who leads the interview: the AI or people.")
    is_team_meeting: bool | None = field("Whether the interview is a team meeting.")
    candidate_name: str | None = field("The candidate's name.", repr=False)
    job_role: str | None = field("The role to fill.")
    source: str | None = field("The name of the customer's organization.")
    source_id: str | None = field(
        "Your own ID of the customer: route events by it. None for interviews that were created in the dashboard."
    )
    source_platform: str | None = field("The name of your platform, as set when the platform key was created.")
    participants: tuple[InterviewParticipant, ...] = field("The participants.", default=ABSENT, repr=False)
    timestamp: datetime | None = field("When the event was sent, according to the signed body.")


@attrs.frozen(kw_only=True, slots=False)
class TranscriptEvent(Event):
    """``interview.transcript``: the transcript of an interview."""

    transcript: tuple[TranscriptLine, ...] = field("The lines of the transcript.", default=ABSENT, repr=False)
    transcript_count: int | None = field("The number of lines.")


@attrs.frozen(kw_only=True, slots=False)
class Rated(Event):
    """The fields that evaluation and scores events share."""

    overall_rating: float | None = field(
        "The overall rating, 1-5. None in the oldest format of webhooks, which has only scores."
    )
    recommendation: OverallRecommendation | str | None = field("The recommendation of the analysis.")
    confidence_level: ConfidenceLevel | str | None = field("The confidence of the analysis.")
    scores: EventScores | None = field("The scores, 0-100.")
    ratings_for_recruiters: RecruiterRatings | None = field("Four of the scores, repeated for recruiters, 0-100.")
    one_line_summary: str | None = field("A summary in one line.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class ScoresEvent(Rated):
    """``interview.scores``: the numbers of an evaluation."""


@attrs.frozen(kw_only=True, slots=False)
class EvaluationEvent(Rated):
    """``interview.evaluation``: the whole evaluation."""

    summary: str | None = field("A summary.", repr=False)
    recruiter_summary: RecruiterSummary | None = field("A one-sentence summary and a recommended decision.")
    skills_assessment: tuple[SkillAssessment, ...] = field("The rating of each skill.", default=ABSENT)
    strengths_and_weaknesses: StrengthsAndWeaknesses | None = field("The strengths and weaknesses of the candidate.")
    red_flags: tuple[RedFlag, ...] = field("Warning signs.", default=ABSENT)
    positive_signals: tuple[PositiveSignal, ...] = field("Positive signs.", default=ABSENT)
    sentiment_analysis: SentimentAnalysis | None = field("The mood of the candidate, as the analysis perceived it.")
    questions_asked: tuple[QuestionAsked, ...] = field("The questions, with the candidate's answers.", default=ABSENT)
    meeting_statistics: MeetingStatistics | None = field("Statistics of the interview.")
    next_steps: FollowUp | None = field("The recommended next steps.")
    custom_question_responses: Any = field("The answers to your own questions.", repr=False, hash=False)


@attrs.frozen(kw_only=True, slots=False)
class InterviewerEvaluationEvent(Event):
    """``interview.interviewer_evaluation``: the assessment of the interviewer of a human interview."""

    interviewer_evaluation: InterviewerEvaluation | None = field("The assessment.")
    analysis_meta: AnalysisMeta | None = field("The duration of the analysis.")


@attrs.frozen(kw_only=True, slots=False)
class RecordingEvent(Event):
    """``interview.recording``: the recording of an interview."""

    duration: float | None = field("The duration of the recording, in seconds.")
    format: str | None = field("The format of the file, such as mp4.")
    video_url: Secret | None = field("A pre-signed link to the video, which needs no key. It expires after 7 days.")
    video_api_url: str | None = field(
        "A permanent URL, which needs the organization's key and returns a description with a fresh video_url. If you "
        "store a URL, store this one."
    )


@attrs.frozen(kw_only=True, slots=False)
class UnknownEvent(Event):
    """An event that this version of the package does not know."""

    data: Mapping[str, Any] = attrs.field(
        factory=dict[str, Any],
        repr=False,
        hash=False,
        metadata=about("All data of the event, by the names in the API."),
    )


_EVENTS: Final[Mapping[str, type[Event]]] = {
    "interview.transcript": TranscriptEvent,
    "interview.evaluation": EvaluationEvent,
    "interview.scores": ScoresEvent,
    "interview.interviewer_evaluation": InterviewerEvaluationEvent,
    "interview.recording": RecordingEvent,
}
# names of our own fields, which the data may contain too
_RESERVED: Final = frozenset({"event", "idempotencyKey", "announcedAs", "data"})
_LONGEST_NAME: Final = 100
# Scores from 0 to 100 outside ``scores``: in the oldest format of the event, and where a sample of the vendor reads
# them. Each with its name in ``scores``.
_STRAY: Final = {"technical": "technicalSkills", "overallScore": "overall"} | {
    name: name for name in ("communication", "technicalSkills", "problemSolving", "cultureFit", "experienceMatch")
}
_FIRST_FORM: Final = {"overallRating": "overall"}  # here the rating is 0-100


def read_event(body: bytes, /) -> Event:
    """Return the event in a body that has already been verified, for example before it was stored.

    Args:
        body: The raw body of the webhook.

    Raises:
        MalformedEventError: The body is not UTF-8, not JSON, or not an event.
    """
    outcome = event_of(body)
    del body  # a traceback shows local variables
    if isinstance(outcome, str):
        raise MalformedEventError(outcome)
    return outcome


def event_of(body: bytes) -> Event | str:
    """Return the event in a body, or the reason why there is none. The reason quotes no part of the body."""
    payload, problem = _json(body)
    if problem is not None:
        return problem
    if not isinstance(payload, dict):
        return "the body is JSON, but not an object"
    fields = cast("dict[str, Any]", payload)
    name, data = fields.get("event"), fields.get("data")
    if not isinstance(name, str) or not name:
        return "the body has no event name"
    digest = hashlib.sha256(body).hexdigest()
    if isinstance(data, dict):
        return _event(name, cast("dict[str, Any]", data), digest, _STRAY)
    if data is None and "meetingCode" in fields:  # the oldest format, documented until March 2026
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


# Not orjson, which changes integers of more than 64 bits: an ID may be one.
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
    """Return the fields under the names that the models read, and the fields for ``extra``."""
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
