"""Callers start first come, first served, on any number of event loops and threads."""

import asyncio
import signal
import threading
import time

import pytest

from boooply import RateLimitClass, RateLimits, Secret
from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.limiter import RateLimiter
from boooply.transport.local_limiter import LocalLimiter
from boooply.transport.pool import Pool


async def test_a_newcomer_does_not_overtake_a_waiter() -> None:
    limiter = LocalLimiter(RateLimiter(1, 0.2))
    limiter.finish(None, started=await limiter.acquire())
    waiting = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0.01)
    time.sleep(0.25)  # noqa: ASYNC251 - the window ends, and no task of this loop has noticed yet
    newcomer = asyncio.create_task(limiter.acquire())
    async with asyncio.timeout(20):
        done, _ = await asyncio.wait({waiting, newcomer}, return_when=asyncio.FIRST_COMPLETED)
        assert done == {waiting}
        limiter.finish(None, started=waiting.result())
        await newcomer


async def test_waiters_start_in_the_order_in_which_they_came() -> None:
    limiter = LocalLimiter(RateLimiter(1, 60))
    started, order = await limiter.acquire(), []

    async def call(number: int) -> None:
        limiter.release(started=await limiter.acquire())
        order.append(number)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(call(number))
        await asyncio.sleep(0.01)
        limiter.release(started=started)
    assert order == [0, 1, 2, 3, 4]


async def test_a_caller_starts_at_once_while_there_is_budget_and_counts() -> None:
    limiter = LocalLimiter(RateLimiter(2, 60))
    for _ in range(2):
        limiter.finish(None, started=await limiter.acquire())
    assert limiter.status().remaining == 0
    third = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0.05)
    assert not third.done()
    third.cancel()


async def test_a_released_call_wakes_the_first_waiter() -> None:
    limiter = LocalLimiter(RateLimiter(1, 60))
    started = await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0.01)
    limiter.release(started=started)
    async with asyncio.timeout(20):
        await waiting


async def test_a_response_that_reports_a_higher_limit_wakes_the_first_waiter() -> None:
    limiter = LocalLimiter(RateLimiter(1, 60))
    started = await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0.01)
    limiter.finish(RateLimitHeaders(limit=2), started=started)
    async with asyncio.timeout(20):
        await waiting


async def test_a_call_released_by_another_thread_wakes_the_first_waiter() -> None:
    limiter = LocalLimiter(RateLimiter(1, 60))
    started = await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0.01)
    await asyncio.to_thread(limiter.release, started=started)
    async with asyncio.timeout(20):
        await waiting


async def test_when_waiters_are_cancelled_the_next_one_moves_up() -> None:
    limiter = LocalLimiter(RateLimiter(1, 60))
    started = await limiter.acquire()
    first, second, third = (asyncio.create_task(limiter.acquire()) for _ in range(3))
    await asyncio.sleep(0.01)
    assert limiter.status().waiting == 3
    for waiting, cancelled in ((2, second), (1, first)):
        cancelled.cancel()
        await asyncio.wait({cancelled})
        assert limiter.status().waiting == waiting
    limiter.release(started=started)
    async with asyncio.timeout(20):
        await third
    assert limiter.status().waiting == 0


@pytest.mark.parametrize("is_closed", [False, True])
async def test_a_waiter_on_an_event_loop_that_stopped_blocks_no_other_loop(is_closed: bool) -> None:
    limiter = LocalLimiter(RateLimiter(1, 60))
    started = await limiter.acquire()
    loop, tasks = asyncio.new_event_loop(), list[asyncio.Task[float]]()

    async def wait_there() -> None:
        tasks.append(asyncio.create_task(limiter.acquire()))
        await asyncio.sleep(0.01)

    await asyncio.to_thread(loop.run_until_complete, wait_there())
    assert limiter.status().waiting == 1
    if is_closed:
        tasks[0]._log_destroy_pending = False  # type: ignore[attr-defined]  # it is left pending on purpose
        loop.close()
    waiting = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0.01)
    limiter.release(started=started)
    async with asyncio.timeout(20):
        await waiting
    if not is_closed:
        tasks[0].cancel()
        await asyncio.to_thread(loop.run_until_complete, asyncio.wait(tasks))
        loop.close()


def test_callers_on_several_event_loops_share_the_limit() -> None:
    limiter = LocalLimiter(RateLimiter(3, 0.2))
    starts: list[float] = []

    async def call() -> None:
        started = await limiter.acquire()
        starts.append(started)
        limiter.finish(None, started=started)

    async def make_calls() -> None:
        async with asyncio.timeout(10):
            await asyncio.gather(*(call() for _ in range(4)))

    threads = [threading.Thread(target=asyncio.run, args=[make_calls()]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    starts.sort()
    assert len(starts) == 12
    assert all(later - earlier >= 0.2 for earlier, later in zip(starts, starts[3:], strict=False))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
async def test_a_signal_handler_may_ask_for_the_status_at_any_time() -> None:
    limiter = LocalLimiter(RateLimiter(10**9, 60))
    asked = 0

    def ask(*_: object) -> None:
        nonlocal asked
        asked += limiter.status().limit == 10**9

    before = signal.signal(signal.SIGALRM, ask)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        async with asyncio.timeout(10):
            while asked < 300:
                limiter.release(started=await limiter.acquire())
                limiter.wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


async def test_a_call_that_the_garbage_collector_ends_inside_another_one_does_not_deadlock() -> None:
    limiter = LocalLimiter(RateLimiter(2, 60))
    started = await limiter.acquire()
    with limiter._mutex:  # where the collector may run
        limiter.release(started=started)
    assert limiter.status().remaining == 2


async def test_the_limiters_of_keys_that_are_no_longer_used_are_dropped(monkeypatch) -> None:
    monkeypatch.setattr("boooply.transport.pool._MANY_LIMITERS", 4)
    pool = Pool("https://api.example", RateLimits(window=0.05))
    busy, *used = [Secret(f"bply_org_{number:016}") for number in range(4)]
    kept = pool.limiter(busy, RateLimitClass.READS)
    assert kept is not None
    await kept.acquire()  # still in flight
    for key in used:
        limiter = pool.limiter(key, RateLimitClass.READS)
        assert limiter is not None
        limiter.finish(None, started=await limiter.acquire())
    await asyncio.sleep(0.1)

    pool.limiter(Secret("bply_org_new_0123456789"), RateLimitClass.READS)

    assert len(pool._limiters) == 2
    assert pool.limiter(busy, RateLimitClass.READS) is kept
