"""``boooply enqueue`` and ``boooply worker``: provisioning over a queue, on many machines."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

from boooply.cli.preflight import tenants as tenants_of
from boooply.cli.terminal import Concurrency, StoreUrl, bad_rows, console, count_of
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.settings import PLATFORM
from boooply.provisioning import iterate_rows
from boooply.provisioning.distributed import AsyncQueue
from boooply.provisioning.engine import CONCURRENCY
from boooply.provisioning.plan import BadRow
from boooply.ratelimit.limits import RateLimits
from boooply.secret import as_secret
from boooply.store import AsyncStore


async def enqueue(tenants: Path, /, *, store: StoreUrl = None) -> int:
    """Queue the customers of a file for the workers.

    Args:
        tenants: The customers, as .csv or .jsonl.
        store: Where keys, ledger and queue are, on PostgreSQL; otherwise BOOOPLY_STORE_URL.

    Returns:
        The exit code: 2 if a row is bad, and then nothing was queued.
    """
    bad = tuple(row for row in iterate_rows(tenants) if isinstance(row, BadRow))
    if bad:
        console(stderr=True).print(bad_rows(str(tenants), bad))
        return 2
    async with AsyncStore.open(store) as opened, AsyncQueue.open(opened) as queue:
        count = await queue.enqueue(tenants_of(tenants))
    console().print(f"Queued {count_of(count, 'customer')}. `boooply worker` connects them.")
    return 0


async def worker(*, store: StoreUrl = None, concurrency: Concurrency = CONCURRENCY, once: bool = False) -> None:
    """Connect queued customers until a signal stops it; finish the requests under way then.

    Args:
        store: Where keys, ledger and queue are, on PostgreSQL; otherwise BOOOPLY_STORE_URL.
        concurrency: How many requests may be under way at once.
        once: End when nothing is queued any more.
    """
    secrets = [as_secret(one.strip()) for one in os.environ.get(PLATFORM.variable, "").split(",")]
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(AsyncStore.open(store))
        limits = RateLimits(shared=opened)
        platforms = [
            await stack.enter_async_context(AsyncBoooplyPlatform(platform_key=secret, rate_limits=limits))
            for secret in secrets
        ]
        queue = await stack.enter_async_context(AsyncQueue.open(opened))
        await queue.work(platforms, concurrency=concurrency, wait=not once)
