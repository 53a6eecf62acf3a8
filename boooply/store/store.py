"""The store with all its parts."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager

import attrs

from boooply.secret import Secret, as_secret
from boooply.store.database import Database
from boooply.store.encryption import Encryption, hidden
from boooply.store.events import AsyncEvents
from boooply.store.identity import StoreIdentity
from boooply.store.keys import AsyncKeyStore
from boooply.store.ledger import AsyncLedger
from boooply.store.limits import AsyncLimits
from boooply.store.opening import opened


@attrs.frozen(eq=False)
class AsyncStore:
    """The store: the data that must outlive a process.

    Open it with ``AsyncStore.open()``. You can use it from any number of event loops and threads of its process.

    Attributes:
        keys: The customers' keys, encrypted.
        ledger: The state of each customer's key.
        events: The stored webhook events.
        limits: The rate limiters that ``RateLimits(shared=store)`` shares.
        database: The database.
        encryption: The encryption of keys and event bodies.
        identity: The API and the platform keys that the store belongs to.
    """

    database: Database
    encryption: Encryption
    keys: AsyncKeyStore
    ledger: AsyncLedger
    limits: AsyncLimits
    events: AsyncEvents
    identity: StoreIdentity

    @classmethod
    def open(
        cls, url: str | Secret | None = None, *, encryption_key: str | Secret | Iterable[str | Secret] | None = None
    ) -> AbstractAsyncContextManager[AsyncStore]:
        """Open the store, and create it on first use. The block of ``async with`` closes it.

        Args:
            url: The URL of the database, in SQLAlchemy's form: ``sqlite:///boooply.db`` or
                ``postgresql+psycopg://user:password@host/database``. By default, the value of ``BOOOPLY_STORE_URL``, or
                a SQLite file ``boooply.db`` in the working directory.
            encryption_key: The encryption key, or several keys. All keys decrypt. The first one encrypts, once
                ``rotate`` has started. By default, the value of ``BOOOPLY_STORE_KEY``.

        Raises:
            ConfigurationError: The encryption key or the driver is missing, or an argument is invalid.
            StoreError: The store cannot be opened, has another schema, or was encrypted with another key.
        """
        return opened(cls._over, as_secret(url), hidden(encryption_key))

    @classmethod
    def _over(cls, database: Database, encryption: Encryption) -> AsyncStore:
        return cls(
            database,
            encryption,
            AsyncKeyStore(database, encryption),
            AsyncLedger(database),
            AsyncLimits(database),
            AsyncEvents(database, encryption),
            StoreIdentity(database, encryption),
        )
