"""Whether a response belongs to its request."""

from typing import Any

import attrs
import pytest

from boooply import AIInterview, Candidate, Interview, InterviewParticipant, ParticipantRole
from boooply.protocol.messages import Idempotency, RateLimitClass, Request
from boooply.protocol.subjects import mismatch

ANOTHER_PERSON = "email: the response is about another person"
ANOTHER_INTERVIEW = "meetingCode: the response is about another interview"
ANOTHER_LIST = "participants: an invited person is missing, and another person is listed"


@attrs.frozen
class Availability:
    email: str


def request(subject: Any) -> Request:
    return Request(
        operation="interviews.create",
        method="POST",
        target="/a",
        template="/a",
        limit=RateLimitClass.WRITES,
        idempotency=Idempotency.UNSAFE,
        subject=subject,
    )


INVITATION = request(AIInterview(job_role="Cook", candidate=Candidate(name="Jane", email="jane@example.com")))


def person(email: str | None, role: ParticipantRole | None = None) -> InterviewParticipant:
    return InterviewParticipant(email=email, role=role)


JANE, JOHN = person("Jane@example.com"), person("john@example.com")


@pytest.mark.parametrize(
    ("people", "problem"),
    [
        ((), None),
        ((JANE,), None),
        ((JANE, JOHN), None),
        ((JOHN,), ANOTHER_LIST),
        ((person(None),), None),
        ((person("john@example.com", ParticipantRole.HOST),), None),
        ((person("john@example.com", ParticipantRole.INTERVIEWER),), ANOTHER_LIST),
        ((person("john@example.com", ParticipantRole.HOST), JANE), None),
    ],
)
def test_another_person_must_not_stand_in_for_an_invited_one(
    people: tuple[InterviewParticipant, ...], problem: str | None
) -> None:
    assert mismatch(INVITATION, {}, people) == problem


@pytest.mark.parametrize("result", [None, "text", [JOHN], ("john@example.com",)])
def test_a_result_without_participants_names_nobody(result: Any) -> None:
    assert mismatch(INVITATION, {}, result) is None


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({}, None),
        ({"email": None}, None),
        ({"email": "JANE@example.com"}, None),
        ({"email": "john@example.com"}, ANOTHER_PERSON),
    ],
)
def test_the_email_of_a_response_must_be_the_one_that_was_asked_for(
    payload: dict[str, Any], problem: str | None
) -> None:
    assert mismatch(request(Availability("jane@example.com")), payload, None) == problem
    assert mismatch(INVITATION, payload, None) is None  # its subject has no e-mail address of its own
    assert mismatch(request(None), payload, None) is None


@pytest.mark.parametrize(
    ("asked", "payload", "result", "problem"),
    [
        ("c-1", {}, Interview(meeting_code="C-1"), None),
        ("c-1", {}, Interview(meeting_code="c-2"), ANOTHER_INTERVIEW),
        ("c-1", {"meetingCode": "c-1"}, Interview(meeting_code="c-2"), ANOTHER_INTERVIEW),
        ("c-1", {"meetingCode": "c-2"}, None, ANOTHER_INTERVIEW),
        ("c-1", {"recording": {"meetingCode": "c-2"}}, None, ANOTHER_INTERVIEW),
        ("c-1", {"recording": {"meetingCode": 2}}, None, None),
        ("c-1", {}, None, None),
        (None, {"meetingCode": "c-2"}, None, None),
        (None, {"meetingCode": " "}, None, "meetingCode: is empty"),
    ],
)
def test_a_response_must_not_name_another_interview(
    asked: str | None, payload: dict[str, Any], result: Any, problem: str | None
) -> None:
    assert mismatch(attrs.evolve(request(None), meeting_code=asked), payload, result) == problem
