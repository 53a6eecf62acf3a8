"""Provisioning over a queue: procrastinate on the store's own PostgreSQL (the extra ``distributed``).

A job contains only a customer's id. The ledger contains the customer's data, and prevents a second mint whatever the
queue does. A worker is a run over the queue.
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
    """A queue of customers, whose workers can run on any machine.

    Open it with ``AsyncQueue.open(store)``.
    """

    store: AsyncStore
    jobs: Jobs

    @classmethod
    @asynccontextmanager
    async def open(cls, store: AsyncStore, /) -> AsyncGenerator[AsyncQueue]:
        """Open the queue in the database of a store.

        The first use creates the queue in the PostgreSQL schema ``boooply_queue``.

        Args:
            store: An open store on PostgreSQL.

        Raises:
            ConfigurationError: The store is not on PostgreSQL.
            StoreError: The queue cannot be created, or another version of procrastinate has created it.
        """
        if not store.database.address.is_postgresql:
            raise ConfigurationError(
                "the queue needs a store on PostgreSQL. Name one in the store's URL, as in "
                "postgresql+psycopg://user:password@host/database."
            )
        yield cls(store, await Jobs.open(store))

    async def enqueue(self, tenants: Iterable[Tenant] | AsyncIterable[Tenant], /) -> int:
        """Record customers in the ledger, and queue a job for each that has no open job.

        A customer that failed before is tried again.

        Args:
            tenants: The customers, from any iterable. A few hundred of them are in memory at a time.

        Returns:
            The number of customers.

        Raises:
            StoreError: The ledger or the queue cannot be written. Customers that were queued before stay queued.
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
        """Connect queued customers until ``stop`` is set or the call is cancelled.

        With ``wait=False`` the work also ends when the queue is empty.

        If there are several platforms, the least busy one takes the next customer. A platform whose key the API rejects
        is no longer used. While the API is down, one request per minute is sent.

        These customers are queued again: customers whose request was not sent, customers of workers that died, and
        unfinished customers in the ledger that have no job.

        Args:
            platforms: The platforms that mint, each with its own key and rate limits.
            concurrency: The largest number of requests under way at once.
            wait: Whether to wait for further customers when the queue is empty.
            remint_in_doubt: Whether to mint another key for customers in doubt. If their first key exists, it becomes
                an orphan: a valid key that nobody has.
            stop: An event that ends the work when it is set.
            grace: The time in seconds that requests under way have after ``stop`` is set. After that, their customers
                are in doubt.
            keep_jobs: The time in seconds for which finished jobs are kept. The default is one day.

        Raises:
            ConfigurationError: An argument is invalid.
            AuthenticationError: The API rejected the last platform key. ``PermissionDeniedError`` likewise.
            KeysNotStoredError: Keys were minted but cannot be stored. The error contains them.
            StoreError: The store failed for a minute.
            StoreMismatchError: The store belongs to another API or to other platform keys. Nothing was sent.
            ProvisioningError: With ``wait=False``: the API failed for two attempt timeouts and 30 seconds, or the queue
                is paused.
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
        raise ConfigurationError("platforms must contain at least one AsyncBoooplyPlatform")
    for one in platforms:
        check("platforms", one, _PLATFORM)
