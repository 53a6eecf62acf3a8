"""Assessments of an interviewer."""

import attrs

from boooply.models.enums import ConfidenceLevel
from boooply.models.response import ABSENT, ResponseModel, field


@attrs.frozen(kw_only=True, slots=False)
class QuestionQuality(ResponseModel):
    """An assessment of an interviewer's questions."""

    rating: float | None = field("The rating of the questions, 1-5.")
    open_ended_count: int | None = field("The number of open questions.")
    closed_ended_count: int | None = field("The number of closed questions.")
    leading_questions_count: int | None = field("The number of leading questions.")
    technical_depth: str | None = field("The technical depth of the questions, such as DEEP.")
    topic_coverage: str | None = field("The coverage of the topics, such as COMPREHENSIVE.")
    best_question: str | None = field("The best question.", repr=False)
    worst_question: str | None = field("The worst question.", repr=False)
    evidence: str | None = field("What the rating is based on.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class BiasAssessment(ResponseModel):
    """An assessment of an interviewer's fairness."""

    rating: float | None = field("The rating of the interviewer's fairness, 1-5.")
    identified_biases: tuple[str, ...] = field("The biases that were found.", default=ABSENT, repr=False)
    evidence: str | None = field("What the rating is based on.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class TimeManagement(ResponseModel):
    """An assessment of how an interviewer used the time."""

    rating: float | None = field("The rating of the time management, 1-5.")
    is_interviewer_dominant: bool | None = field("Whether the interviewer spoke too much.")
    rushed_topics: tuple[str, ...] = field("Topics that got too little time.", default=ABSENT)
    missed_topics: tuple[str, ...] = field("Topics that were missed.", default=ABSENT)


@attrs.frozen(kw_only=True, slots=False)
class CandidateExperience(ResponseModel):
    """An assessment of how an interviewer treated the candidate."""

    rating: int | None = field("The rating of the candidate's experience, 1-5.")
    welcoming_and_rapport: int | None = field("The rating of the welcome, 1-5.")
    clear_expectation_setting: int | None = field("The rating of how clearly expectations were set, 1-5.")
    active_listening: int | None = field("The rating of the active listening, 1-5.")
    appropriate_follow_ups: int | None = field("The rating of the follow-up questions, 1-5.")
    closing_and_next_steps: int | None = field("The rating of the closing, 1-5.")


@attrs.frozen(kw_only=True, slots=False)
class ProfessionalConduct(ResponseModel):
    """An assessment of an interviewer's conduct."""

    rating: float | None = field("The rating of the conduct, 1-5. At most 2 if a question is a legal risk.")
    inappropriate_questions: tuple[str, ...] = field("The inappropriate questions.", default=ABSENT, repr=False)
    legal_risk_questions: tuple[str, ...] = field("The questions that are a legal risk.", default=ABSENT, repr=False)


@attrs.frozen(kw_only=True, slots=False)
class InterviewerEvaluation(ResponseModel):
    """An assessment of the interviewer.

    It exists for human interviews with one candidate, and only owners and admins can read it.
    """

    overall_rating: float | None = field("The overall rating, 1-5. None if the confidence is LOW.")
    overall_summary: str | None = field("A summary.", repr=False)
    confidence_level: ConfidenceLevel | str | None = field("The confidence of the assessment.")
    confidence_reasoning: str | None = field("The reason for the confidence level.", repr=False)
    question_quality: QuestionQuality | None = field("The assessment of the questions.", repr=False)
    bias_assessment: BiasAssessment | None = field("The assessment of the fairness.", repr=False)
    time_management: TimeManagement | None = field("The assessment of the time management.", repr=False)
    candidate_experience: CandidateExperience | None = field(
        "The assessment of how the candidate was treated.", repr=False
    )
    professional_conduct: ProfessionalConduct | None = field("The assessment of the professional conduct.", repr=False)
    strengths: tuple[str, ...] = field("What went well.", default=ABSENT)
    improvements: tuple[str, ...] = field("What could be better.", default=ABSENT)
    coaching_recommendations: tuple[str, ...] = field("Recommendations for coaching the interviewer.", default=ABSENT)
