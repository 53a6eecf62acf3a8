"""What made blocking calls hang: each case works, or raises one clear error at once."""

import asyncio
import gc
import os
import queue
import sys
import threading
import time
import weakref
from concurrent.futures import CancelledError
from importlib.util import find_spec
from pathlib import Path

import pytest

from boooply import BoooplyClient, ConfigurationError
from boooply.blocking import runner
from boooply.sandbox import Sandbox


def make_client(sandbox: Sandbox) -> BoooplyClient:
    return BoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url)


# ---- the loop's thread cannot start


@pytest.mark.parametrize("code", ["raise RuntimeError", "def new_event_loop(): raise OSError", ""])
def test_a_broken_uvloop_falls_back_to_asyncio(run_program, tmp_path: Path, code: str) -> None:
    (tmp_path / "uvloop").mkdir()
    (tmp_path / "uvloop/__init__.py").write_text(code)
    done = run_program(
        """
        sys.path.insert(0, PATH)
        from boooply import BoooplyClient
        with BoooplyClient(api_key=KEY, base_url=URL) as client:
            print(client.organization.get().plan)
        """.replace("PATH", repr(str(tmp_path)))
    )

    assert (done.stdout.strip(), done.stderr, done.returncode) == ("CUSTOM", "", 0)


@pytest.mark.skipif(sys.platform == "win32", reason="this system does not count descriptors")
def test_a_loop_that_gets_no_file_descriptor_raises_and_the_next_call_works(run_program) -> None:
    done = run_program(
        """
        import asyncio, resource
        from boooply import BoooplyClient
        import boooply.blocking.client, boooply.sandbox
        from boooply.sandbox import Sandbox
        try:
            import uvloop
        except ImportError:
            pass
        client = BoooplyClient(api_key=KEY, base_url=URL)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/dev/fd"))) + 1, hard))
        taken = []
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        for start in (client.organization.get, Sandbox().__enter__):
            try:
                start()
            except OSError as error:
                print(error.errno)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        print(client.organization.get().plan)
        client.close()
        """
    )

    # asyncio reports the loop that it could not complete on stderr
    assert (done.stdout.split(), done.returncode) == (["24", "24", "CUSTOM"], 0), done.stderr


