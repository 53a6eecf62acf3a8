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
    """A queue of customers for workers on any machine."""

    @classmethod
    def open(cls, store: Store, /) -> AbstractContextManager[Queue]:
        """Open the queue in the store's database; the first use creates it, in the schema ``boooply_queue``.

        Raises:
            ConfigurationError: The store is not on PostgreSQL.
            StoreError: The queue cannot be created, or another version of procrastinate has created it.
        """
        return opened(cls, AsyncQueue.open(original_of(store)))

    def enqueue(self, tenants: Iterable[Tenant], /) -> int:
        """Record customers in the ledger, queue a job for each that has none, and return their number.

        Those that have failed are tried again. ``tenants`` is iterated in the thread of the caller.

        Raises:
            StoreError: The ledger or the queue cannot be written; customers queued before that stay queued.
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
        """Connect queued customers until ``stop`` is set; without ``wait``, until none is queued.

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
