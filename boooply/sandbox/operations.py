"""The table of operations, and the operations without an interview.

An operation takes the state and a request context. It returns the fields of its success body, or raises `SandboxError`.
Operations do not depend on HTTP.
"""

from collections.abc import Callable
from typing import Final, Literal

from attrs import frozen

from boooply.sandbox.calendars import TIMEZONE, busy_blocks, free_slots, is_connected
from boooply.sandbox.checks import check_fields
from boooply.sandbox.context import RequestContext
from boooply.sandbox.interviews import (
    add_participants,
    cancel_interview,
    create_interview,
    delete_interview,
    get_evaluation,
    get_interview,
    get_recording,
    get_transcript,
    list_interviews,
    list_participants,
    remove_participant,
    reschedule_interview,
    trigger_analysis,
)
from boooply.sandbox.limits import Allowance
from boooply.sandbox.queries import read_calendar_query
from boooply.sandbox.rules import JOB_DESCRIPTION, PROVISION
from boooply.sandbox.state import Payload, State
from boooply.sandbox.views import organization_view, slot_view

__all__ = ["OPERATIONS", "Operation"]

# ---- the platform


def create_organization_api_key(state: State, context: RequestContext) -> Payload:
    """Mint a key for an organization of the platform; the first call creates the organization."""
    body = context.body
    check_fields(PROVISION, body)
    members = (member["email"].lower() for member in body.get("teamMembers", ()))
    organization = state.provision(body["organizationId"], body.get("organizationName"), members)
    return {
        "apiKey": state.mint(organization.id),
        "userId": body["userId"],
        "userEmail": body["userEmail"],
        "organizationId": body["organizationId"],
        "organizationName": organization.name,
        "meetingBaseUrl": state.base_url,
        "apiBaseUrl": state.base_url,
        "message": "Keep this key: it is not shown again.",
    }


# ---- calendars, AI, organization


def get_availability(state: State, context: RequestContext) -> Payload:
    """Show the free slots of an interviewer."""
    query = read_calendar_query(context.query)
    if not is_connected(query.email):
        return {"calendarConnected": False, "slots": [], "message": "No Google Calendar is connected."}
    slots = free_slots(query.email, query.duration_minutes, query.days, state.clock.now())
    return {
        "calendarConnected": True,
        "email": query.email,
        "durationMinutes": query.duration_minutes,
        "days": query.days,
        "slots": [slot_view(slot) for slot in slots],
        "total": len(slots),
    }


def get_busy_blocks(state: State, context: RequestContext) -> Payload:
    """Show the busy blocks of an interviewer."""
    query = read_calendar_query(context.query)
    has_calendar = is_connected(query.email)
    blocks = busy_blocks(query.email, query.days, state.clock.now()) if has_calendar else []
    return {
        "calendarConnected": has_calendar,
        "email": query.email,
        "days": query.days,
        "timezone": TIMEZONE,
        "busyBlocks": [slot_view(block) for block in blocks],
        "total": len(blocks),
    }


def generate_job_description(_state: State, context: RequestContext) -> Payload:
    """Write a job description from the given facts."""
    body = context.body
    check_fields(JOB_DESCRIPTION, body)
    given = (body.get(name) for name in ("seniority", "department", "workSetup", "employmentType"))
    facts = ", ".join(fact for fact in given if fact)
    skills = ", ".join(body.get("skills", ())) or "curiosity"
    about = f" ({facts})" if facts else ""
    return {"description": f"We are looking for a {body['jobRole']}{about}. What you bring: {skills}."}


def get_organization(state: State, context: RequestContext) -> Payload:
    """Show the organization of the key."""
    return {"organization": organization_view(state.organization(context.organization_id))}


# ---- the table


@frozen(kw_only=True)
class Operation:
    """An operation of the API.

    Attributes:
        name: The name in the SDKs and in `Call.operation`.
        opens: The kind of key that it requires.
        allowance: Its rate-limit class.
        perform: The function that carries it out.
        reads_body: Whether it reads a body, or ignores it.
    """

    name: str
    method: str
    path: str
    perform: Callable[[State, RequestContext], Payload]
    allowance: Allowance
    opens: Literal["platform", "organization"] = "organization"
    status: int = 200
    reads_body: bool = False


def _read(name: str, path: str, perform: Callable[[State, RequestContext], Payload]) -> Operation:
    return Operation(name=name, method="GET", path=f"/api/integration/{path}", perform=perform, allowance="reads")


def _write(
    name: str,
    route: str,
    perform: Callable[[State, RequestContext], Payload],
    *,
    status: int = 200,
    reads_body: bool = True,
    allowance: Allowance = "writes",
) -> Operation:
    method, path = route.split(" ")
    return Operation(
        name=name,
        method=method,
        path=f"/api/integration/{path}",
        perform=perform,
        allowance=allowance,
        status=status,
        reads_body=reads_body,
    )


ONE: Final = "interviews/{code}"
PERSON: Final = "interviews/{code}/participants/{participant_id}"

OPERATIONS: Final = (
    Operation(
        name="create_organization_api_key",
        method="POST",
        path="/api/server-auth/create-api-key",
        perform=create_organization_api_key,
        allowance="writes",
        opens="platform",
        status=201,
        reads_body=True,
    ),
    _write("interviews.create", "POST interviews", create_interview, status=201),
    _read("interviews.list", "interviews", list_interviews),
    _read("interviews.get", ONE, get_interview),
    _write("interviews.cancel", f"PATCH {ONE}/cancel", cancel_interview),
    _write("interviews.reschedule", f"PATCH {ONE}/reschedule", reschedule_interview),
    _write("interviews.delete", f"DELETE {ONE}", delete_interview, reads_body=False),
    _write("interviews.add_participants", f"POST {ONE}/participants", add_participants, status=201),
    _read("interviews.list_participants", f"{ONE}/participants", list_participants),
    _write("interviews.remove_participant", f"DELETE {PERSON}", remove_participant, reads_body=False),
    _read("interviews.get_recording", f"{ONE}/recording", get_recording),
    _read("interviews.get_transcript", f"{ONE}/transcript", get_transcript),
    _read("interviews.get_evaluation", f"{ONE}/evaluation", get_evaluation),
    _write("interviews.trigger_analysis", f"POST {ONE}/analyze", trigger_analysis, reads_body=False),
    _read("interviews.get_availability", "availability", get_availability),
    _read("interviews.get_busy_blocks", "busy-blocks", get_busy_blocks),
    _write("ai.generate_job_description", "POST generate-job-description", generate_job_description, allowance="ai"),
    _read("organization.get", "organization", get_organization),
)
