"""What goes over the line: an interview as the contract has it, a page of them, a create body, an evaluation."""

import json
from typing import Any

BODY: dict[str, Any] = {
    "meetingType": "AI_ONLY",
    "jobRole": "Frontend Engineer",
    "participants": [{"name": "Jane Doe", "email": "jane@example.com", "role": "CANDIDATE"}],
    "durationMinutes": 30,
    "skills": ["React", "TypeScript", "Testing"],
    "seniority": "SENIOR",
    "companyName": "Acme",
}


def interview(number: int) -> dict[str, Any]:
    """Make an interview of 21 known fields, an unknown one and three participants."""
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "meetingCode": f"Boooply-AI-{number}",
        "url": f"https://meet.example/meet/Boooply-AI-{number}",
        "title": "Frontend Engineer interview",
        "meetingType": "AI_ONLY",
        "isTeamMeeting": False,
        "sessionStatus": "COMPLETED",
        "endReason": "AUTO_COMPLETED",
        "scheduledAt": "2026-06-01T12:00:00.000Z",
        "durationMinutes": 30,
        "participants": [
            {
                "id": f"person-{number}-{one}",
                "name": f"Person {one}",
                "email": f"person{one}@example.com",
                "role": role,
                "joinToken": f"token-{number}-{one}-0123456789abcdef",
                "joinedAt": "2026-06-01T12:00:01.000Z",
                "leftAt": None,
                "isActive": False,
            }
            for one, role in enumerate(("CANDIDATE", "INTERVIEWER", "HOST"))
        ],
        "source": "API",
        "sourceId": "org_7234567890",
        "sourcePlatform": "Example ATS",
        "overallScore": 87,
        "evaluationRecommendation": "HIRE",
        "evaluationRecommendationRationale": "Explains what was done, and why.",
        "evaluationFinalizedBy": "Ada",
        "evaluationFinalizedAt": "2026-06-01T13:00:00.000Z",
        "createdAt": "2026-06-01T11:00:00.000Z",
        "somethingNew": {"a": [1, 2, 3]},
    }


def created() -> dict[str, Any]:
    """Make the interview that the create body asks for."""
    asked = interview(1)
    asked["participants"][0] |= BODY["participants"][0]
    return asked


def page(count: int) -> dict[str, Any]:
    """Make a page of interviews."""
    numbers = {"page": 1, "limit": count, "total": count, "totalPages": 1}
    return {"success": True, "meetings": [interview(number) for number in range(count)], "pagination": numbers}


def evaluation_event() -> bytes:
    """Make a webhook of about 10 kB."""
    asked = {"topic": "React", "question": "What is a hook?", "candidateAnswer": "A function " * 20, "answerQuality": 4}
    data = {
        "meetingCode": "Boooply-AI-1",
        "summary": "Clear and calm. " * 30,
        "overallRating": 4.2,
        "recommendation": "PASS",
        "scores": {"overall": 80, "communication": 90, "technicalSkills": 85},
        "skillsAssessment": [{"skill": f"skill {one}", "rating": 4, "evidence": "said so " * 20} for one in range(12)],
        "questionsAsked": [{**asked, "timestamp": f"0{one}:00"} for one in range(9)],
        "strengthsAndWeaknesses": {
            "strengths": [{"point": "calm", "evidence": "measured first " * 8}] * 6,
            "weaknesses": [{"point": "brief", "evidence": "named few trade-offs " * 8}] * 6,
        },
        "redFlags": [],
        "timestamp": "2026-06-01T12:00:00.000Z",
    }
    return json.dumps({"event": "interview.evaluation", "data": data}, separators=(",", ":")).encode()
