"""Where blocking calls run: one thread per pool, gone with its last client, harmless at exit and after a fork."""

import asyncio
import gc
import os
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from pathlib import Path

import pytest

from boooply import (
    AIInterview,
    BoooplyClient,
    BoooplyError,
    BoooplyPlatform,
    Candidate,
    ConfigurationError,
    NotFoundError,
    RateLimitClass,
    RateLimits,
)
from boooply.blocking.runner import LoopRunner, LoopThread
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore, Store

pytestmark = pytest.mark.usefixtures("kind")


def loop_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "boooply"]


@pytest.fixture
def opened(threaded_sandbox: Sandbox):
    with BoooplyClient(api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url) as client:
        yield client


def test_the_loop_is_uvloops_where_that_is_installed(opened: BoooplyClient, kind: str) -> None:
    async def module() -> str:
        return type(asyncio.get_running_loop()).__module__.partition(".")[0]

    assert opened._runner.run(module) == kind


def test_the_thread_starts_with_the_first_call_and_ends_with_close(threaded_sandbox: Sandbox) -> None:
    client = BoooplyClient(api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url)
    assert loop_threads() == []
    assert client.organization.get().id
    assert len(loop_threads()) == 1

    client.close()
    client.close()

    assert loop_threads() == []
    with pytest.raises(ConfigurationError, match="this client is closed"):
        client.organization.get()
    with pytest.raises(ConfigurationError, match="this client is closed"), client:
        pass
    assert loop_threads() == []


def test_all_clients_of_a_platform_share_its_thread(threaded_sandbox: Sandbox, tenant) -> None:
    with BoooplyPlatform(platform_key=threaded_sandbox.platform_key, base_url=threaded_sandbox.base_url) as platform:
        key = platform.create_organization_api_key(tenant).api_key
        clients = [platform.organization(key) for _ in range(50)]
        ids = {client.organization.get().external_org_id for client in clients}

        assert ids == {tenant.organization_id}
        assert len(loop_threads()) == 1


def test_clients_that_are_never_closed_leave_no_threads_or_sockets(threaded_sandbox: Sandbox) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208 - a count of descriptors
    for _ in range(10):
        client = BoooplyClient(api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url)
        assert client.organization.get().id
        del client
        gc.collect()

    assert loop_threads() == []
    after = len(os.listdir("/proc/self/fd")) if before else 0  # noqa: PTH208 - the same
    assert after <= before + 1  # the sandbox may not have noticed the last hang-up yet


def test_many_threads_call_at_once(opened: BoooplyClient) -> None:
    with ThreadPoolExecutor(16) as threads:
        ids = set(threads.map(lambda _: opened.organization.get().id, range(64)))

    assert len(ids) == 1
    assert len(loop_threads()) == 1


def test_calls_that_are_handed_over_together_keep_their_own_contexts(opened: BoooplyClient) -> None:
    who, is_busy, release = ContextVar("who", default=-1), threading.Event(), threading.Event()
    runner = opened._runner

    async def hold_up():
        is_busy.set()
        release.wait(10)

    async def read():
        return who.get()

    def call(number: int) -> object:
        who.set(number)
        return runner.run(read)

    with ThreadPoolExecutor(9) as threads:
        holding = threads.submit(runner.run, hold_up)
        is_busy.wait(10)
        calls = [threads.submit(copy_context().run, call, number) for number in range(8)]
        time.sleep(0.2)  # until all of them wait
        release.set()
        assert [one.result(10) for one in calls] == list(range(8))
        holding.result(10)


