"""The door for JSON from elsewhere: ``from_dict``."""

import json
import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply import (
    AIInterview,
    Candidate,
    HumanInterview,
    Interview,
    InterviewRequest,
    Participant,
    Secret,
    Slot,
    TeamMeeting,
    TeamMember,
    Tenant,
    ValidationError,
    from_dict,
    to_dict,
)
from boooply.models import JobBrief, Rescheduling

NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)
JANE = {"name": "Jane", "email": "jane@example.com"}
HOST = {"name": "Ann", "email": "ann@acme.example", "role": "HOST"}
AI: dict[str, Any] = {"jobRole": "Cook", "candidate": JANE}
ACME: dict[str, Any] = {"userId": 1, "userEmail": "a@acme.example", "organizationId": "org_1"}


@pytest.mark.parametrize(
    ("model", "data", "made"),
    [
        (Candidate, JANE, Candidate(name="Jane", email="jane@example.com")),
        (Participant, HOST | {"avatarUrl": None}, Participant(name="Ann", email="ann@acme.example", role="HOST")),
        (Slot, {"start": "2030-05-06T14:00:00+02:00", "end": "2030-05-06T12:00:00Z"}, Slot(start=NOON, end=NOON)),
        (JobBrief, {"job_role": "Cook", "workSetup": "REMOTE"}, JobBrief(job_role="Cook", work_setup="REMOTE")),
        (Rescheduling, {"scheduledAt": NOON}, Rescheduling(scheduled_at=NOON)),
        (
            Tenant,
            ACME | {"userName": " ", "teamMembers": [{"email": "b@acme.example", "role": ""}]},
            Tenant(
                user_id="1",
                user_email="a@acme.example",
                organization_id="org_1",
                team_members=[TeamMember(email="b@acme.example")],
            ),
        ),
        (AIInterview, AI | {"candidateCV": "CV"}, AIInterview(job_role="Cook", candidate=JANE, candidate_cv="CV")),
        (AIInterview, AI | {"candidate_cv": "CV"}, AIInterview(job_role="Cook", candidate=JANE, candidate_cv="CV")),
        (
            AIInterview,
            AI | {"meetingType": "AI_ONLY", "isTeamMeeting": False},
            AIInterview(job_role="Cook", candidate=JANE),
        ),
        (InterviewRequest, AI | {"type": "human"}, HumanInterview(job_role="Cook", candidate=JANE)),
        (InterviewRequest, AI | {"meeting_type": "HUMAN"}, HumanInterview(job_role="Cook", candidate=JANE)),
        (
            InterviewRequest,
            {"meetingType": "HUMAN", "isTeamMeeting": True, "participants": [HOST]},
            TeamMeeting(participants=[HOST]),
        ),
        (TeamMeeting, {"meetingType": "HUMAN", "participants": [HOST]}, TeamMeeting(participants=[HOST])),
    ],
)
def test_a_dictionary_in_either_spelling_becomes_a_model(model: Any, data: dict[str, Any], made: object) -> None:
    assert from_dict(model, data) == made
    assert from_dict(model, data | {"title": None} if model is AIInterview else data) == made


