"""``boooply provision`` before anything is sent: its plan, and the files that it rejects."""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boooply import RateLimitStatus
from boooply.cli import provision, provision_view
from boooply.cli.preflight import preflight, seconds_left, seconds_to_end
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore

Run = Callable[..., Any]
Rows = Callable[..., Path]
States = Callable[[], dict[str, str]]
Use = Callable[[Sandbox], None]

MINT = "create_organization_api_key"


pytestmark = pytest.mark.usefixtures("sandbox")


# ---- the plan


def test_a_dry_run_sends_nothing_and_needs_no_platform_key(
    run: Run, many_tenants_csv: Rows, sandbox, monkeypatch: pytest.MonkeyPatch, states: States
) -> None:
    monkeypatch.delenv("BOOOPLY_PLATFORM_KEY")
    monkeypatch.delenv("BOOOPLY_BASE_URL")

    ran = run("provision", many_tenants_csv(1001), "--dry-run")

    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"new +1,001\b", ran.out)
    assert "1,001 customers to connect: about 1 h 40 min at 10 per minute." in ran.words
    assert "This was a dry run. Nothing was sent." in ran.out
    assert sandbox.calls == ()
    assert states() == {}
    ran.check_is_fit_for_print()


def test_the_plan_counts_customers_by_state(run: Run, many_tenants_csv: Rows, sandbox) -> None:
    sandbox.faults.add(MINT, "commit-then-drop", 2)
    sandbox.faults.add(MINT, "422", 1)
    run("provision", many_tenants_csv(10), "--concurrency", "1")

    ran = run("provision", many_tenants_csv(15), "--dry-run")

    assert re.search(r"new +5\b", ran.out)
    assert re.search(r"failed before +1 +retried", ran.out)
    assert re.search(r"connected +7 +skipped", ran.out)
    assert re.search(r"in doubt +2 +skipped", ran.out)
    assert "6 customers to connect. This was a dry run." in ran.words


def test_the_plan_announces_reminting(run: Run, many_tenants_csv: Rows, sandbox) -> None:
    sandbox.faults.add(MINT, "commit-then-drop")
    path = many_tenants_csv(1)
    run("provision", path)

    ran = run("provision", path, "--dry-run", "--remint-in-doubt")

    assert re.search(r"in doubt +1 +minted again", ran.out)
    assert "1 customer to connect" in ran.words


def test_the_plan_as_json(run: Run, many_tenants_csv: Rows, sandbox) -> None:
    run("provision", many_tenants_csv(2))

    ran = run("provision", many_tenants_csv(23), "--dry-run", "--json")

    (row,) = ran.rows
    assert row == {
        "plan": {
            "total": 23,
            "new": 21,
            "failed": 0,
            "connected": 2,
            "in_doubt": 0,
            "under_way": 0,
            "to_connect": 21,
            "seconds": 120.0,
        }
    }
    assert len(sandbox.calls) == 2


@pytest.mark.parametrize(("count", "seconds"), [(0, 0), (1, 0), (10, 0), (11, 60), (20, 60), (21, 120)])
def test_the_least_time_depends_on_the_limit(count: int, seconds: float) -> None:
    assert seconds_to_end(count, 10, 60) == seconds


@pytest.mark.parametrize(
    ("waiting", "to_end", "count", "seconds"),
    [(0, 0.0, 11, 60), (5, 42.0, 5, 42), (16, 90.0, 47, 90 + 180), (16, 90.0, 3, 90)],
)
def test_the_time_left_includes_the_limiters_queue(waiting: int, to_end: float, count: int, seconds: float) -> None:
    allowance = RateLimitStatus(limit=10, remaining=0, waiting=waiting, seconds_to_end=to_end)

    assert seconds_left(allowance, count, 60) == seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.2, "under a second"),
        (59, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (5940, "1 h 39 min"),
        (599_940, "6 d 22 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, words: str) -> None:
    assert provision_view.duration(seconds) == words


# ---- files that are rejected


def test_a_bad_file_sends_nothing_and_lists_every_bad_row(run: Run, tenants_csv: Rows, sandbox, states: States) -> None:
    path = tenants_csv(["o-1,Good,1,a@b.example,,", "o-2,Bad,2,,,", "o-1,Again,4,a@b.example,,"])

    ran = run("provision", path)

    assert (ran.code, ran.out) == (2, "")
    assert re.search(r"^ *3 +user_email: is missing", ran.err, re.MULTILINE)
    assert re.search(r"^ *4 +organization_id: 'o-1' is already used on line 2", ran.err, re.MULTILINE)
    assert "Nothing was sent" in ran.err
    assert sandbox.calls == ()
    assert states() == {}
    ran.check_is_fit_for_print()


def test_a_missing_file_is_2(run: Run, tmp_path: Path, sandbox) -> None:
    ran = run("provision", tmp_path / "none.csv")

    assert ran.code == 2
    assert "cannot be opened: No such file" in ran.err
    assert sandbox.calls == ()


def test_a_pipe_is_rejected_since_it_cannot_be_read_twice(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")

    ran = run("provision", tmp_path / "pipe.csv")

    assert ran.code == 2
    assert "read twice" in ran.err


def test_a_file_that_changes_between_the_passes_is_1(
    run: Run, many_tenants_csv: Rows, tenants_csv: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = many_tenants_csv(2)
    look = preflight

    async def look_then_change(*arguments: Any) -> Any:
        found = await look(*arguments)
        tenants_csv(["org_0,,1,a@b.example,,", "org_1,,1,,,"])
        return found

    monkeypatch.setattr(provision, "preflight", look_then_change)

    ran = run("provision", path)

    assert ran.code == 1
    assert "has changed since it was checked. Line 3: user_email: is missing" in " ".join(ran.err.split())


@pytest.mark.parametrize("concurrency", ["0", "1001", "many"])
def test_an_impossible_concurrency_is_2(run: Run, many_tenants_csv: Rows, concurrency: str) -> None:
    assert run("provision", many_tenants_csv(1), "--concurrency", concurrency).code == 2


async def _put_by_hand() -> None:
    async with AsyncStore.open() as store:
        await store.keys.put("org_0", "bply_org_0123456789abcdef")


def test_a_key_put_by_hand_counts_as_connected(run: Run, many_tenants_csv: Rows) -> None:
    asyncio.run(_put_by_hand())

    ran = run("provision", many_tenants_csv(2), "--dry-run")

    assert re.search(r"connected +1\b", ran.out)
    assert "1 customer to connect" in ran.out
