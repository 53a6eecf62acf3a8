"""What a run counts and lists, however long it lasts and whatever the store does."""

import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
from rich.console import Console

from boooply import Secret, Tenant
from boooply.cli import provision_view
from boooply.cli.running import ShownRun
from boooply.cli.summary import Summary
from boooply.provisioning import AlreadyConnected, Connected, Failed, InDoubt, Outcome
from boooply.provisioning.provisioner import STOPPED
from boooply.recording import Recorder
from boooply.store import AsyncStore

ACME = Tenant(user_id="1", user_email="admin@acme.example", organization_id="org_1")


async def nothing() -> None:
    """Count no requests."""


async def leave_an_orphan(store: AsyncStore) -> None:
    recorder = Recorder(store)
    for token, remint in (("a/1", False), ("b/1", True)):
        await recorder.claim(ACME, claim_token=token, lease=60.0, remint=remint)
        await recorder.begin("org_1", claim_token=token, lease=60.0)
        if not remint:
            await recorder.mark_in_doubt("org_1", claim_token=token, reason="lost")
    await recorder.finish(ACME, Secret("bply_org_0123456789abcdef"), claim_token="b/1")


async def test_the_orphans_of_a_customer_with_several_outcomes_are_counted_once(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.cli.summary._BATCH", 1)
    await leave_an_orphan(store)
    summary = Summary()
    await summary.add(Connected("org_1"), store.ledger)
    await summary.add(AlreadyConnected("org_1"), store.ledger)
    assert summary.to_dict(1)["orphans"] == 1


async def test_a_run_without_end_lists_its_last_customers_and_counts_the_others(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.cli.summary._LISTED", 3)
    summary = Summary()
    for number in range(8):
        await summary.add(Failed(f"org_{number}", "HTTP 422"), store.ledger)
    console = Console(width=80)
    with console.capture() as capture:
        console.print(provision_view.summary(summary, 1.0, provision_view.WORKER_ADVICE))
    listed = [f"org_{number}" for number in range(8) if f"org_{number} " in capture.get()]
    assert listed == ["org_5", "org_6", "org_7"]
    assert "… and 5 more" in capture.get()


async def test_outcomes_do_not_wait_long_for_the_count_of_orphans(
    postgresql_store_url: str, encryption_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.cli.summary._BATCH", 2)
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        await leave_an_orphan(store)
        summary = Summary()
        with psycopg.connect(postgresql_store_url.replace("+psycopg", "")) as connection:
            connection.execute("LOCK TABLE boooply_ledger IN ACCESS EXCLUSIVE MODE")
            begun = time.monotonic()
            for one in ("org_1", "org_2", "org_3"):
                await summary.add(Connected(one), store.ledger)
            assert time.monotonic() - begun < 4  # seconds; a lock is waited for longer
        assert summary.orphans == 0
        await summary.add(Connected("org_4"), store.ledger)  # the next batch: all four are counted
        assert summary.orphans == 1


async def test_what_an_earlier_run_gave_up_is_not_given_up_by_this_one(store: AsyncStore) -> None:
    shown = ShownRun(
        store=store, is_json=True, grace=1.0, count_sent=nothing, advice=dict.fromkeys(("in_doubt", "failed"), "")
    )

    async def outcomes() -> AsyncIterator[Outcome]:
        yield InDoubt("org_1", STOPPED)
        yield InDoubt("org_2", "lost")
        shown.stop.set()
        yield InDoubt("org_3", STOPPED)

    async def progressed() -> tuple[int, int, str]:
        return 0, 0, ""

    running: Any = outcomes()
    assert await shown.show(running, progressed) == 4
    assert shown.given_up == 1


# A run that a signal reaches before its first customer, and that then does not end.
STUCK = """
import asyncio, os, signal
from boooply.cli import running
running._LAST_SECONDS = 0.5

async def main():
    shown = running.ShownRun(store=None, is_json=False, grace=0.0, count_sent=None, advice={})
    with shown.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_run_that_has_not_begun_is_ended_too_if_a_signal_does_not(
    run_python: Callable[..., subprocess.CompletedProcess[Any]],
) -> None:
    begun = time.monotonic()
    ran = run_python((sys.executable, "-c", STUCK), encoding="utf-8")
    assert (ran.returncode, ran.stderr) == (128 + signal.SIGTERM, "")
    assert "Stopped at once." in ran.stdout
    assert time.monotonic() - begun < 30
