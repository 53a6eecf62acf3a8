"""The properties of a request except its bytes, and the reads that show its effect."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from boooply import AIInterview, APIStatusError, Candidate, DecodingError, HumanInterview, Participant, Tenant
from boooply.models import Cancellation, Invitation
from boooply.models.requests import Rescheduling
from boooply.protocol import endpoints
from boooply.protocol.messages import Request, Response

JANE = Candidate(name="Jane", email="jane@example.com")
BOB = Participant(name="Bob", email="bob@example.com", role="INTERVIEWER")


def respond(payload: Any, status: int = 200) -> Response:
    return Response(status=status, headers={}, body=json.dumps(payload).encode())


def cancelling() -> Request:
    return endpoints.CANCEL_INTERVIEW.request(body=Cancellation(reason="late"), meeting_code="c")


def removing() -> Request:
    return endpoints.REMOVE_PARTICIPANT.request(meeting_code="c", participant_id="p2")


def moving() -> Request:
    return endpoints.RESCHEDULE_INTERVIEW.request(
        body=Rescheduling(scheduled_at=datetime(2030, 5, 6, 12, tzinfo=UTC)), meeting_code="c"
    )


def test_a_request_names_what_and_whom_it_is_about() -> None:
    mint = endpoints.CREATE_ORGANIZATION_API_KEY.request(
        body=Tenant(user_id="1", user_email="a@b.example", organization_id="org_1")
    )
    assert (mint.identity, mint.people, mint.may_be_empty) == ("org_1", (), False)
    one = endpoints.CREATE_INTERVIEW.request(body=AIInterview(job_role="Engineer", candidate=JANE))
    assert (one.identity, one.people) == (None, ("jane@example.com",))
    two = endpoints.CREATE_INTERVIEW.request(
        body=HumanInterview(job_role="Engineer", candidate=JANE, participants=(BOB,))
    )
    assert two.people == ("jane@example.com", "bob@example.com")
    twice = [Participant(name="Jane", email="Jane@Example.com", role="CANDIDATE")]
    once = endpoints.CREATE_INTERVIEW.request(body=AIInterview(job_role="Engineer", candidate=JANE, participants=twice))
    assert len(once.people) == 1
    more = endpoints.ADD_PARTICIPANTS.request(body=Invitation(participants=(BOB,)), meeting_code="c")
    assert (more.identity, more.people) == ("c", ("bob@example.com",))
    assert endpoints.DELETE_INTERVIEW.request(meeting_code="c").may_be_empty
    assert not endpoints.GET_INTERVIEW.request(meeting_code="c").may_be_empty


@pytest.mark.parametrize(
    ("request_", "read", "is_done"),
    [
        (cancelling(), {"meeting": {"meetingCode": "c", "sessionStatus": "CANCELLED"}}, True),
        (cancelling(), {"meeting": {"meetingCode": "c", "sessionStatus": "SCHEDULED"}}, False),
        (cancelling(), None, False),
        (moving(), {"meeting": {"meetingCode": "c", "scheduledAt": "2030-05-06T12:00:00.999Z"}}, True),
        (moving(), {"meeting": {"meetingCode": "c", "scheduledAt": "2030-05-06T12:00:01Z"}}, False),
        (moving(), {"meeting": {"meetingCode": "c", "scheduledAt": "2030-05-06T11:59:59.001Z"}}, True),
        (moving(), {"meeting": {"meetingCode": "c", "scheduledAt": "2030-05-06T11:59:59Z"}}, False),
        (moving(), {"meeting": {"meetingCode": "c"}}, False),
        (removing(), {"participants": [{"id": "p1"}]}, True),
        (removing(), {"participants": [{"id": "p1"}, {"id": "p2"}]}, False),
        (removing(), {"participants": []}, True),
        (removing(), None, True),
        (endpoints.DELETE_INTERVIEW.request(meeting_code="c"), None, True),
        (endpoints.DELETE_INTERVIEW.request(meeting_code="c"), {"meeting": {"meetingCode": "c"}}, False),
    ],
)
def test_a_read_shows_whether_it_has_been_carried_out(request_: Request, read: Any, is_done: bool) -> None:
    assert request_.reconcile is not None
    assert request_.reconcile.request.method == "GET"
    reconciled = request_.reconcile.reconciled(respond(read or {}, 200 if read else 404))
    assert (reconciled is not None) == is_done


def test_a_key_beside_an_error_is_masked_in_it() -> None:
    minted = "a-key-of-no-known-form"
    payload = {"success": False, "error": f"minted {minted} and failed", "apiKey": minted}
    with pytest.raises(APIStatusError) as caught:
        endpoints.CREATE_ORGANIZATION_API_KEY.parse(respond(payload))
    assert minted not in str(caught.value)
    assert minted not in caught.value.message


def test_a_body_that_is_no_json_is_described_by_size_and_type() -> None:
    response = Response(status=200, headers={"Content-Type": "text/plain; charset=utf-8"}, body=b"hello")
    with pytest.raises(DecodingError, match=r"found 5 bytes of text/plain$"):
        endpoints.GET_INTERVIEW.parse(response)


def test_only_a_request_for_a_key_mints() -> None:
    tenant = Tenant(user_id="1", user_email="a@b.example", organization_id="org_1")
    assert endpoints.CREATE_ORGANIZATION_API_KEY.request(body=tenant).mints
    assert not endpoints.GET_INTERVIEW.request(meeting_code="c-1").mints


def test_a_request_checks_that_a_response_is_its_own() -> None:
    request = endpoints.GET_INTERVIEW.request(meeting_code="c-1")

    def problem(code: str) -> str | None:
        body = json.dumps({"meeting": {"meetingCode": code}}).encode()
        return request.check(Response(status=200, headers={}, body=body, request=request))

    assert problem("c-1") is None
    assert problem("c-2") == "meetingCode: the response is about another interview"
