"""Where the result is within a response."""

from typing import Any

import pytest

from boooply.converter import StructureError
from boooply.protocol.envelopes import bare, evaluation, items, minted, page, under, within

OTHERS = ("aiSummary", "recommendations", "meetingStatistics", "rawAnalysis", "interviewerEvaluation")


def test_the_top_level_is_without_what_wraps_it() -> None:
    assert bare({"success": True, "id": 1, "Success": 2}) == {"id": 1, "Success": 2}


@pytest.mark.parametrize(
    ("payload", "taken"),
    [
        ({"success": True, "meeting": {"id": 1}, "id": 2}, {"id": 1}),
        ({"success": True, "id": 2}, {"id": 2}),
        ({"meeting": None, "id": 2}, {"meeting": None, "id": 2}),
        ({"meeting": [1], "id": 2}, {"meeting": [1], "id": 2}),
        ({"meeting": {}}, {}),
    ],
)
def test_an_object_is_under_its_name_or_at_the_top(payload: dict[str, Any], taken: Any) -> None:
    assert within("meeting")(payload) == taken


@pytest.mark.parametrize(
    ("payload", "taken"),
    [({"b": 1}, 1), ({"a": 0, "b": 1}, 0), ({"a": None, "b": 1}, 1), ({"a": None}, None), ({}, None), ({"c": 1}, None)],
)
def test_the_first_name_that_is_there_counts(payload: dict[str, Any], taken: Any) -> None:
    assert under("a", "b")(payload) == taken


@pytest.mark.parametrize(("payload", "taken"), [({"a": [1]}, [1]), ({"a": None}, []), ({}, []), ({"a": 5}, 5)])
def test_a_list_that_is_missing_is_empty(payload: dict[str, Any], taken: Any) -> None:
    assert items("a")(payload) == taken


@pytest.mark.parametrize(
    ("key", "says"), [(" ", "apiKey: is empty"), (7, "apiKey: expected text"), ([], "apiKey: expected text")]
)
def test_a_new_key_is_text_that_is_not_blank(key: Any, says: str) -> None:
    with pytest.raises(StructureError) as caught:
        minted({"success": True, "apiKey": key})

    assert str(caught.value) == says


@pytest.mark.parametrize("payload", [{"apiKey": "bply_org_x", "organizationId": "1"}, {"apiKey": None}, {}])
def test_a_new_key_keeps_what_is_next_to_it(payload: dict[str, Any]) -> None:
    assert minted({"success": True, **payload}) == payload


def test_the_numbers_of_a_page_are_under_pagination_or_beside_the_list() -> None:
    assert page({"success": True, "meetings": [], "pagination": {"page": 2, "total": 9}, "total": 1}) == {
        "meetings": [],
        "page": 2,
        "total": 9,
    }
    assert page({"success": True, "interviews": [], "total": 1}) == {"interviews": [], "total": 1}
    assert page({"interviews": [], "pagination": None}) == {"interviews": [], "pagination": None}


@pytest.mark.parametrize(
    ("payload", "taken"),
    [
        ({"success": True}, None),
        ({"success": True, "recommendation": None, "confidence": "HIGH"}, None),
        ({"success": True, "recommendation": "PASS"}, {"recommendation": "PASS"}),
        ({"success": True, "overallScore": 0}, {"overallScore": 0}),
        ({"byCriterion": [], "overallScore": None}, {"byCriterion": [], "overallScore": None}),
        ({"evaluation": None, "recommendation": "PASS"}, None),
        ({"evaluation": {"a": 1}, "recommendation": "PASS", "other": 1}, {"a": 1}),
        ({"evaluation": {}, **dict.fromkeys(OTHERS, 1)}, dict.fromkeys(OTHERS, 1)),
        ({"evaluation": {}, **dict.fromkeys(OTHERS, None)}, {}),
        ({"evaluation": {"aiSummary": "within"}, "aiSummary": "outside"}, {"aiSummary": "within"}),
    ],
)
def test_an_evaluation_is_wrapped_or_not_or_not_there_yet(payload: dict[str, Any], taken: Any) -> None:
    assert evaluation(payload) == taken


@pytest.mark.parametrize("found", ["PASS", ["PASS"], 5, True])
def test_an_evaluation_is_an_object(found: object) -> None:
    with pytest.raises(StructureError) as caught:
        evaluation({"evaluation": found})

    assert str(caught.value) == "evaluation: expected an object or null"