def test_any_exception_in_the_thread_reaches_the_caller(
    threaded_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    client = make_client(threaded_sandbox)
    with monkeypatch.context() as patch:
        patch.setattr(runner, "_new_loop", fail)
        with pytest.raises(ZeroDivisionError):
            client.organization.get()
    assert client.organization.get().id
    client.close()


def test_a_thread_that_cannot_start_reaches_the_caller(
    threaded_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    client = make_client(threaded_sandbox)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            client.organization.get()
        with pytest.raises(RuntimeError, match="can't start new thread"):
            Sandbox().__enter__()
    assert client.organization.get().id
    client.close()


def test_any_exception_in_the_thread_of_a_sandbox_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(asyncio, "Runner", fail)
    with pytest.raises(ZeroDivisionError):
        Sandbox().__enter__()


# ---- green threads


@pytest.mark.usefixtures("kind")
@pytest.mark.skipif(find_spec("gevent") is None, reason="gevent is not installed")
def test_under_gevent_the_first_call_names_the_worker_class_to_use(run_program) -> None:
    done = run_program(
        """
        import warnings
        warnings.simplefilter("ignore")  # gevent's own
        from gevent import monkey
        monkey.patch_all()
        import gevent
        from boooply import BoooplyClient, ConfigurationError
        from boooply.store import Deduplicator
        ticks = gevent.spawn(lambda: [gevent.sleep(0.01) for _ in range(5)])
        for _ in range(2):
            try:
                BoooplyClient(api_key=KEY, base_url=URL).organization.get()
            except ConfigurationError as error:
                print(error)
        ticks.join()
        """
    )

    reason = (
        "gevent has replaced Python's threads, which blocking calls need: use threads instead "
        "(gunicorn: --worker-class gthread)"
    )
    assert (done.stdout.splitlines(), done.returncode) == ([reason, reason], 0), done.stderr


# ---- calls that interrupt the loop, or a call


def test_a_call_from_a_finalizer_in_the_loops_own_thread_raises(threaded_sandbox: Sandbox) -> None:
    problems: list[Exception] = []

    class Careless:
        def __del__(self) -> None:
            call()

    def call(_: object = None) -> None:
        try:
            client.organization.get()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            problems.append(error)

    async def collect() -> None:
        cycle = [Careless()]
        cycle.append(cycle)  # type: ignore[arg-type]  # so that the garbage collector runs it
        watched = threading.Event()
        kept.append(weakref.ref(watched, call))
        del cycle, watched
        gc.collect()

    kept: list[object] = []
    with make_client(threaded_sandbox) as client:
        client._runner.run(collect)
        assert client.organization.get().id
    assert [type(problem) for problem in problems] == [RuntimeError, RuntimeError]
    assert "would wait for itself" in str(problems[0])


def test_a_close_in_the_loops_own_thread_does_not_wait_for_itself(threaded_sandbox: Sandbox) -> None:
    async def close() -> None:
        client.close()

    client = make_client(threaded_sandbox)
    client._runner.run(close)
    client.close()
    with pytest.raises(ConfigurationError, match="this client is closed"):
        client.organization.get()


STORM = """
import faulthandler, random, signal
from boooply import BoooplyClient, ConfigurationError
faulthandler.dump_traceback_later(TIMEOUT, exit=True)
signals = calls = refused = 0
clients = [BoooplyClient(api_key=KEY, base_url=URL)]

async def nothing():
    return 1

def attempt(act):
    global calls, refused
    try:
        act()
        calls += 1
    except ConfigurationError:  # closed meanwhile
        refused += 1

def interrupt(*_):
    global signals
    signals += 1
    client = clients[-1]
    attempt(client.close if random.random() < CLOSING else lambda: client._runner.run(nothing))
    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 5e-4))

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 1e-4)
while signals < SIGNALS:
    client = clients[-1]
    for _ in range(EACH):
        attempt(lambda: client._runner.run(nothing))
    if CLOSING:
        client.close()
        clients[:] = [BoooplyClient(api_key=KEY, base_url=URL)]
signal.signal(signal.SIGALRM, lambda *_: None)  # first: a last handler may still set the timer
signal.setitimer(signal.ITIMER_REAL, 0)
clients[-1].close()
print(signals >= SIGNALS, calls > 0, bool(refused) == bool(CLOSING))
"""


@pytest.mark.usefixtures("kind")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no interval timer")
@pytest.mark.parametrize(("closing", "each"), [(0.0, 100), (0.3, 3)], ids=["calls", "calls and close"])
def test_a_signal_handler_may_call_and_close(run_program, closing: float, each: int) -> None:
    done = run_program(
        STORM.replace("TIMEOUT", "30")
        .replace("CLOSING", str(closing))
        .replace("EACH", str(each))
        .replace("SIGNALS", "300"),
        timeout=40,
    )

    assert (done.stdout.strip(), done.stderr, done.returncode) == ("True True True", "", 0)


# ---- the end of the interpreter


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("order", ["before", "after", "inside"])
def test_the_first_call_at_exit_works_or_raises_one_clear_error(run_program, order: str) -> None:
    done = run_program(
        """
        import atexit
        from boooply import BoooplyClient

        def last() -> None:
            try:
                print((client or BoooplyClient(api_key=KEY, base_url=URL)).organization.get().plan)
            except Exception as error:
                print(type(error).__name__)

        client = None
        if ORDER == "before":
            atexit.register(last)
        if ORDER != "inside":
            client = BoooplyClient(api_key=KEY, base_url=URL)
        if ORDER != "before":
            atexit.register(last)
        """.replace("ORDER", repr(order))
    )

    assert done.stdout.strip() in {"CUSTOM", "ConfigurationError", "RuntimeError"}
    assert (done.stderr, done.returncode) == ("", 0)


# ---- waits


def test_a_wait_notices_that_its_thread_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_SLICE", 0.05)
    thread = runner.LoopThread()
    threading.Timer(0.2, thread.stop).start()

    with pytest.raises(queue.Empty):
        thread._wait(queue.SimpleQueue())
    assert thread.is_over


def test_a_loop_that_a_call_has_ended_takes_no_more_calls(threaded_sandbox: Sandbox) -> None:
    async def end() -> None:
        raise SystemExit

    client = make_client(threaded_sandbox)
    with pytest.raises(SystemExit):
        client._runner.run(end)
    while any(thread.name == "boooply" for thread in threading.enumerate()):
        time.sleep(0.001)
    with pytest.raises(CancelledError, match="its event loop has ended"):
        client.organization.get()
