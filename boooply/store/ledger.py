"""The ledger: the state of every customer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Any, Final

import attrs
from sqlalchemy import Connection, Select, bindparam, delete, exists, func, select

from boooply.store.database import Database
from boooply.store.entries import Entry, State, with_expiry, with_fallback
from boooply.store.rows import BATCH, Rows, fetch, in_scope, iterate
from boooply.store.schema import KEY_ROWS, KEYS, LEDGER

_FORGET: Final = (
    delete(LEDGER).where(LEDGER.c.organization_id == bindparam("name"), in_scope(LEDGER, KEY_ROWS)),
    delete(KEYS).where(KEYS.c.organization_id == bindparam("name")),
)


@attrs.frozen(eq=False)
class AsyncLedger:
    """The ledger: an entry for every customer, created before its key is requested.

    List and delete entries here. ``provision`` and ``AsyncTenants`` write them.
    """

    _database: Database

    async def entries(self, organization_ids: Iterable[str] | None = None, /) -> AsyncIterator[Entry]:
        """Iterate over the entries of the ledger.

        Args:
            organization_ids: Your own IDs of the customers. Unknown IDs are ignored. By default, all customers, in the
                order of their IDs.

        Raises:
            StoreError: The store cannot be read.
        """
        rows = ledger_rows(self._database)
        query = select(*rows.columns, self._database.clock).where(rows.in_scope)
        found = iterate(self._database, query, LEDGER.c.organization_id)
        if organization_ids is not None:
            found = self._look_up(query, list(organization_ids))
        async for row in found:
            yield with_fallback(with_expiry(rows.load(row[:-1]), row[-1]))

    async def _look_up(self, query: Select[*tuple[Any, ...]], asked: list[str]) -> AsyncIterator[Any]:
        for start in range(0, len(asked), BATCH):
            # iterate() returns rows in order, for which SQLite would read the whole table.
            named = query.where(LEDGER.c.organization_id.in_(asked[start : start + BATCH]))
            for row in await self._database.read(partial(fetch, named)):
                yield row

    async def forget(self, organization_id: str, /) -> None:
        """Delete a customer's entry and its key. The key stays valid at Boooply.

        Args:
            organization_id: Your own ID of the customer. An unknown ID is ignored.

        Raises:
            StoreError: The store fails.
        """
        await self._database.write(lambda connection: forget(connection, organization_id))


async def connected_without_zeros(database: Database) -> dict[str, str]:
    """Return the connected customers whose ids have leading zeros, by their ids without these zeros.

    Customers whose ids without zeros are connected too are left out.
    """
    bare_id, others = func.ltrim(LEDGER.c.organization_id, "0"), LEDGER.alias()
    is_bare_one = (others.c.organization_id == bare_id) & (others.c.state == State.DONE)
    has_bare_one = exists().where(is_bare_one, in_scope(others, KEY_ROWS))
    is_padded = LEDGER.c.organization_id.startswith("0") & (bare_id != "")
    query = select(LEDGER.c.organization_id, bare_id).where(
        in_scope(LEDGER, KEY_ROWS), LEDGER.c.state == State.DONE, is_padded, ~has_bare_one
    )
    return {bare: given async for given, bare in iterate(database, query, LEDGER.c.organization_id)}


def ledger_rows(database: Database) -> Rows[Entry]:
    """Return the ledger's rows, for the steps that change them."""
    return Rows(database, LEDGER, Entry, KEY_ROWS)


def forget(connection: Connection, organization_id: str) -> None:
    """Delete a customer's entry and its key."""
    for statement in _FORGET:
        connection.execute(statement, {"name": organization_id})
