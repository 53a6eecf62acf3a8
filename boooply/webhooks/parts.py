"""Parts of events: assessments, ratings, and lines of a transcript (contract section 7).

What was said in an interview, and what was thought of it, is kept out of every ``repr``.
"""

from enum import StrEnum

import attrs

from boooply.models import ResponseModel
from boooply.models.response import ABSENT, field


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
    """What one person said."""

    speaker: str | None = field("The name of the speaker.")
    text: str = field("What was said.", default="", repr=False)
    start_ms: int | None = field("When it begins, in milliseconds from the start.")
    end_ms: int | None = field(
        "When it ends, in milliseconds from the start. Lines of the AI have none, and others of AI interviews may not."
    )


@attrs.frozen(kw_only=True, slots=False)
class EventScores(ResponseModel):
    """The scores of an evaluation."""

    overall: float | None = field("The overall score, 0-100.")
    communication: float | None = field("The score for communication, 0-100.")
    technical_skills: float | None = field("The score for technical skills, 0-100.")
    problem_solving: float | None = field("The score for problem solving, 0-100.")
    culture_fit: float | None = field("The score for cultural fit, 0-100.")
    experience_match: float | None = field("The score for experience that matches the role, 0-100.")


@attrs.frozen(kw_only=True, slots=False)
class RecruiterSummary(ResponseModel):
    """An evaluation in one sentence and one decision."""

    tldr: str | None = field("The evaluation in one sentence.", repr=False)
    quick_decision: QuickDecision | str | None = field("The advice for a recruiter in a hurry.")


@attrs.frozen(kw_only=True, slots=False)
class RecruiterRatings(ResponseModel):
    """Four of the scores once more (``ratingsForRecruiters``)."""

    technical_skills: float | None = field("The score for technical skills, 0-100.")
    communication: float | None = field("The score for communication, 0-100.")
    culture_fit: float | None = field("The score for cultural fit, 0-100.")
    overall: float | None = field("The overall score, 0-100.")


@attrs.frozen(kw_only=True, slots=False)
class SkillAssessment(ResponseModel):
    """The rating of one skill, with the evidence for it."""

    skill: str | None = field("The skill.")
    rating: float | None = field("The rating of the skill, 1-5.")
    evidence: str | None = field("The evidence for the rating.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class Point(ResponseModel):
    """One point, with the evidence for it."""

    point: str | None = field("The point.", repr=False)
    evidence: str | None = field("The evidence for it.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class StrengthsAndWeaknesses(ResponseModel):
    """Points for and against a candidate."""

    strengths: tuple[Point, ...] = field("Points for the candidate.", default=ABSENT)
    weaknesses: tuple[Point, ...] = field("Points against the candidate.", default=ABSENT)


@attrs.frozen(kw_only=True, slots=False)
class RedFlag(ResponseModel):
    """A warning, and where it came up."""

    flag: str | None = field("The warning.", repr=False)
    severity: Severity | str | None = field("How severe it is.")
    context: str | None = field("Where it came up.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class PositiveSignal(ResponseModel):
    """A good sign, and where it came up."""

    signal: str | None = field("The good sign.", repr=False)
    context: str | None = field("Where it came up.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class SentimentAnalysis(ResponseModel):
    """The impression that a candidate made."""

    enthusiasm: str | None = field("How enthusiastic the candidate was, such as HIGH.")
    authenticity: str | None = field("How genuine the candidate was, such as GENUINE.")
    stress_level: str | None = field("How stressed the candidate was, such as LOW.")


@attrs.frozen(kw_only=True, slots=False)
class QuestionAsked(ResponseModel):
    """A question and its answer."""

    topic: str | None = field("The topic of the question.")
    question: str | None = field("The question.", repr=False)
    candidate_answer: str | None = field("The candidate's answer.", repr=False)
    answer_quality: float | None = field("The rating of the answer, 1-5.")
    timestamp: str | None = field("When it was asked, in minutes and seconds from the start: MM:SS.")


@attrs.frozen(kw_only=True, slots=False)
class FollowUp(ResponseModel):
    """What to do next (``nextSteps``)."""

    recommendation: str | None = field("The next step.")
    questions_to_ask: tuple[str, ...] = field("Questions for the next round.", default=ABSENT, repr=False)
    focus_areas_for_next_round: tuple[str, ...] = field("Topics of the next round.", default=ABSENT, repr=False)


@attrs.frozen(kw_only=True, slots=False)
class AnalysisMeta(ResponseModel):
    """The time that an analysis took."""

    duration_ms: float | None = field("How long the analysis took, in milliseconds.")
