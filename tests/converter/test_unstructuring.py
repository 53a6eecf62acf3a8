"""Requests contain exactly what the contract names (sections 4 and 5.1)."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply import (
    AIInterview,
    Candidate,
    HumanInterview,
    InterviewParticipant,
    Participant,
    Secret,
    Slot,
    TeamMeeting,
    TeamMember,
    Tenant,
)
from boooply.converter import structure, to_dict, unstructure
from boooply.converter.unstructuring import _make_converter
from boooply.models import AvailabilityQuery, Cancellation, InterviewQuery, JobBrief, ParticipantRole, Rescheduling

JANE = Candidate(name="Jane", email="jane@example.com")
HOST = Participant(name="Ann", email="ann@acme.example", role=ParticipantRole.HOST)
INDIA = timezone(timedelta(hours=5, minutes=30))
NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)

WRITTEN = [
    pytest.param(
        Tenant(user_id="1", user_email="a@b.example", organization_id="org_1"),
        {"userId": "1", "userEmail": "a@b.example", "organizationId": "org_1"},
        id="a tenant, at least",
    ),
    pytest.param(
        Tenant(
            user_id="1",
            user_email="a@b.example",
            user_name="Jane",
            organization_id="org_1",
            organization_name="Acme",
            team_members=[TeamMember(email="bob@b.example", role="ADMIN"), TeamMember(email="c@b.example", name="C")],
        ),
        {
            "userId": "1",
            "userEmail": "a@b.example",
            "userName": "Jane",
            "organizationId": "org_1",
            "organizationName": "Acme",
            "teamMembers": [{"email": "bob@b.example", "role": "ADMIN"}, {"email": "c@b.example", "name": "C"}],
        },
        id="a tenant, whole",
    ),
    pytest.param(
        AIInterview(job_role="Engineer", candidate=JANE),
        {
            "meetingType": "AI_ONLY",
            "jobRole": "Engineer",
            "participants": [{"name": "Jane", "email": "jane@example.com", "role": "CANDIDATE"}],
        },
        id="an AI interview, at least",
    ),
    pytest.param(
        HumanInterview(job_role="Engineer", candidate=JANE, participants=[HOST], candidate_cv="CV", skills=["Go"]),
        {
            "meetingType": "HUMAN",
            "jobRole": "Engineer",
            "candidateCV": "CV",
            "skills": ["Go"],
            "participants": [
                {"name": "Jane", "email": "jane@example.com", "role": "CANDIDATE"},
                {"name": "Ann", "email": "ann@acme.example", "role": "HOST"},
            ],
        },
        id="a human interview",
    ),
    pytest.param(
        AIInterview(
            job_role="Engineer",
            candidate=Candidate(name="Jane", email="jane@example.com", external_user_id=7, auth_provider="GITHUB"),
            participants=[
                HOST,
                Participant(name="Jane Doe", email="JANE@example.com", role="CANDIDATE", external_user_id=8),
            ],
        ),
        {
            "meetingType": "AI_ONLY",
            "jobRole": "Engineer",
            "participants": [
                {"name": "Ann", "email": "ann@acme.example", "role": "HOST"},
                {
                    "name": "Jane Doe",
                    "email": "JANE@example.com",
                    "role": "CANDIDATE",
                    "externalUserId": "8",
                    "authProvider": "GITHUB",
                },
            ],
        },
        id="a candidate given twice",
    ),
    pytest.param(
        TeamMeeting(participants=[HOST], transcription_enabled=False, scheduled_at=NOON.astimezone(INDIA)),
        {
            "meetingType": "HUMAN",
            "isTeamMeeting": True,
            "transcriptionEnabled": False,
            "scheduledAt": "2030-05-06T12:00:00Z",
            "participants": [{"name": "Ann", "email": "ann@acme.example", "role": "HOST"}],
        },
        id="a team meeting",
    ),
    pytest.param(
        AIInterview(
            job_role="Engineer",
            candidate=JANE,
            scheduling_mode="CANDIDATE_PICKS",
            available_slots=[Slot(start=NOON.astimezone(INDIA), end=NOON + timedelta(hours=1))],
        ),
        {
            "meetingType": "AI_ONLY",
            "jobRole": "Engineer",
            "schedulingMode": "CANDIDATE_PICKS",
            "availableSlots": [{"start": "2030-05-06T12:00:00Z", "end": "2030-05-06T13:00:00Z"}],
            "participants": [{"name": "Jane", "email": "jane@example.com", "role": "CANDIDATE"}],
        },
        id="slots",
    ),
    pytest.param(Cancellation(), {}, id="a cancellation without a reason"),
    pytest.param(
        Rescheduling(scheduled_at=NOON, duration_minutes=45),
        {"scheduledAt": "2030-05-06T12:00:00Z", "durationMinutes": 45},
        id="a rescheduling",
    ),
    pytest.param(
        AvailabilityQuery(email="a@b.example", duration_minutes=45),
        {"email": "a@b.example", "duration": 45},
        id="availability, whose query name is duration",
    ),
    pytest.param(
        InterviewQuery(status=["ACTIVE"], date_field="created", date_from=NOON, page=2),
        {"status": ["ACTIVE"], "dateField": "created", "dateFrom": "2030-05-06T12:00:00Z", "page": 2},
        id="a list",
    ),
    pytest.param(
        JobBrief(job_role="Engineer", work_setup="REMOTE", employment_type="CONTRACT"),
        {"jobRole": "Engineer", "workSetup": "REMOTE", "employmentType": "CONTRACT"},
        id="a job brief",
    ),
]


@pytest.mark.parametrize(("request_object", "written"), WRITTEN)
def test_a_request_is_unstructured_as_the_contract_names_it(request_object: object, written: dict[str, object]) -> None:
    assert unstructure(request_object) == written


def plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(type(name) is str and plain(item) for name, item in value.items())
    return all(map(plain, value)) if type(value) is list else type(value) in {str, int, float, bool}


@pytest.mark.parametrize(("request_object", "written"), WRITTEN)
def test_a_request_is_unstructured_to_plain_json_types(request_object: object, written: dict[str, object]) -> None:
    assert plain(unstructure(request_object))
    assert json.loads(json.dumps(written)) == written


texts = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1).filter(str.strip)
parts = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="@"), min_size=1, max_size=9)
emails = st.builds("{}@{}".format, parts, parts)
members = st.builds(
    TeamMember, email=emails, name=st.none() | texts, role=st.none() | st.sampled_from(["OWNER", "ADMIN", "MEMBER"])
)


@given(
    tenant=st.builds(
        Tenant,
        user_id=texts,
        user_email=emails,
        organization_id=texts,
        user_name=st.none() | texts,
        organization_name=st.none() | texts,
        team_members=st.lists(members, max_size=3),
    )
)
def test_a_tenant_survives_the_round_trip(tenant: Tenant) -> None:
    wire = json.loads(json.dumps(unstructure(tenant)))

    assert structure(wire, Tenant) == tenant
    assert to_dict(tenant) == wire


moments = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - the same
    timezones=st.timezones(),
)


@given(moment=moments)
def test_a_time_is_sent_in_utc_and_is_the_same_moment(moment: datetime) -> None:
    written = unstructure(Rescheduling(scheduled_at=moment))["scheduledAt"]

    assert written.endswith("Z")
    assert datetime.fromisoformat(written) == moment.astimezone(UTC)


@pytest.fixture
def _local_time_of_india(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows cannot change the time zone of a process")
@pytest.mark.usefixtures("_local_time_of_india")
def test_a_time_is_sent_in_utc_wherever_the_program_runs() -> None:
    assert datetime(2030, 5, 6, 12, tzinfo=UTC).astimezone().utcoffset() == timedelta(hours=5, minutes=30)
    assert unstructure(Rescheduling(scheduled_at=NOON)) == {"scheduledAt": "2030-05-06T12:00:00Z"}


@pytest.mark.parametrize("secrets", [True, False])
def test_a_converter_writes_requests_responses_times_and_secrets(secrets: bool) -> None:
    converter = _make_converter(secrets=secrets)
    person = InterviewParticipant(id="1", join_token=Secret("abcdefghijkl"), joined_at=NOON, extra={"new": 1})

    assert converter.unstructure(person) == {"id": "1", "joinedAt": "2030-05-06T12:00:00Z"} | (
        {"joinToken": "abcdefghijkl", "new": 1} if secrets else {}
    )
    assert converter.unstructure(HOST) == {"name": "Ann", "email": "ann@acme.example", "role": "HOST"}
    assert converter.unstructure((Secret("abcdefghijkl"), NOON)) == ["abcdefghijkl", "2030-05-06T12:00:00Z"]
