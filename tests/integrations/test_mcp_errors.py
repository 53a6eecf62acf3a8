"""The advice for a model when a call fails: what went wrong, what to do next, and never a secret."""

import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from boooply import (
    APIStatusError,
    BoooplyError,
    CorruptKeyError,
    DecodingError,
    Interview,
    InterviewNotEvaluatedError,
    RateLimitError,
    Recording,
    Secret,
    ServerError,
)
from boooply.integrations.mcp import calls, open_server
from boooply.integrations.mcp.advice import explain
from boooply.integrations.mcp.tools import PLATFORM_TOOLS, TOOLS
from boooply.sandbox import Limits, Sandbox

ALL = {tool.name: tool for tool in (*TOOLS, *PLATFORM_TOOLS)}
AI = {"jobRole": "Cook", "candidate": {"name": "Jane", "email": "jane@example.com"}, "confirm": True}


@pytest.fixture(autouse=True)
def _settings(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)


def text_of(result: Any) -> str:
    assert isinstance(result, CallToolResult)
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@asynccontextmanager
async def hosting() -> AsyncIterator[Client]:
    async with open_server() as served, Client(served) as client:
        yield client


async def failed(client: Client, tool: str, arguments: dict[str, Any]) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    text = text_of(result)
    assert text.startswith(f"{tool} failed. ")
    assert "Traceback" not in text
    return text


async def test_an_argument_that_the_models_reject_is_named(sandbox: Sandbox) -> None:
    async with hosting() as client:
        text = await failed(client, "create_ai_interview", AI | {"durationMinutes": 3})
    assert "durationMinutes: must be at least 5 minutes, not 3" in text
    assert "Nothing was sent. Change this argument" in text
    assert sandbox.calls == ()


async def test_an_error_of_the_api_is_explain(sandbox: Sandbox) -> None:
    async with hosting() as client:
        text = await failed(client, "get_interview", {"meetingCode": "Boooply-AI-0"})
        assert "HTTP 404" in text
        assert "list_interviews" in text
        created = await client.call_tool("create_ai_interview", AI)
        code = created.structured_content["interview"]["meetingCode"]
        sandbox.play(code)
        text = await failed(client, "cancel_interview", {"meetingCode": code, "confirm": True})
    assert "HTTP 400 INVALID_STATUS" in text
    assert "get_interview" in text


async def test_a_rejected_key_is_explain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_API_KEY", "bply_org_0123456789abcdef")
    async with hosting() as client:
        text = await failed(client, "get_organization", {})
    assert "The user must set a valid key" in text
    assert "0123456789abcdef" not in text


async def test_an_unreachable_api_is_explain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_BASE_URL", "http://127.0.0.1:1")
    async with hosting() as client:
        text = await failed(client, "get_organization", {})
    assert "cannot be reached" in text


async def test_an_ambiguous_creation_is_looked_up_and_not_sent_again(sandbox: Sandbox) -> None:
    sandbox.faults.add("interviews.create", "commit-then-drop")
    async with hosting() as client:
        text = await failed(client, "create_ai_interview", AI)
        assert "Do not call create_ai_interview again now" in text
        assert "jane@example.com" not in text
        found = re.search(r"call list_interviews with (\{.*?\})", text)
        assert found
        page = await client.call_tool("list_interviews", json.loads(found[1]))
        (interview,) = page.structured_content["list"]["meetings"]
        assert interview["participants"][0]["email"] == "jane@example.com"
    sandbox.assert_nobody_emailed_twice()


async def test_before_any_response_the_search_reaches_further_back(sandbox: Sandbox) -> None:
    sandbox.faults.add("interviews.create", "commit-then-drop", times=2)
    since = []
    async with hosting() as client:
        for is_first in (True, False):
            text = await failed(client, "create_ai_interview", AI)
            moment = re.search(r'"dateFrom": "([^"]+)"', text)
            assert moment
            since.append(moment[1])
            if is_first:
                await client.call_tool("get_organization", {})
    assert since[0] < since[1]


@pytest.mark.parametrize(
    ("tool", "operation", "says"),
    [
        ("cancel_interview", "interviews.cancel", 'call get_interview with {"meetingCode": "'),
        ("trigger_analysis", "interviews.trigger_analysis", "with get_interview or get_evaluation"),
    ],
)
async def test_another_ambiguous_write_says_where_to_look(
    sandbox: Sandbox, tool: str, operation: str, says: str
) -> None:
    async with hosting() as client:
        created = await client.call_tool("create_ai_interview", AI)
        code = created.structured_content["interview"]["meetingCode"]
        if tool == "trigger_analysis":
            sandbox.play(code)
        sandbox.faults.add(operation, "commit-then-drop")
        sandbox.faults.add("interviews.get", "html", times=None)
        text = await failed(client, tool, {"meetingCode": code, "confirm": True})
    assert "Do not call again yet" in text
    assert says in text


def unreadable(tool: str, operation: str | None = None) -> str:
    error = DecodingError(operation or ALL[tool].endpoint.operation, status=200, problems=("meetingCode: is missing",))
    return explain(ALL[tool], error)


