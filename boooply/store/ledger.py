"""The ledger: what is known about every customer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

import attrs
from sqlalchemy import ColumnElement, Connection, delete, select

from boooply.store.database import Database
from boooply.store.entries import Entry, with_expiry
from boooply.store.rows import Rows
from boooply.store.schema import KEYS, LEDGER

_BATCH: Final = 500


@attrs.frozen(eq=False)
class AsyncLedger:
    """The ledger: an entry for every customer, from before its key is requested.

    Its entries can be listed and forgotten here. ``provision`` and ``AsyncTenants`` write them.
    """

    _database: Database

    async def entries(self, organization_ids: Iterable[str] | None = None, /) -> AsyncIterator[Entry]:
        """Iterate over the entries of these customers, or over all of them in the order of their ids."""
        if organization_ids is None:
            last: str | None = ""
            while last is not None:
                found = await self._read(LEDGER.c.organization_id > last)
                for entry in found:
                    yield entry
                last = found[-1].organization_id if found else None
            return
        asked = list(organization_ids)
        for start in range(0, len(asked), _BATCH):
            for entry in await self._read(LEDGER.c.organization_id.in_(asked[start : start + _BATCH])):
                yield entry

    async def forget(self, organization_id: str, /) -> None:
        """Delete a customer's entry and its key together; this revokes nothing at Boooply."""
        await self._database.write(lambda connection: forget(connection, organization_id))

    async def _read(self, which: ColumnElement[bool]) -> list[Entry]:
        rows = ledger_rows(self._database)
        query = select(*rows.columns, self._database.clock).where(which)
        query = query.order_by(LEDGER.c.organization_id).limit(_BATCH)

        def read(connection: Connection) -> list[Entry]:
            return [with_expiry(rows.load(row[:-1]), row[-1]) for row in connection.execute(query)]

        return await self._database.read(read)


def ledger_rows(database: Database) -> Rows[Entry]:
    """Return the ledger's rows, for the steps that change them."""
    return Rows(database, LEDGER, Entry, lambda organization_id: Entry(organization_id=organization_id))


def forget(connection: Connection, organization_id: str) -> None:
    """Delete a customer's entry and its key."""
    for table in (LEDGER, KEYS):
        connection.execute(delete(table).where(table.c.organization_id == organization_id))
