"""The customers' keys, sealed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import attrs
from sqlalchemy import Connection, select, update

from boooply.errors import CorruptKeyError, NotConnectedError, ValidationError
from boooply.protocol.settings import ORGANIZATION, key
from boooply.secret import Secret, as_secret
from boooply.store.database import Database
from boooply.store.encryption import Encryption, hidden
from boooply.store.events import AsyncEvents
from boooply.store.ledger import AsyncLedger
from boooply.store.opening import opened
from boooply.store.schema import KEYS, STORE

_BATCH: Final = 500


@attrs.frozen(eq=False)
class AsyncKeyStore:
    """Keep each customer's key, encrypted.

    Four methods make a key store: ``put``, ``get``, ``delete`` and ``organizations``. A class of your own that has them
    serves as well, over a vault for example.
    """

    _database: Database
    _seal: Encryption
    ledger: AsyncLedger

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str | Secret | None = None, *, encryption_key: str | Secret | Iterable[str | Secret] | None = None
    ) -> AsyncGenerator[AsyncKeyStore]:
        """Open the store for its keys alone: as ``AsyncStore.open`` does, with the same fallbacks and errors."""
        address, encryption_keys = as_secret(url), hidden(encryption_key)
        del url, encryption_key
        seal = Encryption.of(encryption_keys)
        async with opened(address, seal) as database:
            yield cls.over(database, seal)

    @classmethod
    def over(cls, database: Database, seal: Encryption, /) -> Self:
        """Make one over a database that somebody else opened, and closes."""
        return cls(database, seal, AsyncLedger(database, seal))

    async def put(self, organization_id: str, api_key: str | Secret, /) -> None:
        """Store a customer's key, over the one that was there; for the ledger the customer is done then.

        Raises:
            ValidationError: The id is blank or holds a control character.
            ConfigurationError: It is no organization's key.
            StoreError: It could not be stored.
        """
        secret = as_secret(api_key)
        del api_key
        if not organization_id.strip() or not organization_id.isprintable():
            raise ValidationError("organization_id", "has to be text that is not blank, without control characters")
        await self.ledger.put(organization_id, key(secret, ORGANIZATION, None))

    async def get(self, organization_id: str, /) -> Secret:
        """Read a customer's key.

        Raises:
            NotConnectedError: There is none.
            CorruptKeyError: It is not what was stored.
        """
        query = select(KEYS.c.sealed).where(KEYS.c.organization_id == organization_id)

        def read(connection: Connection) -> bytes | None:
            return connection.execute(query).scalar_one_or_none()

        sealed = await self._database.read(read)
        if sealed is None:
            raise NotConnectedError(organization_id)
        return self._seal.open(organization_id, sealed)

    async def delete(self, organization_id: str, /) -> None:
        """Delete a customer's key and what the ledger knows of it; at Boooply the key goes on to be valid."""
        await self.ledger.forget(organization_id)

    async def organizations(self) -> AsyncIterator[str]:
        """Iterate over the ids of all customers that have a key, in their order."""
        async for organization_id, _ in self._rows():
            yield organization_id

    async def corrupt(self) -> AsyncIterator[CorruptKeyError]:
        """Open every key, and tell of those that are not what was stored."""
        async for organization_id, sealed in self._rows():
            try:
                self._seal.open(organization_id, sealed)
            except CorruptKeyError as error:
                yield error

    async def rotate(self) -> int:
        """Seal every key anew with the first encryption key, and count them; events that wait are sealed anew as well.

        It commits in batches. Killed, it is run again with the same encryption keys; the old ones may go once it has
        come to its end.

        Raises:
            CorruptKeyError: A key cannot be opened; the batches before it are sealed anew, and nothing is lost.
        """
        count = 0
        batch: list[tuple[str, bytes]] = []
        async for organization_id, sealed in self._rows():
            batch.append((organization_id, sealed))
            if len(batch) == _BATCH:
                count += await self._renew(batch)
                batch = []
        count += await self._renew(batch)
        await AsyncEvents(self._database, self._seal).rotate()
        await self._database.write(_put_check, self._seal)
        return count

    async def _renew(self, batch: list[tuple[str, bytes]]) -> int:
        renewed = [(identity, sealed, self._seal.renew(identity, sealed)) for identity, sealed in batch]
        return await self._database.write(self._replace, renewed)

    async def _rows(self) -> AsyncIterator[tuple[str, bytes]]:
        last: str | None = ""
        while last is not None:
            query = select(KEYS.c.organization_id, KEYS.c.sealed).where(KEYS.c.organization_id > last)
            query = query.order_by(KEYS.c.organization_id).limit(_BATCH)

            def read(connection: Connection, query: Any = query) -> list[tuple[str, bytes]]:
                return [(row.organization_id, row.sealed) for row in connection.execute(query)]

            rows = await self._database.read(read)
            for row in rows:
                yield row
            last = rows[-1][0] if rows else None

    def _replace(self, connection: Connection, batches: Sequence[list[tuple[str, bytes, bytes]]]) -> list[int]:
        """Put renewed keys in the place of those they were made of: not over one that was changed meanwhile."""
        # in the order in which the ledger writes, whatever the database's own is: neither waits for the other's rows
        for identity, sealed, renewed in sorted(row for batch in batches for row in batch):
            same = (KEYS.c.organization_id == identity) & (KEYS.c.sealed == sealed)
            connection.execute(update(KEYS).where(same).values(sealed=renewed))
        return [len(batch) for batch in batches]


def _put_check(connection: Connection, seals: Sequence[Encryption]) -> list[None]:
    connection.execute(update(STORE).values(sealed_check=seals[-1].make_check()))
    return [None] * len(seals)
