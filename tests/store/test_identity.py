"""The store is still the store: its API, its platform keys, its file, its encryption key and its clock."""

import asyncio
import logging
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from boooply import (
    AsyncBoooplyPlatform,
    AsyncTenants,
    KeysNotStoredError,
    NotConnectedError,
    Secret,
    StoreError,
    StoreMismatchError,
    Tenant,
)
from boooply.provisioning import Outcome, async_provision
from boooply.provisioning.identity import check_store
from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.state import LimiterState
from boooply.recording import Recorder
from boooply.sandbox import Sandbox
from boooply.store import AsyncKeyStore, AsyncStore, ClaimResult, State

KEY = "bply_org_0123456789abcdef"
HOUR = 3600.0
API = "https://api.example"
OTHER_API = "https://other.example"
PLATFORM_KEY = Secret("bply_platform_0123456789abcdef")
OTHER_PLATFORM_KEY = Secret("bply_platform_fedcba9876543210")


def customer(number: int) -> Tenant:
    return Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number}")


def customers(count: int) -> Iterator[Tenant]:
    return (customer(number) for number in range(count))


@asynccontextmanager
async def another_sandbox() -> AsyncIterator[tuple[Sandbox, AsyncBoooplyPlatform]]:
    async with (
        Sandbox() as other,
        AsyncBoooplyPlatform(platform_key=other.platform_key, base_url=other.base_url) as platform,
    ):
        yield other, platform


# ---- one API, and its platform keys


async def test_a_store_that_was_filled_by_a_sandbox_is_not_used_with_another_api(platform, store):
    assert len([one async for one in async_provision(customers(5), platform=platform, store=store)]) == 5
    async with another_sandbox() as (other, real):
        with pytest.raises(StoreMismatchError) as caught:
            [one async for one in async_provision(customers(5), platform=real, store=store)]
        for call in (AsyncTenants(real, store).client("org_1"), AsyncTenants(real, store).connect(customer(9))):
            with pytest.raises(StoreMismatchError):
                await call
        assert not other.mints
    assert platform.base_url in str(caught.value)
    assert other.base_url in str(caught.value)
    assert "boooply store adopt" in str(caught.value)


async def test_one_platform_key_in_common_is_enough_and_the_others_are_added(store):
    await store.identity.record(API, [PLATFORM_KEY])
    with pytest.raises(StoreMismatchError) as caught:
        await store.identity.record(API, [OTHER_PLATFORM_KEY])
    assert "boooply store adopt" in str(caught.value)
    assert str(OTHER_PLATFORM_KEY) in str(caught.value)
    assert OTHER_PLATFORM_KEY.reveal() not in str(caught.value)
    assert caught.value.is_permanent
    with pytest.raises(StoreMismatchError):
        await store.identity.check(API, [OTHER_PLATFORM_KEY])
    await store.identity.record(API, [OTHER_PLATFORM_KEY, PLATFORM_KEY])
    await store.identity.check(API, [OTHER_PLATFORM_KEY])


@pytest.mark.parametrize(
    "same", ["https://api.example.", "HTTPS://API.Example", "https://api.example:443", "https://api.example/"]
)
async def test_another_spelling_of_the_same_address_is_the_same_api(store, same):
    await store.identity.record(same, [PLATFORM_KEY])
    await store.identity.check(API, [PLATFORM_KEY])
    await store.identity.record(API, [PLATFORM_KEY])
    await store.identity.check(same, [PLATFORM_KEY])
    with pytest.raises(StoreMismatchError, match=f"the API at {API}, but your base URL is {API}/gateway"):
        await store.identity.check(f"{same.removesuffix('/')}/gateway", [PLATFORM_KEY])


async def test_a_platform_whose_address_ends_with_a_dot_uses_the_same_store(store):
    await store.identity.record(API, [PLATFORM_KEY])
    async with AsyncBoooplyPlatform(platform_key=PLATFORM_KEY, base_url=f"{API}.:443/") as platform:
        await check_store(store, platform)
        assert platform.base_url == f"{API}."  # as it is resolved


