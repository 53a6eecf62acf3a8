"""The recorder: the steps of minting, each committed before what it records takes place."""

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
_LEFT: Final = (State.TODO, State.FAILED)  # as a claim may have left them that was to replace a key


@attrs.frozen(kw_only=True)
class Claimed:
    """The result of a claim: the entry as it is now, and whether it was minted with other data than is given."""

    result: ClaimResult
    entry: Entry
    is_changed: bool = False


class SharedKeyError(Exception):
    """A new key is already stored for another customer, the holder; the later customer is recorded as in doubt."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder: str = holder
        self.reason: str = f"the response contained the key of {holder}, which came from an earlier one"


Stored = bool | SharedKeyError


class Recorder:
    """The recorder of one store's customers, from before a key is requested until the key is stored.

    ``claim_token`` names one claim: the id of its run, a slash, and a number. ``lease``, in seconds by the database's
    clock, keeps others from claiming the customer meanwhile.
    """

    def __init__(self, store: AsyncStore, /) -> None:
        self._database = store.database
        self._encryption = store.encryption
        self._rows = ledger_rows(store.database)

    async def claim(
        self, tenant: Tenant, /, *, claim_token: str, lease: float, remint: bool = False, replace: bool = False
    ) -> Claimed:
        """Claim a customer for minting, unless it is done, busy or in doubt.

        ``remint`` claims one in doubt too, once a run: the key that may exist already counts as an orphan. ``replace``
        claims one that is done too. If no key came to replace its key, the next claim finds it done again.
        """
        written = tenant_as_json(tenant)
        claim = partial(
            states.claim, claim_token=claim_token, tenant=written, lease=lease, remint=remint, replace=replace
        )

        def run(connection: Connection) -> Claimed:
            def step(entry: Entry, now: float) -> tuple[Claimed, Entry]:
                result, after = claim(entry, now)
                is_left = result is ClaimResult.CLAIMED and entry.state in _LEFT and entry.fallback is not None
                if is_left and not (remint or replace) and has_key(connection, tenant.organization_id):
                    result, after = states.fall_back(entry)
                is_changed = result is ClaimResult.DONE and after.tenant != written
                return Claimed(result=result, entry=after, is_changed=is_changed), after

            return self._rows.step_in(connection, tenant.organization_id, step)

        return await self._database.write(run)

    async def enroll(self, tenants: Iterable[Tenant], /) -> None:
        """Record customers that are to be minted: a worker then needs only their ids."""
        await self._database.write(lambda connection: self.enroll_in(connection, tenants))

    def enroll_in(self, connection: Connection, tenants: Iterable[Tenant], /) -> None:
        """Record customers within the caller's transaction; those that have failed are to be minted again.

        Corrected data replaces what is known of a customer that is not minted.
        """
        written = {tenant.organization_id: tenant_as_json(tenant) for tenant in tenants}
        now = self._database.now(connection)
        rows = [
            {**KEY_ROWS, **attrs.asdict(Entry(organization_id=one, tenant=written[one])), "changed_at": now}
            for one in sorted(written)  # in one order, so that two processes do not wait for each other
        ]
        insert_missing(connection, LEDGER, rows)
        is_known = LEDGER.c.organization_id.in_(list(written)), LEDGER.c.state.in_(_NOT_MINTED)
        known = select(LEDGER.c.organization_id, LEDGER.c.tenant, LEDGER.c.state).where(self._rows.in_scope, *is_known)
        for one, tenant, state in sorted(map(tuple, connection.execute(known))):
            if state == State.FAILED or tenant != written[one]:
                self._rows.step_known_in(connection, one, partial(states.enroll, tenant=written[one]))

    def retry_in(self, connection: Connection, organization_id: str, /) -> State | None:
        """Let a customer that has failed be minted again, and return its state until now."""
        return self._rows.step_known_in(connection, organization_id, states.retry)

    async def reject(self, organization_id: str, /, *, reason: str) -> Entry | None:
        """Record why a customer to be minted cannot be sent at all, and return its entry."""
        return await self._rows.step_known(organization_id, partial(states.reject, reason=reason))

    async def begin(self, organization_id: str, /, *, claim_token: str, lease: float) -> bool:
        """Record that the request goes out next; return False if another run has claimed the customer meanwhile.

        Raises:
            StoreError: That cannot be recorded, or the key could not be stored: the store uses another encryption key.
        """
        step = partial(states.begin, claim_token=claim_token, lease=lease)

        def run(connection: Connection) -> bool:
            writing_encryption(connection, self._encryption)
            return bool(self._rows.step_known_in(connection, organization_id, step))

        return await self._database.write(run)

    async def mark_not_sent(self, organization_id: str, /, *, claim_token: str, lease: float = 0.0) -> bool:
        """Record that the request was not carried out; without a lease anybody may claim the customer."""
        return await self._step(organization_id, partial(states.mark_not_sent, claim_token=claim_token, lease=lease))

    async def finish(
        self, tenant: Tenant, api_key: Secret | None, /, *, claim_token: str, replace: bool = False
    ) -> bool:
        """Store the key and record that the customer is done, in one transaction.

        A key that arrives late counts too. If the customer has another key already, that one stays, since it may be in
        use: then return False and count the new key as an orphan. With ``replace`` the new key takes its place, and the
        other one is the orphan. Without a key (it is in a vault of your own) only the ledger is written.

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

        Return False if the customer keeps another key, which may be in use: one that can be decrypted, and that this
        one was not to replace. Return None for a customer that the ledger does not know, unless ``create`` adds it.

        Raises:
            SharedKeyError: Another customer has this key.
            ValidationError: The id is blank or contains a control character.
            ConfigurationError: It is not an organization's key.
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
        """Record why the customer could not be minted; the next run tries again."""
        return await self._step(organization_id, partial(states.fail, claim_token=claim_token, reason=reason))

    async def mark_in_doubt(self, organization_id: str, /, *, claim_token: str, reason: str) -> bool:
        """Record that the key may or may not have been minted, and why."""
        return await self._step(organization_id, partial(states.mark_in_doubt, claim_token=claim_token, reason=reason))

    async def reopen(self, organization_id: str, /, *, reason: str) -> bool:
        """Record that a customer that was done is in doubt; its key stays where it is until another one is minted."""
        return await self._step(organization_id, partial(states.reopen, reason=reason))

    async def _step(self, organization_id: str, step: Step[Entry, bool]) -> bool:
        return bool(await self._rows.step_known(organization_id, step))

    def _shared(
        self, connection: Connection, entry: Entry, api_key: Secret | None
    ) -> tuple[SharedKeyError, Entry] | None:
        """Return what becomes of a customer whose new key another one has, or None if nobody has it."""
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
            return replace  # the vault has replaced one
        if replace:
            return has_key(connection, organization_id)  # even a damaged one
        known = read_key(connection, self._encryption, organization_id)
        return known is not None and known != api_key


def _raised(result: T | SharedKeyError) -> T:
    """Return a result, or raise it once what it says is committed."""
    if isinstance(result, SharedKeyError):
        raise result
    return result
