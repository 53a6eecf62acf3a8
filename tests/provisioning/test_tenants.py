"""A client for each customer, from the key that is stored for it."""

import asyncio
import time
import tracemalloc

import pytest

from boooply import (
    AIInterview,
    AmbiguousWriteError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncBoooplyPlatform,
    AsyncTenants,
    AuthenticationError,
    Candidate,
    ConfigurationError,
    DeadlineExceededError,
    DecodingError,
    NotConnectedError,
    ProvisioningError,
    RetryPolicy,
    Secret,
    ServerError,
    StoreMismatchError,
    Tenant,
    WrongTenantError,
)
from boooply.provisioning.identity import check_store
from boooply.recording import Recorder
from boooply.store import AsyncStore


def customer(number: int) -> Tenant:
    return Tenant(user_id="1", user_email="admin@acme.example", organization_id=f"org_{number}")


@pytest.fixture
def tenants(platform: AsyncBoooplyPlatform, store: AsyncStore) -> AsyncTenants:
    return AsyncTenants(platform, store)


async def test_a_customer_that_connects_has_a_client_with_its_own_key(tenants):
    client = await tenants.connect(customer(1))
    assert (await client.organization.get()).external_org_id == "org_1"
    assert await tenants.client("org_1") is client


async def test_a_customer_that_is_no_tenant_is_an_error(tenants, sandbox):
    for connect in (tenants.connect, tenants.reconnect):
        with pytest.raises(ConfigurationError, match="tenant must be a Tenant"):
            await connect("org_acme")
    assert sandbox.calls == ()


async def test_a_platform_and_a_store_in_the_wrong_places_are_an_error(platform, store):
    with pytest.raises(ConfigurationError) as caught:
        AsyncTenants(store, platform)
    assert str(caught.value) == "platform must be an AsyncBoooplyPlatform"
    with pytest.raises(ConfigurationError) as caught:
        AsyncTenants(platform, platform)
    assert str(caught.value) == "store must be an AsyncStore that is open"


async def test_a_store_of_another_api_is_refused_before_its_keys_are_read(tenants, store):
    await store.identity.record("https://other.example", [Secret("bply_platform_0123456789abcdef")])
    await store.keys.put("org_1", "bply_org_0123456789abcdef")
    for _ in range(2):
        with pytest.raises(StoreMismatchError):
            await tenants.client("org_1")


async def test_whether_the_store_belongs_to_the_platform_is_checked_once(platform, store, monkeypatch):
    checks = []

    async def check(*arguments, record=False):
        checks.append((arguments, record))
        await check_store(*arguments, record=record)

    monkeypatch.setattr("boooply.provisioning.tenants.check_store", check)
    tenants = AsyncTenants(platform, store)
    for number in range(2):
        await tenants.connect(customer(number))
    assert checks == [((store, platform), True)]
    checks.clear()
    tenants = AsyncTenants(platform, store)
    for number in range(2):
        await tenants.client(f"org_{number}")
    assert checks == [((store, platform), False)]


async def test_a_customer_that_another_process_connects_is_waited_for(tenants, store, sandbox, monkeypatch):
    monkeypatch.setattr("boooply.provisioning.tenants._LOOK_AGAIN", 0.02)
    await Recorder(store).claim(customer(1), claim_token="other/0", lease=0.2)
    client = await tenants.connect(customer(1))
    assert (await client.organization.get()).external_org_id == "org_1"
    assert sandbox.mints == {"org_1": 1}


async def test_however_often_and_concurrently_it_connects_one_key_is_minted(tenants, sandbox):
    await asyncio.gather(*(tenants.connect(customer(1)) for _ in range(20)))
    await tenants.connect(customer(1))
    assert sandbox.mints == {"org_1": 1}


async def test_two_processes_on_one_store_mint_one_key(platform, store_url, encryption_key, sandbox):
    async with (
        AsyncStore.open(store_url, encryption_key=encryption_key) as one,
        AsyncStore.open(store_url, encryption_key=encryption_key) as other,
    ):
        await asyncio.gather(
            *(AsyncTenants(platform, store).connect(customer(1)) for store in (one, other) for _ in range(5))
        )
    assert sandbox.mints == {"org_1": 1}


