"""The blocking twin of ``Tenants``: its store lives in the bridge's event loop, beside the connections."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import AsyncExitStack, contextmanager
from typing import Final

from boooply.blocking.bridge import Twin
from boooply.blocking.client import BoooplyClient, BoooplyPlatform
from boooply.models import Tenant
from boooply.secret import Secret, hide
from boooply.store import Store
from boooply.store.seal import hidden
from boooply.tenants import Tenants


class BlockingTenants(Twin[Tenants]):
    """Hand out a blocking client for each of the platform's customers, with the key that is stored for it."""

    disconnect: Final = Twin.of(Tenants.disconnect)

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
    ) -> Generator[BlockingTenants]:
        """Open the store of the customers' keys, and close it at the end.

        ``url`` and ``encryption_key`` are those of ``Store.open``; ``verify`` and ``max_age`` those of ``Tenants``.
        """
        address, encryption_keys = hide(url), hidden(encryption_key)
        del url, encryption_key
        bridge, original = platform._bridge, platform._original  # noqa: SLF001 - one room with it
        stack = AsyncExitStack()

        async def enter() -> Store:
            return await stack.enter_async_context(Store.open(address, encryption_key=encryption_keys))

        store = bridge.run(enter)
        try:
            yield cls.over(bridge, Tenants(original, store.keys, verify=verify, max_age=max_age))
        finally:
            bridge.run(stack.aclose)

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
            APIError: The API refuses the customer, or the platform's key.
        """
        client = self._bridge.run(self._original.connect, tenant, remint_in_doubt=remint_in_doubt)
        return BoooplyClient.over(self._bridge, client)
