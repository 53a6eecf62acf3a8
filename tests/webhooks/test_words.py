"""The exact text of each rejection, which people read while they are integrating."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from boooply import BoooplyError, ConfigurationError, Secret
from boooply.webhooks import Webhook, read_event, sign
from boooply.webhooks.headers import values_of
from boooply.webhooks.signature import is_signed, stringified

SECRET = "whsec_0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
EVENT = b'{"event":"interview.scores","data":{"meetingCode":"Boooply-AI-1","timestamp":"2026-06-01T12:00:00Z"}}'
NAMELESS = b'{"event":"interview.scores","data":{"meetingCode":"Boooply-AI-1"}}'
RAW = "FastAPI: await request.body(); Flask: request.get_data(); Django: request.body; aiohttp: await request.read()"
HEADER = "X-Boooply-Signature"


def verified(body: Any, headers: Any, **options: Any) -> Any:
    return Webhook(SECRET, **options).verify(body, headers)


def error_from_response(body: Any, headers: Any = None, **options: Any) -> str:
    with pytest.raises(BoooplyError) as caught:
        verified(body, {HEADER: sign(body, SECRET)} if headers is None else headers, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (EVENT, {}, "the header X-Boooply-Signature is missing"),
        (EVENT, [(HEADER, "a"), (HEADER, "b"), (HEADER, "c")], "the header X-Boooply-Signature occurs 3 times"),
        (EVENT, {HEADER: "a"}, "the header X-Boooply-Signature is not 64 hexadecimal digits"),
        (
            EVENT,
            {HEADER: "a" * 64},
            (
                "the signature matches none of the secrets: the body was altered, "
                "or the secret belongs to another endpoint"
            ),
        ),
        (b" " * (10 * 2**20 + 1), None, "the body is larger than 10,485,760 bytes"),
        (b"{", None, "the body is not JSON"),
        (b'{"a":NaN}', None, "the body is not JSON"),
        (b"\xff", None, "the body is not UTF-8"),
        (b"[" * 100_000, None, "the body is JSON that is nested too deeply"),
        (b"[]", None, "the body is JSON, but not an object"),
        (b"{}", None, "the body has no event name"),
        (b'{"event":"interview.scores"}', None, "the body has no object named data"),
        (b'{"event":"interview.scores","data":{}}', None, "interview.scores: data.meetingCode is missing"),
        (EVENT, 7, "headers: must be a mapping or a list of pairs: pass those of the request"),
        ("{}", {}, f"raw_body: must be the raw bytes of the body, not a str: {RAW}"),
    ],
)
def test_the_exact_text_of_a_rejection(body: Any, headers: Any, says: str) -> None:
    assert error_from_response(body, headers) == says


def test_a_reserialized_body_gets_advice() -> None:
    again = json.dumps(json.loads(EVENT)).encode()
    assert error_from_response(again, {HEADER: sign(EVENT, SECRET)}) == (
        "the signature matches this JSON, but not these bytes: something has parsed the body and serialized it. "
        f"Pass the raw bytes. {RAW}"
    )


def test_a_diagnosis_is_made_up_to_64_kb() -> None:
    def of_size(size: int) -> bytes:
        body = b'{"event":"interview.scores","data":{"meetingCode":"Boooply-AI-1","a":""}}'
        return body.replace(b'"a":""', b'"a":"' + b"x" * (size - len(body)) + b'"')

    signature = sign(of_size(64 * 2**10 - 1), SECRET)
    written_again = of_size(64 * 2**10 - 1).replace(b'"data":', b'"data": ')
    assert len(written_again) == 64 * 2**10
    assert "something has parsed" in error_from_response(written_again, {HEADER: signature})
    assert "none of the secrets" in error_from_response(written_again + b" ", {HEADER: signature})


def test_ages_are_given_in_seconds() -> None:
    def clock() -> datetime:
        return NOW + timedelta(seconds=3600.4)

    options: dict[str, Any] = {"max_age": 1500.5, "clock": clock}
    assert (
        error_from_response(EVENT, **options)
        == "the event's signed time is 3,600 s in the past, and max_age is 1,500.5 s"
    )
    assert error_from_response(NAMELESS, max_age=1) == ("the event has no signed time, so max_age cannot be checked")
    assert verified(EVENT, {HEADER: sign(EVENT, SECRET)}, max_age=3600.4, clock=clock)


@pytest.mark.parametrize("max_age", [0, -1])
def test_an_impossible_max_age_is_rejected(max_age: float) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Webhook(SECRET, max_age=max_age)
    assert str(caught.value) == "max_age must be a number of seconds above zero, or None for no limit"
    Webhook(SECRET, max_age=0.001)


def test_a_body_of_the_maximum_size_is_read() -> None:
    largest = EVENT + b" " * (10 * 2**20 - len(EVENT))
    assert verified(bytearray(largest), {HEADER: sign(largest, SECRET)}).meeting_code == "Boooply-AI-1"


def test_the_default_clock_is_this_machines() -> None:
    body = NAMELESS.replace(b'"}}', f'","timestamp":"{datetime.now(UTC).isoformat()}"}}}}'.encode())
    assert verified(body, {HEADER: sign(body, SECRET)}, max_age=60)
    assert "s in the past" in error_from_response(EVENT.replace(b"2026", b"2020"), max_age=60)


def test_the_idempotency_key_is_the_digest_of_the_bytes() -> None:
    assert read_event(EVENT).idempotency_key == hashlib.sha256(EVENT).hexdigest()


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"A": "1", "b": 2}, [["1"], ["2"]]),
        ({"a": ["1", b"2"], "B": ("3",)}, [["1", "2"], ["3"]]),
        ([(b"A", b"\xe9"), ("a", "x")], [["é", "x"], []]),
        ([], [[], []]),
        (None, None),
        ([("a",)], None),
        ("ab", None),
    ],
)
def test_headers_of_any_form(headers: Any, found: Any) -> None:
    assert values_of(headers, "a", "B") == found


def test_every_secret_is_tried() -> None:
    secrets = (Secret("one"), Secret("two"))
    assert is_signed(b"body", sign(b"body", "one").upper(), secrets)
    assert is_signed(b"body", sign(b"body", Secret("two")), secrets)
    assert not is_signed(b"body", sign(b"body", "three"), secrets)
    assert not is_signed(b"body", "\ud800ä", secrets)


@pytest.mark.parametrize(
    ("body", "printed"),
    [
        (b'{ "a" : 1.0, "b": [1.50, -2.0] }', b'{"a":1,"b":[1.5,-2]}'),
        (b"[1e20, 1e21, -1e21]", b"[100000000000000000000,1e+21,-1e+21]"),
        (b'"\\u00eb \\ud800"', '"ë \\ud800"'.encode()),
        (b"{", None),
        (b"[" * 100_000, None),
    ],
)
def test_json_as_javascript_prints_it(body: bytes, printed: bytes | None) -> None:
    assert stringified(body) == printed
