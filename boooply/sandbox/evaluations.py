"""The evaluation of a played interview (sections 5.4 and 7.4): believable, and always the same for one analysis.

Every number follows from the meeting code, the number of the analysis and the name of the figure, so a re-analysis
brings new ones. An interview that names `skills` is evaluated with a rubric, a criterion a skill; others are not.
"""

import hashlib
from typing import Any

from boooply.sandbox.records import Interview
from boooply.sandbox.transcripts import duration_seconds, questions_of, turns

__all__ = ["evaluation_answer", "interviewer_evaluation", "overall_score", "pick", "score_of", "statistics"]

FIGURES = ("communication", "technical", "cultureFit", "problemSolving", "experienceMatch")
EVIDENCE = "I would start from what the users saw"
RETRY_TABLE = ((75, "PASS", "HIRE"), (60, "REVIEW", "NO_HIRE"), (0, "FAIL", "STRONG_NO_HIRE"))
"""From which score on: the recommendation, and what the rubric's AI says."""

RATING_LABELS = ("", "Poor", "Weak", "Fair", "Good", "Excellent")
EMPTY: dict[str, Any] = dict.fromkeys(
    ("evaluation", "aiSummary", "recommendations", "meetingStatistics", "rawAnalysis", "interviewerEvaluation")
)


def pick(interview: Interview, figure: str, least: int, most: int) -> int:
    """Choose a figure between two bounds, always the same for one analysis."""
    seed = f"{interview.code} {interview.analyses} {figure}".encode()
    return least + int.from_bytes(hashlib.sha256(seed).digest()[:4]) % (most - least + 1)


def score_of(interview: Interview, figure: str) -> int:
    """Return a score as it may come out of an analysis, of 100."""
    return pick(interview, figure, 50, 98)


def overall_score(interview: Interview) -> int | None:
    """Return the mean of the figures, or None before an analysis."""
    if not interview.analyses:
        return None
    return round(sum(score_of(interview, figure) for figure in FIGURES) / len(FIGURES))


def evaluation_answer(interview: Interview) -> dict[str, Any]:
    """Return the answer of the evaluation call; all null before an analysis."""
    score = overall_score(interview)
    if score is None:
        return dict(EMPTY)
    return {
        "evaluation": _evaluation(interview, score),
        "aiSummary": f"{interview.title}: structured answers with concrete evidence, overall {score} of 100.",
        "recommendations": {
            "strengths": ["Measures before changing anything", "Explains decisions clearly"],
            "improvements": ["Name the trade-offs that were rejected"],
            "nextSteps": ["Invite to a conversation with the team"],
        },
        "meetingStatistics": statistics(interview),
        # Free-form on purpose: keys of several styles, which a client must hand on as they are.
        "rawAnalysis": {"modelVersion": "sandbox-1", "tokens_used": 1234, "analysis": interview.analyses, "Größe": "ß"},
        "interviewerEvaluation": interviewer_evaluation(interview),
    }


def _evaluation(interview: Interview, score: int) -> dict[str, Any]:
    _, recommendation, ai_recommendation = next(row for row in RETRY_TABLE if score >= row[0])
    rated = [
        {"question": question, "score": score_of(interview, question), "notes": "Answered with an example."}
        for question in questions_of(interview)
    ]
    figures = {figure: score_of(interview, figure) for figure in FIGURES}
    plain = {"recommendation": recommendation, "overallScore": score, **figures, "questionEvaluations": rated}
    return {**plain, **_rubric(interview, ai_recommendation)}


def _rubric(interview: Interview, ai_recommendation: str) -> dict[str, Any]:
    skills: list[str] = interview.details.get("skills") or []
    if not skills:
        return dict.fromkeys(("byCriterion", "mustHavesMet", "overallConfidence", "aiRecommendation", "rubricSnapshot"))
    criteria = {skill: _criterion(interview, skill) for skill in skills}
    return {
        "byCriterion": criteria,
        "mustHavesMet": all(criterion["score"] is not None for criterion in criteria.values()),
        "overallConfidence": "HIGH",
        "aiRecommendation": ai_recommendation,
        "rubricSnapshot": {"criteria": [{"name": skill, "weight": 1, "mustHave": True} for skill in skills]},
    }


def _criterion(interview: Interview, skill: str) -> dict[str, Any]:
    # 0 stands for a skill that never came up: the contract lets a criterion's score be null.
    rating = pick(interview, f"skill {skill}", 0, 5)
    seen = rating > 0
    return {
        "score": rating if seen else None,
        "evidenceCount": int(seen),
        "evidenceQuotes": [EVIDENCE] if seen else [],
        "confidence": "HIGH" if seen else "LOW",
        "assessmentState": "ASSESSED" if seen else "NOT_ASSESSED",
        "ratingLabel": RATING_LABELS[rating] if seen else None,
        "rationale": "Shown by an example." if seen else "It did not come up.",
    }


def statistics(interview: Interview) -> dict[str, Any]:
    """Count what happened."""
    spoken: dict[str, int] = {}
    for turn in turns(interview):
        spoken[turn.role] = spoken.get(turn.role, 0) + 1
    return {
        "duration": duration_seconds(interview),
        "turnCount": sum(spoken.values()),
        "turnsByRole": spoken,
        "participantCount": len(interview.participants),
    }


def _is_one_to_one(interview: Interview) -> bool:
    roles = [person.role for person in interview.participants]
    return interview.kind == "HUMAN" and len(roles) == 2 and roles.count("CANDIDATE") == 1  # noqa: PLR2004 - one to one


def interviewer_evaluation(interview: Interview) -> dict[str, Any] | None:
    """Return the assessment of the interviewer, which only a one-to-one human interview has."""
    if not _is_one_to_one(interview):
        return None
    asked = questions_of(interview)

    def rating(what: str) -> int:
        return pick(interview, what, 2, 5)

    return {
        "overallRating": rating("interviewer"),
        "overallSummary": "Prepared, friendly and fair.",
        "confidenceLevel": "HIGH",
        "confidenceReasoning": "The whole conversation was recorded.",
        "questionQuality": {
            "rating": rating("questions"),
            "openEndedCount": len(asked),
            "closedEndedCount": 0,
            "leadingQuestionsCount": 0,
            "technicalDepth": "Went beyond the surface.",
            "topicCoverage": "All topics were touched.",
            "bestQuestion": asked[0],
            "worstQuestion": asked[-1],
            "evidence": [asked[0]],
        },
        "biasAssessment": {"rating": rating("bias"), "identifiedBiases": [], "evidence": []},
        "timeManagement": {
            "rating": rating("time"),
            "isInterviewerDominant": False,
            "rushedTopics": [],
            "missedTopics": [],
        },
        "candidateExperience": {
            "rating": rating("experience"),
            "welcomingAndRapport": "Warm opening.",
            "clearExpectationSetting": "Said what would happen.",
            "activeListening": "Took up what was said.",
            "appropriateFollowUps": "Asked why.",
            "closingAndNextSteps": "Named a date.",
        },
        "professionalConduct": {"rating": rating("conduct"), "inappropriateQuestions": [], "legalRiskQuestions": []},
        "strengths": ["Listens"],
        "improvements": ["Leave more time for questions"],
        "coachingRecommendations": ["Plan five minutes for the candidate's questions"],
    }