def test_a_call_that_has_not_begun_when_the_client_closes_raises(
    opened: BoooplyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_busy, may_continue, handed_over = threading.Event(), threading.Event(), threading.Semaphore(0)
    hand_over = LoopThread._hand_over

    def counted(thread: LoopThread, callback: Callable[[], object]) -> None:
        hand_over(thread, callback)
        handed_over.release()

    async def hold_up():
        is_busy.set()
        may_continue.wait(30)  # it must block the loop
        await asyncio.sleep(10)

    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(opened._runner.run, hold_up)]
        assert is_busy.wait(10)
        monkeypatch.setattr(LoopThread, "_hand_over", counted)
        for function in (opened.organization.get, opened.close):
            calls.append(threads.submit(function))
            assert handed_over.acquire(timeout=10)
        closing = calls.pop()
        may_continue.set()
        for one in calls:
            with pytest.raises(BoooplyError):
                one.result(10)
        closing.result(10)


async def test_it_works_inside_a_running_loop_as_in_a_notebook(threaded_sandbox: Sandbox) -> None:
    with BoooplyClient(api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url) as client:
        assert client.organization.get().id
        assert asyncio.get_running_loop().is_running()


def test_an_error_comes_through_as_it_is(opened: BoooplyClient) -> None:
    with pytest.raises(NotFoundError) as caught:
        opened.interviews.get("nothing")

    assert caught.value.operation == "interviews.get"


def test_an_iteration_that_is_left_early_ends(opened: BoooplyClient) -> None:
    request = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
    codes = {opened.interviews.create(request).code for _ in range(2)}

    for interview in opened.interviews.iterate():
        assert interview.meeting_code in codes
        break

    assert opened.organization.get().id


