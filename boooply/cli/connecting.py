"""Many customers at once, over a fixed number of workers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from boooply.models import OrganizationApiKey, Tenant

WORKERS: Final = 8

Mint = Callable[[Tenant], Awaitable[OrganizationApiKey]]
OnKey = Callable[[int, OrganizationApiKey], None]


async def connect_all(tenants: Iterable[Tenant], mint: Mint, on_key: OnKey, *, workers: int = WORKERS) -> None:
    """Mint the key of each customer, and hand over each with its place in the file as it comes.

    The workers share one iterator, so there are never more tasks than workers, however many customers come out of it.
    The first error stops them all.
    """
    places = enumerate(tenants)

    async def work() -> None:
        for place, tenant in places:
            on_key(place, await mint(tenant))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
    except ExceptionGroup as errors:
        first = errors.exceptions[0]
    else:
        return
    raise first  # the error itself, not a group of it: callers catch what the SDK documents
