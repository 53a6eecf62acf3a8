"""The blocking flavour of ``boooply.provisioning``: one customer after the other, or many at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, Final, Protocol

import attrs

from boooply.blocking.client import BoooplyClient, BoooplyPlatform
from boooply.blocking.proxy import SyncProxy, original_of, over, runner_of, sync
from boooply.blocking.store import Store
from boooply.errors import ConfigurationError
from boooply.models import Tenant
from boooply.provisioning.engine import CONCURRENCY, GRACE, async_provision
from boooply.provisioning.outcomes import Outcome
from boooply.provisioning.tenants import AsyncTenants
from boooply.secret import Secret
from boooply.store.completion import call_after
from boooply.store.threads import in_thread, is_set

Given = Tenant | Exception | None
Start = Callable[[AsyncIterator[Tenant], asyncio.Event], AsyncGenerator[Outcome]]

_END: Final[Any] = object()


class Keys(Protocol):
    """A store of the customers' keys: the ``KeyStore``, or a class of your own over a vault.

    Its methods are called in threads. ``get`` raises ``NotConnectedError`` for a customer without a key.
    """

    def put(self, organization_id: str, api_key: Secret, /) -> None:
        """Store a customer's key."""

    def get(self, organization_id: str, /) -> Secret:
        """Read a customer's key."""
        ...

    def delete(self, organization_id: str, /) -> None:
        """Delete a customer's key."""


@attrs.frozen
class _InThreads:
    """A store of keys that blocks, for code that awaits."""

    _keys: Keys

    async def put(self, organization_id: str, api_key: Secret, /) -> None:
        await in_thread(self._keys.put, organization_id, api_key)

    async def get(self, organization_id: str, /) -> Secret:
        return await in_thread(self._keys.get, organization_id)

    async def delete(self, organization_id: str, /) -> None:
        await in_thread(self._keys.delete, organization_id)


class Tenants(SyncProxy[AsyncTenants]):
    """The platform's customers: a blocking client for each, with the key that is stored for it.

    The keys are in ``store``, or in ``keys``, a vault of your own with plain methods. The first use of a stored key
    asks the API once whose it is; ``verify=False`` leaves that out. The last 10,000 customers are kept in memory, each
    for ``max_age`` seconds: a key that was replaced in the store is seen after that time at the latest.
    """

    disconnect: Final = sync(AsyncTenants.disconnect)

    def __init__(
        self,
        platform: BoooplyPlatform,
        store: Store,
        /,
        *,
        keys: Keys | None = None,
        verify: bool = True,
        max_age: float = 60.0,
    ) -> None:
        vault = None if keys is None else _InThreads(keys)
        original = AsyncTenants(original_of(platform), original_of(store), keys=vault, verify=verify, max_age=max_age)
        super().__init__(runner_of(platform), original)

    def client(self, organization_id: str, /) -> BoooplyClient:
        """Return the client of one customer; however many of them, they share the platform's connections.

        Raises:
            NotConnectedError: No key of it is stored.
            WrongTenantError: The stored key belongs to another customer; nothing was written with it.
            StoreMismatchError: The store belongs to another API or to other platform keys; nothing was sent.
        """
        return over(BoooplyClient, self._runner, self._runner.run(lambda: self._original.client(organization_id)))

    def connect(self, tenant: Tenant, /, *, remint_in_doubt: bool = False) -> BoooplyClient:
        """Mint and store a customer's key, unless it has one, and return its client.

        However often it is called for one customer, at the same time or by several processes on one store, one key is
        minted. A caller that is cancelled once the request is out waits until the key is stored. ``remint_in_doubt``
        mints although a key may exist already; that one is then an orphan.

        Raises:
            AmbiguousWriteError: The key may have been minted; the customer is in doubt from now on.
            ProvisioningError: The customer is in doubt.
            KeysNotStoredError: The key came and cannot be stored: the error holds it.
            APIStatusError: The API refuses the customer, or the platform's key.
            StoreMismatchError: The store belongs to another API or to other platform keys; nothing was sent.
        """
        client = self._runner.run(lambda: self._original.connect(tenant, remint_in_doubt=remint_in_doubt))
        return over(BoooplyClient, self._runner, client)

    def reconnect(self, tenant: Tenant, /) -> BoooplyClient:
        """Mint another key of a customer on purpose, replace the stored one by it, and return its client.

        For a key that Boooply refuses, say because it was revoked in the dashboard. The stored key is used until the
        new one takes its place, in one step; it then counts as an orphan, since nothing here can revoke it.

        Raises:
            AmbiguousWriteError: A key may have been minted; the stored one stays, and the customer is in doubt.
            KeysNotStoredError: The key came and cannot be stored: the error contains it.
            APIStatusError: The API refuses the customer, or the platform's key; the stored key stays.
        """
        return over(BoooplyClient, self._runner, self._runner.run(lambda: self._original.reconnect(tenant)))


