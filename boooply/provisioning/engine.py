"""A run: a fixed number of workers over one iterator, and what they have to leave to others for a while."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import suppress
from typing import Final

from boooply.errors import ProvisioningError
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.provisioning.outcomes import Failed, InDoubt, KeysNotStoredError, Outcome
from boooply.provisioning.provisioner import AsyncKeys, KeyProvisioner, NotClaimed
from boooply.store import AsyncStore

CONCURRENCY: Final = 16

_MOST_LEFT: Final = 1000  # customers that other runs are at, of which the oldest is looked at again first
_LOOK_AGAIN: Final = 0.5  # seconds
_TROUBLE_IN_A_ROW: Final = 50  # an API that is down must not put a whole file in doubt


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
    """Connect every customer once, and yield what becomes of each as it comes.

    A customer that is connected already is not minted again, whichever run or process did it; so a run that was killed
    is run again with the same customers. Several runs on one store share the work. However many customers come out of
    ``tenants``, only a few are held at a time.

    Setting ``stop``, or closing the generator, ends the run: requests under way come to their end and are recorded.

    Args:
        tenants: The customers, from a generator for example.
        platform: Whose key mints.
        store: Holds the ledger, and the keys.
        keys: Your own key store, in the place of the one in ``store``.
        concurrency: How many requests may be under way at once.
        remint_in_doubt: Mint again where nobody can tell whether a key exists; that key may be an orphan.
        stop: Set it to end the run.

    Raises:
        AuthenticationError: The platform's key is refused; so with ``PermissionDeniedError``. The run has stopped.
        StoreError: The store has failed for a minute; nothing more was sent.
        KeysNotStoredError: Keys came that cannot be stored: the error holds them.
        ProvisioningError: The API fails again and again.
    """
    if concurrency < 1:
        raise ProvisioningError("concurrency has to be at least 1")
    minting = KeyProvisioner(platform=platform, ledger=store.ledger, vault=keys, remint=remint_in_doubt)
    crew = WorkerPool(minting, _asynchronous(tenants), concurrency)
    workers = [asyncio.create_task(crew.work()) for _ in range(concurrency)]
    watcher = asyncio.create_task(_stop_on(stop, crew)) if stop is not None else None
    try:
        while (outcome := await crew.outcomes.get()) is not None:
            yield outcome
    finally:
        for task in [*workers, *([watcher] if watcher is not None else [])]:
            task.cancel()  # a request under way comes to its end all the same
        await asyncio.wait(workers)
        crew.raise_unstored()
    crew.raise_failure()


async def _asynchronous(tenants: Iterable[Tenant] | AsyncIterable[Tenant]) -> AsyncIterator[Tenant]:
    if isinstance(tenants, AsyncIterable):
        async for tenant in tenants:
            yield tenant
    else:
        for tenant in tenants:
            yield tenant


async def _stop_on(stop: asyncio.Event, crew: WorkerPool) -> None:
    await stop.wait()
    crew.stop()


class WorkerPool:
    """The workers of one run, and what they share."""

    def __init__(self, minting: KeyProvisioner, source: AsyncIterator[Tenant], size: int) -> None:
        self.outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(size)  # None once the last worker is done
        self._minting = minting
        self._source = source
        self._turn = asyncio.Lock()
        self._left: deque[tuple[float, Tenant]] = deque()  # with the time at which to look again
        self._working = size
        self._stopped = asyncio.Event()
        self._failure: Exception | None = None
        self._unstored: list[KeysNotStoredError] = []

    async def work(self) -> None:
        """Connect customers until there are no more, or the run stops."""
        try:
            while (tenant := await self._next()) is not None:
                await self._connect(tenant)
        except KeysNotStoredError as error:
            self._unstored.append(error)
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the run and is raised at its end
            self._fail(error)
        self._working -= 1
        if not self._working:
            await self.outcomes.put(None)

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped.set()
        self._minting.stop()

    def raise_unstored(self) -> None:
        """Hand out the keys that could not be stored, if there are any: even where the run was broken off."""
        if self._unstored:
            keys = {identity: secret for error in self._unstored for identity, secret in error.keys.items()}
            raise KeysNotStoredError(keys, self._unstored[0].reason)

    def raise_failure(self) -> None:
        """Raise what has ended the run early, if something did."""
        if self._failure is not None:
            raise self._failure

    async def _connect(self, tenant: Tenant) -> None:
        try:
            outcome = await self._minting.connect(tenant)
        except NotClaimed:
            self._left.append((_now() + _LOOK_AGAIN, tenant))
            return
        await self.outcomes.put(outcome)
        if self._minting.trouble >= _TROUBLE_IN_A_ROW:
            reason = outcome.reason if isinstance(outcome, InDoubt | Failed) else "no answer"
            raise ProvisioningError(f"the API gave no answer {self._minting.trouble} times in a row: {reason}")

    async def _next(self) -> Tenant | None:
        async with self._turn:
            if self._stopped.is_set():
                return None
            if len(self._left) < _MOST_LEFT:
                async for tenant in self._source:
                    return tenant
        return await self._next_left()

    async def _next_left(self) -> Tenant | None:
        """Take the customer again that another run was at, once it has had some time."""
        if not self._left:
            return None
        moment, tenant = self._left.popleft()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), moment - _now())
        return None if self._stopped.is_set() else tenant

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self.stop()


def _now() -> float:
    return asyncio.get_running_loop().time()
