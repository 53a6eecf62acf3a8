"""The webhook events of an interview (section 7), with the bodies that the vendor sends."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from boooply.sandbox.evaluations import (
    ANSWER,
    TURN_SECONDS,
    interviewer_evaluation,
    overall_score,
    pick,
    questions_of,
    score_of,
    statistics,
    turns,
)
from boooply.sandbox.recordings import recording
from boooply.sandbox.records import Interview
from boooply.sandbox.wire import iso, to_json

__all__ = ["announcements"]

RECOMMENDATIONS: Final = (
    (90, "STRONG_PASS", "ADVANCE"),
    (75, "PASS", "ADVANCE"),
    (60, "REVIEW", "HOLD"),
    (45, "FAIL", "REJECT"),
    (0, "STRONG_FAIL", "REJECT"),
)
"""The lowest score, the recommendation, and the quick decision."""


def announcements(
    interview: Interview, base_url: str, secret: bytes, now: datetime, *, is_reanalysis: bool
) -> Iterator[tuple[str, bytes]]:
    """Iterate over the events of an interview that has ended finally: name and body, in the vendor's order.

    A re-analysis announces the evaluation alone. A no-show, a failure and an end that can be resumed announce nothing.
    """
    evaluation = _evaluation(interview)
    names = ("overallRating", "recommendation", "confidenceLevel", "scores", "ratingsForRecruiters", "oneLineSummary")
    events: dict[str, dict[str, Any] | None] = {
        "interview.transcript": None if is_reanalysis else _transcript(interview),
        "interview.evaluation": evaluation,
        "interview.scores": {name: evaluation[name] for name in names},
        "interview.interviewer_evaluation": _interviewer_evaluation(interview),
        "interview.recording": None if is_reanalysis else _recording(interview, base_url, secret, now),
    }
    common = _common(interview, now)
    for event, data in events.items():
        if data is not None:
            yield event, to_json({"event": event, "data": {**common, **data}}).encode()


def _common(interview: Interview, now: datetime) -> dict[str, Any]:
    candidate = next((person.name for person in interview.participants if person.role == "CANDIDATE"), None)
    return {
        "meetingCode": interview.code,
        "title": interview.title,
        "meetingType": "AI_ONLY" if interview.kind == "AI" else "HUMAN",
        "isTeamMeeting": interview.kind == "TEAM",
        "candidateName": candidate,
        "jobRole": interview.details.get("jobRole"),
        "source": "API",
        "sourceId": interview.source_id,
        "sourcePlatform": interview.source_platform,
        "participants": [
            {"name": person.name, "email": person.email, "role": person.role} for person in interview.participants
        ],
        "timestamp": iso(now),
    }


def _transcript(interview: Interview) -> dict[str, Any]:
    lines: list[dict[str, Any]] = []
    for number, turn in enumerate(turns(interview)):
        start = number * TURN_SECONDS * 1000
        end = {} if interview.kind == "AI" else {"endMs": start + TURN_SECONDS * 1000}
        lines.append({"speaker": turn.speaker, "text": turn.content, "startMs": start, **end})
    return {"transcript": lines, "transcriptCount": len(lines)}


def _evaluation(interview: Interview) -> dict[str, Any]:
    score = overall_score(interview) or 0
    _, recommendation, decision = next(one for one in RECOMMENDATIONS if score >= one[0])
    skills: list[str] = interview.details.get("skills") or []
    summary = f"{interview.title}: structured answers with concrete evidence, overall {score} of 100."
    return {
        "summary": summary,
        "oneLineSummary": f"Structured answers, {score} of 100.",
        "overallRating": _rating(score),
        "recommendation": recommendation,
        "confidenceLevel": "HIGH",
        "scores": {
            "overall": score,
            "communication": score_of(interview, "communication"),
            "technicalSkills": score_of(interview, "technical"),
            "problemSolving": score_of(interview, "problemSolving"),
            "cultureFit": score_of(interview, "cultureFit"),
            "experienceMatch": score_of(interview, "experienceMatch"),
        },
        "recruiterSummary": {"tldr": summary, "quickDecision": decision},
        "skillsAssessment": [
            {"skill": skill, "rating": pick(interview, f"skill {skill}", 1, 5), "evidence": ANSWER} for skill in skills
        ],
        "strengthsAndWeaknesses": {
            "strengths": [{"point": "Measures before changing anything", "evidence": ANSWER}],
            "weaknesses": [{"point": "Names few trade-offs", "evidence": "No alternative was mentioned."}],
        },
        "redFlags": [],
        "positiveSignals": [{"signal": "Starts from what users see", "context": ANSWER}],
        "sentimentAnalysis": {"enthusiasm": "HIGH", "authenticity": "HIGH", "stressLevel": "LOW"},
        "questionsAsked": [
            {
                "topic": "Experience",
                "question": question,
                "candidateAnswer": ANSWER,
                "answerQuality": pick(interview, question, 2, 5),
                "timestamp": f"{(second := 2 * number * TURN_SECONDS) // 60:02}:{second % 60:02}",
            }
            for number, question in enumerate(questions_of(interview))
        ],
        "meetingStatistics": statistics(interview),
        "nextSteps": {
            "recommendation": "Invite to a conversation with the team",
            "questionsToAsk": ["Which alternatives did you reject?"],
            "focusAreasForNextRound": skills[:2],
        },
        "customQuestionResponses": [
            {"question": question, "candidateAnswer": ANSWER} for question in interview.details.get("questions") or ()
        ],
        "ratingsForRecruiters": {
            "technicalSkills": pick(interview, "technical rating", 2, 5),
            "communication": pick(interview, "communication rating", 2, 5),
            "cultureFit": pick(interview, "culture rating", 2, 5),
            "overall": _rating(score),
        },
    }


def _rating(score: int) -> float:
    rating = round(1 + score / 25, 1)
    return int(rating) if rating.is_integer() else rating  # JavaScript writes 4, not 4.0


def _interviewer_evaluation(interview: Interview) -> dict[str, Any] | None:
    assessed = interviewer_evaluation(interview)
    return None if assessed is None else {"interviewerEvaluation": assessed, "analysisMeta": {"durationMs": 1200}}


def _recording(interview: Interview, base_url: str, secret: bytes, now: datetime) -> dict[str, Any]:
    found = recording(interview, base_url, secret, now) or {}
    return {name: found.get(name) for name in ("duration", "format", "videoUrl", "videoApiUrl")}
