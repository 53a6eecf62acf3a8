"""One customer, from the ledger to the API and back: nothing is sent that is not in the ledger, no key is lost."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Final, Protocol, TypeVar

import attrs

from boooply.errors import (
    AmbiguousWriteError,
    APIStatusError,
    AuthenticationError,
    BoooplyError,
    DecodingError,
    NotConnectedError,
    PermissionDeniedError,
    StoreError,
)
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.provisioning.outcomes import AlreadyConnected, Connected, Failed, InDoubt, KeysNotStoredError, Outcome
from boooply.resources.keys import key_request
from boooply.secret import Secret, redact
from boooply.store import AsyncLedger, Claimed, ClaimResult, is_same_run
from boooply.transport import Transport

T = TypeVar("T")

_WAITING_LEASE: Final = 30.0  # keeps two runs from waiting in line for one customer; `begin` is what keeps them apart
_STOPS_THE_RUN: Final = (AuthenticationError, PermissionDeniedError)  # it is the platform's key that is wrong
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


class AsyncKeys(Protocol):
    """Keep the customers' keys: the ``AsyncKeyStore``, or a class of your own over a vault.

    ``get`` raises ``NotConnectedError`` for a customer without a key.
    """

    async def put(self, organization_id: str, api_key: Secret, /) -> None:
        """Store a customer's key."""

    async def get(self, organization_id: str, /) -> Secret:
        """Read a customer's key."""
        ...

    async def delete(self, organization_id: str, /) -> None:
        """Delete a customer's key."""


class NotClaimed(Exception):
    """Tell that another run is at this customer, or that this run is stopping: nothing was sent."""


