"""One client over several event loops, one after the other and at once, and in forked children."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable

import pytest

from boooply import AsyncBoooplyClient
from boooply.sandbox import Sandbox

Run = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(threaded_sandbox: Sandbox, run_python: Callable[..., "subprocess.CompletedProcess[str]"]) -> Run:
    key, url = threaded_sandbox.api_key, threaded_sandbox.base_url
    quiet = "import logging\nlogging.getLogger('asyncio').setLevel('ERROR')"  # in debug mode it warns of slow steps
    head = f"{quiet}\nKEY, URL = {key!r}, {url!r}"
    command = [sys.executable, "-X", "dev", "-W", "error", "-c"]
    return lambda script: run_python([*command, f"{head}\n{textwrap.dedent(script)}"], text=True, timeout=20)


def test_one_client_serves_several_loops_one_after_the_other(threaded_sandbox: Sandbox) -> None:
    client = AsyncBoooplyClient(api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url)

    async def look() -> str | None:
        return (await client.organization.get()).id

    async def look_and_close() -> str | None:
        try:
            return await look()
        finally:
            await client.close()

    assert asyncio.run(look()) == asyncio.run(look_and_close())


def test_one_client_serves_two_loops_at_once(threaded_sandbox: Sandbox) -> None:
    client = AsyncBoooplyClient(api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url)
    both = threading.Barrier(2, timeout=5)
    done = threading.Event()
    found: list[str | None] = []

    async def look() -> None:
        found.append((await client.organization.get()).id)
        both.wait()
        found.append((await client.organization.get()).id)
        both.wait()
        await asyncio.to_thread(done.wait, 5)

    async def look_and_close() -> None:
        found.append((await client.organization.get()).id)
        both.wait()
        found.append((await client.organization.get()).id)
        both.wait()
        await client.close()
        done.set()

    thread = threading.Thread(target=asyncio.run, args=(look(),))
    thread.start()
    asyncio.run(look_and_close())
    thread.join(5)

    assert not thread.is_alive()
    assert len(found) == 4
    assert len(set(found)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_never_touches_its_parents_connections(run: Run) -> None:
    done = run(
        """
        import asyncio, os, warnings
        from boooply import AsyncBoooplyClient
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's own word on forking with threads
        client = AsyncBoooplyClient(api_key=KEY, base_url=URL)

        async def look():
            return (await client.organization.get()).id

        async def look_and_close():
            async with client:
                return await look()

        async def parent():
            ours = await look()
            child = os.fork()
            if child == 0:
                import threading
                thread = threading.Thread(target=lambda: os._exit(7 if asyncio.run(look_and_close()) == ours else 1))
                thread.start()
                thread.join()
            while os.waitpid(child, os.WNOHANG) == (0, 0):
                await asyncio.sleep(0.005)
            async with client:
                assert await look() == ours
            print("whole")

        asyncio.run(parent())
        """
    )

    assert (done.stdout.strip(), done.stderr, done.returncode) == ("whole", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_does_not_wait_for_calls_of_its_parent(run: Run) -> None:
    done = run(
        """
        import asyncio, logging, os, threading, warnings
        from boooply import AsyncBoooplyClient, RateLimits, RetryPolicy
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # on a busy machine debug mode warns of slow steps
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's own word on forking with threads
        limits = RateLimits(reads=1, window=600)
        client = AsyncBoooplyClient(api_key=KEY, base_url=URL, rate_limits=limits, retry=RetryPolicy(deadline=5))

        async def look():
            async with client:
                return (await client.organization.get()).id

        async def parent():
            calling = asyncio.create_task(look())
            while 0 not in [status.remaining for status in client.rate_limits.values()]:
                await asyncio.sleep(0)
            assert not calling.done()  # it has taken the window's only position
            child = os.fork()
            if child == 0:
                thread = threading.Thread(target=lambda: os._exit(7 if asyncio.run(look()) else 1))
                thread.start()
                thread.join()
                os._exit(2)
            while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
                await asyncio.sleep(0.005)
            assert await calling
            print(os.waitstatus_to_exitcode(ended[1]))

        asyncio.run(parent())
        """
    )

    assert (done.stdout.strip(), done.stderr, done.returncode) == ("7", "", 0)


def test_many_loops_share_a_rate_limit_without_a_stray_error(threaded_sandbox: Sandbox) -> None:
    client = AsyncBoooplyClient(api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url)
    problems: list[BaseException] = []

    async def look() -> None:
        await client.organization.get()

    def often() -> None:
        try:
            for _ in range(15):
                asyncio.run(look())
        except BaseException as problem:  # noqa: BLE001 - whatever it is, it is the finding
            problems.append(problem)

    threads = [threading.Thread(target=often) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    finally:
        sys.setswitchinterval(interval)

    assert problems == []
