"""Responses that report an error, and responses that cannot be read."""

import json
import pickle
from contextlib import suppress

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply import errors
from boooply.errors import APIStatusError, DecodingError, RateLimitError
from boooply.protocol.endpoints import CREATE_INTERVIEW, DELETE_INTERVIEW, ENDPOINTS, GET_INTERVIEW
from boooply.protocol.errors import request_id_of
from boooply.protocol.messages import Response
from boooply.secret import Secret


def respond(status: int, body: object = b"", **headers: str) -> Response:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status=status, headers=named, body=octets)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (422, errors.UnprocessableEntityError),
        (429, errors.RateLimitError),
        (500, errors.ServerError),
        (502, errors.ServerError),
        (503, errors.ServerError),
        (504, errors.ServerError),
        (418, errors.APIStatusError),
        (302, errors.APIStatusError),
    ],
)
def test_each_status_has_its_error(status: int, error: type[APIStatusError]) -> None:
    with pytest.raises(APIStatusError) as caught:
        GET_INTERVIEW.parse(respond(status, {"success": False, "error": "No", "code": "NOPE"}))

    assert type(caught.value) is error
    assert (caught.value.status, caught.value.code, caught.value.operation) == (status, "NOPE", "interviews.get")


def test_characters_without_a_utf8_form_are_replaced() -> None:
    body = json.dumps({"error": "half \ud800 and \0", "code": "\udfff"}).encode()
    with pytest.raises(APIStatusError) as caught:
        GET_INTERVIEW.parse(respond(400, body))

    assert (caught.value.message, caught.value.code) == ("half \ufffd and \ufffd", "\ufffd")
    str(caught.value).encode()


def test_control_characters_and_marks_of_direction_of_a_response_do_not_reach_an_error() -> None:
    nasty = "see\r\n\x1b]0;x\x07\x9b2J\u2028\u202ehere\u200f\u2066\u061c"
    with pytest.raises(APIStatusError) as caught:
        GET_INTERVIEW.parse(respond(400, {"error": nasty, "code": nasty}, X_Request_Id=nasty))

    error = caught.value
    assert error.message == error.code == error.request_id == "see ]0;x 2J here "
    assert str(error).isprintable()
    assert "".join(filter(None, json.loads(json.dumps(error.args[2:5])))).isprintable()


@pytest.mark.parametrize("header", ["text/\x1b[2Jhtml", "\u202etxt", "bply_org_0123456789abcdef"])
def test_a_content_type_is_quoted_without_what_acts_on_a_terminal(header: str) -> None:
    with pytest.raises(DecodingError) as caught:
        GET_INTERVIEW.parse(respond(200, b"<", Content_Type=header))

    assert caught.value.problems[0].isprintable()
    assert "0123456789" not in str(caught.value)


def test_an_error_shows_everything_that_the_response_contains() -> None:
    body = {"success": False, "error": "Slow down", "code": "LIMIT"}
    response = respond(429, body, X_Request_Id="r-1", Retry_After="7")

    with pytest.raises(RateLimitError) as caught:
        CREATE_INTERVIEW.parse(response)

    assert str(caught.value) == "interviews.create: HTTP 429 LIMIT: Slow down (request r-1)"
    assert (caught.value.message, caught.value.request_id, caught.value.retry_after) == ("Slow down", "r-1", 7.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 2.5 ", 2.5),
        ("Sun, 17 Mar 2030 17:46:47 GMT", 7.0),
        ("Sun, 17 Mar 2030 17:46:00 GMT", 0.0),
        ("9" * 400, None),
        ("-1", None),
        ("soon", None),
    ],
)
def test_an_error_reads_retry_after_in_every_form(value: str, seconds: float | None) -> None:
    response = respond(503, b"", Retry_After=value, Date="Sun, 17 Mar 2030 17:46:40 GMT")

    with pytest.raises(errors.ServerError) as caught:
        GET_INTERVIEW.parse(response)

    assert caught.value.retry_after == seconds


PAGE = "a page of HTML instead of a response of the API"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        pytest.param(respond(502, b"<html>Bad Gateway</html>"), PAGE, id="HTML of a proxy"),
        pytest.param(
            respond(404, b"<p>Nothing here", Content_Type="text/html; charset=utf-8"),
            f"{PAGE}: check base_url",
            id="HTML",
        ),
        pytest.param(respond(404, b"Nothing here", Content_Type="text/plain"), "no reason given", id="text"),
        pytest.param(respond(503, b""), "an empty response", id="nothing"),
        pytest.param(respond(504, {"message": "timed out"}), "timed out", id="JSON of another shape"),
        pytest.param(respond(500, {"error": {"message": "nested"}}), "nested", id="nested"),
        pytest.param(respond(500, ["x"]), "no reason given", id="a list"),
        pytest.param(respond(500, {"error": 5, "code": 7}), "no reason given", id="numbers"),
        pytest.param(respond(500, b"\xff\xfe"), "no reason given", id="not UTF-8"),
        pytest.param(
            respond(301), "the API responded with a redirect, which is not followed: check base_url", id="3xx"
        ),
        pytest.param(respond(200, {"success": False, "error": "No"}), "No", id="200 that says no"),
        pytest.param(respond(400, {"error": "x" * 900}), "x" * 500, id="a long text"),
    ],
)
def test_errors_of_any_form_are_read(response: Response, message: str) -> None:
    with pytest.raises(APIStatusError) as caught:
        DELETE_INTERVIEW.parse(response)

    assert caught.value.message == message
    assert caught.value.status == response.status