async def test_adopting_takes_over_a_store_whose_api_or_keys_are_others(store):
    await store.identity.record(API, [PLATFORM_KEY])
    await store.identity.record(OTHER_API, [OTHER_PLATFORM_KEY], adopt=True)
    await store.identity.check(OTHER_API, [OTHER_PLATFORM_KEY])
    with pytest.raises(StoreMismatchError, match=OTHER_API):
        await store.identity.check(API, [PLATFORM_KEY])


async def test_a_store_that_only_has_keys_put_by_hand_belongs_to_nobody(platform, store, sandbox):
    await store.keys.put("org_1", sandbox.api_key)
    await AsyncTenants(platform, store, verify=False).client("org_1")
    await store.identity.check(OTHER_API, [OTHER_PLATFORM_KEY])


async def test_of_two_first_runs_one_decides_what_the_store_is(store_url, encryption_key):
    async with (
        AsyncStore.open(store_url, encryption_key=encryption_key) as one,
        AsyncStore.open(store_url, encryption_key=encryption_key) as other,
    ):
        results = await asyncio.gather(
            one.identity.record(API, [PLATFORM_KEY]),
            other.identity.record(OTHER_API, [OTHER_PLATFORM_KEY]),
            return_exceptions=True,
        )
    assert sorted(type(one).__name__ for one in results) == ["NoneType", "StoreMismatchError"]


# ---- one file


def delete(folder: Path, *, is_replaced: bool) -> None:
    """Delete a store's files, or put a backup in their place."""
    shutil.copy(folder / "boooply.db", folder / "backup")
    for path in folder.glob("boooply.db*"):
        path.unlink()
    if is_replaced:
        (folder / "backup").rename(folder / "boooply.db")


@pytest.mark.parametrize("is_replaced", [False, True], ids=["deleted", "replaced"])
async def test_a_file_that_is_deleted_or_replaced_ends_the_run_and_loses_no_key(
    platform, sandbox, sqlite_store_url, encryption_key, tmp_path, is_replaced
):
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        seen: list[Outcome] = []

        async def run() -> None:
            async for one in async_provision(customers(200), platform=platform, store=store, concurrency=4):
                seen.append(one)
                if len(seen) == 3:
                    delete(tmp_path, is_replaced=is_replaced)

        with pytest.raises((KeysNotStoredError, StoreError), match="deleted or replaced") as caught:
            await run()
        unstored = caught.value.keys if isinstance(caught.value, KeysNotStoredError) else {}
    connected = {one.organization_id for one in seen}
    assert set(sandbox.mints) == connected | set(unstored)
    assert len(sandbox.mints) <= 3 + 2 * 4


async def test_a_replaced_file_is_neither_written_nor_retried(sqlite_store_url, encryption_key, tmp_path):
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        await store.keys.put("org_1", KEY)
        delete(tmp_path, is_replaced=True)
        with pytest.raises(StoreError, match=r"boooply\.db was deleted or replaced") as caught:
            await Recorder(store).finish(customer(2), Secret(f"{KEY}2"), claim_token="ours")
        assert caught.value.is_permanent


