"""``boooply provision`` against a real sandbox and a real SQLite file."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from boooply.cli.summary import as_json
from boooply.provisioning import Failed
from boooply.sandbox import Sandbox

Run = Callable[..., Any]
Rows = Callable[..., Path]
States = Callable[[], dict[str, str]]
Use = Callable[[Sandbox], None]

MINT = "create_organization_api_key"


pytestmark = pytest.mark.usefixtures("sandbox")


# ---- the whole way


def test_every_customer_is_connected_once_and_its_key_stored(
    run: Run, many_tenants_csv: Rows, sandbox, states: States
) -> None:
    path = many_tenants_csv(25)

    ran = run("provision", path)

    assert (ran.code, ran.err) == (0, "")
    assert "25 customers in" in ran.words
    assert "25 customers to connect: about 2 min at 10 per minute." in ran.words
    assert "Connected 25 customers in" in ran.out
    assert sandbox.mints == {f"org_{number}": 1 for number in range(25)}
    assert states() == {f"org_{number}": "connected" for number in range(25)}
    ran.check_is_fit_for_print()


def test_a_second_run_sends_nothing(run: Run, many_tenants_csv: Rows, sandbox) -> None:
    path = many_tenants_csv(3)
    run("provision", path)
    before = len(sandbox.calls)

    ran = run("provision", path)

    assert ran.code == 0
    assert re.search(r"connected +3 +skipped", ran.out)
    assert "No customers left to connect." in ran.out
    assert re.search(r"connected before +3\b", ran.out)
    assert len(sandbox.calls) == before


def test_changed_data_is_reported_but_not_sent(run: Run, tenants_csv: Rows, sandbox) -> None:
    run("provision", tenants_csv(f"org_{number},Old,1,a@b.example,," for number in range(22)))

    ran = run("provision", tenants_csv(f"org_{number},New,1,a@b.example,," for number in range(22)))

    assert ran.code == 0
    assert "Changed data" in ran.out
    assert len(re.findall(r"^ +org_\d+\s*$", ran.out, re.MULTILINE)) == 20
    assert "… and 2 more" in ran.out
    assert set(sandbox.mints.values()) == {1}
    ran.check_is_fit_for_print()


def test_provision_takes_json_lines_and_a_store_url(run: Run, tmp_path: Path, states: States) -> None:
    path = tmp_path / "tenants.jsonl"
    path.write_text(json.dumps({"organizationId": "o-1", "userId": "1", "userEmail": "ada@acme.example"}) + "\n")
    url = f"sqlite:///{tmp_path}/another.db"

    assert run("provision", path, "--store", url).code == 0

    assert "o-1" in run("tenants", "list", "--store", url).out
    assert states() == {}


# ---- doubts and failures


def test_a_customer_in_doubt_is_listed_with_advice_and_is_4(run: Run, many_tenants_csv: Rows, sandbox) -> None:
    sandbox.faults.add(MINT, "commit-then-drop")
    path = many_tenants_csv(2)

    ran = run("provision", path, "--concurrency", "1")

    assert ran.code == 4
    assert re.search(r"in doubt +1\b", ran.out)
    assert re.search(r"^ +org_0 +create_organization_api_key for org_0", ran.out, re.MULTILINE)
    assert "it may have been carried out" in ran.words
    assert "To mint new keys for them, run the command again with --remint-in-doubt." in ran.words
    ran.check_is_fit_for_print()
    again = run("provision", path)
    assert again.code == 4
    assert sandbox.mints == {"org_0": 1, "org_1": 1}


def test_reminting_a_customer_in_doubt_reports_the_orphan(run: Run, many_tenants_csv: Rows, sandbox) -> None:
    sandbox.faults.add(MINT, "commit-then-drop")
    path = many_tenants_csv(1)
    run("provision", path)

    ran = run("provision", path, "--remint-in-doubt")

    assert ran.code == 0
    assert "Connected 1 customer in" in ran.out
    assert (
        "1 lost key of these customers may be valid at Boooply: check the Boooply dashboard, and revoke it."
        in ran.words
    )
    assert sandbox.mints == {"org_0": 2}


def test_orphans_are_counted_however_many_customers_there_are(
    run: Run, many_tenants_csv: Rows, sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.cli.summary._BATCH", 50)
    sandbox.faults.add(MINT, "commit-then-drop", 3)
    run("provision", many_tenants_csv(3), "--concurrency", "1")

    ran = run("provision", many_tenants_csv(70), "--json", "--remint-in-doubt")

    assert ran.code == 0
    assert ran.rows[-1]["summary"]["orphans"] == 3
    assert ran.rows[-1]["summary"]["connected"] == 70


def test_a_failure_is_listed_with_its_reason_and_is_4(run: Run, many_tenants_csv: Rows, sandbox) -> None:
    sandbox.faults.add(MINT, "422")
    path = many_tenants_csv(2)

    ran = run("provision", path, "--concurrency", "1")

    assert ran.code == 4
    assert re.search(r"failed +1\b", ran.out)
    assert re.search(r"^ +org_0 +\S", ran.out, re.MULTILINE)
    assert "To retry these customers, run the same command again." in ran.out
    assert run("provision", path).code == 0
    ran.check_is_fit_for_print()


def test_a_wrong_platform_key_stops_at_once(
    run: Run, many_tenants_csv: Rows, sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", "bply_platform_0123456789abcdef")

    ran = run("provision", many_tenants_csv(500), "--concurrency", "4")

    assert ran.code == 1
    assert ran.err.startswith("boooply: create_organization_api_key: HTTP 401")
    assert ran.err.count("\n") == 1
    assert 1 <= len(sandbox.calls) <= 4
    ran.check_is_plain()


def test_a_missing_platform_key_is_reported_before_the_store_is_created(
    run: Run, many_tenants_csv: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOOOPLY_PLATFORM_KEY")

    ran = run("provision", many_tenants_csv(1))

    assert ran.code == 2
    assert "BOOOPLY_PLATFORM_KEY" in ran.err
    assert not (tmp_path / "boooply.db").exists()


def test_a_missing_store_key_is_2_and_says_how_to_get_one(
    run: Run, many_tenants_csv: Rows, sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOOOPLY_STORE_KEY")

    ran = run("provision", many_tenants_csv(1))

    assert ran.code == 2
    assert "boooply store new-key" in ran.err
    assert sandbox.calls == ()


def test_a_store_encrypted_with_another_key_is_1_and_sends_nothing(
    run: Run, many_tenants_csv: Rows, sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("provision", many_tenants_csv(1))
    monkeypatch.setenv("BOOOPLY_STORE_KEY", Fernet.generate_key().decode())

    ran = run("provision", many_tenants_csv(2))

    assert (ran.code, ran.out) == (1, "")
    assert "encrypted with another encryption key" in ran.err
    assert len(sandbox.calls) == 1


# ---- for programs


def test_json_has_one_line_per_outcome_and_a_summary(run: Run, tenants_csv: Rows, sandbox) -> None:
    run("provision", tenants_csv(["org_0,Old,1,a@b.example,,", "org_1,,1,a@b.example,,"]))
    sandbox.faults.add(MINT, "commit-then-drop")
    sandbox.faults.add(MINT, "422")
    path = tenants_csv(["org_0,New,1,a@b.example,,", *(f"org_{number},,1,a@b.example,," for number in range(1, 5))])

    ran = run("provision", path, "--json", "--concurrency", "1")

    *outcomes, last = ran.rows
    by_id = {row["organization_id"]: row for row in outcomes}
    assert ran.code == 4
    assert by_id["org_0"] == {"organization_id": "org_0", "outcome": "already_connected", "is_changed": True}
    assert by_id["org_1"] == {"organization_id": "org_1", "outcome": "already_connected", "is_changed": False}
    assert by_id["org_2"]["outcome"] == "in_doubt"
    assert "may have been carried out" in by_id["org_2"]["reason"]
    assert by_id["org_3"]["outcome"] == "failed"
    assert by_id["org_3"]["reason"]
    assert by_id["org_4"] == {"organization_id": "org_4", "outcome": "connected"}
    assert last == {
        "summary": {
            "total": 5,
            "connected": 1,
            "already_connected": 2,
            "in_doubt": 1,
            "failed": 1,
            "changed": 1,
            "repeated": 0,
            "orphans": 0,
        }
    }
    assert "Connected 1 customer" in ran.err
    ran.check_is_plain()


def test_json_ends_with_the_summary_on_an_error_too(
    run: Run, many_tenants_csv: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", "bply_platform_0123456789abcdef")

    ran = run("provision", many_tenants_csv(3), "--json")

    (last,) = ran.rows
    assert ran.code == 1
    assert last["summary"]["connected"] == 0


def test_a_reason_in_json_is_one_line_without_what_acts_on_a_terminal() -> None:
    line = json.loads(as_json(Failed("org_1", "a\nb\x1b[2J\u202e bply_org_0123456789abcdef")))

    assert line == {"organization_id": "org_1", "outcome": "failed", "reason": "a b [2J  bply_org_…cdef"}
