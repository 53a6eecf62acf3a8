"""Failures of the database: each is a one-line error, and nothing that was committed is lost."""

import asyncio
import sqlite3
import sys
import textwrap
from contextlib import closing

import psycopg
import pytest

from boooply import Secret, StoreError, Tenant
from boooply.recording import Recorder
from boooply.store import AsyncStore, State

KEY = Secret("bply_org_0123456789abcdef")


def key_of(number: int) -> Secret:
    return Secret(f"{KEY.reveal()}{number}")


def customer(number: int) -> Tenant:
    return Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number}")


async def test_a_full_disk_is_an_error_and_stored_keys_stay(sqlite_store_url, encryption_key, monkeypatch):
    monkeypatch.setattr("boooply.store.failures.PATIENCE", 0.5)
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        await store.keys.put("org_1", KEY)
        with store.database.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        recorder = Recorder(store)
        writing = [recorder.finish(customer(one), key_of(one), claim_token="ours") for one in range(2, 202)]
        errors = {str(result) for result in await asyncio.gather(*writing, return_exceptions=True)} - {"True"}
        assert errors == {"the store cannot be written: database or disk is full. Free some space for the database."}
        assert (await store.keys.get("org_1")) == KEY
        with store.database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 100000")
        assert await Recorder(store).finish(customer(999), key_of(999), claim_token="ours")


async def test_a_lock_that_does_not_end_is_an_error(sqlite_store_url, encryption_key, tmp_path, monkeypatch):
    monkeypatch.setattr("boooply.store.database._PRAGMAS", ("PRAGMA busy_timeout = 100", "PRAGMA journal_mode = WAL"))
    monkeypatch.setattr("boooply.store.failures.PATIENCE", 0.5)
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        holder = sqlite3.connect(tmp_path / "boooply.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked"):
            await store.keys.put("org_1", KEY)
        holder.execute("ROLLBACK")
        holder.close()
        await store.keys.put("org_1", KEY)


