"""A run over many customers, on a real store and over real HTTP."""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import attrs
import pytest
from aiohttp import web

from boooply import (
    AsyncBoooplyPlatform,
    AuthenticationError,
    ConfigurationError,
    KeysNotStoredError,
    NotConnectedError,
    ProvisioningError,
    RateLimitError,
    RateLimits,
    RetryPolicy,
    Secret,
    StoreError,
    StoreMismatchError,
    Tenant,
)
from boooply.provisioning import AlreadyConnected, Connected, Failed, InDoubt, Outcome, async_provision
from boooply.provisioning.iteration import batched
from boooply.provisioning.outcomes import known_outcome
from boooply.provisioning.provisioner import KeyProvisioner, NotClaimed
from boooply.recording import Claimed, Recorder
from boooply.sandbox import Limits, Sandbox
from boooply.store import AsyncStore, ClaimResult, Entry, State


def customer(number: int, name: str | None = None) -> Tenant:
    return Tenant(user_id="1", user_email="admin@acme.example", organization_id=f"org_{number}", organization_name=name)


def customers(count: int) -> Iterator[Tenant]:
    return (customer(number) for number in range(count))


async def run(tenants, platform, store, **options) -> list[Outcome]:
    return [outcome async for outcome in async_provision(tenants, platform=platform, store=store, **options)]


def kinds(outcomes) -> Counter[str]:
    return Counter(type(outcome).__name__ for outcome in outcomes)


async def state(store: AsyncStore, organization_id: str) -> State:
    (entry,) = [entry async for entry in store.ledger.entries([organization_id])]
    return entry.state


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - the condition changes in the sandbox
        await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(mint: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    """Serve one handler for every POST."""
    app = web.Application()
    app.router.add_post("/{path:.*}", mint)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_every_customer_gets_its_own_key_and_it_is_stored(platform, store):
    outcomes = await run(customers(40), platform, store)
    assert {outcome.organization_id for outcome in outcomes} == {f"org_{number}" for number in range(40)}
    assert kinds(outcomes) == {"Connected": 40}
    for number in (0, 39):
        client = platform.organization(await store.keys.get(f"org_{number}"))
        assert (await client.organization.get()).external_org_id == f"org_{number}"


async def test_a_second_run_mints_nothing(platform, store, sandbox):
    await run(customers(5), platform, store)
    assert kinds(await run(customers(6), platform, store)) == {"AlreadyConnected": 5, "Connected": 1}
    assert set(sandbox.mints.values()) == {1}


async def test_provision_accepts_an_asynchronous_source(platform, store):
    async def source():
        for tenant in customers(3):
            await asyncio.sleep(0)
            yield tenant

    assert kinds(await run(source(), platform, store)) == {"Connected": 3}


async def test_a_customer_that_occurs_twice_is_minted_once_and_reported_as_repeated(platform, store, sandbox):
    outcomes = await run([customer(1), customer(1)], platform, store)
    assert Connected("org_1") in outcomes
    assert AlreadyConnected("org_1", is_repeated=True) in outcomes
    assert sandbox.mints == {"org_1": 1}


async def test_changed_data_of_a_connected_customer_is_reported(platform, store, sandbox):
    await run([customer(1)], platform, store)
    outcomes = await run([customer(1, "Acme")], platform, store)
    assert outcomes == [AlreadyConnected("org_1", is_changed=True)]
    assert sandbox.mints == {"org_1": 1}


async def test_a_key_put_by_hand_prevents_minting(platform, store, sandbox):
    await store.keys.put("org_1", "bply_org_by_hand")
    assert await run([customer(1)], platform, store) == [AlreadyConnected("org_1")]
    assert sandbox.mints == {}


async def test_a_lost_response_leaves_the_customer_in_doubt(platform, store, sandbox):
    sandbox.faults.add("create_organization_api_key", "commit-then-drop")
    (outcome,) = await run([customer(1)], platform, store)
    assert isinstance(outcome, InDoubt)
    assert "may have been carried out" in outcome.reason
    assert kinds(await run([customer(1)], platform, store)) == {"InDoubt": 1}
    assert sandbox.mints == {"org_1": 1}


async def test_reminting_in_doubt_counts_the_orphan(platform, store, sandbox):
    sandbox.faults.add("create_organization_api_key", "commit-then-drop")
    await run([customer(1)], platform, store)
    assert await run([customer(1)], platform, store, remint_in_doubt=True) == [Connected("org_1")]
    assert sandbox.mints == {"org_1": 2}
    (entry,) = [entry async for entry in store.ledger.entries(["org_1"])]
    assert (entry.state, entry.orphans) == (State.DONE, 1)


async def test_a_response_without_a_key_leaves_the_customer_in_doubt(platform, store, sandbox):
    sandbox.faults.add("create_organization_api_key", "html")
    assert kinds(await run([customer(1)], platform, store)) == {"InDoubt": 1}


async def test_an_empty_key_leaves_the_customer_in_doubt(store):
    async def mint(_request: web.Request) -> web.Response:
        return web.json_response({"success": True, "apiKey": ""}, status=201)

    async with serving(mint) as url, AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url=url) as platform:
        (outcome,) = await run([customer(1)], platform, store)
    assert isinstance(outcome, InDoubt)
    assert "apiKey: is empty" in outcome.reason
    assert [one async for one in store.keys.organizations()] == []


