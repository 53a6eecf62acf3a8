"""Request objects check themselves on construction (contract sections 4 and 5.1)."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import attrs
import pytest

from boooply import AIInterview, Candidate, HumanInterview, Participant, Slot, TeamMeeting, TeamMember, Tenant
from boooply.errors import ValidationError
from boooply.models import AvailabilityQuery, Invitation, JobBrief, Rescheduling

NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)
NAIVE = datetime(2030, 5, 6, 12)  # noqa: DTZ001 - must be rejected
JANE = Candidate(name="Jane", email="jane@example.com")
HOST = Participant(name="Ann", email="ann@acme.example", role="HOST")
SLOT = Slot(start=NOON, end=NOON + timedelta(minutes=30))

VALID: dict[type, dict[str, Any]] = {
    Tenant: {"user_id": "1", "user_email": "a@b.example", "organization_id": "org_1"},
    TeamMember: {"email": "a@b.example"},
    Candidate: {"name": "Jane", "email": "jane@example.com"},
    Participant: {"name": "Ann", "email": "ann@acme.example", "role": "HOST"},
    Slot: {"start": NOON, "end": NOON + timedelta(minutes=30)},
    AIInterview: {"job_role": "Engineer", "candidate": JANE},
    HumanInterview: {"job_role": "Engineer", "candidate": JANE},
    TeamMeeting: {"participants": [HOST]},
    Rescheduling: {"scheduled_at": NOON},
    Invitation: {"participants": [HOST]},
    JobBrief: {"job_role": "Engineer"},
    AvailabilityQuery: {"email": "a@b.example"},
}

REJECTED: list[tuple[type, dict[str, Any], str]] = [
    (Tenant, {"organization_id": ""}, "organization_id: is missing"),
    (Tenant, {"organization_id": " "}, "organization_id: is blank"),
    (Tenant, {"organization_id": 7}, "organization_id: must be text, not a int"),
    (Tenant, {"organization_id": "a\x00b"}, "organization_id: contains a control character"),
    (Tenant, {"user_id": None}, "user_id: must be text, not None"),
    (Tenant, {"user_email": "admin"}, "user_email: is not an e-mail address"),
    (Tenant, {"user_email": "a@b@c"}, "user_email: is not an e-mail address"),
    (Tenant, {"user_email": "a b@c.example"}, "user_email: is not an e-mail address"),
    (Tenant, {"team_members": "Bob"}, "team_members: must be a list, not a str"),
    (Tenant, {"team_members": 5}, "team_members: must be a list, not a int"),
    (Tenant, {"team_members": [{"email": "a@b"}]}, "team_members: must be a TeamMember, not a dict"),
    (TeamMember, {"role": "BOSS"}, "role: must be one of OWNER, ADMIN, MEMBER, not 'BOSS'"),
    (TeamMember, {"role": 1}, "role: must be one of OWNER, ADMIN, MEMBER"),
    (TeamMember, {"name": ""}, "name: is missing"),
    (Candidate, {"name": "  "}, "name: is blank"),
    (Participant, {"role": "candidate"}, "role: must be one of CANDIDATE, INTERVIEWER"),
    (Participant, {"auth_provider": "APPLE"}, "auth_provider: must be one of TALENTFLOW"),
    (Slot, {"start": NAIVE}, "start: has no time zone"),
    (Slot, {"end": NOON - timedelta(minutes=1)}, "end: is before start"),
    (AIInterview, {"job_role": ""}, "job_role: is missing"),
    (AIInterview, {"candidate": "Jane"}, "candidate: must be a Candidate, not a str"),
    (AIInterview, {"duration_minutes": 4}, "duration_minutes: must be at least 5 minutes, not 4"),
    (AIInterview, {"duration_minutes": 30.0}, "duration_minutes: must be a whole number"),
    (AIInterview, {"duration_minutes": True}, "duration_minutes: must be a number, not a bool"),
    (AIInterview, {"scheduled_at": NAIVE}, "scheduled_at: has no time zone"),
    (AIInterview, {"scheduled_at": "2030-05-06"}, "scheduled_at: must be a datetime, not a str"),
    (AIInterview, {"scheduling_mode": "FIXED"}, "scheduled_at: is required if scheduling_mode is FIXED"),
    (AIInterview, {"scheduling_mode": "LATER"}, "scheduling_mode: must be one of IMMEDIATE"),
    (AIInterview, {"scheduling_mode": "CANDIDATE_PICKS"}, "available_slots: is required if"),
    (AIInterview, {"available_slots": [SLOT]}, "scheduling_mode: must be CANDIDATE_PICKS if"),
    (
        AIInterview,
        {"scheduling_mode": "CANDIDATE_PICKS", "available_slots": [SLOT] * 51},
        "available_slots: must be at most 50 long, not 51",
    ),
    (
        HumanInterview,
        {"scheduling_mode": "CANDIDATE_PICKS", "available_slots": [SLOT], "duration_minutes": 31},
        "available_slots: must each last at least 31 minutes, as the interview does",
    ),
    (AIInterview, {"skills": "Python"}, "skills: must be a list, not a str"),
    (AIInterview, {"skills": ["Python", 3]}, "skills: must be text, not a int"),
    (AIInterview, {"ai_generate": 1}, "ai_generate: must be True or False, not a int"),
    (AIInterview, {"evaluation_focus": "CULTURE"}, "evaluation_focus: must be one of knowledge"),
    (HumanInterview, {"candidate": None}, "participants: is required unless candidate is given"),
    (TeamMeeting, {"participants": []}, "participants: must include at least one with the role HOST"),
    (TeamMeeting, {"scheduling_mode": "CANDIDATE_PICKS"}, "scheduling_mode: must be IMMEDIATE or FIXED"),
    (Rescheduling, {"scheduled_at": NAIVE}, "scheduled_at: has no time zone"),
    (Invitation, {"participants": []}, "participants: is empty"),
    (JobBrief, {"work_setup": "OFFICE"}, "work_setup: must be one of REMOTE"),
    (AvailabilityQuery, {"days": 31}, "days: must be from 1 to 30 days, not 31"),
    (AvailabilityQuery, {"duration_minutes": 4}, "duration_minutes: must be at least 5 minutes, not 4"),
]


@pytest.mark.parametrize(("model", "change", "problem"), REJECTED, ids=[f"{m.__name__} {p}" for m, _, p in REJECTED])
def test_what_the_api_would_reject_is_rejected_on_construction(
    model: type, change: dict[str, Any], problem: str
) -> None:
    model(**VALID[model])  # only the change makes it wrong

    with pytest.raises(ValidationError) as caught:
        model(**VALID[model] | change)

    assert str(caught.value).startswith(problem)
    assert caught.value.field == problem.partition(":")[0]


@pytest.mark.parametrize("model", VALID, ids=lambda model: model.__name__)
def test_requests_are_frozen_and_keyword_only(model: type) -> None:
    request = model(**VALID[model])

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(request, next(iter(VALID[model])), None)
    with pytest.raises(TypeError):
        model(*VALID[model].values())


def test_lists_become_tuples() -> None:
    request = AIInterview(job_role="Engineer", candidate=JANE, skills=["Python"], questions=iter(["Why?"]))

    assert (request.skills, request.questions) == (("Python",), ("Why?",))


class Skills(NamedTuple):
    """A row of a database, for example."""

    first: str
    second: str


def test_a_named_tuple_becomes_a_plain_tuple() -> None:
    skills = Skills("Python", "SQL")
    interview = AIInterview(job_role="Engineer", candidate=Candidate(name="J", email="j@a.example"), skills=skills)
    assert type(interview.skills) is tuple
    assert interview.skills == ("Python", "SQL")


def test_slots_of_the_interviews_length_can_be_picked() -> None:
    request = AIInterview(**VALID[AIInterview], scheduling_mode="CANDIDATE_PICKS", available_slots=[SLOT])

    assert request.available_slots == (SLOT,)


def test_the_repr_leaves_out_the_cv() -> None:
    assert "Ten years" not in repr(AIInterview(job_role="Engineer", candidate=JANE, candidate_cv="Ten years"))
