"""The twins hold together: same names, signatures and docstrings on both faces."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from boooply import AsyncBoooplyClient, AsyncBoooplyPlatform, AsyncTenants, BoooplyClient, BoooplyPlatform, Tenants
from boooply.blocking import resources as blocking
from boooply.resources.ai import AsyncAI
from boooply.resources.interviews import AsyncInterviews
from boooply.resources.organization import AsyncOrganization

PAIRS: list[tuple[type, type]] = [
    (AsyncInterviews, blocking.Interviews),
    (AsyncAI, blocking.AI),
    (AsyncOrganization, blocking.Organization),
    (AsyncBoooplyClient, BoooplyClient),
    (AsyncBoooplyPlatform, BoooplyPlatform),
    (AsyncTenants, Tenants),
]
# over() takes what the face is made over: a transport here, a bridge there.
OWN = {"over", "open"}
# Where a docstring or annotation names the face it stands on.
SPEAKS_OF_ITS_FACE = {"AsyncBoooplyPlatform": "BoooplyPlatform", "AsyncBoooplyClient": "BoooplyClient"}


def names(face: type) -> set[str]:
    return {name for name in dir(face) if not name.startswith("_")} - OWN - {"of", "iterating"}


@pytest.mark.parametrize(("original", "twin"), PAIRS, ids=lambda face: face.__name__)
def test_both_faces_have_the_same_names(original: type, twin: type) -> None:
    assert names(original) == names(twin)


METHODS = [
    pytest.param(getattr(original, name), getattr(twin, name), id=f"{twin.__name__}.{name}")
    for original, twin in PAIRS
    for name in sorted(names(twin))
    if callable(getattr(original, name))
]


def signature(method: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    parameters = list(inspect.signature(method).parameters.values())
    if parameters and parameters[0].name in {"self", "twin"}:
        parameters = parameters[1:]
    return [(parameter.name, parameter.kind, parameter.default) for parameter in parameters]


def of_its_face(text: str) -> str:
    for original, twin in SPEAKS_OF_ITS_FACE.items():
        text = text.replace(original, twin)
    return text


@pytest.mark.parametrize(("original", "twin"), METHODS)
def test_signature_and_docstring_are_the_same(original: Callable[..., Any], twin: Callable[..., Any]) -> None:
    assert signature(original) == signature(twin)
    assert original.__doc__
    assert of_its_face(inspect.getdoc(original) or "") == inspect.getdoc(twin)


@pytest.mark.parametrize(("original", "twin"), PAIRS[3:5], ids=lambda face: face.__name__)
def test_the_constructors_take_the_same(original: type, twin: type) -> None:
    assert signature(original) == signature(twin)


@pytest.mark.parametrize(("original", "twin"), PAIRS[:3], ids=lambda face: face.__name__)
def test_resources_are_described_alike(original: type, twin: type) -> None:
    assert original.__doc__ == twin.__doc__
