"""Request objects check themselves on construction (contract sections 4 and 5.1)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import attrs
import pytest

import boooply
from boooply import (
    AIInterview,
    Candidate,
    HumanInterview,
    Participant,
    Slot,
    TeamMeeting,
    TeamMember,
    Tenant,
    from_dict,
)
from boooply.errors import ValidationError
from boooply.models import AvailabilityQuery, Cancellation, InterviewQuery, Invitation, JobBrief, Rescheduling
from boooply.participants import from_user

NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)
NAIVE = datetime(2030, 5, 6, 12)  # noqa: DTZ001 - must be rejected
JANE = Candidate(name="Jane", email="jane@example.com")
HOST = Participant(name="Ann", email="ann@acme.example", role="HOST")
SLOT = Slot(start=NOON, end=NOON + timedelta(minutes=30))

PROFILE = {"name": "Ann", "email": "ann@acme.example", "role": "HOST", "authProvider": "YOUR_PLATFORM"}

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
    InterviewQuery: {"limit": 20},
}

REJECTED: list[tuple[type, dict[str, Any], str]] = [
    (Tenant, {"organization_id": ""}, "organization_id: is missing"),
    (Tenant, {"organization_id": " "}, "organization_id: is blank"),
    (Tenant, {"organization_id": True}, "organization_id: must be text, a whole number or a UUID, not a bool"),
    (Tenant, {"organization_id": 7.0}, "organization_id: must be text, a whole number or a UUID, not a float"),
    (Tenant, {"organization_id": "a\nb"}, "organization_id: must be one line"),
    (Tenant, {"user_name": "a\fb"}, "user_name: contains a control character"),
    (Candidate, {"name": "a\u2028b"}, "name: must be one line"),
    (Tenant, {"user_name": 7}, "user_name: must be text, not an int"),
    (Tenant, {"organization_id": "a\x00b"}, "organization_id: contains a control character"),
    (Tenant, {"user_id": None}, "user_id: must be text, a whole number or a UUID, not None"),
    (Tenant, {"user_email": "admin"}, "user_email: is not an e-mail address"),
    (Tenant, {"user_email": "a@b@c"}, "user_email: is not an e-mail address"),
    (Tenant, {"user_email": "a b@c.example"}, "user_email: is not an e-mail address"),
    (Tenant, {"team_members": "Bob"}, "team_members: must be a list, not a str"),
    (Tenant, {"team_members": 5}, "team_members: must be a list, not an int"),
    (Tenant, {"team_members": {"email": "a@b"}}, "team_members: must be a list, not a dict"),
    (Tenant, {"team_members": [{"email": "a@b"}, "Bob"]}, "team_members[1]: must be a TeamMember or a dictionary, not"),
    (Tenant, {"team_members": [{"email": "a@b"}, {"name": "B"}]}, "team_members[1].email: is missing"),
    (TeamMember, {"role": "BOSS"}, "role: must be one of OWNER, ADMIN, MEMBER, not 'BOSS'"),
    (TeamMember, {"role": 1}, "role: must be one of OWNER, ADMIN, MEMBER"),
    (Candidate, {"name": "  "}, "name: is blank"),
    (Candidate, {"name": "Ja\nne"}, "name: must be one line"),
    (Candidate, {"name": "Ja\x00ne"}, "name: contains a control character"),
    (Candidate, {"email": "jane@example.com\n"}, "email: must be one line"),
    (Candidate, {"external_user_id": False}, "external_user_id: must be text, a whole number or a UUID, not a bool"),
    (Participant, {"role": "candidate"}, "role: must be one of CANDIDATE, INTERVIEWER"),
    (Participant, {"auth_provider": "APPLE"}, "auth_provider: must be one of TALENTFLOW"),
    (Slot, {"start": NAIVE}, "start: has no time zone"),
    (Slot, {"end": NOON - timedelta(minutes=1)}, "end: is before start"),
    (AIInterview, {"job_role": ""}, "job_role: is missing"),
    (AIInterview, {"title": "First\ntalk"}, "title: must be one line"),
    (AIInterview, {"candidate": "Jane"}, "candidate: must be a Candidate or a dictionary, not a str"),
    (AIInterview, {"candidate": {"name": "Jane"}}, "candidate.email: is missing"),
    (AIInterview, {"candidate": {"name": "Jane", "email": ""}}, "candidate.email: is missing"),
    (AIInterview, {"candidate": {"name": "Jane", "mail": "a@b"}}, "candidate.mail: is unknown: did you mean email?"),
    (
        AIInterview,
        {"candidate": None},
        "candidate: is missing: pass candidate, or a participant with the role CANDIDATE",
    ),
    (
        AIInterview,
        {"candidate": None, "participants": [HOST]},
        "candidate: is missing: pass candidate, or a participant with",
    ),
    (
        AIInterview,
        {"participants": [{"name": "J", "email": "JANE@example.com", "role": "HOST"}]},
        "participants[0].role: must be CANDIDATE, because candidate has the same e-mail address",
    ),
    (AIInterview, {"duration_minutes": 4}, "duration_minutes: must be at least 5 minutes, not 4"),
    (AIInterview, {"duration_minutes": 30.0}, "duration_minutes: must be a whole number"),
    (AIInterview, {"duration_minutes": 10**400}, "duration_minutes: has too many digits"),
    (AIInterview, {"duration_minutes": -(10**5000)}, "duration_minutes: has too many digits"),
    (AIInterview, {"duration_minutes": True}, "duration_minutes: must be a number, not a bool"),
    (AIInterview, {"scheduled_at": NAIVE}, "scheduled_at: has no time zone"),
    (
        AIInterview,
        {"scheduled_at": "2030-05-06"},
        "scheduled_at: must be a time with an offset, such as 2026-05-01T09:0",
    ),
    (
        AIInterview,
        {"scheduled_at": "tomorrow"},
        "scheduled_at: must be a time with an offset, such as 2026-05-01T09:00:",
    ),
    (
        AIInterview,
        {"scheduled_at": 7},
        "scheduled_at: must be a time with an offset, such as 2026-05-01T09:00:00Z, or a d",
    ),
    (AIInterview, {"scheduled_at": "0001-01-01T00:00:00+23:59"}, "scheduled_at: must be within the years 1 to 9999"),
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
        {"scheduling_mode": "CANDIDATE_PICKS", "available_slots": [SLOT, {"start": NOON, "end": NAIVE}]},
        "available_slots[1].end: has no time zone",
    ),
    (AIInterview, {"skills": "Python"}, "skills: must be a list, not a str"),
    (AIInterview, {"skills": ["Python", 3]}, "skills[1]: must be text, not an int"),
    (AIInterview, {"skills": ["Python", ""]}, "skills[1]: is blank"),
    (AIInterview, {"skills": ["Python", " "]}, "skills[1]: is blank"),
    (AIInterview, {"questions": [None]}, "questions[0]: must be text, not None"),
    (AIInterview, {"ai_generate": 1}, "ai_generate: must be True or False, not an int"),
    (AIInterview, {"evaluation_focus": "CULTURE"}, "evaluation_focus: must be one of knowledge"),
    (HumanInterview, {"candidate": None}, "participants: is missing: pass participants, candidate or both"),
    (TeamMeeting, {"participants": []}, "participants: must include at least one person with the role HOST"),
    (TeamMeeting, {"scheduling_mode": "CANDIDATE_PICKS"}, "scheduling_mode: must be IMMEDIATE or FIXED"),
    (Rescheduling, {"scheduled_at": NAIVE}, "scheduled_at: has no time zone"),
    (Invitation, {"participants": []}, "participants: is empty"),
    (JobBrief, {"work_setup": "OFFICE"}, "work_setup: must be one of REMOTE"),
    (AvailabilityQuery, {"days": 31}, "days: must be from 1 to 30 days, not 31"),
    (AvailabilityQuery, {"duration_minutes": 4}, "duration_minutes: must be at least 5 minutes, not 4"),
    (InterviewQuery, {"limit": 10**400}, "limit: has too many digits"),
    (InterviewQuery, {"score_max": float("nan")}, "score_max: must be from 0 to 100, not nan"),
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


@pytest.mark.parametrize("blank", [None, "", " \n"])
def test_an_optional_value_that_is_blank_is_absent(blank: str | None) -> None:
    blanks: dict[str, Any] = dict.fromkeys(
        ["title", "candidate_cv", "seniority", "scheduled_at", "external_job_id"], blank
    )

    assert AIInterview(**VALID[AIInterview], **blanks) == AIInterview(**VALID[AIInterview])


@pytest.mark.parametrize("number", [48213, "48213"])
def test_an_id_is_text_whatever_it_is_in_the_callers_database(number: int | str) -> None:
    tenant = Tenant(user_id=number, user_email="a@b.example", organization_id=UUID(int=7))

    assert (tenant.user_id, tenant.organization_id) == ("48213", "00000000-0000-0000-0000-000000000007")
    assert Candidate(name="Jane", email="jane@example.com", external_user_id=number).external_user_id == "48213"
    assert AIInterview(**VALID[AIInterview], external_job_id=number).external_job_id == "48213"


LONG = "\n  Page one\f\vPage\x00two\r\n\u2028 \ud800"


def test_long_texts_take_what_json_can_carry() -> None:
    interview = AIInterview(**VALID[AIInterview], candidate_cv=LONG, job_description=LONG, questions=[LONG])
    meeting = TeamMeeting(**VALID[TeamMeeting], agenda=[LONG])

    assert (interview.candidate_cv, interview.job_description, interview.questions) == (LONG, LONG, (LONG,))
    assert meeting.agenda == (LONG,)
    assert Cancellation(reason=LONG).reason == LONG


def test_nested_objects_may_be_dictionaries_in_either_spelling_and_times_may_be_text() -> None:
    interview = HumanInterview(
        job_role="Engineer",
        candidate={"name": "Jane", "email": "jane@example.com", "externalUserId": 7},
        participants=[{"name": "Ann", "email": "ann@acme.example", "role": "HOST", "external_user_id": None}],
        scheduling_mode="CANDIDATE_PICKS",
        available_slots=[{"start": "2030-05-06T12:00:00Z", "end": NOON + timedelta(minutes=30)}],
    )

    assert interview == HumanInterview(
        job_role="Engineer",
        candidate=Candidate(name="Jane", email="jane@example.com", external_user_id="7"),
        participants=[HOST],
        scheduling_mode="CANDIDATE_PICKS",
        available_slots=[SLOT],
    )
    assert Rescheduling(scheduled_at="2030-05-06T14:00:00+02:00").scheduled_at == NOON


@pytest.mark.parametrize(
    "make",
    [
        lambda: Candidate(name="Jane", email="jane@example.com", auth_provider="YOUR_PLATFORM"),
        lambda: AIInterview(
            job_role="Cook", candidate={"name": "J", "email": "j@a.example", "authProvider": "YOUR_PLATFORM"}
        ),
        lambda: from_user(PROFILE),
        lambda: from_dict(Candidate, {"name": "J", "email": "j@a.example", "authProvider": "YOUR_PLATFORM"}),
        lambda: InterviewQuery(type="HYBRID"),
    ],
)
def test_a_value_of_an_older_page_is_taken_with_a_warning_at_the_callers_line(make) -> None:
    with pytest.warns(
        DeprecationWarning, match="is from older documentation of the API, which may no longer accept it: use one of"
    ) as caught:
        make()

    assert [Path(one.filename) for one in caught] == [Path(__file__)]


def test_the_callers_line_may_be_in_a_package_whose_name_begins_as_ours() -> None:
    file = f"{Path(boooply.__file__).parent}_app/views.py"
    call = compile("Candidate(name='J', email='j@a.example', auth_provider='YOUR_PLATFORM')", file, "eval")
    with pytest.warns(DeprecationWarning, match="older documentation") as caught:
        eval(call, {"Candidate": Candidate})  # noqa: S307 - our own words

    assert [one.filename for one in caught] == [file]


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


@pytest.mark.parametrize("minutes", [5, 30, 45, None])
def test_slots_may_be_shorter_and_longer_than_the_interview(minutes: int | None) -> None:
    request = AIInterview(
        **VALID[AIInterview], scheduling_mode="CANDIDATE_PICKS", available_slots=[SLOT], duration_minutes=minutes
    )

    assert request.available_slots == (SLOT,)


def test_the_repr_leaves_out_the_cv() -> None:
    assert "Ten years" not in repr(AIInterview(job_role="Engineer", candidate=JANE, candidate_cv="Ten years"))
