"""One timer for all attempts of an event loop: each ends at its own time, and cancelling stays what it is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from boooply import APITimeoutError, AsyncBoooplyClient, DeadlineExceededError, RetryPolicy
from boooply.protocol.endpoints import GET_ORGANIZATION
from boooply.sandbox import Sandbox
from boooply.transport.deadlines import Deadlines

ONCE = RetryPolicy(attempts=1)


@pytest.fixture
async def deadlines() -> Deadlines:
    return Deadlines(asyncio.get_running_loop())


@pytest.fixture
async def stalled(sandbox: Sandbox) -> AsyncIterator[AsyncBoooplyClient]:
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, retry=ONCE) as client:
        await client.organization.get()
        sandbox.faults.add("organization.get", "stall", times=10)
        yield client


async def _sleep(deadlines: Deadlines, *, limit: float, seconds: float) -> tuple[float, bool]:
    """Sleep as an attempt that has to end, and say how long it took and whether that was for its time alone."""
    begun = time.monotonic()
    attempt = deadlines.begin(limit)
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(seconds)
    return time.monotonic() - begun, deadlines.end(attempt)


async def test_each_ends_at_its_own_time(deadlines: Deadlines) -> None:
    limits = (0.3, 0.1, 0.2, 5.0)
    ended = await asyncio.gather(*(_sleep(deadlines, limit=limit, seconds=0.4) for limit in limits))

    assert [is_late for _, is_late in ended] == [True, True, True, False]
    for (taken, _), most in zip(ended, (0.3, 0.1, 0.2, 0.4), strict=True):
        assert most - 0.01 <= taken < most + 0.09


async def test_what_has_ended_is_not_cut_short_later(deadlines: Deadlines) -> None:
    await _sleep(deadlines, limit=0.05, seconds=0)

    await asyncio.sleep(0.1)  # as long as the timer needs


async def test_what_is_late_is_cut_short_once_and_may_take_its_time_to_end(deadlines: Deadlines) -> None:
    attempt = deadlines.begin(0.02)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(1)
    await asyncio.sleep(0.05)

    assert deadlines.end(attempt)


async def test_a_later_attempt_is_watched_though_the_timer_is_set_for_an_earlier(deadlines: Deadlines) -> None:
    first = asyncio.ensure_future(_sleep(deadlines, limit=0.05, seconds=0))
    taken, is_late = await _sleep(deadlines, limit=0.15, seconds=1)

    assert not (await first)[1]
    assert is_late
    assert taken < 0.5


async def test_a_task_goes_on_uncancelled_after_a_late_attempt(stalled: AsyncBoooplyClient) -> None:
    with pytest.raises(APITimeoutError, match=r"an attempt took longer than 0\.05 s"):
        await stalled.with_options(timeout=0.05).organization.get()

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_whoever_cancels_a_call_gets_it_cancelled(stalled: AsyncBoooplyClient) -> None:
    call = asyncio.ensure_future(stalled.organization.get())
    await asyncio.sleep(0.05)
    call.cancel("not wanted any more")

    with pytest.raises(asyncio.CancelledError, match="not wanted any more"):
        await call


async def test_a_timeout_of_the_callers_own_is_told_apart(stalled: AsyncBoooplyClient) -> None:
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.05):
            await stalled.with_options(timeout=5).organization.get()
    assert not isinstance(caught.value, APITimeoutError)

    async with asyncio.timeout(5):
        with pytest.raises(APITimeoutError):
            await stalled.with_options(timeout=0.05).organization.get()


async def test_being_late_does_not_hide_that_somebody_cancels(deadlines: Deadlines) -> None:
    async def both() -> bool:
        task = asyncio.current_task()
        assert task is not None
        attempt = deadlines.begin(5)
        attempt.cut_short()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(1)
        return deadlines.end(attempt)

    assert await asyncio.ensure_future(both()) is False


async def test_many_calls_have_one_timer_which_ends_with_the_client(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []
    call_later = loop.call_later

    def noted(delay: float, callback: Callable[..., object], *rest: Any, **context: Any) -> asyncio.TimerHandle:
        timer = call_later(delay, callback, *rest, **context)
        timers.extend([timer] if delay > 70 else [])
        return timer

    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, timeout=77) as client:
        monkeypatch.setattr(loop, "call_later", noted)
        for _ in range(20):
            await client.organization.get()
        assert [timer.cancelled() for timer in timers] == [False]

    assert [timer.cancelled() for timer in timers] == [True]


async def test_nobody_is_told_of_a_send_once_the_deadline_is_over(sandbox: Sandbox) -> None:
    told: list[str] = []

    async def note() -> None:
        told.append("told")

    retry = RetryPolicy(deadline=1e-7)
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, retry=retry) as client:
        with pytest.raises(DeadlineExceededError, match="no turn in line"):
            await client.transport.send(GET_ORGANIZATION.request(), on_send=note, on_unsent=note)

    assert told == []
    assert sandbox.calls == ()
