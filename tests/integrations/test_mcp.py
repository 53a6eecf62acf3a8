"""The tools of the MCP server, called by the SDK's own client, which checks each result against its schema."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent

from boooply import AsyncBoooplyClient, NotConnectedError, RetryPolicy, Secret, StoreError, Tenant, WrongTenantError
from boooply.integrations.mcp import customers, open_server, server
from boooply.provisioning import pending_keys
from boooply.recording import Recorder
from boooply.sandbox import Sandbox
from boooply.store import AsyncKeyStore, AsyncLedger, AsyncStore

VENDORS = [
    "create_ai_interview",
    "create_human_interview",
    "create_team_meeting",
    "list_interviews",
    "get_interview",
    "cancel_interview",
    "reschedule_interview",
    "get_evaluation",
    "get_transcript",
    "trigger_analysis",
    "get_availability",
    "get_busy_blocks",
    "generate_job_description",
]
OURS = ["list_participants", "get_recording", "get_organization"]

JANE = {"name": "Jane", "email": "jane@example.com"}
AI = {"jobRole": "Cook", "candidate": JANE}
HUMAN = {"jobRole": "Cook", "candidate": JANE, "participants": [{**JANE, "email": "b@example.com", "role": "HOST"}]}
TEAM = {"title": "Who is it?", "participants": [{**JANE, "role": "HOST"}]}
MOVE = {"meetingCode": "Boooply-AI-1", "scheduledAt": "2030-05-01T09:00:00+02:00"}
ACME = {"userId": "1", "userEmail": "a@acme.example", "organizationId": "org_acme", "organizationName": "Acme"}
TENANT = Tenant(user_id="1", user_email="a@acme.example", organization_id="org_acme", organization_name="Acme")

# The hints of each tool, and whether a plan comes first: read, destructive, idempotent, open world, plan.
HINTS = {
    "create_ai_interview": (False, True, False, True, True),
    "create_human_interview": (False, True, False, True, True),
    "create_team_meeting": (False, True, False, True, True),
    "list_interviews": (True, False, True, False, False),
    "get_interview": (True, False, True, False, False),
    "cancel_interview": (False, True, True, True, True),
    "reschedule_interview": (False, True, False, True, True),
    "get_evaluation": (True, False, True, True, False),
    "get_transcript": (True, False, True, True, False),
    "trigger_analysis": (False, True, False, False, True),
    "get_availability": (True, False, True, False, False),
    "get_busy_blocks": (True, False, True, False, False),
    "generate_job_description": (False, False, False, False, False),
    "list_participants": (True, False, True, False, False),
    "get_recording": (True, False, True, False, False),
    "get_organization": (True, False, True, False, False),
    "connect_customer": (False, False, True, True, True),
}

PLANNED: dict[str, dict[str, Any]] = {
    "create_ai_interview": AI,
    "create_human_interview": HUMAN,
    "create_team_meeting": TEAM,
    "cancel_interview": {"meetingCode": "Boooply-AI-1"},
    "reschedule_interview": MOVE,
    "trigger_analysis": {"meetingCode": "Boooply-AI-1"},
    "connect_customer": ACME,
}


@pytest.fixture(autouse=True)
def _settings(sandbox: Sandbox, sqlite_store_url: str, encryption_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", sandbox.platform_key)
    monkeypatch.setenv("BOOOPLY_STORE_URL", sqlite_store_url)
    monkeypatch.setenv("BOOOPLY_STORE_KEY", encryption_key)


class Host:
    """What a host does: it calls tools, and reads what comes back."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, arguments: dict[str, Any] | None = None, /) -> CallToolResult:
        result = await self.client.call_tool(tool, arguments or {})
        assert isinstance(result, CallToolResult)
        return result

    async def ask(self, tool: str, arguments: dict[str, Any] | None = None, /) -> dict[str, Any]:
        result = await self.call(tool, arguments)
        assert not result.is_error, text_of(result)
        assert json.loads(text_of(result)) == result.structured_content
        response: dict[str, Any] = result.structured_content
        return response

    async def fail(self, tool: str, arguments: dict[str, Any] | None = None, /) -> str:
        result = await self.call(tool, arguments)
        assert result.is_error
        assert result.structured_content is None
        return text_of(result)


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@asynccontextmanager
async def hosting(mode: Literal["auto", "legacy"] = "auto", *, platform: bool = False) -> AsyncIterator[Host]:
    async with open_server(platform=platform) as served, Client(served, mode=mode) as client:
        yield Host(client)


