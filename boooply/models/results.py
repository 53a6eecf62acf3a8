"""Results of an interview: recording, transcript and evaluation."""

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
    """The description of a recording. To download it, call ``interviews.download_recording``."""

    duration: float | None = field("The duration of the recording, in seconds.")
    format: str | None = field("The format of the file, such as mp4.")
    created_at: datetime | None = field("When the recording was made.")
    video_url: Secret | None = field("A pre-signed link to the video, which needs no key. It expires after 7 days.")
    video_api_url: str | None = field(
        "A permanent URL, which needs the organization's key and returns this description with a fresh video_url. If "
        "you store a URL, store this one."
    )


@attrs.frozen(kw_only=True, slots=False)
class TranscriptEntry(ResponseModel):
    """An entry of a transcript.

    Entries of AI interviews have ``timestamp``. Entries of human and team meetings have ``start_ms``, ``end_ms`` and
    ``confidence``.
    """

    id: str | None = field("The ID of the entry. The API may leave it out for AI interviews.")
    speaker: str | None = field("The name of the speaker.")
    role: SpeakerRole | str | None = field("The speaker's role.")
    content: str = field("What was said.", default="", repr=False)
    timestamp: datetime | str | None = field("When it was said.")
    start_ms: int | None = field("The start, in milliseconds from the start of the recording.")
    end_ms: int | None = field("The end, in milliseconds from the start of the recording.")
    confidence: float | None = field("The confidence of the transcription, 0-1.")


@attrs.frozen(kw_only=True, slots=False)
class QuestionEvaluation(ResponseModel):
    """The evaluation of the answer to one question."""

    question: str | None = field("The question.")
    score: float | None = field("The score of the answer, 0-100.")
    notes: str | None = field("Notes on the answer.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class CriterionScore(ResponseModel):
    """The score of one criterion of a rubric, with evidence."""

    score: float | None = field("The score, 1-5. None if the criterion was not assessed.")
    evidence_count: int | None = field("The number of quotes.")
    evidence_quotes: tuple[str, ...] = field("Quotes from the interview.", default=ABSENT, repr=False)
    confidence: float | str | None = field("The confidence of the score, such as HIGH. Its scale is not documented.")
    assessment_state: str | None = field("The state of the assessment, such as ASSESSED.")
    rating_label: str | None = field("The label of the score.")
    rationale: str | None = field("The reason for the score.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class Recommendations(ResponseModel):
    """Strengths, possible improvements and next steps."""

    strengths: tuple[str, ...] = field("What went well.", default=ABSENT)
    improvements: tuple[str, ...] = field("What could be better.", default=ABSENT)
    next_steps: tuple[str, ...] = field("What to do next.", default=ABSENT)


@attrs.frozen(kw_only=True, slots=False)
class MeetingStatistics(ResponseModel):
    """Statistics of an interview."""

    duration: float | None = field("The duration of the interview, in seconds.")
    turn_count: int | None = field("The number of speaker turns.")


@attrs.frozen(kw_only=True, slots=False)
class Evaluation(ResponseModel):
    """The evaluation of an interview.

    If the interview was created for a position with a rubric, ``by_criterion`` has a score for each criterion, and the
    scores of the five categories all equal ``overall_score``. Without a rubric, ``by_criterion`` is None.
    """

    recommendation: Recommendation | str | None = field("The recommendation of the analysis.")
    overall_score: float | None = field(
        "The overall score, 0-100. Boooply documents a score for every evaluation, so None is unexpected: the response "
        "had no valid score."
    )
    communication: float | None = field("The score for communication, 0-100.")
    technical: float | None = field("The score for technical skills, 0-100.")
    culture_fit: float | None = field("The score for cultural fit, 0-100.")
    problem_solving: float | None = field("The score for problem solving, 0-100.")
    experience_match: float | None = field("The score for relevant experience, 0-100.")
    question_evaluations: tuple[QuestionEvaluation, ...] = field("The evaluation of each answer.", default=ABSENT)
    by_criterion: Mapping[str, CriterionScore] | None = field(
        "With a rubric, the score of each criterion, by the name of the criterion.", hash=False
    )
    must_haves_met: Any = field("With a rubric, whether the must-haves are met.", hash=False)
    overall_confidence: float | str | None = field(
        "With a rubric, the confidence of the evaluation, such as MEDIUM. Its scale is not documented."
    )
    ai_recommendation: AIRecommendation | str | None = field("With a rubric, the recommendation of the analysis.")
    rubric_snapshot: Any = field("With a rubric, the rubric at the time of the evaluation.", repr=False, hash=False)
    ai_summary: Any = field("A summary of the interview.", repr=False, hash=False)
    recommendations: Recommendations | None = field("Strengths, possible improvements and next steps.")
    meeting_statistics: MeetingStatistics | None = field("Statistics of the interview.")
    raw_analysis: Mapping[str, Any] | None = field(
        "The analysis in the API's own format. In it, overallRating is 1-5, and scores are 0-100.",
        repr=False,
        hash=False,
    )
    interviewer_evaluation: InterviewerEvaluation | None = field(
        "The assessment of the interviewer. Only for human interviews with one candidate, and only visible to owners "
        "and admins."
    )


@attrs.frozen(kw_only=True, slots=False)
class AnalysisJob(ResponseModel):
    """A queued analysis, which runs in the background."""

    queued: bool = field("Whether the analysis is queued.", default=False)
    job_id: str | None = field("The ID of the job.")
