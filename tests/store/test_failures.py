"""What a database's failures mean: a table, and the real errors of both databases."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from boooply import AsyncTenants, StoreError, Tenant
from boooply.secret import redact
from boooply.store import AsyncStore
from boooply.store.failures import Availability, failure_of, pause_before
from boooply.store.schema import LEDGER, METADATA

KEY = "bply_org_0123456789abcdef"


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("what SQLite says\nin several lines")
    error.sqlite_errorcode = code
    return error


def wrapped(error: Exception) -> DBAPIError:
    found: Any = DBAPIError.instance("SELECT 1", (), error, psycopg.Error)
    return found  # type: ignore[no-any-return]  # its overloads know other errors


@pytest.mark.parametrize(
    ("error", "is_transient"),
    [
        *((psycopg.errors.lookup(state)(), True) for state in ("40001", "40P01", "53300", "57P01", "57P03", "08006")),
        *((psycopg.errors.lookup(state)(), True) for state in ("55P03", "57014", "25P03", "08P01", "40003", "53100")),
        *((psycopg.errors.lookup(state)(), False) for state in ("42501", "25006", "22021", "42P01", "57P04")),
        *((psycopg.errors.lookup(state)(), False) for state in ("23505", "XX000", "42601")),
        (psycopg.OperationalError("connection refused"), True),
        (psycopg.InterfaceError("the connection is lost"), True),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL"), False),
        *((sqlite_error(code), True) for code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY_SNAPSHOT)),
        *((sqlite_error(code), False) for code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_ERROR)),
        (OSError("no such file"), False),
    ],
    ids=repr,
)
def test_a_failure_is_transient_or_permanent(error: Exception, is_transient: bool) -> None:
    assert failure_of(wrapped(error) if isinstance(error, psycopg.Error) else error).is_transient is is_transient


def test_a_remedy_is_the_states_own_or_that_of_its_class() -> None:
    assert failure_of(psycopg.errors.lookup("53100")()).remedy == "Free some space for the database."
    assert failure_of(psycopg.errors.lookup("08006")()).remedy.startswith("Check the store's URL")
    assert failure_of(psycopg.errors.lookup("40P01")()).remedy == ""


def test_a_problem_is_one_line() -> None:
    assert failure_of(sqlite_error(sqlite3.SQLITE_BUSY)).problem == "what SQLite says"
    assert failure_of(OSError()).problem == "OSError"


def test_pauses_grow_to_two_seconds() -> None:
    assert [pause_before(number) for number in (0, 1, 2, 3, 9)] == [0.1, 0.2, 0.4, 0.8, 2.0]


def test_a_call_is_retried_for_a_minute_unless_the_outage_is_a_minute_old() -> None:
    availability = Availability()
    availability.succeed()
    availability.fail(100.0, 101.0)
    assert availability.may_retry(100.0, 159.9)
    assert not availability.may_retry(100.0, 160.1)
    availability.fail(159.0, 159.0)
    assert availability.may_retry(159.0, 218.0)
    assert not availability.may_retry(161.0, 161.0)


def test_a_failure_long_ago_does_not_belong_to_this_outage() -> None:
    availability = Availability()
    availability.succeed()
    availability.fail(0.0, 0.0)
    assert availability.may_retry(61.0, 61.0)
    availability.fail(500.0, 500.0)
    assert availability.may_retry(500.0, 500.0)


def test_an_outage_is_reported_once_after_five_seconds() -> None:
    availability = Availability()
    availability.succeed()
    availability.fail(0.0, 0.0)
    assert [availability.must_report(now) for now in (4.9, 5.0, 6.0)] == [False, True, False]
    assert availability.succeed()
    assert not availability.succeed()
    assert not availability.must_report(7.0)


# ---- permanent ones, which are reported at once


def admin(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


@contextmanager
def clerk(url: str) -> Iterator[str]:
    """Make a user that may read and write, and yield the URL with it."""
    with admin(url) as connection:
        connection.execute("CREATE ROLE clerk LOGIN")
        connection.execute("GRANT ALL ON SCHEMA public TO clerk")
        try:
            yield url.replace("postgres:@", "clerk@", 1)
        finally:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'clerk'")
            connection.execute("REASSIGN OWNED BY clerk TO postgres")
            connection.execute("DROP OWNED BY clerk")
            connection.execute("DROP ROLE clerk")


@pytest.mark.parametrize(
    ("statement", "problem", "remedy"),
    [
        (
            "ALTER TABLE boooply_ledger OWNER TO postgres",
            "permission denied for table boooply_ledger",
            "Grant that right",
        ),
        ("ALTER ROLE clerk SET default_transaction_read_only = on", "read-only transaction", "Name the primary server"),
        ("DROP TABLE boooply_ledger", 'relation "boooply_ledger" does not exist', "restore the tables from a backup"),
        (
            "ALTER TABLE boooply_ledger DROP COLUMN orphans",
            "orphans does not exist",
            "restore the tables from a backup",
        ),
    ],
)
async def test_a_permanent_failure_is_reported_at_once_with_its_remedy(
    postgresql_store_url: str, encryption_key: str, statement: str, problem: str, remedy: str
) -> None:
    with clerk(postgresql_store_url) as url:
        async with AsyncStore.open(url, encryption_key=encryption_key) as store:
            await store.keys.put("org_1", KEY)
            with admin(postgresql_store_url) as connection:
                connection.execute(statement.encode())
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'clerk'")
            async with asyncio.timeout(20):
                with pytest.raises(StoreError) as caught:
                    await store.keys.put("org_2", KEY)
    assert caught.value.is_permanent
    assert problem in redact(str(caught.value))
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_permanent_failure_of_a_customers_step_ends_the_call_at_once(
    platform, postgresql_store_url: str, encryption_key: str
) -> None:
    acme = Tenant(user_id="1", user_email="a@b.example", organization_id="org_1")
    with clerk(postgresql_store_url) as url:
        async with AsyncStore.open(url, encryption_key=encryption_key) as store:
            tenants = AsyncTenants(platform, store)
            with suppress(LookupError):
                await tenants.client("org_1")
            with admin(postgresql_store_url) as connection:
                connection.execute("ALTER TABLE boooply_ledger OWNER TO postgres")
            async with asyncio.timeout(20):
                with pytest.raises(StoreError, match="permission denied"):
                    await tenants.connect(acme)


def test_the_stores_own_names_are_no_keys() -> None:
    names = [table.name for table in METADATA.sorted_tables]
    names += [f"{name}_pkey" for name in names] + [f"boooply_queue.{name}" for name in ("jobs", "events")]
    names.append("boooply_event_queues_due")
    names += [str(index.name) for table in METADATA.sorted_tables for index in table.indexes]
    assert [
        name
        for name in names
        if redact(f'relation "{name}" does not exist, {name}') != f'relation "{name}" does not exist, {name}'
    ] == []
    for key in (
        "boooply_tenant_live_0123456789ab",
        "boooply_keys_0123456789abcdef",
        "bply_keys",
        "boooply_platform_live_x",
    ):
        assert redact(key) != key


# ---- what another version wrote


@pytest.mark.parametrize("column", ["state", "fallback"])
async def test_an_unknown_state_names_its_customer_and_the_remedy(store: AsyncStore, column: str) -> None:
    await store.keys.put("org_1", KEY)
    await store.database.write(lambda connection: connection.execute(update(LEDGER).values({column: "archived"})))
    for reading in (_entries(store), store.keys.put("org_1", KEY)):
        with pytest.raises(StoreError, match=r"boooply_ledger .*'archived'.* org_1\. Upgrade boooply") as caught:
            await reading
        assert caught.value.is_permanent


async def test_an_unknown_status_of_an_event_is_an_error_of_the_store(store: AsyncStore) -> None:
    await store.events.claim("event", claim_token="ours", lease=60)
    await store.database.write(
        lambda connection: connection.exec_driver_sql("UPDATE boooply_events SET status = 'archived'")
    )
    with pytest.raises(StoreError, match=r"boooply_events .*'archived'.*Upgrade boooply"):
        await store.events.claim("event", claim_token="ours", lease=60)


async def _entries(store: AsyncStore) -> list[object]:
    return [entry async for entry in store.ledger.entries()]


# ---- encodings


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_cannot_store_every_name_is_refused_at_opening(
    postgresql_store_url: str, encryption_key: str, encoding: str
) -> None:
    name = encoding.lower()
    with admin(postgresql_store_url) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'".encode()
        )
        with pytest.raises(StoreError) as caught:
            async with AsyncStore.open(
                postgresql_store_url.replace("/store?", f"/{name}?"), encryption_key=encryption_key
            ):
                pass
        connection.execute(f"DROP DATABASE {name}".encode())
    assert str(caught.value) == (
        f"the store's database has the encoding {encoding}, which cannot store every name. Create a database with "
        "ENCODING 'UTF8' TEMPLATE template0, and name it in BOOOPLY_STORE_URL."
    )


async def test_every_name_is_stored_although_clients_of_this_role_use_another_encoding(
    platform, postgresql_store_url: str, encryption_key: str
) -> None:
    zoe = Tenant(user_id="1", user_email="a@b.example", organization_id="org_1", organization_name="Zoë 😀 株式会社")
    with clerk(postgresql_store_url) as url, admin(postgresql_store_url) as connection:
        connection.execute("ALTER ROLE clerk SET client_encoding = 'LATIN1'")
        async with AsyncStore.open(url, encryption_key=encryption_key) as store:
            await AsyncTenants(platform, store).connect(zoe)
            (entry,) = [entry async for entry in store.ledger.entries()]
    assert "Zoë 😀 株式会社" in entry.tenant