async def test_a_program_that_changes_its_directory_keeps_its_store(encryption_key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    async with AsyncStore.open("sqlite:///boooply.db", encryption_key=encryption_key) as store:
        monkeypatch.chdir(tmp_path / "elsewhere")
        await store.keys.put("org_1", KEY)
        assert (await store.keys.get("org_1")).reveal() == KEY


# ---- one encryption key


async def test_a_rotation_beside_running_writers_leaves_nothing_under_the_old_key(store_url, encryption_key):
    new = Fernet.generate_key().decode()
    rotated = asyncio.Event()

    async def write(keys: AsyncKeyStore, writer: int) -> int:
        number = 0
        while not rotated.is_set() or number < 20:
            await keys.put(f"org_{writer}_{number}", KEY)
            number += 1
        return number

    orders = [(encryption_key, new), (new, encryption_key)]
    async with (
        AsyncKeyStore.open(store_url, encryption_key=orders[0]) as one,
        AsyncKeyStore.open(store_url, encryption_key=orders[1]) as other,
        AsyncKeyStore.open(store_url, encryption_key=orders[1]) as rotating,
    ):
        writing = [asyncio.create_task(write(keys, number)) for number, keys in enumerate((one, other))]
        await asyncio.sleep(0.3)
        await rotating.rotate()
        rotated.set()
        count = sum(await asyncio.gather(*writing))
    async with AsyncKeyStore.open(store_url, encryption_key=new) as keys:
        assert [error async for error in keys.corrupt()] == []
        assert len([one async for one in keys.organizations()]) == count


async def test_a_writer_without_the_new_encryption_key_stops(store_url, encryption_key):
    new = Fernet.generate_key().decode()
    async with (
        AsyncKeyStore.open(store_url, encryption_key=encryption_key) as old,
        AsyncKeyStore.open(store_url, encryption_key=(new, encryption_key)) as keys,
    ):
        await old.put("org_1", KEY)
        await keys.rotate()
        with pytest.raises(StoreError, match="Add that key to BOOOPLY_STORE_KEY"):
            await old.put("org_2", KEY)
        with pytest.raises(NotConnectedError):
            await keys.get("org_2")


async def test_a_run_without_the_new_encryption_key_mints_nothing(platform, sandbox, store, store_url, encryption_key):
    async with AsyncKeyStore.open(store_url, encryption_key=(Fernet.generate_key().decode(), encryption_key)) as keys:
        await keys.rotate()
    async with asyncio.timeout(20):  # it does not retry
        with pytest.raises(StoreError, match="Add that key to BOOOPLY_STORE_KEY"):
            [one async for one in async_provision(customers(5), platform=platform, store=store)]
    assert not sandbox.mints


async def test_an_event_that_is_stored_after_a_rotation_is_under_the_new_encryption_key(store_url, encryption_key):
    new = Fernet.generate_key().decode()
    async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
        await store.events.put("before", Secret("body"))
    async with (
        AsyncStore.open(store_url, encryption_key=(encryption_key, new)) as store,
        AsyncKeyStore.open(store_url, encryption_key=(new, encryption_key)) as keys,
    ):
        await keys.rotate()
        await store.events.put("after", Secret("body"))
    async with AsyncStore.open(store_url, encryption_key=new) as store:
        taken = [await store.events.take(claim_token=str(one), lease=60) for one in range(2)]
        assert [one and one.body for one in taken] == [Secret("body")] * 2


async def test_until_a_rotation_starts_the_old_key_encrypts_whatever_the_order(store_url, encryption_key):
    new = Fernet.generate_key().decode()
    async with (
        AsyncKeyStore.open(store_url, encryption_key=encryption_key) as old,
        AsyncKeyStore.open(store_url, encryption_key=(new, encryption_key)) as keys,
    ):
        await keys.put("org_1", KEY)
        assert (await old.get("org_1")).reveal() == KEY


async def test_an_unfinished_rotation_needs_both_keys(store_url, encryption_key, monkeypatch):
    new = Fernet.generate_key().decode()
    async with AsyncKeyStore.open(store_url, encryption_key=encryption_key) as keys:
        await keys.put("org_1", KEY)
    async with AsyncKeyStore.open(store_url, encryption_key=(new, encryption_key)) as keys:

        async def killed(*_arguments):
            raise StoreError("killed")

        with monkeypatch.context() as broken:
            broken.setattr("boooply.store.rows.reencrypt", killed)
            with pytest.raises(StoreError, match="killed"):
                await keys.rotate()
    for one in (new, encryption_key):
        with pytest.raises(StoreError, match="Add that key to BOOOPLY_STORE_KEY"):
            async with AsyncKeyStore.open(store_url, encryption_key=one):
                pass


# ---- one clock


@pytest.fixture
async def before(store_url: str, encryption_key: str) -> AsyncIterator[AsyncStore]:
    """Open the same store as it was before its clock was set back by an hour."""
    async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
        store.database.clock = store.database.clock + HOUR
        yield store


def a_minute_passes(store: AsyncStore) -> None:
    store.database.clock = store.database.clock + 60


async def test_after_a_clock_was_set_back_a_lease_lasts_its_length(before, store, caplog):
    await Recorder(before).claim(customer(1), claim_token="dead", lease=60)
    with caplog.at_level(logging.WARNING):
        claimed = await Recorder(store).claim(customer(1), claim_token="ours", lease=60)
        assert claimed.result is ClaimResult.BUSY
        a_minute_passes(store)
        claimed = await Recorder(store).claim(customer(1), claim_token="ours", lease=60)
    assert claimed.result is ClaimResult.CLAIMED
    (record,) = caplog.records  # an hour, less the time that passed meanwhile
    assert re.fullmatch(r"the clock was set back by 3[56]\d\d s: the lease of org_1 ends in 60 s", record.message)


async def test_after_a_clock_was_set_back_what_was_sent_is_in_doubt_once_its_lease_ends(before, store):
    await Recorder(before).claim(customer(1), claim_token="dead", lease=60)
    await Recorder(before).begin("org_1", claim_token="dead", lease=60)
    result = None
    for _ in range(2):
        result = (await Recorder(store).claim(customer(1), claim_token="ours", lease=60)).result
        a_minute_passes(store)
    assert result is ClaimResult.IN_DOUBT
    (entry,) = [one async for one in store.ledger.entries(["org_1"])]
    assert entry.state is State.IN_DOUBT


async def test_after_a_clock_was_set_back_a_stored_event_waits_no_longer_than_its_lease(before, store, caplog):
    await before.events.put("event", Secret("body"))
    await before.events.take(claim_token="dead", lease=60)
    with caplog.at_level(logging.WARNING):
        assert await store.events.take(claim_token="ours", lease=60) is None
        a_minute_passes(store)
        found = await store.events.take(claim_token="ours", lease=60)
    assert found is not None
    assert found.body == Secret("body")
    assert [one.message for one in caplog.records] == [
        "the clock was set back: the leases of stored events start again (1)"
    ]


async def test_after_a_clock_was_set_back_a_shared_allowance_waits_no_longer_than_a_window(before, store, caplog):
    limited = ("limiter", 2, 2.0)
    for _ in range(2):
        started = (await before.limits.acquire(*limited)).started
        await before.limits.finish(*limited, None, started=started, rate_limited=False)
    with caplog.at_level(logging.WARNING):
        assert 0 < (await store.limits.acquire(*limited)).delay <= 4
        await asyncio.sleep(2.1)
        assert (await store.limits.acquire(*limited)).delay == 0
    assert "the clock was set back" in caplog.text


async def test_after_a_clock_was_set_back_a_reported_window_ends(before, store):
    limited = ("limiter", 2, 0.5)
    started = (await before.limits.acquire(*limited)).started
    headers = RateLimitHeaders(limit=2, remaining=0, resets_in=0.4)
    await before.limits.finish(*limited, headers, started=started, rate_limited=False)
    await store.limits.acquire(*limited)
    async with asyncio.timeout(30):  # and not an hour
        while (await store.limits.acquire(*limited)).delay:  # noqa: ASYNC110 - as processes do
            await asyncio.sleep(0.1)


async def test_after_a_clock_was_set_back_a_429_blocks_for_an_hour_at_most(store_url, encryption_key, caplog):
    limited, key = ("limiter", 2, 0.5), {"encryption_key": encryption_key}
    async with AsyncStore.open(store_url, **key) as before, AsyncStore.open(store_url, **key) as store:
        before.database.clock = before.database.clock + 5 * HOUR
        started = (await before.limits.acquire(*limited)).started
        headers = RateLimitHeaders(retry_after=60.0)
        await before.limits.finish(*limited, headers, started=started, rate_limited=True)
        with caplog.at_level(logging.WARNING):
            await store.limits.acquire(*limited)
        state = LimiterState.from_json(await store.database.read(_limiter_state), 2)
    assert 0 < state.blocked_until - state.now <= HOUR
    assert "the shared limiter limiter adjusts its times" in caplog.text


def _limiter_state(connection):
    return connection.exec_driver_sql("SELECT state FROM boooply_limits").scalar_one()
