"""Commands that read or change a store: without a store, they fail and create none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

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
    "enqueue tenants.csv",
    "worker --once",
    "queue status",
    "queue pause",
    "queue purge",
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


@pytest.mark.parametrize("command", ["enqueue tenants.csv", "worker --once", "queue status"])
def test_a_queue_without_the_url_of_its_store_creates_no_file(
    run: Run, use: Callable[[Sandbox], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    monkeypatch.setenv("BOOOPLY_STORE_KEY", Fernet.generate_key().decode())
    monkeypatch.chdir(tmp_path)
    with Sandbox() as sandbox:
        use(sandbox)

        ran = run(*command.split())

    assert (ran.code, ran.out) == (2, "")
    assert "there is no store at boooply.db: give the URL of your store" in ran.err
    assert [*tmp_path.iterdir()] == []
