"""The recorder of the steps of minting. Each step is committed before the action that it records."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final, TypeVar

import attrs
from sqlalchemy import Connection, select

from boooply.errors import CorruptKeyError
from boooply.models import Tenant
from boooply.recording import states
from boooply.secret import Secret
from boooply.store.entries import ClaimResult, Entry, State, tenant_as_json
from boooply.store.identity import writing_encryption
from boooply.store.keys import checked, has_key, other_holder, read_key, write_key
from boooply.store.ledger import ledger_rows
from boooply.store.rows import Step, insert_missing
from boooply.store.schema import KEY_ROWS, LEDGER
from boooply.store.store import AsyncStore

T = TypeVar("T", bound=bool | None)

_NOT_MINTED: Final = (State.TODO, State.FAILED, State.IN_DOUBT)
_LEFT: Final = (State.TODO, State.FAILED)  # the states that an unfinished replacement of a key leaves


@attrs.frozen(kw_only=True)
class Claimed:
    """The result of a claim, the entry after it, and whether the customer was minted with different data."""

    result: ClaimResult
    entry: Entry
    is_changed: bool = False


class SharedKeyError(Exception):
    """A new key is already stored for another customer. The later customer is recorded as in doubt."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder: str = holder
        self.reason: str = (
            f"the response contained the key of {holder}, which an earlier response had already contained"
        )


Stored = bool | SharedKeyError


