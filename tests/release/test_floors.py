"""The lowest version of each requirement in pyproject.toml is the one that ``nox -s lowest`` installed."""

import os
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

pytestmark = pytest.mark.skipif(
    "BOOOPLY_TEST_LOWEST" not in os.environ, reason="only nox -s lowest installs the lowest versions"
)

PYPROJECT = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text(encoding="utf-8"))
NAMED = [
    Requirement(one)
    for named in (
        PYPROJECT["project"]["dependencies"],
        *PYPROJECT["project"]["optional-dependencies"].values(),
        PYPROJECT["dependency-groups"]["test"],
    )
    for one in named
]


@pytest.mark.parametrize("named", [one for one in NAMED if one.name != "boooply"], ids=lambda one: one.name)
def test_the_floor_is_what_is_installed(named: Requirement) -> None:
    (lowest,) = re.findall(r">=([\d.]+)", str(named.specifier))
    assert Version(version(named.name)) == Version(lowest)
