"""What a store is: the encryption key that its writers use, and the API and platform keys that it belongs to."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, select, text, update

from boooply.store.encryption import Encryption
from boooply.store.schema import STORE

# Any number. Writers share this lock until they commit, so that a rotation waits for those that use the old key.
_ADVISORY_LOCK: Final = {"number": 0x600017}
_SHARE: Final = text("SELECT pg_advisory_xact_lock_shared(:number)")
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:number)")
_KEY_ID: Final = select(STORE.c.encryption_key_id)
_USE_KEY: Final = update(STORE).values(encryption_key_id=bindparam("key_id"))


def opened_encryption(encryption: Encryption, connection: Connection) -> Encryption:
    """Return the encryption with the store's digest key.

    Raises:
        StoreError: The store was encrypted with another key.
    """
    key_id, encrypted = connection.execute(select(STORE.c.encryption_key_id, STORE.c.encrypted_digest_key)).one()
    encryption.with_first(key_id)  # fails while a rotation to another key is unfinished
    return encryption.with_digest_key(encrypted)


def writing_encryption(connection: Connection, encryption: Encryption) -> Encryption:
    """Return the encryption whose first key is the one that all writers use, until this transaction ends.

    Raises:
        StoreError: That key is not among these.
    """
    if connection.dialect.name == "postgresql":  # on SQLite, writers wait for each other anyway
        connection.execute(_SHARE, _ADVISORY_LOCK)
    return encryption.with_first(connection.execute(_KEY_ID).scalar_one())


def use_first_key(encryption: Encryption, connection: Connection) -> None:
    """Let all writers use the first encryption key from now on; wait for those that still use another one."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, _ADVISORY_LOCK)
    connection.execute(_USE_KEY, {"key_id": encryption.key_id})


def finish_rotation(encryption: Encryption, connection: Connection) -> None:
    """Encrypt the digest key with the first encryption key: now the others may go."""
    connection.execute(update(STORE).values(encrypted_digest_key=encryption.encrypt_digest_key()))
