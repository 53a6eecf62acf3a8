"""Connecting a platform's customers: a key is minted and stored here, and goes nowhere else."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, Self

import attrs

from boooply.errors import BoooplyError, CorruptKeyError, NotConnectedError
from boooply.models import Organization, Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.limits import RateLimits
from boooply.protocol.retry import RetryPolicy
from boooply.provisioning.outcomes import KeysNotStoredError
from boooply.secret import Secret
from boooply.store import Store
from boooply.tenants import Tenants

_COME_BACK: Final = 5.0  # seconds

logger: logging.Logger = logging.getLogger("boooply.mcp")


@attrs.frozen(eq=False)
class Customers:
    """Connect customers with the platform's key, each to one key in the store."""

    platform: AsyncBoooplyPlatform
    store: Store
    tenants: Tenants
    _minting: set[asyncio.Task[Organization]] = attrs.field(factory=set[asyncio.Task[Organization]], init=False)
    _tasks: set[asyncio.Task[None]] = attrs.field(factory=set[asyncio.Task[None]], init=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, store_url: str | None, base_url: str | None, retry: RetryPolicy) -> AsyncGenerator[Self]:
        """Open store and platform; they share the platform's allowance with all processes on the store.

        Raises:
            ConfigurationError: A setting is missing or cannot work.
            StoreError: The store cannot be opened.
        """
        async with (
            Store.open(store_url) as store,
            AsyncBoooplyPlatform(base_url=base_url, retry=retry, rate_limits=RateLimits(shared=store)) as platform,
        ):
            customers = cls(platform, store, Tenants(platform, store.keys))
            try:
                yield customers
            finally:
                await customers._give_up()

    async def connect(self, tenant: Tenant, /) -> Organization:
        """Mint and store a customer's key, unless it has one, and tell whose it is.

        A caller that is cancelled waits for nothing: what is unsent is dropped, and what is under way comes to its end
        behind it, at the latest before the server has closed.

        Raises:
            BoooplyError: As ``Tenants.connect`` does.
        """
        task = asyncio.create_task(self._connect(tenant), name="boooply connect")
        self._minting.add(task)
        task.add_done_callback(self._minted)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()  # once: the scopes of the protocol's SDK cancel at every turn, and would break the wait off
            raise
        return task.result()

    def _minted(self, task: asyncio.Task[Organization]) -> None:
        self._minting.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not log it where the caller has gone

    async def _connect(self, tenant: Tenant) -> Organization:
        try:
            client = await self.tenants.connect(tenant)
        except KeysNotStoredError as error:
            self._keep(error.keys)
            raise
        known = Organization(name=tenant.organization_name, external_org_id=tenant.organization_id)
        with suppress(BoooplyError):  # it is connected, whatever becomes of this read
            found = await client.organization.get()
            known = attrs.evolve(found, external_org_id=tenant.organization_id)
        return known

    def _keep(self, keys: Mapping[str, Secret]) -> None:
        """Try to store keys that came and could not be, for as long as the server runs: nothing else has them."""
        task = asyncio.create_task(_keep(self.store, dict(keys)), name="boooply keys")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _give_up(self) -> None:
        while self._minting:
            await asyncio.wait(self._minting)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _keep(store: Store, keys: dict[str, Secret]) -> None:
    try:
        while keys:
            await asyncio.sleep(_COME_BACK)
            for organization_id in tuple(keys):
                with suppress(Exception):  # whatever it is: the other keys wait too, and this one is tried again
                    await _restore(store, organization_id, keys[organization_id])
                    del keys[organization_id]
    finally:
        for organization_id in keys:
            logger.critical("the key of %s was minted and could not be stored: it is lost", organization_id)


async def _restore(store: Store, organization_id: str, api_key: Secret) -> None:
    """Store a key that came late, unless the customer has another one by now, or was disconnected meanwhile."""
    try:
        has_other = await store.keys.get(organization_id) != api_key
    except CorruptKeyError:
        has_other = False  # nobody can use that one
    except NotConnectedError:
        has_other = False
        if not [entry async for entry in store.ledger.entries([organization_id])]:
            logger.warning("%s was disconnected meanwhile: the key that came late is not stored", organization_id)
            return
    if has_other:
        logger.warning("%s has another key by now, which stays; the one that came late is not stored", organization_id)
        return
    await store.keys.put(organization_id, api_key)
