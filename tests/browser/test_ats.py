"""The ATS example and its sandbox: connect, create, play in the console, and see the evaluation arrive."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

ATS = Path(__file__).parents[2] / "examples" / "ats"


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[list[str]]:
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": tmp_path}
    with subprocess.Popen([sys.executable, str(ATS)], **options) as process:  # noqa: S603 - our own words
        assert process.stdout is not None
        found: list[str] = []
        while len(found) < 2:
            line = process.stdout.readline()
            assert line, "the ATS has ended"
            found += re.findall(r"http://\S+", line)
        yield found
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        rest = process.stdout.read()
    assert "Traceback" not in rest, rest


def sign_in_and_connect(page: Page, customer: str) -> None:
    page.get_by_test_id(f"sign-in-{customer}").click()
    page.get_by_test_id("connect").click()
    expect(page.get_by_test_id("connected")).to_be_visible()


def create(page: Page, name: str) -> str:
    page.get_by_test_id("job-role").fill("Frontend Engineer")
    page.get_by_test_id("candidate-name").fill(name)
    page.get_by_test_id("candidate-email").fill("jane@example.com")
    page.get_by_test_id("skills").fill("React, TypeScript")
    page.get_by_test_id("create-interview").click()
    row = page.locator('[data-testid^="interview-"]').filter(has_text=name)
    expect(row).to_be_visible()
    testid = row.get_attribute("data-testid")
    assert testid is not None
    return testid.removeprefix("interview-")


def test_the_whole_way(addresses: list[str], looking: Any) -> None:
    ats_url, console_url = addresses
    ats = looking.at(ats_url)
    looking.picture(ats, "ats-1-sign-in")
    ats.get_by_test_id("sign-in-org_7234567890").click()
    expect(ats.get_by_test_id("connect")).to_be_visible()
    looking.picture(ats, "ats-2-connect")
    ats.get_by_test_id("connect").click()
    expect(ats.get_by_test_id("connected")).to_be_visible()
    code = create(ats, "Zoë Ångström")
    expect(ats.get_by_test_id(f"status-{code}")).to_contain_text("Scheduled")
    looking.picture(ats, "ats-3-created")

    console = looking.at(console_url)
    expect(console.get_by_test_id(f"interview-{code}")).to_be_visible()
    expect(console.get_by_test_id("panel-calls")).to_contain_text("/api/integration/interviews")
    expect(console.get_by_test_id("panel-emails")).to_contain_text("jane@example.com")
    console.get_by_test_id(f"play-{code}-END").click()
    expect(console.get_by_test_id("panel-webhooks")).to_contain_text("interview.evaluation")
    expect(console.locator('[data-testid^="delivery-"]').first).to_contain_text("Delivered", ignore_case=True)
    looking.picture(console, "console-2-played")

    ats.bring_to_front()
    expect(ats.get_by_test_id(f"evaluation-{code}")).to_be_visible()
    expect(ats.get_by_test_id(f"status-{code}")).to_contain_text("Completed")
    ats.get_by_test_id(f"transcript-{code}").locator("summary").click()
    expect(ats.get_by_test_id(f"transcript-{code}")).to_contain_text("measure before changing anything")
    looking.picture(ats, "ats-4-evaluated")

    ats.get_by_test_id("sign-out").click()
    sign_in_and_connect(ats, "org_7234567891")
    expect(ats.get_by_test_id("create-interview")).to_be_visible()
    expect(ats.get_by_test_id(f"interview-{code}")).to_have_count(0)  # another customer's


def test_a_customer_whose_key_was_revoked_reconnects(addresses: list[str], looking: Any) -> None:
    ats_url, console_url = addresses
    ats = looking.at(ats_url)
    sign_in_and_connect(ats, "org_7234567890")
    code = create(ats, "Jane")
    expect(ats.get_by_test_id("rejected")).to_be_hidden()
    revoking = f"{console_url}/_sandbox/organizations/org_7234567890/revoke-keys"
    assert ats.request.post(revoking).json()["revoked"] == 1

    expect(ats.get_by_test_id("rejected")).to_contain_text("no longer accepts the key of Acme Corporation")
    expect(ats.get_by_test_id("connected")).to_have_text("Boooply rejects the key")
    looking.picture(ats, "ats-6-rejected")
    ats.get_by_test_id("job-role").fill("Cook")
    ats.get_by_test_id("candidate-name").fill("Joe")
    ats.get_by_test_id("candidate-email").fill("joe@example.com")
    ats.get_by_test_id("create-interview").click()
    expect(ats.get_by_test_id("result")).to_contain_text("reconnect Boooply")
    ats.reload()
    expect(ats.get_by_test_id("rejected")).to_be_visible()
    expect(ats.get_by_test_id(f"interview-{code}")).to_be_visible()

    ats.get_by_test_id("reconnect").click()
    expect(ats.get_by_test_id("result")).to_contain_text("Boooply is reconnected")
    expect(ats.get_by_test_id("rejected")).to_be_hidden()
    expect(ats.get_by_test_id("connected")).to_have_text("Boooply connected")
    looking.picture(ats, "ats-7-reconnected")
    create(ats, "Joan")


def test_what_goes_wrong_is_told(addresses: list[str], looking: Any) -> None:
    ats_url, console_url = addresses
    ats, console = looking.at(ats_url), looking.at(console_url)
    sign_in_and_connect(ats, "org_7234567892")
    expect(console.get_by_test_id("panel-organizations")).to_contain_text("Zoë & Söhne")
    panel = console.get_by_test_id("panel-faults")
    panel.get_by_label("Operation").select_option("interviews.create")
    panel.get_by_label("Fault", exact=True).select_option("commit-then-drop")
    panel.get_by_role("button", name="Inject").click()
    expect(panel).to_contain_text("interviews.create")

    ats.bring_to_front()
    ats.get_by_test_id("job-role").fill("Cook")
    ats.get_by_test_id("candidate-name").fill("Jane")
    ats.get_by_test_id("candidate-email").fill("jane@example.com")
    ats.get_by_test_id("create-interview").click()
    expect(ats.get_by_test_id("result")).to_contain_text("check before you try again")
    looking.picture(ats, "ats-5-doubt")
