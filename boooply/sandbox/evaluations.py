"""The evaluation of an interview: scores spread evenly over 0 to 100, and the rest derived from them."""

from bisect import bisect
from collections.abc import Mapping
from statistics import fmean
from typing import Any, Final

from attrs import frozen

from boooply.sandbox.assessments import interviewer_evaluation, pick
from boooply.sandbox.records import Interview
from boooply.sandbox.transcripts import ANSWER, exchanges, statistics

__all__ = [
    "Band",
    "band_of",
    "evaluation_payload",
    "overall_score",
    "rating_near",
    "rating_of",
    "scores_of",
    "skills_assessment",
    "summary_of",
]

# ---- the scores

CATEGORIES: Final = {
    "communication": "communication",
    "technicalSkills": "technical",
    "problemSolving": "problemSolving",
    "cultureFit": "cultureFit",
    "experienceMatch": "experienceMatch",
}
"""The names of the categories in webhooks, and their names in the evaluation call."""

SCATTER: Final = 12
RATINGS_FROM: Final = (20, 40, 75, 90)
"""The lowest scores of the ratings 2, 3, 4 and 5; lower scores have the rating 1."""


@frozen(kw_only=True)
class Band:
    """A range of overall scores, with its recommendations.

    Attributes:
        minimum: The lowest score in the band.
        overall: The recommendation in webhooks.
        decision: The quick decision for recruiters.
        recommendation: The recommendation in the evaluation call.
        by_rubric: The recommendation of the AI if there is a rubric.
        summary: One sentence.
    """

    minimum: int
    overall: str
    decision: str
    recommendation: str
    by_rubric: str
    summary: str


BANDS: Final = tuple(
    Band(
        minimum=minimum,
        overall=overall,
        decision=decision,
        recommendation=recommendation,
        by_rubric=by_rubric,
        summary=summary,
    )
    for minimum, overall, decision, recommendation, by_rubric, summary in (
        (90, "STRONG_PASS", "ADVANCE", "PASS", "STRONG_HIRE", "Structured answers, each with evidence."),
        (70, "PASS", "ADVANCE", "PASS", "HIRE", "Structured answers, most of them with evidence."),
        (50, "REVIEW", "HOLD", "REVIEW", "NO_HIRE", "Some answers were concrete, others vague."),
        (25, "FAIL", "REJECT", "FAIL", "NO_HIRE", "Vague answers with little evidence."),
        (0, "STRONG_FAIL", "REJECT", "FAIL", "STRONG_NO_HIRE", "Hardly a question was answered."),
    )
)


def scores_of(interview: Interview) -> dict[str, int]:
    """Return the scores that a caller has set, or else those of the analysis.

    Categories that were not scored are absent; with a rubric, all are.
    """
    if interview.outcome.get("evaluation"):
        return _scores_set(interview, interview.outcome["evaluation"])
    overall = pick(interview, "overallScore", 0, 100)
    scored = [name for name in CATEGORIES if interview.rubric is None and pick(interview, f"has {name}", 0, 7)]
    return {"overall": overall, **{name: _near(interview, overall, name) for name in scored}}


def _near(interview: Interview, score: int, figure: str) -> int:
    return min(100, max(0, score + pick(interview, figure, -SCATTER, SCATTER)))


def _scores_set(interview: Interview, given: Mapping[str, Any]) -> dict[str, int]:
    categories = {name: given[name] for name in CATEGORIES if name in given}
    overall = given.get("overall")
    if overall is None and categories:
        overall = round(fmean(categories.values()))
    if overall is None:
        above = [one.minimum for one in BANDS if one.minimum > band_of(interview).minimum]
        overall = pick(interview, "overallScore", band_of(interview).minimum, min(above, default=101) - 1)
    return {"overall": overall, **categories}


def overall_score(interview: Interview) -> int | None:
    """Return the overall score, or None before an analysis."""
    return scores_of(interview)["overall"] if interview.analyses else None


def rating_of(score: int) -> int:
    """Return the rating of a score, from 1 to 5."""
    return 1 + bisect(RATINGS_FROM, score)


def band_of(interview: Interview) -> Band:
    """Return the band of the overall score, or of the recommendation that a caller has set."""
    recommendation = interview.outcome.get("evaluation", {}).get("recommendation")
    if recommendation is not None:
        return next(one for one in BANDS if one.overall == recommendation)
    score = scores_of(interview)["overall"]
    return next(one for one in BANDS if score >= one.minimum)


