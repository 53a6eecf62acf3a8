"""A worker on a real PostgreSQL, and its customers when something fails."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import procrastinate
import psycopg
import pytest
from aiohttp import web

from boooply import (
    APIStatusError,
    AsyncBoooplyPlatform,
    AsyncTenants,
    ConfigurationError,
    NotConnectedError,
    ProvisioningError,
    RateLimits,
    RetryPolicy,
    Secret,
    StoreError,
    Tenant,
)
from boooply.provisioning import AsyncQueue, Connected, async_provision
from boooply.provisioning.jobs import Jobs
from boooply.provisioning.queue_source import taking_jobs
from boooply.recording import Recorder
from boooply.sandbox import Limits, Sandbox
from boooply.store import AsyncStore, State

MINT = "create_organization_api_key"
JOBS = "boooply_queue.procrastinate_jobs"


def customers(count: int) -> Iterator[Tenant]:
    for number in range(count):
        yield Tenant(user_id="1", user_email="admin@acme.example", organization_id=f"org_{number}")


@pytest.fixture
async def queue(postgresql_store_url: str, encryption_key: str) -> AsyncIterator[AsyncQueue]:
    async with (
        AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store,
        AsyncQueue.open(store) as queue,
    ):
        yield queue


@pytest.fixture
def sql(postgresql_store_url: str) -> Callable[[str], list[tuple[Any, ...]]]:
    """Run a statement from outside."""

    def run(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(postgresql_store_url.replace("+psycopg", ""), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return run


@asynccontextmanager
async def platform_of(sandbox: Sandbox, **options: Any) -> AsyncIterator[AsyncBoooplyPlatform]:
    settings = {"platform_key": sandbox.platform_key, "base_url": sandbox.base_url} | options
    async with AsyncBoooplyPlatform(**settings) as platform:
        yield platform


async def states(queue: AsyncQueue) -> Counter[State]:
    return Counter([entry.state async for entry in queue.store.ledger.entries()])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition changes in another thread or process
            await asyncio.sleep(0.02)


# ---- the API fails


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a run stop two attempts and 3 s after its last success, and retry jobs soon."""
    monkeypatch.setattr("boooply.provisioning.outage._PATIENCE", 3.0)
    monkeypatch.setattr("boooply.provisioning.queue_source._FIRST_PAUSE", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_an_api_that_fails_ends_a_worker_that_does_not_wait_and_leaves_few_in_doubt(queue, sandbox):
    await queue.enqueue(customers(100))
    sandbox.faults.add(MINT, "500", None)
    async with platform_of(sandbox, timeout=1) as platform:
        with pytest.raises(ProvisioningError, match="times in a row"):
            await queue.work([platform], wait=False, concurrency=4)
    found = await states(queue)
    assert 3 <= found[State.IN_DOUBT] <= 5 + 4
    assert found[State.TODO] == 100 - found[State.IN_DOUBT]
    jobs = (await queue.jobs.status()).jobs
    assert (jobs["failed"], jobs["todo"]) == (found[State.IN_DOUBT], found[State.TODO])


@pytest.mark.usefixtures("impatient")
async def test_an_unreachable_api_ends_a_worker_that_does_not_wait_even_if_one_customer_is_queued(queue):
    await queue.enqueue(customers(1))
    async with (
        AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url="http://127.0.0.1:9", timeout=1) as platform,
        asyncio.timeout(60),
    ):  # its other tasks must not postpone the probe, each with a longer pause
        with pytest.raises(ProvisioningError, match="times in a row"):
            await queue.work([platform], wait=False)
    assert await states(queue) == {State.TODO: 1}


