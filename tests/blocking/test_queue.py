"""The blocking queue, on PostgreSQL."""

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from boooply import AuthenticationError, BoooplyPlatform, ConfigurationError, Tenant
from boooply.provisioning import Queue
from boooply.sandbox import Sandbox
from boooply.store import State, Store


def customers(count: int) -> Iterator[Tenant]:
    for number in range(count):
        yield Tenant(user_id="1", user_email="admin@acme.example", organization_id=f"org_{number}")


@pytest.fixture
def store(postgresql_store_url: str, encryption_key: str) -> Iterator[Store]:
    with Store.open(postgresql_store_url, encryption_key=encryption_key) as store:
        yield store


@pytest.fixture
def platform(threaded_sandbox: Sandbox) -> Iterator[BoooplyPlatform]:
    with BoooplyPlatform(platform_key=threaded_sandbox.platform_key, base_url=threaded_sandbox.base_url) as platform:
        yield platform


def states(store: Store) -> Counter[State]:
    return Counter(entry.state for entry in store.ledger.entries())


def test_queued_customers_are_connected_once(
    store: Store, platform: BoooplyPlatform, threaded_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with Queue.open(store) as queue:
        assert queue.enqueue(customers(10)) == 10
        assert queue.enqueue(customers(5)) == 5
        assert states(store) == {State.TODO: 10}
        queue.work([platform], wait=False)
    assert states(store) == {State.DONE: 10}
    assert set(threaded_sandbox.mints.values()) == {1}
    assert "Skipping signal handling" not in caplog.text


def test_stop_ends_the_work_once_the_requests_under_way_have_finished(
    store: Store, platform: BoooplyPlatform, threaded_sandbox: Sandbox
) -> None:
    stop = threading.Event()
    with Queue.open(store) as queue:
        queue.enqueue(customers(3))
        working = threading.Thread(target=queue.work, args=([platform],), kwargs={"stop": stop})
        working.start()
        while len(threaded_sandbox.mints) < 3:
            time.sleep(0.02)
        stop.set()
        working.join(20)
        assert not working.is_alive()
    assert states(store) == {State.DONE: 3}


def test_customers_are_read_in_batches_in_the_thread_of_the_caller(store: Store) -> None:
    threads = set[int]()

    def source() -> Iterator[Tenant]:
        for tenant in customers(501):
            threads.add(threading.get_ident())
            yield tenant

    with Queue.open(store) as queue:
        assert queue.enqueue(source()) == 501
    assert threads == {threading.get_ident()}
    assert states(store) == {State.TODO: 501}


def test_a_rejected_platform_key_ends_the_work(store: Store, threaded_sandbox: Sandbox) -> None:
    wrong = BoooplyPlatform(platform_key="bply_platform_wrong", base_url=threaded_sandbox.base_url)
    with wrong, Queue.open(store) as queue:
        queue.enqueue(customers(3))
        with pytest.raises(AuthenticationError):
            queue.work([wrong])
    assert states(store) == {State.TODO: 3}


def test_a_queue_on_sqlite_is_rejected(sqlite_store_url: str, encryption_key: str) -> None:
    with (
        Store.open(sqlite_store_url, encryption_key=encryption_key) as store,
        pytest.raises(ConfigurationError, match="PostgreSQL"),
        Queue.open(store),
    ):
        pass
