"""The blocking queue of customers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice

from boooply.blocking.client import BoooplyPlatform
from boooply.blocking.proxy import SyncProxy, original_of
from boooply.blocking.store import Store, opened
from boooply.models import Tenant
from boooply.provisioning.distributed import BATCH, KEEP_JOBS, AsyncQueue
from boooply.provisioning.engine import CONCURRENCY, GRACE
from boooply.store.completion import call_after
from boooply.store.threads import is_set


class Queue(SyncProxy[AsyncQueue]):
    """A queue of customers to connect, for workers on any number of machines.

    Open one with ``Queue.open``.
    """

    @classmethod
    def open(cls, store: Store, /) -> AbstractContextManager[Queue]:
        """Open the queue in the database of a store, as a context manager.

        The first use creates the queue, in the schema ``boooply_queue``.

        Args:
            store: An open store on PostgreSQL.

        Raises:
            ConfigurationError: The store is not on PostgreSQL.
            StoreError: The queue cannot be created, or another version of procrastinate created it.
        """
        return opened(cls, AsyncQueue.open(original_of(store)))

    def enqueue(self, tenants: Iterable[Tenant], /) -> int:
        """Record customers in the ledger, and queue a job for each that has no open job.

        A customer that failed before is tried again.

        Args:
            tenants: The customers. They are iterated in the thread of the caller, a few hundred at a time.

        Returns:
            The number of customers.

        Raises:
            StoreError: The ledger or the queue cannot be written. Customers that were queued before stay queued.
        """
        return sum(self._runner.run(partial(self._original.enqueue, batch)) for batch in _batches(iter(tenants)))

    def work(
        self,
        platforms: Sequence[BoooplyPlatform],
        /,
        *,
        concurrency: int = CONCURRENCY,
        wait: bool = True,
        remint_in_doubt: bool = False,
        stop: threading.Event | None = None,
        grace: float = GRACE,
        keep_jobs: float = KEEP_JOBS,
    ) -> None:
        """Connect queued customers until ``stop`` is set, or, without ``wait``, until the queue is empty.

        With several platforms, each with its own key and rate limits, the least busy one takes the next customer. A
        platform key that the API rejects is no longer used. Customers are queued again if their request was not sent,
        if their worker died, or if the ledger lists them as not done without a job. While the API is down, the worker
        sends one request per minute.

        Args:
            platforms: The platforms whose keys are used.
            concurrency: The most requests at a time. Default: 16.
            wait: Whether to wait for further customers when the queue is empty. Default: True.
            remint_in_doubt: Whether to mint again for customers in doubt. A key that already exists becomes an orphan.
                Default: False.
            stop: An event that ends the work. Default: none.
            grace: How long requests that were sent may take after ``stop`` is set, in seconds. After that, their
                customers are in doubt. Default: 20.
            keep_jobs: How long finished jobs are kept, in seconds. Default: 86400, a day.

        Raises:
            ConfigurationError: An argument is invalid.
            AuthenticationError: The API rejects the last platform key. It may also raise ``PermissionDeniedError``.
            KeysNotStoredError: Keys were minted, but cannot be stored. The error contains them.
            StoreError: The store failed for a minute.
            StoreMismatchError: The store belongs to another API or to other platform keys. Nothing was sent.
            ProvisioningError: Without ``wait``, the API failed for two attempt timeouts and 30 seconds, or the queue is
                paused.
        """
        originals = [original_of(platform) for platform in platforms]

        async def work() -> None:
            stopped = asyncio.Event()
            watching = asyncio.create_task(call_after(is_set(stop), stopped.set))
            try:
                await self._original.work(
                    originals,
                    concurrency=concurrency,
                    wait=wait,
                    remint_in_doubt=remint_in_doubt,
                    stop=stopped,
                    grace=grace,
                    keep_jobs=keep_jobs,
                )
            finally:
                watching.cancel()

        self._runner.run(work)


def _batches(tenants: Iterator[Tenant]) -> Iterator[list[Tenant]]:
    while batch := list(islice(tenants, BATCH)):
        yield batch
