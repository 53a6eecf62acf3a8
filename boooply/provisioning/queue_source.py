"""The queue as the source of a run: it fetches jobs, and finishes them or queues them again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, TypeVar

import attrs

from boooply.errors import ProvisioningError, StoreError
from boooply.models import Tenant
from boooply.provisioning.jobs import STALLED_AFTER, Job, Jobs
from boooply.provisioning.outcomes import AlreadyConnected, Connected, Failed, InDoubt, Outcome
from boooply.provisioning.sources import sets_within
from boooply.recording import Recorder
from boooply.secret import one_line, redact
from boooply.store import AsyncStore, Entry, State, tenant_of

T = TypeVar("T")

_POLL_INTERVAL: Final = 1.0  # seconds between two checks for jobs that are due
_HEARTBEATS: Final = 3  # in the time after which a worker counts as dead
_FIRST_PAUSE: Final = 5.0  # seconds before a job whose request was not sent is retried; each pause doubles
_LONGEST_PAUSE: Final = 60.0
_MOST_DOUBLED: Final = 10  # times; without a limit, the power of two would exceed a float in a long outage
_LAST_STEP: Final = 5.0  # seconds for a step of the queue after the run is stopped
_CLOSE_TIMEOUT: Final = 1.0  # seconds to put jobs back at the end; other workers take the remaining ones later

_logger: Final = logging.getLogger("boooply.provisioning")


@attrs.define(eq=False, kw_only=True)
class QueueSource:
    """The customers of the queue, for one worker.

    Attributes:
        jobs: The jobs.
        store: The store with the customers.
        worker: The worker's id in the queue.
        stopped: The event that ends the run.
        wait: Whether to wait for further customers once the queue is empty.
    """

    jobs: Jobs
    store: AsyncStore
    worker: int
    stopped: asyncio.Event
    wait: bool
    _lock: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)  # one task at a time fetches jobs
    _taken: dict[str, Job] = attrs.field(factory=dict[str, Job], init=False)
    # No job is taken while jobs that this worker does not know are queued again. A repeated step would queue it too.
    _taking: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)

    async def next(self) -> Tenant | Outcome | None:
        """Wait for the next customer that is due, and return it, or None at the end.

        Raises:
            ProvisioningError: The queue is paused, and the run does not wait.
        """
        while (job := await self._fetch()) is not None:
            entry = await self._entry(job.organization_id)
            if entry is None:  # the customer was disconnected
                await self.settle(AlreadyConnected(job.organization_id))
                continue
            try:
                return tenant_of(entry)
            except Exception as error:  # noqa: BLE001 - no error of one customer may stop the others
                return await self._reject(job.organization_id, error)
        return None

    async def settle(self, outcome: Outcome, /) -> None:
        """Finish the job of a customer."""
        job = self._taken.get(outcome.organization_id)
        if job is not None:
            is_done = isinstance(outcome, Connected | AlreadyConnected)
            await self._steadily(partial(self.jobs.finish, job, self.worker, is_done=is_done))
            self._taken.pop(outcome.organization_id, None)

    async def put_back(self, tenant: Tenant, /) -> None:
        """Queue the job of a customer again after a pause, or without one if the run is ending."""
        job = self._taken.get(tenant.organization_id)
        if job is not None and not self.stopped.is_set():  # otherwise it is put back at the end
            pause = min(_FIRST_PAUSE * 2 ** min(job.attempts, _MOST_DOUBLED), _LONGEST_PAUSE)
            await self._steadily(partial(self.jobs.put_back, job, self.worker, pause=pause))
            self._taken.pop(tenant.organization_id, None)

    async def tend(self, keep_jobs: float) -> None:
        """Send heartbeats and clean the queue until cancelled."""
        while True:
            for _ in range(_HEARTBEATS):
                await asyncio.sleep(STALLED_AFTER / _HEARTBEATS)
                with suppress(StoreError):  # the run itself reports a failing store
                    await self.jobs.beat(self.worker)
                    async with self._taking:
                        await self.jobs.requeue_lost(self.worker, tuple(self._taken.values()))
            with suppress(StoreError):
                await self.jobs.clean(keep_jobs)

    async def close(self) -> None:
        """Put back the jobs without an outcome, and unregister the worker."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                for job in self._taken.values():
                    await self.jobs.put_back(job, self.worker, pause=0.0)
                await self.jobs.unregister(self.worker)

    async def _fetch(self) -> Job | None:
        async with self._lock:
            while not self.stopped.is_set():
                job = await self._steadily(self._take)
                if job is not None:
                    return job
                if not self.wait and not await self._steadily(self.jobs.count_open):
                    return None
                if not self.wait and await self._steadily(self.jobs.is_paused):
                    raise ProvisioningError(
                        "the queue is paused. To let workers take jobs, run `boooply queue resume`."
                    )
                await sets_within(self.stopped, _POLL_INTERVAL)
        return None

    async def _take(self) -> Job | None:
        async with self._taking:
            job = await self.jobs.fetch(self.worker)
            if job is not None:
                self._taken[job.organization_id] = job
            return job

    async def _entry(self, organization_id: str) -> Entry | None:
        async def read() -> Entry | None:
            return next(iter([entry async for entry in self.store.ledger.entries([organization_id])]), None)

        return await self._steadily(read)

    async def _reject(self, organization_id: str, error: Exception) -> Outcome:
        """Record that a customer cannot be read, unless it needs no request."""
        reason = (
            f"its data in the ledger cannot be read ({one_line(redact(str(error)))}). Run `boooply tenants disconnect "
            f"{organization_id}`, and queue the customer again."
        )
        entry = await self._steadily(partial(Recorder(self.store).reject, organization_id, reason=reason))
        if entry is not None and entry.state is State.DONE:
            return AlreadyConnected(organization_id)
        kind = InDoubt if entry is not None and entry.state is State.IN_DOUBT else Failed
        return kind(organization_id, entry.reason or reason if entry is not None else reason)

    async def _steadily(self, step: Callable[[], Awaitable[T]]) -> T:
        """Run a step of the queue. After the run is stopped, wait only briefly for a failing store."""
        taking, stopping = asyncio.ensure_future(step()), asyncio.ensure_future(self.stopped.wait())
        try:
            await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            done, _ = await asyncio.wait({taking}, timeout=_LAST_STEP if stopping.done() else 0.0)
            if not done:
                raise StoreError("the store did not respond before the run ended")
            return taking.result()
        finally:
            taking.cancel()
            stopping.cancel()


@asynccontextmanager
async def taking_jobs(
    jobs: Jobs, store: AsyncStore, stopped: asyncio.Event, *, wait: bool, keep_jobs: float
) -> AsyncGenerator[QueueSource]:
    """Register a worker, send its heartbeats while the block runs, and unregister it at the end."""
    await jobs.clean(keep_jobs)
    source = QueueSource(jobs=jobs, store=store, worker=await jobs.register(), stopped=stopped, wait=wait)
    tending = asyncio.create_task(source.tend(keep_jobs))
    try:
        yield source
    finally:
        tending.cancel()
        await asyncio.wait({tending})
        await source.close()