async def test_a_rejected_customer_fails_alone_and_is_retried_by_the_next_run(platform, store, sandbox):
    bad = attrs.evolve(customer(1), user_email="a@b")
    sandbox.faults.add("create_organization_api_key", "422")
    outcomes = await run([bad, customer(2)], platform, store, concurrency=1)
    assert kinds(outcomes) == {"Failed": 1, "Connected": 1}
    assert await state(store, "org_1") is State.FAILED
    assert kinds(await run([bad], platform, store)) == {"Connected": 1}


@pytest.mark.parametrize("clear_response", [None, "422"], ids=["success", "error"])
async def test_a_clear_response_resets_the_count_of_consecutive_failures(
    platform, encryption_key, sandbox, clear_response
):
    def source():
        for number, tenant in enumerate(customers(65)):
            fault = "500" if number % 3 else clear_response
            if fault is not None:
                sandbox.faults.add("create_organization_api_key", fault)
            yield tenant

    async with AsyncStore.open("sqlite://", encryption_key=encryption_key) as store:
        outcomes = await run(source(), platform, store, concurrency=1)
    # more failures than end a run, but never more than two in a row
    assert kinds(outcomes) == {"InDoubt": 43, "Failed" if clear_response else "Connected": 22}


async def test_a_wrong_platform_key_stops_the_run_at_once(sandbox, store):
    async with AsyncBoooplyPlatform(platform_key="bply_platform_wrong", base_url=sandbox.base_url) as platform:
        with pytest.raises(AuthenticationError):
            await run(customers(500), platform, store, concurrency=4)
    assert len(sandbox.calls) <= 4
    assert await state(store, "org_0") is State.TODO


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Make a run stop two attempts and 3 s after its last success."""
    monkeypatch.setattr("boooply.provisioning.outage._PATIENCE", 3.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["500", "reset-after", "commit-then-drop"])
async def test_an_outage_stops_the_run_and_leaves_few_customers_in_doubt(store, fault):
    async with (
        Sandbox(limits=None) as sandbox,
        AsyncBoooplyPlatform(
            platform_key=sandbox.platform_key, base_url=sandbox.base_url, timeout=1.0, rate_limits=None
        ) as platform,
    ):

        def source():
            for number, tenant in enumerate(customers(500)):
                if number == 20:
                    sandbox.faults.add("create_organization_api_key", fault, None)
                yield tenant

        started = time.monotonic()
        with pytest.raises(ProvisioningError, match="times in a row"):
            await run(source(), platform, store, concurrency=4)
        seconds = time.monotonic() - started
    assert seconds < 2 * 1.0 + 3.0 + 3  # a busy machine takes its time
    states = Counter([entry.state async for entry in store.ledger.entries()])
    assert states[State.DONE] >= 16
    assert 3 <= states[State.IN_DOUBT] <= 5 + 4
    assert set(states) <= {State.DONE, State.IN_DOUBT, State.TODO}


@pytest.mark.usefixtures("impatient")
async def test_an_api_that_hangs_stops_the_run_within_two_attempts_and_half_a_minute(store):
    arrivals = []

    async def mint(_request: web.Request) -> web.Response:
        arrivals.append(time.monotonic())
        await asyncio.sleep(3)
        return web.json_response({})

    async with (
        serving(mint) as url,
        AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url=url, timeout=1, rate_limits=None) as platform,
    ):
        started = time.monotonic()
        with pytest.raises(ProvisioningError, match="times in a row"):
            await run(customers(500), platform, store, concurrency=4)
        seconds = time.monotonic() - started
    assert seconds < 2 * 1 + 3 + 2  # a busy machine takes its time
    assert 4 < len(arrivals) <= 5 + 4


@pytest.mark.usefixtures("impatient")
async def test_a_run_continues_once_a_probe_succeeds(platform, store, sandbox):
    sandbox.faults.add("create_organization_api_key", "500", 4)
    outcomes = await run(customers(60), platform, store, concurrency=4)
    assert kinds(outcomes) == {"InDoubt": 4, "Connected": 56}


@pytest.mark.usefixtures("impatient")
async def test_customers_that_wait_for_the_rate_limit_are_not_sent_during_an_outage(store):
    async with (
        Sandbox(limits=Limits(writes=5, window=1)) as sandbox,
        AsyncBoooplyPlatform(
            platform_key=sandbox.platform_key,
            base_url=sandbox.base_url,
            timeout=1.0,
            rate_limits=RateLimits(writes=5, window=1),
        ) as platform,
    ):
        sandbox.faults.add("create_organization_api_key", "500", None)
        with pytest.raises(ProvisioningError, match="times in a row"):
            await run(customers(100), platform, store, concurrency=16)
    assert len(sandbox.calls) <= 5 + 3


@pytest.mark.parametrize("limits", [RateLimits(writes=1000), None], ids=["limiter", "no limiter"])
async def test_an_endless_429_that_names_no_wait_stops_the_run(store, limits):
    calls = 0

    async def mint(_request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        return web.json_response({"success": False, "error": "slow down"}, status=429, headers={"Retry-After": "0"})

    async with (
        serving(mint) as url,
        AsyncBoooplyPlatform(
            platform_key="bply_platform_x", base_url=url, rate_limits=limits, retry=RetryPolicy(backoff=0)
        ) as platform,
    ):
        with pytest.raises(RateLimitError, match="slow down"):
            await run(customers(100), platform, store, concurrency=4)
    assert calls <= 4 * 20
    assert {entry.state async for entry in store.ledger.entries()} == {State.TODO}


async def test_stop_lets_requests_on_the_wire_finish(store):
    async with (
        Sandbox(limits=None, latency=1) as sandbox,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        stop = asyncio.Event()
        running = asyncio.create_task(run(customers(100), platform, store, concurrency=3, stop=stop))
        while len(sandbox.mints) < 3:  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.01)
        stop.set()
        outcomes = await running
    assert kinds(outcomes) == {"Connected": 3}
    assert len(sandbox.mints) == 3


async def test_stop_does_not_wait_for_waiting_customers(store):
    narrow = RateLimits(writes=2, window=600)
    async with (
        Sandbox(limits=Limits(writes=2, window=600)) as sandbox,
        AsyncBoooplyPlatform(
            platform_key=sandbox.platform_key, base_url=sandbox.base_url, rate_limits=narrow
        ) as platform,
    ):
        stop = asyncio.Event()
        running = asyncio.create_task(run(customers(9), platform, store, stop=stop))
        await until(lambda: len(sandbox.mints) == 2)
        await asyncio.sleep(0.3)  # the others wait for the rate limit by now
        stop.set()
        outcomes = await asyncio.wait_for(running, 30)
    assert kinds(outcomes) == {"Connected": 2}
    assert await state(store, "org_5") is State.TODO


async def test_a_customer_that_is_read_during_the_stop_does_not_wait_for_the_rate_limit(store):
    stop = asyncio.Event()

    async def source() -> AsyncIterator[Tenant]:
        yield customer(1)
        await stop.wait()
        await asyncio.sleep(0.1)  # the run has stopped by now
        yield customer(2)

    async with Sandbox(limits=Limits(writes=1, window=600)) as sandbox:
        limits = RateLimits(writes=1, window=600)
        async with AsyncBoooplyPlatform(
            platform_key=sandbox.platform_key, base_url=sandbox.base_url, rate_limits=limits
        ) as platform:
            running = asyncio.create_task(run(source(), platform, store, stop=stop))
            await until(lambda: len(sandbox.mints) == 1)
            stop.set()
            outcomes = await asyncio.wait_for(running, 10)
    assert outcomes == [Connected("org_1")]
    assert await state(store, "org_1") is State.DONE


async def test_closing_the_generator_stores_the_keys_on_the_wire(store):
    async with (
        Sandbox(limits=None, latency=0.2) as sandbox,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        outcomes = async_provision(customers(100), platform=platform, store=store, concurrency=4)
        await anext(outcomes)
        await asyncio.sleep(0.1)
        await outcomes.aclose()
    kept = {one async for one in store.keys.organizations()}
    assert kept == set(sandbox.mints)


async def test_two_runs_on_one_store_share_the_work_and_mint_once(platform, store, sandbox):
    both = await asyncio.gather(run(customers(60), platform, store), run(customers(60), platform, store))
    assert set(sandbox.mints.values()) == {1}
    assert len(sandbox.mints) == 60
    assert [len(outcomes) for outcomes in both] == [60, 60]
    assert kinds(both[0])["Connected"] + kinds(both[1])["Connected"] == 60


async def test_a_run_takes_over_the_customers_of_a_dead_run(platform, store, sandbox):
    await Recorder(store).claim(customer(1), claim_token="dead", lease=0.2)
    await Recorder(store).claim(customer(2), claim_token="dead", lease=0.2)
    await Recorder(store).begin("org_2", claim_token="dead", lease=0.2)
    assert kinds(await run([customer(1), customer(2)], platform, store)) == {"Connected": 1, "InDoubt": 1}
    assert sandbox.mints == {"org_1": 1}


async def test_a_request_that_waits_for_the_limiter_is_not_recorded_as_sent(store):
    narrow = RateLimits(writes=1, window=600)
    async with (
        Sandbox(limits=Limits(writes=1, window=600)) as sandbox,
        AsyncBoooplyPlatform(
            platform_key=sandbox.platform_key, base_url=sandbox.base_url, rate_limits=narrow
        ) as platform,
    ):
        stop = asyncio.Event()
        task = asyncio.create_task(run(customers(2), platform, store, stop=stop))
        await until(lambda: sandbox.mints)
        (first,) = sandbox.mints
        while await state(store, first) is not State.DONE:  # noqa: ASYNC110 - the state changes in the database
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # in which the other one could be recorded
        states = {await state(store, "org_0"), await state(store, "org_1")}
        stop.set()
        await task
    assert states == {State.DONE, State.TODO}


async def test_the_lease_on_a_sent_request_outlasts_its_attempt(store):
    leases = []

    async def mint(_request: web.Request) -> web.Response:
        now = await store.database.read(store.database.now)
        leases.extend([entry.locked_until - now async for entry in store.ledger.entries()])
        return web.json_response({"success": True, "apiKey": "bply_org_0123456789abcdef"}, status=201)

    async with (
        serving(mint) as url,
        AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url=url, timeout=30) as platform,
    ):
        assert kinds(await run([customer(1)], platform, store)) == {"Connected": 1}
    assert [30 < lease <= 46 for lease in leases] == [True], leases  # the attempt, half as long again, and a second


async def test_a_customer_that_waits_after_a_429_is_not_recorded_as_sent(store):
    async with (
        Sandbox(limits=None) as sandbox,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        sandbox.faults.add("create_organization_api_key", "429")
        stop = asyncio.Event()
        task = asyncio.create_task(run([customer(1)], platform, store, stop=stop))
        await until(lambda: sandbox.calls)
        await asyncio.sleep(0.1)
        found = await state(store, "org_1")
        claimed = await Recorder(store).claim(customer(1), claim_token="other/0", lease=1)
        stop.set()
        assert await task == []
    assert (found, claimed.result) == (State.TODO, ClaimResult.BUSY)


class Vault:
    """A key store of a user's own."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.is_sealed = False

    async def put(self, organization_id: str, api_key: Secret, /) -> None:
        if self.is_sealed:
            raise RuntimeError(f"sealed: {api_key.reveal()} is not accepted")
        self.keys[organization_id] = api_key.reveal()

    async def get(self, organization_id: str, /) -> Secret:
        if organization_id not in self.keys:
            raise NotConnectedError(organization_id)
        return Secret(self.keys[organization_id])

    async def delete(self, organization_id: str, /) -> None:
        del self.keys[organization_id]