async def test_a_worker_never_gives_up_and_connects_everyone_once_the_api_is_reachable(queue, monkeypatch, caplog):
    monkeypatch.setattr("boooply.provisioning.outage._PROBE_EVERY", 1.0)
    monkeypatch.setattr("boooply.provisioning.queue_source._FIRST_PAUSE", 0.2)
    await queue.enqueue(customers(30))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sandbox = Sandbox(port=port)
    async with AsyncBoooplyPlatform(
        platform_key=sandbox.platform_key, base_url=f"http://127.0.0.1:{port}", timeout=1
    ) as platform:
        stop, started = asyncio.Event(), time.monotonic()
        working = asyncio.create_task(queue.work([platform], concurrency=4, stop=stop))
        await until(lambda: "the next in 1 s" in caplog.text)
        assert set(await states(queue)) <= {State.TODO, State.SENT}  # a probe may be under way
        async with sandbox:
            await until(lambda: len(sandbox.mints) == 30)
            await until_done(queue, 30)
            stop.set()
            await working
    assert set(sandbox.mints.values()) == {1}
    assert caplog.text.count("the next in") <= 1 + time.monotonic() - started  # one line for each pause


async def until_done(queue: AsyncQueue, count: int) -> None:
    while (await states(queue))[State.DONE] < count:  # noqa: ASYNC110 - the state is in the database
        await asyncio.sleep(0.1)


async def test_during_an_outage_a_worker_takes_nothing_new(queue, sandbox, monkeypatch):
    monkeypatch.setattr("boooply.provisioning.outage._PROBE_EVERY", 60.0)
    await queue.enqueue(customers(50))
    sandbox.faults.add(MINT, "500", None)
    stop = asyncio.Event()
    async with platform_of(sandbox) as platform:
        working = asyncio.create_task(queue.work([platform], concurrency=4, stop=stop))
        await until(lambda: len(sandbox.calls) >= 3)
        async with asyncio.timeout(60):
            while (await queue.jobs.status()).jobs["doing"] > 1:  # noqa: ASYNC110 - it is in the database
                await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        calls = len(sandbox.calls)
        jobs = (await queue.jobs.status()).jobs
        stop.set()
        await asyncio.wait_for(working, 20)
    assert calls <= 3 + 4
    assert jobs["doing"] <= 1
    assert (await queue.jobs.status()).jobs["doing"] == 0


