"""Clients and stores under freezegun, which stops the clocks of a test."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from freezegun import freeze_time

from boooply import AsyncBoooplyClient, BoooplyClient, DeadlineExceededError, RetryPolicy, StoreError
from boooply.sandbox import Limits, Sandbox
from boooply.store import AsyncStore, KeyStore, Store, database

KEY = "bply_org_0123456789abcdef"


def test_clients_and_stores_open_respond_and_close_in_frozen_time(
    threaded_sandbox: Sandbox, store_url: str, encryption_key: str
) -> None:
    async def use() -> None:
        key, url = threaded_sandbox.api_key, threaded_sandbox.base_url
        async with (
            AsyncStore.open(store_url, encryption_key=encryption_key) as store,
            AsyncBoooplyClient(api_key=key, base_url=url) as client,
        ):
            await client.organization.get()
            await store.keys.put("org_1", KEY)

    with freeze_time("2026-06-01"):
        asyncio.run(use())


def test_the_blocking_flavour_does_too(threaded_sandbox: Sandbox, store_url: str, encryption_key: str) -> None:
    key, url = threaded_sandbox.api_key, threaded_sandbox.base_url
    with (
        freeze_time("2026-06-01"),
        Store.open(store_url, encryption_key=encryption_key) as store,
        BoooplyClient(api_key=key, base_url=url) as client,
    ):
        client.organization.get()
        store.keys.put("org_1", KEY)


def test_deadlines_pass_although_the_time_is_frozen(threaded_sandbox: Sandbox) -> None:
    threaded_sandbox.faults.add("interviews.get", "stall", times=None)
    key, url = threaded_sandbox.api_key, threaded_sandbox.base_url

    async def use() -> None:
        policy = RetryPolicy(attempts=3, backoff=0.05, deadline=0.4)
        async with AsyncBoooplyClient(api_key=key, base_url=url, retry=policy, rate_limits=None) as client:
            with pytest.raises(DeadlineExceededError):
                await client.interviews.get("Boooply-AI-1")

    with freeze_time("2026-06-01", real_asyncio=True):
        asyncio.run(asyncio.wait_for(use(), 60))


def test_limits_recover_although_the_time_is_frozen() -> None:
    async def use(sandbox: Sandbox) -> float:
        loop = asyncio.get_running_loop()
        async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
            started = loop.time()
            await asyncio.gather(*(client.organization.get() for _ in range(2)))
            sandbox.clock.advance(1)  # the sandbox's own clock is frozen too
            await client.organization.get()
            return loop.time() - started

    with Sandbox(limits=Limits(reads=2, window=1)) as sandbox:
        with freeze_time("2026-06-01", real_asyncio=True):
            waited = asyncio.run(asyncio.wait_for(use(sandbox), 30))
        assert [call.status for call in sandbox.calls] == [200, 200, 200]
    assert waited > 0.9


def test_a_locked_file_is_given_up_although_the_time_is_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_LOCK_POLLS", 20)
    with closing(sqlite3.connect(tmp_path / "boooply.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE locked (id)")
        other.execute("BEGIN EXCLUSIVE")
        with (
            freeze_time("2026-06-01"),
            pytest.raises(StoreError, match="database is locked"),
            KeyStore.open(f"sqlite:///{tmp_path}/boooply.db", encryption_key=Fernet.generate_key().decode()),
        ):
            pass


def test_a_file_that_was_locked_before_is_written_in_frozen_time(
    sqlite_store_url: str, encryption_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.store.failures.PATIENCE", 0.0)  # seconds of retries, while the file is locked

    async def use() -> None:
        async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
            await store.keys.put("org_1", KEY)
            with store.database.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout = 50")
            with closing(sqlite3.connect(sqlite_store_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreError, match="locked"):
                    await store.keys.put("org_1", KEY)
            with freeze_time("1970-01-01"):  # before every reading of a clock that counts from the machine's start
                await store.keys.put("org_1", KEY)

    asyncio.run(use())
