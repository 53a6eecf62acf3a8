"""Results of an interview: recording, transcript, evaluation (contract sections 5.4 and 5.5)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from boooply.models.enums import AIRecommendation, Recommendation, SpeakerRole
from boooply.models.interviewers import InterviewerEvaluation
from boooply.models.response import ABSENT, ResponseModel, field
from boooply.secret import Secret


@attrs.frozen(kw_only=True, slots=False)
class Recording(ResponseModel):
    """A recording of an interview; ``interviews.download_recording`` writes it into a file."""

    duration: float | None = field("How long it is, in seconds.")
    format: str | None = field("The format of the file, such as mp4.")
    created_at: datetime | None = field("When it was made.")
    video_url: Secret | None = field("A pre-signed link to the video. It needs no key, and expires after 7 days.")
    video_api_url: str | None = field(
        "The address to store: it stays, needs the organization's key, and returns this description with a fresh link."
    )


@attrs.frozen(kw_only=True, slots=False)
class TranscriptEntry(ResponseModel):
    """What one person said at one time.

    AI interviews have ``timestamp``; human and team meetings have ``start_ms``, ``end_ms`` and ``confidence``.
    """

    id: str | None = field("Its id, which the API leaves out of some AI interviews.")
    speaker: str | None = field("The name of the speaker.")
    role: SpeakerRole | str | None = field("The speaker's role.")
    content: str = field("What was said.", default="", repr=False)
    timestamp: datetime | str | None = field("When it was said.")
    start_ms: int | None = field("When it begins, in milliseconds from the start of the recording.")
    end_ms: int | None = field("When it ends, in milliseconds from the start of the recording.")
    confidence: float | None = field("How sure the transcription is, 0-1.")


@attrs.frozen(kw_only=True, slots=False)
class QuestionEvaluation(ResponseModel):
    """The score of the answer to one question."""

    question: str | None = field("The question.")
    score: float | None = field("The score of the answer, 0-100.")
    notes: str | None = field("Remarks on the answer.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class CriterionScore(ResponseModel):
    """The score of one criterion of the rubric, with the evidence for it."""

    score: float | None = field("The score, 1-5. None if the criterion was not assessed.")
    evidence_count: int | None = field("The number of quotes.")
    evidence_quotes: tuple[str, ...] = field("Quotes of what was said.", default=ABSENT, repr=False)
    confidence: float | str | None = field("How sure the score is, such as HIGH. Its scale is not documented.")
    assessment_state: str | None = field("Whether the criterion was assessed, such as ASSESSED.")
    rating_label: str | None = field("The score in words.")
    rationale: str | None = field("The reason for the score.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class Recommendations(ResponseModel):
    """Strengths, improvements, and next steps."""

    strengths: tuple[str, ...] = field("What went well.", default=ABSENT)
    improvements: tuple[str, ...] = field("What could be better.", default=ABSENT)
    next_steps: tuple[str, ...] = field("What to do next.", default=ABSENT)


@attrs.frozen(kw_only=True, slots=False)
class MeetingStatistics(ResponseModel):
    """Statistics of a meeting."""

    duration: float | None = field("How long it lasted, in seconds.")
    turn_count: int | None = field("The number of times that somebody began to speak.")


@attrs.frozen(kw_only=True, slots=False)
class Evaluation(ResponseModel):
    """The result of analysing an interview.

    With a rubric, the scores of the five categories equal ``overall_score``, and ``by_criterion`` has the scores that
    differ; without one, it is None.
    """

    recommendation: Recommendation | str | None = field("The advice of the analysis.")
    overall_score: float | None = field("The overall score, 0-100.")
    communication: float | None = field("The score for communication, 0-100.")
    technical: float | None = field("The score for technical skills, 0-100.")
    culture_fit: float | None = field("The score for cultural fit, 0-100.")
    problem_solving: float | None = field("The score for problem solving, 0-100.")
    experience_match: float | None = field("The score for experience that matches the role, 0-100.")
    question_evaluations: tuple[QuestionEvaluation, ...] = field("The score of each answer.", default=ABSENT)
    by_criterion: Mapping[str, CriterionScore] | None = field("With a rubric, the score of each criterion.", hash=False)
    must_haves_met: Any = field("With a rubric, whether its must-haves are met.", hash=False)
    overall_confidence: float | str | None = field(
        "With a rubric, how sure the evaluation is, such as MEDIUM. Its scale is not documented."
    )
    ai_recommendation: AIRecommendation | str | None = field("With a rubric, the advice of the analysis in its terms.")
    rubric_snapshot: Any = field("The rubric as it was at the time.", repr=False, hash=False)
    ai_summary: Any = field("A summary of the interview.", repr=False, hash=False)
    recommendations: Recommendations | None = field("What went well, what could be better, and what to do next.")
    meeting_statistics: MeetingStatistics | None = field("What was counted and measured.")
    raw_analysis: Mapping[str, Any] | None = field(
        "The analysis in the vendor's own form. In it, overallRating is 1-5 and scores are 0-100.",
        repr=False,
        hash=False,
    )
    interviewer_evaluation: InterviewerEvaluation | None = field(
        "An assessment of the interviewer of a one-to-one human interview, which owners and admins see."
    )


@attrs.frozen(kw_only=True, slots=False)
class AnalysisJob(ResponseModel):
    """An analysis that is queued; it runs in the background."""

    queued: bool = field("Whether it is queued.", default=False)
    job_id: str | None = field("Its id.")
