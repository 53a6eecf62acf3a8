"""A platform's customers. Their keys are minted and stored here, and are not sent to the host or the model."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Self

import attrs

from boooply.errors import BoooplyError
from boooply.models import Organization, Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.retry import RetryPolicy
from boooply.provisioning.identity import check_store
from boooply.provisioning.outcomes import KeysNotStoredError
from boooply.provisioning.pending_keys import PendingKeys
from boooply.provisioning.tenants import AsyncTenants
from boooply.ratelimit.limits import RateLimits
from boooply.store import AsyncStore


@attrs.frozen(eq=False)
class Customers:
    """The customers of a platform, each with one key in the store."""

    platform: AsyncBoooplyPlatform
    tenants: AsyncTenants
    pending_keys: PendingKeys
    _tasks: set[asyncio.Task[Organization]] = attrs.field(factory=set[asyncio.Task[Organization]], init=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, store_url: str | None, base_url: str | None, retry: RetryPolicy) -> AsyncGenerator[Self]:
        """Open the store and the platform, which shares its rate limits with all processes on the store.

        Raises:
            ConfigurationError: A setting is missing or invalid.
            StoreError: The store cannot be opened, or belongs to another API or to other platform keys.
        """
        async with (
            AsyncStore.open(store_url) as store,
            AsyncBoooplyPlatform(base_url=base_url, retry=retry, rate_limits=RateLimits(shared=store)) as platform,
        ):
            await check_store(store, platform)
            customers = cls(platform, AsyncTenants(platform, store), PendingKeys(store, platform))
            try:
                yield customers
            finally:
                await customers._finish()

    async def connect(self, tenant: Tenant, /) -> Organization:
        """Mint and store a customer's key, unless it has one, and return the customer's organization.

        A cancelled caller does not wait: an unsent request is dropped, and a request under way finishes in the
        background, before the server closes.

        Raises:
            BoooplyError: The errors of ``AsyncTenants.connect``.
        """
        task = asyncio.create_task(self._connect(tenant), name="boooply connect")
        self._tasks.add(task)
        task.add_done_callback(self._minted)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            # Cancel once and do not wait: the cancel scopes of the protocol's SDK cancel repeatedly, and end any wait.
            task.cancel()
            raise
        return task.result()

    def _minted(self, task: asyncio.Task[Organization]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it if the caller was cancelled

    async def _connect(self, tenant: Tenant) -> Organization:
        try:
            client = await self.tenants.connect(tenant)
        except KeysNotStoredError as error:
            self.pending_keys.keep(error.keys)
            raise
        organization = Organization(name=tenant.organization_name, external_org_id=tenant.organization_id)
        with suppress(BoooplyError):  # the customer is connected, even if this read fails
            found = await client.organization.get()
            organization = attrs.evolve(found, external_org_id=tenant.organization_id)
        return organization

    async def _finish(self) -> None:
        try:
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            await self.pending_keys.close()
