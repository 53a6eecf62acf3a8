"""Forty calls at ten a window, on the real clock: all served, none rejected, within a second of the shortest time."""

import asyncio
import time

from boooply import AsyncBoooplyClient, RateLimits
from boooply.sandbox import Limits, Sandbox

WINDOW = 3


async def test_forty_calls() -> None:
    async with (
        Sandbox(limits=Limits(reads=10, window=WINDOW)) as sandbox,
        AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=RateLimits(reads=10, window=WINDOW)
        ) as client,
    ):
        begun = time.time()
        await asyncio.gather(*(client.organization.get() for _ in range(40)))
        ended = time.time()

        # windows begin at whole multiples: the fourth is the third to begin after the first call
        shortest = (begun // WINDOW + 3) * WINDOW
        assert [call.status for call in sandbox.calls] == [200] * 40
        assert ended - shortest <= 1.0
        print(f"40 of 40 served, 0 rejected, {ended - shortest:.3f} s after the shortest possible time")