def test_a_script_that_forgets_to_close_ends_silently(run_program) -> None:
    done = run_program(
        """
        from boooply import BoooplyClient
        client = BoooplyClient(api_key=KEY, base_url=URL)
        print(client.organization.get().plan)
        """
    )

    assert (done.stdout.strip(), done.stderr, done.returncode) == ("CUSTOM", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_opens_its_own(run_program) -> None:
    done = run_program(
        """
        import os, warnings
        from boooply import BoooplyClient
        client = BoooplyClient(api_key=KEY, base_url=URL)
        ours = client.organization.get().id
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's own word on forking with threads
        child = os.fork()
        if child == 0:
            assert client.organization.get().id == ours
            raise SystemExit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert client.organization.get().id == ours
        """
    )

    assert (done.stderr, done.returncode) == ("", 0)


STORE = """
import os, warnings
from cryptography.fernet import Fernet
from boooply import Tenants, BoooplyPlatform, StoreError, Tenant
from boooply.store import Store
platform = BoooplyPlatform(platform_key=PLATFORM_KEY, base_url=URL)
opening = Store.open(encryption_key=Fernet.generate_key().decode())
tenants = Tenants(platform, opening.__enter__())
tenants.connect(Tenant(user_id="1", user_email="a@b.example", organization_id="org_1"))
"""


def test_a_script_that_never_closes_its_store_ends_silently(run_program, tmp_path: Path) -> None:
    done = run_program(STORE, cwd=tmp_path)

    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_does_not_wait_for_what_the_parent_has_handed_over(run_program) -> None:
    done = run_program(
        """
        import logging, os, threading, time, warnings
        from boooply import BoooplyClient
        logging.getLogger("asyncio").setLevel("ERROR")  # in debug mode it reports a slow step
        client = BoooplyClient(api_key=KEY, base_url=URL)
        is_busy = threading.Event()
        async def hold_up():
            is_busy.set()
            time.sleep(1)
        threading.Thread(target=client._runner.run, args=(hold_up,)).start()
        is_busy.wait()
        threading.Thread(target=client.organization.get).start()
        time.sleep(0.1)  # until it waits
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's own word on forking with threads
        child = os.fork()
        if child == 0:
            print(client.organization.get().plan, flush=True)
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        """
    )

    assert (done.stdout.strip(), done.stderr, done.returncode) == ("CUSTOM", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_store_that_was_opened_before_a_fork_says_so(run_program, tmp_path: Path) -> None:
    after = """
warnings.simplefilter("ignore", DeprecationWarning)  # Python's own word on forking with threads
child = os.fork()
if child == 0:
    try:
        tenants.connect(Tenant(user_id="1", user_email="a@b.example", organization_id="org_2"))
    except StoreError as error:
        print(error, flush=True)
    opening.__exit__(None, None, None)  # closes nothing of the parent's, and hangs on nothing
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
tenants.connect(Tenant(user_id="1", user_email="a@b.example", organization_id="org_3"))
opening.__exit__(None, None, None)
"""
    done = run_program(STORE + after, cwd=tmp_path)

    assert (
        done.stdout.strip() == "the store was opened before a fork, in another process. Open it again in this process."
    )
    assert (done.stderr, done.returncode) == ("", 0)


def test_an_awaited_store_is_left_in_a_forked_child(run_program, tmp_path: Path) -> None:
    done = run_program(
        """
        import asyncio, os, warnings
        from cryptography.fernet import Fernet
        from boooply.store import AsyncStore
        async def main():
            async with AsyncStore.open(encryption_key=Fernet.generate_key().decode()) as store:
                await store.keys.put("org_1", "bply_org_0123456789abcdef")
                warnings.simplefilter("ignore", DeprecationWarning)  # Python's own word on forking with threads
                child = os.fork()
            if child == 0:
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        asyncio.run(main())
        """,
        cwd=tmp_path,
    )

    assert (done.stderr, done.returncode) == ("", 0)


def test_an_opening_that_is_interrupted_leaves_no_store_open(
    monkeypatch: pytest.MonkeyPatch, sqlite_store_url: str, encryption_key: str
) -> None:
    ended = threading.Event()

    @asynccontextmanager
    async def slowly(*_arguments: object, **_options: object) -> AsyncGenerator[None]:
        threading.Timer(0.05, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
        try:
            await asyncio.sleep(30)
            yield
        finally:
            ended.set()

    monkeypatch.setattr(AsyncStore, "open", slowly)
    with pytest.raises(KeyboardInterrupt), Store.open(sqlite_store_url, encryption_key=encryption_key):
        pass
    assert ended.wait(20)
    assert loop_threads() == []


def test_an_interrupt_cancels_the_call() -> None:
    caller = threading.get_ident()

    def interrupt() -> None:
        while not stalled.calls:
            time.sleep(0.01)
        signal.pthread_kill(caller, signal.SIGINT)

    with Sandbox() as stalled, BoooplyClient(api_key=stalled.api_key, base_url=stalled.base_url) as client:
        stalled.faults.add("organization.get", "stall")
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            client.organization.get()

        async def running() -> int:
            return len(asyncio.all_tasks())

        # the portal's own task and this one
        assert client._runner.run(running) <= 2


def test_close_ends_those_who_wait_in_line(threaded_sandbox: Sandbox) -> None:
    client = BoooplyClient(
        api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url, rate_limits=RateLimits(reads=1, window=60)
    )
    threaded_sandbox.faults.add("organization.get", "502", times=None)
    with ThreadPoolExecutor(5) as threads:
        waiting = [threads.submit(client.organization.get) for _ in range(5)]
        while client.rate_limits[RateLimitClass.READS].waiting < 4:
            time.sleep(0.001)
        begun = time.monotonic()
        client.close()
        problems = [future.exception(20) for future in waiting]  # and not only after a window

    assert time.monotonic() - begun < 2
    assert all(isinstance(problem, ConfigurationError) for problem in problems)


def test_a_call_that_begins_while_another_thread_closes_ends_with_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find, has_begun = LoopRunner._thread, threading.Event()

    def slowly(runner: LoopRunner) -> LoopThread:
        thread = find(runner)
        has_begun.set()
        time.sleep(0.3)  # long enough to close everything
        return thread

    with Sandbox(latency=2) as sandbox, ThreadPoolExecutor(1) as pool:  # so that no response comes first
        client = BoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url)
        monkeypatch.setattr(LoopRunner, "_thread", slowly)
        calling = pool.submit(client.organization.get)
        has_begun.wait()
        client.close()
        with pytest.raises(ConfigurationError, match="this client is closed"):
            calling.result(timeout=20)
