"""Provisioning over a queue: procrastinate on the store's own PostgreSQL (the extra ``distributed``).

A job contains a customer's id and nothing else. The ledger has the rest, and prevents a second mint whatever the queue
does. A worker is a run over the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Final

import attrs

from boooply.client import transport_of
from boooply.errors import ConfigurationError
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.settings import COUNT, PAUSE, Rule, check, check_all, instance
from boooply.provisioning.engine import CONCURRENCY, GRACE, Run
from boooply.provisioning.identity import check_store
from boooply.provisioning.iteration import batched
from boooply.provisioning.jobs import Jobs
from boooply.provisioning.outage import Outage
from boooply.provisioning.outcomes import Outcome
from boooply.provisioning.provisioner import KeyProvisioner
from boooply.provisioning.queue_source import taking_jobs
from boooply.recording import Recorder
from boooply.store import AsyncStore

BATCH: Final = 500
KEEP_JOBS: Final = 24 * 3600.0  # seconds

_RULES: Final[dict[str, Rule]] = {"concurrency": COUNT, "grace": PAUSE, "keep_jobs": PAUSE}
_PLATFORM: Final = instance(AsyncBoooplyPlatform, "an AsyncBoooplyPlatform")


@attrs.frozen(eq=False)
class AsyncQueue:
    """A queue of customers for workers on any machine."""

    store: AsyncStore
    jobs: Jobs

    @classmethod
    @asynccontextmanager
    async def open(cls, store: AsyncStore, /) -> AsyncGenerator[AsyncQueue]:
        """Open the queue in the store's database; the first use creates it, in the schema ``boooply_queue``.

        Raises:
            ConfigurationError: The store is not on PostgreSQL.
            StoreError: The queue cannot be created, or another version of procrastinate has created it.
        """
        if not store.database.address.is_postgresql:
            raise ConfigurationError(
                "the queue needs a store on PostgreSQL: postgresql+psycopg://user:password@host/name"
            )
        yield cls(store, await Jobs.open(store))

    async def enqueue(self, tenants: Iterable[Tenant] | AsyncIterable[Tenant], /) -> int:
        """Record customers in the ledger, queue a job for each that has none, and return their number.

        Those that have failed are tried again.

        Raises:
            StoreError: The ledger or the queue cannot be written; customers queued before that stay queued.
        """
        count = 0
        async for batch in batched(tenants, BATCH):
            await self.jobs.enqueue(batch)
            count += len(batch)
        return count

    async def work(
        self,
        platforms: Sequence[AsyncBoooplyPlatform],
        /,
        *,
        concurrency: int = CONCURRENCY,
        wait: bool = True,
        remint_in_doubt: bool = False,
        stop: asyncio.Event | None = None,
        grace: float = GRACE,
        keep_jobs: float = KEEP_JOBS,
    ) -> None:
        """Connect queued customers until ``stop`` is set or this is cancelled; without ``wait``, until none is queued.

        Of several platforms, each with a key and limits of its own, the least busy one takes the next customer. A key
        that the API refuses is set aside. A customer whose request was not sent is queued again for later; so are those
        of workers that died, and those to do in the ledger that are not queued. While the API is down, one request a
        minute is sent.

        Args:
            platforms: The platforms whose keys mint.
            concurrency: How many requests may be under way at once.
            wait: Whether to wait for further customers.
            remint_in_doubt: Mint again for customers in doubt; a key that already exists becomes an orphan.
            stop: An event that ends the work.
            grace: How long requests on the wire may take once ``stop`` is set, in seconds; then they are in doubt.
            keep_jobs: How long finished jobs are kept, in seconds.

        Raises:
            AuthenticationError: The last platform key is rejected; ``PermissionDeniedError`` likewise.
            KeysNotStoredError: Keys were minted but cannot be stored; the error contains them.
            StoreError: The store failed for a minute.
            StoreMismatchError: The store belongs to another API or to other platform keys; nothing was sent.
            ProvisioningError: Without ``wait``: the API has failed for two attempts and half a minute.
        """
        outcomes = worked(
            self,
            platforms,
            concurrency=concurrency,
            wait=wait,
            remint=remint_in_doubt,
            stop=stop,
            grace=grace,
            keep_jobs=keep_jobs,
        )
        async with aclosing(outcomes):
            async for _ in outcomes:
                pass


async def worked(
    queue: AsyncQueue,
    platforms: Sequence[AsyncBoooplyPlatform],
    /,
    *,
    concurrency: int,
    wait: bool,
    remint: bool,
    stop: asyncio.Event | None,
    grace: float,
    keep_jobs: float,
) -> AsyncGenerator[Outcome]:
    """Connect queued customers as ``AsyncQueue.work`` does, and yield the outcomes."""
    check_all(_RULES, concurrency=concurrency, grace=grace, keep_jobs=keep_jobs)
    _check_platforms(platforms)
    await check_store(queue.store, *platforms, record=True)
    first = KeyProvisioner(
        platform=platforms[0],
        recorder=Recorder(queue.store),
        remint=remint,
        retries_unsent=True,
        outage=Outage(timeout=max(transport_of(one).timeout for one in platforms), is_endless=wait),
    )
    provisioners = [first, *(attrs.evolve(first, platform=one) for one in platforms[1:])]
    stopped = asyncio.Event()
    async with taking_jobs(queue.jobs, queue.store, stopped, wait=wait, keep_jobs=keep_jobs) as source:
        run = Run(provisioners, source, concurrency, stopped, endless=wait)
        async with aclosing(run.outcomes(stop, grace)) as outcomes:
            async for outcome in outcomes:
                yield outcome


def _check_platforms(platforms: Sequence[AsyncBoooplyPlatform]) -> None:
    if not platforms:
        raise ConfigurationError("platforms: must have at least one AsyncBoooplyPlatform")
    for one in platforms:
        check("platforms", one, _PLATFORM)
