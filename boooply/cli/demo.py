"""Who meets whom in the quickstart: pure, from a customer to the requests that invite its people."""

from collections.abc import Iterable
from typing import Final

from boooply.models import (
    AIInterview,
    Candidate,
    HumanInterview,
    Participant,
    ParticipantRole,
    SchedulingMode,
    Slot,
    TeamMeeting,
    TeamMember,
    Tenant,
)

ROLE: Final = "Frontend Engineer"
MINUTES: Final = 30
CANDIDATE: Final = Candidate(name="Jane Doe", email="jane.doe@candidate.example")

_QUESTIONS: Final = (
    "A page is slow, but only for some users. How do you begin?",
    "A release broke the checkout. What do you do first?",
)
_SLOTS: Final = 10  # the API takes 50; nobody reads more than these
_COLLEAGUES: Final = 3


def people(tenant: Tenant) -> tuple[TeamMember, ...]:
    """List who works at a customer: the user who connects it first, then the team, each address once."""
    user = TeamMember(email=tenant.user_email, name=tenant.user_name)
    # One address is one person, whatever its case: the API refuses to invite somebody twice.
    team = {member.email.lower(): member for member in tenant.team_members}
    team.pop(user.email.lower(), None)
    return user, *team.values()


def interviewer(tenant: Tenant) -> TeamMember:
    """Choose who leads the human interview: a colleague of the user, who may be the only one."""
    return people(tenant)[:2][-1]


def ai_interview() -> AIInterview:
    """Ask for an interview that the AI leads."""
    return AIInterview(job_role=ROLE, candidate=CANDIDATE, questions=_QUESTIONS, duration_minutes=MINUTES)


def human_interview(leader: TeamMember, free: Iterable[Slot]) -> HumanInterview:
    """Ask for an interview at one of the leader's free slots, which the candidate picks; without any, at once."""
    slots = tuple(free)[:_SLOTS]
    return HumanInterview(
        job_role=ROLE,
        candidate=CANDIDATE,
        participants=(_participant(leader, ParticipantRole.INTERVIEWER),),
        duration_minutes=MINUTES,
        scheduling_mode=SchedulingMode.CANDIDATE_PICKS if slots else SchedulingMode.IMMEDIATE,
        available_slots=slots,
    )


def team_meeting(tenant: Tenant) -> TeamMeeting:
    """Ask for a meeting in which the user and colleagues decide."""
    host, *colleagues = people(tenant)
    return TeamMeeting(
        title=f"Who becomes our {ROLE}?",
        agenda=("What the evaluations say", "Decision"),
        duration_minutes=MINUTES,
        participants=(
            _participant(host, ParticipantRole.HOST),
            *(_participant(member, ParticipantRole.PARTICIPANT) for member in colleagues[:_COLLEAGUES]),
        ),
    )


def _participant(member: TeamMember, role: ParticipantRole) -> Participant:
    name = member.name or member.email.partition("@")[0]
    return Participant(name=name, email=member.email, role=role)
