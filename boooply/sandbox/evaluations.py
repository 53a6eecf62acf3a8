"""The transcript and the evaluation of a played interview (sections 5.4, 5.5 and 7.4): plausible and reproducible.

Every figure follows from the meeting code, the number of the analysis and the figure's name, so a re-analysis brings
new ones. An interview that names `skills` is evaluated with a rubric, one criterion per skill; others are not.
"""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from attrs import frozen

from boooply.sandbox.records import Interview
from boooply.sandbox.wire import iso

__all__ = [
    "ANSWER",
    "TURN_SECONDS",
    "duration_seconds",
    "evaluation_payload",
    "interviewer_evaluation",
    "overall_score",
    "pick",
    "questions_of",
    "score_of",
    "statistics",
    "transcript",
    "turns",
]

# ---- the transcript

TURN_SECONDS = 20
USUAL_QUESTIONS = (
    "Tell me about a project you are proud of.",
    "How did you find out what was going wrong?",
    "What would you do differently today?",
)
ANSWER = "Let me think. I would start from what the users saw, and measure before changing anything."


@frozen
class Turn:
    """One turn of the conversation: who spoke, in which role, and what."""

    speaker: str
    role: str
    content: str


def questions_of(interview: Interview) -> tuple[str, ...]:
    """Return what was asked: the questions or the agenda of the interview, else the usual ones."""
    return tuple(interview.details.get("questions") or interview.details.get("agenda") or USUAL_QUESTIONS)


def _asker_and_answerer(interview: Interview) -> tuple[tuple[str, str], tuple[str, str]]:
    # An interview without people still gets its transcript: every participant may have been removed.
    people = [(person.name, person.role) for person in interview.participants]
    answerer = next((one for one in people if one[1] == "CANDIDATE"), people[-1] if people else ("", "PARTICIPANT"))
    if interview.kind == "AI":
        return ("Boooply AI", "AI"), answerer
    return next((one for one in people if one != answerer), answerer), answerer


def turns(interview: Interview) -> Iterator[Turn]:
    """Iterate over the conversation: each question and its answer."""
    asker, answerer = _asker_and_answerer(interview)
    for question in questions_of(interview):
        yield Turn(*asker, question)
        yield Turn(*answerer, ANSWER)


def duration_seconds(interview: Interview) -> int:
    """Return the length of the conversation."""
    return 2 * TURN_SECONDS * len(questions_of(interview))


def transcript(interview: Interview) -> list[dict[str, Any]]:
    """Return the entries of section 5.5; none before the interview has been played."""
    if interview.ended_at is None:
        return []
    entries: list[dict[str, Any]] = []
    for number, turn in enumerate(turns(interview)):
        entry: dict[str, Any] = {
            "id": f"{interview.id}-{number}",
            "speaker": turn.speaker,
            "role": turn.role,
            "content": turn.content,
        }
        offset = number * TURN_SECONDS
        if interview.kind == "AI":
            entry["timestamp"] = iso((interview.started_at or interview.ended_at) + timedelta(seconds=offset))
        else:
            end = (offset + TURN_SECONDS) * 1000
            entry |= {"startMs": offset * 1000, "endMs": end, "confidence": round(0.99 - number % 5 / 100, 2)}
        entries.append(entry)
    return entries


# ---- the evaluation

FIGURES = ("communication", "technical", "cultureFit", "problemSolving", "experienceMatch")
EVIDENCE = "I would start from what the users saw"
RECOMMENDATIONS = ((75, "PASS", "HIRE"), (60, "REVIEW", "NO_HIRE"), (0, "FAIL", "STRONG_NO_HIRE"))
"""The lowest score, the recommendation, and the recommendation of the rubric's AI."""

RATING_LABELS = ("", "Poor", "Weak", "Fair", "Good", "Excellent")
EMPTY: dict[str, Any] = dict.fromkeys(
    ("evaluation", "aiSummary", "recommendations", "meetingStatistics", "rawAnalysis", "interviewerEvaluation")
)


def pick(interview: Interview, figure: str, minimum: int, maximum: int) -> int:
    """Choose a number between two bounds, always the same for one analysis."""
    seed = f"{interview.code} {interview.analyses} {figure}".encode()
    return minimum + int.from_bytes(hashlib.sha256(seed).digest()[:4]) % (maximum - minimum + 1)


def score_of(interview: Interview, figure: str) -> int:
    """Return a score of up to 100, as an analysis may give it."""
    return pick(interview, figure, 50, 98)


def overall_score(interview: Interview) -> int | None:
    """Return the mean of the figures, or None before an analysis."""
    if not interview.analyses:
        return None
    return round(sum(score_of(interview, figure) for figure in FIGURES) / len(FIGURES))


def evaluation_payload(interview: Interview) -> dict[str, Any]:
    """Return the payload of the evaluation call; every field is null before an analysis."""
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
        # Free-form on purpose: keys of several styles, which a client must pass on unchanged.
        "rawAnalysis": {"modelVersion": "sandbox-1", "tokens_used": 1234, "analysis": interview.analyses, "Größe": "ß"},
        "interviewerEvaluation": interviewer_evaluation(interview),
    }


def _evaluation(interview: Interview, score: int) -> dict[str, Any]:
    _, recommendation, ai_recommendation = next(one for one in RECOMMENDATIONS if score >= one[0])
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
    # 0 means a skill that never came up: the contract lets a criterion's score be null.
    rating = pick(interview, f"skill {skill}", 0, 5)
    came_up = rating > 0
    return {
        "score": rating if came_up else None,
        "evidenceCount": int(came_up),
        "evidenceQuotes": [EVIDENCE] if came_up else [],
        "confidence": "HIGH" if came_up else "LOW",
        "assessmentState": "ASSESSED" if came_up else "NOT_ASSESSED",
        "ratingLabel": RATING_LABELS[rating] if came_up else None,
        "rationale": "Shown by an example." if came_up else "It did not come up.",
    }


def statistics(interview: Interview) -> dict[str, Any]:
    """Return the meeting's statistics."""
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
