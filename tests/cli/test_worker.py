"""``boooply enqueue`` and ``boooply worker`` on a real PostgreSQL."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_a_worker_connects_queued_customers(
    run: Run, many_tenants_csv: Callable[[int], Path], sandbox, postgresql_store_url: str
) -> None:
    queued = run("enqueue", many_tenants_csv(7), "--store", postgresql_store_url)
    assert (queued.code, queued.err) == (0, "")
    assert "Queued 7 customers." in queued.out
    assert sandbox.mints == {}

    ran = run("worker", "--once", "--store", postgresql_store_url)

    assert ran.code == 0
    assert len(sandbox.mints) == 7
    ran.check_is_fit_for_print()


@pytest.mark.usefixtures("store_key")
def test_a_bad_row_queues_nothing(run: Run, tmp_path: Path, postgresql_store_url: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("organization_id,user_id,user_email\norg_1,1,nobody\n", encoding="utf-8")

    ran = run("enqueue", file, "--store", postgresql_store_url)

    assert ran.code == 2
    assert "user_email" in ran.err


@pytest.mark.usefixtures("store_key")
def test_a_queue_requires_postgresql(run: Run, many_tenants_csv: Callable[[int], Path]) -> None:
    ran = run("enqueue", many_tenants_csv(1))

    assert ran.code == 2
    assert "the queue needs a store on PostgreSQL" in ran.err


def test_a_worker_with_a_wrong_platform_key_ends(
    run: Run,
    many_tenants_csv: Callable[[int], Path],
    sandbox,
    postgresql_store_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("enqueue", many_tenants_csv(2), "--store", postgresql_store_url)
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", "bply_platform_wrong")

    ran = run("worker", "--store", postgresql_store_url)

    assert ran.code == 1
    assert "401" in ran.err
    assert sandbox.mints == {}
