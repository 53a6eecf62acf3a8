"""Requests as they go out: identities in paths, queries, bodies."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from boooply import AsyncBoooplyClient
from boooply.errors import ValidationError
from boooply.protocol.endpoints import ENDPOINTS, GET_INTERVIEW, REMOVE_PARTICIPANT
from boooply.protocol.messages import Idempotency, RateLimitClass, Response, path_segment, query_string, raw_request
from boooply.sandbox import Sandbox
from boooply.secret import Secret


@given(st.text())
def test_an_identity_is_one_segment_or_an_error(value: str) -> None:
    try:
        segment = path_segment("code", value)
    except ValidationError:
        return

    assert "/" not in segment
    assert unquote(segment) == value
    # yarl and every server would collapse dots, and end the path at a bare ? or #
    path = URL(f"http://host/a/{segment}/b", encoded=True).raw_path
    assert path == f"/a/{segment}/b"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "meeting_code: is empty"),
        (" ", "meeting_code: is empty"),
        (".", "meeting_code: cannot be '.'"),
        ("..", "meeting_code: cannot be '..'"),
        ("a\nb", "meeting_code: contains a control character"),
        ("a\x7fb", "meeting_code: contains a control character"),
        ("\ud800", "meeting_code: contains an unpaired surrogate, which UTF-8 cannot encode"),
        (7, "meeting_code: must be text, not an int"),
        (None, "meeting_code: must be text, not None"),
    ],
)
def test_an_identity_that_cannot_be_part_of_a_path(value: Any, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        GET_INTERVIEW.request(meeting_code=value)

    assert str(caught.value).startswith(problem)


def test_both_identities_are_quoted() -> None:
    request = REMOVE_PARTICIPANT.request(meeting_code="a/b", participant_id="c?d")

    assert request.target == "/api/integration/interviews/a%2Fb/participants/c%3Fd"


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ({}, ""),
        ({"status": ["A", "B"]}, "status=A,B"),
        ({"search": "a & b=c+d"}, "search=a%20%26%20b%3Dc%2Bd"),
        ({"email": "zoë+1@b.example"}, "email=zo%C3%AB%2B1@b.example"),
        ({"flag": True, "other": False, "none": None, "number": 1.5}, "flag=true&other=false&number=1.5"),
        ({"flags": [True, False], "numbers": (1, 2.5)}, "flags=true,false&numbers=1,2.5"),
        ({"from": datetime(2030, 5, 6, 12, tzinfo=UTC)}, "from=2030-05-06T12:00:00%2B00:00"),
        ({"at": [datetime(2030, 5, 6, tzinfo=timezone(-timedelta(hours=5)))]}, "at=2030-05-06T00:00:00-05:00"),
        ({"id": UUID(int=7)}, "id=00000000-0000-0000-0000-000000000007"),
    ],
)
def test_a_query(parameters: dict[str, Any], query: str) -> None:
    assert query_string(parameters) == query


HIDDEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Secret(HIDDEN), "a Secret"),
        (HIDDEN.encode(), "a bytes"),
        ({"key": HIDDEN}, "a dict"),
        ([HIDDEN, Secret(HIDDEN)], "a Secret"),
        ([HIDDEN, None], "None"),
    ],
)
async def test_a_parameter_of_another_type_is_rejected_and_not_shown(
    client: AsyncBoooplyClient, sandbox: Sandbox, value: Any, kind: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        await client.request("GET", "/api/integration/interviews", params={"search": value})

    assert str(caught.value) == f"params: must be text, numbers, booleans, times or lists of these, not {kind}"
    assert sandbox.calls == ()


def test_a_query_without_a_utf8_form() -> None:
    with pytest.raises(ValidationError, match=r"^params: contain an unpaired surrogate, which UTF-8 cannot encode$"):
        query_string({"search": "\ud800"})


def test_a_body_is_read_once() -> None:
    response = Response(status=200, headers={}, body=b'{"success": true}')

    assert response.json() == {"success": True}
    assert response.json() is response.json()


def test_json_nested_too_deep_is_no_json() -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        Response(status=200, headers={}, body=b"[" * 100_000).json()


OUTSIDE = "path: must start with exactly one / and contain no host: the host is part of base_url"
ENCODED = "path: contains characters that must be percent-encoded"


@pytest.mark.parametrize(
    ("method", "path", "problem"),
    [
        ("FETCH", "/api", "method: must be one of GET, POST, PUT, PATCH, DELETE"),
        ("GET", "api", OUTSIDE),
        ("GET", "", OUTSIDE),
        ("GET", "//other.example/api", OUTSIDE),
        ("GET", "https://other.example/", OUTSIDE),
        ("GET", "/a\\b", OUTSIDE),
        ("GET", "/a b", ENCODED),
        ("GET", "/a\nb", ENCODED),
        ("GET", "/ü", ENCODED),
        ("GET", "/a#b", ENCODED),
        ("GET", "/a/../b", "path: contains the segment . or .."),
        ("GET", "/a/./b", "path: contains the segment . or .."),
        ("GET", "/a/%2e%2e/b", "path: contains the segment . or .."),
        ("GET", "/a/..?b=/", "path: contains the segment . or .."),
    ],
)
def test_a_raw_request_that_leads_out_of_the_api(method: str, path: str, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        raw_request(method, path)

    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("method", "path", "params", "target", "limit", "idempotency"),
    [
        ("GET", "/a", None, "/a", RateLimitClass.READS, Idempotency.SAFE),
        ("get", "/a?b=1", {"c": 2}, "/a?b=1&c=2", RateLimitClass.READS, Idempotency.SAFE),
        ("POST", "/a", {"c": "d e"}, "/a?c=d%20e", RateLimitClass.WRITES, Idempotency.UNSAFE),
        ("DELETE", "/a%2Fb", None, "/a%2Fb", RateLimitClass.WRITES, Idempotency.UNSAFE),
        ("GET", "/a?b=/../c", None, "/a?b=/../c", RateLimitClass.READS, Idempotency.SAFE),
    ],
)
def test_a_raw_request(
    method: str, path: str, params: Any, target: str, limit: RateLimitClass, idempotency: Idempotency
) -> None:
    request = raw_request(method, path, params=params)

    assert (request.method, request.target) == (method.upper(), target)
    assert (request.limit, request.idempotency) == (limit, idempotency)
    assert (request.operation, request.template, request.wants_json, request.body) == ("request", "(raw)", False, None)


def test_a_raw_request_with_a_body() -> None:
    assert raw_request("POST", "/a", json={"b": None}).body == b'{"b":null}'
    assert raw_request("POST", "/a", json=False).body == b"false"


def test_a_page_of_html_is_not_the_response_of_a_raw_request() -> None:
    check = raw_request("GET", "/a").check

    assert check(Response(status=200, headers={}, body=b"<!DOCTYPE html><p>Log in")) == "a page of HTML"
    assert check(Response(status=200, headers={}, body=b'{"success": true}')) is None


def test_the_table_has_every_operation_of_the_contract() -> None:
    assert {(row.operation, row.method, row.limit.value, row.idempotency.value) for row in ENDPOINTS} == {
        ("create_organization_api_key", "POST", "writes", "unsafe"),
        ("organization.get", "GET", "reads", "safe"),
        ("interviews.create", "POST", "writes", "unsafe"),
        ("interviews.list", "GET", "reads", "safe"),
        ("interviews.get", "GET", "reads", "safe"),
        ("interviews.cancel", "PATCH", "writes", "idempotent"),
        ("interviews.reschedule", "PATCH", "writes", "idempotent"),
        ("interviews.delete", "DELETE", "writes", "idempotent"),
        ("interviews.add_participants", "POST", "writes", "unsafe"),
        ("interviews.list_participants", "GET", "reads", "safe"),
        ("interviews.remove_participant", "DELETE", "writes", "idempotent"),
        ("interviews.get_recording", "GET", "reads", "safe"),
        ("interviews.get_transcript", "GET", "reads", "safe"),
        ("interviews.get_evaluation", "GET", "reads", "safe"),
        ("interviews.trigger_analysis", "POST", "writes", "unsafe"),
        ("interviews.get_availability", "GET", "reads", "safe"),
        ("interviews.get_busy_blocks", "GET", "reads", "safe"),
        ("ai.generate_job_description", "POST", "ai", "unsafe"),
    }
