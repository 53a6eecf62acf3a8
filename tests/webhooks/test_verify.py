"""Which webhooks are accepted, and that all others raise a typed error that quotes nothing."""

import json
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from traceback import walk_tb
from typing import Any

import pytest

from boooply import (
    ConfigurationError,
    InvalidSignatureError,
    MalformedEventError,
    Secret,
    StaleEventError,
    ValidationError,
)
from boooply.webhooks import EvaluationEvent, UnknownEvent, Webhook, sign

SECRET = "whsec_0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DATA: dict[str, Any] = {
    "meetingCode": "Boooply-AI-1",
    "timestamp": "2026-06-01T12:00:00.000Z",
    "candidateName": "Zoë",
    "sourceId": "org_1",
}


def body_of(event: str = "interview.evaluation", /, **data: Any) -> bytes:
    return json.dumps({"event": event, "data": {**DATA, **data}}, ensure_ascii=False, separators=(",", ":")).encode()


def signed(body: bytes, secret: str = SECRET, **more: str) -> dict[str, str]:
    return {"X-Boooply-Signature": sign(body, secret), **more}


def test_a_genuine_event_is_read() -> None:
    body = body_of(overallRating=4)
    event = Webhook(SECRET).verify(body, signed(body))
    assert isinstance(event, EvaluationEvent)
    assert (event.meeting_code, event.source_id, event.overall_rating) == ("Boooply-AI-1", "org_1", 4)


def test_whole_numbers_of_any_size_stay_as_they_are() -> None:
    body = body_of(sourceId=2**64, transcriptCount=2**70, new=-(2**70))
    event = Webhook(SECRET).verify(body, signed(body))
    assert event.source_id == "18446744073709551616"
    assert event.extra["new"] == -(2**70)


class _OwnHeaders:
    """The headers of a framework, which are no mapping, and whose iteration gives names alone."""

    def __init__(self, signature: str) -> None:
        self.signature = signature

    def __iter__(self) -> Iterator[str]:
        return iter(["X-Boooply-Signature"])

    def items(self) -> list[tuple[str, str]]:
        return [("X-Boooply-Signature", self.signature)]


@pytest.mark.parametrize("raw", [bytes, bytearray, memoryview, lambda body: memoryview(bytearray(body))])
def test_a_body_may_be_any_raw_bytes(raw: Any) -> None:
    body = body_of()
    assert Webhook(SECRET).verify(raw(body), signed(body)).source_id == "org_1"


@pytest.mark.parametrize(
    "form",
    [
        lambda signature: {"x-boooply-signature": signature},
        lambda signature: {"X-BOOOPLY-SIGNATURE": signature.upper()},
        lambda signature: {b"X-Boooply-Signature": signature.encode()},
        lambda signature: [("X-Boooply-Signature", signature), ("Accept", "*/*")],
        lambda signature: [(b"x-boooply-signature", signature.encode())],
        lambda signature: {"X-Boooply-Signature": [signature]},
        lambda signature: iter([("X-Boooply-Signature", signature)]),
        _OwnHeaders,
    ],
)
def test_headers_of_any_framework_are_accepted(form: Any) -> None:
    body = body_of()
    Webhook(SECRET).verify(body, form(sign(body, SECRET)))


