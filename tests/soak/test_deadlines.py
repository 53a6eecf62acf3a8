"""How late a call with a deadline ends, on the real clock: at most 50 ms at the 99th percentile.

Each call runs next to a plain timer with the same deadline. A delay of both, on a busy machine, is not the call's.
"""

import asyncio
import random
import time
from contextlib import suppress
from statistics import median

from boooply import AsyncBoooplyClient, BoooplyError, RetryPolicy
from boooply.sandbox import Sandbox

CALLS, AT_ONCE = 1_000, 20
ALLOWED = 0.05


async def test_overrun() -> None:
    rng = random.Random(1)
    late: list[float] = []
    timers_late: list[float] = []  # the latest of each round: a call that blocks the event loop delays its timer too
    async with Sandbox() as sandbox, AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
        await client.organization.get()

        async def call(seconds: float) -> float:
            begun = time.perf_counter()
            with suppress(BoooplyError):
                await client.with_options(retry=RetryPolicy(deadline=seconds, backoff=0.01)).organization.get()
            return time.perf_counter() - begun - seconds

        async def timer(seconds: float) -> float:
            begun = time.perf_counter()
            await asyncio.sleep(seconds)
            return time.perf_counter() - begun - seconds

        for _ in range(0, CALLS, AT_ONCE):
            for fault in ("stall", "slow-drip", "503", "reset-after"):
                sandbox.faults.add("organization.get", fault, times=AT_ONCE // 4)
            moments = [rng.uniform(0.02, 0.2) for _ in range(AT_ONCE)]
            pairs = await asyncio.gather(*(asyncio.gather(call(moment), timer(moment)) for moment in moments))
            late += [of_call - max(0.0, of_timer) for of_call, of_timer in pairs]
            timers_late.append(max(of_timer for _, of_timer in pairs))
            sandbox.faults.clear()

    late.sort()
    worst = late[int(len(late) * 0.99)]
    print(f"{len(late)} calls with a deadline: overrun {worst * 1000:.1f} ms at p99, {late[-1] * 1000:.1f} ms at most")
    print(f"timers: {median(timers_late) * 1000:.1f} ms in the median round, {max(timers_late) * 1000:.1f} ms at most")
    assert worst <= ALLOWED
    assert median(timers_late) <= ALLOWED
