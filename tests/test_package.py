"""What `import boooply` gives, and what it does not load."""

import ast
import importlib
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
from boooply.extras import install_command

PACKAGE: Any = boooply  # a checker finds no __all__ in it


def names_for_checkers(package: Any) -> set[str]:
    """Read the names that a package has for checkers: those which it imports as themselves, or with a star."""
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    whole = [node.module for node in imports if node.names[0].name == "*"]
    names = {alias.name for node in imports for alias in node.names if alias.name == alias.asname}
    return names.union(*(importlib.import_module(module).__all__ for module in whole if module))


@pytest.mark.parametrize("package", [boooply, boooply.store, boooply.provisioning])
def test_every_public_name_of_a_package_is_there_and_checkers_know_it(package: Any) -> None:
    assert set(package.__all__) == names_for_checkers(package)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None


@pytest.mark.parametrize("package", [boooply, boooply.store, boooply.provisioning])
def test_a_package_lists_each_of_its_names_once(package: Any) -> None:
    for name in package.__all__:
        getattr(package, name)  # it is now in the namespace, too

    assert len(dir(package)) == len(set(dir(package)))


def test_a_star_imports_every_public_name() -> None:
    names: dict[str, object] = {}
    exec("from boooply import *", names)  # noqa: S102 - a star is for the top level of a module
    assert {name: names[name] for name in PACKAGE.__all__} == {name: getattr(boooply, name) for name in PACKAGE.__all__}


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
    needs = f"needs sqlalchemy: {install_command('store')}"
    assert done.stdout.splitlines() == [
        f"sqlalchemy boooply.AsyncTenants {needs}",
        f"sqlalchemy boooply.store.Store {needs}",
        f"sqlalchemy boooply.provisioning.provision {needs}",
        "cannot import name 'Nothing' from 'boooply'",
    ], done.stderr
    assert done.returncode == 0, done.stderr


PLAIN = """
import inspect, pydoc, sys
sys.modules.update(dict.fromkeys(("sqlalchemy", "cryptography", "procrastinate", "psycopg", "fastapi", "cyclopts")))
import boooply, boooply.provisioning, boooply.store
for package in (boooply, boooply.provisioning, boooply.store):
    names = {}
    exec(f"from {package.__name__} import *", names)
    assert set(package.__all__) <= set(names), package
    members = dict(inspect.getmembers(package))
    assert set(package.__all__) <= set(members), package
    text = pydoc.plain(pydoc.render_doc(package))
    assert "AsyncStore" not in package.__all__ and not hasattr(package, "Tenants"), package
    print(package.__name__, {"BoooplyClient", "Plan", "Deduplicator"} & set(package.__all__), len(text) > 1000)
"""


def test_stars_help_and_members_work_without_the_extras() -> None:
    done = subprocess.run([sys.executable, "-c", PLAIN], capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert done.stdout.splitlines() == [
        "boooply {'BoooplyClient'} True",
        "boooply.provisioning {'Plan'} True",
        "boooply.store {'Deduplicator'} True",
    ], done.stderr


def test_every_error_is_exported_and_is_in_the_tree() -> None:
    errors = {
        name
        for name in PACKAGE.__all__
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