def provision(
    tenants: Iterable[Tenant],
    /,
    *,
    platform: BoooplyPlatform,
    store: Store,
    keys: Keys | None = None,
    concurrency: int = CONCURRENCY,
    remint_in_doubt: bool = False,
    stop: threading.Event | None = None,
    grace: float = GRACE,
) -> Generator[Outcome]:
    """Connect every customer once, and yield what becomes of each as it comes: see ``async_provision``.

    ``tenants`` is iterated in the thread that iterates over this generator.

    Args:
        tenants: The customers, from a generator for example.
        platform: Whose key mints.
        store: Where the ledger is, and the keys.
        keys: Your own key store, in place of the one in ``store``.
        concurrency: How many requests may be under way at once.
        remint_in_doubt: Mint again for customers in doubt; a key that exists already becomes an orphan.
        stop: Set it to end the run.
        grace: How long requests on the wire may take once ``stop`` is set, in seconds.

    Raises:
        AuthenticationError: The platform's key is refused; so with ``PermissionDeniedError``. The run has stopped.
        StoreError: The store has failed for a minute; nothing more was sent.
        KeysNotStoredError: Keys came that cannot be stored: the error holds them.
        ProvisioningError: The API fails again and again.
    """

    def start(source: AsyncIterator[Tenant], stopped: asyncio.Event) -> AsyncGenerator[Outcome]:
        return async_provision(
            source,
            platform=original_of(platform),
            store=original_of(store),
            keys=None if keys is None else _InThreads(keys),
            concurrency=concurrency,
            remint_in_doubt=remint_in_doubt,
            stop=stopped,
            grace=grace,
        )

    runner, source, run = runner_of(platform), iter(tenants), _Run(stop)
    try:
        runner.run(partial(run.start, start))
        while (outcome := runner.run(run.news.get)) is not _END:
            if outcome is None:
                runner.run(partial(run.given.put, _pull(source)))
            else:
                yield outcome
        run.raise_failure()
    finally:
        with suppress(ConfigurationError):  # its loop has ended, and has closed it
            runner.run(run.close)


def _pull(source: Iterator[Tenant]) -> Given:
    try:
        return next(source, None)
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends the run as it would end an awaited one
        return error


@attrs.define(eq=False)
class _Run:
    """A run in the event loop, and what it exchanges with the thread that iterates over it.

    Attributes:
        stop: What ends it.
        news: Its outcomes, None where it needs a customer, and ``_END`` after the last outcome.
        given: The customers that it needed, and None after the last one.
    """

    stop: threading.Event | None
    news: asyncio.Queue[Outcome | None] = attrs.field(factory=asyncio.Queue[Outcome | None], init=False)
    given: asyncio.Queue[Given] = attrs.field(factory=asyncio.Queue[Given], init=False)
    _task: asyncio.Task[None] | None = attrs.field(default=None, init=False)

    async def start(self, start: Start) -> None:
        self._task = asyncio.create_task(self._run(start))
        self._task.add_done_callback(lambda _: self.news.put_nowait(_END))

    async def close(self) -> None:
        """End the run, once the requests on the wire have finished."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self.raise_failure()

    def raise_failure(self) -> None:
        if self._task is not None and not self._task.cancelled():
            self._task.result()

    async def _run(self, start: Start) -> None:
        stopped = asyncio.Event()
        watching = asyncio.create_task(call_after(is_set(self.stop), stopped.set))
        try:
            async with aclosing(start(self._tenants(), stopped)) as outcomes:
                async for outcome in outcomes:
                    self.news.put_nowait(outcome)
        finally:
            watching.cancel()

    async def _tenants(self) -> AsyncIterator[Tenant]:
        while True:
            self.news.put_nowait(None)
            tenant = await self.given.get()
            if tenant is None:
                return
            if isinstance(tenant, Exception):
                raise tenant
            yield tenant
