"""The JSON of records, in the API and in the controls."""

from typing import Any

from boooply.sandbox.calendars import Block
from boooply.sandbox.evaluations import overall_score
from boooply.sandbox.plans import PLANS
from boooply.sandbox.queries import Page
from boooply.sandbox.records import (
    Attempt,
    Call,
    Delivery,
    Email,
    Finalization,
    Interview,
    Organization,
    Participant,
    PlannedFault,
)
from boooply.sandbox.wire import iso

__all__ = [
    "call_view",
    "delivery_view",
    "email_view",
    "meeting_view",
    "organization_summary",
    "organization_view",
    "page_view",
    "participant_view",
    "planned_view",
    "presence_view",
    "slot_view",
]


def participant_view(person: Participant) -> dict[str, Any]:
    """Show a participant, with the person's secret join token."""
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": person.role,
        "joinToken": person.join_token,
    }


def presence_view(person: Participant) -> dict[str, Any]:
    """Show a participant, with the times in the meeting."""
    return {
        **participant_view(person),
        "joinedAt": iso(person.joined_at),
        "leftAt": iso(person.left_at),
        "isActive": person.is_active,
    }


def meeting_view(interview: Interview, base_url: str) -> dict[str, Any]:
    """Show an interview as the API does; `endReason` and the finalization are absent until they exist."""
    ended = {} if interview.end_reason is None else {"endReason": interview.end_reason}
    return {
        "id": interview.id,
        "meetingCode": interview.code,
        "code": interview.code,
        "url": f"{base_url}/meeting/{interview.code}",
        "title": interview.title,
        "meetingType": "AI_ONLY" if interview.kind == "AI" else "HUMAN",
        "isTeamMeeting": interview.kind == "TEAM",
        "sessionStatus": interview.status,
        "scheduledAt": iso(interview.scheduled_at),
        "durationMinutes": interview.duration_minutes,
        "participants": [participant_view(person) for person in interview.participants],
        "source": interview.source,
        "sourceId": interview.source_id,
        "sourcePlatform": interview.source_platform,
        "overallScore": overall_score(interview),
        **ended,
        **_finalization_view(interview.finalization),
    }


def _finalization_view(final: Finalization | None) -> dict[str, Any]:
    if final is None:
        return {}
    return {
        "evaluationRecommendation": final.recommendation,
        "evaluationRecommendationRationale": final.rationale,
        "evaluationFinalizedBy": final.by,
        "evaluationFinalizedAt": iso(final.at),
    }


def page_view(page: Page, base_url: str) -> dict[str, Any]:
    """Show a page of interviews."""
    return {
        "meetings": [meeting_view(interview, base_url) for interview in page.interviews],
        "pagination": {"page": page.page, "limit": page.limit, "total": page.total, "totalPages": page.total_pages},
    }


def slot_view(block: Block) -> dict[str, Any]:
    """Show a period in a calendar."""
    return {"start": iso(block.start), "end": iso(block.end)}


def organization_view(organization: Organization) -> dict[str, Any]:
    """Show an organization as the API does."""
    return {
        "id": organization.id,
        "name": organization.name,
        "slug": organization.slug,
        "externalOrgId": organization.external_org_id,
        "plan": organization.plan,
    }


def organization_summary(organization: Organization, interviews_left: int | None) -> dict[str, Any]:
    """Show an organization in the controls, with its counts and without its keys."""
    return {
        **organization_view(organization),
        "teamMembers": len(organization.team_members),
        "mints": organization.mints,
        "interviewAllowance": PLANS[organization.plan],
        "interviewsLeft": interviews_left,
    }


def email_view(email: Email) -> dict[str, Any]:
    """Show an e-mail in the controls."""
    return {
        "to": email.to,
        "kind": email.kind,
        "meetingCode": email.meeting_code,
        "subject": email.subject,
        "sentAt": iso(email.sent_at),
    }


def planned_view(planned: PlannedFault) -> dict[str, Any]:
    """Show a planned fault in the controls."""
    return {"operation": planned.operation, "fault": planned.fault, "times": planned.times}


def call_view(call: Call) -> dict[str, Any]:
    """Show a call in the controls."""
    return {
        "operation": call.operation,
        "method": call.method,
        "path": call.path,
        "status": call.status,
        "errorCode": call.error_code,
        "tenant": call.tenant,
        "at": iso(call.at),
        "fault": call.fault,
        "carriedOut": call.carried_out,
    }


def _attempt_view(attempt: Attempt) -> dict[str, Any]:
    return {"at": iso(attempt.at), "status": attempt.status, "error": attempt.error, "seconds": attempt.seconds}


def delivery_view(delivery: Delivery) -> dict[str, Any]:
    """Show a delivery in the controls, without its body, which contains the transcript."""
    return {
        "id": delivery.id,
        "event": delivery.event,
        "meetingCode": delivery.meeting_code,
        "tenant": delivery.tenant,
        "state": delivery.state,
        "attempts": [_attempt_view(one) for one in delivery.attempts],
        "nextAttemptAt": iso(delivery.next_attempt_at),
    }
