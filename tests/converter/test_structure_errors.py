"""The exact errors for responses that cannot be structured, and the results for those that nearly cannot."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from boooply import Interview, Organization, OrganizationApiKey, Page, Secret, SessionStatus, Slot, Tenant
from boooply.converter import StructureError, structure, to_dict
from boooply.converter.structuring import _exactly
from boooply.models import Recording, TranscriptEntry

TIME = "2026-06-01T12:00:00Z"


@pytest.mark.parametrize(
    ("payload", "into", "says"),
    [
        ([], Interview, "the response: expected an object, found a list"),
        ("x", Interview, "the response: expected an object, found text"),
        (True, Interview, "the response: expected an object, found a boolean"),
        (1.5, Interview, "the response: expected an object, found a number"),
        (None, Interview, "the response: expected an object, found null"),
        ({}, tuple[Interview, ...], "the response: expected a list, found an object"),
        ([{"meetingCode": "1"}, []], tuple[Interview, ...], "[1]: expected an object, found a list"),
        ([{"code": "1"}, []], tuple[Interview, ...], "[1]: expected an object, found a list"),
        ({"apiKey": {}, "organizationId": "o"}, OrganizationApiKey, "apiKey: expected text, found an object"),
        ({"organizationId": "o"}, OrganizationApiKey, "apiKey: is missing"),
        ({"start": "soon", "end": TIME}, Slot, "start: expected an ISO 8601 time, found text"),
        ({"start": TIME, "end": 7}, Slot, "end: expected an ISO 8601 time, found a number"),
        ([TIME, None], tuple[datetime, ...], "[1]: expected an ISO 8601 time, found null"),
        (7, Mapping[str, Any], "the response: expected an object, found a number"),
    ],
)
def test_an_error_names_the_path_and_the_problem_and_never_the_value(payload: Any, into: Any, says: str) -> None:
    with pytest.raises(StructureError) as caught:
        structure(payload, into)

    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("kind", "fitting", "wrong", "found"),
    [
        (int, 7, True, "a boolean"),
        (int, 7, "7", "text"),
        (float, 7, None, "null"),
        (float, 7.5, [7.5], "a list"),
        (bool, False, 0, "a number"),
    ],
)
def test_only_a_value_of_exactly_this_type_is_read(kind: type, fitting: object, wrong: object, found: str) -> None:
    read = _exactly("what is wanted", kind)

    assert read(fitting, None) is fitting
    with pytest.raises(StructureError) as caught:
        read(wrong, None)
    assert str(caught.value) == f"the response: expected what is wanted, found {found}"


@pytest.mark.parametrize(
    ("wire", "name", "value", "read"),
    [
        ("title", "title", "x", "x"),
        ("title", "title", 7, "7"),
        ("isTeamMeeting", "is_team_meeting", False, False),
        ("durationMinutes", "duration_minutes", 30, 30),
        ("scheduledAt", "scheduled_at", TIME, datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("scheduledAt", "scheduled_at", "2026-06-01T12:00:00", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("sessionStatus", "session_status", "COMPLETED", "COMPLETED"),
        ("sessionStatus", "session_status", "BRAND_NEW", "BRAND_NEW"),
    ],
)
def test_a_value_is_structured_as_its_type(wire: str, name: str, value: Any, read: Any) -> None:
    interview = structure({"meetingCode": "c", wire: value}, Interview)
    assert getattr(interview, name) == read
    assert interview.extra == {}


@pytest.mark.parametrize(
    ("wire", "name", "value"),
    [
        ("title", "title", []),
        ("title", "title", {}),
        ("isTeamMeeting", "is_team_meeting", "yes"),
        ("isTeamMeeting", "is_team_meeting", 1),
        ("durationMinutes", "duration_minutes", "30"),
        ("durationMinutes", "duration_minutes", True),
        ("scheduledAt", "scheduled_at", "soon"),
        ("scheduledAt", "scheduled_at", 7),
        ("sessionStatus", "session_status", []),
        ("participants", "participants", {}),
        ("participants", "participants", ["x"]),
    ],
)
def test_an_optional_value_of_the_wrong_type_goes_to_extra(wire: str, name: str, value: Any) -> None:
    interview = structure({"meetingCode": "c", wire: value, "new": 1}, Interview)
    assert getattr(interview, name) == getattr(Interview(meeting_code="c"), name)
    assert interview.extra == {wire: value, "new": 1}


def test_an_unknown_field_may_have_the_name_of_a_field_of_ours() -> None:
    interview = structure({"meetingCode": "c", "extra": 1, "session_status": "x"}, Interview)
    assert interview.extra == {"extra": 1, "session_status": "x"}
    assert interview.session_status is None


def test_structuring_leaves_the_payload_unchanged() -> None:
    payload = {"code": "c", "scheduledAt": 7, "new": 1}
    structure(payload, Interview)
    assert payload == {"code": "c", "scheduledAt": 7, "new": 1}


def test_items_may_be_unknown_members_or_of_several_types() -> None:
    statuses = structure(["COMPLETED", "BRAND_NEW", 7], tuple[SessionStatus | str, ...])
    assert statuses == (SessionStatus.COMPLETED, "BRAND_NEW", "7")
    assert type(statuses[0]) is SessionStatus
    moments = structure([TIME, "00:01:07", 7], tuple[datetime | str, ...])
    assert moments == (datetime(2026, 6, 1, 12, tzinfo=UTC), "00:01:07", "7")
    with pytest.raises(StructureError, match=r"^\[1\]: expected text, found a list$"):
        structure([TIME, []], tuple[datetime | str, ...])
    with pytest.raises(StructureError, match=r"^\[0\]: expected text, found an object$"):
        structure([{}], tuple[SessionStatus | str, ...])


def test_the_error_of_a_validator_becomes_a_structure_error() -> None:
    tenant = {"userId": "1", "userEmail": "nobody", "organizationId": "org_1"}
    with pytest.raises(StructureError) as caught:
        structure(tenant, Tenant)
    assert str(caught.value) == "userEmail: is not an e-mail address"


@pytest.mark.parametrize("value", [TIME, "00:01:07"])
def test_the_first_type_of_a_union_that_fits_is_used(value: str) -> None:
    entry = structure({"timestamp": value}, TranscriptEntry)
    assert entry.timestamp == (datetime(2026, 6, 1, 12, tzinfo=UTC) if value == TIME else value)


def test_null_means_absent_everywhere() -> None:
    nulls = {"meetingCode": "c", "id": None, "participants": None, "scheduledAt": None, "isTeamMeeting": None}
    assert structure(nulls, Interview) == structure({"code": "c"}, Interview) == Interview(meeting_code="c")


def test_a_page_and_its_interviews() -> None:
    page = structure({"meetings": [{"id": "1", "code": "c"}, {"id": "2", "meetingCode": "d", "code": "e"}]}, Page)
    assert [(one.id, one.code) for one in page.items] == [("1", "c"), ("2", "d")]


def test_a_response_is_unstructured_without_secrets_unless_asked_for() -> None:
    recording = structure({"duration": 1.5, "createdAt": TIME, "videoUrl": "https://s3", "new": [1]}, Recording)
    assert recording.video_url == Secret("https://s3")
    assert to_dict(recording) == {"duration": 1.5, "createdAt": "2026-06-01T12:00:00Z"}
    assert recording.extra == {"new": [1]}
    assert to_dict(recording, secrets=True)["videoUrl"] == "https://s3"
    assert to_dict(structure({"id": "1", "plan": None, "new": None}, Organization)) == {"id": "1"}