async def test_a_customer_without_a_key_is_told_by_name(tenants):
    with pytest.raises(NotConnectedError, match="org_9 is not connected"):
        await tenants.client("org_9")


async def test_a_customer_whose_key_in_a_vault_is_empty_is_not_connected(platform, store):
    class Vault:
        async def put(self, _organization_id: str, _api_key: Secret, /) -> None: ...

        async def get(self, _organization_id: str, /) -> Secret:
            return Secret("")

        async def delete(self, _organization_id: str, /) -> None: ...

    with pytest.raises(NotConnectedError, match="org_9 is not connected"):
        await AsyncTenants(platform, store, keys=Vault()).client("org_9")


async def test_a_key_of_another_customer_is_refused_before_it_is_used(tenants, store, sandbox):
    await tenants.connect(customer(1))
    await store.keys.put("org_2", await store.keys.get("org_1"))
    with pytest.raises(WrongTenantError, match="belongs to org_1") as caught:
        await tenants.client("org_2")
    assert (caught.value.organization_id, caught.value.found) == ("org_2", "org_1")
    assert {call.method for call in sandbox.calls if "integration" in call.path} == {"GET"}


async def test_a_stored_key_that_is_refused_is_told_to_be_one(tenants, store):
    await store.keys.put("org_2", "bply_org_of_another_sandbox")
    with pytest.raises(AuthenticationError) as caught:
        await tenants.client("org_2")
    (note,) = caught.value.__notes__
    assert note == (
        "The API rejected the stored key of org_2. If the key comes from another API or from a sandbox that has "
        "stopped, use another store. Otherwise, reconnect the customer."
    )


async def test_whose_key_it_is_is_asked_once(tenants, sandbox):
    await asyncio.gather(tenants.connect(customer(1)), *(tenants.connect(customer(1)) for _ in range(3)))
    assert [call.operation for call in sandbox.calls].count("organization.get") == 1


async def test_without_verifying_nothing_is_asked(platform, store, sandbox):
    await AsyncTenants(platform, store, verify=False).connect(customer(1))
    assert [call.operation for call in sandbox.calls] == ["create_organization_api_key"]


async def test_a_key_that_was_replaced_is_seen_once_its_age_is_over(platform, store):
    tenants = AsyncTenants(platform, store, max_age=1.0)
    first = await tenants.connect(customer(1))
    await store.keys.put("org_1", (await platform.create_organization_api_key(customer(1))).api_key)
    assert await tenants.client("org_1") is first
    await asyncio.sleep(1.05)
    second = await tenants.client("org_1")
    assert second is not first
    assert await tenants.client("org_1") is second


async def test_a_key_that_stayed_the_same_keeps_its_client(platform, store):
    tenants = AsyncTenants(platform, store, max_age=0.0)
    first = await tenants.connect(customer(1))
    assert await tenants.client("org_1") is first


async def test_a_customer_that_disconnects_is_forgotten_and_can_connect_again(tenants, sandbox):
    await tenants.connect(customer(1))
    await tenants.disconnect("org_1")
    with pytest.raises(NotConnectedError):
        await tenants.client("org_1")
    await tenants.connect(customer(1))
    assert sandbox.mints == {"org_1": 2}


async def test_a_customer_that_is_not_connected_can_be_disconnected(tenants, store):
    await tenants.disconnect("org_9")
    assert [entry async for entry in store.ledger.entries()] == []