def summary_of(interview: Interview) -> str:
    """Summarize an evaluation."""
    return f"{interview.title}: {band_of(interview).summary} Overall {scores_of(interview)['overall']} of 100."


# ---- the call


EMPTY: dict[str, Any] = dict.fromkeys(
    ("evaluation", "aiSummary", "recommendations", "meetingStatistics", "rawAnalysis", "interviewerEvaluation")
)


def evaluation_payload(interview: Interview) -> dict[str, Any]:
    """Return the payload of the evaluation call; every field is null before an analysis."""
    if not interview.analyses:
        return dict(EMPTY)
    scores = scores_of(interview)
    return {
        "evaluation": _evaluation(interview, scores),
        "aiSummary": summary_of(interview),
        "recommendations": {
            "strengths": ["Measures before changing anything", "Explains decisions clearly"],
            "improvements": ["Name the trade-offs that were rejected"],
            "nextSteps": ["Invite to a conversation with the team"],
        },
        "meetingStatistics": statistics(interview),
        "rawAnalysis": _raw_analysis(interview, scores),
        "interviewerEvaluation": interviewer_evaluation(interview),
    }


def _evaluation(interview: Interview, scores: Mapping[str, int]) -> dict[str, Any]:
    overall = scores["overall"]
    rated = [
        {"question": question, "score": _near(interview, overall, question), "notes": "Answered with an example."}
        for question in (asked.content for asked, _ in exchanges(interview))
    ]
    return {
        "recommendation": band_of(interview).recommendation,
        "overallScore": overall,
        **{shown: overall if interview.rubric else scores.get(name, overall) for name, shown in CATEGORIES.items()},
        "questionEvaluations": rated,
        **({} if interview.rubric is None else _by_rubric(interview, interview.rubric)),
    }


def _raw_analysis(interview: Interview, scores: Mapping[str, int]) -> dict[str, Any]:
    overall = scores["overall"]
    level = ("JUNIOR", "JUNIOR", "MID", "SENIOR", "LEAD")[rating_of(overall) - 1]
    return {
        "overallRating": rating_of(overall),
        "scores": scores,
        "recruiterSummary": {"tldr": summary_of(interview), "quickDecision": band_of(interview).decision},
        "perceivedLevel": interview.details.get("seniority", level),
        "skillEvaluations": skills_assessment(interview),
    }


def skills_assessment(interview: Interview) -> list[dict[str, Any]]:
    """Rate the skills of the interview from 1 to 5."""
    skills: list[str] = interview.details.get("skills") or []
    return [{"skill": skill, "rating": rating_near(interview, skill), "evidence": ANSWER} for skill in skills]


def rating_near(interview: Interview, figure: str) -> int:
    """Choose a rating from 1 to 5 near the overall score."""
    return rating_of(_near(interview, scores_of(interview)["overall"], figure))


# ---- with a rubric

RATING_LABELS: Final = ("", "Poor", "Weak", "Fair", "Good", "Excellent")


def _by_rubric(interview: Interview, rubric: Mapping[str, Any]) -> dict[str, Any]:
    criteria = {one["name"]: _criterion(interview, one["name"]) for one in rubric["criteria"]}
    required = [one["name"] for one in rubric["criteria"] if one.get("mustHave")]
    return {
        "byCriterion": criteria,
        "mustHavesMet": all((criteria[name]["score"] or 0) >= MET_FROM for name in required),
        "overallConfidence": "HIGH" if all(one["score"] for one in criteria.values()) else "MEDIUM",
        "aiRecommendation": band_of(interview).by_rubric,
        "rubricSnapshot": rubric,
    }


MET_FROM: Final = 3
"""The lowest rating that satisfies a must-have."""


def _criterion(interview: Interview, name: str) -> dict[str, Any]:
    # 0 means that the criterion did not come up, so that its score is null
    rating = pick(interview, f"criterion {name}", 0, 5)
    came_up = rating > 0
    return {
        "score": rating if came_up else None,
        "evidenceCount": int(came_up),
        "evidenceQuotes": [ANSWER] if came_up else [],
        "confidence": "HIGH" if came_up else "LOW",
        "assessmentState": "ASSESSED" if came_up else "NOT_ASSESSED",
        "ratingLabel": RATING_LABELS[rating] if came_up else None,
        "rationale": "Shown by an example." if came_up else "It did not come up.",
    }
