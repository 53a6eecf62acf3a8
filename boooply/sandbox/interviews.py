"""The operations on interviews and the people in them."""

import secrets
import uuid
from collections.abc import Iterable

from attrs import evolve

from boooply.sandbox.checks import check_fields
from boooply.sandbox.errors import conflict, malformed, not_found
from boooply.sandbox.queries import read_list_query, select
from boooply.sandbox.records import Interview, Participant
from boooply.sandbox.request_context import Payload, RequestContext
from boooply.sandbox.rules import CANCEL, Draft, NewPerson, new_people, read_draft, read_reschedule
from boooply.sandbox.state import State
from boooply.sandbox.views import meeting_view, page_view, participant_view

__all__ = [
    "add_participants",
    "cancel_interview",
    "create_interview",
    "delete_interview",
    "get_interview",
    "list_interviews",
    "list_participants",
    "remove_participant",
    "reschedule_interview",
]


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


def _title(draft: Draft) -> str:
    usual = "Team meeting" if draft.kind == "TEAM" else f"{draft.details['jobRole']} interview"
    return draft.title or usual


def _meeting(state: State, interview: Interview) -> Payload:
    return {"meeting": meeting_view(interview, state.base_url)}


def create_interview(state: State, visit: RequestContext) -> Payload:
    """Create an interview and invite everybody at once."""
    draft = read_draft(visit.body)
    organization = state.organization(visit.organization_id)
    now = state.clock.now()
    interview = state.put(
        Interview(
            id=str(uuid.uuid4()),
            code=state.new_code(draft.kind),
            organization_id=organization.id,
            kind=draft.kind,
            title=_title(draft),
            scheduled_at=draft.scheduled_at,
            duration_minutes=draft.minutes,
            participants=_people(draft.people),
            source_id=organization.external_org_id,
            source_platform=organization.platform,
            created_at=now,
            updated_at=now,
            details=draft.details,
        )
    )
    state.invite(interview)
    return _meeting(state, interview)


def list_interviews(state: State, visit: RequestContext) -> Payload:
    """List the organization's interviews."""
    return page_view(select(state.interviews(visit.organization_id), read_list_query(visit.query)), state.base_url)


def get_interview(state: State, visit: RequestContext) -> Payload:
    """Show an interview."""
    return _meeting(state, visit.interview(state))


def _refuse_when_settled(interview: Interview, verb: str) -> None:
    if interview.status in {"ACTIVE", "COMPLETED", "CANCELLED"}:
        raise malformed(f"an interview that is {interview.status} cannot be {verb}", "INVALID_STATUS")


def cancel_interview(state: State, visit: RequestContext) -> Payload:
    """Cancel an interview and tell everybody."""
    interview = visit.interview(state)
    check_fields(CANCEL, visit.body)
    _refuse_when_settled(interview, "cancelled")
    cancelled = state.put(evolve(interview, status="CANCELLED"))
    state.send("cancellation", cancelled, cancelled.participants)
    return _meeting(state, cancelled)


def reschedule_interview(state: State, visit: RequestContext) -> Payload:
    """Move an interview and tell everybody; one that failed is scheduled again."""
    interview = visit.interview(state)
    wanted = read_reschedule(visit.body)
    _refuse_when_settled(interview, "rescheduled")
    moved = state.put(
        evolve(
            interview,
            status="SCHEDULED",
            scheduled_at=wanted.scheduled_at,
            duration_minutes=interview.duration_minutes if wanted.minutes is None else wanted.minutes,
            details={**interview.details, "schedulingMode": "FIXED"},
        )
    )
    state.send("reschedule", moved, moved.participants)
    return _meeting(state, moved)


def delete_interview(state: State, visit: RequestContext) -> Payload:
    """Delete an interview for ever, whatever its status."""
    state.forget(visit.interview(state))
    return {"message": "The interview was deleted."}


def add_participants(state: State, visit: RequestContext) -> Payload:
    """Add people and invite them: all of them, or none if one is in already."""
    interview = visit.interview(state)
    newcomers = _people(new_people(visit.body))
    present = {person.email.lower() for person in interview.participants}
    if any(person.email.lower() in present for person in newcomers):
        raise conflict("a participant with this e-mail is in the interview already", "PARTICIPANT_EXISTS")
    grown = state.put(evolve(interview, participants=(*interview.participants, *newcomers)))
    state.send("invitation", grown, newcomers)
    return {"participants": [participant_view(person) for person in newcomers], "total": len(newcomers)}


def list_participants(state: State, visit: RequestContext) -> Payload:
    """List who takes part."""
    people = [participant_view(person) for person in visit.interview(state).participants]
    return {"participants": people, "total": len(people)}


def remove_participant(state: State, visit: RequestContext) -> Payload:
    """Remove one person, the last one too."""
    interview = visit.interview(state)
    staying = tuple(person for person in interview.participants if person.id != visit.participant_id)
    if len(staying) == len(interview.participants):
        raise not_found("the participant", "PARTICIPANT_NOT_FOUND")
    state.put(evolve(interview, participants=staying))
    return {"message": "The participant was removed."}
