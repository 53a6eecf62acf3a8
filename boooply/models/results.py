"""Results of an interview: recording, transcript, evaluation (contract sections 5.4, 5.5 and 7.4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from boooply.models.enums import AIRecommendation, ConfidenceLevel, Recommendation, SpeakerRole
from boooply.models.response import ResponseModel
from boooply.secret import Secret


@attrs.frozen(kw_only=True, slots=False)
class Recording(ResponseModel):
    """A recording; ``duration`` is in seconds.

    ``video_url`` is pre-signed and expires after 7 days. ``video_api_url`` is stable and requires the organization's
    key.
    """

    duration: float | None = None
    format: str | None = None
    created_at: datetime | None = None
    video_url: Secret | None = None
    video_api_url: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class TranscriptEntry(ResponseModel):
    """What one person said at one time; ``content`` is kept out of the ``repr``.

    AI interviews have ``timestamp``; human and team meetings have ``start_ms``, ``end_ms`` and ``confidence``.
    """

    id: str | None = None
    speaker: str | None = None
    role: SpeakerRole | str | None = None
    content: str = attrs.field(default="", repr=False)
    timestamp: datetime | str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    confidence: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class QuestionEvaluation(ResponseModel):
    """The score of the answer to one question, from 0 to 100."""

    question: str | None = None
    score: float | None = None
    notes: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True, slots=False)
class CriterionScore(ResponseModel):
    """The score of one criterion of the rubric, from 1 to 5, with the evidence for it."""

    score: float | None = None
    evidence_count: int | None = None
    evidence_quotes: tuple[str, ...] = attrs.field(default=(), repr=False)
    confidence: float | str | None = None
    assessment_state: str | None = None
    rating_label: str | None = None
    rationale: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True, slots=False)
class Recommendations(ResponseModel):
    """Strengths, improvements, and next steps."""

    strengths: tuple[str, ...] = ()
    improvements: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, slots=False)
class MeetingStatistics(ResponseModel):
    """Statistics of a meeting; ``duration`` is in seconds."""

    duration: float | None = None
    turn_count: int | None = None


@attrs.frozen(kw_only=True, slots=False)
class InterviewerEvaluation(ResponseModel):
    """An assessment of the interviewer (one-to-one human interviews; for owners and admins only).

    ``overall_rating`` runs from 1 to 5 and is None if the confidence is ``LOW``. The assessments of single aspects are
    free-form (contract section 7.4 names their fields, not their types).
    """

    overall_rating: float | None = None
    overall_summary: str | None = attrs.field(default=None, repr=False)
    confidence_level: ConfidenceLevel | str | None = None
    confidence_reasoning: str | None = attrs.field(default=None, repr=False)
    question_quality: Mapping[str, Any] | None = attrs.field(default=None, repr=False, hash=False)
    bias_assessment: Mapping[str, Any] | None = attrs.field(default=None, repr=False, hash=False)
    time_management: Mapping[str, Any] | None = attrs.field(default=None, repr=False, hash=False)
    candidate_experience: Mapping[str, Any] | None = attrs.field(default=None, repr=False, hash=False)
    professional_conduct: Mapping[str, Any] | None = attrs.field(default=None, repr=False, hash=False)
    strengths: tuple[str, ...] = ()
    improvements: tuple[str, ...] = ()
    coaching_recommendations: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, slots=False)
class Evaluation(ResponseModel):
    """The result of analysing an interview; scores run from 0 to 100.

    With a rubric, ``by_criterion`` maps each criterion to its score from 1 to 5; without one, it is None.
    """

    recommendation: Recommendation | str | None = None
    overall_score: float | None = None
    communication: float | None = None
    technical: float | None = None
    culture_fit: float | None = None
    problem_solving: float | None = None
    experience_match: float | None = None
    question_evaluations: tuple[QuestionEvaluation, ...] = ()
    by_criterion: Mapping[str, CriterionScore] | None = attrs.field(default=None, hash=False)
    must_haves_met: Any = attrs.field(default=None, hash=False)
    overall_confidence: float | str | None = None
    ai_recommendation: AIRecommendation | str | None = None
    rubric_snapshot: Any = attrs.field(default=None, repr=False, hash=False)
    ai_summary: Any = attrs.field(default=None, repr=False, hash=False)
    recommendations: Recommendations | None = None
    meeting_statistics: MeetingStatistics | None = None
    raw_analysis: Mapping[str, Any] | None = attrs.field(default=None, repr=False, hash=False)
    interviewer_evaluation: InterviewerEvaluation | None = None


@attrs.frozen(kw_only=True, slots=False)
class AnalysisJob(ResponseModel):
    """An analysis that is queued; it runs in the background."""

    queued: bool = False
    job_id: str | None = None
