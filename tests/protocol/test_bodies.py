"""JSON bodies, which are the same with orjson and with the standard library."""

import importlib.util
import json
import sys
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from boooply.errors import ValidationError
from boooply.protocol import bodies
from boooply.protocol.bodies import json_body, model_body

NESTED = st.recursive(
    st.text() | st.booleans() | st.integers(-(2**70), 2**70), lambda inner: st.lists(inner, max_size=5), max_leaves=20
)


@pytest.fixture(params=["orjson", "json"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module as it is with the extra speed, and without."""
    if request.param == "orjson":
        return bodies
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert bodies.__spec__ is not None
    assert bodies.__spec__.loader is not None
    without = importlib.util.module_from_spec(bodies.__spec__)
    bodies.__spec__.loader.exec_module(without)
    return without


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_a_body_reads_back_as_it_was(value: dict[str, Any]) -> None:
    assert json.loads(json_body(value)) == value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "ValueError"),
        (float("inf"), "ValueError"),
        (object(), "TypeError"),
        ({1, 2}, "TypeError"),
        ({("a",): 1}, "TypeError"),
        (b"x", "TypeError"),
    ],
)
def test_a_body_without_a_json_form(value: object, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        json_body(value)

    assert str(caught.value) == (
        f"json: cannot be written as JSON ({reason}): use only text, numbers, booleans, None, lists and dictionaries"
    )


@given(st.dictionaries(st.text(), NESTED, max_size=5))
@example({"halved": "\ud800"})
@example({"large": 2**64})
def test_the_body_of_a_model_equals_any_other_json(value: dict[str, Any]) -> None:
    assert json.loads(model_body(value)) == json.loads(json_body(value))


def test_a_body_that_contains_itself() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValidationError, match="json: cannot be written"):
        json_body(endless)


def test_half_a_surrogate_pair_is_json(reader: ModuleType) -> None:
    assert reader.parsed(b'["\\ud800"]') == ["\ud800"]
