"""Keys that a store did not take: stored later, or in a rescue file at once where no retry can help."""

import asyncio
import contextlib
import gc
import json
import logging
import os
import re
import tempfile
import time
import weakref
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest

from boooply import AsyncBoooplyPlatform, Secret, StoreError, StoreMismatchError, Tenant
from boooply.provisioning import pending_keys
from boooply.provisioning.pending_keys import PendingKeys
from boooply.provisioning.rescue import write_rescue_file
from boooply.recording import Recorder
from boooply.store import AsyncStore

KEY = Secret("bply_org_0123456789abcdef")
OTHER = Secret("bply_org_fedcba9876543210")
TENANTS = [Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number}") for number in range(2)]


@pytest.fixture(autouse=True)
def _rescued_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pending_keys, "_RETRY_AFTER", 600.0)


@contextlib.asynccontextmanager
async def keeping(store: AsyncStore, platform: AsyncBoooplyPlatform, **keys: Secret) -> AsyncIterator[None]:
    pending = PendingKeys(store, platform)
    pending.keep(keys)
    try:
        yield
    finally:
        await pending.close()


def rescued(folder: Path) -> list[Path]:
    return [*folder.glob("boooply-rescued-keys-*")]


def delete(folder: Path, *, is_replaced: bool) -> None:
    for file in folder.glob("boooply.db*"):
        file.unlink()
    if is_replaced:
        (folder / "boooply.db").touch()


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(one.levelno, one.getMessage()) for one in caplog.records if one.name == "boooply.keys"]


def rescue_of_org_0(reason: str, file: Path) -> tuple[int, str]:
    problem = f"the key of org_0 was minted but could not be stored ({reason})."
    return logging.CRITICAL, f"{problem} It is in {file}. `boooply store restore FILE` stores it."


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):  # less than the pause before a retry
        while not condition():  # noqa: ASYNC110 - another task changes it
            await asyncio.sleep(0.01)


async def is_rescued_at_once(store: AsyncStore, platform: AsyncBoooplyPlatform, folder: Path) -> None:
    async with keeping(store, platform, org_0=KEY, org_1=OTHER):
        await until(lambda: rescued(folder))
        await asyncio.sleep(0.1)
    (file,) = rescued(folder)
    for line, (name, key) in zip(file.read_text().splitlines(), {"org_0": KEY, "org_1": OTHER}.items(), strict=True):
        row = json.loads(line)
        assert store.encryption.decrypt(name, row["encrypted_key"].encode()) == key


