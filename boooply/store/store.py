"""The store as a whole."""

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
    """What must outlive a process: the customers' ``keys``, the ``ledger`` of their minting, and ``events``.

    It may be used from any number of event loops and threads of its process.
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
        """Open the store, and close it at the end; on first use it is created.

        ``url`` falls back to ``BOOOPLY_STORE_URL``, then to a SQLite file ``boooply.db`` in the current directory. It
        is one of SQLAlchemy's: ``sqlite:///boooply.db`` or ``postgresql+psycopg://user:password@host/name``.
        ``encryption_key`` falls back to ``BOOOPLY_STORE_KEY``; of several, the first encrypts and all of them decrypt.

        Raises:
            ConfigurationError: The encryption key or a driver is missing, or the URL or key cannot work.
            StoreError: It cannot be opened, has a newer schema, or was encrypted with another encryption key.
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