# ---- what there is


async def test_the_vendors_tools_come_before_our_own() -> None:
    async with hosting() as host:
        assert [tool.name for tool in (await host.client.list_tools()).tools] == VENDORS + OURS
    async with hosting(platform=True) as host:
        assert [tool.name for tool in (await host.client.list_tools()).tools] == [*VENDORS, *OURS, "connect_customer"]


async def test_each_tool_has_the_right_hints() -> None:
    async with hosting(platform=True) as host:
        tools = (await host.client.list_tools()).tools
    found = {}
    for tool in tools:
        hints = tool.annotations
        assert hints is not None
        found[tool.name] = (
            hints.read_only_hint,
            hints.destructive_hint,
            hints.idempotent_hint,
            hints.open_world_hint,
            "confirm" in tool.input_schema["properties"],
        )
        assert ("returns a plan" in (tool.description or "")) is ("confirm" in tool.input_schema["properties"])
        assert tool.title == hints.title
    assert found == HINTS
    assert set(PLANNED) == {name for name, hints in HINTS.items() if hints[-1]}


def test_the_documentation_lists_each_tool_with_its_hints() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "reference", "mcp-tools.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)`[^|]*\|[^|]*\| ([^|]*) \| (yes )?\|$", page, re.MULTILINE)
    words = ("read", "destructive", "idempotent", "open world")
    found = {
        name: (*(word in hints.split(", ") for word in words), bool(plan))
        for name, hints, plan in rows
        if name in HINTS
    }
    # what is read changes nothing, so the page need not call it idempotent
    assert found == {name: (read, hard, same and not read, *rest) for name, (read, hard, same, *rest) in HINTS.items()}


def properties_of(schema: Any) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, dict):
        return []
    found = [*schema.get("properties", {}).items()]
    for one in (*schema.get("properties", {}).values(), *schema.get("anyOf", ())):
        found += properties_of(one)
    return found + properties_of(schema.get("items")) + properties_of(schema.get("additionalProperties"))


async def test_every_argument_and_every_result_is_described() -> None:
    async with hosting(platform=True) as host:
        for tool in (await host.client.list_tools()).tools:
            assert tool.output_schema is not None
            for schema in (tool.input_schema, tool.output_schema):
                for name, about in properties_of(schema):
                    assert len(about["description"]) > 2, f"{tool.name}: {name}"
                    assert "_" not in name
            assert not {"joinToken", "videoUrl", "apiKey"} & {name for name, _ in properties_of(tool.output_schema)}


async def test_an_unknown_tool_is_rejected_with_the_list_of_tools() -> None:
    async with hosting() as host:
        with pytest.raises(MCPError, match="The tools are create_ai_interview"):
            await host.call("connect_customer", ACME)