async def test_an_endless_429_neither_ends_a_worker_nor_fails_a_customer(queue):
    calls = 0

    async def refuse(_request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        return web.json_response({"success": False, "error": "slow down"}, status=429, headers={"Retry-After": "0"})

    app = web.Application()
    app.router.add_post("/{path:.*}", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    await queue.enqueue(customers(20))
    stop = asyncio.Event()
    async with AsyncBoooplyPlatform(
        platform_key="bply_platform_x", base_url=url, rate_limits=None, retry=RetryPolicy(backoff=0)
    ) as platform:
        working = asyncio.create_task(queue.work([platform], concurrency=2, stop=stop))
        await until(lambda: calls >= 3 * 20)
        await asyncio.sleep(1)
        assert not working.done()
        stop.set()
        await working
    await runner.cleanup()
    assert calls <= (3 + 2) * 20
    assert await states(queue) == {State.TODO: 20}


async def test_reminting_in_doubt_is_an_option_of_a_worker(queue, sandbox):
    sandbox.faults.add(MINT, "commit-then-drop")
    await queue.enqueue(customers(1))
    async with platform_of(sandbox) as platform:
        await queue.work([platform], wait=False)
        assert await states(queue) == {State.IN_DOUBT: 1}
        await queue.enqueue(customers(1))
        await queue.work([platform], wait=False)
        assert await states(queue) == {State.IN_DOUBT: 1}
        await queue.enqueue(customers(1))
        await queue.work([platform], wait=False, remint_in_doubt=True)
    assert await states(queue) == {State.DONE: 1}
    assert sandbox.mints == {"org_0": 2}


async def test_a_refused_key_is_set_aside_and_reported_once(queue, sandbox, caplog):
    await queue.enqueue(customers(20))
    async with platform_of(sandbox) as good, platform_of(sandbox, platform_key="bply_platform_revoked") as revoked:
        await queue.work([revoked, good], wait=False, concurrency=8)
    assert await states(queue) == {State.DONE: 20}
    assert caplog.text.count("platform key 1 of 2 is set aside") == 1
    assert "revoked" not in caplog.text


async def test_a_worker_without_a_platform_is_rejected(queue):
    with pytest.raises(ConfigurationError, match="platforms must contain at least one"):
        await queue.work([])


# ---- the end of a run


async def test_a_stopped_worker_releases_at_once_what_waits_for_the_rate_limit(queue, sql):
    async with Sandbox(limits=Limits(writes=3, window=600)) as sandbox:
        limits = RateLimits(writes=3, window=600)
        await queue.enqueue(customers(12))
        stop = asyncio.Event()
        async with platform_of(sandbox, rate_limits=limits) as platform:
            working = asyncio.create_task(queue.work([platform], stop=stop))
            await until(lambda: len(sandbox.mints) == 3)
            await asyncio.sleep(0.5)
            stop.set()
            await asyncio.wait_for(working, 20)  # and not until the window ends
    assert await states(queue) == {State.DONE: 3, State.TODO: 9}
    due = "status = 'todo' AND coalesce(scheduled_at, now()) <= now()"
    assert sql(f"SELECT count(*) FROM {JOBS} WHERE {due}") == [(9,)]  # noqa: S608 - our own words
    leased = "locked_until > extract(epoch FROM clock_timestamp())"
    assert sql(f"SELECT count(*) FROM boooply_ledger WHERE {leased}") == [(0,)]  # noqa: S608 - our own words


@pytest.mark.parametrize("source", ["file", "queue"])
async def test_what_is_on_the_wire_beyond_the_grace_is_in_doubt(queue, source):
    async with Sandbox(limits=None, latency=30) as sandbox, platform_of(sandbox) as platform:
        stop = asyncio.Event()
        if source == "file":
            outcomes = async_provision(customers(3), platform=platform, store=queue.store, stop=stop, grace=0.5)
            work = collect(outcomes)
        else:
            await queue.enqueue(customers(3))
            work = queue.work([platform], stop=stop, grace=0.5)
        working = asyncio.create_task(work)
        await until(lambda: len(sandbox.mints) == 3)
        stop.set()
        await asyncio.wait_for(working, 20)
        entries = [entry async for entry in queue.store.ledger.entries()]
    assert [entry.state for entry in entries] == [State.IN_DOUBT] * 3
    assert {entry.reason for entry in entries} == {"the run was stopped while the request was under way"}


async def collect(outcomes: AsyncIterator[Any]) -> list[Any]:
    return [outcome async for outcome in outcomes]


async def test_a_key_that_came_within_the_grace_is_stored_beyond_it(queue, postgresql_store_url):
    async with Sandbox(limits=None, latency=0.5) as sandbox, platform_of(sandbox) as platform:
        stop = asyncio.Event()
        outcomes = async_provision(customers(1), platform=platform, store=queue.store, stop=stop, grace=1.5)
        working = asyncio.create_task(collect(outcomes))
        await until(lambda: sandbox.mints)
        with psycopg.connect(postgresql_store_url.replace("+psycopg", "")) as connection:
            connection.execute("LOCK TABLE boooply_keys IN EXCLUSIVE MODE")
            stop.set()
            await asyncio.sleep(2.2)  # the run ends 1.5 s after the grace
        assert await working == [Connected("org_0")]


async def test_a_stop_after_an_early_close_ends_what_is_on_the_wire(queue):
    async with Sandbox(limits=None, latency=30) as sandbox, platform_of(sandbox) as platform:
        stop = asyncio.Event()
        outcomes = async_provision(customers(3), platform=platform, store=queue.store, stop=stop, grace=0.5)
        working = asyncio.create_task(collect(outcomes))
        await until(lambda: len(sandbox.mints) == 3)
        working.cancel()
        done, _ = await asyncio.wait({working}, timeout=0.5)
        assert not done
        stop.set()
        done, _ = await asyncio.wait({working}, timeout=10)
        assert done
    assert await states(queue) == {State.IN_DOUBT: 3}


# ---- customers and jobs


async def test_a_customer_that_cannot_be_read_fails_alone_with_its_reason(queue, sandbox, sql):
    await queue.enqueue(customers(3))
    sql("UPDATE boooply_ledger SET request = '{' WHERE organization_id = 'org_1'")
    async with platform_of(sandbox) as platform:
        await queue.work([platform], wait=False)
    assert await states(queue) == {State.DONE: 2, State.FAILED: 1}
    (entry,) = [entry async for entry in queue.store.ledger.entries(["org_1"])]
    assert entry.reason is not None
    assert "cannot be read" in entry.reason
    assert "`boooply tenants disconnect org_1`" in entry.reason
    assert (await queue.jobs.status()).jobs == {"todo": 0, "doing": 0, "succeeded": 2, "failed": 1}


async def test_customers_to_do_without_a_job_are_queued_once(queue):
    await Recorder(queue.store).enroll(customers(600))
    await queue.jobs.enqueue(list(customers(3)))
    assert await queue.jobs.sweep() == 597
    assert await queue.jobs.sweep() == 0
    assert await queue.jobs.count_open() == 600


async def test_a_worker_connects_customers_to_do_without_a_job_but_none_that_another_run_has_claimed(queue, sandbox):
    await Recorder(queue.store).enroll(customers(3))
    await Recorder(queue.store).claim(next(customers(1)), claim_token="other/1", lease=600.0)
    async with platform_of(sandbox) as platform:
        await queue.work([platform], wait=False)
    assert await states(queue) == {State.DONE: 2, State.TODO: 1}


class Vault:
    """A key store of the application's own."""

    def __init__(self) -> None:
        self.keys = dict[str, Secret]()

    async def put(self, organization_id: str, api_key: Secret, /) -> None:
        self.keys[organization_id] = api_key

    async def get(self, organization_id: str, /) -> Secret:
        try:
            return self.keys[organization_id]
        except KeyError:
            raise NotConnectedError(organization_id) from None

    async def delete(self, organization_id: str, /) -> None:
        self.keys.pop(organization_id, None)


async def test_a_customer_whose_key_was_to_go_into_a_vault_is_left_to_the_application(queue):
    first, second = customers(2)
    async with Sandbox(limits=Limits(writes=1, window=3600)) as limited, platform_of(limited) as platform:
        tenants = AsyncTenants(platform, queue.store, keys=Vault())
        await tenants.connect(first)
        waiting = asyncio.create_task(tenants.connect(second))
        while await states(queue) != {State.DONE: 1, State.TODO: 1}:  # noqa: ASYNC110 - the store sets no event
            await asyncio.sleep(0.02)
        waiting.cancel()
        await asyncio.wait({waiting})
    assert await states(queue) == {State.DONE: 1, State.TODO: 1}
    assert await queue.jobs.sweep() == 0
    await queue.enqueue([second])
    assert await queue.jobs.count_open() == 1


async def test_a_busy_customer_is_retried_after_growing_pauses(queue, sandbox, sql):
    await queue.enqueue(customers(1))
    await Recorder(queue.store).claim(next(customers(1)), claim_token="other/1", lease=600.0)
    stop = asyncio.Event()
    retried_at = "(SELECT max(at) FROM boooply_queue.procrastinate_events WHERE type = 'deferred_for_retry')"
    pauses = f"SELECT attempts, extract(epoch FROM scheduled_at - {retried_at}) FROM {JOBS} WHERE attempts > 0"  # noqa: S608 - our own words
    async with platform_of(sandbox) as platform:
        working = asyncio.create_task(queue.work([platform], stop=stop))
        await until(lambda: sql(pauses))
        ((attempts, first),) = sql(pauses)
        sql(f"SET search_path TO boooply_queue; UPDATE {JOBS} SET scheduled_at = now()")  # noqa: S608 - our own words
        await until(lambda: sql(pauses)[0][0] > attempts)  # the pause is over, and the next one begins
        ((_, second),) = sql(pauses)
        stop.set()
        await working
    assert (attempts, round(first), round(second)) == (1, 5, 10)
    assert sandbox.mints == {}


async def test_a_job_that_a_worker_took_without_knowing_it_is_queued_again(queue, sandbox, sql, monkeypatch):
    monkeypatch.setattr("boooply.provisioning.queue_source.STALLED_AFTER", 1.0)
    stop = asyncio.Event()
    async with platform_of(sandbox) as platform:
        working = asyncio.create_task(queue.work([platform], stop=stop))
        worker = "(SELECT id FROM boooply_queue.procrastinate_workers)"
        await until(lambda: sql(worker[1:-1]))
        await queue.jobs.pause(is_paused=True)
        await queue.enqueue(customers(1))
        lost = f"UPDATE {JOBS} SET status = 'doing', worker_id = {worker}"  # noqa: S608 - our own words
        sql(f"SET search_path TO boooply_queue; {lost}")
        await queue.jobs.pause(is_paused=False)
        await asyncio.wait_for(until_done(queue, 1), 60)
        stop.set()
        await working


async def test_what_a_worker_takes_while_lost_jobs_are_queued_again_stays_with_it(queue, sql, monkeypatch):
    monkeypatch.setattr("boooply.provisioning.queue_source.STALLED_AFTER", 0.3)
    once, has_begun = Jobs.requeue_lost, asyncio.Event()

    async def repeated(*arguments: Any) -> None:  # as after a commit that was not confirmed
        await once(*arguments)
        has_begun.set()
        await asyncio.sleep(0.5)
        await once(*arguments)

    monkeypatch.setattr(Jobs, "requeue_lost", repeated)
    await queue.enqueue(customers(1))
    async with taking_jobs(queue.jobs, queue.store, asyncio.Event(), wait=True, keep_jobs=3600) as source:
        await has_begun.wait()
        tenant = await source.next()
        await asyncio.sleep(1.0)
        assert sql(f"SELECT status, attempts FROM {JOBS}") == [("doing", 0)]  # noqa: S608 - our own words
    assert isinstance(tenant, Tenant)


async def test_a_worker_that_does_not_wait_still_waits_for_jobs_that_are_retried(queue, sandbox, monkeypatch):
    monkeypatch.setattr("boooply.provisioning.queue_source._FIRST_PAUSE", 0.5)
    await queue.enqueue(customers(1))
    await Recorder(queue.store).claim(next(customers(1)), claim_token="other/1", lease=2.0)
    async with platform_of(sandbox) as platform:
        await queue.work([platform], wait=False)
    assert await states(queue) == {State.DONE: 1}


async def test_finished_jobs_are_removed_after_a_while(queue, sandbox, sql):
    await queue.enqueue(customers(4))
    async with platform_of(sandbox) as platform:
        await queue.work([platform], wait=False)
        await queue.work([platform], wait=False, keep_jobs=3600)
        assert (await queue.jobs.status()).jobs["succeeded"] == 4
        await queue.work([platform], wait=False, keep_jobs=0)
    assert sql("SELECT count(*) FROM boooply_queue.procrastinate_events") == [(0,)]
    assert await states(queue) == {State.DONE: 4}


@pytest.mark.parametrize("way", ["retry", "enqueue"])
async def test_a_failed_customer_is_tried_again_by_the_same_worker(queue, sandbox, way):
    sandbox.faults.add(MINT, "422")
    await queue.enqueue(customers(1))
    stop = asyncio.Event()
    async with platform_of(sandbox) as platform:
        working = asyncio.create_task(queue.work([platform], stop=stop))
        while not (await states(queue))[State.FAILED]:  # noqa: ASYNC110 - the state is in the database
            await asyncio.sleep(0.05)
        again = queue.jobs.retry_customers(["org_0"]) if way == "retry" else queue.enqueue(customers(1))
        assert await again == 1
        await until_done(queue, 1)
        stop.set()
        await working


# ---- the database is shared


@pytest.fixture
async def foreign(postgresql_store_url: str) -> AsyncIterator[procrastinate.App]:
    """Open the procrastinate of an application, in the schema ``public`` of the same database."""
    connector = procrastinate.PsycopgConnector(conninfo=postgresql_store_url.replace("+psycopg", ""))
    app = procrastinate.App(connector=connector)
    async with app.open_async():
        yield app


@pytest.mark.parametrize("first", ["theirs", "ours"])
async def test_an_application_s_own_procrastinate_and_ours_do_not_see_each_other(
    postgresql_store_url, encryption_key, sandbox, foreign, first
):
    ran = list[int]()

    async def run_theirs(number: int) -> None:
        ran.append(number)

    mine = foreign.task(name="mine", queue="boooply")(run_theirs)  # even in a queue of the same name

    if first == "theirs":
        await foreign.schema_manager.apply_schema_async()
    async with (
        AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store,
        AsyncQueue.open(store) as queue,
    ):
        if first == "ours":
            await foreign.schema_manager.apply_schema_async()
        await queue.enqueue(customers(5))
        await mine.defer_async(number=1)
        await foreign.run_worker_async(wait=False, install_signal_handlers=False)
        assert ran == [1]
        assert (await queue.jobs.status()).jobs["todo"] == 5
        await mine.defer_async(number=2)
        async with platform_of(sandbox) as platform:
            await queue.work([platform], wait=False)
        assert await states(queue) == {State.DONE: 5}
        assert [job.status for job in await foreign.job_manager.list_jobs_async(task="mine")] == ["succeeded", "todo"]


async def test_our_jobs_wake_no_one_who_listens(queue, postgresql_store_url):
    async with await psycopg.AsyncConnection.connect(
        postgresql_store_url.replace("+psycopg", ""), autocommit=True
    ) as listener:
        await listener.execute("LISTEN procrastinate_any_queue_v1")
        await queue.enqueue(customers(1))
        assert [one async for one in listener.notifies(timeout=0.5)] == []


async def test_tables_of_another_version_are_rejected_before_the_ledger_is_written(queue, sql):
    sql("UPDATE boooply_queue.boooply_queue_state SET version = '02.00.00'")
    with pytest.raises(StoreError, match="Install the same version on every machine") as caught:
        async with AsyncQueue.open(queue.store) as other:
            await other.enqueue(customers(1))
    assert "02.00.00" in str(caught.value)
    assert await states(queue) == {}


async def test_simultaneous_first_uses_create_one_queue(postgresql_store_url, encryption_key, sql):
    async def use() -> None:
        async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
            await Jobs.open(store)

    for _ in range(3):
        sql("DROP SCHEMA IF EXISTS boooply_queue CASCADE")
        await asyncio.gather(*(use() for _ in range(4)))


async def test_a_schema_that_an_administrator_has_created_is_used(postgresql_store_url, encryption_key, sql):
    sql("CREATE SCHEMA boooply_queue")
    async with (
        AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store,
        AsyncQueue.open(store) as queue,
    ):
        assert await queue.enqueue(customers(1)) == 1


# ---- behind pgbouncer in transaction mode


async def test_workers_behind_pgbouncer_connect_each_customer_once(pgbouncer, encryption_key, sandbox, foreign):
    await foreign.schema_manager.apply_schema_async()  # its tables are first in everybody's search path
    async with (
        AsyncStore.open(pgbouncer.url, encryption_key=encryption_key) as one,
        AsyncStore.open(pgbouncer.url, encryption_key=encryption_key) as other,
        AsyncQueue.open(one) as first,
        AsyncQueue.open(other) as second,
        platform_of(sandbox, rate_limits=RateLimits(writes=1000, shared=one)) as platform,
    ):
        await first.enqueue(customers(60))
        await asyncio.gather(*(queue.work([platform], wait=False, concurrency=4) for queue in (first, second)))
        found = await first.jobs.status()
    assert found.customers["done"] == found.jobs["succeeded"] == 60
    assert set(sandbox.mints.values()) == {1}
    assert await foreign.job_manager.list_jobs_async() == []


async def test_no_setting_of_ours_reaches_another_client_of_pgbouncer(pgbouncer, encryption_key):
    async with AsyncStore.open(pgbouncer.url, encryption_key=encryption_key) as store, AsyncQueue.open(store) as queue:
        await queue.enqueue(customers(20))
        await queue.jobs.status()
    with psycopg.connect(pgbouncer.url.replace("+psycopg", ""), prepare_threshold=None, autocommit=True) as client:
        paths = {client.execute("SHOW search_path").fetchone() for _ in range(20)}
    assert paths == {('"$user", public',)}


# ---- long outages


async def test_a_worker_that_others_thought_dead_takes_jobs_again(queue, sql):
    await queue.enqueue(customers(1))
    worker = await queue.jobs.register()
    sql("DELETE FROM boooply_queue.procrastinate_workers")  # as others do after 30 s without a heartbeat
    job = await queue.jobs.fetch(worker)
    assert job is not None
    assert job.organization_id == "org_0"


async def test_a_job_that_was_put_back_for_days_is_put_back_again(queue, sandbox, sql):
    await queue.enqueue(customers(1))
    sql(f"SET search_path TO boooply_queue; UPDATE {JOBS} SET attempts = 5000")  # noqa: S608 - our own words
    attempts = f"SELECT attempts FROM {JOBS}"  # noqa: S608 - our own words
    other = Recorder(queue.store)
    (tenant,) = customers(1)
    await other.claim(tenant, claim_token="other/1", lease=60)
    stop = asyncio.Event()
    async with platform_of(sandbox) as platform:
        working = asyncio.create_task(queue.work([platform], stop=stop))
        while sql(attempts) == [(5000,)]:  # noqa: ASYNC110 - the state is in the database
            await asyncio.sleep(0.1)
        stop.set()
        await working
    assert sandbox.mints == {}


async def test_while_one_customer_is_the_probe_no_other_is_taken(queue, sandbox, sql, monkeypatch):
    monkeypatch.setattr("boooply.provisioning.outage._PROBE_EVERY", 60.0)
    await queue.enqueue(customers(100))
    sandbox.faults.add(MINT, "500", None)
    stop = asyncio.Event()
    async with platform_of(sandbox) as platform:
        working = asyncio.create_task(queue.work([platform], concurrency=8, stop=stop))
        await until(lambda: len(sandbox.calls) >= 3)
        await asyncio.sleep(1.5)
        tried = sql(f"SELECT count(*) FROM {JOBS} WHERE attempts > 0")  # noqa: S608 - our own words
        stop.set()
        await asyncio.wait_for(working, 20)
    assert tried[0][0] <= 3 + 8


async def test_corrected_data_replaces_that_of_a_customer_that_is_not_minted(queue, sandbox):
    sandbox.faults.add(MINT, "422")
    await queue.enqueue(customers(1))
    async with platform_of(sandbox) as platform:
        await queue.work([platform], wait=False)
        await queue.enqueue([Tenant(user_id="1", user_email="corrected@acme.example", organization_id="org_0")])
        await queue.work([platform], wait=False)
    (entry,) = [one async for one in queue.store.ledger.entries()]
    assert (entry.state, "corrected@acme.example" in entry.tenant) == (State.DONE, True)


@pytest.mark.parametrize("ids", [["org_0"], None])
async def test_a_retry_whose_commit_was_not_confirmed_is_repeated(queue, sandbox, monkeypatch, ids):
    sandbox.faults.add(MINT, "422")
    await queue.enqueue(customers(1))
    async with platform_of(sandbox) as platform:
        await queue.work([platform], wait=False)
    write = queue.store.database.write

    async def twice(step: Any) -> Any:
        await write(step)
        return await write(step)

    monkeypatch.setattr(type(queue.store.database), "write", lambda _self, step: twice(step))
    assert await queue.jobs.retry_customers(ids) == 1


async def test_a_customer_whose_key_was_not_replaced_counts_as_done_and_is_not_retried(queue, sandbox):
    (tenant,) = customers(1)
    async with platform_of(sandbox) as platform:
        tenants = AsyncTenants(platform, queue.store)
        await tenants.connect(tenant)
        sandbox.faults.add(MINT, "422")
        with pytest.raises(APIStatusError):
            await tenants.reconnect(tenant)
    found = (await queue.jobs.status()).customers
    assert found == {"todo": 0, "sent": 0, "done": 1, "in_doubt": 0, "failed": 0}
    assert await queue.jobs.retry_customers(None) == 0
    assert await queue.jobs.count_open() == 0
