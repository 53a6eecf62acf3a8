"""Who stands in line first starts first, on however many event loops."""

import asyncio
import time

from boooply.ratelimit.limiter import RateLimiter
from boooply.transport.local_limiter import LocalLimiter


async def test_a_newcomer_does_not_overtake_who_stands_in_line() -> None:
    gate = LocalLimiter(RateLimiter(1, 0.2))
    gate.leave(None, started=await gate.enter())
    waiting = asyncio.create_task(gate.enter())
    await asyncio.sleep(0.01)
    time.sleep(0.25)  # noqa: ASYNC251 - the window ends, and nobody on this loop has noticed yet
    newcomer = asyncio.create_task(gate.enter())
    async with asyncio.timeout(5):
        done, _ = await asyncio.wait({waiting, newcomer}, return_when=asyncio.FIRST_COMPLETED)
        assert done == {waiting}
        gate.leave(None, started=waiting.result())
        await newcomer


async def test_who_finds_nobody_in_line_starts_at_once_and_counts() -> None:
    gate = LocalLimiter(RateLimiter(2, 60))
    for _ in range(2):
        gate.leave(None, started=await gate.enter())
    assert gate.allowance().remaining == 0
    third = asyncio.create_task(gate.enter())
    await asyncio.sleep(0.05)
    assert not third.done()
    third.cancel()


async def test_news_wake_who_sleeps() -> None:
    gate = LocalLimiter(RateLimiter(1, 60))
    started = await gate.enter()
    waiting = asyncio.create_task(gate.enter())
    await asyncio.sleep(0.01)
    gate.release(started=started)  # it never reached the API
    async with asyncio.timeout(1):
        await waiting


async def test_news_from_another_thread_wake_who_sleeps() -> None:
    gate = LocalLimiter(RateLimiter(1, 60))
    started = await gate.enter()
    waiting = asyncio.create_task(gate.enter())
    await asyncio.sleep(0.01)
    await asyncio.to_thread(gate.release, started=started)
    async with asyncio.timeout(1):
        await waiting
