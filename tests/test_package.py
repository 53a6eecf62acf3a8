"""What `import boooply` gives, and what it does not load."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import boooply
import boooply.errors


def test_every_public_name_is_there() -> None:
    assert set(boooply.__all__) == {"__version__", *(name for names in boooply._MODULES.values() for name in names)}
    for name in boooply.__all__:
        assert getattr(boooply, name) is not None
        assert name in dir(boooply)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'boooply' has no attribute 'BoooplyManager'"):
        boooply.BoooplyManager  # type: ignore[attr-defined]  # noqa: B018 - the access is the test


def test_a_name_whose_extra_is_missing_says_which() -> None:
    program = (
        "import sys\nsys.modules['sqlalchemy'] = None\n"
        "import boooply, boooply.store\n"
        "for package, name in ((boooply, 'AsyncTenants'), (boooply.store, 'AsyncStore')):\n"
        "    try:\n        getattr(package, name)\n"
        "    except ModuleNotFoundError as error:\n        print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    needs = 'needs sqlalchemy: python -m pip install "boooply[store]"'
    assert done.stdout.splitlines() == [f"boooply.AsyncTenants {needs}", f"boooply.store.AsyncStore {needs}"]


def test_every_error_is_exported_and_stands_in_the_tree() -> None:
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
    subprocess.run([sys.executable, "-c", f"{statement}; {check}"], check=True, timeout=30)  # noqa: S603 - our own words
