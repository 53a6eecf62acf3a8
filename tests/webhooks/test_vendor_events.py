"""Every webhook that the vendor publishes is verified and read, and nothing of it is lost."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

import pytest

from boooply.webhooks import EvaluationEvent, ScoresEvent, UnknownEvent, Webhook, read_event
from tests.vendor_examples import assert_read, examples

SECRET = "whsec_0123456789abcdef0123456789abcdef"
WEBHOOKS = examples("webhooks")
FLAT = {
    # The first form: what its fields become. Its overall rating is no rating from 1 to 5, but a score from 0 to 100.
    "overallRating": "overall",
    "communication": "communication",
    "technical": "technicalSkills",
    "cultureFit": "cultureFit",
}


def stringified(body: object) -> bytes:
    """Write JSON as the vendor's JSON.stringify does."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def verified(body: object, headers: dict[str, str]) -> Any:
    raw = stringified(body)
    signature = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    sent = headers | {"X-Boooply-Signature": signature, "Authorization": f"Bearer {SECRET}"}
    return Webhook(SECRET).verify(raw, sent)


def inner(body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an event under their names today."""
    data: dict[str, Any] = body.get("data", {name: value for name, value in body.items() if name != "event"})
    if "overallRecommendation" in data:
        data = {**data, "recommendation": data["overallRecommendation"]}
        del data["overallRecommendation"]
    if "data" not in body:
        scores = {FLAT[name]: value for name, value in data.items() if name in FLAT}
        data = {name: value for name, value in data.items() if name not in FLAT} | {"scores": scores}
    return {"event": body["event"], "idempotencyKey": hashlib.sha256(stringified(body)).hexdigest()} | data


def test_all_of_the_vendors_webhooks_are_here() -> None:
    assert len(WEBHOOKS) == 11


@pytest.mark.parametrize("example", WEBHOOKS, ids=lambda example: example["name"])
def test_a_webhook_is_read_whole(example: dict[str, Any]) -> None:
    event = verified(example["body"], example["headers"])
    assert not isinstance(event, UnknownEvent)
    assert event.announced_as is None
    assert_read(event, inner(example["body"]))


def flat(event: str, **fields: Any) -> Any:
    return read_event(stringified({"event": event, "meetingCode": "Boooply-AI-1", **fields}))


def wrapped(event: str, **fields: Any) -> Any:
    return read_event(stringified({"event": event, "data": {"meetingCode": "Boooply-AI-1", **fields}}))


@pytest.mark.parametrize("name", ["interview.evaluation", "interview.scores"])
def test_the_first_forms_rating_is_a_score(name: str) -> None:
    event = flat(name, overallRating=82)
    assert (event.overall_rating, event.scores.overall, event.extra) == (None, 82, {})
    assert wrapped(name, overallRating=3).scores is None


@pytest.mark.parametrize("form", [flat, wrapped])
@pytest.mark.parametrize(
    ("stray", "name"),
    [
        ("communication", "communication"),
        ("technical", "technical_skills"),
        ("technicalSkills", "technical_skills"),
        ("problemSolving", "problem_solving"),
        ("cultureFit", "culture_fit"),
        ("experienceMatch", "experience_match"),
        ("overallScore", "overall"),
    ],
)
def test_a_score_beside_the_scores_is_among_them(form: Any, stray: str, name: str) -> None:
    event = form("interview.evaluation", **{stray: 78})
    assert isinstance(event, EvaluationEvent)
    assert event.scores is not None
    assert (getattr(event.scores, name), event.extra) == (78, {})


def test_a_score_among_the_scores_wins_and_the_other_is_kept() -> None:
    event = wrapped("interview.scores", technical=78, scores={"technicalSkills": 70, "overall": 72})
    assert isinstance(event, ScoresEvent)
    assert event.scores is not None
    assert (event.scores.technical_skills, event.scores.overall) == (70, 72)
    assert event.extra == {"technical": 78}
    event = flat("interview.scores", overallRating=82, scores={"overall": 72})
    assert (event.overall_rating, event.scores.overall, event.extra) == (None, 72, {"overallRating": 82})


@pytest.mark.parametrize("value", ["good", True, None, [78]])
def test_what_is_no_number_is_no_score(value: object) -> None:
    event = wrapped("interview.scores", technical=value)
    assert (event.scores, event.extra) == (None, {} if value is None else {"technical": value})
    event = flat("interview.scores", overallRating=value)
    assert (event.overall_rating, event.scores) == (None, None)


def test_scores_that_are_no_object_are_kept() -> None:
    event = wrapped("interview.scores", technical=78, scores="high")
    assert (event.scores, event.extra) == (None, {"technical": 78, "scores": "high"})
    event = flat("interview.scores", overallRating=82, scores="high")
    assert (event.overall_rating, event.extra) == (None, {"overallRating": 82, "scores": "high"})


def test_other_events_keep_such_fields_where_they_are() -> None:
    assert wrapped("interview.transcript", technical=78).extra == {"technical": 78}
    assert flat("interview.recording", duration=9, overallRating=82).extra == {"overallRating": 82}
    assert flat("interview.new", mood="calm").data == {"meetingCode": "Boooply-AI-1", "mood": "calm"}


def test_an_event_in_the_first_form_has_all_that_others_have() -> None:
    event = flat(
        "interview.transcript",
        transcript=[{"speaker": "Kim", "text": "Hi", "startMs": 1}],
        timestamp="2026-03-21T18:30:00Z",
    )
    assert event.transcript[0].text == "Hi"
    assert event.timestamp == datetime.fromisoformat("2026-03-21T18:30:00Z")


def test_data_that_is_null_in_the_first_form_is_no_field() -> None:
    assert flat("interview.scores", data=None).extra == {}
    assert flat("interview.new", data=None, mood="calm").data == {"meetingCode": "Boooply-AI-1", "mood": "calm"}