# ---- what they do


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_every_organization_tool_works(mode: Literal["auto", "legacy"], sandbox: Sandbox) -> None:
    async with hosting(mode) as host:
        assert (await host.ask("get_organization"))["organization"]["name"] == "Sandbox Company"
        brief = {"jobRole": "Cook", "skills": ["knives"], "seniority": "SENIOR", "workSetup": "ONSITE"}
        assert "Cook" in (await host.ask("generate_job_description", brief))["description"]
        free = (await host.ask("get_availability", {"email": "b@example.com", "durationMinutes": 30, "days": 7}))[
            "availability"
        ]
        assert free["calendarConnected"]
        busy = (await host.ask("get_busy_blocks", {"email": "b@example.com"}))["busy"]
        assert busy["timezone"]

        human = HUMAN | {"schedulingMode": "CANDIDATE_PICKS", "availableSlots": free["slots"][:3], "confirm": True}
        picked = await host.ask("create_human_interview", human)
        assert (picked["done"], picked["interview"]["meetingType"]) == (True, "HUMAN")
        meeting = (await host.ask("create_team_meeting", TEAM | {"confirm": True}))["interview"]
        assert meeting["isTeamMeeting"]
        code = (await host.ask("create_ai_interview", AI | {"confirm": True}))["interview"]["meetingCode"]

        assert (await host.ask("get_evaluation", {"meetingCode": code}))["evaluation"] is None
        assert (await host.ask("get_recording", {"meetingCode": code}))["recording"] is None
        assert (await host.ask("get_transcript", {"meetingCode": code}))["transcript"] == []
        sandbox.play(code)
        assert (await host.ask("get_interview", {"meetingCode": code}))["interview"]["sessionStatus"] == "COMPLETED"
        assert (await host.ask("get_evaluation", {"meetingCode": code}))["evaluation"]["overallScore"] >= 0
        assert (await host.ask("get_transcript", {"meetingCode": code}))["transcript"][0]["content"]
        assert (await host.ask("get_recording", {"meetingCode": code}))["recording"]["duration"] > 0
        assert (await host.ask("trigger_analysis", {"meetingCode": code, "confirm": True}))["analysis"]["queued"]
        assert (await host.ask("list_participants", {"meetingCode": code}))["participants"][0]["email"] == JANE["email"]

        moved = {"meetingCode": meeting["meetingCode"], "scheduledAt": "2030-05-01T09:00:00+02:00", "confirm": True}
        assert (await host.ask("reschedule_interview", moved))["interview"]["scheduledAt"] == "2030-05-01T07:00:00Z"
        gone = {"meetingCode": meeting["meetingCode"], "reason": "Nobody is left.", "confirm": True}
        assert (await host.ask("cancel_interview", gone))["interview"]["sessionStatus"] == "CANCELLED"
        page = (await host.ask("list_interviews", {"status": ["COMPLETED"], "type": "AI_ONLY", "limit": 5}))["list"]
        assert [one["meetingCode"] for one in page["meetings"]] == [code]
        assert (page["limit"], page["total"]) == (5, 1)


async def test_an_evaluation_by_rubric_is_described_too(sandbox: Sandbox) -> None:
    async with hosting() as host:
        human = HUMAN | {"evaluationFocus": "knowledge", "confirm": True}
        code = (await host.ask("create_human_interview", human))["interview"]["meetingCode"]
        sandbox.play(code)
        evaluation = (await host.ask("get_evaluation", {"meetingCode": code}))["evaluation"]
        assert set(evaluation) > {"recommendation", "recommendations", "meetingStatistics"}


