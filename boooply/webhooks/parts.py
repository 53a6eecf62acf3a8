"""Parts of events: assessments, ratings, and lines of a transcript (contract section 7).

What was said in an interview, and what was thought of it, is kept out of every ``repr``.
"""

from enum import StrEnum

import attrs

from boooply.models import ResponseModel


class OverallRecommendation(StrEnum):
    """The recommendation of an evaluation event, in finer steps than that of the API call."""

    STRONG_PASS = "STRONG_PASS"  # noqa: S105 - a verdict, not a password
    PASS = "PASS"  # noqa: S105 - the same
    REVIEW = "REVIEW"
    FAIL = "FAIL"
    STRONG_FAIL = "STRONG_FAIL"


class QuickDecision(StrEnum):
    """The advice for a recruiter in a hurry."""

    ADVANCE = "ADVANCE"
    HOLD = "HOLD"
    REJECT = "REJECT"


class Severity(StrEnum):
    """The severity of a red flag."""

    CRITICAL = "CRITICAL"
    WARNING = "WARNING"


@attrs.frozen(kw_only=True, slots=False)
class TranscriptLine(ResponseModel):
    """What one person said; AI interviews have no ``end_ms``."""

    speaker: str | None = None
    text: str = attrs.field(default="", repr=False)
    start_ms: int | None = None
    end_ms: int | None = None


@attrs.frozen(kw_only=True, slots=False)
class EventScores(ResponseModel):
    """The scores of an evaluation, from 0 to 100."""

    overall: float | None = None
    communication: float | None = None
    technical_skills: float | None = None
    problem_solving: float | None = None
    culture_fit: float | None = None
    experience_match: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class RecruiterSummary(ResponseModel):
    """An evaluation in one sentence and one decision."""

    tldr: str | None = attrs.field(default=None, repr=False)
    quick_decision: QuickDecision | str | None = None


@attrs.frozen(kw_only=True, slots=False)
class RecruiterRatings(ResponseModel):
    """Ratings of a candidate for recruiters (``ratingsForRecruiters``)."""

    technical_skills: float | str | None = None
    communication: float | str | None = None
    culture_fit: float | str | None = None
    overall: float | str | None = None


@attrs.frozen(kw_only=True, slots=False)
class SkillAssessment(ResponseModel):
    """The rating of one skill, with the evidence for it."""

    skill: str | None = None
    rating: float | str | None = None
    evidence: str | tuple[str, ...] | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True, slots=False)
class Point(ResponseModel):
    """One point, with the evidence for it."""

    point: str | None = attrs.field(default=None, repr=False)
    evidence: str | tuple[str, ...] | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True, slots=False)
class StrengthsAndWeaknesses(ResponseModel):
    """Points for and against a candidate."""

    strengths: tuple[Point, ...] = ()
    weaknesses: tuple[Point, ...] = ()


@attrs.frozen(kw_only=True, slots=False)
class RedFlag(ResponseModel):
    """A warning, and where it came up."""

    flag: str | None = attrs.field(default=None, repr=False)
    severity: Severity | str | None = None
    context: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True, slots=False)
class PositiveSignal(ResponseModel):
    """A good sign, and where it came up."""

    signal: str | None = attrs.field(default=None, repr=False)
    context: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True, slots=False)
class SentimentAnalysis(ResponseModel):
    """The impression that a candidate made."""

    enthusiasm: float | str | None = None
    authenticity: float | str | None = None
    stress_level: float | str | None = None


@attrs.frozen(kw_only=True, slots=False)
class QuestionAsked(ResponseModel):
    """A question and its answer; ``answer_quality`` runs from 1 to 5, ``timestamp`` is ``MM:SS``."""

    topic: str | None = None
    question: str | None = attrs.field(default=None, repr=False)
    candidate_answer: str | None = attrs.field(default=None, repr=False)
    answer_quality: float | None = None
    timestamp: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class FollowUp(ResponseModel):
    """What to do next (``nextSteps``)."""

    recommendation: str | None = None
    questions_to_ask: tuple[str, ...] = attrs.field(default=(), repr=False)
    focus_areas_for_next_round: tuple[str, ...] = attrs.field(default=(), repr=False)


@attrs.frozen(kw_only=True, slots=False)
class AnalysisMeta(ResponseModel):
    """The time that an analysis took."""

    duration_ms: float | None = None
