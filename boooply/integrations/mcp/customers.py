"""Connecting a platform's customers: a key is minted and stored here, and goes nowhere else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Self

import attrs

from boooply.errors import BoooplyError
from boooply.models import Organization, Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.retry import RetryPolicy
from boooply.provisioning.outcomes import KeysNotStoredError
from boooply.provisioning.pending_keys import PendingKeys
from boooply.provisioning.tenants import AsyncTenants
from boooply.ratelimit.limiter import RateLimits
from boooply.store import AsyncStore


@attrs.frozen(eq=False)
class Customers:
    """Connect customers with the platform's key, each to one key in the store."""

    platform: AsyncBoooplyPlatform
    store: AsyncStore
    tenants: AsyncTenants
    late: PendingKeys
    _minting: set[asyncio.Task[Organization]] = attrs.field(factory=set[asyncio.Task[Organization]], init=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, store_url: str | None, base_url: str | None, retry: RetryPolicy) -> AsyncGenerator[Self]:
        """Open store and platform; they share the platform's allowance with all processes on the store.

        Raises:
            ConfigurationError: A setting is missing or cannot work.
            StoreError: The store cannot be opened.
        """
        async with (
            AsyncStore.open(store_url) as store,
            AsyncBoooplyPlatform(base_url=base_url, retry=retry, rate_limits=RateLimits(shared=store)) as platform,
        ):
            customers = cls(platform, store, AsyncTenants(platform, store), PendingKeys(store))
            try:
                yield customers
            finally:
                await customers._give_up()

    async def connect(self, tenant: Tenant, /) -> Organization:
        """Mint and store a customer's key, unless it has one, and tell whose it is.

        A caller that is cancelled waits for nothing: what is unsent is dropped, and what is under way comes to its end
        behind it, at the latest before the server has closed.

        Raises:
            BoooplyError: As ``AsyncTenants.connect`` does.
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
            self.late.keep(error.keys)
            raise
        known = Organization(name=tenant.organization_name, external_org_id=tenant.organization_id)
        with suppress(BoooplyError):  # it is connected, whatever becomes of this read
            found = await client.organization.get()
            known = attrs.evolve(found, external_org_id=tenant.organization_id)
        return known

    async def _give_up(self) -> None:
        while self._minting:
            await asyncio.wait(self._minting)
        await self.late.close()