@pytest.mark.parametrize("tool", ["create_ai_interview", "create_human_interview", "create_team_meeting"])
def test_a_creation_with_an_unreadable_response_is_looked_up_and_not_sent_again(tool: str) -> None:
    text = unreadable(tool)
    assert f"Do not call {tool} again now. The people may have been invited" in text
    since = re.search(r'"dateFrom": "([^"]+)"', text)
    assert since
    ago = datetime.now(UTC) - datetime.fromisoformat(since[1])
    assert timedelta(minutes=5, seconds=45) < ago < timedelta(minutes=7)


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        ("cancel_interview", "Do not call again yet. First call get_interview with the same meetingCode"),
        ("reschedule_interview", "Do not call again yet. First call get_interview with the same meetingCode"),
        ("trigger_analysis", "Do not call again yet. The call may have been carried out."),
        ("connect_customer", "Do not call again. A key may have been minted that nobody has"),
    ],
)
def test_another_write_with_an_unreadable_response_says_where_to_look(tool: str, says: str) -> None:
    assert says in unreadable(tool)


def test_a_read_with_an_unreadable_response_may_be_repeated() -> None:
    for tool, operation in (
        ("get_interview", None),
        ("generate_job_description", None),
        ("connect_customer", "organization.get"),  # the key is stored by then
    ):
        assert "Wait a minute, then call again" in unreadable(tool, operation)


async def test_half_a_surrogate_pair_does_not_end_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ServerError("interviews.list", status=500, message="bad \ud800 half")
    assert "bad \ufffd half" in explain(ALL["list_interviews"], error)

    async def rejected(*_arguments: object) -> None:
        raise ServerError("interviews.list", status=500, message="bad \ud800 half")

    async def signed(*_arguments: object) -> Recording:
        return Recording(video_url=Secret("https://x.example/\udfff?Signature=x"))

    async with hosting() as client:
        monkeypatch.setattr(calls, "_sent", rejected)
        error_from_response = await client.call_tool("list_interviews", {})
        monkeypatch.setattr(calls, "_sent", signed)
        response = await client.call_tool("get_recording", {"meetingCode": "Boooply-AI-1", "revealLink": True})
    assert "bad \ufffd half" in error_from_response.model_dump_json()
    assert response.structured_content["link"] == "https://x.example/\ufffd?Signature=x"
    response.model_dump_json()


@pytest.fixture
async def narrow(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with Sandbox(limits=Limits(writes=1, window=1_000_000_000)) as sandbox:
        monkeypatch.setenv("BOOOPLY_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)
        yield sandbox


async def test_a_long_queue_is_reported_at_once_with_its_length(narrow: Sandbox) -> None:
    async with hosting() as client:
        await client.call_tool("create_ai_interview", AI)
        started = time.monotonic()
        text = await failed(client, "create_ai_interview", AI)
    assert time.monotonic() - started < 5
    assert "no rate-limit slot within 45 s" in text
    wait = re.search(r"Wait (\d+) seconds before that", text)
    assert wait
    assert int(wait[1]) >= 45
    assert len(narrow.sent_emails) == 1


async def test_an_internal_error_shows_neither_its_text_nor_a_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError("bply_org_0123456789abcdef and a CV")

    monkeypatch.setattr(calls, "_plan", broken)
    async with hosting() as client:
        text = await failed(client, "create_ai_interview", AI | {"confirm": False})
    assert "This server has a fault. The call may have been carried out" in text
    assert "ZeroDivisionError in broken" in caplog.text
    for shown in (text, caplog.text):
        assert "0123456789abcdef" not in shown
        assert "a CV" not in shown


def every_class(kind: type[BoooplyError]) -> Iterator[type[BoooplyError]]:
    for one in kind.__subclasses__():
        yield one
        yield from every_class(one)


def test_an_error_names_the_wait_and_the_request_id() -> None:
    error = RateLimitError("interviews.list", status=429, message="slow down", request_id="r-1", retry_after=12.2)
    text = explain(ALL["list_interviews"], error)
    assert "(request r-1)" in text
    assert text.endswith("Wait 13 seconds before that.")
    assert "Wait" not in explain(ALL["list_interviews"], RateLimitError("x", status=429, message=""))


def test_a_secret_in_the_apis_error_text_is_masked() -> None:
    error = ServerError("interviews.list", status=500, message="key bply_org_0123456789abcdef, token=abcdefghijkl")
    text = explain(ALL["list_interviews"], error)
    assert "0123456789" not in text
    assert "abcdefgh" not in text


@pytest.mark.parametrize("kind", [APIStatusError, *every_class(APIStatusError)])
def test_every_error_class_has_its_advice(kind: Any) -> None:
    text = explain(ALL["get_interview"], kind("interviews.get", status=418, message="no"))
    assert len(text.splitlines()[1]) > 20


def test_an_error_without_advice_is_for_the_user() -> None:
    error = InterviewNotEvaluatedError(Interview(meeting_code="Boooply-AI-1", session_status="FAILED"))
    assert explain(ALL["get_evaluation"], error).endswith("\nInform the user.")
    assert "store of this server" in explain(ALL["connect_customer"], CorruptKeyError("org_acme"))