async def test_a_read_only_file_is_reported_at_once_and_its_keys_are_rescued(
    platform: AsyncBoooplyPlatform,
    sqlite_store_url: str,
    encryption_key: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        await Recorder(store).enroll(TENANTS)
    url = f"sqlite:///file:{tmp_path}/boooply.db?mode=ro&uri=true"
    async with AsyncStore.open(url, encryption_key=encryption_key) as store:
        await is_rescued_at_once(store, platform, tmp_path)
    critical = [one.getMessage() for one in caplog.records if one.levelno == logging.CRITICAL]
    assert [one.partition("(")[0] for one in critical] == [
        f"the key of org_{number} was minted but could not be stored " for number in range(2)
    ]
    assert all("readonly database" in one and "boooply store restore" in one for one in critical)
    assert str(rescued(tmp_path)[0]) in critical[0]
    assert "0123456789abcdef" not in caplog.text


@pytest.mark.parametrize("is_replaced", [False, True])
async def test_a_deleted_or_replaced_file_is_reported_at_once_and_its_keys_are_rescued(
    platform: AsyncBoooplyPlatform, sqlite_store_url: str, encryption_key: str, tmp_path: Path, is_replaced: bool
) -> None:
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        await Recorder(store).enroll(TENANTS)
        delete(tmp_path, is_replaced=is_replaced)
        await is_rescued_at_once(store, platform, tmp_path)


@pytest.mark.parametrize("option", ["default_transaction_read_only=on", "role=reader"])
async def test_missing_rights_are_reported_at_once_and_the_keys_are_rescued(
    platform: AsyncBoooplyPlatform, postgresql_store_url: str, encryption_key: str, tmp_path: Path, option: str
) -> None:
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        await Recorder(store).enroll(TENANTS)
    with psycopg.connect(postgresql_store_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader")
        connection.execute("GRANT USAGE ON SCHEMA public TO reader")
        connection.execute("GRANT SELECT, UPDATE ON boooply_ledger, boooply_store TO reader")
        try:
            url = f"{postgresql_store_url}&options=-c%20{option.replace('=', '%3D')}"
            async with AsyncStore.open(url, encryption_key=encryption_key) as store:
                await is_rescued_at_once(store, platform, tmp_path)
        finally:
            connection.execute("DROP OWNED BY reader")
            connection.execute("DROP ROLE reader")


@pytest.mark.parametrize(
    "problem", [StoreMismatchError("another API"), StoreError("another encryption key", is_permanent=True)]
)
async def test_a_store_that_is_not_theirs_is_reported_at_once_and_the_keys_are_rescued(
    platform: AsyncBoooplyPlatform,
    store: AsyncStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: StoreError,
) -> None:
    async def fail(*_arguments: object, **_options: object) -> None:
        raise problem

    monkeypatch.setattr(Recorder, "restore", fail)
    await is_rescued_at_once(store, platform, tmp_path)


async def test_a_key_that_no_customer_may_have_is_rescued_and_the_other_one_stored(
    platform: AsyncBoooplyPlatform, store: AsyncStore, tmp_path: Path
) -> None:
    await Recorder(store).enroll(TENANTS)
    async with keeping(store, platform, org_0=Secret("bply_platform_0123456789abcdef"), org_1=OTHER):
        await until(lambda: rescued(tmp_path))
    assert len(rescued(tmp_path)[0].read_text().splitlines()) == 1
    assert await store.keys.get("org_1") == OTHER


async def test_a_key_that_can_be_written_nowhere_is_retried(
    platform: AsyncBoooplyPlatform,
    store: AsyncStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    restore, failures, is_restored = Recorder.restore, 2, asyncio.Event()

    async def fail_twice(self: Recorder, organization_id: str, api_key: Secret, **options: bool) -> bool | None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise StoreError("read-only", is_permanent=True)
        result = await restore(self, organization_id, api_key, **options)
        is_restored.set()
        return result

    await Recorder(store).enroll(TENANTS)
    monkeypatch.setattr(pending_keys, "_RETRY_AFTER", 0.01)
    monkeypatch.setattr(pending_keys, "write_rescue_file", lambda _lines: None)
    monkeypatch.setattr(Recorder, "restore", fail_twice)
    async with keeping(store, platform, org_0=KEY):
        await until(is_restored.is_set)
    assert await store.keys.get("org_0") == KEY
    assert "No rescue file could be written. Save this line, and run" in caplog.text
    assert rescued(tmp_path) == []


async def test_keys_that_come_as_the_application_stops_are_rescued(store, platform, tmp_path):
    pending = PendingKeys(store, platform)
    pending.keep({"org_0": KEY})
    await pending.close()  # before the task has taken its first step
    pending.keep({"org_1": OTHER})  # a request that outlasts the application
    lines = [json.loads(line) for file in rescued(tmp_path) for line in file.read_text().splitlines()]
    assert sorted(line["organization_id"] for line in lines) == ["org_0", "org_1"]


async def test_a_key_for_which_no_file_can_be_written_is_logged_encrypted(store, platform, caplog, monkeypatch):
    monkeypatch.setattr(pending_keys, "write_rescue_file", lambda _lines: None)
    async with keeping(store, platform, org_0=KEY):
        pass
    (record,) = [one for one in caplog.records if one.levelno == logging.CRITICAL]
    line = json.loads(record.getMessage().partition("boooply store restore FILE`: ")[2])
    assert store.encryption.decrypt("org_0", line["encrypted_key"].encode()) == KEY
    assert KEY.reveal() not in caplog.text


@pytest.mark.parametrize("can_be_written", [True, False])
@pytest.mark.parametrize("way", ["the event loop ends", "the close is cancelled"])
async def test_keys_are_rescued_however_their_task_ends(
    store, platform, tmp_path, caplog, monkeypatch, way, can_be_written
):
    async def fail(*_arguments: object, **_options: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Recorder, "restore", fail)
    if not can_be_written:
        monkeypatch.setattr(pending_keys, "write_rescue_file", lambda _lines: None)
    pending, others = PendingKeys(store, platform), asyncio.all_tasks()
    pending.keep({"org_0": KEY})
    await until(lambda: "is not stored yet" in caplog.text)
    ending = asyncio.all_tasks() - others
    if way == "the close is cancelled":
        ending |= {asyncio.create_task(pending.close())}
        await asyncio.sleep(0)  # it waits for the task now
    for task in ending:
        task.cancel()  # as asyncio.run does when it ends
    await asyncio.wait(ending)
    (record,) = [one for one in caplog.records if one.levelno == logging.CRITICAL]
    assert "the key of org_0 was minted but could not be stored (the disk is full)" in record.getMessage()
    text = rescued(tmp_path)[0].read_text() if can_be_written else record.getMessage().partition("FILE`: ")[2]
    assert store.encryption.decrypt("org_0", json.loads(text)["encrypted_key"].encode()) == KEY


async def test_a_key_that_can_be_written_nowhere_is_logged_once_however_often_it_is_retried(
    store, platform, caplog, monkeypatch
):
    attempts = 0

    async def fail(*_arguments: object, **_options: object) -> None:
        nonlocal attempts
        attempts += 1
        raise StoreError("read-only", is_permanent=True)

    monkeypatch.setattr(pending_keys, "_RETRY_AFTER", 0.01)
    monkeypatch.setattr(pending_keys, "write_rescue_file", lambda _lines: None)
    monkeypatch.setattr(Recorder, "restore", fail)
    async with keeping(store, platform, org_0=KEY, org_1=OTHER):
        await until(lambda: attempts >= 8)
    critical = [one.getMessage() for one in caplog.records if one.levelno == logging.CRITICAL]
    lines = [json.loads(one.partition("FILE`: ")[2]) for one in critical]
    keys = {
        line["organization_id"]: store.encryption.decrypt(line["organization_id"], line["encrypted_key"].encode())
        for line in lines
    }
    assert (len(lines), keys) == (2, {"org_0": KEY, "org_1": OTHER})


def test_a_rescue_file_that_cannot_be_written_leaves_no_part_of_itself(tmp_path, monkeypatch):
    def fail(_descriptor: int) -> None:
        raise OSError("the disk is full")

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(os, "fsync", fail)
    assert write_rescue_file("a line\n") is None
    assert [*tmp_path.iterdir(), *temporary.iterdir()] == [temporary]


async def test_a_key_that_is_retried_is_reported_once_and_the_key_beside_it_is_stored(
    platform: AsyncBoooplyPlatform,
    store: AsyncStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    restore, attempts, late = Recorder.restore, 0, Secret("bply_org_0123456789.and-a-secret-rest")

    async def fail_twice(self: Recorder, organization_id: str, api_key: Secret, **options: bool) -> bool | None:
        nonlocal attempts
        if organization_id == "org_1":
            attempts += 1
            if attempts <= 2:
                raise RuntimeError(f"no room\nfor {late.reveal()}")
        return await restore(self, organization_id, api_key, **options)

    await Recorder(store).enroll(TENANTS)
    monkeypatch.setattr(pending_keys, "_RETRY_AFTER", 0.01)
    monkeypatch.setattr(Recorder, "restore", fail_twice)
    others = asyncio.all_tasks()
    async with keeping(store, platform, org_0=KEY, org_1=late):
        (task,) = asyncio.all_tasks() - others
        await until(task.done)
    assert [(await store.keys.get(f"org_{number}")) for number in range(2)] == [KEY, late]
    assert (attempts, rescued(tmp_path)) == (3, [])
    reason = "no room for bply_org_…rest"
    assert logged(caplog) == [
        (logging.WARNING, f"the key of org_1 was minted but is not stored yet ({reason}). It is retried.")
    ]


async def test_a_key_whose_error_has_no_text_is_reported_with_the_kind_of_the_error(
    platform: AsyncBoooplyPlatform,
    store: AsyncStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(*_arguments: object, **_options: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(Recorder, "restore", fail)
    async with keeping(store, platform, org_0=KEY):
        await until(lambda: logged(caplog))
    (file,) = rescued(tmp_path)
    assert logged(caplog) == [
        (logging.WARNING, "the key of org_0 was minted but is not stored yet (TimeoutError). It is retried."),
        rescue_of_org_0("TimeoutError", file),
    ]


async def test_a_key_that_was_not_tried_before_the_stop_is_rescued_for_that_reason(
    platform: AsyncBoooplyPlatform, store: AsyncStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with keeping(store, platform, org_0=KEY):
        pass
    (file,) = rescued(tmp_path)
    assert logged(caplog) == [rescue_of_org_0("the application stopped", file)]


async def test_a_late_key_that_is_not_needed_is_reported_and_not_rescued(
    platform: AsyncBoooplyPlatform, store: AsyncStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await Recorder(store).finish(TENANTS[0], KEY, claim_token="a/0")
    async with keeping(store, platform, org_0=OTHER, org_9=Secret("bply_org_of_a_disconnected_customer")):
        await until(lambda: len(logged(caplog)) == 2)
    assert logged(caplog) == [
        (logging.WARNING, "org_0: already has another key, which is kept. You can revoke this one at Boooply."),
        (logging.WARNING, "org_9: was disconnected in the meantime: its late key is not stored"),
    ]
    assert [(one, await store.keys.get(one)) async for one in store.keys.organizations()] == [("org_0", KEY)]
    assert rescued(tmp_path) == []


async def test_the_task_of_stored_keys_has_a_name_and_is_forgotten(
    platform: AsyncBoooplyPlatform, store: AsyncStore
) -> None:
    await Recorder(store).enroll(TENANTS)
    pending, others = PendingKeys(store, platform), asyncio.all_tasks()
    pending.keep({"org_0": KEY})
    (task,) = asyncio.all_tasks() - others
    assert task.get_name() == "boooply keys"
    await until(task.done)
    await asyncio.sleep(0.01)
    forgotten = weakref.ref(task)
    del task
    gc.collect()
    assert forgotten() is None
    await pending.close()


def test_a_rescue_file_is_named_after_the_time_in_utc_and_contains_the_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.struct_time((2031, 2, 3, 4, 5, 6, 0, 34, 0))
    monkeypatch.setattr(time, "gmtime", lambda *_seconds: now)
    path = write_rescue_file("a line\nanother line\n")
    assert path is not None
    assert [*tmp_path.iterdir()] == [path]
    assert re.fullmatch(r"boooply-rescued-keys-20310203T040506Z-\w{8}\.jsonl", path.name)
    assert path.read_text(encoding="utf-8") == "a line\nanother line\n"