async def test_a_write_waits_for_a_short_lock(sqlite_store_url, encryption_key, tmp_path):
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        holder = sqlite3.connect(tmp_path / "boooply.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        putting = asyncio.create_task(store.keys.put("org_1", KEY))
        await asyncio.sleep(0.3)
        holder.execute("ROLLBACK")
        holder.close()
        await putting


async def test_reads_that_work_end_no_outage_of_the_writes(
    sqlite_store_url, encryption_key, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr("boooply.store.database._PRAGMAS", ("PRAGMA busy_timeout = 20", "PRAGMA journal_mode = WAL"))
    monkeypatch.setattr("boooply.store.failures._REPORTED_AFTER", 0.3)
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        with closing(sqlite3.connect(tmp_path / "boooply.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            putting = asyncio.create_task(store.keys.put("org_1", KEY))
            for _ in range(20):
                assert [one async for one in store.keys.organizations()] == []
                await asyncio.sleep(0.05)
        await putting
    assert [one.getMessage() for one in caplog.records if one.name == "boooply.store"] == [
        "the store cannot be written: database is locked. It is retried for a minute",
        "the store can be written again",
    ]


async def test_opening_a_new_file_waits_for_another_process_that_writes_it(sqlite_store_url, encryption_key, tmp_path):
    holder = sqlite3.connect(tmp_path / "boooply.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")  # as does one that switches it to WAL

    async def open_and_put():
        async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
            await store.keys.put("org_1", KEY)

    putting = asyncio.create_task(open_and_put())
    await asyncio.sleep(0.3)
    assert not putting.done()
    holder.execute("ROLLBACK")
    holder.close()
    await putting


async def test_a_lost_connection_is_restored_and_nothing_is_lost(postgresql_store_url, encryption_key):
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        for number in range(30):
            if number % 5 == 4:
                with psycopg.connect(postgresql_store_url.replace("+psycopg", ""), autocommit=True) as killer:
                    killer.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
                    )
            await Recorder(store).finish(customer(number), key_of(number), claim_token="ours")
            assert await store.keys.get(f"org_{number}") == key_of(number)


async def test_a_read_only_file_is_read_and_not_written(sqlite_store_url, encryption_key, tmp_path):
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        await store.keys.put("org_1", KEY)
    readonly = f"sqlite:///file:{tmp_path}/boooply.db?mode=ro&uri=true"
    async with AsyncStore.open(readonly, encryption_key=encryption_key) as store:
        assert await store.keys.get("org_1") == KEY
        with pytest.raises(StoreError, match="readonly database"):
            await store.keys.put("org_2", KEY)


async def test_a_step_that_has_begun_is_finished_when_its_caller_is_cancelled(store):
    for number in range(20):
        task = asyncio.create_task(Recorder(store).finish(customer(number), key_of(number), claim_token="ours"))
        await asyncio.sleep(number / 4000)
        task.cancel()
        await asyncio.wait({task})
    await store.keys.put("org_last", KEY)
    states = [entry.state async for entry in store.ledger.entries()]
    assert set(states) <= {State.DONE}


# A process that dies right after a step was committed, and before the next.
DIES = textwrap.dedent("""
    import asyncio, os, signal, sys
    from boooply import Secret, Tenant
    from boooply.recording import Recorder
    from boooply.store import AsyncStore

    url, encryption_key, steps, moment = sys.argv[1:]
    acme = Tenant(user_id="1", user_email="a@b.example", organization_id="org_1")

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    async def main():
        async with AsyncStore.open(url, encryption_key=encryption_key) as store:
            acts = {
                "claim": lambda: Recorder(store).claim(acme, claim_token="dead", lease=0.2),
                "begin": lambda: Recorder(store).begin("org_1", claim_token="dead", lease=0.2),
                "mark_not_sent": lambda: Recorder(store).mark_not_sent("org_1", claim_token="dead", lease=0.2),
                "finish": lambda: Recorder(store).finish(acme, Secret("bply_org_0123456789abcdef"), claim_token="dead"),
                "fail": lambda: Recorder(store).fail("org_1", claim_token="dead", reason="422"),
                "mark_in_doubt": lambda: Recorder(store).mark_in_doubt("org_1", claim_token="dead", reason="lost"),
            }
            *before, last = steps.split(",")
            for step in before:
                await acts[step]()
            if moment == "before":  # within the transaction of the last step, all but committed
                from sqlalchemy import event
                event.listen(store.database.engine, "commit", lambda connection: die())
            await acts[last]()
            die()

    asyncio.run(main())
""")

SENT = "claim,begin"


@pytest.mark.parametrize(
    ("steps", "moment", "outcome"),
    [
        ("claim", "before", None),
        ("claim", "after", State.TODO),
        (SENT, "before", State.TODO),
        (SENT, "after", State.IN_DOUBT),
        (f"{SENT},mark_not_sent", "before", State.IN_DOUBT),
        (f"{SENT},mark_not_sent", "after", State.TODO),
        (f"{SENT},finish", "before", State.IN_DOUBT),
        (f"{SENT},finish", "after", State.DONE),
        (f"{SENT},fail", "before", State.IN_DOUBT),
        (f"{SENT},fail", "after", State.FAILED),
        (f"{SENT},mark_in_doubt", "before", State.IN_DOUBT),
        (f"{SENT},mark_in_doubt", "after", State.IN_DOUBT),
    ],
)
async def test_a_crash_at_each_step_has_its_outcome(store_url, encryption_key, run_python, steps, moment, outcome):
    async with AsyncStore.open(store_url, encryption_key=encryption_key):
        pass
    words = [store_url, encryption_key, steps, moment]
    done = await asyncio.to_thread(run_python, [sys.executable, "-c", DIES, *words])
    assert done.returncode == -9, done.stderr
    await asyncio.sleep(0.25)
    async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
        found = [entry.state async for entry in store.ledger.entries()]
        assert found == ([] if outcome is None else [outcome])
        assert [one async for one in store.keys.organizations()] == (["org_1"] if outcome is State.DONE else [])