@pytest.mark.parametrize(
    "given", [["whsec_new_one_0123456789", SECRET], (Secret(SECRET), "whsec_old_0123456789abcdef"), SECRET]
)
def test_each_of_several_secrets_verifies(given: Any) -> None:
    body = body_of()
    Webhook(given).verify(body, signed(body))


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_WEBHOOK_SECRET", f"whsec_other_0123456789abcdef, {SECRET},")
    body = body_of()
    Webhook().verify(body, signed(body))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (None, "BOOOPLY_WEBHOOK_SECRET"),
        ([], "BOOOPLY_WEBHOOK_SECRET"),
        ("bply_org_0123456789abcdef", "an organization key"),
        (str(Secret(SECRET)), "mask"),
        (b"whsec_0123456789abcdef", "not bytes"),
        (bytearray(b"whsec_0123456789abcdef"), "not bytearray"),
        (memoryview(b"whsec_0123456789abcdef"), "not memoryview"),
        ([b"whsec_0123456789abcdef"], "not bytes"),
        ([SECRET, 7], "not int"),
        ({SECRET: SECRET}, "not dict"),
        (7, "not int"),
        ("", "is missing"),
        ([SECRET, ""], "webhook secret 2 of 2 is empty: set it, or leave it out"),
        ("whsec_", "too short"),
        ("whsec_0123456789abcde", "at least 16 characters"),
        ("0123456789abcde", "at least 16 characters"),
        ("w", "too short"),
        ([SECRET, "whsec_old"], "too short"),
        ("None", "not filled in"),
        ("whsec_undefined", "not filled in"),
        ("${BOOOPLY_WEBHOOK_SECRET}", "not filled in"),
        ("$BOOOPLY_WEBHOOK_SECRET", "not filled in"),
        ("whsec_{{webhook_secret}}", "not filled in"),
        ("%BOOOPLY_WEBHOOK_SECRET%", "not filled in"),
        ("whsec_<your-secret-here>", "not filled in"),
    ],
)
def test_an_unusable_secret_is_rejected_with_the_reason(given: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Webhook(given)


@pytest.mark.parametrize("given", [b"whsec_0123456789abcdef", [SECRET, b"whsec_0123456789abcdef"], {SECRET: 1}])
def test_no_frame_of_a_rejection_shows_the_secret(given: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Webhook(given)
    frames = [frame.f_locals for frame, _ in walk_tb(caught.value.__traceback__)][1:]  # the first is this test
    assert frames
    assert "0123456789abcdef" not in repr(frames)


def test_a_secret_without_its_prefix_verifies() -> None:
    body = body_of()
    Webhook("0123456789abcdef").verify(body, {"X-Boooply-Signature": sign(body, "0123456789abcdef")})


@pytest.mark.parametrize("max_age", [0, -1, float("nan")])
def test_a_max_age_that_would_reject_everything_is_rejected(max_age: float) -> None:
    with pytest.raises(ConfigurationError, match="max_age"):
        Webhook(SECRET, max_age=max_age)


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({}, "is missing"),
        ({"X-Boooply-Signature": ""}, "64 hexadecimal digits"),
        ({"X-Boooply-Signature": "ä" * 64}, "64 hexadecimal digits"),
        ({"X-Boooply-Signature": "\ud800" * 64}, "64 hexadecimal digits"),
        ({"X-Boooply-Signature": "\uff11" * 64}, "64 hexadecimal digits"),
        ({"X-Boooply-Signature": "a" * 63}, "64 hexadecimal digits"),
        ({"X-Boooply-Signature": "a" * 64 + "\n"}, "64 hexadecimal digits"),
        ({"X-Boooply-Signature": "a" * 64}, "none of the secrets"),
        ({"X-Boooply-Signature": None}, "64 hexadecimal digits"),
        ([("X-Boooply-Signature", "a" * 64), (b"x-boooply-signature", b"a" * 64)], "2 times"),
        ([("X-Boooply-Signature", ["a" * 64, "b" * 64])], "2 times"),
    ],
)
def test_a_malformed_signature_is_rejected(headers: Any, problem: str) -> None:
    with pytest.raises(InvalidSignatureError, match=problem):
        Webhook(SECRET).verify(body_of(), headers)


def test_a_doubled_header_is_rejected_even_if_one_matches() -> None:
    body = body_of()
    twice = [*signed(body).items(), *signed(body).items()]
    with pytest.raises(InvalidSignatureError, match="2 times"):
        Webhook(SECRET).verify(body, twice)


def test_no_byte_can_be_altered() -> None:
    body = body_of()
    headers = signed(body)
    for place in range(len(body)):
        altered = bytes([*body[:place], body[place] ^ 1, *body[place + 1 :]])
        with pytest.raises(InvalidSignatureError):
            Webhook(SECRET).verify(altered, headers)


@pytest.mark.parametrize("secret", ["whsec_old_0123456789abcdef", SECRET[:-1], SECRET + "0", SECRET.upper()])
def test_another_secret_is_rejected(secret: str) -> None:
    body = body_of()
    with pytest.raises(InvalidSignatureError) as caught:
        Webhook(secret).verify(body, signed(body))
    assert not caught.value.is_reserialized


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"event":"interview.scores","data":{"meetingCode":"\xed\xa0\x80"}}', "not UTF-8"),
        (b"[" * 10_000 + b"]" * 10_000, "nested too deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deep"),
        (b"1" * 5000, "not JSON"),
        (b"NaN", "not JSON"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b"{}", "has no event name"),
        (b'{"event":7,"data":{}}', "has no event name"),
        (b'{"event":"","data":{}}', "has no event name"),
        (b'{"event":"interview.scores"}', "no object named data"),
        (b'{"event":"interview.scores","data":[]}', "no object named data"),
        (b'{"event":"interview.scores","data":{}}', r"data\.meetingCode is missing"),
        (b" " * (10 * 2**20 + 1), "larger than 10,485,760 bytes"),
        (b"\0" * 50 * 2**20, "larger than 10,485,760 bytes"),
    ],
    ids=range(18),
)
def test_a_signed_body_that_is_not_an_event_is_malformed(body: bytes, problem: str) -> None:
    with pytest.raises(MalformedEventError, match=problem):
        Webhook(SECRET).verify(body, signed(body))


@pytest.mark.parametrize("parsed", [{"event": "interview.scores"}, '{"event":"x"}', None, 7])
def test_the_error_for_a_parsed_body_says_how_to_get_the_bytes(parsed: Any) -> None:
    with pytest.raises(ValidationError, match=r"await request\.body\(\)"):
        Webhook(SECRET).verify(parsed, {})


@pytest.mark.parametrize("headers", [None, 7, "X-Boooply-Signature", [("a",)], [1]])
def test_what_is_not_headers_is_rejected(headers: Any) -> None:
    with pytest.raises(ValidationError, match="headers"):
        Webhook(SECRET).verify(body_of(), headers)


