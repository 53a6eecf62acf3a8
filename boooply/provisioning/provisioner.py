"""The provisioning of one customer. Every step is recorded before it happens, so that no key is lost."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, cast

import attrs

from boooply.client import transport_of
from boooply.errors import (
    AmbiguousWriteError,
    APIError,
    APIStatusError,
    AuthenticationError,
    BoooplyError,
    DecodingError,
    NotConnectedError,
    PermissionDeniedError,
    RateLimitError,
    StoreError,
)
from boooply.models import OrganizationApiKey, Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.provisioning.outage import Outage
from boooply.provisioning.outcomes import (
    AlreadyConnected,
    Connected,
    Failed,
    InDoubt,
    KeysNotStoredError,
    Outcome,
    known_outcome,
    vault_decides,
)
from boooply.provisioning.shared_keys import check_holder
from boooply.recording import Claimed, Recorder, SharedKeyError
from boooply.resources.keys import doubt_about, mint_key
from boooply.secret import Secret, one_line, redact
from boooply.store import ClaimResult
from boooply.store.completion import run_to_completion
from boooply.store.entries import VAULT_RUN

Tasks = set[asyncio.Task[Outcome]]

_WAITING_LEASE: Final = 30.0  # keeps two runs from waiting with one customer; `begin` prevents a second mint
# The platform key is wrong, or gets a 429 after every wait: no key can be minted for any customer.
_STOPS_THE_RUN: Final = (AuthenticationError, PermissionDeniedError, RateLimitError)
STOPPED: Final = "the run was stopped while the request was under way"
_RELEASED_WITHIN: Final = 2.0  # the longest time in seconds to release a claim in a failing store


class AsyncKeys(Protocol):
    """A key store: ``AsyncKeyStore``, or your own class over a vault."""

    async def put(self, organization_id: str, api_key: Secret, /) -> None:
        """Store a customer's key, and replace the key that was stored before.

        Args:
            organization_id: Your own ID of the customer.
            api_key: The key.
        """

    async def get(self, organization_id: str, /) -> Secret:
        """Read a customer's key.

        Args:
            organization_id: Your own ID of the customer.

        Raises:
            NotConnectedError: No key of the customer is stored. Your own class must raise it too.
        """
        ...

    async def delete(self, organization_id: str, /) -> None:
        """Delete a customer's key, if it is stored.

        Args:
            organization_id: Your own ID of the customer.
        """


class NotClaimed(Exception):
    """Raised when another run has claimed a customer, or this run does not start it now. Nothing was sent."""


@attrs.define(eq=False, kw_only=True)
class KeyProvisioner:
    """The provisioning of one run's customers.

    Attributes:
        platform: The platform that mints the keys.
        recorder: The recorder that commits each step.
        vault: The key store for the keys, if it is not the ledger's store.
        remint: Whether to mint another key for customers in doubt.
        replace: Whether to mint another key for every customer, and to replace stored keys.
        retries_unsent: Whether a customer whose request could not reach the API is released instead of failed.
        run_id: The id of the run in the ledger. Each claim adds a number, because a customer may occur twice.
        outage: The requests in a row that got no clear response.
        claim_numbers: The numbers of the claims.
    """

    platform: AsyncBoooplyPlatform
    recorder: Recorder
    vault: AsyncKeys | None = None
    remint: bool = False
    replace: bool = False
    retries_unsent: bool = False
    run_id: str = attrs.Factory(lambda self: _run_id(self.vault), takes_self=True)
    outage: Outage = attrs.Factory(lambda self: Outage(timeout=transport_of(self.platform).timeout), takes_self=True)
    claim_numbers: Iterator[int] = attrs.field(factory=itertools.count)
    _tasks: Tasks = attrs.field(factory=set[asyncio.Task[Outcome]], init=False)
    _cancellable: Tasks = attrs.field(factory=set[asyncio.Task[Outcome]], init=False)  # before the request
    _on_wire: Tasks = attrs.field(factory=set[asyncio.Task[Outcome]], init=False)
    _is_stopping: bool = attrs.field(default=False, init=False)
    _has_given_up: bool = attrs.field(default=False, init=False)

    @property
    def is_busy(self) -> bool:
        """Whether a customer has no outcome yet."""
        return bool(self._tasks)

    def stop(self) -> None:
        """Start no more requests, cancel the customers that wait, and let requests under way finish."""
        self._is_stopping = True
        _cancel(self._cancellable)

    def give_up(self) -> None:
        """Abandon the requests that are still under way, and record that their customers are in doubt."""
        self._has_given_up = True
        _cancel(self._on_wire)

    def abandon(self) -> None:
        """Cancel every step, as a kill would. A key that is not stored is in the error."""
        _cancel(self._tasks)

    async def connect(self, tenant: Tenant, /) -> Outcome:
        """Connect one customer, unless it is connected or in doubt.

        If the caller is cancelled while the request is under way, the call still waits until the key is stored.

        Raises:
            NotClaimed: Another run has claimed the customer, this run is stopping, or the API is down.
            AuthenticationError: The API rejected the platform key. ``PermissionDeniedError`` likewise.
            RateLimitError: The API responded with 429 to many requests in a row, each sent after the requested wait.
            StoreError: The store failed, and nothing was sent.
            KeysNotStoredError: The key was minted but cannot be stored. The error contains it.
        """
        task = asyncio.create_task(self._connect(tenant))
        for tasks in (self._tasks, self._cancellable):
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._is_stopping and task.cancelled():
                raise NotClaimed from None  # or it was abandoned: when its lease ends, it is in doubt
            if task in self._cancellable:
                task.cancel()
            await _raise_lost_key(task)
            raise

    async def _connect(self, tenant: Tenant) -> Outcome:
        if self._is_stopping:  # the customer was read while the run stopped
            raise NotClaimed
        claim_token = f"{self.run_id}/{next(self.claim_numbers)}"
        claimed = await self._claim(tenant, claim_token)
        if claimed.result is ClaimResult.BUSY:
            raise NotClaimed
        try:
            return await self._connect_claimed(tenant, claimed, claim_token)
        except BaseException:
            if _current() in self._cancellable:  # otherwise the request is under way: after the lease, it is in doubt
                await self._release(tenant.organization_id, claim_token)
            raise

    async def _claim(self, tenant: Tenant, claim_token: str) -> Claimed:
        """Claim a customer. If the caller is cancelled, release the claim that may just be recorded."""
        claim = self.recorder.claim(
            tenant, claim_token=claim_token, lease=_WAITING_LEASE, remint=self.remint, replace=self.replace
        )
        claiming = asyncio.ensure_future(claim)
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            await self._release(tenant.organization_id, claim_token, after=claiming)
            raise

    async def _connect_claimed(self, tenant: Tenant, claimed: Claimed, claim_token: str) -> Outcome:
        if vault_decides(claimed) and not self.replace and await self._is_in_vault(tenant.organization_id):
            await self.recorder.finish(tenant, None, claim_token=claim_token)
            return AlreadyConnected(tenant.organization_id)
        if claimed.result is ClaimResult.CLAIMED:
            return await self._mint(tenant, claim_token)
        return known_outcome(claimed, claim_token)

    async def _is_in_vault(self, organization_id: str) -> bool:
        if self.vault is None:
            return False  # the claim has checked this in its transaction
        try:
            found = await self.vault.get(organization_id)
        except NotConnectedError:
            return False
        return bool(found.reveal())  # a vault may return an empty key for a customer that has none

    async def _mint(self, tenant: Tenant, claim_token: str) -> Outcome:
        identity = tenant.organization_id
        try:
            created = await self._request_key(tenant, claim_token)
        except (NotClaimed, StoreError, *_STOPS_THE_RUN):
            await self._release(identity, claim_token)  # certainly nothing was minted
            raise
        except BoooplyError as error:
            return await self._fail(identity, claim_token, error)
        if created is None:
            return await self._mark_in_doubt(identity, claim_token, STOPPED)
        self.outage.succeed(_now())
        return await self._keep(tenant, created.api_key, claim_token)

    async def _request_key(self, tenant: Tenant, claim_token: str) -> OrganizationApiKey | None:
        """Request a key, and return it, or None if the request was abandoned."""
        identity = tenant.organization_id
        try:
            return await mint_key(
                transport_of(self.platform),
                tenant,
                on_send=lambda: self._begin(identity, claim_token),
                on_unsent=lambda: self._wait_again(identity, claim_token),
            )
        except asyncio.CancelledError:
            if not self._has_given_up or _current() not in self._on_wire:
                raise
            _current().uncancel()
            return None
        finally:
            self._on_wire.discard(_current())  # from here on its outcome is recorded, and it is not abandoned

    async def _fail(self, organization_id: str, claim_token: str, error: BoooplyError) -> Outcome:
        """Record that the request failed, or that the customer is in doubt."""
        reason = str(error)
        if isinstance(error, APIStatusError):
            self.outage.succeed(_now())
        else:
            self.outage.fail(organization_id, _now(), reason)
        if isinstance(error, AmbiguousWriteError | DecodingError):
            return await self._mark_in_doubt(organization_id, claim_token, reason, error)
        if self.retries_unsent and isinstance(error, APIError) and not isinstance(error, APIStatusError):
            await self._release(organization_id, claim_token)
            raise NotClaimed
        await self.recorder.fail(organization_id, claim_token=claim_token, reason=reason)
        return Failed(organization_id, reason, error)

    async def _mark_in_doubt(
        self, organization_id: str, claim_token: str, reason: str, error: BoooplyError | None = None
    ) -> Outcome:
        await self.recorder.mark_in_doubt(organization_id, claim_token=claim_token, reason=reason)
        return InDoubt(organization_id, reason, error)

    async def _begin(self, organization_id: str, claim_token: str) -> None:
        """Commit that the request is sent next. From here on it is not cancelled."""
        if not self.outage.may_send(organization_id, _now()):
            raise NotClaimed
        self._cancellable.discard(_current())
        lease = 1.5 * transport_of(self.platform).timeout + 1  # seconds: one and a half attempts, and a second
        has_begun = await self.recorder.begin(organization_id, claim_token=claim_token, lease=lease)
        if self._is_stopping or not has_begun:
            raise NotClaimed
        self._on_wire.add(_current())

    async def _wait_again(self, organization_id: str, claim_token: str) -> None:
        """Record that the request was not carried out, and that it waits for its next attempt."""
        self._on_wire.discard(_current())
        await self.recorder.mark_not_sent(organization_id, claim_token=claim_token, lease=_WAITING_LEASE)
        if self._is_stopping:
            raise NotClaimed
        self._cancellable.add(_current())

    async def _release(self, organization_id: str, claim_token: str, *, after: Awaitable[object] | None = None) -> None:
        """Release the claim, so that other runs need not wait for its lease. If the store fails, they wait."""

        async def release() -> None:
            if after is not None:
                await after
            await self.recorder.mark_not_sent(organization_id, claim_token=claim_token)

        with suppress(StoreError, TimeoutError):
            await run_to_completion(asyncio.wait_for(release(), _RELEASED_WITHIN))

    async def _keep(self, tenant: Tenant, api_key: Secret, claim_token: str) -> Outcome:
        """Store a new key. If that fails, raise an error that contains it, because the API shows a key once."""
        problem = ""
        try:
            is_stored = await self._store(tenant, api_key, claim_token)
        except SharedKeyError as shared:
            return await self._doubt_both(tenant.organization_id, shared, api_key)
        except Exception as error:  # noqa: BLE001 - a vault may raise any error, and the key must not be lost
            problem = one_line(redact(str(error), api_key))  # a vault may quote the key that it rejects
        except asyncio.CancelledError:
            problem = "the run ended before the key was stored"
        else:
            return Connected(tenant.organization_id) if is_stored else AlreadyConnected(tenant.organization_id)
        raise KeysNotStoredError({tenant.organization_id: api_key}, problem)

    async def _doubt_both(self, organization_id: str, shared: SharedKeyError, api_key: Secret) -> Outcome:
        """Check the customer that already has this key. The customer of the new key is in doubt already."""
        self.outage.fail(organization_id, _now(), shared.reason)
        ask = partial(doubt_about, transport_of(self.platform))
        await check_holder(self.recorder, ask, shared, organization_id, api_key)
        return InDoubt(organization_id, shared.reason)

    async def _store(self, tenant: Tenant, api_key: Secret, claim_token: str) -> bool:
        if self.vault is None:
            return await self.recorder.finish(tenant, api_key, claim_token=claim_token, replace=self.replace)
        is_replaced = self.replace and await self._is_in_vault(tenant.organization_id)
        await self.vault.put(tenant.organization_id, api_key)
        return await self.recorder.finish(tenant, None, claim_token=claim_token, replace=is_replaced)


async def _raise_lost_key(task: asyncio.Task[Outcome]) -> None:
    """Wait for a task however often the caller is cancelled, and raise only an error that contains a key."""
    with suppress(asyncio.CancelledError, Exception):  # the cancellation has priority over all errors without a key
        await run_to_completion(task)
    problem = None if task.cancelled() else task.exception()
    if isinstance(problem, KeysNotStoredError):
        raise problem


def _run_id(vault: AsyncKeys | None) -> str:
    return uuid.uuid4().hex if vault is None else f"{VAULT_RUN}{uuid.uuid4().hex}"


def _now() -> float:
    return asyncio.get_running_loop().time()


def _cancel(tasks: Tasks) -> None:
    for task in tuple(tasks):
        task.cancel()


def _current() -> asyncio.Task[Outcome]:
    return cast("asyncio.Task[Outcome]", asyncio.current_task())  # a coroutine runs in a task