@attrs.define(eq=False, kw_only=True)
class KeyProvisioner:
    """Mint for the customers of one run.

    Attributes:
        platform: Whose customers they are.
        ledger: Where each step is committed.
        vault: Where the keys go, if not into the ledger's own store.
        remint: Whether customers in doubt are minted again.
        patience: For how many seconds a store that fails is tried again.
        run: The name under which the ledger knows this run; each customer's turn has a number behind it, since one that
            is met twice must not be taken for the same.
    """

    platform: AsyncBoooplyPlatform
    ledger: AsyncLedger
    vault: AsyncKeys | None = None
    remint: bool = False
    patience: float = 60.0
    run: str = attrs.field(factory=lambda: uuid.uuid4().hex)
    _turns: Iterator[int] = attrs.field(factory=itertools.count, init=False)
    _unsent: set[asyncio.Task[Outcome]] = attrs.field(factory=set[asyncio.Task[Outcome]], init=False)
    _is_stopping: bool = attrs.field(default=False, init=False)
    trouble: int = attrs.field(default=0, init=False)  # how often in a row the API gave no clear answer

    @property
    def transport(self) -> Transport:
        """What sends."""
        return self.platform.transport

    @property
    def lease(self) -> float:
        """For how long a request that was sent may be under way: one attempt and half as long again, in seconds."""
        return 1.5 * self.transport.timeout + 1

    def stop(self) -> None:
        """Start nothing more: who waits in line is skipped, and what is under way comes to its end."""
        self._is_stopping = True
        for task in tuple(self._unsent):
            task.cancel()

    async def connect(self, tenant: Tenant, /) -> Outcome:
        """Connect one customer, unless it is connected or in doubt.

        A caller that is cancelled while the request is under way waits for its end, and for the key to be stored.

        Raises:
            Skipped: Another run is at it, or this run is stopping.
            AuthenticationError: The platform's key is refused.
            StoreError: The store failed, and nothing was sent.
            KeysNotStoredError: The key came and cannot be stored; the error holds it.
        """
        task = asyncio.create_task(self._connect(tenant))
        self._unsent.add(task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():  # it is the caller who was
                await self._run_to_completion(task)
                raise
        finally:
            self._unsent.discard(task)
        raise NotClaimed

    async def _run_to_completion(self, task: asyncio.Task[Outcome]) -> None:
        if task in self._unsent:
            task.cancel()
        await asyncio.wait({task})
        problem = None if task.cancelled() else task.exception()
        if isinstance(problem, KeysNotStoredError):  # worse than being cancelled
            raise problem

    async def _connect(self, tenant: Tenant) -> Outcome:
        identity, run = tenant.organization_id, f"{self.run}/{next(self._turns)}"
        claimed = await self._with_store_retry(
            lambda: self.ledger.claim(tenant, run=run, lease=_WAITING_LEASE, remint=self.remint)
        )
        if claimed.standing is ClaimResult.HELD:
            raise NotClaimed
        if claimed.standing in {ClaimResult.TAKEN, ClaimResult.IN_DOUBT} and await self._is_in_vault(identity):
            await self._with_store_retry(lambda: self.ledger.finish(tenant, None, run=run))
            return AlreadyConnected(identity)
        if claimed.standing is not ClaimResult.TAKEN:
            return _OUTCOMES[claimed.standing](claimed, run)
        try:
            return await self._mint(tenant, run)
        except (asyncio.CancelledError, NotClaimed):
            await self._release(identity, run)
            raise

    async def _is_in_vault(self, organization_id: str) -> bool:
        if self.vault is None:
            return False  # the ledger has looked, in the same transaction
        try:
            await self.vault.get(organization_id)
        except NotConnectedError:
            return False
        return True

    async def _mint(self, tenant: Tenant, run: str) -> Outcome:
        identity = tenant.organization_id
        try:
            answer = self.transport.send(
                key_request(tenant),
                on_send=lambda: self._begin(identity, run),
                on_unsent=lambda: self._unsend(identity, run),
            )
            key = CREATE_ORGANIZATION_API_KEY.parse(await answer)
        except (AmbiguousWriteError, DecodingError) as error:
            doubt = InDoubt(identity, str(error), error)
        except (StoreError, *_STOPS_THE_RUN):
            await self._release(identity, run)
            raise
        except BoooplyError as error:
            failed = Failed(identity, str(error), error)
            self.trouble = 0 if isinstance(error, APIStatusError) else self.trouble + 1
            await self._with_store_retry(lambda: self.ledger.fail(identity, run=run, reason=failed.reason))
            return failed
        else:
            self.trouble = 0
            return await self._keep(tenant, key.api_key, run)
        self.trouble += 1
        await self._with_store_retry(lambda: self.ledger.doubt(identity, run=run, reason=doubt.reason))
        return doubt

    async def _release(self, organization_id: str, run: str) -> None:
        """Note that nothing was sent, so that others need not wait for the lease; if that fails, they wait."""
        with suppress(StoreError):
            await asyncio.shield(self.ledger.mark_not_sent(organization_id, run=run))

    async def _begin(self, organization_id: str, run: str) -> None:
        """Commit that the request goes out next: from here on it is not cancelled."""
        self._unsent.discard(_current())
        if not await self._with_store_retry(lambda: self.ledger.begin(organization_id, run=run, lease=self.lease)):
            raise NotClaimed
        if self._is_stopping:
            raise NotClaimed

    async def _unsend(self, organization_id: str, run: str) -> None:
        """Note that it was not carried out, and is to go out once there is a place."""
        await self._with_store_retry(lambda: self.ledger.mark_not_sent(organization_id, run=run, lease=_WAITING_LEASE))
        if self._is_stopping:
            raise NotClaimed
        self._unsent.add(_current())

    async def _keep(self, tenant: Tenant, api_key: Secret, run: str) -> Outcome:
        """Store a key that has come, for as long as patience lasts: it is shown once."""
        problem = ""
        try:
            is_ours = await self._with_store_retry(lambda: self._store(tenant, api_key, run))
        except Exception as error:  # noqa: BLE001 - a vault may raise anything, and the key must not be lost over it
            problem = redact(str(error), api_key)  # a vault may quote what it refuses
        else:
            return Connected(tenant.organization_id) if is_ours else AlreadyConnected(tenant.organization_id)
        raise KeysNotStoredError({tenant.organization_id: api_key}, problem)

    async def _store(self, tenant: Tenant, api_key: Secret, run: str) -> bool:
        if self.vault is None:
            return await self.ledger.finish(tenant, api_key, run=run)
        await self.vault.put(tenant.organization_id, api_key)
        return await self.ledger.finish(tenant, None, run=run)

    async def _with_store_retry(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do something with the store, and again while it fails."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + self.patience
        pause = _FIRST_PAUSE
        while True:
            try:
                return await act()
            except StoreError:
                if loop.time() + pause > ends:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _current() -> asyncio.Task[Outcome]:
    task: asyncio.Task[Outcome] | None = asyncio.current_task()
    if task is None:
        raise AssertionError  # a coroutine runs in a task
    return task


def _already(claimed: Claimed, run: str) -> Outcome:
    entry = claimed.entry
    is_repeated = is_same_run(entry.run, run)
    return AlreadyConnected(entry.organization_id, claimed.is_changed and not is_repeated, is_repeated)


_OUTCOMES: Final[dict[ClaimResult, Callable[[Claimed, str], Outcome]]] = {
    ClaimResult.DONE: _already,
    ClaimResult.IN_DOUBT: lambda claimed, _run: InDoubt(claimed.entry.organization_id, claimed.entry.reason or ""),
    ClaimResult.FAILED: lambda claimed, _run: Failed(claimed.entry.organization_id, claimed.entry.reason or ""),
}
