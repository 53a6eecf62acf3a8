"""What `import boooply` gives, and what it does not load."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import boooply
import boooply.errors
import boooply.provisioning
import boooply.store


@pytest.mark.parametrize("package", [boooply.store, boooply.provisioning])
def test_every_public_name_of_a_package_is_there(package: Any) -> None:
    assert set(package.__all__) == {name for names in package._MODULES.values() for name in names}
    for name in package.__all__:
        assert getattr(package, name) is not None


def test_every_public_name_is_there() -> None:
    assert set(boooply.__all__) == {"__version__", *(name for names in boooply._MODULES.values() for name in names)}
    for name in boooply.__all__:
        assert getattr(boooply, name) is not None
        assert name in dir(boooply)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'boooply' has no attribute 'BoooplyManager'"):
        boooply.BoooplyManager  # type: ignore[attr-defined]  # noqa: B018 - the access is the test


MISSING = """
import sys
sys.modules["sqlalchemy"] = None
import boooply, boooply.provisioning, boooply.store
for package, name in ((boooply, "AsyncTenants"), (boooply.store, "Store"), (boooply.provisioning, "provision")):
    assert not hasattr(package, name)
    try:
        exec(f"from {package.__name__} import {name}")
    except ModuleNotFoundError as error:
        print(error.name, error)
try:
    from boooply import Nothing
except ImportError as error:
    print(str(error).partition(" (")[0])
from boooply.store import AsyncDeduplicator, Deduplicator
"""


def test_a_name_whose_extra_is_missing_is_no_attribute_and_its_import_says_which() -> None:
    done = subprocess.run([sys.executable, "-c", MISSING], capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    needs = 'needs sqlalchemy: python -m pip install "boooply[store]"'
    assert done.stdout.splitlines() == [
        f"sqlalchemy boooply.AsyncTenants {needs}",
        f"sqlalchemy boooply.store.Store {needs}",
        f"sqlalchemy boooply.provisioning.provision {needs}",
        "cannot import name 'Nothing' from 'boooply'",
    ], done.stderr
    assert done.returncode == 0, done.stderr


def test_every_error_is_exported_and_is_in_the_tree() -> None:
    errors = {
        name
        for name in boooply.__all__
        if isinstance(getattr(boooply, name), type) and issubclass(getattr(boooply, name), Exception)
    }

    drawn = boooply.errors.__doc__ or ""
    assert errors == {word for word in drawn.replace("─", " ").split() if word in errors}
    assert all(issubclass(getattr(boooply, name), boooply.BoooplyError) for name in errors)


def test_the_version_is_the_distributions() -> None:
    assert boooply.__version__ == version("boooply")


@pytest.mark.skipif("BOOOPLY_TEST_WHEEL" not in os.environ, reason="run from a checkout: nox tests the wheel")
def test_it_is_the_wheel_that_is_tested() -> None:
    assert "site-packages" in Path(boooply.__file__).parts


@pytest.mark.parametrize("statement", ["import boooply", "from boooply import Tenant, Secret, to_dict, APIStatusError"])
def test_importing_leaves_the_network_alone(statement: str) -> None:
    check = "import sys; assert not {'aiohttp', 'anyio', 'asyncio'} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", f"{statement}; {check}"], check=True, timeout=30)  # noqa: S603 - our own program
