"""Invented figures, and the assessment of the interviewers of a one-to-one interview.

Every figure is derived from the meeting code, the number of the analysis and the figure's name, so a re-analysis gives
new figures.
"""

import hashlib
from typing import Any, Final

from boooply.sandbox.records import Interview
from boooply.sandbox.transcripts import exchanges

__all__ = ["confidence_level", "interviewer_evaluation", "pick"]

INTERVIEWERS: Final = frozenset({"INTERVIEWER", "HOST", "CO_HOST"})
NONE_ASKED: Final = "No question was asked."
LEGAL_RISK: Final = "Are you planning a family?"
HIGHEST_WITH_A_LEGAL_RISK: Final = 2
EXPERIENCE: Final = (
    "rating",
    "welcomingAndRapport",
    "clearExpectationSetting",
    "activeListening",
    "appropriateFollowUps",
    "closingAndNextSteps",
)


def pick(interview: Interview, figure: str, minimum: int, maximum: int) -> int:
    """Choose a number between two bounds; the same analysis always gets the same number."""
    seed = f"{interview.code} {interview.analyses} {figure}".encode()
    return minimum + int.from_bytes(hashlib.sha256(seed).digest()[:4]) % (maximum - minimum + 1)


def confidence_level(interview: Interview, of: str) -> str:
    """Choose the confidence of an analysis; a sixth of them have LOW."""
    return ("LOW", "MEDIUM", "MEDIUM", "HIGH", "HIGH", "HIGH")[pick(interview, f"confidence {of}", 0, 5)]


def _is_one_to_one(interview: Interview) -> bool:
    roles = [person.role for person in interview.participants]
    return interview.kind == "HUMAN" and roles.count("CANDIDATE") == 1 and not INTERVIEWERS.isdisjoint(roles)


def interviewer_evaluation(interview: Interview) -> dict[str, Any] | None:
    """Return the assessment of the interviewers, which only a one-to-one human interview has."""
    if not interview.analyses or not _is_one_to_one(interview):
        return None
    asked = [question.content for question, _ in exchanges(interview)]
    confidence = confidence_level(interview, "interviewer") if asked else "LOW"

    def rating(what: str) -> int:
        return pick(interview, what, 1, 5)

    return {
        "overallRating": None if confidence == "LOW" else rating("interviewer"),
        "overallSummary": "Prepared, friendly and fair.",
        "confidenceLevel": confidence,
        "confidenceReasoning": f"The transcript has {len(asked)} questions with answers.",
        "questionQuality": {
            "rating": rating("questions"),
            "openEndedCount": len(asked),
            "closedEndedCount": 0,
            "leadingQuestionsCount": 0,
            "technicalDepth": "DEEP",
            "topicCoverage": "COMPREHENSIVE",
            "bestQuestion": (*asked, NONE_ASKED)[0],
            "worstQuestion": (NONE_ASKED, *asked)[-1],
            "evidence": f"{len(asked)} open questions",
        },
        "biasAssessment": {"rating": rating("bias"), "identifiedBiases": [], "evidence": "None seen."},
        "timeManagement": {
            "rating": rating("time"),
            "isInterviewerDominant": False,
            "rushedTopics": [],
            "missedTopics": [],
        },
        "candidateExperience": {part: rating(f"experience {part}") for part in EXPERIENCE},
        "professionalConduct": _conduct(interview, rating("conduct")),
        "strengths": ["Listens"],
        "improvements": ["Leave more time for questions"],
        "coachingRecommendations": ["Plan five minutes for the candidate's questions"],
    }


def _conduct(interview: Interview, rating: int) -> dict[str, Any]:
    risks = [LEGAL_RISK] if pick(interview, "legal risk", 1, 6) == 1 else []
    return {
        "rating": min(rating, HIGHEST_WITH_A_LEGAL_RISK) if risks else rating,
        "inappropriateQuestions": [],
        "legalRiskQuestions": risks,
    }
