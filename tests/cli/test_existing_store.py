"""Commands that read or change a store: without a store, they fail and create none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boooply.sandbox import Sandbox

Run = Callable[..., Any]

COMMANDS = (
    "tenants list",
    "tenants show org_1",
    "tenants key org_1",
    "tenants check",
    "tenants disconnect org_1",
    "tenants reconnect org_1",
    "events list",
    "events retry --all",
    "events purge --days 1",
    "interviews list --customer org_1",
    "interviews export --all-customers",
    "api GET /api/integration/organization --customer org_1",
    "doctor --customer org_1",
    "store rotate",
    "store check",
    "store adopt",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_store_is_created_where_there_is_none(run: Run, sandbox: Sandbox, tmp_path: Path, command: str) -> None:
    ran = run(*command.split(), "--store", "sqlite:///other.db")

    assert (ran.code, ran.out) == (2, "")
    assert (
        ran.err
        == "boooply: there is no store at other.db: give the URL of your store with --store or in BOOOPLY_STORE_URL\n"
    )
    assert not (tmp_path / "other.db").exists()
    assert sandbox.calls == ()
