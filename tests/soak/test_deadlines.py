"""How late a call with a deadline ends, on the real clock: at most 50 ms at the 99th percentile."""

import asyncio
import random
import time
from contextlib import suppress

from boooply import AsyncBoooplyClient, BoooplyError, RetryPolicy
from boooply.sandbox import Sandbox

CALLS = 1_000


async def test_overrun() -> None:
    rng = random.Random(1)
    late: list[float] = []
    async with Sandbox() as sandbox, AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
        await client.organization.get()

        async def one(seconds: float) -> None:
            begun = time.perf_counter()
            with suppress(BoooplyError):
                await client.with_options(retry=RetryPolicy(deadline=seconds, backoff=0.01)).organization.get()
            late.append(time.perf_counter() - begun - seconds)

        for _ in range(0, CALLS, 20):
            for fault in ("stall", "slow-drip", "503", "reset-after"):
                sandbox.faults.add("organization.get", fault, times=5)
            await asyncio.gather(*(one(rng.uniform(0.02, 0.2)) for _ in range(20)))
            sandbox.faults.clear()

    late.sort()
    worst = late[int(len(late) * 0.99)]
    assert worst <= 0.05
    print(f"{len(late)} calls with a deadline: overrun {worst * 1000:.1f} ms at p99, {late[-1] * 1000:.1f} ms at most")
