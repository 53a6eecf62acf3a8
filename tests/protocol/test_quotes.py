"""An error of the API that quotes the request does not carry a CV into a text."""

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from boooply import AIInterview, Candidate
from boooply.errors import APIStatusError, BadRequestError
from boooply.models.calendars import AvailabilityQuery
from boooply.protocol.endpoints import CREATE_INTERVIEW, GET_AVAILABILITY
from boooply.protocol.messages import Request, Response

Escape = Callable[[str], str]

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


def test_a_text_that_is_all_quote_is_masked_from_32_characters_on() -> None:
    request = create("".join(chr(ord("a") + n % 26) for n in range(40)))

    assert failed(request, "abcdefghijklmnopqrstuvwxyzabcdef").message == "…"
    assert failed(request, "abcdefghijklmnopqrstuvwxyzabcde").message == "abcdefghijklmnopqrstuvwxyzabcde"


def nested(depth: int, *, ascii_only: bool) -> Escape:
    def escape(text: str) -> str:
        for _ in range(depth):
            text = json.dumps(text, ensure_ascii=ascii_only)
        return text

    return escape


def as_others(text: str) -> str:
    """Escape as some libraries do: slashes, what has a meaning in HTML, some letters."""
    written = json.dumps(text, ensure_ascii=False).replace("/", "\\/")
    return "".join([f"\\u{ord(char):04X}" if char in "<>&'é" else char for char in written])


def inside(escape: Escape, text: str) -> str:
    """Return an escaped text without the quotation marks that were added around it."""
    added = len(escape("")) // 2
    return escape(text)[added : -added or None]


def half_escaped(text: str) -> str:
    """Escape the backslash by its code, twice."""
    once = json.dumps(text, ensure_ascii=False)
    return once.replace("\\", "\\u005c").replace("\\", "\\u005C")


ESCAPES: dict[str, Escape] = {
    "raw": str,
    **{f"{n} times, in ASCII": nested(n, ascii_only=True) for n in range(1, 9)},
    **{f"{n} times": nested(n, ascii_only=False) for n in range(1, 9)},
    "as others do": as_others,
    "by codes": half_escaped,
}
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc"])
TROUBLE = st.sampled_from('\n\t"\\/<é東😀nu0')


@given(
    cv=st.text(LETTERS, min_size=40, max_size=200) | st.text(TROUBLE | LETTERS, min_size=40, max_size=200),
    start=st.integers(0, 150),
    length=st.integers(32, 200),
    escape=st.sampled_from(sorted(ESCAPES)),
)
@example(cv="0" * 31 + "\\" + "0" * 8, start=0, length=32, escape="raw")
@example(cv='\\"' * 20 + "0", start=0, length=32, escape="raw")
@example(cv="x\\n" + "0" * 37, start=2, length=32, escape="raw")
@example(cv='\\"\n' * 15, start=0, length=40, escape="4 times")
def test_no_run_of_32_characters_survives(cv: str, start: int, length: int, escape: str) -> None:
    quoted = cv[start : start + length]
    message = failed(create(f"x{cv}"), f"bad: {ESCAPES[escape](quoted)}").message

    runs = [quoted[i : i + 32] for i in range(len(quoted) - 31)]
    assert [run for run in runs if run.strip() and any(inside(way, run) in message for way in ESCAPES.values())] == []


@pytest.mark.parametrize(
    "text",
    [
        r"no \"Ω\" at C:\new\u0041",
        "no role: 東京\\n",
        f"no role: {json.dumps('東京都千代田区')}",
        "a word, and another one; " * 18,
    ],
)
def test_a_message_that_quotes_nothing_stays(text: str) -> None:
    assert failed(create("Ω" * 40), f"{text} and so on and on, for the candidate").message.startswith(text)


def steps_of(request: Request, text: str) -> int:
    """Count the calls that it takes to read an error, those of functions in C too."""
    body = json.dumps({"error": text}).encode()
    response = Response(status=400, headers={}, body=body, request=request)
    calls = 0

    def count(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        with pytest.raises(BadRequestError):
            CREATE_INTERVIEW.parse(response)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("text", ["word ", '\\"', "u005c", "東"])
def test_the_steps_grow_no_faster_than_the_texts(text: str) -> None:
    """A quote of 1 MB from a request of 1 MB takes ten times the steps of one of 100 kB, at most."""
    short, long = ["\\" + text * (size // len(text)) for size in (100_000, 1_000_000)]

    assert steps_of(create(long), long) <= 10 * steps_of(create(short), short)
    assert steps_of(create(long), f"{long}, but not so") <= 10 * steps_of(create(short), f"{short}, but not so")


def test_a_message_of_a_million_key_like_characters_is_masked_at_once() -> None:
    for text in ("BOOOPLY_" * 125_000, "BOOOPLY_" * 125_000 + "a", "BOOOPLY_-" * 100_000):
        assert len(failed(create(CV), text).message) <= 500


def test_a_quoted_query_is_masked() -> None:
    email = "a.rather.long.address.of.a.candidate@mail.example"
    request = GET_AVAILABILITY.request(query=AvailabilityQuery(email=email))
    for quote in (email, request.target):
        response = Response(status=404, headers={}, body=json.dumps({"error": f"no {quote}"}).encode(), request=request)
        with pytest.raises(APIStatusError) as caught:
            GET_AVAILABILITY.parse(response)
        assert "candidate@" not in str(caught.value)
