"""An error of the API that quotes the request does not carry a CV into a text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply import AIInterview, Candidate
from boooply.errors import APIStatusError, BadRequestError
from boooply.models.calendars import AvailabilityQuery
from boooply.protocol.endpoints import CREATE_INTERVIEW, GET_AVAILABILITY
from boooply.protocol.messages import Request, Response

CV = (
    'Jane Doe, born 1990.\n\n"Led" a team at C:\\new\\tools/dev\tfor 7 years; Łódź, 東京, 😀 and so.\r\nSalary: 90,000.'
)


def create(cv: str) -> Request:
    return CREATE_INTERVIEW.request(
        body=AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@x.example"), candidate_cv=cv)
    )


def failed(request: Request, text: str) -> APIStatusError:
    body = json.dumps({"success": False, "error": text, "code": text}).encode()
    with pytest.raises(BadRequestError) as caught:
        CREATE_INTERVIEW.parse(Response(status=400, headers={"X-Request-Id": text}, body=body, request=request))
    return caught.value


@pytest.mark.parametrize(
    "quote",
    [
        pytest.param(lambda cv: cv, id="raw"),
        pytest.param(json.dumps, id="escaped, in ASCII"),
        pytest.param(lambda cv: json.dumps(cv, ensure_ascii=False), id="escaped"),
        pytest.param(lambda cv: json.dumps(json.dumps({"cv": cv})), id="escaped twice"),
        pytest.param(lambda cv: json.dumps(cv).replace("/", "\\/"), id="escaped as in PHP"),
        pytest.param(lambda cv: cv[7:60], id="a part"),
        pytest.param(lambda cv: " ".join(cv.split()), id="in one line"),
        pytest.param(lambda cv: (create(cv).body or b"").decode(), id="the whole body"),
    ],
)
@pytest.mark.parametrize("cv", [CV, CV * 40], ids=["short", "long"])
def test_a_quoted_cv_is_masked(quote: Any, cv: str) -> None:
    error = failed(create(cv), f"cannot parse {quote(cv)}: at line 2")

    assert error.message.startswith("cannot parse ")
    assert "…" in error.message
    for shown in (str(error), repr(error), error.message, error.code or "", error.request_id or "", str(error.args)):
        for word in ("Jane Doe", "team at", "years", "東京", "u6771", "and so", "Salary"):
            assert word not in shown


def test_a_short_quote_is_shown() -> None:
    request = create(CV)
    assert request.body is not None

    for text in ("jobRole: 'Engineer' is not a role of yours", f"near {CV[40:60]!r}: bad", "no interview of that name"):
        assert failed(request, text).message == text
    assert (
        failed(request, r"a path C:\temp that is no quote at all").message == r"a path C:\temp that is no quote at all"
    )


@given(
    cv=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from("\n\t"), min_size=40, max_size=200
    ),
    start=st.integers(0, 150),
    length=st.integers(32, 200),
    escape=st.sampled_from([str, json.dumps]),
)
def test_no_run_of_32_characters_survives(cv: str, start: int, length: int, escape: Any) -> None:
    quoted = cv[start : start + length]
    message = failed(create(f"x{cv}"), f"bad: {escape(quoted)}").message

    runs = [quoted[i : i + 32] for i in range(len(quoted) - 31)]
    assert [run for run in runs if run in message or json.dumps(run)[1:-1] in message] == []


def test_a_quoted_query_is_masked() -> None:
    email = "a.rather.long.address.of.a.candidate@mail.example"
    request = GET_AVAILABILITY.request(query=AvailabilityQuery(email=email))
    for quote in (email, request.target):
        response = Response(status=404, headers={}, body=json.dumps({"error": f"no {quote}"}).encode(), request=request)
        with pytest.raises(APIStatusError) as caught:
            GET_AVAILABILITY.parse(response)
        assert "candidate@" not in str(caught.value)
