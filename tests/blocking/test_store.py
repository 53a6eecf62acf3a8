"""The blocking store: keys, ledger, events, and the limits that it shares."""

import os
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from boooply import (
    AsyncBoooplyClient,
    BoooplyClient,
    ConfigurationError,
    NotConnectedError,
    RateLimitClass,
    RateLimits,
    Secret,
    StoreError,
)
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore, KeyStore, State, Store

KEY = "bply_org_0123456789abcdef"


@pytest.fixture
def blocking_store(store_url: str, encryption_key: str) -> Iterator[Store]:
    with Store.open(store_url, encryption_key=encryption_key) as store:
        yield store


def test_a_key_is_stored_read_listed_and_deleted(blocking_store: Store) -> None:
    blocking_store.keys.put("org_1", KEY)
    blocking_store.keys.put("org_2", Secret(KEY))

    assert blocking_store.keys.get("org_1").reveal() == KEY
    assert list(blocking_store.keys.organizations()) == ["org_1", "org_2"]
    assert [(entry.organization_id, entry.state) for entry in blocking_store.ledger.entries(["org_2"])] == [
        ("org_2", State.DONE)
    ]
    assert blocking_store.keys.rotate() == 2
    assert list(blocking_store.keys.corrupt()) == []
    blocking_store.keys.delete("org_1")
    blocking_store.ledger.forget("org_2")
    assert list(blocking_store.keys.organizations()) == []
    assert blocking_store.events.purge(timedelta(0)) == 0
    with pytest.raises(NotConnectedError):
        blocking_store.keys.get("org_1")


def test_the_keys_can_be_opened_alone(sqlite_store_url: str, encryption_key: str) -> None:
    with KeyStore.open(sqlite_store_url, encryption_key=encryption_key) as keys:
        keys.put("org_1", KEY)
    with Store.open(sqlite_store_url, encryption_key=encryption_key) as store:
        assert store.keys.get("org_1").reveal() == KEY


def test_the_thread_ends_with_the_store_and_a_later_call_says_so(sqlite_store_url: str, encryption_key: str) -> None:
    with Store.open(sqlite_store_url, encryption_key=encryption_key) as store:
        keys = store.keys
        assert [thread.name for thread in threading.enumerate()].count("boooply") == 1
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("boooply")] == []
    with pytest.raises(ConfigurationError, match="closed"):
        keys.get("org_1")


def test_a_store_that_cannot_be_opened_raises_and_leaves_no_thread(sqlite_store_url: str, encryption_key: str) -> None:
    with Store.open(sqlite_store_url, encryption_key=encryption_key):
        pass
    other = Fernet.generate_key().decode()
    with pytest.raises(StoreError), Store.open(sqlite_store_url, encryption_key=other):
        pass
    assert [thread.name for thread in threading.enumerate() if thread.name == "boooply"] == []


def test_an_iteration_that_is_left_early_is_closed_and_can_be_dropped_later(blocking_store: Store) -> None:
    for number in range(3):
        blocking_store.keys.put(f"org_{number}", KEY)
    ids = blocking_store.keys.organizations()
    assert next(ids) == "org_0"
    blocking_store._runner.close()
    del ids  # its loop has ended: there is nothing to close


def test_no_argument_is_in_a_traceback(blocking_store: Store) -> None:
    with pytest.raises(ConfigurationError) as caught:
        blocking_store.keys.put("org_1", f"bply_platform_{KEY}")
    trace = caught.value.__traceback__
    shown: list[str] = []
    while trace is not None:
        if os.sep + "boooply" + os.sep + "blocking" in trace.tb_frame.f_code.co_filename.replace("tests", ""):
            shown.extend(repr(value) for value in trace.tb_frame.f_locals.values())
        trace = trace.tb_next
    assert len(shown) > 3
    assert KEY not in "".join(shown)


async def test_either_flavour_of_store_is_shared_by_either_flavour_of_client(
    sandbox: Sandbox, sqlite_store_url: str, encryption_key: str
) -> None:
    with Store.open(sqlite_store_url, encryption_key=encryption_key) as store:
        async with AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=RateLimits(reads=7, shared=store)
        ) as client:
            await client.organization.get()
            assert client.rate_limits[RateLimitClass.READS].limit > 0


def test_a_blocking_store_is_shared_by_a_blocking_client(
    threaded_sandbox: Sandbox, sqlite_store_url: str, encryption_key: str
) -> None:
    with (
        Store.open(sqlite_store_url, encryption_key=encryption_key) as store,
        BoooplyClient(
            api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url, rate_limits=RateLimits(shared=store)
        ) as client,
    ):
        assert client.organization.get().id


async def test_an_async_store_is_shared_by_a_blocking_client(
    threaded_sandbox: Sandbox, sqlite_store_url: str, encryption_key: str
) -> None:
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        with BoooplyClient(
            api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url, rate_limits=RateLimits(shared=store)
        ) as client:
            assert client.organization.get().id