async def test_a_lost_response_is_reported_and_not_sent_again(tenants, store, sandbox):
    sandbox.faults.add("create_organization_api_key", "commit-then-drop")
    with pytest.raises(AmbiguousWriteError):
        await tenants.connect(customer(1))
    with pytest.raises(ProvisioningError) as caught:
        await tenants.connect(customer(1))
    assert str(caught.value) == (
        f"org_1 is in doubt ({(await entry_of(store, 'org_1')).reason}). To mint another key, call "
        "connect(tenant, remint_in_doubt=True). If a first key exists, it stays valid, and nobody has it."
    )
    assert sandbox.mints == {"org_1": 1}
    client = await tenants.connect(customer(1), remint_in_doubt=True)
    assert (await client.organization.get()).external_org_id == "org_1"


@pytest.mark.parametrize(
    ("fault", "options", "error"),
    [
        ("503", {}, ServerError),
        ("drop-before", {}, APIConnectionError),
        ("bad-json", {}, DecodingError),
        ("stall", {"timeout": 0.1}, APITimeoutError),
        ("503", {"retry": RetryPolicy(deadline=0.2, backoff=1)}, DeadlineExceededError),
        ("html", {}, DecodingError),
    ],
)
async def test_every_error_of_a_customers_client_names_the_customer(tenants, sandbox, fault, options, error):
    client = await tenants.connect(customer(1))
    sandbox.faults.add("interviews.list", fault, times=3)
    with pytest.raises(error) as caught:
        await client.with_options(**{"retry": RetryPolicy(backoff=0)} | options).interviews.list()
    assert caught.value.organization_id == "org_1"


async def test_an_ambiguous_write_names_the_customer(tenants, sandbox):
    client = await tenants.connect(customer(1))
    sandbox.faults.add("interviews.create", "commit-then-drop")
    with pytest.raises(AmbiguousWriteError) as caught:
        await client.interviews.create(
            AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
        )
    assert caught.value.organization_id == "org_1"


async def test_a_wait_that_ends_without_an_evaluation_names_the_customer(tenants):
    client = await tenants.connect(customer(1))
    interview = await client.interviews.create(
        AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
    )
    with pytest.raises(DeadlineExceededError, match=r"no evaluation within 0\.1 s") as caught:
        await client.interviews.wait_for_evaluation(interview.meeting_code, timeout=0.1)
    assert caught.value.organization_id == "org_1"


async def test_a_refusal_is_raised_as_it_is_and_the_next_click_tries_again(tenants, sandbox):
    sandbox.faults.add("create_organization_api_key", "422")
    with pytest.raises(APIStatusError, match="422"):
        await tenants.connect(customer(1))
    await tenants.connect(customer(1))
    assert sandbox.mints == {"org_1": 1}


async def entry_of(store, organization_id):
    (entry,) = [entry async for entry in store.ledger.entries([organization_id])]
    return entry


async def test_reconnecting_replaces_the_key_and_counts_the_old_one_as_an_orphan(tenants, store, sandbox):
    first = await tenants.connect(customer(1))
    old = await store.keys.get("org_1")
    second = await tenants.reconnect(customer(1))
    assert second is not first
    assert await tenants.client("org_1") is second
    assert await store.keys.get("org_1") != old
    entry = await entry_of(store, "org_1")
    assert (str(entry.state), entry.orphans, sandbox.mints) == ("done", 1, {"org_1": 2})
    await tenants.connect(customer(1))
    assert sandbox.mints == {"org_1": 2}


async def test_a_customer_reconnects_although_its_organization_cannot_be_read(tenants, store, sandbox):
    await tenants.connect(customer(1))
    old = await store.keys.get("org_1")
    sandbox.faults.add("organization.get", "503", times=None)
    client = await tenants.reconnect(customer(1))
    assert await store.keys.get("org_1") != old
    assert sandbox.mints == {"org_1": 2}
    sandbox.faults.clear()
    assert (await client.organization.get()).external_org_id == "org_1"


async def test_a_customer_whose_key_is_refused_can_reconnect(tenants, store):
    await store.keys.put("org_1", "bply_org_revoked_in_the_dashboard")
    with pytest.raises(AuthenticationError):
        await tenants.client("org_1")
    client = await tenants.reconnect(customer(1))
    assert (await client.organization.get()).external_org_id == "org_1"