async def test_a_run_records_the_api_and_the_platform_key_that_its_store_belongs_to(platform, store):
    await run([], platform, store)
    with pytest.raises(StoreMismatchError, match="another store"):
        await store.identity.check(platform.base_url, [Secret("bply_platform_0123456789abcdef")])
    with pytest.raises(StoreMismatchError, match="another store"):
        await store.identity.check("https://other.example", [Secret("bply_platform_0123456789abcdef")])


async def test_an_own_vault_stores_the_keys(platform, store):
    vault = Vault()
    assert kinds(await run(customers(3), platform, store, keys=vault)) == {"Connected": 3}
    assert len(set(vault.keys.values())) == 3
    assert [one async for one in store.keys.organizations()] == []


async def test_a_key_in_the_vault_settles_a_doubt(platform, store, sandbox):
    vault = Vault()
    await Recorder(store).claim(customer(1), claim_token="dead", lease=0.0)
    await Recorder(store).begin("org_1", claim_token="dead", lease=0.0)
    vault.keys["org_1"] = "bply_org_received"
    assert await run([customer(1)], platform, store, keys=vault) == [AlreadyConnected("org_1")]
    assert await state(store, "org_1") is State.DONE
    assert sandbox.mints == {}


async def test_an_empty_key_in_the_vault_is_no_key(platform, store, sandbox):
    vault = Vault()
    vault.keys["org_1"] = ""
    assert await run([customer(1)], platform, store, keys=vault) == [Connected("org_1")]
    assert sandbox.mints == {"org_1": 1}
    assert vault.keys["org_1"]


