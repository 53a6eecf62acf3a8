"""The webhook events of an interview, with the bodies that the vendor sends."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from boooply.sandbox.assessments import confidence_level, interviewer_evaluation
from boooply.sandbox.evaluations import band_of, rating_near, rating_of, scores_of, skills_assessment, summary_of
from boooply.sandbox.recordings import recording
from boooply.sandbox.records import Interview
from boooply.sandbox.transcripts import ANSWER, exchanges, statistics, transcript_lines
from boooply.sandbox.wire import iso, to_json

__all__ = ["announcements"]

NUMBERS: Final = (
    "overallRating",
    "recommendation",
    "confidenceLevel",
    "scores",
    "ratingsForRecruiters",
    "oneLineSummary",
)
"""The fields of an evaluation that the event with the scores repeats."""

ABOUT: Final[dict[str, tuple[str, ...]]] = {
    "interview.transcript": ("title", "meetingType", "isTeamMeeting", "candidateName", "jobRole"),
    "interview.evaluation": ("title", "meetingType", "candidateName", "jobRole"),
    "interview.scores": ("candidateName", "jobRole"),
    "interview.interviewer_evaluation": ("title", "meetingType", "candidateName", "jobRole", "participants"),
    "interview.recording": ("title",),
}
"""The fields of the interview in each event, in addition to those in all events."""

FOR_RECRUITERS: Final = ("technicalSkills", "communication", "cultureFit", "overall")
LEVELS: Final = ("LOW", "LOW", "MEDIUM", "HIGH", "HIGH")
"""The enthusiasm of candidates rated 1 to 5; their stress is the reverse."""


def announcements(
    interview: Interview, base_url: str, secret: bytes, now: datetime, *, is_reanalysis: bool
) -> Iterator[tuple[str, bytes]]:
    """Iterate over the events of an interview that has ended for good: name and body, in the vendor's order.

    A re-analysis has only the evaluation, and a team meeting only what was recorded. A no-show, a failure and an end
    that can be resumed have no events.
    """
    is_recorded = interview.is_recorded and not is_reanalysis
    has_video = interview.has_video and not is_reanalysis
    evaluation = _evaluation(interview) if interview.analyses else None
    events: dict[str, dict[str, Any] | None] = {
        "interview.transcript": _transcript(interview) if is_recorded else None,
        "interview.evaluation": evaluation,
        "interview.scores": evaluation and {name: evaluation[name] for name in NUMBERS},
        "interview.interviewer_evaluation": _interviewer_evaluation(interview),
        "interview.recording": _recording(interview, base_url, secret, now) if has_video else None,
    }
    about = _about(interview)
    whose = {"source": interview.source, "sourceId": interview.source_id, "sourcePlatform": interview.source_platform}
    for event, data in events.items():
        if data is not None:
            said = {name: about[name] for name in ABOUT[event] if name in about}
            body = {"meetingCode": interview.code, **said, **whose, **data, "timestamp": iso(now)}
            yield event, to_json({"event": event, "data": body}).encode()


def _about(interview: Interview) -> dict[str, Any]:
    candidate = next((person.name for person in interview.participants if person.role == "CANDIDATE"), None)
    others = [person for person in interview.participants if person.role != "CANDIDATE"]
    about = {
        "title": interview.title,
        "meetingType": "AI_ONLY" if interview.kind == "AI" else "HUMAN",
        "isTeamMeeting": interview.kind == "TEAM",
        "candidateName": candidate,
        "jobRole": interview.details.get("jobRole"),
        "participants": [{"name": person.name, "email": person.email, "role": person.role} for person in others],
    }
    return {name: value for name, value in about.items() if value is not None}


def _transcript(interview: Interview) -> dict[str, Any]:
    lines = transcript_lines(interview)
    return {"transcript": lines, "transcriptCount": len(lines)}


def _evaluation(interview: Interview) -> dict[str, Any]:
    scores = scores_of(interview)
    overall = scores["overall"]
    band, summary, skills = band_of(interview), summary_of(interview), skills_assessment(interview)
    return {
        "summary": summary,
        "oneLineSummary": band.summary,
        "overallRating": rating_of(overall),
        "recommendation": band.overall,
        "confidenceLevel": confidence_level(interview, "candidate"),
        "scores": scores,
        "recruiterSummary": {"tldr": summary, "quickDecision": band.decision},
        "skillsAssessment": skills,
        "strengthsAndWeaknesses": {
            "strengths": [{"point": "Measures before changing anything", "evidence": ANSWER}],
            "weaknesses": [{"point": "Names few trade-offs", "evidence": "No alternative was mentioned."}],
        },
        "redFlags": _red_flags(band.decision),
        "positiveSignals": [{"signal": "Starts from what users see", "context": ANSWER}],
        "sentimentAnalysis": _sentiment(rating_of(overall)),
        "questionsAsked": _questions_asked(interview),
        "meetingStatistics": statistics(interview),
        "nextSteps": {
            "recommendation": "Invite to a conversation with the team",
            "questionsToAsk": ["Which alternatives did you reject?"],
            "focusAreasForNextRound": [one["skill"] for one in skills[:2]],
        },
        "customQuestionResponses": [
            {"question": asked.content, "candidateAnswer": said.content}
            for asked, said in exchanges(interview)
            if asked.content in (interview.details.get("questions") or ())
        ],
        "ratingsForRecruiters": {name: scores[name] for name in FOR_RECRUITERS if name in scores},
    }


def _red_flags(decision: str) -> list[dict[str, str]]:
    severity = {"REJECT": "CRITICAL", "HOLD": "WARNING"}.get(decision)
    return [] if severity is None else [{"flag": "Vague on results", "severity": severity, "context": ANSWER}]


def _sentiment(rating: int) -> dict[str, str]:
    return {"enthusiasm": LEVELS[rating - 1], "authenticity": "GENUINE", "stressLevel": LEVELS[-rating]}


def _questions_asked(interview: Interview) -> list[dict[str, Any]]:
    return [
        {
            "topic": "Experience",
            "question": asked.content,
            "candidateAnswer": said.content,
            "answerQuality": rating_near(interview, asked.content),
            "timestamp": f"{asked.start // 60_000:02}:{asked.start // 1000 % 60:02}",
        }
        for asked, said in exchanges(interview)
    ]


def _interviewer_evaluation(interview: Interview) -> dict[str, Any] | None:
    assessed = interviewer_evaluation(interview)
    return None if assessed is None else {"interviewerEvaluation": assessed, "analysisMeta": {"durationMs": 1200}}


def _recording(interview: Interview, base_url: str, secret: bytes, now: datetime) -> dict[str, Any]:
    found = recording(interview, base_url, secret, now) or {}
    return {name: found.get(name) for name in ("duration", "format", "videoUrl", "videoApiUrl")}
