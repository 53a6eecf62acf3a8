"""The operations on interviews, their participants and their results."""

import secrets
import uuid
from collections.abc import Iterable

from attrs import evolve

from boooply.sandbox.checks import check_fields
from boooply.sandbox.context import RequestContext
from boooply.sandbox.evaluations import evaluation_payload
from boooply.sandbox.queries import read_list_query, select
from boooply.sandbox.recordings import recording
from boooply.sandbox.records import Interview, Organization, Participant
from boooply.sandbox.rules import CANCEL, Draft, NewPerson, new_people, read_draft, read_reschedule
from boooply.sandbox.state import Payload, State
from boooply.sandbox.transcripts import transcript
from boooply.sandbox.views import meeting_view, page_view, participant_view, presence_view
from boooply.sandbox.wire import conflict, malformed, not_found

__all__ = [
    "add_participants",
    "cancel_interview",
    "create_interview",
    "delete_interview",
    "get_evaluation",
    "get_interview",
    "get_recording",
    "get_transcript",
    "list_interviews",
    "list_participants",
    "remove_participant",
    "reschedule_interview",
    "trigger_analysis",
]

# ---- interviews


def _people(newcomers: Iterable[NewPerson]) -> tuple[Participant, ...]:
    return tuple(
        Participant(
            id=str(uuid.uuid4()),
            name=person.name,
            email=person.email,
            role=person.role,
            join_token=secrets.token_urlsafe(24),
            profile=person.profile,
        )
        for person in newcomers
    )


def _title(draft: Draft, organization: Organization) -> str:
    if draft.details.get("title") or draft.kind == "TEAM":
        return draft.details.get("title") or "Team Meeting"
    candidate = next((f" with {person.name}" for person in draft.people if person.role == "CANDIDATE"), "")
    company = draft.details.get("companyName") or organization.name
    kind = "AI Interview" if draft.kind == "AI" else "Interview"
    return f"{kind}{candidate} for {draft.details['jobRole']} at {company}"


def _meeting(state: State, interview: Interview) -> Payload:
    return {"meeting": meeting_view(interview, state.base_url)}


def create_interview(state: State, context: RequestContext) -> Payload:
    """Create an interview, count it against the plan, and invite the participants."""
    draft = read_draft(context.body)
    organization = state.organization(context.organization_id)
    now = state.clock.now()
    state.plan_use.count(organization.id, organization.plan, now)
    interview = state.put(
        Interview(
            id=str(uuid.uuid4()),
            code=state.new_code(draft.kind),
            organization_id=organization.id,
            kind=draft.kind,
            title=_title(draft, organization),
            scheduled_at=draft.scheduled_at,
            duration_minutes=draft.minutes,
            participants=_people(draft.people),
            source=None if organization.platform is None else organization.name,
            source_id=organization.external_org_id,
            source_platform=organization.platform,
            created_at=now,
            updated_at=now,
            details=draft.details,
        )
    )
    state.invite(interview)
    return _meeting(state, interview)


def list_interviews(state: State, context: RequestContext) -> Payload:
    """List the organization's interviews."""
    return page_view(select(state.interviews(context.organization_id), read_list_query(context.query)), state.base_url)


def get_interview(state: State, context: RequestContext) -> Payload:
    """Show an interview."""
    return _meeting(state, context.interview(state))


def _check_is_changeable(interview: Interview, verb: str) -> None:
    if interview.status in {"ACTIVE", "COMPLETED", "CANCELLED"}:
        raise malformed(f"an interview that is {interview.status} cannot be {verb}", "INVALID_STATUS")


def cancel_interview(state: State, context: RequestContext) -> Payload:
    """Cancel an interview and notify the participants."""
    interview = context.interview(state)
    check_fields(CANCEL, context.body)
    _check_is_changeable(interview, "cancelled")
    cancelled = state.put(evolve(interview, status="CANCELLED"))
    state.send("cancellation", cancelled, cancelled.participants)
    return _meeting(state, cancelled)


def reschedule_interview(state: State, context: RequestContext) -> Payload:
    """Reschedule an interview and notify the participants; a failed interview is scheduled again."""
    interview = context.interview(state)
    new = read_reschedule(context.body)
    _check_is_changeable(interview, "rescheduled")
    moved = state.put(
        evolve(
            interview,
            status="SCHEDULED",
            scheduled_at=new.scheduled_at,
            duration_minutes=interview.duration_minutes if new.minutes is None else new.minutes,
            details={**interview.details, "schedulingMode": "FIXED"},
        )
    )
    state.send("reschedule", moved, moved.participants)
    return _meeting(state, moved)


def delete_interview(state: State, context: RequestContext) -> Payload:
    """Delete an interview in any status."""
    state.delete(context.interview(state))
    return {"message": "Interview deleted"}


# ---- participants


def add_participants(state: State, context: RequestContext) -> Payload:
    """Add and invite all the people, or none of them if one is a participant already."""
    interview = context.interview(state)
    newcomers = _people(new_people(context.body))
    present = {person.email.lower() for person in interview.participants}
    if any(person.email.lower() in present for person in newcomers):
        raise conflict("a participant with this e-mail address is already in the interview", "PARTICIPANT_EXISTS")
    grown = state.put(evolve(interview, participants=(*interview.participants, *newcomers)))
    state.send("invitation", grown, newcomers)
    return {"participants": [participant_view(person) for person in newcomers]}


def list_participants(state: State, context: RequestContext) -> Payload:
    """List the participants."""
    people = [presence_view(person) for person in context.interview(state).participants]
    return {"participants": people, "total": len(people)}


def remove_participant(state: State, context: RequestContext) -> Payload:
    """Remove a participant, even the last one."""
    interview = context.interview(state)
    leaver = next((person for person in interview.participants if person.id == context.participant_id), None)
    if leaver is None:
        raise not_found("the participant", "PARTICIPANT_NOT_FOUND")
    state.put(evolve(interview, participants=tuple(one for one in interview.participants if one is not leaver)))
    return {"message": f"Participant {leaver.name} removed"}


# ---- results


def get_recording(state: State, context: RequestContext) -> Payload:
    """Show the recording, with a new pre-signed link."""
    interview = context.interview(state)
    found = recording(interview, state.base_url, state.signing_secret, state.clock.now())
    return {"recording": found, **({} if found else {"message": "No recording available"})}


def get_transcript(state: State, context: RequestContext) -> Payload:
    """Show the transcript."""
    return {"transcript": transcript(context.interview(state))}


def get_evaluation(state: State, context: RequestContext) -> Payload:
    """Show the evaluation."""
    return evaluation_payload(context.interview(state))


def trigger_analysis(state: State, context: RequestContext) -> Payload:
    """Analyze again; the new evaluation is available at once."""
    interview = context.interview(state)
    if interview.kind == "TEAM":
        raise malformed("a team meeting is not evaluated", "NOTHING_TO_ANALYZE")
    if interview.ended_at is None:
        raise malformed("there is nothing to analyze before the interview has taken place", "NOTHING_TO_ANALYZE")
    state.announce(state.put(evolve(interview, analyses=interview.analyses + 1)), is_reanalysis=True)
    return {"queued": True, "jobId": state.new_job_id()}