async def test_a_damaged_key_can_be_replaced(tenants, store):
    await tenants.connect(customer(1))
    with store.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE boooply_keys SET encrypted = 'nonsense'")
    await tenants.reconnect(customer(1))
    assert (await entry_of(store, "org_1")).orphans == 1


async def test_a_reconnection_that_the_api_rejects_leaves_the_stored_key(tenants, store, sandbox):
    await tenants.connect(customer(1))
    old = await store.keys.get("org_1")
    sandbox.faults.add("create_organization_api_key", "422")
    with pytest.raises(APIStatusError):
        await tenants.reconnect(customer(1))
    assert await store.keys.get("org_1") == old
    await tenants.connect(customer(1))  # it has a key, so none is minted
    assert sandbox.mints == {"org_1": 1}
    assert (await entry_of(store, "org_1")).orphans == 0


async def test_a_reconnection_in_doubt_leaves_the_stored_key_and_can_be_repeated(tenants, store, sandbox):
    await tenants.connect(customer(1))
    sandbox.faults.add("create_organization_api_key", "commit-then-drop")
    with pytest.raises(AmbiguousWriteError):
        await tenants.reconnect(customer(1))
    assert str((await entry_of(store, "org_1")).state) == "in_doubt"
    assert (await (await tenants.client("org_1")).organization.get()).external_org_id == "org_1"
    await tenants.reconnect(customer(1))
    entry = await entry_of(store, "org_1")
    assert (str(entry.state), entry.orphans, sandbox.mints) == ("done", 2, {"org_1": 3})


class Vault:
    def __init__(self) -> None:
        self.keys: dict[str, Secret] = {}

    async def put(self, organization_id: str, api_key: Secret, /) -> None:
        self.keys[organization_id] = api_key

    async def get(self, organization_id: str, /) -> Secret:
        if organization_id not in self.keys:
            raise NotConnectedError(organization_id)
        return self.keys[organization_id]

    async def delete(self, organization_id: str, /) -> None:
        self.keys.pop(organization_id, None)


async def test_keys_can_be_kept_in_a_vault_of_ones_own(platform, store, sandbox):
    tenants = AsyncTenants(platform, store, keys=Vault())
    await asyncio.gather(*(tenants.connect(customer(1)) for _ in range(3)))
    await tenants.disconnect("org_1")
    await tenants.connect(customer(1))
    assert sandbox.mints == {"org_1": 2}


async def test_a_key_that_was_replaced_is_used_after_a_minute(platform, store, monkeypatch):
    vault, now = Vault(), 0.0
    vault.keys = {"org_1": Secret("bply_org_first")}
    tenants = AsyncTenants(platform, store, keys=vault, verify=False)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    first = await tenants.client("org_1")
    vault.keys["org_1"] = Secret("bply_org_second")
    now = 59.9
    assert await tenants.client("org_1") is first
    now = 60.0
    assert await tenants.client("org_1") is not first


async def test_a_cached_client_is_returned_while_the_key_is_being_replaced(platform, store):
    is_putting, may_put = asyncio.Event(), asyncio.Event()

    class SlowVault(Vault):
        async def put(self, organization_id: str, api_key: Secret, /) -> None:
            if self.keys:
                is_putting.set()
                await may_put.wait()
            await super().put(organization_id, api_key)

    tenants = AsyncTenants(platform, store, keys=SlowVault())
    first = await tenants.connect(customer(1))
    reconnecting = asyncio.create_task(tenants.reconnect(customer(1)))
    await is_putting.wait()
    meanwhile = asyncio.create_task(tenants.client("org_1"))
    await asyncio.wait({meanwhile}, timeout=0.3)
    is_returned = meanwhile.done()
    may_put.set()
    assert (is_returned, await meanwhile is first, await reconnecting is first) == (True, True, False)