async def test_one_client_for_the_servers_life(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    made: list[AsyncBoooplyClient] = []
    closed: list[AsyncBoooplyClient] = []

    class Counted(AsyncBoooplyClient):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            made.append(self)

        async def close(self) -> None:
            closed.append(self)
            await super().close()

    monkeypatch.setattr(server, "AsyncBoooplyClient", Counted)
    async with open_server() as served:
        for _ in range(2):
            async with Client(served) as client:
                await client.call_tool("get_organization", {})
        assert (len(made), closed) == (1, [])
    assert closed == made
    assert len(sandbox.calls) == 2


# ---- plans


@pytest.mark.parametrize("tool", PLANNED)
@pytest.mark.parametrize("confirm", [{}, {"confirm": False}, {"confirm": None}])
async def test_nothing_is_sent_before_it_is_confirmed(tool: str, confirm: dict[str, Any], sandbox: Sandbox) -> None:
    async with hosting(platform=True) as host:
        response = await host.ask(tool, PLANNED[tool] | confirm)

    assert (sandbox.calls, sandbox.sent_emails, sandbox.mints) == ((), (), {})
    assert response["done"] is False
    assert set(response) == {"done", "plan"}
    plan = response["plan"]
    assert f"call {tool} again with the same arguments and confirm: true" in plan["next"]
    assert plan["effect"]


@pytest.mark.parametrize("tool", PLANNED)
async def test_a_plan_rejects_what_the_real_call_rejects(tool: str, sandbox: Sandbox) -> None:
    wrong = dict(PLANNED[tool])
    changed: dict[str, Any] = {"participants": []} if tool == "create_team_meeting" else {next(iter(wrong)): " "}
    wrong |= changed
    async with hosting(platform=True) as host:
        planned = await host.fail(tool, wrong)
        assert planned == await host.fail(tool, wrong | {"confirm": True})
    assert "Nothing was sent" in planned
    assert sandbox.calls == ()


async def test_a_plan_names_recipients_request_and_time(sandbox: Sandbox) -> None:
    async with hosting() as host:
        fixed = {"schedulingMode": "FIXED", "scheduledAt": "2030-05-01T09:00:00+02:00"}
        plan = (await host.ask("create_human_interview", HUMAN | fixed))["plan"]
        assert plan["emails"] == ["jane@example.com", "b@example.com"]
        assert plan["when"] == "2030-05-01T07:00:00Z"
        assert plan["operation"] == "interviews.create"
        assert plan["request"]["participants"][0] == JANE | {"role": "CANDIDATE"}
        assert (await host.ask("create_ai_interview", AI))["plan"]["when"] == "no time is set"
        slot = {"start": "2030-05-01T09:00:00Z", "end": "2030-05-01T10:00:00Z"}
        picks = AI | {"schedulingMode": "CANDIDATE_PICKS", "availableSlots": [slot]}
        when = (await host.ask("create_ai_interview", picks))["plan"]["when"]
        assert when == "one of 1 times, which the candidate chooses"
        moved = (await host.ask("reschedule_interview", MOVE))["plan"]
        assert moved["request"] == {"meetingCode": "Boooply-AI-1", "scheduledAt": "2030-05-01T07:00:00Z"}

        await host.ask("create_human_interview", HUMAN | fixed | {"confirm": True})
    assert [email.to for email in sandbox.sent_emails] == plan["emails"]


async def test_a_plan_does_not_repeat_a_cv() -> None:
    async with hosting() as host:
        result = await host.call("create_ai_interview", AI | {"candidateCV": "Peeled potatoes. " * 100})
    assert "potatoes" not in text_of(result)
    assert result.structured_content["plan"]["request"]["candidateCV"] == "(1,700 characters)"


# ---- secrets


async def test_a_recordings_link_is_returned_only_on_request(sandbox: Sandbox, client: AsyncBoooplyClient) -> None:
    async with hosting() as host:
        code = (await host.ask("create_ai_interview", AI | {"confirm": True}))["interview"]["meetingCode"]
        none = await host.ask("get_recording", {"meetingCode": code, "revealLink": True})
        assert none == {"recording": None}
        sandbox.play(code)
        hidden = await host.ask("get_recording", {"meetingCode": code})
        shown = await host.ask("get_recording", {"meetingCode": code, "revealLink": True})

    recording = await client.interviews.get_recording(code)
    assert recording is not None
    assert recording.video_url is not None
    link = recording.video_url.reveal()
    assert shown["link"].partition("?")[0] == link.partition("?")[0]
    assert "link" not in hidden
    assert link.partition("?")[0] not in json.dumps(hidden)


async def test_what_looks_like_a_secret_is_masked_everywhere() -> None:
    title = "Key bply_org_0123456789abcdef, https://x.example/meet?token=abcdefghijkl"
    masked = "Key bply_org_…cdef, https://x.example/meet?token=…ijkl"
    async with hosting() as host:
        planned = await host.ask("create_ai_interview", AI | {"title": f"{title} \ud83d"})
        created = await host.ask("create_ai_interview", AI | {"title": title, "confirm": True})
    assert planned["plan"]["request"]["title"] == f"{masked} \ufffd"  # half a character has no form on the wire
    assert created["interview"]["title"] == masked


# ---- customers


async def test_a_customer_is_connected_once_and_its_key_is_never_shown(sandbox: Sandbox) -> None:
    async with hosting(platform=True) as host:
        first = await host.ask("connect_customer", ACME | {"confirm": True})
        again = await host.ask("connect_customer", ACME | {"confirm": True})

    assert first == again
    assert first["done"] is True
    assert (first["organization"]["externalOrgId"], first["organization"]["name"]) == ("org_acme", "Acme")
    assert sandbox.mints == {"org_acme": 1}
    async with AsyncStore.open() as store:
        key = (await store.keys.get("org_acme")).reveal()
    assert key not in json.dumps(first)
    async with AsyncBoooplyClient(api_key=key, base_url=sandbox.base_url) as client:
        assert (await client.organization.get()).external_org_id == "org_acme"


async def test_a_platform_needs_no_organization_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOOPLY_API_KEY")
    async with hosting(platform=True) as host:
        assert [tool.name for tool in (await host.client.list_tools()).tools] == ["connect_customer"]
        assert (await host.ask("connect_customer", ACME | {"confirm": True}))["done"]


async def test_a_customer_in_doubt_is_left_to_the_user(sandbox: Sandbox) -> None:
    sandbox.faults.add("create_organization_api_key", "commit-then-drop")
    async with hosting(platform=True) as host:
        for _ in range(2):
            text = await host.fail("connect_customer", ACME | {"confirm": True})
            assert "Do not call again" in text
            assert "boooply tenants show ID" in text
            assert "remint" not in text
    assert sandbox.mints == {"org_acme": 1}


async def test_a_key_that_cannot_be_stored_is_kept_until_it_can(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    minted: list[Secret] = []

    async def broken(_self: object, _tenant: object, api_key: Secret, **_options: object) -> bool:
        minted.append(api_key)
        raise StoreError("the disk is full")

    monkeypatch.setattr(pending_keys, "_RETRY_AFTER", 0.01)
    monkeypatch.setattr(Recorder, "finish", broken)
    async with hosting(platform=True) as host, AsyncStore.open() as store:
        text = await host.fail("connect_customer", ACME | {"confirm": True})
        async with asyncio.timeout(30):
            while not await is_stored(store):  # noqa: ASYNC110 - it is a row of a database
                await asyncio.sleep(0.01)
        assert await store.keys.get("org_acme") == minted[0]
    assert "the key was minted but could not be stored" in text
    assert minted[0].reveal() not in text
    assert sandbox.mints == {"org_acme": 1}


async def test_a_key_that_comes_after_the_call_was_cancelled_is_kept_until_it_can_be_stored(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_arguments: object, **_options: object) -> bool:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(pending_keys, "_RETRY_AFTER", 0.01)
    monkeypatch.setattr(Recorder, "finish", broken)
    sandbox.faults.add("create_organization_api_key", "slow-drip")
    retry = RetryPolicy(deadline=45.0)
    async with AsyncStore.open() as store, customers.Customers.open(None, sandbox.base_url, retry) as connected:
        async with anyio.create_task_group() as group:
            group.start_soon(connected.connect, TENANT)
            while not sandbox.mints:  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.01)
            group.cancel_scope.cancel()  # as the protocol's SDK does: at every turn of the loop
        assert not await is_stored(store)
        async with asyncio.timeout(30):
            while not await is_stored(store):  # noqa: ASYNC110 - it is a row of a database
                await asyncio.sleep(0.01)
    assert sandbox.mints == {"org_acme": 1}


@pytest.mark.parametrize("problem", [StoreError, RuntimeError])
async def test_storing_a_late_key_is_retried_whatever_the_store_raises(
    problem: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    restore, failed = Recorder.restore, list[str]()

    async def broken(*_arguments: object, **_options: object) -> bool:
        raise RuntimeError("the disk is full")

    async def once(self: Recorder, organization_id: str, api_key: Secret, **options: bool) -> bool | None:
        if not failed:
            failed.append(organization_id)
            raise problem(f"the disk is full of {api_key.reveal()}")
        return await restore(self, organization_id, api_key, **options)

    monkeypatch.setattr(pending_keys, "_RETRY_AFTER", 0.01)
    monkeypatch.setattr(Recorder, "finish", broken)
    monkeypatch.setattr(Recorder, "restore", once)
    async with hosting(platform=True) as host, AsyncStore.open() as store:
        await host.fail("connect_customer", ACME | {"confirm": True})
        async with asyncio.timeout(30):
            while not await is_stored(store):  # noqa: ASYNC110 - it is a row of a database
                await asyncio.sleep(0.01)
        assert (await store.keys.get("org_acme")).reveal() not in caplog.text
    assert failed == ["org_acme"]
    assert "the key of org_acme was minted but is not stored yet (the disk is full" in caplog.text


@pytest.mark.parametrize("key", ["bply_org_0123456789abcdef", None])
async def test_a_late_key_replaces_no_other_and_restores_no_deleted_customer(
    key: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    minted: list[Secret] = []

    async def meanwhile(self: Recorder, _tenant: object, api_key: Secret, **_options: object) -> bool:
        minted.append(api_key)
        if key is None:
            await AsyncLedger(self._database).forget("org_acme")
        else:
            await AsyncKeyStore(self._database, self._encryption).put("org_acme", key)
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(pending_keys, "_RETRY_AFTER", 0.01)
    monkeypatch.setattr(Recorder, "finish", meanwhile)
    async with hosting(platform=True) as host, AsyncStore.open() as store:
        await host.fail("connect_customer", ACME | {"confirm": True})
        async with asyncio.timeout(30):
            while "org_acme" not in caplog.text:
                if await is_stored(store):
                    assert (await store.keys.get("org_acme")).reveal() == key
                await asyncio.sleep(0.01)
        assert await is_stored(store) is (key is not None)
    assert ("already has another key" if key else "was disconnected in the meantime") in caplog.text
    assert "it is lost" not in caplog.text
    assert minted[0].reveal()[-8:] not in caplog.text


async def is_stored(store: AsyncStore) -> bool:
    with contextlib.suppress(NotConnectedError):
        await store.keys.get("org_acme")
        return True
    return False


async def test_a_key_that_was_never_stored_is_reported_and_rescued(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    minted: list[Secret] = []

    async def broken(_self: object, _first: object, api_key: Secret, **_options: object) -> bool:
        minted.append(api_key)
        raise StoreError("the disk is full")

    monkeypatch.setattr(pending_keys, "_RETRY_AFTER", 0.01)
    monkeypatch.setattr(Recorder, "finish", broken)
    monkeypatch.setattr(Recorder, "restore", broken)
    monkeypatch.chdir(tmp_path)
    async with hosting(platform=True) as host:
        await host.fail("connect_customer", ACME | {"confirm": True})
        await asyncio.sleep(0.05)
    reported = "the key of org_acme was minted but could not be stored (the disk is full). It is in "
    assert f"{reported}{tmp_path}/boooply-rescued-keys-" in caplog.text
    assert minted[0].reveal() not in caplog.text


async def test_keys_are_rescued_although_the_wait_for_a_connection_is_cancelled(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async def broken(*_arguments: object, **_options: object) -> bool:
        raise StoreError("the disk is full")

    async def serve() -> None:
        async with customers.Customers.open(None, None, RetryPolicy()) as served:
            served.pending_keys.keep({"org_late": Secret("bply_org_0123456789abcdef")})
            connecting = asyncio.create_task(served.connect(TENANT))
            while not sandbox.mints:  # noqa: ASYNC110 - the sandbox sets no event
                await asyncio.sleep(0.01)
            connecting.cancel()

    monkeypatch.setattr(Recorder, "restore", broken)
    monkeypatch.chdir(tmp_path)
    sandbox.faults.add("create_organization_api_key", "stall")
    serving = asyncio.create_task(serve())
    while not sandbox.mints:  # noqa: ASYNC110 - the sandbox sets no event
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert not serving.done()  # it waits for the request
    serving.cancel()
    await asyncio.wait({serving}, timeout=30)
    assert serving.cancelled()
    reported = "the key of org_late was minted but could not be stored (the disk is full). It is in "
    assert f"{reported}{tmp_path}/boooply-rescued-keys-" in caplog.text


async def test_a_customer_whose_organization_cannot_be_read_is_still_connected(sandbox: Sandbox) -> None:
    async with hosting(platform=True) as host:
        await host.ask("connect_customer", ACME | {"confirm": True})
        sandbox.faults.add("organization.get", "503", times=None)
        again = await host.ask("connect_customer", ACME | {"confirm": True})
    assert again["organization"] == {"name": "Acme", "externalOrgId": "org_acme"}


async def test_a_key_of_another_customer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    async def swapped(*_arguments: object) -> None:
        raise WrongTenantError("org_acme", "org_other")

    monkeypatch.setattr("boooply.provisioning.tenants._check_owner", swapped)
    async with hosting(platform=True) as host:
        text = await host.fail("connect_customer", ACME | {"confirm": True})
    assert "belongs to org_other" in text
    assert "must check the store" in text
