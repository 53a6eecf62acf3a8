"""Keys from a seed, and a state that outlives the sandbox in a file."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from boooply.sandbox import Sandbox

DAY = 86_400


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.json"


def text_of(file: Path) -> str:
    return file.read_text("utf-8")


def write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def status_of(file: Path) -> os.stat_result:
    return file.stat()


def keys_of(sandbox: Sandbox) -> tuple[str, str, str]:
    return sandbox.platform_key, sandbox.api_key, sandbox.webhook_secret


# ---- keys


async def test_a_seed_gives_the_same_keys_and_ids_each_time(caller_of: Any) -> None:
    seen = []
    for seed in ("demo", "demo", "other"):
        async with Sandbox(seed=seed) as sandbox:
            organization = (await caller_of(sandbox)("GET /organization")).body["organization"]
            seen.append((*keys_of(sandbox), organization["id"]))
    assert seen[0] == seen[1]
    assert not set(seen[0]) & set(seen[2])
    assert len(set(seen[0])) == 4


def test_without_a_seed_keys_are_random() -> None:
    assert not set(keys_of(Sandbox())) & set(keys_of(Sandbox()))


def test_an_empty_seed_is_an_error() -> None:
    with pytest.raises(ValueError, match="seed must not be empty"):
        Sandbox(seed=" ")


# ---- the file


async def test_the_state_outlives_a_restart(caller_of: Any, file: Path) -> None:
    async with Sandbox(state=file, plan="free") as first:
        call = caller_of(first)
        call.key = (await call.provision("org_1", organizationName="Zoë & Söhne")).body["apiKey"]
        code = (await call.create(questions=["Was läuft?"], scheduledAt="2031-04-01T14:00:00Z")).code
        deleted = (await call.create(sendCandidateFeedback=True)).code
        first.play(code)
        first.finalize(code, "HIRE", rationale="Calm")
        await call(f"DELETE /interviews/{deleted}")
        first.clock.advance(DAY)
        before = await everything(call, code)

    async with Sandbox(state=file) as second:
        again = caller_of(second)
        again.key = call.key
        assert keys_of(second) == keys_of(first)
        assert without_addresses(await everything(again, code), second) == without_addresses(before, first)
        assert second.sent_emails == first.sent_emails
        assert second.mints == {"org_1": 1}
        assert second.clock.ahead == DAY
        assert [one.body for one in second.webhooks.deliveries] == [one.body for one in first.webhooks.deliveries]
        assert (await again.create()).code not in {code, deleted}
        assert [(one.to, one.kind) for one in second.duplicates] == [("jane@example.com", "invitation")] * 2
        assert [(await again("POST /interviews", AI)).status for _ in range(3)] == [201, 201, 402]


JANE = {"name": "Jane", "email": "j@example.com", "role": "CANDIDATE"}
AI = {"meetingType": "AI_ONLY", "jobRole": "Cook", "participants": [JANE]}


async def everything(call: Any, code: str) -> list[Any]:
    paths = ("interviews", f"interviews/{code}", f"interviews/{code}/evaluation", f"interviews/{code}/transcript")
    return [(await call(f"GET /{path}")).body for path in (*paths, "organization")]


def without_addresses(bodies: list[Any], sandbox: Sandbox) -> str:
    return json.dumps(bodies).replace(sandbox.base_url, "")


async def test_what_is_unsent_is_delivered_after_the_restart(caller_of: Any, file: Path) -> None:
    received = []

    async def take(request: web.Request) -> web.Response:
        received.append(request.headers["X-Boooply-Event"])
        return web.Response(status=500 if len(received) == 1 else 204)

    app = web.Application()
    app.router.add_post("/hooks", take)
    async with TestServer(app) as server:
        url = str(server.make_url("/hooks"))
        async with Sandbox(state=file, webhook_url=url) as first:
            first.play((await caller_of(first).create()).code)
            await first.webhooks.delivered()
            (waiting,) = [one for one in first.webhooks.deliveries if one.state != "delivered"]
        async with Sandbox(state=file) as second:
            assert second.webhooks.url == url
            await second.webhooks.delivered()
            assert {one.state for one in second.webhooks.deliveries} == {"delivered"}
    assert received.count(waiting.event) == 2


async def test_a_retry_that_a_killed_sandbox_owed_is_made(caller_of: Any, file: Path) -> None:
    async def reject(_request: web.Request) -> web.Response:
        return web.Response(status=500)

    app = web.Application()
    app.router.add_post("/hooks", reject)
    copy = file.with_name("copy.json")
    async with TestServer(app) as server, asyncio.timeout(60):
        async with Sandbox(state=file, webhook_url=str(server.make_url("/hooks"))) as sandbox:
            sandbox.play((await caller_of(sandbox).create()).code)
            while '"pending"' not in text_of(file):  # noqa: ASYNC110 - a file has no event to wait for
                await asyncio.sleep(0.05)
            write(copy, text_of(file).encode())  # as a kill would leave it
        async with Sandbox(state=copy) as restarted:
            before = [len(one.attempts) for one in restarted.webhooks.deliveries]
            await restarted.webhooks.delivered()
            assert [len(one.attempts) - 1 for one in restarted.webhooks.deliveries] == before


async def test_what_became_overdue_while_it_was_off_expires(caller_of: Any, file: Path) -> None:
    async with Sandbox(state=file) as first:
        code = (await caller_of(first).create(scheduledAt="2031-04-01T14:00:00Z")).code
    async with Sandbox(state=file) as second:
        second.clock.advance(10 * 365 * DAY)
        assert (await caller_of(second)(f"GET /interviews/{code}")).meeting["endReason"] == "EXPIRED"


async def test_changes_reach_the_file_while_it_serves(caller_of: Any, file: Path) -> None:
    async with Sandbox(state=file) as sandbox, asyncio.timeout(60):
        code = (await caller_of(sandbox).create()).code
        while code not in text_of(file):  # noqa: ASYNC110 - a file has no event to wait for
            await asyncio.sleep(0.05)
        written = status_of(file).st_mtime_ns
        await asyncio.sleep(1.2)
        assert status_of(file).st_mtime_ns == written  # nothing has changed


async def test_only_its_owner_can_read_the_file(file: Path) -> None:
    file.with_name(f"{file.name}.new").write_text("from a run that was killed")
    async with Sandbox(state=file):
        assert stat.S_IMODE(status_of(file).st_mode) == 0o600
    assert sorted(one.name for one in file.parent.iterdir()) == [file.name, f"{file.name}.lock"]
    assert status_of(file.with_name(f"{file.name}.lock")).st_size == 0


IN_USE = "another sandbox is using this file: stop that sandbox, or name another file"


async def test_a_second_sandbox_on_the_file_is_an_error(caller_of: Any, file: Path) -> None:
    async with Sandbox(state=file) as first:
        code = (await caller_of(first).create()).code
        for _ in range(2):  # the failure leaves the lock as it is
            with pytest.raises(OSError, match=IN_USE) as raised:
                await Sandbox(state=file).__aenter__()
            assert raised.value.filename == str(file)
        with pytest.raises(OSError, match=IN_USE), Sandbox(state=file.parent / ".." / file.parent.name / file.name):
            pass
    async with Sandbox(state=file) as second:
        assert (await caller_of(second)(f"GET /interviews/{code}")).status == 200


def test_another_process_on_the_file_is_an_error(file: Path) -> None:
    program = f"from boooply.sandbox import Sandbox\nwith Sandbox(state={str(file)!r}):\n    pass"
    command = [sys.executable, "-c", program]
    with Sandbox(state=file):
        ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - our program
    assert IN_USE in ran.stderr
    subprocess.run(command, check=True, timeout=60)  # noqa: S603 - our program


async def test_a_sandbox_that_cannot_serve_leaves_the_file_to_others(file: Path) -> None:
    async with Sandbox() as other:
        port = int(other.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"):
            await Sandbox(state=file, port=port).__aenter__()
    async with Sandbox(state=file):
        pass


async def test_a_state_that_another_sandbox_has_changed_is_not_overwritten(caller_of: Any, file: Path) -> None:
    late = Sandbox(state=file)
    async with Sandbox(state=file) as sandbox:
        await caller_of(sandbox).create()
    saved = text_of(file)
    with pytest.raises(OSError, match="this file has changed since it was read: create the Sandbox again"):
        await late.__aenter__()
    assert text_of(file) == saved
    async with sandbox:  # what it saved itself is no such change
        assert sandbox.sent_emails


async def test_a_write_that_fails_leaves_the_last_state(
    caller_of: Any, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with Sandbox(state=file) as sandbox:
        last = text_of(file)
        monkeypatch.setattr("boooply.sandbox.saving.Path.replace", _no_space)
        await caller_of(sandbox).create()
    assert text_of(file) == last
    assert f"The state cannot be saved in {file}: No space left on device" in caplog.text
    assert "jane@example.com" not in caplog.text


def _no_space(*_arguments: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"BOOOPLY_API_KEY": "bply_org_1234"}', "\ud800"], ids=range(5))
def test_a_foreign_or_broken_file_is_left_alone(file: Path, content: str) -> None:
    raw = content.encode("utf-8", "surrogatepass")
    file.write_bytes(raw)
    with pytest.raises(ValueError, match=r"is not a sandbox's state: name another file") as it:
        Sandbox(state=file)
    assert str(it.value).startswith(str(file))
    assert "bply_org" not in str(it.value)
    assert file.read_bytes() == raw


async def test_a_file_of_another_version_names_the_remedy(caller_of: Any, file: Path) -> None:
    async with Sandbox(state=file) as sandbox:
        await caller_of(sandbox).create()
    saved = json.loads(text_of(file))
    for other in ({**saved, "version": 999}, {name: saved[name] for name in saved if name != "interviews"}):
        write(file, json.dumps(other).encode())
        with pytest.raises(ValueError, match=r"was saved by another version of boooply: delete it, or name another"):
            Sandbox(state=file)


def frames_of(error: BaseException) -> Iterator[str]:
    trace = error.__traceback__
    while trace is not None:
        if "boooply" in trace.tb_frame.f_code.co_filename:
            yield repr({**trace.tb_frame.f_locals, "self": None})
        trace = trace.tb_next


async def test_no_error_of_the_file_leads_to_a_key(caller_of: Any, file: Path) -> None:
    async with Sandbox(state=file) as sandbox:
        await caller_of(sandbox).create()
    text = text_of(file)
    for content in (text[:-1], text.replace('"version": ', '"version": 99'), text.replace('"organizations"', '"x"')):
        write(file, content.encode())
        with pytest.raises(ValueError, match="name another file") as raised:
            Sandbox(state=file)
        assert raised.value.__cause__ is raised.value.__context__ is None
        shown = "".join(frames_of(raised.value))
        assert not [secret for secret in (*keys_of(sandbox), "jane@example.com") if secret in shown]
    write(file, text.encode())
    make_folder(file.with_name(f"{file.name}.new"))
    with pytest.raises(OSError, match="directory") as unwritable:
        await Sandbox(state=file).__aenter__()
    shown = "".join(frames_of(unwritable.value))
    assert not [secret for secret in (*keys_of(sandbox), "jane@example.com") if secret in shown]


def make_folder(path: Path) -> None:
    path.mkdir()


async def test_a_file_with_the_keys_of_another_seed_is_an_error(file: Path) -> None:
    async with Sandbox(state=file, seed="demo") as first:
        pass
    assert keys_of(Sandbox(state=file)) == keys_of(Sandbox(state=file, seed="demo")) == keys_of(first)
    with pytest.raises(ValueError, match=r"has the keys of another seed: leave out the seed, or name another file"):
        Sandbox(state=file, seed="other")


async def test_a_plan_replaces_the_saved_one(caller_of: Any, file: Path) -> None:
    async with Sandbox(state=file) as first:
        for _ in range(6):
            await caller_of(first).create()
    async with Sandbox(state=file, plan="growth") as second:
        organization = (await caller_of(second)("GET /organization")).body["organization"]
        assert organization["plan"] == "GROWTH"
    async with Sandbox(state=file) as third:
        assert (await caller_of(third)("GET /organization")).body["organization"]["plan"] == "GROWTH"


async def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with Sandbox(state=tmp_path / "none" / "sandbox.json"):
            pass
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        Sandbox(state=tmp_path)
