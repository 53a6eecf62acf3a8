"""400 calls at 10 a second: ``python benchmarks/narrow.py PROCESSES``; the share of the allowance, and refusals."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CALLS, ALLOWANCE = 400, 10


async def calls(count: int, base_url: str, api_key: str, store_url: str, store_key: str) -> None:
    """Make calls, with limits shared through a store where there is one."""
    from boooply import AsyncBoooplyClient, RateLimits
    from boooply.store import AsyncStore

    async def make(limits: RateLimits) -> None:
        async with AsyncBoooplyClient(api_key=api_key, base_url=base_url, rate_limits=limits) as client:
            await asyncio.gather(*(client.organization.get() for _ in range(count)))

    if not store_url:
        await make(RateLimits(reads=ALLOWANCE, window=1))
        return
    async with AsyncStore.open(store_url, encryption_key=store_key) as store:
        await make(RateLimits(reads=ALLOWANCE, window=1, shared=store))


def main(processes: int) -> None:
    """Serve a sandbox here, and call it from processes."""
    from cryptography.fernet import Fernet

    from boooply.sandbox import Limits, Sandbox

    with tempfile.TemporaryDirectory() as place, Sandbox(limits=Limits(reads=ALLOWANCE, window=1)) as sandbox:
        store_url = f"sqlite:///{Path(place, 'limits.db')}" if processes > 1 else ""
        words = [str(CALLS // processes), sandbox.base_url, sandbox.api_key, store_url, Fernet.generate_key().decode()]
        running = [subprocess.Popen([sys.executable, __file__, "call", *words]) for _ in range(processes)]  # noqa: S603 - our own words
        assert [one.wait() for one in running] == [0] * processes  # noqa: S101 - a process that fails is no figure
        seen = sandbox.calls
        rejected = sum(call.status == 429 for call in seen)
        taken = seen[-1].at - seen[0].at
    # the first and the last window are cut, and cannot be filled
    share = (CALLS - ALLOWANCE) / (taken.total_seconds() * ALLOWANCE)
    print(json.dumps({"share": min(1.0, share), "rejected": rejected, "seconds": taken.total_seconds()}))
    time.sleep(0.1)


if __name__ == "__main__":
    if sys.argv[1] == "call":
        count, *rest = sys.argv[2:]
        asyncio.run(calls(int(count), *rest))
    else:
        main(int(sys.argv[1]))
