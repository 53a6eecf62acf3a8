"""The same job on a queue: procrastinate on the store's own PostgreSQL (the extra ``distributed``).

A job carries a customer's id and nothing else; the ledger has the rest, and keeps the promise whatever the queue does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Any, Final

import attrs
from procrastinate import App, BaseConnector, PsycopgConnector, RetryStrategy

from boooply.errors import AuthenticationError, ConfigurationError, PermissionDeniedError, StoreError
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.messages import RateLimitClass
from boooply.provisioning.provisioner import KeyProvisioner, NotClaimed
from boooply.recording import Recorder
from boooply.store import AsyncStore, State, tenant_of

CONCURRENCY: Final = 16

_TASK: Final = "boooply.connect"
_QUEUE: Final = "boooply"
_BATCH: Final = 500
_ANOTHER_TRY: Final = 5  # seconds until a job is taken again that another run is at, or whose store failed
_STALLED: Final = 30.0  # seconds without a sign of life of its worker, and between two looks for such jobs


@attrs.frozen(eq=False)
class Queue:
    """Hand customers to workers on any machine, and be one of them."""

    app: App
    store: AsyncStore
    _platforms: list[AsyncBoooplyPlatform] = attrs.field(factory=list[AsyncBoooplyPlatform], init=False)
    _refused: list[Exception] = attrs.field(factory=list[Exception], init=False)
    _has_refused: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, store: AsyncStore, /, *, connector: BaseConnector | None = None) -> AsyncGenerator[Queue]:
        """Open the queue in the store's database, and close it at the end; on first use it is created.

        ``connector`` is one of procrastinate's, in the place of the one to that database: its in-memory one in tests.

        Raises:
            ConfigurationError: The store is not on PostgreSQL.
        """
        queue = cls(App(connector=connector or _connector(store)), store)
        register = queue.app.task(
            name=_TASK, queue=_QUEUE, retry=RetryStrategy(wait=_ANOTHER_TRY, retry_exceptions=_AGAIN)
        )
        register(queue._connect)
        async with queue.app.open_async():
            if connector is None and not await queue.app.check_connection_async():
                await queue.app.schema_manager.apply_schema_async()
            yield queue

    async def enqueue(self, tenants: Iterable[Tenant] | AsyncIterable[Tenant], /) -> int:
        """Note customers in the ledger and queue a job for each; give their number.

        Raises:
            StoreError: The ledger cannot be written; what was queued before stays queued.
        """
        count = 0
        async for batch in _batches(tenants):
            await Recorder(self.store).enroll(batch)
            jobs: list[dict[str, Any]] = [{"organization_id": tenant.organization_id} for tenant in batch]
            await self.app.configure_task(_TASK).batch_defer_async(*jobs)
            count += len(jobs)
        return count

    async def work(
        self, platforms: Sequence[AsyncBoooplyPlatform], /, *, concurrency: int = CONCURRENCY, wait: bool = True
    ) -> None:
        """Connect queued customers, until it is cancelled or a signal ends it; without ``wait``, until none is left.

        Of several platforms, each with a key and an allowance of its own, the one with the shortest line is taken.
        Jobs of workers that died are queued again.

        Raises:
            AuthenticationError: A platform's key is refused; so with ``PermissionDeniedError``.
        """
        self._platforms[:] = platforms
        self._refused.clear()
        self._has_refused.clear()
        working = asyncio.create_task(self.app.run_worker_async(queues=[_QUEUE], concurrency=concurrency, wait=wait))
        tasks = {working, asyncio.create_task(self._revive()), asyncio.create_task(self._refusal())}
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await working  # it lets the jobs under way come to their end
        for task in ended:
            await task  # which raises what has ended the work, if that was not its end

    async def _refusal(self) -> None:
        await self._has_refused.wait()
        raise self._refused[0]

    async def _connect(self, organization_id: str) -> None:
        """Carry out one job; the outcome is in the ledger."""
        if self._refused:
            raise NotClaimed
        found = [entry async for entry in self.store.ledger.entries([organization_id])]
        if not found or found[0].state is State.DONE:
            return  # disconnected since it was queued, or connected
        minting = KeyProvisioner(platform=min(self._platforms, key=_line), recorder=Recorder(self.store))
        try:
            await minting.connect(tenant_of(found[0]))
        except (AuthenticationError, PermissionDeniedError) as error:
            self._refused.append(error)
            self._has_refused.set()
            raise NotClaimed from None

    async def _revive(self) -> None:
        jobs = self.app.job_manager
        while True:
            for job in await jobs.get_stalled_jobs(queue=_QUEUE, seconds_since_heartbeat=_STALLED):
                await jobs.retry_job(job)
            await asyncio.sleep(_STALLED)


_AGAIN: Final = (NotClaimed, StoreError)


def _line(platform: AsyncBoooplyPlatform) -> int:
    allowance = platform.rate_limits.get(RateLimitClass.WRITES)
    return 0 if allowance is None else allowance.waiting - allowance.remaining


def _connector(store: AsyncStore) -> BaseConnector:
    address = store.database.address
    if not store.database.is_postgresql:
        raise ConfigurationError("the queue needs a store on PostgreSQL: postgresql+psycopg://user:password@host/name")
    bare = address.url.set(drivername="postgresql").render_as_string()
    passwords = {name: secret.reveal() for name, secret in address.passwords.items()}
    return PsycopgConnector(conninfo=bare, kwargs=passwords)


async def _batches(tenants: Iterable[Tenant] | AsyncIterable[Tenant]) -> AsyncGenerator[list[Tenant]]:
    if not isinstance(tenants, AsyncIterable):
        source = iter(tenants)
        while batch := list(islice(source, _BATCH)):
            yield batch
        return
    batch = list[Tenant]()
    async for tenant in tenants:
        batch.append(tenant)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