def test_a_diagnosis_stops_at_64_kb() -> None:
    long = body_of(summary="ä" * 40_000)
    again = json.dumps(json.loads(long)).encode()
    with pytest.raises(InvalidSignatureError) as caught:
        Webhook(SECRET).verify(again, signed(long))
    assert not caught.value.is_reserialized


# ---- age


@pytest.mark.parametrize("seconds", [0, 155, 86_400 * 30, -30])
def test_without_max_age_no_delivery_is_stale(seconds: float) -> None:
    body = body_of()
    Webhook(SECRET, clock=lambda: NOW + timedelta(seconds=seconds)).verify(body, signed(body))


@pytest.mark.parametrize(
    ("seconds", "stale"),
    [(0, None), (600, None), (601, "601 s in the past"), (-600, None), (-601, "601 s in the future")],
)
def test_max_age_applies_to_the_past_and_the_future(seconds: float, stale: str | None) -> None:
    body = body_of()
    webhook = Webhook(SECRET, max_age=600, clock=lambda: NOW + timedelta(seconds=seconds))
    if stale is None:
        webhook.verify(body, signed(body))
    else:
        with pytest.raises(StaleEventError, match=stale):
            webhook.verify(body, signed(body))


@pytest.mark.parametrize("timestamp", [None, "yesterday", 7])
def test_with_max_age_an_event_without_a_time_is_stale(timestamp: Any) -> None:
    body = body_of(timestamp=timestamp)
    with pytest.raises(StaleEventError, match="no signed time"):
        Webhook(SECRET, max_age=600).verify(body, signed(body))


def test_the_signature_is_checked_before_the_age() -> None:
    with pytest.raises(InvalidSignatureError):
        Webhook(SECRET, max_age=1).verify(body_of(), {"X-Boooply-Signature": "a" * 64})


# ---- the header of the event


def test_the_signed_name_wins_over_the_header() -> None:
    body = body_of()
    event = Webhook(SECRET).verify(body, signed(body, **{"X-Boooply-Event": "interview.recording"}))
    assert isinstance(event, EvaluationEvent)
    assert event.announced_as == "interview.recording"


@pytest.mark.parametrize("more", [{}, {"X-Boooply-Event": "interview.evaluation"}])
def test_a_header_that_agrees_is_not_recorded(more: dict[str, str]) -> None:
    body = body_of()
    assert Webhook(SECRET).verify(body, signed(body, **more)).announced_as is None


# ---- identity


def test_each_delivery_of_an_event_has_the_same_key_and_a_new_analysis_another() -> None:
    first, again = body_of(overallRating=3), body_of(overallRating=4)
    keys = [Webhook(SECRET).verify(body, signed(body)).idempotency_key for body in (first, first, again)]
    assert keys[0] == keys[1] != keys[2]


def test_an_unknown_event_keeps_all_its_data() -> None:
    body = body_of("interview.dreamt", depth=3)
    event = Webhook(SECRET).verify(body, signed(body))
    assert isinstance(event, UnknownEvent)
    assert event.event == "interview.dreamt"
    assert event.data == {**DATA, "depth": 3}


def test_an_unknown_event_needs_no_interview() -> None:
    body = b'{"event":"ping","data":{}}'
    assert Webhook(SECRET).verify(body, signed(body)).meeting_code == ""


# ---- secrets


def test_no_error_shows_the_body_or_the_headers() -> None:
    body = body_of(summary="a very private thought") + b" "
    headers = {"X-Boooply-Signature": "a" * 64, "Authorization": f"Bearer {SECRET}"}
    with pytest.raises(InvalidSignatureError) as caught:
        Webhook(SECRET).verify(body, headers)
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in report.stack if "/boooply/" in frame.filename]
    assert ours
    assert not [frame.name for frame in ours if "private thought" in str(frame.locals) or SECRET in str(frame.locals)]


def test_an_error_of_the_clock_shows_neither_the_secret_nor_the_body() -> None:
    body = body_of(summary="a very private thought")
    webhook = Webhook(SECRET, max_age=600, clock=lambda: NOW.replace(tzinfo=None))
    with pytest.raises(TypeError, match="offset-naive and offset-aware") as caught:
        webhook.verify(body, signed(body))
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in report.stack if "/boooply/" in frame.filename]
    assert "_stale" in [frame.name for frame in ours]
    assert not [frame.name for frame in ours if "private thought" in str(frame.locals) or SECRET in str(frame.locals)]


def test_the_error_for_a_malformed_event_leaves_out_its_body() -> None:
    body = b'{"event":"interview.scores","data":{"summary":"a very private thought"}'
    with pytest.raises(MalformedEventError) as caught:
        Webhook(SECRET).verify(body, signed(body))
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in report.stack if "/boooply/" in frame.filename]
    assert not [frame.name for frame in ours if "private thought" in str(frame.locals)]
    assert caught.value.__cause__ is caught.value.__context__ is None
