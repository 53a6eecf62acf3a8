"""The opening of a store: its tables are created on first use, and its schema and encryption key are checked."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection, insert, inspect, select, text, update

from boooply.errors import StoreError
from boooply.secret import Secret, as_secret
from boooply.store.address import DEFAULT_URL, database_address
from boooply.store.database import Database, connect
from boooply.store.encryption import Encryption
from boooply.store.schema import METADATA, STORE, VERSION

T = TypeVar("T")

URL_VARIABLE: Final = "BOOOPLY_STORE_URL"

_ADVISORY_LOCK: Final = 0x600016  # any number: processes that create one PostgreSQL store at the same time queue for it


@asynccontextmanager
async def opened(
    kind: Callable[[Database, Encryption], T], url: Secret | None, encryption_keys: tuple[Secret, ...], /
) -> AsyncGenerator[T]:
    """Open a database, and yield what is made of it.

    Raises:
        ConfigurationError: The encryption key or a driver is missing, or the URL or key cannot work.
        StoreError: It cannot be opened, has a newer schema, or was encrypted with another encryption key.
    """
    encryption = Encryption.of(encryption_keys)
    given = url, as_secret(os.environ.get(URL_VARIABLE))
    address = database_address(next((one for one in given if one and one.reveal()), Secret(DEFAULT_URL)))
    database = connect(address)
    try:
        version, encrypted_check = await database.read(_look)
        if version < VERSION:
            version, encrypted_check = await database.write(partial(_create, encryption))
        if version > VERSION:
            raise StoreError(
                f"the store has schema {version}, and this version of boooply knows {VERSION}: upgrade boooply"
            )
        encryption.check(encrypted_check)
        yield kind(database, encryption)
    finally:
        await database.close()


def _look(connection: Connection) -> tuple[int, bytes]:
    """Read the version of the schema, 0 if there is none, and the text that only the right key decrypts."""
    if not inspect(connection).has_table(STORE.name):
        return 0, b""
    row = connection.execute(select(STORE.c.version, STORE.c.encrypted_check)).one_or_none()
    return (0, b"") if row is None else (row[0], row[1])


def _create(encryption: Encryption, connection: Connection) -> tuple[int, bytes]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
    METADATA.create_all(connection)
    version, _ = _look(connection)
    if version == 0:
        values = {"id": 1, "version": VERSION, "encrypted_check": encryption.make_check()}
        connection.execute(insert(STORE).values(values))
    elif version < VERSION:  # so far a newer version has more tables, and the older ones are the same
        connection.execute(update(STORE).values(version=VERSION))
    return _look(connection)  # another process may have been faster