async def test_the_key_in_a_vault_is_replaced(platform, store, sandbox):
    vault = Vault()
    tenants = AsyncTenants(platform, store, keys=vault)
    await tenants.connect(customer(1))
    old = vault.keys["org_1"]
    await tenants.reconnect(customer(1))
    assert vault.keys["org_1"] != old
    assert ((await entry_of(store, "org_1")).orphans, sandbox.mints) == (1, {"org_1": 2})


async def test_a_reconnection_in_doubt_is_not_settled_by_the_key_in_a_vault(platform, store, sandbox):
    tenants = AsyncTenants(platform, store, keys=Vault())
    await tenants.connect(customer(1))
    sandbox.faults.add("create_organization_api_key", "reset-after")
    with pytest.raises(AmbiguousWriteError):
        await tenants.reconnect(customer(1))
    with pytest.raises(ProvisioningError):
        await tenants.connect(customer(1))
    assert str((await entry_of(store, "org_1")).state) == "in_doubt"


async def test_all_platform_keys_of_the_variable_belong_to_the_store(sandbox, store, monkeypatch):
    old = Secret("bply_platform_0011223344556677")
    await store.identity.record(sandbox.base_url, [old])
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", f"{sandbox.platform_key},{old.reveal()}")
    async with AsyncBoooplyPlatform(base_url=sandbox.base_url) as platform:
        await AsyncTenants(platform.with_options(timeout=5), store).connect(customer(1))
        assert old.reveal() not in repr(vars(platform))
    await store.identity.check(sandbox.base_url, [Secret(sandbox.platform_key)])
    async with AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform:
        await AsyncTenants(platform, store).client("org_1")


async def test_a_late_key_replaces_the_one_that_it_was_minted_to_replace(store):
    recorder, late = Recorder(store), Secret("bply_org_late_0123456789")
    old = Secret("bply_org_old_0123456789")
    await recorder.finish(customer(1), old, claim_token="a/0")
    assert await recorder.restore("org_1", late) is False
    await recorder.claim(customer(1), claim_token="b/0", lease=9, replace=True)
    await recorder.begin("org_1", claim_token="b/0", lease=9)
    for _ in range(2):
        assert await recorder.restore("org_1", late) is True
    assert await store.keys.get("org_1") == late
    assert (await entry_of(store, "org_1")).orphans == 1
    assert await recorder.restore("org_1", old) is False
    assert await recorder.restore("org_2", Secret("bply_org_2_0123456789")) is None


async def seconds_to_ask_for_all(tenants: AsyncTenants) -> float:
    started = time.perf_counter()
    for number in range(1000):
        await tenants.client(f"org_{number}")
    return time.perf_counter() - started


async def test_a_thousand_cached_customers_cost_little(platform, sqlite_store_url, encryption_key):
    vault = Vault()
    vault.keys = {f"org_{number}": Secret(f"bply_org_{number}") for number in range(1000)}
    async with AsyncStore.open(sqlite_store_url, encryption_key=encryption_key) as store:
        tenants = AsyncTenants(platform, store, keys=vault, verify=False)
        await tenants.client("org_0")
        tracemalloc.start()
        for number in range(1000):
            await tenants.client(f"org_{number}")
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        seconds = min([await seconds_to_ask_for_all(tenants) for _ in range(20)])  # the machine may be busy
    assert (seconds < 0.05, grown < 10 * 2**20) == (True, True), f"{seconds * 1000:.1f} ms, {grown / 2**20:.2f} MB"


async def test_the_10_000_most_recently_used_clients_stay_cached(platform, store):
    vault = Vault()
    vault.keys = {f"org_{number}": Secret(f"bply_org_{number}") for number in range(10_001)}
    tenants = AsyncTenants(platform, store, keys=vault, verify=False, max_age=3600)
    clients = [await tenants.client(f"org_{number}") for number in range(10_000)]
    assert await tenants.client("org_0") is clients[0]  # and makes it the most recently used
    await tenants.client("org_10000")
    assert await tenants.client("org_0") is clients[0]
    assert await tenants.client("org_2") is clients[2]
    assert await tenants.client("org_1") is not clients[1]
