"""One provisioning run: a fixed number of workers over one source of customers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import aclosing
from typing import Final

from boooply.errors import (
    AuthenticationError,
    BoooplyError,
    PermissionDeniedError,
    ProvisioningError,
    RateLimitError,
    StoreError,
)
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.messages import RateLimitClass
from boooply.protocol.settings import COUNT, PAUSE, Rule, check_all, instance
from boooply.provisioning.identity import check_store
from boooply.provisioning.iteration import iterate
from boooply.provisioning.outcomes import KeysNotStoredError, Outcome
from boooply.provisioning.provisioner import AsyncKeys, KeyProvisioner, NotClaimed
from boooply.provisioning.sources import IterableSource, Source, sets_within
from boooply.recording import Recorder
from boooply.store import AsyncStore
from boooply.store.completion import call_after, run_to_completion

CONCURRENCY: Final = 16
GRACE: Final = 20.0  # seconds

_LAST_STEPS: Final = 1.5  # seconds after the grace, in which the store may record the outcomes of the requests

_RULES: Final[dict[str, Rule]] = {
    "platform": instance(AsyncBoooplyPlatform, "an AsyncBoooplyPlatform"),
    "store": instance(AsyncStore, "an AsyncStore that is open"),
    "concurrency": COUNT,
    "grace": PAUSE,
}

_logger: Final = logging.getLogger("boooply.provisioning")


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
    grace: float = GRACE,
) -> AsyncGenerator[Outcome]:
    """Connect each customer once, and yield each outcome as soon as it is known.

    A customer that is already connected gets no second key, whichever run or process connected it. If a run was killed,
    start it again with the same customers. Several runs on one store share the work.

    To end a run early, set ``stop`` or close the generator. Requests under way then finish and are recorded. Customers
    whose requests take longer than ``grace`` after ``stop`` are in doubt.

    Args:
        tenants: The customers, from any iterable or asynchronous iterable. It may have any length: only a few customers
            are in memory at a time.
        platform: The platform that mints the keys.
        store: The open store, which contains the ledger and the keys.
        keys: Your own key store, which receives the keys instead of ``store``.
        concurrency: The largest number of requests under way at once.
        remint_in_doubt: Whether to mint another key for customers in doubt. If their first key exists, it becomes an
            orphan: a valid key that nobody has.
        stop: An event that ends the run when it is set.
        grace: The time in seconds that requests under way have after ``stop`` is set.

    Yields:
        One outcome for each customer: ``Connected``, ``AlreadyConnected``, ``InDoubt`` or ``Failed``.

    Raises:
        ConfigurationError: An argument is invalid.
        AuthenticationError: The API rejected the platform key. ``PermissionDeniedError`` likewise.
        StoreError: The store failed for a minute, or its file was replaced. Nothing more was sent.
        StoreMismatchError: The store belongs to another API or to other platform keys. Nothing was sent.
        KeysNotStoredError: Keys were minted but cannot be stored. The error contains them.
        RateLimitError: The API responded with 429 to many requests in a row, each sent after the requested wait.
        ProvisioningError: The API failed for two attempt timeouts and 30 seconds.
    """
    check_all(_RULES, concurrency=concurrency, platform=platform, store=store, grace=grace)
    await check_store(store, platform, record=True)
    provisioner = KeyProvisioner(platform=platform, recorder=Recorder(store), vault=keys, remint=remint_in_doubt)
    stopped = asyncio.Event()
    run = Run([provisioner], IterableSource(iterate(tenants), stopped), concurrency, stopped)
    async with aclosing(run.outcomes(stop, grace)) as outcomes:
        async for outcome in outcomes:
            yield outcome


class Run:
    """The workers of one run, and the state that they share.

    There is one provisioner for each platform key, and one outage for all. A key that the API rejects is set aside,
    unless it is the last one. An ``endless`` run does not stop while the API is down.
    """

    def __init__(
        self,
        provisioners: Sequence[KeyProvisioner],
        source: Source,
        size: int,
        stopped: asyncio.Event,
        *,
        endless: bool = False,
    ) -> None:
        self._provisioners = list(provisioners)
        self._numbers = {one: number for number, one in enumerate(provisioners, 1)}
        self._source = source
        self._size = size
        self._stopped = stopped
        self._endless = endless
        self._outage = provisioners[0].outage
        self._outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(size)  # None after the last one
        self._probe_lock = asyncio.Lock()
        self._no_probe = asyncio.Event()  # set while no worker probes
        self._no_probe.set()
        self._workers: list[asyncio.Task[None]] = []
        self._timers: list[asyncio.TimerHandle] = []
        self._errors: list[Exception] = []

    async def outcomes(self, stop: asyncio.Event | None, grace: float) -> AsyncGenerator[Outcome]:
        """Run until there are no more customers or ``stop`` is set, and yield the outcomes."""
        running = asyncio.create_task(self._run())
        stopping = asyncio.create_task(call_after((stop or asyncio.Event()).wait(), lambda: self._stop_within(grace)))
        try:
            while (outcome := await self._outcomes.get()) is not None:
                yield outcome
        finally:
            try:
                await self._close(running)
            finally:
                stopping.cancel()
        if self._errors:
            raise self._errors[0]

    async def _run(self) -> None:
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._size)]
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._outcomes.put(None)

    def _stop(self) -> None:
        """Start no more requests, and release the customers that wait."""
        self._stopped.set()
        for provisioner in self._numbers:
            provisioner.stop()

    def _stop_within(self, grace: float) -> None:
        """Stop, and abandon the requests that are still under way after ``grace`` seconds."""
        self._stop()
        loop = asyncio.get_running_loop()
        for provisioner in self._numbers:
            self._timers.append(loop.call_later(grace, provisioner.give_up))
        self._timers.append(loop.call_later(grace + _LAST_STEPS, self._abandon))

    def _abandon(self) -> None:
        """Cancel everything, as a kill would. Keys that are not stored are in an error."""
        if any(provisioner.is_busy for provisioner in self._numbers):
            self._errors.append(StoreError("the store did not record all outcomes before the run ended"))
        for provisioner in self._numbers:
            provisioner.abandon()
        for worker in self._workers:
            worker.cancel()

    async def _close(self, running: asyncio.Task[None]) -> None:
        """End the run once the requests under way have finished.

        Raises:
            KeysNotStoredError: Keys were minted but cannot be stored.
        """
        self._stopped.set()
        running.cancel()
        try:
            await run_to_completion(asyncio.wait({running}))
        finally:
            for timer in self._timers:
                timer.cancel()
            unstored = [error for error in self._errors if isinstance(error, KeysNotStoredError)]
            if unstored:
                keys = {identity: secret for error in unstored for identity, secret in error.keys.items()}
                raise KeysNotStoredError(keys, unstored[0].reason)

    async def _work(self) -> None:
        try:
            while await self._connect_next():
                pass
        except Exception as error:  # noqa: BLE001 - any error stops the run, and is raised when it has ended
            self._errors.append(error)
            self._stop()

    async def _connect_next(self) -> bool:
        """Connect the next customer, and return whether there was one. While the API is down, connect one at a time."""
        if self._outage.is_down:
            async with self._probe_lock:
                if self._outage.is_down:
                    return await self._take()
        return await self._take()

    async def _take(self) -> bool:
        found = await self._source.next()
        if isinstance(found, Tenant):
            await self._connect(found)
        elif found is not None:
            await self._finish(found)
        return found is not None

    async def _connect(self, tenant: Tenant) -> None:
        """Connect one customer, unless the API is down and another customer is the probe."""
        if not self._outage.is_down:
            await self._send(tenant)
        elif self._no_probe.is_set():
            self._no_probe.clear()
            try:
                await self._probe(tenant)
            finally:
                self._no_probe.set()
        else:
            await self._source.put_back(tenant)
            await self._no_probe.wait()  # take no customer in the meantime

    async def _probe(self, tenant: Tenant) -> None:
        """Connect one customer after a pause, to find out whether the API works again.

        Raises:
            ProvisioningError: The API has been down for too long.
        """
        outage = self._outage
        pause = outage.next_probe(_now())
        problem = f"the API failed {outage.failures} times in a row: {outage.reason}"
        if pause is None:
            raise ProvisioningError(problem)
        if self._endless and pause:
            _logger.warning("%s; until it responds, one request is sent at a time, the next in %.0f s", problem, pause)
        if await sets_within(self._stopped, pause):
            await self._source.put_back(tenant)
            return
        outage.probe = tenant.organization_id
        await self._send(tenant)

    async def _send(self, tenant: Tenant) -> None:
        provisioner = min(self._provisioners, key=_backlog)
        try:
            outcome = await provisioner.connect(tenant)
        except NotClaimed:
            await self._source.put_back(tenant)
        except (AuthenticationError, PermissionDeniedError) as error:
            self._set_aside(provisioner, error)
            await self._source.put_back(tenant)
        except RateLimitError as error:
            if not self._endless:
                raise
            self._outage.fail(tenant.organization_id, _now(), str(error))
            await self._source.put_back(tenant)
        else:
            await self._finish(outcome)

    async def _finish(self, outcome: Outcome) -> None:
        await self._outcomes.put(outcome)
        await self._source.settle(outcome)

    def _set_aside(self, provisioner: KeyProvisioner, error: BoooplyError) -> None:
        """Stop using a platform key, and cancel the customers that wait for it.

        Raises:
            AuthenticationError: It is the last key. ``PermissionDeniedError`` likewise.
        """
        if self._provisioners == [provisioner]:
            raise error
        if provisioner in self._provisioners:
            self._provisioners.remove(provisioner)
            provisioner.stop()
            which = f"{self._numbers[provisioner]} of {len(self._numbers)}"
            _logger.warning("platform key %s is set aside, and the others are used: %s", which, error)


def _backlog(provisioner: KeyProvisioner) -> int:
    status = provisioner.platform.rate_limits.get(RateLimitClass.WRITES)
    return 0 if status is None else status.waiting - status.remaining


def _now() -> float:
    return asyncio.get_running_loop().time()
