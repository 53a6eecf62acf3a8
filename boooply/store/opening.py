"""The opening of a store: create its tables on first use, and check its schema and encryption key."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection, insert, inspect, select, text

from boooply.errors import StoreError
from boooply.secret import Secret, as_secret
from boooply.store.address import DEFAULT_URL, database_address
from boooply.store.database import Database, connect
from boooply.store.encryption import Encryption
from boooply.store.identity import opened_encryption
from boooply.store.schema import METADATA, STORE, VERSION

T = TypeVar("T")

URL_VARIABLE: Final = "BOOOPLY_STORE_URL"

_ADVISORY_LOCK: Final = 0x600016  # the number of the advisory lock for creating a store on PostgreSQL


@asynccontextmanager
async def opened(
    kind: Callable[[Database, Encryption], T], url: Secret | None, encryption_keys: tuple[Secret, ...], /
) -> AsyncGenerator[T]:
    """Open a database, and yield the object that ``kind`` creates from it.

    Raises:
        ConfigurationError: The encryption key or the driver is missing, or the URL or key is invalid.
        StoreError: The store cannot be opened, has another schema, or was encrypted with another key.
    """
    encryption = Encryption.of(encryption_keys)
    given = url, as_secret(os.environ.get(URL_VARIABLE))
    address = database_address(next((one for one in given if one and one.reveal()), Secret(DEFAULT_URL)))
    database = connect(address)
    try:
        version = await database.read(_checked_version) or await database.write(partial(_create, encryption))
        if version > VERSION:
            raise StoreError(
                f"the store has schema {version}, but this version of boooply needs schema {VERSION}. Upgrade boooply.",
                is_permanent=True,
            )
        if version < VERSION:
            raise StoreError(
                f"the store has schema {version}, from a version of boooply before the first release. Name a new store "
                f"in {URL_VARIABLE}. To move a key, print it with `boooply tenants key ID` of the old version.",
                is_permanent=True,
            )
        yield kind(database, await database.read(partial(opened_encryption, encryption)))
    finally:
        await database.close()


def _checked_version(connection: Connection) -> int:
    """Read the version of the schema, or return 0 for a new database.

    Raises:
        StoreError: The encoding of the database cannot store every name.
    """
    if connection.dialect.name == "postgresql":
        encoding: str = connection.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise StoreError(
                f"the store's database has the encoding {encoding}, which cannot store every name. Create a database "
                f"with ENCODING 'UTF8' TEMPLATE template0, and name it in {URL_VARIABLE}.",
                is_permanent=True,
            )
    return _version(connection)


def _version(connection: Connection) -> int:
    """Read the version of the schema, or return 0 for a new database."""
    if not inspect(connection).has_table(STORE.name):
        return 0
    return connection.execute(select(STORE.c.version)).scalar_one_or_none() or 0


def _create(encryption: Encryption, connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
    version = _version(connection)  # another process may have been faster
    if version:
        return version
    METADATA.create_all(connection)
    row = {
        "id": 1,
        "version": VERSION,
        "encryption_key_id": encryption.key_id,
        "encrypted_digest_key": encryption.encrypt_digest_key(),
    }
    connection.execute(insert(STORE).values(row))
    return VERSION
