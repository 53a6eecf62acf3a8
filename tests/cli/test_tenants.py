"""``boooply tenants`` on a real SQLite file."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from boooply import Tenant
from boooply.recording import Recorder
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore
from tests.cli.deviating import Deviating

Run = Callable[..., Any]

COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main")
KEY = "bply_org_0123456789abcdef"


pytestmark = pytest.mark.usefixtures("store_key")


def fill(*, by_hand: int = 0, in_doubt: int = 0, suffix: str = "") -> None:
    asyncio.run(_fill(by_hand, in_doubt, suffix))


async def _fill(by_hand: int, in_doubt: int, suffix: str) -> None:
    async with AsyncStore.open() as store:
        await asyncio.gather(*(store.keys.put(f"hand_{number:04}{suffix}", KEY) for number in range(by_hand)))
        for number in range(in_doubt):
            tenant = Tenant(
                user_id="1", user_email="ada@acme.example", organization_id=f"doubt_{number}", organization_name="Acme"
            )
            await Recorder(store).claim(tenant, claim_token="a", lease=60)
            await Recorder(store).begin(tenant.organization_id, claim_token="a", lease=60)
            await Recorder(store).mark_in_doubt(
                tenant.organization_id, claim_token="a", reason=f"lost\nbeside\x1b[2J\u202e {KEY}"
            )


async def damage(organization_id: str) -> None:
    async with AsyncStore.open() as store:
        await store.keys.put("another", KEY)
        with store.database.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE boooply_keys SET encrypted = (SELECT encrypted FROM boooply_keys "
                "WHERE organization_id = 'another') "
                "WHERE organization_id = ?",
                (organization_id,),
            )


# ---- list


@pytest.mark.usefixtures("empty_store")
def test_an_empty_store_says_so(run: Run) -> None:
    ran = run("tenants", "list")

    assert (ran.code, ran.out, ran.err) == (0, "The store has no customers.\n", "")


def test_every_customer_is_listed_with_state_and_name(run: Run) -> None:
    fill(by_hand=2, in_doubt=1)

    ran = run("tenants", "list")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "in doubt   doubt_0  Acme",
        "           lost beside [2J  bply_org_…cdef",
        "connected  hand_0000",
        "connected  hand_0001",
        "",
        "2 connected, 1 in doubt",
    ]


def test_every_customer_is_listed_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boooply.store.rows.BATCH", 50)
    fill(by_hand=123)

    ids = re.findall(r"hand_\d+", run("tenants", "list").out)

    assert ids == [f"hand_{number:04}" for number in range(123)]


def test_the_json_list_has_one_line_per_customer(run: Run) -> None:
    fill(by_hand=1, in_doubt=1)

    ran = run("tenants", "list", "--json")

    assert [json.loads(line) for line in ran.out.splitlines()] == [
        {
            "organization_id": "doubt_0",
            "state": "in_doubt",
            "organization_name": "Acme",
            "reason": "lost beside [2J  bply_org_…cdef",
            "orphans": 0,
        },
        {"organization_id": "hand_0000", "state": "connected", "orphans": 0},
    ]
    ran.check_is_plain()


def test_the_json_list_of_an_empty_store_is_empty(run: Run) -> None:
    assert run("tenants", "list", "--json").out == ""


# ---- list, by state


def provision_with_failures(run: Run, sandbox: Sandbox, path: Path) -> None:
    """Connect four customers; of the first two, one fails and one is in doubt."""
    sandbox.faults.add("create_organization_api_key", "422")
    sandbox.faults.add("create_organization_api_key", "commit-then-drop")
    assert run("provision", path, "--concurrency", "1").code == 4


def test_the_customers_that_failed_are_listed_with_the_reason_the_summary_gave(
    run: Run, sandbox: Sandbox, many_tenants_csv: Callable[[int], Path]
) -> None:
    provision_with_failures(run, sandbox, many_tenants_csv(4))

    ran = run("tenants", "list", "--state", "failed")

    line, reason, *rest = ran.out.splitlines()
    assert (ran.code, line, rest) == (0, "failed     org_0  Company 0", ["", "1 failed"])
    assert reason == f"{'':11}create_organization_api_key: HTTP 422 VALIDATION_ERROR: Validation failed"


def test_several_states_are_listed_together_as_json_with_reasons(
    run: Run, sandbox: Sandbox, many_tenants_csv: Callable[[int], Path]
) -> None:
    provision_with_failures(run, sandbox, many_tenants_csv(4))

    rows = run("tenants", "list", "--state", "failed", "--state", "in-doubt", "--json").rows

    assert [(row["organization_id"], row["state"]) for row in rows] == [("org_0", "failed"), ("org_1", "in_doubt")]
    assert all(row["reason"] for row in rows)


def test_a_state_that_no_customer_has_says_so(run: Run) -> None:
    fill(by_hand=1)

    ran = run("tenants", "list", "--state", "failed", "--state", "in-doubt")

    assert (ran.code, ran.out) == (0, "No customer is failed or in doubt.\n")


def test_an_unknown_state_is_2(run: Run) -> None:
    fill(by_hand=1)

    assert run("tenants", "list", "--state", "broken").code == 2


# ---- show


def test_a_customer_in_doubt_is_shown_with_its_reason(run: Run) -> None:
    fill(in_doubt=1)

    ran = run("tenants", "show", "doubt_0")

    shown = {line[:15].strip(): line[15:].strip() for line in ran.out.splitlines()}
    assert ran.code == 0
    assert shown == {
        "customer": "doubt_0",
        "name": "Acme",
        "state": "in doubt",
        "reason": "lost beside [2J  bply_org_…cdef",
        "connected by": "ada@acme.example, 1",
        "key": "none",
    }
    ran.check_is_fit_for_print()


def test_only_the_end_of_a_key_is_shown(run: Run) -> None:
    fill(by_hand=1)

    ran = run("tenants", "show", "hand_0000")

    assert ran.code == 0
    assert re.search(r"^key +bply_org_…cdef *$", ran.out, re.MULTILINE)
    assert re.search(r"^state +connected", ran.out, re.MULTILINE)
    ran.check_is_fit_for_print()


def test_a_damaged_key_is_reported(run: Run) -> None:
    fill(by_hand=1)
    asyncio.run(damage("hand_0000"))

    assert "damaged (cannot be decrypted)" in run("tenants", "show", "hand_0000").words


@pytest.mark.usefixtures("sandbox", "empty_store")
@pytest.mark.parametrize("command", ["show", "disconnect", "reconnect"])
def test_an_unknown_customer_is_1(run: Run, command: str) -> None:
    ran = run("tenants", command, "org_\x1b[2J")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "boooply: org_ [2J is not in the store. List the customers with: boooply tenants list\n"


# ---- key


def test_the_key_alone_is_printed_by_the_one_command_that_does(run: Run) -> None:
    fill(by_hand=1)

    ran = run("tenants", "key", "hand_0000")

    assert (ran.code, ran.out, ran.err) == (0, f"{KEY}\n", "")


@pytest.mark.usefixtures("empty_store")
def test_a_missing_key_is_1(run: Run) -> None:
    ran = run("tenants", "key", "org_1")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "boooply: org_1 is not connected: no key is stored for it\n"


def test_a_damaged_key_is_not_printed(run: Run) -> None:
    fill(by_hand=1)
    asyncio.run(damage("hand_0000"))

    ran = run("tenants", "key", "hand_0000")

    assert (ran.code, ran.out) == (1, "")
    assert "the key stored for hand_0000 was altered" in ran.err


# ---- disconnect


def test_disconnecting_deletes_a_customer_and_warns_that_its_key_stays_valid(run: Run) -> None:
    fill(by_hand=2, in_doubt=1)

    ran = run("tenants", "disconnect", "hand_0000", "--yes")

    assert ran.code == 0
    assert "hand_0000 is disconnected" in ran.words
    assert "The key stays valid at Boooply: revoke it in the Boooply dashboard." in ran.words
    assert run("tenants", "disconnect", "doubt_0", "--yes").code == 0
    assert re.findall(r"hand_\d+|doubt_\d+", run("tenants", "list").out) == ["hand_0001"]
    assert run("tenants", "key", "hand_0000").code == 1
    ran.check_is_fit_for_print()


@pytest.mark.parametrize(("response", "code", "left"), [(b"y\n", 0, []), (b"\n", 2, ["hand_0000"])])
def test_disconnecting_asks_first_in_a_terminal(
    run: Run, answering: Run, response: bytes, code: int, left: list[str]
) -> None:
    fill(by_hand=1)

    exit_code, shown = answering(response, "tenants", "disconnect", "hand_0000")

    assert "Disconnect hand_0000? Its key and its ledger entry are deleted from the store. [y/N]" in shown
    assert ("Nothing was changed." in shown) == (code == 2)
    assert exit_code == code
    assert re.findall(r"hand_\d+", run("tenants", "list").out) == left


def test_disconnecting_without_a_terminal_needs_yes(run_piped: Run, run: Run) -> None:
    fill(in_doubt=1)

    ran = run_piped("tenants", "disconnect", "doubt_0")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "boooply: disconnect deletes the customer's key from the store. To confirm it without a terminal, add --yes\n"
    )
    assert "doubt_0" in run("tenants", "list").out


# ---- reconnect


def test_reconnecting_mints_another_key_and_counts_the_old_one(
    run: Run, sandbox: Sandbox, many_tenants_csv: Callable[[int], Path]
) -> None:
    assert run("provision", many_tenants_csv(1)).code == 0
    old = run("tenants", "key", "org_0").out

    ran = run("tenants", "reconnect", "org_0")

    assert (ran.code, ran.err) == (0, "")
    assert (
        "org_0 is reconnected. Its new key is in the store. Running applications use it within a minute." in ran.words
    )
    assert run("tenants", "key", "org_0").out != old
    assert "up to 1" in run("tenants", "show", "org_0").words
    assert sandbox.mints == {"org_0": 2}
    ran.check_is_fit_for_print()


def test_a_customer_whose_reconnection_is_rejected_is_still_connected(
    run: Run, sandbox: Sandbox, many_tenants_csv: Callable[[int], Path], states: Callable[[], Any]
) -> None:
    path = many_tenants_csv(1)
    assert run("provision", path).code == 0
    sandbox.faults.add("create_organization_api_key", "422")

    assert run("tenants", "reconnect", "org_0").code == 1

    assert states() == {"org_0": "connected"}
    assert "connected" in run("tenants", "show", "org_0").words
    assert "No customers left to connect." in run("provision", path, "--dry-run").words


@pytest.mark.usefixtures("sandbox")
def test_a_customer_known_by_its_key_alone_cannot_be_reconnected(run: Run) -> None:
    fill(by_hand=1)

    ran = run("tenants", "reconnect", "hand_0000")

    assert ran.code == 1
    assert "the store has only the key of hand_0000" in ran.err


def test_a_new_key_that_cannot_be_stored_is_rescued(
    run: Run, sandbox: Sandbox, many_tenants_csv: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("provision", many_tenants_csv(1)).code == 0

    async def fail(*_arguments: object, **_options: object) -> None:
        raise OSError

    monkeypatch.setattr(Recorder, "finish", fail)

    ran = run("tenants", "reconnect", "org_0")

    assert ran.code == 1
    assert sandbox.mints == {"org_0": 2}
    assert len([*tmp_path.glob("boooply-rescued-keys-*")]) == 1


def test_a_store_that_cannot_be_opened_is_one_line_and_1(run: Run, tmp_path: Path) -> None:
    ran = run("tenants", "list", "--store", f"sqlite:///{tmp_path}")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1


def test_a_store_url_of_another_kind_shows_no_password(run: Run) -> None:
    ran = run("tenants", "list", "--store", "mysql://user:hush@host/name")

    assert ran.code == 2
    assert "postgresql+psycopg://" in ran.err
    assert "hush" not in ran.err


def test_a_reader_that_closes_the_pipe_causes_no_traceback(start_program: Run) -> None:
    fill(by_hand=150, suffix="x" * 1000)  # more than a pipe's buffer takes in

    command = (*COMMAND, "tenants", "list", "--json")
    with start_program(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""

    assert process.returncode == 1


# ---- check


@pytest.mark.usefixtures("sandbox")
def test_each_stored_key_is_checked_with_one_read(run: Run, many_tenants_csv: Callable[[int], Path]) -> None:
    run("provision", many_tenants_csv(40))

    ran = run("tenants", "check")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "40 keys checked; none must be replaced.\n"


async def swap_keys() -> None:
    async with AsyncStore.open() as store:
        one, other = await store.keys.get("org_1"), await store.keys.get("org_2")
        await store.keys.put("org_1", other)
        await store.keys.put("org_2", one)
        await store.keys.put("org_3", KEY)


def test_keys_that_are_anothers_rejected_or_damaged_are_named(
    run: Run, many_tenants_csv: Callable[[int], Path], sandbox: Sandbox
) -> None:
    run("provision", many_tenants_csv(5))
    asyncio.run(swap_keys())
    asyncio.run(damage("org_4"))
    calls = len(sandbox.calls)

    ran = run("tenants", "check")

    assert ran.code == 4
    by_customer = {line.split(": ")[1]: line for line in ran.err.splitlines()}
    assert "belongs to org_2" in by_customer["org_1"]
    assert "belongs to org_1" in by_customer["org_2"]
    assert "rejects its key (HTTP 401)" in by_customer["org_3"]
    assert "the key stored for org_4 was altered" in ran.err
    assert "Run: boooply tenants reconnect org_4" in by_customer["org_4"]
    assert "another" in by_customer  # it has the key of nobody
    assert len(sandbox.calls) - calls == 5
    ran.check_is_plain()


@pytest.mark.parametrize("status", [402, 404])
def test_a_customer_whose_read_the_api_rejects_does_not_hide_the_others(
    run: Run, many_tenants_csv: Callable[[int], Path], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    run("provision", many_tenants_csv(3))
    key = run("tenants", "key", "org_1").out.strip()
    with Deviating(sandbox) as api:

        def rejected() -> web.Response | None:
            return web.json_response({"error": "Gone"}, status=status) if key in str(api.seen[-1]) else None

        api.respond["organization"] = rejected
        monkeypatch.setenv("BOOOPLY_BASE_URL", f"http://127.0.0.1:{api.port}")
        assert run("store", "adopt").code == 0

        ran = run("tenants", "check")

        assert ran.code == 4
        assert ran.err.startswith(f"boooply: org_1: organization.get: HTTP {status}: Gone")
        assert ran.err.count("\n") == 1
        assert len(api.seen) == 3
    ran.check_is_plain()


@pytest.mark.usefixtures("sandbox")
def test_a_check_shows_its_progress_in_a_terminal(
    run: Run, run_in_terminal: Run, many_tenants_csv: Callable[[int], Path]
) -> None:
    run("provision", many_tenants_csv(20))

    ran = run_in_terminal("tenants", "check")

    assert (ran.code, ran.err) == (0, "")
    assert "/20" in ran.out
