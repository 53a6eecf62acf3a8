"""Structuring is tolerant: properties of any payload."""

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply import (
    Availability,
    BusyBlocks,
    Evaluation,
    Interview,
    Organization,
    OrganizationApiKey,
    Page,
    Recording,
    Secret,
    SessionStatus,
    TranscriptEntry,
    to_dict,
)
from boooply import models as all_models
from boooply.converter import StructureError, structure, wire_name

MODELS = (
    Interview,
    Page,
    Organization,
    OrganizationApiKey,
    Evaluation,
    Recording,
    TranscriptEntry,
    Availability,
    BusyBlocks,
)
LEAST: dict[type, dict[str, Any]] = {
    Interview: {"meetingCode": "c"},
    Page: {"meetings": []},
    OrganizationApiKey: {"apiKey": "bply_org_0123456789ab"},
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
models = st.sampled_from(MODELS)


def names(model: type) -> list[str]:
    return [wire_name(model, field.name) for field in attrs.fields(model) if field.name != "extra"]


def required(model: type) -> set[str]:
    return {wire_name(model, field.name) for field in attrs.fields(model) if field.default is attrs.NOTHING}


@given(data=st.data(), model=models)
def test_optional_fields_of_any_type_never_raise_and_lose_nothing(data: st.DataObject, model: type) -> None:
    optional = [name for name in names(model) if name not in required(model)]
    given_fields = data.draw(st.dictionaries(st.sampled_from(optional), json_values))
    payload = given_fields | LEAST.get(model, {})

    read: Any = structure(payload, model)

    kept = to_dict(read, secrets=True)
    for name, value in given_fields.items():
        if value is not None and value != []:
            assert name in kept, f"{name} is lost"


@given(model=models, unknown=st.dictionaries(st.text().map(lambda name: f"x-{name}"), json_values))
def test_unknown_fields_stay_reachable(model: type, unknown: dict[str, Any]) -> None:
    read: Any = structure(unknown | LEAST.get(model, {}), model)

    assert read.extra == unknown


@given(model=models, data=st.data())
def test_null_means_absent(model: type, data: st.DataObject) -> None:
    optional = [name for name in names(model) if name not in required(model)]
    nulls = dict.fromkeys(data.draw(st.lists(st.sampled_from(optional))))
    least = LEAST.get(model, {})

    assert structure(least | nulls, model) == structure(least, model)


@given(value=st.text())
def test_an_unknown_enumeration_value_stays_a_string(value: str) -> None:
    assert structure({"meetingCode": "c", "sessionStatus": value}, Interview).session_status == value


def test_a_known_enumeration_value_becomes_the_member() -> None:
    read = structure({"meetingCode": "c", "sessionStatus": "ACTIVE"}, Interview)

    assert read.session_status is SessionStatus.ACTIVE


@pytest.mark.parametrize(
    ("payload", "model", "problem"),
    [
        ({}, Interview, "meetingCode: is missing"),
        ({"meetingCode": None}, Interview, "meetingCode: is missing"),
        ({"meetingCode": ["c"]}, Interview, "meetingCode: expected text, found a list"),
        ({"meetings": [{"code": "c"}, {}]}, Page, "meetings[1].meetingCode: is missing"),
        ({"meetings": {}}, Page, "meetings: expected a list, found an object"),
        ({"apiKey": True}, OrganizationApiKey, "apiKey: expected text, found a boolean"),
        ([], Interview, "the response: expected an object, found a list"),
        ("c", Interview, "the response: expected an object, found text"),
        (3, str | None, None),
        (3.5, str, "the response: expected text, found a number"),
        (None, Organization, "the response: expected an object, found null"),
    ],
)
def test_a_required_value_that_is_missing_or_wrong_is_named_by_its_path(
    payload: Any, model: Any, problem: str | None
) -> None:
    if problem is None:
        assert structure(payload, model) == str(payload)
        return
    with pytest.raises(StructureError) as caught:
        structure(payload, model)

    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-05-06T12:00:00Z", datetime(2030, 5, 6, 12, tzinfo=UTC)),
        ("2030-05-06T12:00:00.123Z", datetime(2030, 5, 6, 12, 0, 0, 123000, tzinfo=UTC)),
        ("2030-05-06T14:00:00+02:00", datetime(2030, 5, 6, 12, tzinfo=UTC)),
        ("2030-05-06T12:00:00", datetime(2030, 5, 6, 12, tzinfo=UTC)),
    ],
)
def test_times_are_aware(text: str, moment: datetime) -> None:
    read = structure({"meetingCode": "c", "scheduledAt": text}, Interview)

    assert read.scheduled_at == moment
    assert read.scheduled_at.tzinfo is not None


def test_a_slot_that_ends_before_it_starts_goes_to_extra() -> None:
    backwards = [{"start": "2030-05-06T12:00:00Z", "end": "2030-05-06T11:00:00Z"}]

    read = structure({"calendarConnected": True, "slots": backwards}, Availability)

    assert read.slots == ()
    assert read.extra == {"slots": backwards}


def test_a_response_hides_tokens_and_unknown_fields() -> None:
    read = structure(
        {"code": "c", "hostToken": "whatever-it-is", "participants": [{"joinToken": "abcdefghijklmnop"}]}, Interview
    )

    assert read.participants[0].join_token == Secret("abcdefghijklmnop")
    assert "abcdefgh" not in repr(read)
    assert "whatever" not in repr(read)
    assert to_dict(read) == {"meetingCode": "c", "participants": [{}]}


MANY = [
    (model, field)
    for model in vars(all_models).values()
    if isinstance(model, type) and issubclass(model, all_models.ResponseModel)
    for field in attrs.fields(attrs.resolve_types(model))
    if field.name != "extra" and ("tuple[" in repr(field.type) or "Mapping[" in repr(field.type))
]


@pytest.mark.parametrize("value", ["calm", 7, True])
@pytest.mark.parametrize(("model", "field"), MANY, ids=[f"{model.__name__}.{field.name}" for model, field in MANY])
def test_a_scalar_in_place_of_a_list_or_object_goes_to_extra(model: Any, field: Any, value: Any) -> None:
    names = [wire_name(model, one.name) for one in attrs.fields(model) if one.default is attrs.NOTHING]
    required: dict[str, Any] = {name: [] if name == "meetings" else "x" for name in names}
    wire = wire_name(model, field.name)
    if wire in required:
        with pytest.raises(StructureError, match=f"{wire}: expected"):
            structure({**required, wire: value}, model)
    else:
        read = structure({**required, wire: value}, model)
        assert getattr(read, field.name) in {(), None}
        assert read.extra == {wire: value}
