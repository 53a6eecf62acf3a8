"""A store behind pgbouncer in transaction mode, where each transaction may run on another connection."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, event

from boooply import AsyncBoooplyPlatform, ConfigurationError, RateLimits, Secret, StoreError, Tenant
from boooply.provisioning import async_provision
from boooply.sandbox import Sandbox
from boooply.store import AsyncKeyStore, AsyncStore, ClaimResult

KEY = Secret("bply_org_0123456789abcdef")
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


def customer(number: int) -> Tenant:
    return Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number}", organization_name="Zoë 😀")


@contextmanager
def direct(url: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def count_prepared(connection: Connection) -> object:
    return connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one()


async def entries(store: AsyncStore) -> list[Any]:
    return [entry async for entry in store.ledger.entries()]


async def test_runs_that_share_their_limits_connect_each_customer_once(pgbouncer, encryption_key):
    async with (
        Sandbox(limits=None) as sandbox,
        AsyncStore.open(pgbouncer.url, encryption_key=encryption_key) as one,
        AsyncStore.open(pgbouncer.url, encryption_key=encryption_key) as other,
    ):

        async def run(store: AsyncStore) -> set[str]:
            async with AsyncBoooplyPlatform(
                platform_key=sandbox.platform_key,
                base_url=sandbox.base_url,
                rate_limits=RateLimits(writes=1000, shared=store),
            ) as platform:
                outcomes = async_provision(map(customer, range(60)), platform=platform, store=store, concurrency=8)
                return {type(outcome).__name__ async for outcome in outcomes}

        found = await asyncio.gather(run(one), run(other))
        assert found[0] | found[1] <= {"Connected", "AlreadyConnected"}
        assert len(sandbox.mints) == len(await entries(one)) == 60
        assert set(sandbox.mints.values()) == {1}


async def test_keys_and_events_and_a_rotation_leave_no_lock_and_no_session_behind(
    pgbouncer, postgresql_store_url, encryption_key
):
    statements = list[str]()
    async with AsyncStore.open(pgbouncer.url, encryption_key=encryption_key) as store:
        event.listen(
            store.database.engine,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, *_: statements.append(statement),
        )
        await asyncio.gather(*(store.keys.put(f"org_{number}", KEY) for number in range(20)))
        await asyncio.gather(*(store.events.put(f"event_{number}", KEY) for number in range(20)))
        taken = [await store.events.take(claim_token=f"token_{number}", lease=60) for number in range(20)]
        assert len({one.key for one in taken if one is not None}) == 20
        assert await store.events.claim("event_0", claim_token="other", lease=60) is ClaimResult.BUSY
        prepared = [store.database.read(count_prepared) for _ in range(20)]
        assert set(await asyncio.gather(*prepared)) == {0}
        new = Fernet.generate_key().decode()
        async with AsyncKeyStore.open(pgbouncer.url, encryption_key=[new, encryption_key]) as keys:
            assert await keys.rotate() == 20
    with direct(postgresql_store_url) as connection:
        assert connection.execute(LOCKS).fetchone() == (0,)
    parts = [part.split() for one in statements for part in one.split(";")]
    assert {words[0] for words in parts} <= {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "SET"}
    assert {words[1] for words in parts if words[0] == "SET"} == {"LOCAL"}
    locking = [one for one in statements if "pg_advisory" in one]
    assert locking
    assert [one for one in locking if "pg_advisory_xact_lock" not in one] == []


async def test_cancelled_reads_are_stopped_and_disturb_nobody(pgbouncer, postgresql_store_url, encryption_key):
    async with AsyncStore.open(pgbouncer.url, encryption_key=encryption_key) as store:
        await store.keys.put("org_1", KEY)
        with psycopg.connect(postgresql_store_url.replace("+psycopg", "")) as locking:
            locking.execute("LOCK TABLE boooply_ledger IN ACCESS EXCLUSIVE MODE")
            for _ in range(8):
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await entries(store)
            async with asyncio.timeout(10):  # both connections were waiting for the lock
                assert await store.keys.get("org_1") == KEY
        assert len(await entries(store)) == 1
        for _ in range(50):
            reading = asyncio.create_task(entries(store))
            await asyncio.sleep(0.002)
            reading.cancel()
            assert await store.keys.get("org_1") == KEY


async def test_a_pgbouncer_that_is_restarted_is_an_outage_like_any_other(pgbouncer, encryption_key):
    async with AsyncStore.open(pgbouncer.url, encryption_key=encryption_key) as store:
        await store.keys.put("org_1", KEY)
        pgbouncer.stop()
        calls = [asyncio.ensure_future(store.keys.put("org_2", KEY)), asyncio.ensure_future(store.keys.get("org_1"))]
        done, _ = await asyncio.wait(calls, timeout=0.5)
        assert not done
        pgbouncer.start()
        async with asyncio.timeout(10):
            await asyncio.gather(*calls)


async def test_an_option_that_pgbouncer_refuses_is_reported_at_once(pgbouncer, encryption_key):
    with pytest.raises(StoreError, match="unsupported startup parameter"):
        async with AsyncStore.open(f"{pgbouncer.url}?options=-csearch_path%3Dours", encryption_key=encryption_key):
            pass


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("prepare_threshold=0", "has an option prepare_threshold. Remove it: the store never prepares statements."),
        ("client_encoding=latin1", "has an option client_encoding. Remove it: the store always uses utf8."),
        ("row_factory=dict_row", "has an option that PostgreSQL does not know. Correct or remove it."),
    ],
)
async def test_an_option_of_the_driver_is_rejected_with_the_remedy(option: str, problem: str, encryption_key: str):
    with pytest.raises(ConfigurationError) as caught:
        async with AsyncStore.open(f"postgresql://user@127.0.0.1:1/db?{option}", encryption_key=encryption_key):
            pass
    assert str(caught.value) == f"the store's URL {problem}"
