"""What the vendor's webhooks tell of an interview (section 7): the events, and their bodies as it prints them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from boooply.sandbox.evaluations import interviewer_evaluation, overall_score, pick, score_of, statistics
from boooply.sandbox.moments import iso
from boooply.sandbox.printing import printed
from boooply.sandbox.recordings import recording
from boooply.sandbox.records import Interview
from boooply.sandbox.transcripts import ANSWER, TURN_SECONDS, questions_of, turns

__all__ = ["announced"]

RETRY_TABLE: Final = (
    (90, "STRONG_PASS", "ADVANCE"),
    (75, "PASS", "ADVANCE"),
    (60, "REVIEW", "HOLD"),
    (45, "FAIL", "REJECT"),
    (0, "STRONG_FAIL", "REJECT"),
)
"""From which score on: the recommendation, and the quick decision."""


def announced(
    interview: Interview, base_url: str, secret: bytes, now: datetime, *, is_reanalysis: bool
) -> Iterator[tuple[str, bytes]]:
    """Tell what is announced of an interview that has ended for good, in the vendor's order: event and body.

    Another analysis announces the evaluation alone; a no-show, a failure and an end that can be resumed, nothing.
    """
    evaluation = _evaluation(interview)
    names = ("overallRating", "recommendation", "confidenceLevel", "scores", "ratingsForRecruiters", "oneLineSummary")
    events: dict[str, dict[str, Any] | None] = {
        "interview.transcript": None if is_reanalysis else _transcript(interview),
        "interview.evaluation": evaluation,
        "interview.scores": {name: evaluation[name] for name in names},
        "interview.interviewer_evaluation": _of_the_interviewer(interview),
        "interview.recording": None if is_reanalysis else _recording(interview, base_url, secret, now),
    }
    about = _about(interview, now)
    for event, told in events.items():
        if told is not None:
            yield event, printed({"event": event, "data": {**about, **told}}).encode()


def _about(interview: Interview, now: datetime) -> dict[str, Any]:
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
    _, recommendation, decision = next(row for row in RETRY_TABLE if score >= row[0])
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
                "timestamp": f"{(moment := 2 * number * TURN_SECONDS) // 60:02}:{moment % 60:02}",
            }
            for number, question in enumerate(questions_of(interview))
        ],
        "meetingStatistics": statistics(interview),
        "nextSteps": {
            "recommendation": "Invite to a conversation with the team",
            "questionsToAsk": ["Which alternatives did you reject?"],
            "focusAreasForNextRound": skills[:2],
        },
        "customQuestionResponses": [],
        "ratingsForRecruiters": {
            "technicalSkills": pick(interview, "technical rating", 2, 5),
            "communication": pick(interview, "communication rating", 2, 5),
            "cultureFit": pick(interview, "culture rating", 2, 5),
            "overall": _rating(score),
        },
    }


def _rating(score: int) -> float:
    rating = round(1 + score / 25, 1)
    return int(rating) if rating.is_integer() else rating  # JavaScript prints no 4.0


def _of_the_interviewer(interview: Interview) -> dict[str, Any] | None:
    assessed = interviewer_evaluation(interview)
    return None if assessed is None else {"interviewerEvaluation": assessed, "analysisMeta": {"durationMs": 1200}}


def _recording(interview: Interview, base_url: str, secret: bytes, now: datetime) -> dict[str, Any]:
    found = recording(interview, base_url, secret, now) or {}
    return {name: found.get(name) for name in ("duration", "format", "videoUrl", "videoApiUrl")}
