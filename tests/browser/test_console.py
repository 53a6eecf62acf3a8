"""The console, against a sandbox in this process."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from boooply import AIInterview, BoooplyClient, Candidate, Slot
from boooply.sandbox import Limits, Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(window=3600)) as sandbox:
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
    expect(page.get_by_test_id("result")).to_contain_text("Replayed")
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


def until(page: Page, condition: Callable[[], object]) -> None:
    """Wait at most ten seconds for what a click causes in the sandbox."""
    for _ in range(100):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError("the click had no effect")


def test_faults_and_the_clock_are_at_hand(sandbox: Sandbox, looking: Any) -> None:
    page = looking.at(sandbox.base_url)
    panel = page.get_by_test_id("panel-faults")
    panel.get_by_label("Operation").select_option("interviews.get")
    panel.get_by_label("Fault", exact=True).select_option("503")
    panel.get_by_role("button", name="Inject").click()
    until(page, lambda: sandbox.faults.planned)
    assert [(one.operation, one.fault, one.times) for one in sandbox.faults.planned] == [("interviews.get", "503", 1)]
    panel.get_by_role("button", name="Clear all").click()
    until(page, lambda: not sandbox.faults.planned)
    before = sandbox.clock.timestamp()
    page.get_by_test_id("panel-clock").get_by_role("button", name="+1 hour").click()
    until(page, lambda: sandbox.clock.timestamp() - before > 3600)


def test_the_keyboard_is_enough(sandbox: Sandbox, client: BoooplyClient, looking: Any) -> None:
    code = create(client)
    page = looking.at(sandbox.base_url)
    expect(page.get_by_test_id(f"play-{code}-END")).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.testid") == f"play-{code}-END":
            break
    create(client, "Somebody else")  # a snapshot that moves the row must not take the focus away
    expect(page.get_by_text("Somebody else", exact=True)).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id(f"interview-{code}")).to_contain_text("Completed", ignore_case=True)


def test_a_sandbox_that_ended_is_noticed(looking: Any) -> None:
    with Sandbox() as sandbox:
        page = looking.at(sandbox.base_url)
        expect(page.get_by_text("live", exact=True)).to_be_visible()
    expect(page.get_by_text("reconnecting", exact=False)).to_be_visible()
    looking.complaints.clear()  # the browser notes that nothing responds


# ---- the flows


def more(page: Any, code: str) -> Any:
    row = page.get_by_test_id(f"interview-{code}")
    row.get_by_text("More").click()
    return row


def test_a_candidate_books_and_a_recruiter_finalizes_in_the_console(
    sandbox: Sandbox, client: BoooplyClient, looking: Any
) -> None:
    days = [datetime(2031, 4, day, 14, tzinfo=UTC) for day in (1, 2)]
    slots = [Slot(start=day, end=day + timedelta(minutes=30)) for day in days]
    jane = Candidate(name="Jane", email="jane@example.com")
    request = AIInterview(
        job_role="Engineer",
        candidate=jane,
        scheduling_mode="CANDIDATE_PICKS",
        available_slots=slots,
        send_candidate_feedback=True,
    )
    code = client.interviews.create(request).meeting_code
    page = looking.at(sandbox.base_url)
    row = more(page, code)
    row.get_by_label("Slot", exact=True).select_option(label="2031-04-02 14:00 UTC")
    looking.picture(page, "console-4-booking")
    row.get_by_role("button", name="Book the slot").click()
    expect(page.get_by_test_id("result")).to_contain_text("booked")
    expect(row).to_contain_text("2031-04-02 14:00")
    expect(row.get_by_role("button", name="Book the slot")).to_have_count(0)
    assert client.interviews.get(code).scheduled_at == days[1]

    page.get_by_test_id(f"play-{code}-END").click()
    row.get_by_label("Rationale", exact=True).fill("Calm <and> deep")
    row.get_by_label("Recommendation", exact=True).select_option("NO_HIRE")
    looking.picture(page, "console-5-finalizing")
    row.get_by_role("button", name="Finalize").click()
    expect(row).to_contain_text("NO_HIRE by a recruiter")
    interview = client.interviews.get(code)
    assert interview.evaluation_recommendation == "NO_HIRE"
    assert interview.evaluation_recommendation_rationale == "Calm <and> deep"
    expect(page.get_by_test_id("panel-emails")).to_contain_text("feedback")


def test_an_outcome_is_set_in_the_console(sandbox: Sandbox, client: BoooplyClient, looking: Any) -> None:
    codes = [create(client, name) for name in ("Jane", "Sam")]
    page = looking.at(sandbox.base_url)
    row = more(page, codes[0])
    row.get_by_label("Overall score").fill("35")
    looking.picture(page, "console-7-outcome")
    row.get_by_role("button", name="End with this outcome").click()
    expect(row).to_contain_text("35")
    evaluation = client.interviews.get_evaluation(codes[0])
    assert evaluation is not None
    assert (evaluation.overall_score, evaluation.recommendation) == (35, "FAIL")

    row = more(page, codes[1])
    row.get_by_label("Recommendation", exact=True).select_option("STRONG_PASS")
    row.get_by_role("button", name="End with this outcome").click()
    expect(row).to_contain_text("AUTO_COMPLETED")
    overall = client.interviews.get(codes[1]).overall_score
    assert overall is not None
    assert overall >= 90


def test_what_is_being_typed_survives_a_snapshot(sandbox: Sandbox, client: BoooplyClient, looking: Any) -> None:
    code = create(client)
    sandbox.play(code)
    page = looking.at(sandbox.base_url)
    row = more(page, code)
    row.get_by_label("Rationale", exact=True).fill("half a sen")
    create(client, "Somebody else")
    expect(page.get_by_text("Somebody else", exact=True)).to_be_visible()
    expect(row.get_by_label("Rationale", exact=True)).to_have_value("half a sen")


def test_the_clock_expires_an_interview_before_the_eyes_of_the_user(
    sandbox: Sandbox, client: BoooplyClient, looking: Any
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    jane = Candidate(name="Jane", email="jane@example.com")
    interview = client.interviews.create(AIInterview(job_role="Engineer", candidate=jane, scheduled_at=soon))
    page = looking.at(sandbox.base_url)
    page.get_by_test_id("panel-clock").get_by_role("button", name="+1 week").click()
    expect(page.get_by_test_id(f"interview-{interview.meeting_code}")).to_contain_text("EXPIRED")


def test_the_console_shows_what_a_plan_has_left(looking: Any) -> None:
    with Sandbox(plan="free") as sandbox, BoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
        create(client)
        page = looking.at(sandbox.base_url)
        expect(page.get_by_test_id("panel-organizations")).to_contain_text("FREE")
        expect(page.get_by_test_id("panel-organizations")).to_contain_text("4 of 5 interviews left")
        looking.picture(page, "console-6-plan")