@pytest.mark.parametrize(
    "secret",
    [
        "bply_org_0123456789abcdef",
        "bply_platform_0123456789",
        "boooply_tenant_live_0123456789",
        "Bearer 0123456789abcdef",
        "whsec_0123456789abcdef",
        "https://meet.example/c?token=0123456789abcdef",
    ],
)
def test_a_secret_that_the_api_repeats_is_masked(secret: str) -> None:
    with pytest.raises(APIStatusError) as caught:
        GET_INTERVIEW.parse(respond(400, {"error": f"bad: {secret}!", "code": secret}, X_Request_Id=secret))

    assert "0123456789" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


def test_the_request_id_of_a_response_is_without_its_key_and_quotes_of_its_request() -> None:
    key, quote = "a-key-of-no-known-form", "a-meeting-code-of-more-than-32-characters"
    response = attrs.evolve(
        respond(200, {}, X_Request_Id=f"r-1 {key} {quote}"),
        key=Secret(key),
        request=CREATE_INTERVIEW.request(query={"search": quote}),
    )
    assert request_id_of(response) == "r-1 …form …"
    assert request_id_of(respond(200, {}, X_Request_Id="r-1")) == "r-1"
    assert request_id_of(respond(200, {})) is None


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (respond(200, b"<html>", Content_Type="text/html; x"), "expected a JSON object, found 6 bytes of text/html"),
        (respond(200, b'{"success": tr'), "expected a JSON object, found 14 bytes of no content type"),
        (respond(200, b""), "expected a JSON object, found 0 bytes"),
        (respond(200, '"\udcff"'.encode("utf-8", "surrogateescape")), "expected a JSON object, found 3 bytes"),
        (respond(200, []), "expected a JSON object, found 2 bytes"),
        (respond(200, {"success": True}), "meetingCode: is missing"),
        (respond(200, {"meeting": {"meetingCode": {}}}), "meetingCode: expected text, found an object"),
    ],
)
def test_an_unreadable_response(response: Response, problem: str) -> None:
    with pytest.raises(DecodingError) as caught:
        GET_INTERVIEW.parse(response)

    assert caught.value.status == 200
    assert caught.value.problems[0].startswith(problem)
    assert str(caught.value).startswith("interviews.get: cannot read the response (HTTP 200): ")
    assert caught.value.__context__ is None


def test_a_content_type_is_quoted_up_to_80_characters() -> None:
    with pytest.raises(DecodingError) as caught:
        GET_INTERVIEW.parse(respond(200, b"hello", Content_Type=f"text/{'x' * 76}"))

    assert caught.value.problems == (f"expected a JSON object, found 5 bytes of text/{'x' * 75}",)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
# keys that the envelopes look for, so that the search comes upon them
shaped = st.dictionaries(
    st.sampled_from(
        [
            *("success", "meeting", "meetings", "pagination", "organization", "evaluation", "recording"),
            *("transcript", "participants", "description", "meetingCode", "code", "apiKey", "error"),
            *("recommendation", "slots"),
        ]
    ),
    json_values,
)


@given(row=st.sampled_from(ENDPOINTS), status=st.sampled_from([200, 201, 400, 429, 500]), body=shaped | json_values)
def test_any_response_is_a_result_or_a_typed_error(row, status: int, body: object) -> None:
    with suppress(APIStatusError, DecodingError):
        row.parse(respond(status, body))


@given(row=st.sampled_from(ENDPOINTS), body=st.binary())
def test_any_bytes_are_a_result_or_a_typed_error(row, body: bytes) -> None:
    with suppress(APIStatusError, DecodingError):
        row.parse(respond(200, body))


ERRORS = [
    errors.ConfigurationError("no key"),
    errors.ValidationError("code", "is empty"),
    errors.APIConnectionError("interviews.get", "refused"),
    errors.DeadlineExceededError("interviews.get", 3),
    errors.DecodingError("interviews.get", status=200, problems=("x",)),
    errors.NotFoundError("interviews.get", status=404, message="gone", code="X", request_id="r", retry_after=1),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_are_pickled_whole(error: errors.BoooplyError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
