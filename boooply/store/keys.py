"""The customers' keys, encrypted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

import attrs
from sqlalchemy import Connection, bindparam, select, text

from boooply.errors import CorruptKeyError, NotConnectedError, ValidationError
from boooply.protocol.settings import ORGANIZATION, key
from boooply.secret import Secret, as_secret
from boooply.store import rows
from boooply.store.database import Database
from boooply.store.encryption import Encryption, hidden
from boooply.store.entries import Entry, State
from boooply.store.identity import finish_rotation, use_first_key, writing_encryption
from boooply.store.ledger import AsyncLedger, forget, ledger_rows
from boooply.store.opening import opened
from boooply.store.schema import EVENTS, KEYS

_ALL: Final = select(KEYS.c.organization_id, KEYS.c.encrypted)
_HOLDER: Final = (
    select(KEYS.c.organization_id).where(KEYS.c.digest == bindparam("digest")).order_by(KEYS.c.changed_at).limit(1)
)
# Locks one key: if two processes store it for two customers at once, the second one sees the row of the first.
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:number)")
_LOCK_DIGITS: Final = 16  # of the digest; they make a 64-bit number, which is shifted into the signed range
_LOCK_SHIFT: Final = 2**63
_READ: Final = select(KEYS.c.encrypted).where(KEYS.c.organization_id == bindparam("name"))


@attrs.frozen(eq=False)
class AsyncKeyStore:
    """The customers' keys, encrypted.

    Provisioning and ``AsyncTenants`` use ``put``, ``get`` and ``delete``. You can pass your own class with these three
    methods instead, for example over a vault.
    """

    _database: Database
    _encryption: Encryption

    @classmethod
    def open(
        cls, url: str | Secret | None = None, *, encryption_key: str | Secret | Iterable[str | Secret] | None = None
    ) -> AbstractAsyncContextManager[AsyncKeyStore]:
        """Open a store for its keys only. The block of ``async with`` closes it.

        Args:
            url: The URL of the database, as in ``AsyncStore.open``. By default, the value of ``BOOOPLY_STORE_URL``, or
                a SQLite file ``boooply.db`` in the working directory.
            encryption_key: The encryption key, or several keys, the newest first. By default, the value of
                ``BOOOPLY_STORE_KEY``.

        Raises:
            ConfigurationError: The encryption key or the driver is missing, or an argument is invalid.
            StoreError: The store cannot be opened, has another schema, or was encrypted with another key.
        """
        return opened(cls, as_secret(url), hidden(encryption_key))

    @property
    def ledger(self) -> AsyncLedger:
        """The ledger in the same database."""
        return AsyncLedger(self._database)

    async def put(self, organization_id: str, api_key: str | Secret, /) -> None:
        """Store a customer's key, and replace the stored key if there is one. The customer then counts as connected.

        Args:
            organization_id: Your own ID of the customer.
            api_key: The organization key.

        Raises:
            ValidationError: The id is blank or contains a control character.
            ConfigurationError: The key is not an organization key.
            StoreError: The key cannot be stored.
        """
        secret = as_secret(api_key)
        del api_key
        secret = checked(organization_id, secret)

        def run(connection: Connection) -> None:
            def step(entry: Entry, now: float) -> tuple[None, Entry]:
                write_key(connection, self._encryption, organization_id, secret, now)
                return None, attrs.evolve(
                    entry, state=State.DONE, claim_token=None, locked_until=0.0, reason=None, fallback=None
                )

            ledger_rows(self._database).step_in(connection, organization_id, step)

        await self._database.write(run)

    async def get(self, organization_id: str, /) -> Secret:
        """Read a customer's key.

        Args:
            organization_id: Your own ID of the customer.

        Raises:
            NotConnectedError: No key of the customer is stored.
            CorruptKeyError: The stored key was altered.
            StoreError: The store cannot be read.
        """
        api_key = await self._database.read(lambda connection: read_key(connection, self._encryption, organization_id))
        if api_key is None:
            raise NotConnectedError(organization_id)
        return api_key

    async def holder_of(self, api_key: str | Secret, /) -> str | None:
        """Return the id of the customer that has a key, or None. If several customers have it, return the earliest.

        Args:
            api_key: The organization key.

        Raises:
            StoreError: The store cannot be read.
        """
        digest = self._encryption.digest(as_secret(api_key) or Secret(""))
        del api_key
        return await self._database.read(
            lambda connection: connection.execute(_HOLDER, {"digest": digest}).scalar_one_or_none()
        )

    async def delete(self, organization_id: str, /) -> None:
        """Delete a customer's key and its entry in the ledger. The key stays valid at Boooply.

        Args:
            organization_id: Your own ID of the customer. An unknown ID is ignored.

        Raises:
            StoreError: The store fails.
        """
        await self._database.write(lambda connection: forget(connection, organization_id))

    async def organizations(self) -> AsyncIterator[str]:
        """Iterate over the IDs of all customers with a key, in the order of the IDs.

        Raises:
            StoreError: The store cannot be read.
        """
        async for organization_id, _ in rows.iterate(self._database, _ALL, KEYS.c.organization_id):
            yield organization_id

    async def corrupt(self) -> AsyncIterator[CorruptKeyError]:
        """Decrypt every key, and yield a ``CorruptKeyError`` for each key that was altered.

        Raises:
            StoreError: The store cannot be read.
        """
        async for organization_id, encrypted in rows.iterate(self._database, _ALL, KEYS.c.organization_id):
            try:
                self._encryption.decrypt(organization_id, encrypted)
            except CorruptKeyError as error:
                yield error

    async def rotate(self) -> int:
        """Encrypt all keys and event bodies with the first encryption key, and return the number of keys.

        From the start of the rotation, every process that writes to the store uses this encryption key. So give it to
        all processes first. The rotation commits in batches. If it is interrupted, run it again with the same
        encryption keys. Remove the old encryption keys after the rotation is complete.

        Raises:
            CorruptKeyError: A key cannot be decrypted. The batches before it are rotated, and nothing is lost.
            StoreError: The store fails.
        """
        await self._database.write(partial(use_first_key, self._encryption))
        count = await rows.reencrypt(self._database, KEYS, self._encryption, self._encryption.decrypt)
        await rows.reencrypt(self._database, EVENTS, self._encryption, self._encryption.decrypt_or_none)
        await self._database.write(partial(finish_rotation, self._encryption))
        return count


def checked(organization_id: str, api_key: Secret | None) -> Secret:
    """Check a customer's id and key, and return the key.

    Raises:
        ValidationError: The id is blank or contains a control character.
        ConfigurationError: The key is not an organization key.
    """
    if not organization_id.strip() or not organization_id.isprintable():
        raise ValidationError("organization_id", "must be text that is not blank, without control characters")
    return key(api_key, ORGANIZATION, None)


def read_key(connection: Connection, encryption: Encryption, organization_id: str) -> Secret | None:
    """Read a customer's key, or return None if it has none.

    Raises:
        CorruptKeyError: The stored key was altered.
    """
    encrypted = connection.execute(_READ, {"name": organization_id}).scalar_one_or_none()
    return None if encrypted is None else encryption.decrypt(organization_id, encrypted)


def other_holder(connection: Connection, encryption: Encryption, organization_id: str, api_key: Secret) -> str | None:
    """Return another customer that has a key, if there is one. Until the transaction ends, no one else gets the key."""
    digest = encryption.digest(api_key)
    if connection.dialect.name == "postgresql":  # on SQLite, writers wait for each other anyway
        connection.execute(_LOCK, {"number": int(digest[:_LOCK_DIGITS], 16) - _LOCK_SHIFT})
    holder = connection.execute(_HOLDER, {"digest": digest}).scalar_one_or_none()
    return None if holder == organization_id else holder


def has_key(connection: Connection, organization_id: str) -> bool:
    """Return whether a customer has a key, even one that cannot be decrypted."""
    return connection.execute(_READ, {"name": organization_id}).first() is not None


def write_key(
    connection: Connection, encryption: Encryption, organization_id: str, api_key: Secret, now: float
) -> None:
    """Store a customer's key, and replace the stored key if there is one."""
    row = {
        "organization_id": organization_id,
        "encrypted": writing_encryption(connection, encryption).encrypt(organization_id, api_key),
        "digest": encryption.digest(api_key),
        "changed_at": now,
    }
    rows.put(connection, KEYS, row)
