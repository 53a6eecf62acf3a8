"""The console as an inspector: what opens, what is found, and what is copied, with many customers and by keyboard."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from boooply import AIInterview, BoooplyClient, BoooplyPlatform, Candidate, Tenant
from boooply.sandbox import Limits, Sandbox

CUSTOMERS, INTERVIEWS_EACH, READS_EACH = 50, 4, 15
DASH = "\N{EN DASH}"
CALLS = CUSTOMERS * (1 + INTERVIEWS_EACH + READS_EACH)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(writes=20, window=3600)) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[BoooplyClient]:
    with BoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
        yield client


@pytest.fixture(scope="module")
def busy() -> Iterator[Sandbox]:
    """A sandbox in which 50 customers have created 200 interviews with 1,000 calls."""
    with (
        Sandbox(limits=Limits(writes=CUSTOMERS, window=3600)) as sandbox,
        BoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        for number in range(CUSTOMERS):
            tenant = Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number:02}")
            client = platform.organization(platform.create_organization_api_key(tenant).api_key)
            codes = [create(client, f"Jane {number}-{place}") for place in range(INTERVIEWS_EACH)]
            for _ in range(READS_EACH):
                client.interviews.get(codes[-1])
            sandbox.play(codes[-1])
        assert len(sandbox.calls) == CALLS
        yield sandbox


def create(client: BoooplyClient, name: str = "Jane") -> str:
    candidate = Candidate(name=name, email="jane@example.com")
    return client.interviews.create(AIInterview(job_role="Engineer", candidate=candidate)).meeting_code


def run(words: list[str], sandbox: Sandbox, **more: str) -> str:
    own = {"BOOOPLY_API_KEY": sandbox.api_key, "BOOOPLY_WEBHOOK_SECRET": sandbox.webhook_secret, **more}
    done = subprocess.run(  # noqa: S603 - the program that the page has copied
        words, env={**os.environ, **own}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def copied(page: Any, button: Any, said: str) -> str:
    button.click()
    expect(page.get_by_test_id("result")).to_contain_text(said)
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


# ---- opening and closing


def test_the_keyboard_opens_a_call_and_comes_back_to_it(sandbox: Sandbox, client: BoooplyClient, looking: Any) -> None:
    create(client)
    page = looking.at(sandbox.base_url)
    link = page.locator("#calls a")
    link.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="POST /api/integration/interviews")
    expect(dialog.get_by_role("heading", level=2)).to_be_focused()
    expect(dialog).to_contain_text("Bearer bply_org_***")
    expect(dialog).to_contain_text('"jobRole": "Engineer"')
    expect(dialog).to_contain_text("19 of 20 writes left")
    assert page.evaluate("location.hash") == "#call-1"
    looking.picture(page, "inspector-1-call")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()
    expect(page).to_have_url(f"{sandbox.base_url}/")
    page.go_forward()  # closing went back, so the history has no entry of it too many
    expect(dialog).to_be_visible()


def test_an_address_opens_what_it_names_and_the_back_button_closes_it(
    sandbox: Sandbox, client: BoooplyClient, looking: Any
) -> None:
    code = create(client)
    page = looking.at(f"{sandbox.base_url}/#call-1")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    page.get_by_test_id(f"interview-{code}").get_by_role("link").click()
    expect(dialog).to_contain_text(f"/meeting/{code}")
    dialog.get_by_role("link", name="You are invited", exact=False).click()
    expect(dialog).to_contain_text("Join the meeting")
    page.go_back()
    expect(dialog).to_contain_text("Participants (1)")
    page.go_back()
    expect(dialog).to_be_hidden()
    page.goto(f"{sandbox.base_url}/#call-77")
    page.reload()
    expect(dialog).to_contain_text("was not found")


def test_a_link_of_an_email_leads_to_the_interview(sandbox: Sandbox, client: BoooplyClient, looking: Any) -> None:
    code = create(client, "<script>alert(1)</script>")
    page = looking.at(sandbox.sent_emails[0].links["join"])
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("<script>alert(1)</script>")
    dialog.get_by_test_id(f"inspector-play-{code}-END").click()
    expect(dialog).to_contain_text("AUTO_COMPLETED")
    for words in ("overallScore", "Transcript", "Download", "interview.transcript", "STRONG_"):
        expect(dialog).to_contain_text(words)
    looking.picture(page, "inspector-2-interview")


def test_what_is_typed_in_the_details_survives_a_change(sandbox: Sandbox, client: BoooplyClient, looking: Any) -> None:
    code = create(client)
    sandbox.play(code)
    page = looking.at(f"{sandbox.base_url}/#interview-{code}")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Play, book or finalize").click()
    dialog.get_by_label("Rationale", exact=True).fill("half a sen")
    client.interviews.get(code)  # which the details list
    expect(dialog).to_contain_text("interviews.get")
    expect(dialog.get_by_label("Rationale", exact=True)).to_have_value("half a sen")
    expect(dialog.get_by_label("Rationale", exact=True)).to_be_focused()


def test_a_webhook_opens_and_is_replayed(sandbox: Sandbox, client: BoooplyClient, looking: Any) -> None:
    sandbox.webhooks.url = "http://127.0.0.1:9/nobody-listens"
    sandbox.play(create(client))
    sandbox.webhooks.wait()
    delivery = sandbox.webhooks.deliveries[0]
    page = looking.at(sandbox.base_url)
    page.get_by_test_id(f"delivery-{delivery.id}").get_by_role("link").click()
    dialog = page.get_by_role("dialog", name="interview.transcript")
    for words in ("Attempts (1)", "ClientConnectorError", "X-Boooply-Signature", "Bearer whsec_***", '"event"'):
        expect(dialog).to_contain_text(words)
    looking.picture(page, "inspector-3-webhook")
    dialog.get_by_role("button", name="Replay").click()
    expect(page.get_by_test_id("result")).to_contain_text("already in progress")
    page.get_by_role("button", name="Dismiss").click()  # above the dialog
    expect(page.get_by_test_id("result")).to_be_empty()


def test_without_an_endpoint_a_replay_says_what_is_missing(
    sandbox: Sandbox, client: BoooplyClient, looking: Any
) -> None:
    sandbox.play(create(client))
    delivery = sandbox.webhooks.deliveries[0]
    page = looking.at(sandbox.base_url)
    row = page.get_by_test_id(f"delivery-{delivery.id}")
    expect(row.get_by_role("button", name="Replay")).to_be_disabled()
    row.get_by_role("link").click()
    dialog = page.get_by_role("dialog", name="interview.transcript")
    expect(dialog.get_by_role("button", name="Replay")).to_be_disabled()
    expect(dialog).to_contain_text("Set the endpoint URL first")
    expect(dialog).to_contain_text("the placeholder http://127.0.0.1:8000/webhooks/boooply: replace it with your URL")
    looking.picture(page, "inspector-8-no-endpoint")
    sandbox.webhooks.url = "http://127.0.0.1:9/nobody-listens"
    expect(dialog.get_by_role("button", name="Replay")).to_be_enabled()
    expect(dialog).not_to_contain_text("placeholder")
    page.keyboard.press("Escape")
    expect(row.get_by_role("button", name="Replay")).to_be_enabled()


# ---- copying


def test_copied_programs_run_as_they_are(sandbox: Sandbox, looking: Any) -> None:
    looking.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = looking.at(sandbox.base_url)
    looking.picture(page, "inspector-4-empty")
    first = copied(page, page.get_by_role("button", name="Copy the program"), "Program copied")
    code = run([sys.executable, "-c", first], sandbox).strip()
    expect(page.get_by_test_id(f"interview-{code}")).to_be_visible()
    page.locator("#calls a").click()
    dialog = page.get_by_role("dialog")
    python = copied(page, dialog.get_by_test_id("copy-python"), "Python copied")
    assert "Interview(" in run([sys.executable, "-c", python], sandbox)
    curl = copied(page, dialog.get_by_test_id("copy-curl"), "curl copied")
    assert '"success":true' in run(["sh", "-c", curl], sandbox)
    assert [call.status for call in sandbox.calls] == [201] * 3
    assert sandbox.api_key not in first + python + curl


def test_copies_of_a_customers_call_need_that_customers_key(sandbox: Sandbox, looking: Any) -> None:
    looking.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tenant = Tenant(user_id="1", user_email="a@b.example", organization_id="org_1")
    with BoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform:
        key = platform.create_organization_api_key(tenant).api_key.reveal()
        create(platform.organization(key))
    page = looking.at(f"{sandbox.base_url}/#call-2")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Both read $CUSTOMER_KEY, the key of customer org_1")
    expect(dialog).to_contain_text("which the store of your program contains: boooply tenants key org_1.")
    looking.picture(page, "inspector-7-customers-key")
    python = copied(page, dialog.get_by_test_id("copy-python"), "Python copied")
    curl = copied(page, dialog.get_by_test_id("copy-curl"), "curl copied")
    for words in ([sys.executable, "-c", python], ["sh", "-c", curl]):
        with pytest.raises(AssertionError, match="CUSTOMER_KEY"):
            run(words, sandbox)
    assert len(sandbox.calls) == 2
    run([sys.executable, "-c", python], sandbox, CUSTOMER_KEY=key)
    run(["sh", "-c", curl], sandbox, CUSTOMER_KEY=key)
    assert [call.tenant for call in sandbox.calls] == ["org_1"] * 4


# ---- many


def test_every_call_can_be_reached(busy: Sandbox, looking: Any) -> None:
    page = looking.at(busy.base_url)
    panel = page.get_by_test_id("panel-calls")
    expect(panel).to_contain_text(f"1{DASH}100 of {CALLS:,}")
    looking.picture(page, "inspector-5-many")
    for number in range(1, CALLS // 100):
        panel.get_by_role("button", name="Older").click()
        expect(panel).to_contain_text(f"{number * 100 + 1:,}{DASH}{number * 100 + 100:,} of {CALLS:,}")
    expect(panel.get_by_role("button", name="Older")).to_be_disabled()
    expect(page.locator("#matches")).to_have_text(f"{CALLS - 99:,}{DASH}{CALLS:,} of {CALLS:,}")  # is read out
    expect(page.locator("#calls tr").last).to_contain_text("create_organization_api_key")
    panel.get_by_role("button", name="Newer").click()
    expect(panel).to_contain_text(f"{CALLS - 199:,}{DASH}{CALLS - 100:,} of {CALLS:,}")


def test_customer_status_operation_and_text_narrow_the_lists(busy: Sandbox, looking: Any) -> None:
    page = looking.at(busy.base_url)
    count = page.get_by_test_id("panel-calls").locator(".count")
    page.get_by_label("Customer", exact=True).select_option("org_07")
    expect(count).to_have_text(f"20 of {CALLS:,}")
    expect(page.get_by_test_id("panel-interviews").locator(".count")).to_have_text("4 of 200")
    page.get_by_label("Operation of calls").select_option("interviews.create")
    expect(count).to_have_text(f"4 of {CALLS:,}")
    page.keyboard.press("Escape")
    page.locator("body").press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("jane 7-3")
    expect(count).to_have_text(f"1 of {CALLS:,}")
    expect(page.locator("#matches")).to_contain_text("1 interview, 1 call")
    looking.picture(page, "inspector-6-found")
    page.get_by_label("Status of calls").select_option("4xx")
    expect(page.get_by_test_id("panel-calls")).to_contain_text("Nothing matches the filters")
    page.reload()
    expect(page.get_by_test_id("panel-interviews").locator(".count")).to_have_text("1 of 200")
    page.get_by_role("button", name="Clear filters").click()
    expect(count).to_have_text(f"{CALLS:,}")
    assert page.evaluate("location.search") == ""


def test_limits_beyond_ten_organizations_are_folded_away(busy: Sandbox, looking: Any) -> None:
    page = looking.at(busy.base_url)
    expect(page.locator("#limits > li")).to_have_count(10)
    expect(page.locator("#folded-limits")).to_be_hidden()
    page.get_by_test_id("panel-limits").get_by_text("more organizations").click()
    expect(page.locator("#folded-limits > li")).to_have_count(CUSTOMERS + 1 - 10)
    expect(page.locator("#folded-limits > li").last).to_be_visible()


def test_everything_that_can_be_pressed_has_a_name(busy: Sandbox, looking: Any) -> None:
    page = looking.at(f"{busy.base_url}/#call-1")
    expect(page.get_by_role("dialog")).to_contain_text("Response")
    nameless = page.evaluate(
        """[...document.querySelectorAll("a[href], button, select, input, [role=region], [role=meter]")]
            .filter((node) => !(node.ariaLabel || node.textContent.trim() || node.labels?.length))
            .filter((node) => !node.hasAttribute("aria-labelledby"))
            .map((node) => node.outerHTML)"""
    )
    assert nameless == []
    expect(page.get_by_text("boooply 0", exact=False)).to_be_attached()
