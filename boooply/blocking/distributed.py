"""The blocking queue of customers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice

from procrastinate import BaseConnector

from boooply.blocking.client import BoooplyPlatform
from boooply.blocking.proxy import SyncProxy, original_of
from boooply.blocking.store import Store, opened
from boooply.models import Tenant
from boooply.provisioning.distributed import BATCH, CONCURRENCY, AsyncQueue
from boooply.store.threads import run_until


class Queue(SyncProxy[AsyncQueue]):
    """A queue of customers for workers on any machine."""

    @classmethod
    def open(cls, store: Store, /, *, connector: BaseConnector | None = None) -> AbstractContextManager[Queue]:
        """Open the queue in the store's database, and close it at the end; the first use creates it.

        ``connector`` is a connector of procrastinate's to use instead, such as its in-memory one in tests.

        Raises:
            ConfigurationError: The store is not on PostgreSQL.
        """
        return opened(cls, AsyncQueue.open(original_of(store), connector=connector))

    def enqueue(self, tenants: Iterable[Tenant], /) -> int:
        """Record customers in the ledger, queue a job for each, and return their number.

        ``tenants`` is iterated in the thread of the caller.

        Raises:
            StoreError: The ledger cannot be written; jobs queued before that stay queued.
        """
        return sum(self._runner.run(partial(self._original.enqueue, batch)) for batch in _batches(iter(tenants)))

    def work(
        self,
        platforms: Sequence[BoooplyPlatform],
        /,
        *,
        concurrency: int = CONCURRENCY,
        wait: bool = True,
        stop: threading.Event | None = None,
    ) -> None:
        """Connect queued customers until ``stop`` is set; without ``wait``, until the queue is empty.

        Of several platforms, each with a key and limits of its own, the least busy one takes the next customer.
        Jobs of workers that died are queued again. Once ``stop`` is set, the requests under way finish first.

        Raises:
            AuthenticationError: A platform's key is rejected; ``PermissionDeniedError`` likewise.
        """
        originals = [original_of(platform) for platform in platforms]
        self._runner.run(lambda: run_until(stop, self._original.work(originals, concurrency=concurrency, wait=wait)))


def _batches(tenants: Iterator[Tenant]) -> Iterator[list[Tenant]]:
    while batch := list(islice(tenants, BATCH)):
        yield batch
