"""The platform's customers: a client for each, over one pool of connections (the extra ``store``)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final
from weakref import WeakValueDictionary

import attrs

from boooply.client import AsyncBoooplyClient, connection_over, transport_of
from boooply.errors import APIError, AuthenticationError, NotConnectedError, ProvisioningError, WrongTenantError
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.settings import FLAG, PAUSE, Rule, check_all, instance
from boooply.provisioning.identity import check_store
from boooply.provisioning.outcomes import Failed, InDoubt
from boooply.provisioning.provisioner import AsyncKeys, KeyProvisioner, NotClaimed
from boooply.recording import Recorder
from boooply.secret import Secret
from boooply.store import AsyncStore

_MOST_CACHED: Final = 10_000
_RULES: Final[dict[str, Rule]] = {
    "platform": instance(AsyncBoooplyPlatform, "an AsyncBoooplyPlatform"),
    "store": instance(AsyncStore, "an AsyncStore that is open"),
    "verify": FLAG,
    "max_age": PAUSE,
    "tenant": instance(Tenant, "a Tenant"),
}
_LOOK_AGAIN: Final = 0.2  # seconds between two checks while another process connects the same customer


@attrs.frozen(eq=False)
class _Cached:
    client: AsyncBoooplyClient
    api_key: Secret
    read_at: float


class AsyncTenants:
    """The platform's customers: a client for each, with its stored key.

    The last 10,000 customers are cached in memory.

    Args:
        platform: The platform that mints the keys, and whose connections all clients share.
        store: The open store, which contains the ledger and the keys.
        keys: Your own key store, which contains the keys instead of ``store``. The ledger stays in ``store``.
        verify: Whether to check the first use of each stored key with one request that reads its organization.
        max_age: The time in seconds for which a customer is cached. A key that another process replaced in the store
            is used after this time at the latest.

    Raises:
        ConfigurationError: An argument is invalid.
    """

    def __init__(
        self,
        platform: AsyncBoooplyPlatform,
        store: AsyncStore,
        /,
        *,
        keys: AsyncKeys | None = None,
        verify: bool = True,
        max_age: float = 60.0,
    ) -> None:
        check_all(_RULES, platform=platform, store=store, verify=verify, max_age=max_age)
        self._platform = platform
        self._store = store
        self._ledger = store.ledger
        self._recorder = Recorder(store)
        self._vault = keys
        self._keys: AsyncKeys = store.keys if keys is None else keys
        self._verify = verify
        self._max_age = max_age
        self._cached: OrderedDict[str, _Cached] = OrderedDict()
        self._is_checked = self._is_recorded = False  # whether the store belongs to this platform
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def client(self, organization_id: str, /) -> AsyncBoooplyClient:
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
        client = self._fresh(organization_id)
        if client is None:
            async with self._lock(organization_id):
                client = self._fresh(organization_id) or await self._read(organization_id, verify=self._verify)
        return client

    async def connect(self, tenant: Tenant, /, *, remint_in_doubt: bool = False) -> AsyncBoooplyClient:
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
        await self._mint(tenant, remint=remint_in_doubt)
        return await self.client(tenant.organization_id)

    async def reconnect(self, tenant: Tenant, /) -> AsyncBoooplyClient:
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
        await self._mint(tenant, replace=True)
        async with self._lock(tenant.organization_id):
            try:
                return await self._read(tenant.organization_id, verify=self._verify)
            except APIError:
                # If this failed because the API cannot be asked, a repetition would mint yet another key.
                client = await self._read(tenant.organization_id, verify=False)
                self._cached.pop(tenant.organization_id)  # the next use checks the key
                return client

    async def _mint(self, tenant: Tenant, *, remint: bool = False, replace: bool = False) -> None:
        check_all(_RULES, tenant=tenant)
        if not self._is_recorded:
            await check_store(self._store, self._platform, record=True)
            self._is_recorded = self._is_checked = True
        provisioner = KeyProvisioner(
            platform=self._platform, recorder=self._recorder, vault=self._vault, remint=remint, replace=replace
        )
        async with self._lock(tenant.organization_id):
            await _connect(provisioner, tenant)
            if replace:
                self._cached.pop(tenant.organization_id, None)

    async def disconnect(self, organization_id: str, /) -> None:
        """Delete a customer's key and its entry in the ledger.

        The key stays valid at Boooply, because the API cannot revoke it.

        Args:
            organization_id: Your own ID of the customer. An unknown ID is ignored.

        Raises:
            StoreError: The store failed.
        """
        async with self._lock(organization_id):
            await self._keys.delete(organization_id)
            await self._ledger.forget(organization_id)
            self._cached.pop(organization_id, None)

    def _lock(self, organization_id: str) -> asyncio.Lock:
        return self._locks.setdefault(organization_id, asyncio.Lock())

    def _fresh(self, organization_id: str) -> AsyncBoooplyClient | None:
        cached = self._cached.get(organization_id)
        if cached is None or asyncio.get_running_loop().time() - cached.read_at >= self._max_age:
            return None
        self._cached.move_to_end(organization_id)
        return cached.client

    async def _read(self, organization_id: str, *, verify: bool) -> AsyncBoooplyClient:
        if not self._is_checked:
            await check_store(self._store, self._platform)
            self._is_checked = True
        api_key = await self._keys.get(organization_id)
        if not api_key.reveal():  # a vault may return an empty key for a customer that has none
            raise NotConnectedError(organization_id)
        known = self._cached.get(organization_id)
        if known is not None and known.api_key == api_key:
            client = known.client
        else:
            client = _customers(self._platform.organization(api_key), organization_id)
            if verify:
                await _check_owner(client, organization_id)
        self._cached[organization_id] = _Cached(client, api_key, asyncio.get_running_loop().time())
        self._cached.move_to_end(organization_id)
        if len(self._cached) > _MOST_CACHED:
            self._cached.popitem(last=False)
        return client


def _customers(client: AsyncBoooplyClient, organization_id: str) -> AsyncBoooplyClient:
    """Return a client whose log lines and errors contain the customer's id."""
    transport = attrs.evolve(transport_of(client), organization_id=organization_id)
    return connection_over(AsyncBoooplyClient, transport)


async def _check_owner(client: AsyncBoooplyClient, organization_id: str) -> None:
    try:
        found = (await client.organization.get()).external_org_id
    except AuthenticationError as error:
        error.add_note(
            f"The API rejected the stored key of {organization_id}. If the key comes from another API or from a "
            "sandbox that has stopped, use another store. Otherwise, reconnect the customer."
        )
        raise
    # the API does not guarantee this field, so a missing value proves nothing
    if found is not None and found != organization_id:
        raise WrongTenantError(organization_id, found)


async def _connect(provisioner: KeyProvisioner, tenant: Tenant) -> None:
    while True:
        try:
            outcome = await provisioner.connect(tenant)
        except NotClaimed:
            await asyncio.sleep(_LOOK_AGAIN)  # another process connects the customer
            continue
        if isinstance(outcome, InDoubt | Failed):
            raise outcome.error or ProvisioningError(
                f"{tenant.organization_id} is in doubt ({outcome.reason}). To mint another key, call "
                "connect(tenant, remint_in_doubt=True). If a first key exists, it stays valid, and nobody has it."
            )
        return
