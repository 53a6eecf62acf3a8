"""One provisioning run: a fixed number of workers over one source of customers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import suppress
from typing import Final

from boooply.errors import ProvisioningError
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.settings import COUNT, Rule, check_all, instance
from boooply.provisioning.identity import check_store
from boooply.provisioning.iteration import iterate
from boooply.provisioning.outage import Outage
from boooply.provisioning.outcomes import KeysNotStoredError, Outcome
from boooply.provisioning.provisioner import AsyncKeys, KeyProvisioner, NotClaimed
from boooply.recording import Recorder
from boooply.store import AsyncStore
from boooply.store.completion import call_after, run_to_completion

CONCURRENCY: Final = 16

_MOST_BUSY: Final = 1000  # customers that other runs have claimed; at this number no further ones are read
_RETRY_BUSY_AFTER: Final = 0.5  # seconds

_RULES: Final[dict[str, Rule]] = {
    "platform": instance(AsyncBoooplyPlatform, "an AsyncBoooplyPlatform"),
    "store": instance(AsyncStore, "an AsyncStore that is open"),
    "concurrency": COUNT,
}


async def async_provision(
    tenants: Iterable[Tenant] | AsyncIterable[Tenant],
    /,
    *,
    platform: AsyncBoooplyPlatform,
    store: AsyncStore,
    keys: AsyncKeys | None = None,
    concurrency: int = CONCURRENCY,
    remint_in_doubt: bool = False,
    stop: asyncio.Event | None = None,
) -> AsyncGenerator[Outcome]:
    """Connect every customer once, and yield each outcome as soon as it is known.

    A customer that is already connected is not minted again, whichever run or process connected it. After a run was
    killed, run it again with the same customers. Several runs on one store share the work. ``tenants`` may be of any
    length: only a few customers are in memory at a time.

    To end the run early, set ``stop`` or close the generator: requests on the wire finish and are recorded.

    Args:
        tenants: The customers, from a generator for example.
        platform: The platform whose key mints.
        store: The store of the ledger, and of the keys.
        keys: Your own key store, instead of the one in ``store``.
        concurrency: How many requests may be under way at once.
        remint_in_doubt: Mint again for customers in doubt; a key that already exists becomes an orphan.
        stop: An event that ends the run.

    Raises:
        AuthenticationError: The platform's key is rejected; ``PermissionDeniedError`` likewise. The run has stopped.
        StoreError: The store failed for a minute, or is no longer the file it was; nothing more was sent.
        StoreMismatchError: The store belongs to another API or to other platform keys; nothing was sent.
        KeysNotStoredError: Keys were minted but cannot be stored; the error contains them.
        RateLimitError: Each of many requests got a 429 after the wait that the last one named.
        ProvisioningError: The API has failed for two attempts and half a minute.
    """
    check_all(_RULES, concurrency=concurrency, platform=platform, store=store)
    await check_store(store, platform, record=True)
    provisioner = KeyProvisioner(platform=platform, recorder=Recorder(store), vault=keys, remint=remint_in_doubt)
    pool = WorkerPool(provisioner, iterate(tenants), concurrency)
    running = asyncio.create_task(pool.run())
    stopping = asyncio.create_task(call_after((stop or asyncio.Event()).wait(), pool.stop))
    try:
        while (outcome := await pool.outcomes.get()) is not None:
            yield outcome
    finally:
        stopping.cancel()
        await pool.close(running)
    pool.raise_failure()


class WorkerPool:
    """The workers of one run, and what they share."""

    def __init__(self, provisioner: KeyProvisioner, source: AsyncIterator[Tenant], size: int) -> None:
        self.outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(size)  # None after the last one
        self._provisioner = provisioner
        self._source = source
        self._source_lock = asyncio.Lock()
        self._probe_lock = asyncio.Lock()
        self._size = size
        self._busy: deque[tuple[float, Tenant]] = deque()  # with the time of the next try
        self._stopped = asyncio.Event()
        self._errors: list[Exception] = []

    async def run(self) -> None:
        """Connect customers until there are no more, or the run stops."""
        await asyncio.gather(*(self._work() for _ in range(self._size)), return_exceptions=True)
        await self.outcomes.put(None)

    def stop(self) -> None:
        """Start nothing more."""
        self._stopped.set()
        self._provisioner.stop()

    async def close(self, running: asyncio.Task[None]) -> None:
        """End the run, once the requests on the wire have finished.

        Raises:
            KeysNotStoredError: Keys were minted but cannot be stored.
        """
        running.cancel()
        try:
            await run_to_completion(asyncio.wait({running}))
        finally:
            unstored = [error for error in self._errors if isinstance(error, KeysNotStoredError)]
            if unstored:
                keys = {identity: secret for error in unstored for identity, secret in error.keys.items()}
                raise KeysNotStoredError(keys, unstored[0].reason)

    def raise_failure(self) -> None:
        """Raise the first error that ended the run early, if there is one."""
        if self._errors:
            raise self._errors[0]

    async def _work(self) -> None:
        try:
            while (tenant := await self._next()) is not None:
                await self._connect(tenant)
        except Exception as error:  # noqa: BLE001 - any error ends the run, and is raised at its end
            self._errors.append(error)
            self.stop()

    async def _connect(self, tenant: Tenant) -> None:
        outage = self._provisioner.outage
        if outage.is_down:
            async with self._probe_lock:
                if outage.is_down:
                    await self._probe(tenant, outage)
                    return
        await self._send(tenant)

    async def _probe(self, tenant: Tenant, outage: Outage) -> None:
        """Connect one customer after a pause, to see whether the API works again.

        Raises:
            ProvisioningError: It has been down for too long.
        """
        pause = outage.next_probe(_now())
        if pause is None:
            raise ProvisioningError(f"the API failed {outage.failures} times in a row: {outage.reason}")
        if not await self._stops_within(pause):
            outage.probe = tenant.organization_id
            await self._send(tenant)

    async def _send(self, tenant: Tenant) -> None:
        try:
            outcome = await self._provisioner.connect(tenant)
        except NotClaimed:
            self._busy.append((_now() + _RETRY_BUSY_AFTER, tenant))
        else:
            await self.outcomes.put(outcome)

    async def _next(self) -> Tenant | None:
        """Return the next customer of the source, or one that was busy; None ends the worker."""
        async with self._source_lock:
            if self._stopped.is_set():
                return None
            if len(self._busy) < _MOST_BUSY and (tenant := await anext(self._source, None)) is not None:
                return tenant
        if not self._busy:
            return None
        due, tenant = self._busy.popleft()
        return None if await self._stops_within(due - _now()) else tenant

    async def _stops_within(self, seconds: float) -> bool:
        """Wait for so long, or until the run stops, and return whether it stops."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
        return self._stopped.is_set()


def _now() -> float:
    return asyncio.get_running_loop().time()
