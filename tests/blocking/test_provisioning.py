"""Blocking tenants and bulk runs."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from boooply import AuthenticationError, BoooplyPlatform, NotConnectedError, Secret, Tenant, Tenants
from boooply.provisioning import AlreadyConnected, Connected, KeysNotStoredError, provision
from boooply.sandbox import Sandbox
from boooply.store import State, Store


def customer(number: int) -> Tenant:
    return Tenant(user_id="1", user_email="admin@acme.example", organization_id=f"org_{number}")


@pytest.fixture
def blocking_platform(threaded_sandbox: Sandbox) -> Iterator[BoooplyPlatform]:
    with BoooplyPlatform(platform_key=threaded_sandbox.platform_key, base_url=threaded_sandbox.base_url) as platform:
        yield platform


@pytest.fixture
def blocking_store(store_url: str, encryption_key: str) -> Iterator[Store]:
    with Store.open(store_url, encryption_key=encryption_key) as store:
        yield store


class Vault:
    def __init__(self) -> None:
        self.keys: dict[str, Secret] = {}
        self.threads: set[int] = set()
        self.is_broken = False

    def put(self, organization_id: str, api_key: Secret, /) -> None:
        if self.is_broken:
            raise OSError("the vault is sealed")
        self.threads.add(threading.get_ident())
        self.keys[organization_id] = api_key

    def get(self, organization_id: str, /) -> Secret:
        if organization_id not in self.keys:
            raise NotConnectedError(organization_id)
        return self.keys[organization_id]

    def delete(self, organization_id: str, /) -> None:
        self.keys.pop(organization_id, None)


def test_a_customer_is_connected_once_and_disconnected(
    blocking_platform: BoooplyPlatform, blocking_store: Store, threaded_sandbox: Sandbox
) -> None:
    tenants = Tenants(blocking_platform, blocking_store)
    with ThreadPoolExecutor(4) as threads:
        clients = list(threads.map(lambda _: tenants.connect(customer(1)), range(4)))
    assert {client.organization.get().external_org_id for client in clients} == {"org_1"}
    assert tenants.client("org_1").organization.get().external_org_id == "org_1"
    tenants.disconnect("org_1")
    with pytest.raises(NotConnectedError):
        tenants.client("org_1")
    assert threaded_sandbox.mints == {"org_1": 1}


def test_a_vault_of_ones_own_has_plain_methods(
    blocking_platform: BoooplyPlatform, blocking_store: Store, threaded_sandbox: Sandbox
) -> None:
    vault = Vault()
    tenants = Tenants(blocking_platform, blocking_store, keys=vault)
    assert tenants.connect(customer(1)).organization.get().external_org_id == "org_1"
    assert list(vault.keys) == ["org_1"]
    assert list(blocking_store.keys.organizations()) == []
    outcomes = {one.organization_id: type(one) for one in bulk(2, blocking_platform, blocking_store, keys=vault)}
    assert outcomes == {"org_0": Connected, "org_1": AlreadyConnected}
    tenants.disconnect("org_1")
    assert list(vault.keys) == ["org_0"]
    assert threaded_sandbox.mints == {"org_0": 1, "org_1": 1}


def bulk(count: int, platform: BoooplyPlatform, store: Store, **options):
    return list(provision(map(customer, range(count)), platform=platform, store=store, **options))


def test_a_bulk_run_iterates_in_the_callers_thread(
    blocking_platform: BoooplyPlatform, blocking_store: Store, threaded_sandbox: Sandbox
) -> None:
    with sqlite3.connect(":memory:") as rows:  # which refuses any other thread
        numbers = rows.execute(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 20) SELECT i FROM n"
        )
        tenants = (customer(number) for (number,) in numbers)
        outcomes = list(provision(tenants, platform=blocking_platform, store=blocking_store))
    rows.close()
    assert {outcome.organization_id for outcome in outcomes} == {f"org_{number}" for number in range(20)}
    assert {type(outcome) for outcome in outcomes} == {Connected}
    assert {type(outcome) for outcome in bulk(20, blocking_platform, blocking_store)} == {AlreadyConnected}
    assert set(threaded_sandbox.mints.values()) == {1}


def test_what_the_iterable_raises_ends_the_run(blocking_platform: BoooplyPlatform, blocking_store: Store) -> None:
    def tenants() -> Iterator[Tenant]:
        yield customer(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(provision(tenants(), platform=blocking_platform, store=blocking_store))
    with pytest.raises(TypeError):  # and so does a wrong iterable
        list(provision(3, platform=blocking_platform, store=blocking_store))  # type: ignore[arg-type]  # the mistake


def test_a_threads_event_ends_the_run(blocking_platform: BoooplyPlatform, blocking_store: Store) -> None:
    stop, count = threading.Event(), 0

    def endless() -> Iterator[Tenant]:
        number = 0
        while True:
            yield customer(number)
            number += 1

    for _ in provision(endless(), platform=blocking_platform, store=blocking_store, concurrency=2, stop=stop):
        count += 1
        if count == 5:
            stop.set()
    assert count >= 5


def test_a_run_that_is_left_early_records_what_is_under_way(
    blocking_platform: BoooplyPlatform, blocking_store: Store, threaded_sandbox: Sandbox
) -> None:
    for _ in provision(map(customer, range(1000)), platform=blocking_platform, store=blocking_store, concurrency=4):
        break
    assert set(blocking_store.keys.organizations()) == set(threaded_sandbox.mints)
    assert 0 < len(threaded_sandbox.mints) < 20


def test_keys_that_cannot_be_stored_are_in_the_error(blocking_platform: BoooplyPlatform, blocking_store: Store) -> None:
    vault = Vault()
    vault.is_broken = True
    with pytest.raises(KeysNotStoredError) as caught:
        bulk(1, blocking_platform, blocking_store, keys=vault)
    assert list(caught.value.keys) == ["org_0"]


def test_a_key_that_is_refused_ends_the_run(threaded_sandbox: Sandbox, blocking_store: Store) -> None:
    with (
        BoooplyPlatform(platform_key="bply_platform_wrong", base_url=threaded_sandbox.base_url) as platform,
        pytest.raises(AuthenticationError),
    ):
        bulk(3, platform, blocking_store)


def test_ctrl_c_waits_for_the_mint_on_the_wire_and_stays_a_keyboard_interrupt(blocking_store: Store) -> None:
    def interrupt() -> None:
        while not sandbox.mints:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    with (
        Sandbox(latency=1) as sandbox,
        BoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            list(provision([customer(1)], platform=platform, store=blocking_store))
        assert [entry.state for entry in blocking_store.ledger.entries()] == [State.DONE]


def test_a_vault_that_exits_does_not_end_the_event_loop(
    blocking_platform: BoooplyPlatform, blocking_store: Store
) -> None:
    vault = Vault()

    def leave(_organization_id: str, /) -> Secret:
        raise SystemExit

    vault.get = leave  # type: ignore[method-assign]  # a vault that ends the program
    with pytest.raises(RuntimeError, match="SystemExit"):
        Tenants(blocking_platform, blocking_store, keys=vault).client("org_1")
    with pytest.raises(NotConnectedError):
        Tenants(blocking_platform, blocking_store, keys=Vault()).client("org_1")
