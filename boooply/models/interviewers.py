"""Assessments of an interviewer (contract section 7.4)."""

import attrs

from boooply.models.enums import ConfidenceLevel
from boooply.models.response import ABSENT, ResponseModel, field


@attrs.frozen(kw_only=True, slots=False)
class QuestionQuality(ResponseModel):
    """An assessment of an interviewer's questions."""

    rating: float | None = field("The rating of the questions, 1-5.")
    open_ended_count: int | None = field("The number of open questions.")
    closed_ended_count: int | None = field("The number of closed questions.")
    leading_questions_count: int | None = field("The number of questions that suggest an answer.")
    technical_depth: str | None = field("How deep they go, such as DEEP.")
    topic_coverage: str | None = field("How much they cover, such as COMPREHENSIVE.")
    best_question: str | None = field("The best question.", repr=False)
    worst_question: str | None = field("The worst question.", repr=False)
    evidence: str | None = field("The evidence for the rating.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class BiasAssessment(ResponseModel):
    """An assessment of an interviewer's fairness."""

    rating: float | None = field("The rating of the fairness, 1-5.")
    identified_biases: tuple[str, ...] = field("The biases that were found.", default=ABSENT, repr=False)
    evidence: str | None = field("The evidence for the rating.", repr=False)


@attrs.frozen(kw_only=True, slots=False)
class TimeManagement(ResponseModel):
    """An assessment of how an interviewer used the time."""

    rating: float | None = field("The rating of the use of time, 1-5.")
    is_interviewer_dominant: bool | None = field("Whether the interviewer spoke too much.")
    rushed_topics: tuple[str, ...] = field("Topics that got too little time.", default=ABSENT)
    missed_topics: tuple[str, ...] = field("Topics that were left out.", default=ABSENT)


@attrs.frozen(kw_only=True, slots=False)
class CandidateExperience(ResponseModel):
    """An assessment of how an interviewer treated the candidate."""

    rating: int | None = field("The rating of the candidate's experience, 1-5.")
    welcoming_and_rapport: int | None = field("The rating of the welcome, 1-5.")
    clear_expectation_setting: int | None = field("The rating of how clear the expectations were, 1-5.")
    active_listening: int | None = field("The rating of the listening, 1-5.")
    appropriate_follow_ups: int | None = field("The rating of the follow-up questions, 1-5.")
    closing_and_next_steps: int | None = field("The rating of the closing, 1-5.")


@attrs.frozen(kw_only=True, slots=False)
class ProfessionalConduct(ResponseModel):
    """An assessment of an interviewer's conduct."""

    rating: float | None = field("The rating of the conduct, 1-5; at most 2 if a question is a legal risk.")
    inappropriate_questions: tuple[str, ...] = field("Inappropriate questions.", default=ABSENT, repr=False)
    legal_risk_questions: tuple[str, ...] = field("Questions that are a legal risk.", default=ABSENT, repr=False)


@attrs.frozen(kw_only=True, slots=False)
class InterviewerEvaluation(ResponseModel):
    """An assessment of the interviewer (one-to-one human interviews; for owners and admins only)."""

    overall_rating: float | None = field("The overall rating, 1-5. None if the confidence is LOW.")
    overall_summary: str | None = field("A summary.", repr=False)
    confidence_level: ConfidenceLevel | str | None = field("How sure the assessment is.")
    confidence_reasoning: str | None = field("Why it is as sure as that.", repr=False)
    question_quality: QuestionQuality | None = field("How good the questions were.", repr=False)
    bias_assessment: BiasAssessment | None = field("How fair the interviewer was.", repr=False)
    time_management: TimeManagement | None = field("How the time was used.", repr=False)
    candidate_experience: CandidateExperience | None = field("How the candidate was treated.", repr=False)
    professional_conduct: ProfessionalConduct | None = field("How professional the interviewer was.", repr=False)
    strengths: tuple[str, ...] = field("What went well.", default=ABSENT)
    improvements: tuple[str, ...] = field("What could be better.", default=ABSENT)
    coaching_recommendations: tuple[str, ...] = field("What the interviewer could learn.", default=ABSENT)