async def test_a_key_that_cannot_be_stored_is_in_the_error_and_stops_the_run(platform, store, sandbox):
    vault = Vault()
    vault.is_sealed = True
    with pytest.raises(KeysNotStoredError) as caught:
        await run(customers(100), platform, store, keys=vault, concurrency=4)
    assert set(caught.value.keys) == set(sandbox.mints)
    assert len(sandbox.mints) <= 8
    assert "is not accepted" in str(caught.value)
    for secret in caught.value.keys.values():
        assert secret.reveal() not in str(caught.value) + repr(caught.value)
    client = platform.organization(caught.value.keys["org_0"])
    assert (await client.organization.get()).external_org_id == "org_0"


async def test_a_store_that_fails_for_a_moment_loses_no_key(
    platform, sandbox, sqlite_store_url, encryption_key, monkeypatch
):
    monkeypatch.setattr("boooply.store.database._PRAGMAS", ("PRAGMA busy_timeout = 20", "PRAGMA journal_mode = WAL"))
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        running = asyncio.create_task(run(customers(5), platform, store, concurrency=1))
        await until(lambda: sandbox.mints)
        with closing(sqlite3.connect(sqlite_store_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(1)
        assert kinds(await running) == {"Connected": 5}
        assert len(sandbox.mints) == len([one async for one in store.keys.organizations()]) == 5


async def test_a_cancelled_caller_waits_until_the_key_is_stored(store):
    async with (
        Sandbox(limits=None, latency=0.3) as sandbox,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        provisioner = KeyProvisioner(platform=platform, recorder=Recorder(store))
        task = asyncio.create_task(provisioner.connect(customer(1)))
        await until(lambda: sandbox.calls or sandbox.mints)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (await store.keys.get("org_1")).reveal()


async def test_a_caller_that_is_cancelled_again_and_again_still_gets_the_key_that_cannot_be_stored(store):
    vault = Vault()
    vault.is_sealed = True
    async with (
        Sandbox(limits=None, latency=0.3) as sandbox,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        provisioner = KeyProvisioner(platform=platform, recorder=Recorder(store), vault=vault)
        task = asyncio.create_task(provisioner.connect(customer(1)))
        await until(lambda: sandbox.calls or sandbox.mints)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0.02)
    with pytest.raises(KeysNotStoredError) as caught:
        await task
    assert set(caught.value.keys) == {"org_1"}


async def test_closing_a_run_with_unread_outcomes_and_a_key_that_cannot_be_stored_ends(store):
    vault = Vault()
    async with (
        Sandbox(limits=None, latency=0.2) as sandbox,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        outcomes = async_provision(customers(9), platform=platform, store=store, keys=vault, concurrency=1)
        await anext(outcomes)
        await until(lambda: len(sandbox.mints) == 3)  # the second outcome is unread, the third is on its way
        vault.is_sealed = True
        with pytest.raises(KeysNotStoredError) as caught:
            await asyncio.wait_for(outcomes.aclose(), 30)
    assert set(caught.value.keys) == {"org_2"}


async def test_a_program_that_ends_amid_a_request_does_not_record_it_as_not_sent(store):
    with Sandbox(limits=None, latency=0.3) as sandbox:
        async with AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform:
            others = asyncio.all_tasks()
            outcomes = async_provision(customers(1), platform=platform, store=store)
            first = asyncio.ensure_future(anext(outcomes))
            await until(lambda: sandbox.mints)
            for task in asyncio.all_tasks() - others:
                task.cancel()  # as asyncio.run does when it ends
            await asyncio.wait({first})
            assert await state(store, "org_0") is State.SENT


async def test_a_stopped_run_starts_nothing(platform, store, sandbox):
    provisioner = KeyProvisioner(platform=platform, recorder=Recorder(store))
    provisioner.stop()
    with pytest.raises(NotClaimed):
        await provisioner.connect(customer(1))
    assert sandbox.mints == {}


def test_the_repr_of_an_outcome_shows_its_kind_and_reason():
    assert repr(Failed("org_1", "HTTP 422")) == "Failed(organization_id='org_1', reason='HTTP 422')"


@pytest.mark.parametrize("concurrency", [0, 2.5, "3", True])
async def test_a_concurrency_that_cannot_work_is_rejected(platform, store, concurrency):
    with pytest.raises(ConfigurationError, match="concurrency"):
        await run(customers(1), platform, store, concurrency=concurrency)


async def test_a_customer_that_occurs_twice_is_minted_once_even_after_its_lease(store, monkeypatch):
    monkeypatch.setattr("boooply.provisioning.provisioner._WAITING_LEASE", 0.0)
    async with (
        Sandbox(limits=None, latency=0.3) as sandbox,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        outcomes = await run([customer(1)] * 4, platform, store, concurrency=4)
    assert sandbox.mints == {"org_1": 1}
    assert kinds(outcomes) == {"Connected": 1, "AlreadyConnected": 3}


async def test_a_claim_that_is_being_recorded_at_the_stop_is_released(platform, sqlite_store_url, encryption_key):
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        provisioner = KeyProvisioner(platform=platform, recorder=Recorder(store))
        await run([customer(0)], platform, store)  # creates the tables
        with closing(sqlite3.connect(sqlite_store_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            connecting = asyncio.create_task(provisioner.connect(customer(1)))
            await asyncio.sleep(0.3)  # the claim waits for the other transaction
            provisioner.stop()
            await asyncio.sleep(0.1)
            other.execute("ROLLBACK")
            with pytest.raises(NotClaimed):
                await connecting
        await asyncio.sleep(0.5)  # nothing is recorded later either
        entries = [entry async for entry in store.ledger.entries()]
        assert [entry.locked_until <= time.time() for entry in entries] == [True, True]


async def test_a_caller_that_is_cancelled_while_the_vault_is_asked_leaves_no_lease(platform, store):
    asked = asyncio.Event()

    class SlowVault(Vault):
        async def get(self, organization_id: str, /) -> Secret:
            asked.set()
            await asyncio.sleep(60)
            return await super().get(organization_id)

    provisioner = KeyProvisioner(platform=platform, recorder=Recorder(store), vault=SlowVault())
    connecting = asyncio.create_task(provisioner.connect(customer(1)))
    await asked.wait()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    entry = await anext(store.ledger.entries())
    assert (entry.state, entry.locked_until <= time.time()) == (State.TODO, True)


async def test_a_run_whose_last_outcome_cannot_be_recorded_reports_it(store, monkeypatch):
    async def hang(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(Recorder, "mark_in_doubt", hang)
    stop = asyncio.Event()
    async with (
        Sandbox(latency=20) as slow,
        AsyncBoooplyPlatform(platform_key=slow.platform_key, base_url=slow.base_url) as platform,
    ):
        customer = Tenant(user_id="1", user_email="a@b.example", organization_id="org_1")
        run = async_provision([customer], platform=platform, store=store, stop=stop, grace=0.1)
        ending = asyncio.ensure_future(anext(run))
        while not slow.mints:  # noqa: ASYNC110 - the sandbox sets no event
            await asyncio.sleep(0.01)
        stop.set()
        with pytest.raises(StoreError, match=r"^the store did not record all outcomes before the run ended$"):
            await asyncio.wait_for(ending, 30)


async def test_a_customer_whose_request_outlasts_the_grace_is_in_doubt(store):
    stop = asyncio.Event()
    async with (
        Sandbox(latency=20) as slow,
        AsyncBoooplyPlatform(platform_key=slow.platform_key, base_url=slow.base_url) as platform,
    ):
        running = asyncio.create_task(run([customer(1)], platform, store, stop=stop, grace=0.1))
        await until(lambda: slow.mints)
        stop.set()
        outcomes = await asyncio.wait_for(running, 30)
    assert outcomes == [InDoubt("org_1", "the run was stopped while the request was under way")]
    assert await state(store, "org_1") is State.IN_DOUBT


async def test_a_cancelled_caller_is_not_told_that_its_request_was_rejected(store):
    has_arrived, may_respond = asyncio.Event(), asyncio.Event()

    async def mint(_request: web.Request) -> web.Response:
        has_arrived.set()
        await may_respond.wait()
        return web.json_response({"success": False, "error": "unknown key"}, status=401)

    async with serving(mint) as url, AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url=url) as platform:
        provisioner = KeyProvisioner(platform=platform, recorder=Recorder(store))
        connecting = asyncio.create_task(provisioner.connect(customer(1)))
        await has_arrived.wait()
        connecting.cancel()
        await asyncio.sleep(0.02)
        assert not connecting.done()
        may_respond.set()
        with pytest.raises(asyncio.CancelledError):
            await connecting
    assert await state(store, "org_1") is State.TODO


async def test_a_customer_that_waits_after_a_429_is_not_in_doubt_when_requests_are_abandoned(platform, store, sandbox):
    sandbox.faults.add("create_organization_api_key", "429")
    responses: list[Any] = []
    platform = platform.with_options(on_response=responses.append)
    provisioner = KeyProvisioner(platform=platform, recorder=Recorder(store))
    connecting = asyncio.create_task(provisioner.connect(customer(1)))
    await until(lambda: responses)
    await asyncio.sleep(0.1)
    provisioner.give_up()
    await asyncio.sleep(0.05)
    assert not connecting.done()
    provisioner.stop()
    with pytest.raises(NotClaimed):
        await connecting
    assert await state(store, "org_1") is State.TODO


def test_a_customer_that_failed_for_an_unknown_reason_has_an_empty_reason():
    for result, kind in ((ClaimResult.FAILED, Failed), (ClaimResult.IN_DOUBT, InDoubt)):
        assert known_outcome(Claimed(result=result, entry=Entry(organization_id="org_1")), "run/0") == kind("org_1", "")


async def test_items_come_in_batches_of_a_size_and_the_last_is_the_rest():
    async def source(count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number

    for items in (range, source):
        assert [one async for one in batched(items(5), 2)] == [[0, 1], [2, 3], [4]]
        assert [one async for one in batched(items(4), 2)] == [[0, 1], [2, 3]]
        assert [one async for one in batched(items(0), 2)] == []
