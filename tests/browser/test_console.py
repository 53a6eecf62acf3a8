"""The console, against a sandbox in this process."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import expect

from boooply import AIInterview, BoooplyClient, Candidate
from boooply.sandbox import Limits, Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits()) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[BoooplyClient]:
    with BoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
        yield client


@pytest.fixture
def endpoint() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/webhooks"
        server.shutdown()


def create(client: BoooplyClient, name: str = "Jane") -> str:
    candidate = Candidate(name=name, email="jane@example.com")
    return client.interviews.create(AIInterview(job_role="Engineer", candidate=candidate)).code


def test_an_empty_console_says_what_to_do(sandbox: Sandbox, looking: Any) -> None:
    page = looking.at(sandbox.base_url)
    expect(page.get_by_test_id("panel-interviews")).to_contain_text("No interviews yet")
    looking.picture(page, "console-1-empty")


def test_everything_that_happens_is_seen_as_it_happens(
    sandbox: Sandbox, client: BoooplyClient, endpoint: str, looking: Any
) -> None:
    page = looking.at(sandbox.base_url)
    code = create(client, "<b>Jane</b>")
    row = page.get_by_test_id(f"interview-{code}")
    expect(row).to_contain_text("<b>Jane</b>")  # as text
    expect(page.get_by_test_id("panel-limits")).to_contain_text("9 of 10 left")
    expect(page.get_by_test_id("panel-calls")).to_contain_text("POST")

    page.get_by_label("Endpoint", exact=False).fill(endpoint)
    page.get_by_label("Endpoint", exact=False).press("Enter")
    page.get_by_test_id(f"play-{code}-END").click()
    delivery = page.locator('[data-testid^="delivery-"]').filter(has_text="interview.evaluation")
    expect(delivery).to_contain_text("204")
    sandbox.webhooks.wait()
    delivery.get_by_role("button", name="Replay").click()
    sandbox.webhooks.wait()
    (replayed,) = [one for one in sandbox.webhooks.deliveries if one.event == "interview.evaluation"]
    assert [attempt.status for attempt in replayed.attempts] == [204, 204]
    looking.picture(page, "console-3-delivered")


def test_no_page_ever_shows_a_key(sandbox: Sandbox, client: BoooplyClient, looking: Any) -> None:
    page = looking.at(sandbox.base_url)
    code = create(client)
    expect(page.get_by_test_id(f"interview-{code}")).to_be_visible()
    everything = page.content() + page.request.get(f"{sandbox.base_url}/_sandbox/snapshot").text()
    people = client.interviews.list_participants(code)
    tokens = [person.join_token.reveal() for person in people if person.join_token is not None]
    assert tokens
    for secret in (sandbox.api_key, sandbox.platform_key, sandbox.webhook_secret, *tokens):
        assert secret[-12:] not in everything


def test_faults_and_the_clock_are_at_hand(sandbox: Sandbox, looking: Any) -> None:
    page = looking.at(sandbox.base_url)
    panel = page.get_by_test_id("panel-faults")
    panel.get_by_label("Operation").select_option("interviews.get")
    panel.get_by_label("Fault", exact=True).select_option("503")
    panel.get_by_role("button", name="Inject").click()
    expect(panel).to_contain_text("interviews.get")
    assert [(one.operation, one.fault, one.times) for one in sandbox.faults.planned] == [("interviews.get", "503", 1)]
    panel.get_by_role("button", name="Clear all").click()
    expect(page.get_by_test_id("result")).not_to_be_empty()
    assert sandbox.faults.planned == ()
    before = sandbox.clock.timestamp()
    page.get_by_test_id("panel-clock").get_by_role("button", name="+1 hour").click()
    expect(page.get_by_test_id("result")).not_to_be_empty()
    page.wait_for_timeout(300)
    assert sandbox.clock.timestamp() - before > 3600


def test_the_keyboard_is_enough(sandbox: Sandbox, client: BoooplyClient, looking: Any) -> None:
    code = create(client)
    page = looking.at(sandbox.base_url)
    expect(page.get_by_test_id(f"play-{code}-END")).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.testid") == f"play-{code}-END":
            break
    create(client, "Somebody else")  # a snapshot that moves the row must not take the focus away
    expect(page.get_by_text("Somebody else")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id(f"interview-{code}")).to_contain_text("Completed", ignore_case=True)


def test_a_sandbox_that_ended_is_noticed(looking: Any) -> None:
    with Sandbox() as sandbox:
        page = looking.at(sandbox.base_url)
        expect(page.get_by_text("live", exact=True)).to_be_visible()
    expect(page.get_by_text("reconnecting", exact=False)).to_be_visible()
    looking.complaints.clear()  # the browser notes that nothing responds
