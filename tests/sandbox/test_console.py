"""The console's page and its data; its use is tested in a browser."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

import boooply.sandbox
from boooply.sandbox import Limits, Sandbox

PAGE = Path(boooply.sandbox.__file__).parent / "page"


async def messages(session: ClientSession, sandbox: Sandbox) -> AsyncGenerator[Any]:
    async with session.get(f"{sandbox.base_url}/_sandbox/stream") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        async for line in stream.content:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


async def test_the_console_page_is_static_and_without_foreign_resources(
    sandbox: Sandbox, session: ClientSession
) -> None:
    async with session.get(sandbox.base_url) as response:
        page = await response.text()
        assert response.content_type == "text/html"
    assert "boooply sandbox" in page
    served = set(re.findall(r'(?:src|href)="(/_sandbox/page/[a-z]+\.(?:js|css))"', page))
    assert len(served) == 2
    for file in (PAGE / "console.html", *PAGE.glob("*.*")):
        async with session.get(f"{sandbox.base_url}/_sandbox/page/{file.name}") as response:
            text = await response.text()
            policy = response.headers["Content-Security-Policy"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "https://" not in text
        assert "innerHTML" not in text
        served |= {f"/_sandbox/page/{name}" for name in re.findall(r'from "\./([a-z]+\.js)"', text)}
    assert served == {f"/_sandbox/page/{file.name}" for file in PAGE.iterdir() if file.suffix != ".html"}


async def test_a_snapshot_shows_everything(call: Any, sandbox: Sandbox) -> None:
    call.key = (await call.provision("org_1", organizationName="Acme")).body["apiKey"]
    code = (await call.create()).code
    await call("GET /nothing")
    sandbox.faults.add("*", "503")
    sandbox.play(code, "ACTIVE")
    seen = (await call("GET /_sandbox/snapshot")).body
    assert [one["name"] for one in seen["organizations"]["items"]] == ["Acme", "Sandbox Company"]
    assert seen["interviews"]["byStatus"] == {"ACTIVE": 1}
    (interview,) = seen["interviews"]["items"]
    assert (interview["code"], interview["tenant"], interview["candidate"]) == (code, "org_1", "Jane")
    assert interview["steps"] == ["END", "FAILED", "NO_SHOW"]
    assert [one["path"].rpartition("/")[2] for one in seen["calls"]["items"]] == [
        "nothing",
        "interviews",
        "create-api-key",
    ]
    assert {(one["tenant"], one["allowance"]) for one in seen["limits"]["items"]} == {
        ("platform", "writes"),
        ("org_1", "writes"),
        ("org_1", "reads"),
    }
    assert [one["to"] for one in seen["emails"]["items"]] == ["jane@example.com"]
    assert seen["faults"]["planned"] == [{"operation": "*", "fault": "503", "times": 1}]
    assert seen["webhooks"] == {"url": None, "total": 0, "newer": 0, "items": []}


async def test_a_snapshot_truncates_long_lists_and_counts_them(call: Any) -> None:
    for number in range(105):
        await call("GET /nothing", headers={"X-Number": str(number)})
    seen = (await call("GET /_sandbox/snapshot")).body
    assert (seen["calls"]["total"], len(seen["calls"]["items"])) == (105, 100)


async def test_limits_are_full_again_in_the_next_window(caller_of: Any) -> None:
    async with Sandbox(limits=Limits(writes=3, window=3600)) as sandbox:
        call = caller_of(sandbox)
        await call.create()
        (limit,) = (await call("GET /_sandbox/snapshot")).body["limits"]["items"]
        assert (limit["limit"], limit["remaining"]) == (3, 2)
        sandbox.clock.advance(3600)
        (limit,) = (await call("GET /_sandbox/snapshot")).body["limits"]["items"]
        assert limit["remaining"] == 3


async def test_the_stream_sends_a_snapshot_only_after_a_change(
    call: Any, sandbox: Sandbox, session: ClientSession
) -> None:
    async with asyncio.timeout(30):
        stream = messages(session, sandbox)
        first = await anext(stream)
        assert first["interviews"]["total"] == 0
        code = (await call.create()).code
        second = await anext(stream)
        assert [one["code"] for one in second["interviews"]["items"]] == [code]
        sandbox.clock.advance(60)
        third = await anext(stream)
        assert third["now"] > second["now"]
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        sandbox.play(code)
        assert (await waiting)["interviews"]["byStatus"] == {"COMPLETED": 1}
        await stream.aclose()


async def test_a_reader_that_disconnects_is_noticed(
    sandbox: Sandbox, session: ClientSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("boooply.sandbox.console.HEARTBEAT", 0.1)
    async with session.get(f"{sandbox.base_url}/_sandbox/stream") as stream:
        await stream.content.readline()
        await stream.content.readline()
        assert await stream.content.readline() == b": here\n"
    async with asyncio.timeout(20):
        while [task for task in asyncio.all_tasks() if "stream" in repr(task)]:  # noqa: ASYNC110 - tasks set no event
            await asyncio.sleep(0.05)
    assert caplog.text == ""


async def test_an_open_stream_does_not_delay_the_shutdown(session: ClientSession) -> None:
    async with asyncio.timeout(20):
        async with Sandbox() as sandbox:
            stream = await session.get(f"{sandbox.base_url}/_sandbox/stream")
            await stream.content.readline()
        stream.close()
