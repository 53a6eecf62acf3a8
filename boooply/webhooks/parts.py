"""Parts of events: assessments, ratings, and lines of a transcript.

No ``repr`` shows what was said in an interview, or how it was judged.
"""

from enum import StrEnum

import attrs

from boooply.models import ResponseModel
from boooply.models.response import ABSENT, field


class OverallRecommendation(StrEnum):
    """The recommendation of an evaluation event, in finer steps than ``Recommendation``."""

    STRONG_PASS = "STRONG_PASS"  # noqa: S105 - a verdict, not a password
    """Continue with the candidate, with strong conviction."""
    PASS = "PASS"  # noqa: S105 - the same
    """Continue with the candidate."""
    REVIEW = "REVIEW"
    """A person must decide."""
    FAIL = "FAIL"
    """Do not continue with the candidate."""
    STRONG_FAIL = "STRONG_FAIL"
    """Do not continue with the candidate, with strong conviction."""


class QuickDecision(StrEnum):
    """The recommended decision at a glance."""

    ADVANCE = "ADVANCE"
    """Invite the candidate to the next round."""
    HOLD = "HOLD"
    """Decide later."""
    REJECT = "REJECT"
    """Reject the candidate."""


class Severity(StrEnum):
    """The severity of a red flag."""

    CRITICAL = "CRITICAL"
    """May exclude the candidate."""
    WARNING = "WARNING"
    """Look into it."""


@attrs.frozen(kw_only=True, slots=False)
class TranscriptLine(ResponseModel):
    """A line of a transcript."""

    speaker: str | None = field("The name of the speaker.")
    text: str = field("What was said.", default="", repr=False)
    start_ms: int | None = field("The start of the line, in milliseconds from the start of the interview.")
    end_ms: int | None = field(
        "The end of the line, in milliseconds from the start of the interview. None for lines of the AI, and sometimes "
        "for other lines of AI interviews."
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
    """A one-sentence summary and a recommended decision."""

    tldr: str | None = field("A summary in one sentence.", repr=False)
    quick_decision: QuickDecision | str | None = field("The recommended decision.")


@attrs.frozen(kw_only=True, slots=False)
class RecruiterRatings(ResponseModel):
    """Four of the scores, repeated for recruiters (``ratingsForRecruiters`` in the API)."""

    technical_skills: float | None = field("The score for technical skills, 0-100.")
    communication: float | None = field("The score for communication, 0-100.")
    culture_fit: float | None = field("The score for cultural fit, 0-100.")
    overall: float | None = field("The overall score, 0-100.")


@attrs.frozen(kw_only=True, slots=False)
class SkillAssessment(ResponseModel):
    """The rating of one skill, with evidence."""

    skill: str | None = field("The name of the skill.")
    rating: float | None = field("The rating of the skill, 1-5.")
    evidence: str | None = field("What the rating is based on.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class Point(ResponseModel):
    """A strength or a weakness, with evidence."""

    point: str | None = field("The strength or weakness.", repr=False)
    evidence: str | None = field("What it is based on.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class StrengthsAndWeaknesses(ResponseModel):
    """The strengths and weaknesses of a candidate."""

    strengths: tuple[Point, ...] = field("The strengths.", default=ABSENT)
    weaknesses: tuple[Point, ...] = field("The weaknesses.", default=ABSENT)


@attrs.frozen(kw_only=True, slots=False)
class RedFlag(ResponseModel):
    """A warning sign, with its context."""

    flag: str | None = field("The warning sign.", repr=False)
    severity: Severity | str | None = field("The severity.")
    context: str | None = field("The context in which it appeared.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class PositiveSignal(ResponseModel):
    """A positive sign, with its context."""

    signal: str | None = field("The positive sign.", repr=False)
    context: str | None = field("The context in which it appeared.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class SentimentAnalysis(ResponseModel):
    """The mood of a candidate, as the analysis perceived it."""

    enthusiasm: str | None = field("The enthusiasm of the candidate, such as HIGH.")
    authenticity: str | None = field("The authenticity of the candidate, such as GENUINE.")
    stress_level: str | None = field("The stress level of the candidate, such as LOW.")


@attrs.frozen(kw_only=True, slots=False)
class QuestionAsked(ResponseModel):
    """A question, with the candidate's answer."""

    topic: str | None = field("The topic of the question.")
    question: str | None = field("The question.", repr=False)
    candidate_answer: str | None = field("The candidate's answer.", repr=False)
    answer_quality: float | None = field("The quality of the answer, 1-5.")
    timestamp: str | None = field(
        "When the question was asked, in minutes and seconds from the start of the interview: MM:SS."
    )


@attrs.frozen(kw_only=True, slots=False)
class FollowUp(ResponseModel):
    """The recommended next steps (``nextSteps`` in the API)."""

    recommendation: str | None = field("The recommended next step.")
    questions_to_ask: tuple[str, ...] = field("Questions to ask in the next round.", default=ABSENT, repr=False)
    focus_areas_for_next_round: tuple[str, ...] = field(
        "Topics to focus on in the next round.", default=ABSENT, repr=False
    )


@attrs.frozen(kw_only=True, slots=False)
class AnalysisMeta(ResponseModel):
    """The duration of an analysis."""

    duration_ms: float | None = field("The duration of the analysis, in milliseconds.")
