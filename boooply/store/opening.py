"""How a store is opened: its tables are made on first use, and its schema and encryption key checked."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, inspect, select, text, update

from boooply.errors import StoreError
from boooply.secret import Secret, as_secret
from boooply.store.address import DEFAULT_URL, database_address
from boooply.store.database import Database, connected
from boooply.store.encryption import Encryption
from boooply.store.schema import METADATA, STORE, VERSION

URL_VARIABLE: Final = "BOOOPLY_STORE_URL"

_ADVISORY_LOCK: Final = 0x600016  # any number: those who open one PostgreSQL store for the first time queue for it


@asynccontextmanager
async def opened(url: Secret | None, seal: Encryption) -> AsyncGenerator[Database]:
    """Open the database of a store.

    Raises:
        ConfigurationError: The URL cannot work, or its driver is not installed.
        StoreError: It cannot be opened, has a newer schema, or was sealed with another encryption key.
    """
    address = database_address(url or as_secret(os.environ.get(URL_VARIABLE)) or Secret(DEFAULT_URL))
    async with connected(address) as database:
        found = await database.read(_look)
        row = await database.write(_create, seal) if found is None or found.version < VERSION else found
        if row.version > VERSION:
            raise StoreError(
                f"the store has schema {row.version}, and this version of boooply knows {VERSION}: upgrade boooply"
            )
        seal.check(row.sealed_check)
        yield database


def _look(connection: Connection) -> Row[Any] | None:
    has_table = inspect(connection).has_table(STORE.name)
    return connection.execute(select(STORE)).one_or_none() if has_table else None


def _create(connection: Connection, seals: Sequence[Encryption]) -> list[Row[Any]]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
    METADATA.create_all(connection)
    row = connection.execute(select(STORE)).one_or_none()  # another process may have been faster
    if row is None:
        values = {"id": 1, "version": VERSION, "sealed_check": seals[0].make_check()}
        row = connection.execute(insert(STORE).values(values).returning(*STORE.columns)).one()
    elif row.version < VERSION:  # so far a newer version has more tables, and those that there were are the same
        row = connection.execute(update(STORE).values(version=VERSION).returning(*STORE.columns)).one()
    return [row] * len(seals)