class Recorder:
    """The recorder of the customers in a store, from before a key is requested until the key is stored.

    ``claim_token`` identifies a claim: the ID of the run, a slash, and a number. Until the ``lease`` ends, in seconds
    by the database's clock, no other run can claim the customer.
    """

    def __init__(self, store: AsyncStore, /) -> None:
        self._database = store.database
        self._encryption = store.encryption
        self._rows = ledger_rows(store.database)

    async def claim(
        self, tenant: Tenant, /, *, claim_token: str, lease: float, remint: bool = False, replace: bool = False
    ) -> Claimed:
        """Claim a customer for minting, unless it is done, busy or in doubt.

        Args:
            tenant: The customer.
            claim_token: Identifies the claim.
            lease: The seconds until others may claim the customer.
            remint: Whether to claim a customer in doubt too, once in each run. A key that may exist then counts as an
                orphan.
            replace: Whether to claim a customer that is done too. If no new key arrives, the next claim finds the
                customer done again.
        """
        written = tenant_as_json(tenant)
        claim = partial(
            states.claim, claim_token=claim_token, tenant=written, lease=lease, remint=remint, replace=replace
        )

        def run(connection: Connection) -> Claimed:
            def step(entry: Entry, now: float) -> tuple[Claimed, Entry]:
                result, after = claim(entry, now)
                is_left = result is ClaimResult.CLAIMED and entry.state in _LEFT and entry.fallback is not None
                is_wanted = replace or (remint and entry.fallback is State.IN_DOUBT)
                if is_left and not is_wanted and has_key(connection, tenant.organization_id):
                    result, after = states.fall_back(entry)
                is_changed = result is ClaimResult.DONE and after.tenant != written
                return Claimed(result=result, entry=after, is_changed=is_changed), after

            return self._rows.step_in(connection, tenant.organization_id, step)

        return await self._database.write(run)

    async def enroll(self, tenants: Iterable[Tenant], /) -> None:
        """Record customers to mint, so that a worker needs only their IDs."""
        await self._database.write(lambda connection: self.enroll_in(connection, tenants))

    def enroll_in(self, connection: Connection, tenants: Iterable[Tenant], /) -> None:
        """Record customers to mint, in the caller's transaction. Customers that have failed are minted again.

        New data replaces the data of a customer that has not been minted.
        """
        written = {tenant.organization_id: tenant_as_json(tenant) for tenant in tenants}
        now = self._database.now(connection)
        rows = [
            {**KEY_ROWS, **attrs.asdict(Entry(organization_id=one, tenant=written[one])), "changed_at": now}
            for one in sorted(written)  # in a fixed order, so that two processes do not wait for each other
        ]
        insert_missing(connection, LEDGER, rows)
        is_known = LEDGER.c.organization_id.in_(list(written)), LEDGER.c.state.in_(_NOT_MINTED)
        known = select(LEDGER.c.organization_id, LEDGER.c.tenant, LEDGER.c.state).where(self._rows.in_scope, *is_known)
        for one, tenant, state in sorted(map(tuple, connection.execute(known))):
            if state == State.FAILED or tenant != written[one]:
                self._rows.step_known_in(connection, one, partial(states.enroll, tenant=written[one]))

    def retry_in(self, connection: Connection, organization_id: str, /) -> State | None:
        """Allow a customer that has failed to be minted again, and return its previous state."""
        return self._rows.step_known_in(connection, organization_id, states.retry)

    async def reject(self, organization_id: str, /, *, reason: str) -> Entry | None:
        """Record why a customer cannot be sent, and return its entry."""
        return await self._rows.step_known(organization_id, partial(states.reject, reason=reason))

    async def begin(self, organization_id: str, /, *, claim_token: str, lease: float) -> bool:
        """Record that the request is about to be sent. Return False if another run has claimed the customer.

        Raises:
            StoreError: This step cannot be recorded, or the store uses another encryption key, so that the new key
                could not be stored.
        """
        step = partial(states.begin, claim_token=claim_token, lease=lease)

        def run(connection: Connection) -> bool:
            writing_encryption(connection, self._encryption)
            return bool(self._rows.step_known_in(connection, organization_id, step))

        return await self._database.write(run)

    async def mark_not_sent(self, organization_id: str, /, *, claim_token: str, lease: float = 0.0) -> bool:
        """Record that the request was not carried out. Without a lease, any run may claim the customer."""
        return await self._step(organization_id, partial(states.mark_not_sent, claim_token=claim_token, lease=lease))

    async def finish(
        self, tenant: Tenant, api_key: Secret | None, /, *, claim_token: str, replace: bool = False
    ) -> bool:
        """Store the key and record that the customer is done, in one transaction.

        A late key counts too. If the customer already has another key, that key stays, because it may be in use. Then
        the new key counts as an orphan, and the result is False. With ``replace``, the new key is stored, and the old
        key counts as the orphan. If ``api_key`` is None, because a vault stores it, only the ledger is written.

        Raises:
            SharedKeyError: Another customer has this key.
        """
        organization_id = tenant.organization_id
        finish = partial(states.finish, claim_token=claim_token, tenant=tenant_as_json(tenant), replace=replace)

        def run(connection: Connection) -> Stored:
            def step(entry: Entry, now: float) -> tuple[Stored, Entry]:
                shared = self._shared(connection, entry, api_key)
                if shared is not None:
                    return shared
                has_other_key = self._has_other_key(connection, organization_id, api_key, replace=replace)
                is_ours, after = finish(entry, now, has_other_key=has_other_key)
                if is_ours and api_key is not None:
                    write_key(connection, self._encryption, organization_id, api_key, now)
                return is_ours, after

            return self._rows.step_in(connection, organization_id, step)

        return _raised(await self._database.write(run))

    async def restore(self, organization_id: str, api_key: Secret, /, *, create: bool = False) -> bool | None:
        """Store a key outside the run that minted it, and record that the customer is done.

        Return False if the customer keeps another key, because that key can be decrypted and was not to be replaced.
        Return None if the ledger does not contain the customer, unless ``create`` adds it.

        Raises:
            SharedKeyError: Another customer has this key.
            ValidationError: The ID is blank or contains a control character.
            ConfigurationError: ``api_key`` is not an organization key.
        """
        api_key = checked(organization_id, api_key)

        def run(connection: Connection) -> Stored | None:
            def step(entry: Entry, now: float) -> tuple[Stored, Entry]:
                shared = self._shared(connection, entry, api_key)
                if shared is not None:
                    return shared
                has_other_key = self._keeps_other_key(connection, organization_id, api_key)
                if has_other_key and entry.fallback is None:
                    return False, entry
                write_key(connection, self._encryption, organization_id, api_key, now)
                return True, states.restore(entry, is_replaced=has_other_key)

            run_step = self._rows.step_in if create else self._rows.step_known_in
            return run_step(connection, organization_id, step)

        return _raised(await self._database.write(run))

    async def fail(self, organization_id: str, /, *, claim_token: str, reason: str) -> bool:
        """Record why the customer could not be minted. The next run tries again."""
        return await self._step(organization_id, partial(states.fail, claim_token=claim_token, reason=reason))

    async def mark_in_doubt(self, organization_id: str, /, *, claim_token: str, reason: str) -> bool:
        """Record that the key may or may not have been minted, and why."""
        return await self._step(organization_id, partial(states.mark_in_doubt, claim_token=claim_token, reason=reason))

    async def reopen(self, organization_id: str, /, *, reason: str) -> bool:
        """Record that a customer that was done is in doubt. Its key stays until another key is minted."""
        return await self._step(organization_id, partial(states.reopen, reason=reason))

    async def _step(self, organization_id: str, step: Step[Entry, bool]) -> bool:
        return bool(await self._rows.step_known(organization_id, step))

    def _shared(
        self, connection: Connection, entry: Entry, api_key: Secret | None
    ) -> tuple[SharedKeyError, Entry] | None:
        """Return the error and the new entry if another customer already has the new key, and otherwise None."""
        organization_id = entry.organization_id
        holder = None if api_key is None else other_holder(connection, self._encryption, organization_id, api_key)
        if api_key is None or holder is None:
            return None
        shared = SharedKeyError(holder)
        keeps_other_key = self._keeps_other_key(connection, organization_id, api_key)
        return shared, states.share(entry, reason=shared.reason, keeps_other_key=keeps_other_key)

    def _keeps_other_key(self, connection: Connection, organization_id: str, api_key: Secret) -> bool:
        try:
            known = read_key(connection, self._encryption, organization_id)
        except CorruptKeyError:
            return False
        return known is not None and known != api_key

    def _has_other_key(
        self, connection: Connection, organization_id: str, api_key: Secret | None, *, replace: bool
    ) -> bool:
        if api_key is None:
            return replace  # the vault has replaced a key
        if replace:
            return has_key(connection, organization_id)  # including a damaged one
        known = read_key(connection, self._encryption, organization_id)
        return known is not None and known != api_key


def _raised(result: T | SharedKeyError) -> T:
    """Return a result, or raise it if it is an error, after the transaction has been committed."""
    if isinstance(result, SharedKeyError):
        raise result
    return result