@pytest.mark.parametrize(
    ("model", "data", "problem"),
    [
        (Candidate, {"name": "Jane"}, "email: is missing"),
        (Candidate, {"name": "Jane", "email": None}, "email: is missing"),
        (AIInterview, AI | {"candidate": {"name": "Jane"}}, "candidate.email: is missing"),
        (AIInterview, AI | {"candidate": JANE | {"email": "no"}}, "candidate.email: is not an e-mail address"),
        (AIInterview, {"candidate": JANE}, "job_role: is missing"),
        (AIInterview, {"candidate": JANE, "companyName": "Acme"}, "jobRole: is missing"),
        (AIInterview, AI | {"skills": ["a", ""]}, "skills[1]: is blank"),
        (AIInterview, AI | {"skils": ["a"]}, "skils: is unknown: did you mean skills?"),
        (
            AIInterview,
            AI | {"evaluationFocuss": "culture"},
            "evaluationFocuss: is unknown: did you mean evaluationFocus?",
        ),
        (AIInterview, AI | {"job_role": "Chef"}, "jobRole: is given twice, once in snake_case and once in camelCase"),
        (AIInterview, AI | {"schedulingMode": "FIXED"}, "scheduledAt: is required if schedulingMode is FIXED"),
        (
            AIInterview,
            AI | {"evaluationFocus": "x"},
            "evaluationFocus: must be one of knowledge, balanced, communication, p",
        ),
        (
            HumanInterview,
            AI | {"participants": [HOST, HOST | {"role": "BOSS"}]},
            "participants[1].role: must be one of CANDIDATE",
        ),
        (
            HumanInterview,
            AI | {"scheduling_mode": "CANDIDATE_PICKS", "available_slots": [{"start": "2030-05-06T12:00:00Z"}]},
            "availableSlots[0].end: is missing",
        ),
        (Tenant, ACME | {"organizationId": True}, "organizationId: must be text, a whole number or a UUID, not a bool"),
        (Tenant, ACME | {"userId": 1.0}, "userId: must be text, a whole number or a UUID, not a float"),
        (
            Tenant,
            ACME | {1: 2},
            "1: is unknown: known are userId, userEmail, organizationId, userName, organizationName",
        ),
        (Tenant, [ACME], "data: must be a dictionary, not a list"),
        (dict, ACME, "cls: must be a model of boooply, not dict"),
        (InterviewRequest, AI, "type: is missing: pass ai, human or team"),
        (InterviewRequest, AI | {"isTeamMeeting": False}, "type: is missing: pass ai, human or team"),
        (InterviewRequest, AI | {"type": "AI"}, "type: must be one of ai, human, team"),
        (InterviewRequest, AI | {"type": ["ai"]}, "type: must be one of ai, human, team"),
        (InterviewRequest, AI | {"meetingType": "TEAM"}, "meetingType: must be one of AI_ONLY, HUMAN"),
        (
            InterviewRequest,
            AI | {"meetingType": "AI_ONLY", "isTeamMeeting": True},
            "isTeamMeeting: contradicts the class, or another name",
        ),
        (
            InterviewRequest,
            AI | {"meetingType": "AI_ONLY", "isTeamMeeting": 1},
            "isTeamMeeting: must be one of True, False",
        ),
        (AIInterview, AI | {"type": "human"}, "type: contradicts the class"),
        (Interview, {"title": "x"}, "meetingCode: is missing"),
    ],
)
def test_an_error_names_the_whole_path_and_the_rule(model: Any, data: Any, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        from_dict(model, data)

    assert str(caught.value).startswith(problem)


def test_unknown_names_are_ignored_on_request_at_any_depth() -> None:
    data = AI | {"cid": 1, "candidate": JANE | {"cid": 2}, "participants": [HOST | {"cid": 3}], "type": "human"}

    made = from_dict(InterviewRequest, data, ignore_unknown=True)

    assert made == HumanInterview(job_role="Cook", candidate=JANE, participants=[HOST])
    with pytest.raises(ValidationError, match=r"candidate\.email: is missing"):
        from_dict(AIInterview, AI | {"candidate": {"name": "Jane", "cid": 2}}, ignore_unknown=True)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"skills": "knives"}, "skills: must be a list, not a str"),
        ({"title": ["a"]}, "title: must be text, not a list"),
        ({"title": {"a": 1}}, "title: must be text, not a dict"),
        ({"candidate": "Jane"}, "candidate: must be a Candidate or a dictionary, not a str"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_even_if_unknown_names_are_ignored(
    wrong: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        from_dict(AIInterview, AI | wrong, ignore_unknown=True)

    assert str(caught.value) == problem


def test_an_error_leads_to_no_value() -> None:
    cv = "Ten years at the stove"
    with pytest.raises(ValidationError) as caught:
        from_dict(AIInterview, AI | {"candidateCV": cv, "candidate": {"name": cv}})

    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    of_ours = [frame for frame in frames if frame.filename != __file__]
    assert of_ours
    assert not any(cv in value for frame in of_ours for value in (frame.locals or {}).values())
    assert caught.value.__context__ is None


def test_a_response_is_read_as_it_was_written() -> None:
    interview = Interview(meeting_code="c", scheduled_at=NOON, extra={"plan": "x"})

    assert from_dict(Interview, to_dict(interview, secrets=True)) == interview
    assert from_dict(Interview, {"code": "c", "participants": [{"joinToken": "abcdefghijkl"}]}).participants[
        0
    ].join_token == (Secret("abcdefghijkl"))


names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1)
people = st.builds(Candidate, name=names, email=st.just("a@b.example"), external_user_id=st.none() | names)


@given(candidate=people, cv=st.text().filter(str.strip), skills=st.lists(names, max_size=3))
def test_what_to_dict_writes_is_read_back(candidate: Candidate, cv: str, skills: list[str]) -> None:
    interview = AIInterview(job_role="Cook", candidate=candidate, candidate_cv=cv, skills=skills, scheduled_at=NOON)

    wire = json.loads(json.dumps(to_dict(interview)))

    assert to_dict(from_dict(InterviewRequest, wire)) == wire
    assert to_dict(from_dict(AIInterview, wire)) == wire
