"""The identity of a store: the encryption key of its writers, and the API and platform keys that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import attrs
from sqlalchemy import Connection, bindparam, select, text, update

from boooply.errors import StoreMismatchError
from boooply.protocol.hosts import api_identity
from boooply.secret import Secret
from boooply.store.database import Database
from boooply.store.encryption import Encryption
from boooply.store.rows import insert_missing
from boooply.store.schema import PLATFORM_KEYS, STORE

# Writers share this lock until they commit, so that a rotation waits for the writers that use the old key.
_ADVISORY_LOCK: Final = {"number": 0x600017}
_SHARE: Final = text("SELECT pg_advisory_xact_lock_shared(:number)")
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:number)")
_KEY_ID: Final = select(STORE.c.encryption_key_id)
_BASE_URL: Final = select(STORE.c.base_url)
_PLATFORM_KEYS: Final = select(PLATFORM_KEYS.c.digest).order_by(PLATFORM_KEYS.c.digest)
_SHOWN_DIGITS: Final = 8
_USE_KEY: Final = update(STORE).values(encryption_key_id=bindparam("key_id"))


def opened_encryption(encryption: Encryption, connection: Connection) -> Encryption:
    """Return the encryption with the store's digest key.

    Raises:
        StoreError: The store was encrypted with another key.
    """
    key_id, encrypted = connection.execute(select(STORE.c.encryption_key_id, STORE.c.encrypted_digest_key)).one()
    encryption.with_first(key_id)  # raises if the writers use a key that is not among these
    return encryption.with_digest_key(encrypted)


def writing_encryption(connection: Connection, encryption: Encryption) -> Encryption:
    """Return the encryption with the key that all writers use. The key stays the same until the transaction ends.

    Raises:
        StoreError: This key is not among the encryption keys.
    """
    if connection.dialect.name == "postgresql":  # on SQLite, writers wait for each other anyway
        connection.execute(_SHARE, _ADVISORY_LOCK)
    return encryption.with_first(connection.execute(_KEY_ID).scalar_one())


def use_first_key(encryption: Encryption, connection: Connection) -> None:
    """Make all writers use the first encryption key, and wait for the writers that still use another one."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, _ADVISORY_LOCK)
    connection.execute(_USE_KEY, {"key_id": encryption.key_id})


def finish_rotation(encryption: Encryption, connection: Connection) -> None:
    """Encrypt the digest key with the first encryption key. After that, the other keys are no longer needed."""
    connection.execute(update(STORE).values(encrypted_digest_key=encryption.encrypt_digest_key()))


@attrs.frozen(eq=False)
class StoreIdentity:
    """The API and the platform keys that a store belongs to. They are recorded before the first mint."""

    _database: Database
    _encryption: Encryption

    async def check(self, base_url: str, platform_keys: Sequence[Secret], /) -> None:
        """Check that the store belongs to this API and to one of these keys, or that nothing is recorded yet.

        Raises:
            StoreMismatchError: The store belongs to another API or to other platform keys.
        """
        await self._database.read(partial(self._check, base_url, platform_keys))

    async def record(self, base_url: str, platform_keys: Sequence[Secret], /, *, adopt: bool = False) -> None:
        """Check the store as ``check`` does, and record the API and all of these keys.

        With ``adopt``, record them without the check.

        Raises:
            StoreMismatchError: The store belongs to another API or to other platform keys.
        """

        def run(connection: Connection) -> None:
            connection.execute(_BASE_URL.with_for_update())  # if two runs are the first, the second sees the first one
            if not adopt:
                self._check(base_url, platform_keys, connection)
            connection.execute(update(STORE).values(base_url=api_identity(base_url)))
            now = self._database.now(connection)
            digests = sorted(self._encryption.digest(one) for one in platform_keys)
            insert_missing(connection, PLATFORM_KEYS, [{"digest": one, "changed_at": now} for one in digests])

        await self._database.write(run)

    def _check(self, base_url: str, platform_keys: Sequence[Secret], connection: Connection) -> None:
        theirs, ours = connection.execute(_BASE_URL).scalar_one(), api_identity(base_url)
        if theirs is not None and api_identity(theirs) != ours:
            raise StoreMismatchError(
                f"the store belongs to the API at {theirs}, but your base URL is {ours}. Use another store. If the API "
                "has moved, run `boooply store adopt`."
            )
        known = connection.execute(_PLATFORM_KEYS).scalars().all()
        keys = {self._encryption.digest(one): one for one in platform_keys}
        if known and keys.keys().isdisjoint(known):
            raise StoreMismatchError(
                f"the store belongs to the platform keys {_shown(known)}, but yours are "
                f"{', '.join(f'{one[:_SHOWN_DIGITS]} ({secret})' for one, secret in keys.items())}. Use another store. "
                "If those were replaced or mistyped, run `boooply store adopt`."
            )


def _shown(digests: Sequence[str]) -> str:
    return ", ".join(one[:_SHOWN_DIGITS] for one in digests)
