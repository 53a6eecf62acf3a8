"""The store as a whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

import attrs

from boooply.secret import Secret, hide
from boooply.store.database import Database
from boooply.store.events import StoredEvents
from boooply.store.keys import KeyStore
from boooply.store.ledger import Ledger
from boooply.store.limits import StoredAllowances
from boooply.store.opening import opened
from boooply.store.seal import Seal, hidden


@attrs.frozen(eq=False)
class Store:
    """Hold what has to outlive a process: ``keys`` of the customers, ``ledger`` of their minting, and ``events``."""

    database: Database
    keys: KeyStore
    ledger: Ledger
    limits: StoredAllowances
    events: StoredEvents

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str | Secret | None = None, *, encryption_key: str | Secret | Iterable[str | Secret] | None = None
    ) -> AsyncGenerator[Store]:
        """Open the store, and close it at the end; on first use it is created.

        ``url`` falls back to ``BOOOPLY_STORE_URL``, then to a SQLite file ``boooply.db`` in the current directory. It
        is one of SQLAlchemy's: ``sqlite:///boooply.db`` or ``postgresql+psycopg://user:password@host/name``.
        ``encryption_key`` falls back to ``BOOOPLY_STORE_KEY``; of several, the first seals and all of them open.

        Raises:
            ConfigurationError: The encryption key or a driver is missing, or the URL or key cannot work.
            StoreError: It cannot be opened, has a newer schema, or was sealed with another encryption key.
        """
        address, encryption_keys = hide(url), hidden(encryption_key)
        del url, encryption_key
        seal = Seal.of(encryption_keys)
        async with opened(address, seal) as database:
            keys = KeyStore.over(database, seal)
            yield cls(database, keys, keys.ledger, StoredAllowances(database), StoredEvents(database, seal))
