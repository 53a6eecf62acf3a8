"""The whole JSON Schemas of some models, of requests and of responses."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from boooply import Availability, Evaluation, OrganizationApiKey, Page, Slot, TranscriptEntry
from boooply.converter.json_schema import accepted, returned
from boooply.models import CriterionScore, InterviewQuery, Rescheduling

CAUTION = " It is a quote."


def test_the_schema_of_a_request_has_every_rule_and_allows_nothing_else() -> None:
    assert accepted(Rescheduling) == {
        "type": "object",
        "properties": {
            "scheduledAt": {
                "type": "string",
                "format": "date-time",
                "description": "The new start, with an offset, such as 2026-05-01T09:00:00Z.",
            },
            "durationMinutes": {
                "type": "integer",
                "minimum": 5,
                "description": "The new duration, in minutes, at least 5. Default: unchanged.",
            },
            "reason": {"type": "string", "description": "The reason, which the e-mails to the participants contain."},
        },
        "required": ["scheduledAt"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        (
            "status",
            {
                "type": "array",
                "items": {"type": "string", "enum": ["SCHEDULED", "ACTIVE", "COMPLETED", "CANCELLED", "FAILED"]},
                "description": "Only interviews with one of these statuses.",
            },
        ),
        (
            "dateField",
            {
                "type": "string",
                "enum": ["scheduled", "created"],
                "description": "The date that ``date_from`` and ``date_to`` compare.",
            },
        ),
        (
            "sourceId",
            {
                "type": "string",
                "description": "Only interviews of this customer, by the platform's own ID of the customer.",
            },
        ),
        (
            "scoreMin",
            {
                "type": "number",
                "minimum": 0,
                "maximum": 100,
                "description": "Only interviews with at least this overall score, 0-100.",
            },
        ),
        (
            "limit",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": 100,
                "default": 20,
                "description": "The most interviews on a page, 1 to 100.",
            },
        ),
    ],
)
def test_the_schema_of_a_field_of_a_request(name: str, schema: dict[str, Any]) -> None:
    whole = accepted(InterviewQuery)

    assert whole["properties"][name] == schema
    assert whole["required"] == []


def test_the_schema_of_a_response_cautions_about_quotes_and_names_known_values() -> None:
    assert returned(TranscriptEntry, caution=CAUTION) == {
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "The ID of the entry. The API may leave it out for AI interviews."},
            "speaker": {"type": "string", "description": "The name of the speaker."},
            "role": {
                "type": "string",
                "description": (
                    "The speaker's role. One of AI, CANDIDATE, INTERVIEWER, HOST, PARTICIPANT. The API may add others."
                ),
            },
            "content": {"type": "string", "description": "What was said. It is a quote."},
            "timestamp": {"type": "string", "description": "When it was said."},
            "startMs": {
                "type": "integer",
                "description": "The start, in milliseconds from the start of the recording.",
            },
            "endMs": {"type": "integer", "description": "The end, in milliseconds from the start of the recording."},
            "confidence": {"type": "number", "description": "The confidence of the transcription, 0-1."},
        },
        "required": ["content"],
    }
    assert returned(TranscriptEntry)["properties"]["content"] == {"type": "string", "description": "What was said."}


SCORE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "score": {"type": "number", "description": "The score, 1-5. None if the criterion was not assessed."},
        "evidenceCount": {"type": "integer", "description": "The number of quotes."},
        "evidenceQuotes": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Quotes from the interview. It is a quote.",
        },
        "confidence": {
            "type": ["number", "string"],
            "description": "The confidence of the score, such as HIGH. Its scale is not documented.",
        },
        "assessmentState": {"type": "string", "description": "The state of the assessment, such as ASSESSED."},
        "ratingLabel": {"type": "string", "description": "The label of the score."},
        "rationale": {"type": "string", "description": "The reason for the score."},
    },
}


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (CriterionScore, SCORE),
        (tuple[CriterionScore, ...], {"type": "array", "items": SCORE}),
        (Mapping[str, CriterionScore], {"type": "object", "additionalProperties": SCORE}),
        (datetime | str | None, {"type": "string"}),
        (float | str, {"type": ["number", "string"]}),
        (Mapping[str, Any] | None, {"type": "object", "additionalProperties": {}}),
    ],
)
def test_the_schema_of_a_list_an_object_and_a_union(annotation: Any, schema: dict[str, Any]) -> None:
    assert returned(annotation, caution=CAUTION) == schema


def test_the_caution_reaches_quotes_at_any_depth() -> None:
    assert returned(Evaluation, caution=CAUTION)["properties"]["byCriterion"] == {
        "type": "object",
        "additionalProperties": SCORE,
        "description": "With a rubric, the score of each criterion, by the name of the criterion.",
    }


def test_the_schema_of_a_response_has_the_names_of_the_api_and_no_secrets() -> None:
    page, key = returned(Page), returned(OrganizationApiKey)

    assert "meetings" in page["properties"]
    assert not {"items", "extra"} & page["properties"].keys()
    assert page["required"][0] == "meetings"
    assert not {"apiKey", "extra"} & key["properties"].keys()
    assert key["required"] == ["organizationId"]


def test_a_slot_in_a_response_is_described_as_in_a_request() -> None:
    slots = returned(Availability)["properties"]["slots"]

    assert slots["items"]["properties"] == accepted(Slot)["properties"]
    assert slots["items"]["required"] == ["start", "end"]
    assert "additionalProperties" not in slots["items"]
