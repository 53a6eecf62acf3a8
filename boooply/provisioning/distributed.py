"""Provisioning over a queue: procrastinate on the store's own PostgreSQL (the extra ``distributed``).

A job contains a customer's id and nothing else. The ledger has the rest, and prevents a second mint whatever the queue
does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import attrs
from procrastinate import App, BaseConnector, PsycopgConnector, RetryStrategy

from boooply.errors import AuthenticationError, ConfigurationError, PermissionDeniedError, RateLimitError, StoreError
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.messages import RateLimitClass
from boooply.protocol.settings import COUNT, check
from boooply.provisioning.identity import check_store
from boooply.provisioning.iteration import batched
from boooply.provisioning.provisioner import KeyProvisioner, NotClaimed
from boooply.recording import Recorder
from boooply.store import AsyncStore, State, tenant_of

CONCURRENCY: Final = 16

_TASK: Final = "boooply.connect"
_QUEUE: Final = "boooply"
BATCH: Final = 500
_RETRY_AFTER: Final = 5  # seconds until a job is retried whose customer is busy, or whose store failed
_POLL_INTERVAL: Final = 5.0  # seconds between two looks for jobs that are due again
_STALLED_AFTER: Final = (
    30.0  # seconds without a heartbeat until a worker counts as dead, and between two looks for its jobs
)
_HEARTBEATS: Final = 3  # in that time


@attrs.define(eq=False)
class AsyncQueue:
    """A queue of customers for workers on any machine."""

    app: App
    store: AsyncStore
    _platforms: Sequence[AsyncBoooplyPlatform] = attrs.field(init=False)
    _rejected: asyncio.Future[None] = attrs.field(init=False)  # with the error of a platform key that is rejected

    @classmethod
    @asynccontextmanager
    async def open(cls, store: AsyncStore, /, *, connector: BaseConnector | None = None) -> AsyncGenerator[AsyncQueue]:
        """Open the queue in the store's database, and close it at the end; the first use creates it.

        ``connector`` is a connector of procrastinate's to use instead, such as its in-memory one in tests.

        Raises:
            ConfigurationError: The store is not on PostgreSQL.
        """
        queue = cls(App(connector=connector or _connector(store)), store)
        register = queue.app.task(
            name=_TASK, queue=_QUEUE, retry=RetryStrategy(wait=_RETRY_AFTER, retry_exceptions=_RETRIED)
        )
        register(queue._connect)
        async with queue.app.open_async():
            if connector is None and not await queue.app.check_connection_async():
                await queue.app.schema_manager.apply_schema_async()
            yield queue

    async def enqueue(self, tenants: Iterable[Tenant] | AsyncIterable[Tenant], /) -> int:
        """Record customers in the ledger, queue a job for each, and return their number.

        Raises:
            StoreError: The ledger cannot be written; jobs queued before that stay queued.
        """
        count = 0
        async for batch in batched(tenants, BATCH):
            await Recorder(self.store).enroll(batch)
            jobs: list[dict[str, Any]] = [{"organization_id": tenant.organization_id} for tenant in batch]
            await self.app.configure_task(_TASK).batch_defer_async(*jobs)
            count += len(jobs)
        return count

    async def work(
        self, platforms: Sequence[AsyncBoooplyPlatform], /, *, concurrency: int = CONCURRENCY, wait: bool = True
    ) -> None:
        """Connect queued customers until cancelled or ended by a signal; without ``wait``, until the queue is empty.

        Of several platforms, each with a key and limits of its own, the least busy one takes the next customer.
        Jobs of workers that died are queued again.

        Raises:
            AuthenticationError: A platform's key is rejected; ``PermissionDeniedError`` likewise.
            StoreMismatchError: The store belongs to another API or to other platform keys; nothing was sent.
        """
        check("concurrency", concurrency, COUNT)
        self._platforms = tuple(platforms)
        await check_store(self.store, *self._platforms, record=True)
        self._rejected = asyncio.get_running_loop().create_future()
        working = asyncio.create_task(
            self.app.run_worker_async(
                queues=[_QUEUE],
                concurrency=concurrency,
                wait=wait,
                fetch_job_polling_interval=_POLL_INTERVAL,
                update_heartbeat_interval=_STALLED_AFTER / _HEARTBEATS,
                stalled_worker_timeout=_STALLED_AFTER,
                install_signal_handlers=threading.current_thread() is threading.main_thread(),
            )
        )
        tasks = {working, asyncio.create_task(self._requeue_stalled()), self._rejected}
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await working  # jobs under way finish first
        for task in ended:
            await task  # raises the error that ended the work, if there is one

    async def _connect(self, organization_id: str) -> None:
        """Run one job; the ledger records the outcome."""
        if self._rejected.done():
            raise NotClaimed
        found = [entry async for entry in self.store.ledger.entries([organization_id])]
        if not found or found[0].state in {State.DONE, State.IN_DOUBT}:
            return  # disconnected since it was queued, connected, or only to be minted on purpose
        provisioner = KeyProvisioner(platform=min(self._platforms, key=_backlog), recorder=Recorder(self.store))
        try:
            await provisioner.connect(tenant_of(found[0]))
        except (AuthenticationError, PermissionDeniedError) as error:
            if not self._rejected.done():
                self._rejected.set_exception(error)
            raise NotClaimed from None
        except RateLimitError:
            raise NotClaimed from None  # the job is tried again later

    async def _requeue_stalled(self) -> None:
        jobs = self.app.job_manager
        while True:
            for job in await jobs.get_stalled_jobs(queue=_QUEUE, seconds_since_heartbeat=_STALLED_AFTER):
                await jobs.retry_job(job)
            await asyncio.sleep(_STALLED_AFTER)


_RETRIED: Final = (NotClaimed, StoreError)


def _backlog(platform: AsyncBoooplyPlatform) -> int:
    status = platform.rate_limits.get(RateLimitClass.WRITES)
    return 0 if status is None else status.waiting - status.remaining


def _connector(store: AsyncStore) -> BaseConnector:
    address = store.database.address
    if not address.is_postgresql:
        raise ConfigurationError("the queue needs a store on PostgreSQL: postgresql+psycopg://user:password@host/name")
    bare = address.url.set(drivername="postgresql").render_as_string()
    passwords = {name: secret.reveal() for name, secret in address.passwords.items()}
    return PsycopgConnector(conninfo=bare, kwargs=passwords)
