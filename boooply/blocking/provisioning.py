"""The blocking flavour of ``boooply.provisioning``, for one customer or many."""

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
    """A store of customers' keys: ``KeyStore``, or a class of your own, for example over a vault.

    The methods are called in threads.
    """

    def put(self, organization_id: str, api_key: Secret, /) -> None:
        """Store a customer's key, and replace an existing one.

        Args:
            organization_id: Your own ID of the customer.
            api_key: The organization key. ``reveal()`` returns its value.
        """

    def get(self, organization_id: str, /) -> Secret:
        """Return a customer's key.

        Args:
            organization_id: Your own ID of the customer.

        Raises:
            NotConnectedError: No key is stored for the customer.
        """
        ...

    def delete(self, organization_id: str, /) -> None:
        """Delete a customer's key.

        Args:
            organization_id: Your own ID of the customer.
        """


@attrs.frozen
class _InThreads:
    """An async key store over a blocking one."""

    _keys: Keys

    async def put(self, organization_id: str, api_key: Secret, /) -> None:
        await in_thread(self._keys.put, organization_id, api_key)

    async def get(self, organization_id: str, /) -> Secret:
        return await in_thread(self._keys.get, organization_id)

    async def delete(self, organization_id: str, /) -> None:
        await in_thread(self._keys.delete, organization_id)


class Tenants(SyncProxy[AsyncTenants]):
    """The customers of your platform, with a blocking client for each.

    The last 10,000 customers are cached.

    Args:
        platform: The platform.
        store: The store of the ledger and the keys.
        keys: A key store of your own, for example over a vault. Default: the keys in ``store``.
        verify: Whether to check, before the first use of a stored key, that it belongs to the customer. The check is
            one call. Default: True.
        max_age: How long a customer is cached, in seconds. A key that was replaced in the store is used after this time
            at the latest. Default: 60.

    Raises:
        ConfigurationError: An argument is invalid.
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
        """Return the client of a customer. All clients share the platform's connections.

        Args:
            organization_id: Your own ID of the customer.

        Raises:
            NotConnectedError: No key of the customer is stored.
            AuthenticationError: The API rejected the stored key.
            CorruptKeyError: The stored key was altered.
            WrongTenantError: The stored key belongs to another customer. Nothing was written with it.
            StoreMismatchError: The store belongs to another API or to other platform keys. Nothing was sent.
            StoreError: The store cannot be read.
        """
        return over(BoooplyClient, self._runner, self._runner.run(lambda: self._original.client(organization_id)))

    def connect(self, tenant: Tenant, /, *, remint_in_doubt: bool = False) -> BoooplyClient:
        """Connect a customer: mint and store its key, unless it has one. Return its client.

        Each customer gets one key, even if several tasks or processes call this at the same time. If the caller is
        cancelled while the request is under way, the call still waits until the key is stored.

        Args:
            tenant: The customer.
            remint_in_doubt: Whether to mint another key if the customer is in doubt. If its first key exists, it
                becomes an orphan: a valid key that nobody has.

        Raises:
            AmbiguousWriteError: A key may have been minted. The customer is now in doubt.
            ProvisioningError: The customer was already in doubt.
            KeysNotStoredError: The key was minted but cannot be stored. The error contains it.
            APIStatusError: The API rejected the customer or the platform key.
            StoreMismatchError: The store belongs to another API or to other platform keys. Nothing was sent.
            StoreError: The store failed. Nothing was sent.
        """
        client = self._runner.run(lambda: self._original.connect(tenant, remint_in_doubt=remint_in_doubt))
        return over(BoooplyClient, self._runner, client)

    def reconnect(self, tenant: Tenant, /) -> BoooplyClient:
        """Mint another key for a customer, replace the stored key with it, and return the client.

        Use this when Boooply rejects the stored key, for example because it was revoked in the dashboard. The stored
        key stays in use until the new key replaces it. It then counts as an orphan, because the API cannot revoke it.

        Args:
            tenant: The customer.

        Raises:
            AmbiguousWriteError: A key may have been minted. The stored key stays, and the customer is in doubt.
            KeysNotStoredError: The key was minted but cannot be stored. The error contains it.
            APIStatusError: The API rejected the customer or the platform key. The stored key stays.
            WrongTenantError: The new key belongs to another customer. Nothing was written with it.
            StoreMismatchError: The store belongs to another API or to other platform keys. Nothing was sent.
            StoreError: The store failed. Nothing was sent.
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
    """Connect every customer once, and yield the outcome of each.

    A customer that is already connected gets no new key. If a run was killed, run it again with the same customers.
    Several runs on one store share the work. To end a run early, set ``stop`` or close the generator.

    Args:
        tenants: The customers, any number of them. They are iterated in the thread that iterates over this generator.
        platform: The platform whose key is used.
        store: The store of the ledger and the keys.
        keys: A key store of your own. Default: the keys in ``store``.
        concurrency: The most requests at a time. Default: 16.
        remint_in_doubt: Whether to mint again for customers in doubt. A key that already exists becomes an orphan.
            Default: False.
        stop: An event that ends the run. Default: none.
        grace: How long requests that were sent may take after ``stop`` is set, in seconds. After that, their customers
            are in doubt. Default: 20.

    Yields:
        One outcome for each customer: ``Connected``, ``AlreadyConnected``, ``InDoubt`` or ``Failed``.

    Raises:
        ConfigurationError: An argument is invalid.
        AuthenticationError: The API rejects the platform key. It may also raise ``PermissionDeniedError``.
        StoreError: The store failed for a minute.
        StoreMismatchError: The store belongs to another API or to other platform keys. Nothing was sent.
        KeysNotStoredError: Keys were minted, but cannot be stored. The error contains them.
        RateLimitError: Many requests in a row were rejected with 429.
        ProvisioningError: The API failed for two attempt timeouts and 30 seconds.
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
        with suppress(ConfigurationError):  # the loop has ended, and closed the run
            runner.run(run.close)


def _pull(source: Iterator[Tenant]) -> Given:
    try:
        return next(source, None)
    except Exception as error:  # noqa: BLE001 - any error ends the run, as it does in the async flavour
        return error


@attrs.define(eq=False)
class _Run:
    """A run in the event loop, with the queues to the thread that iterates over it.

    Attributes:
        stop: The event that ends the run.
        news: The outcomes of the run. None requests a customer, and ``_END`` follows the last outcome.
        given: The requested customers, followed by None.
    """

    stop: threading.Event | None
    news: asyncio.Queue[Outcome | None] = attrs.field(factory=asyncio.Queue[Outcome | None], init=False)
    given: asyncio.Queue[Given] = attrs.field(factory=asyncio.Queue[Given], init=False)
    _task: asyncio.Task[None] | None = attrs.field(default=None, init=False)

    async def start(self, start: Start) -> None:
        self._task = asyncio.create_task(self._run(start))
        self._task.add_done_callback(lambda _: self.news.put_nowait(_END))

    async def close(self) -> None:
        """End the run after the requests that were sent have finished."""
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
