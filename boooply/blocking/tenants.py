"""The blocking twin of ``AsyncTenants``: its store lives in the bridge's event loop, beside the connections."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from typing import Final, Self

import attrs

from boooply.blocking.bridge import Twin
from boooply.blocking.client import BoooplyClient, BoooplyPlatform
from boooply.errors import ConfigurationError
from boooply.models import Tenant
from boooply.provisioning.tenants import AsyncTenants
from boooply.secret import Secret, as_secret
from boooply.store import AsyncStore
from boooply.store.encryption import hidden


@attrs.frozen(eq=False)
class _Held:
    """A store that a task holds open: a loop that ends cancels its tasks, and so closes a store that nobody closed."""

    store: AsyncStore
    _over: asyncio.Event
    _holder: asyncio.Task[None]

    @classmethod
    async def open(cls, address: Secret | None, encryption_keys: tuple[Secret, ...]) -> Self:
        over, opened = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def hold() -> None:
            async with AsyncStore.open(address, encryption_key=encryption_keys) as store:
                opened.set_result(store)
                await over.wait()

        holder = asyncio.create_task(hold(), name="boooply store")
        try:
            await asyncio.wait({holder, opened}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            holder.cancel()
            raise
        if holder.done():
            await holder  # it raises
        return cls(opened.result(), over, holder)

    async def close(self) -> None:
        if self._holder.get_loop() is asyncio.get_running_loop():  # not in a forked child, which has a loop of its own
            self._over.set()
            await self._holder


class Tenants(Twin[AsyncTenants]):
    """Hand out a blocking client for each of the platform's customers, with the key that is stored for it."""

    disconnect: Final = Twin.of(AsyncTenants.disconnect)

    @classmethod
    @contextmanager
    def open(
        cls,
        platform: BoooplyPlatform,
        url: str | Secret | None = None,
        *,
        encryption_key: str | Secret | Iterable[str | Secret] | None = None,
        verify: bool = True,
        max_age: float = 60.0,
    ) -> Generator[Tenants]:
        """Open the store of the customers' keys, and close it at the end.

        ``url`` and ``encryption_key`` are those of ``AsyncStore.open``; ``verify`` and ``max_age`` those of
        ``AsyncTenants``.
        """
        address, encryption_keys = as_secret(url), hidden(encryption_key)
        del url, encryption_key
        bridge, original = platform._bridge, platform._original  # noqa: SLF001 - one room with it
        held = bridge.run(_Held.open, address, encryption_keys)
        try:
            yield cls.over(bridge, AsyncTenants(original, held.store.keys, verify=verify, max_age=max_age))
        finally:
            with suppress(ConfigurationError):  # the platform was closed first, and the store with its loop
                bridge.run(held.close)

    def client(self, organization_id: str, /) -> BoooplyClient:
        """Give the client of one customer; however many of them, they share the platform's connections.

        Raises:
            NotConnectedError: No key of it is stored.
            WrongTenantError: The stored key belongs to another customer; nothing was written with it.
        """
        return BoooplyClient.over(self._bridge, self._bridge.run(self._original.client, organization_id))

    def connect(self, tenant: Tenant, /, *, remint_in_doubt: bool = False) -> BoooplyClient:
        """Mint and store a customer's key, unless it has one, and give its client.

        However often it is called for one customer, at the same time or by several processes on one store, one key is
        minted. A caller that is cancelled once the request is out waits until the key is stored. ``remint_in_doubt``
        mints where nobody can tell whether a key exists already; that one is then an orphan.

        Raises:
            AmbiguousWriteError: The key may have been minted; the customer is in doubt from now on.
            ProvisioningError: The customer is in doubt.
            KeysNotStoredError: The key came and cannot be stored: the error holds it.
            APIStatusError: The API refuses the customer, or the platform's key.
        """
        client = self._bridge.run(self._original.connect, tenant, remint_in_doubt=remint_in_doubt)
        return BoooplyClient.over(self._bridge, client)
