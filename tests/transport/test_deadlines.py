"""The time limit of an attempt: it ends when it should, cancellation stays cancellation, and no response is lost."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from boooply import APITimeoutError, AsyncBoooplyClient, DeadlineExceededError, RetryPolicy
from boooply.client import transport_of
from boooply.protocol.endpoints import GET_ORGANIZATION
from boooply.sandbox import Sandbox
from boooply.transport.deadlines import TimeLimit

ONCE = RetryPolicy(attempts=1)


@pytest.fixture
async def stalled(sandbox: Sandbox) -> AsyncIterator[AsyncBoooplyClient]:
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, retry=ONCE) as client:
        await client.organization.get()
        sandbox.faults.add("organization.get", "stall", times=10)
        yield client


async def _sleep(*, limit: float, seconds: float) -> tuple[float, bool]:
    """Sleep as an attempt would, and return how long that took and whether the limit ended it."""
    started = time.monotonic()
    try:
        async with TimeLimit(limit):
            await asyncio.sleep(seconds)
    except TimeoutError:
        return time.monotonic() - started, True
    return time.monotonic() - started, False


async def test_each_attempt_ends_at_its_own_time() -> None:
    limits, most = (0.3, 0.1, 0.2, 60.0), (0.3, 0.1, 0.2, 0.4)

    async def seconds_late() -> float:
        ended = await asyncio.gather(*(_sleep(limit=limit, seconds=0.4) for limit in limits))
        assert [is_late for _, is_late in ended] == [True, True, True, False]
        assert all(taken >= expected - 0.01 for (taken, _), expected in zip(ended, most, strict=True))
        return max(taken - expected for (taken, _), expected in zip(ended, most, strict=True))

    tries = 9  # the machine may be busy
    while await seconds_late() > 0.09:
        tries -= 1
        assert tries


async def test_an_attempt_that_has_ended_is_not_cancelled_later() -> None:
    await _sleep(limit=0.05, seconds=0)

    await asyncio.sleep(0.1)  # past the limit


async def test_an_attempt_is_cancelled_once_and_may_take_time_to_clean_up() -> None:
    async def attempt() -> None:
        async with TimeLimit(0.02):
            try:
                await asyncio.sleep(1)
            finally:
                await asyncio.sleep(0.05)

    with pytest.raises(TimeoutError):
        await attempt()


@pytest.mark.parametrize("module", ["asyncio", "uvloop"])
def test_a_suspended_process_loses_no_response_that_arrived_meanwhile(
    module: str, start_program: Callable[..., Any]
) -> None:
    with Sandbox(latency=0.8) as sandbox:
        program = f"""
            import asyncio, {module}
            from boooply import AsyncBoooplyPlatform, Tenant

            async def main():
                url, key = {sandbox.base_url!r}, {sandbox.platform_key!r}
                async with AsyncBoooplyPlatform(platform_key=key, base_url=url, timeout=1.5) as platform:
                    tenants = [Tenant(user_id="1", user_email="a@b.example", organization_id=n) for n in "0123456789"]
                    mints = map(platform.create_organization_api_key, tenants)
                    results = await asyncio.gather(*mints, return_exceptions=True)
                    print([type(result).__name__ for result in results])

            {module}.run(main())
        """
        command = [sys.executable, "-c", textwrap.dedent(program)]
        with start_program(command, stdout=subprocess.PIPE, text=True) as child:
            while sum(sandbox.mints.values()) < 10 and child.poll() is None:
                time.sleep(0.01)
            os.kill(child.pid, signal.SIGSTOP)
            time.sleep(3)
            os.kill(child.pid, signal.SIGCONT)
            assert child.stdout is not None
            results = child.stdout.read()

    assert results.strip() == str(["OrganizationApiKey"] * 10)


async def test_a_deadline_before_a_further_attempt_shows_the_status_of_the_last_response(
    client: AsyncBoooplyClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add("organization.get", "503")
    hasty = client.with_options(retry=RetryPolicy(backoff=30, deadline=10))

    with pytest.raises(
        DeadlineExceededError, match="no further attempt within 10 s; the last response was 503"
    ) as caught:
        await hasty.organization.get()

    assert caught.value.status == 503


async def test_a_task_is_not_cancelled_after_a_late_attempt(stalled: AsyncBoooplyClient) -> None:
    with pytest.raises(APITimeoutError, match=r"an attempt took longer than 0\.5 s"):
        await stalled.with_options(timeout=0.5).organization.get()

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_a_cancelled_call_raises_the_callers_cancellation(stalled: AsyncBoooplyClient) -> None:
    call = asyncio.ensure_future(stalled.organization.get())
    await asyncio.sleep(0.05)
    call.cancel("not wanted any more")

    with pytest.raises(asyncio.CancelledError, match="not wanted any more"):
        await call


async def test_the_callers_own_timeout_is_not_an_api_timeout(stalled: AsyncBoooplyClient) -> None:
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.05):
            await stalled.with_options(timeout=5).organization.get()
    assert not isinstance(caught.value, APITimeoutError)

    async with asyncio.timeout(20):
        with pytest.raises(APITimeoutError):
            await stalled.with_options(timeout=0.05).organization.get()


async def test_a_late_attempt_does_not_hide_that_the_caller_cancels() -> None:
    async def late() -> None:
        async with TimeLimit(0.02):
            try:
                await asyncio.sleep(1)
            finally:
                cancelled.set()
                await asyncio.sleep(1)

    cancelled = asyncio.Event()
    task = asyncio.ensure_future(late())
    await cancelled.wait()
    task.cancel("by the caller")

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_no_timer_outlives_its_attempt(sandbox: Sandbox) -> None:
    loop: Any = asyncio.get_running_loop()
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, timeout=77) as client:
        for _ in range(20):
            await client.organization.get()
        task = asyncio.create_task(client.organization.get())
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert not [timer for timer in loop._scheduled if "_expire" in repr(timer) and not timer.cancelled()]


async def test_on_send_is_not_called_once_the_deadline_has_passed(sandbox: Sandbox) -> None:
    called: list[str] = []

    async def note() -> None:
        called.append("called")

    retry = RetryPolicy(deadline=1e-7)
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, retry=retry) as client:
        with pytest.raises(DeadlineExceededError, match="no rate-limit slot"):
            await transport_of(client).send(GET_ORGANIZATION.request(), on_send=note, on_unsent=note)

    assert called == []
    assert sandbox.calls == ()
