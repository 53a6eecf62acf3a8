"""The blocking store. Its event loop starts when it is opened, and ends when it is closed."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from typing import Final, TypeVar

from boooply.blocking.proxy import SyncProxy, iterating, resource, sync
from boooply.blocking.runner import LoopRunner
from boooply.ratelimit.status import LimitStore
from boooply.resources.resource import Resource
from boooply.secret import Secret, as_secret
from boooply.store.encryption import hidden
from boooply.store.events import AsyncEvents
from boooply.store.keys import AsyncKeyStore
from boooply.store.ledger import AsyncLedger
from boooply.store.store import AsyncStore
from boooply.transport.pool import never_free

S = TypeVar("S")
T = TypeVar("T")


class Ledger(SyncProxy[AsyncLedger]):
    """The record of each customer's minting."""

    entries: Final = iterating(AsyncLedger.entries)
    forget: Final = sync(AsyncLedger.forget)


class Events(SyncProxy[AsyncEvents]):
    """The events of the inboxes of this store, by their idempotency keys."""

    list: Final = iterating(AsyncEvents.list)
    get: Final = sync(AsyncEvents.get)
    retry: Final = sync(AsyncEvents.retry)
    discard: Final = sync(AsyncEvents.discard)
    purge: Final = sync(AsyncEvents.purge)


class KeyStore(SyncProxy[AsyncKeyStore]):
    """The customers' keys, encrypted in the database."""

    put: Final = sync(AsyncKeyStore.put)
    get: Final = sync(AsyncKeyStore.get)
    delete: Final = sync(AsyncKeyStore.delete)
    holder_of: Final = sync(AsyncKeyStore.holder_of)
    organizations: Final = iterating(AsyncKeyStore.organizations)
    corrupt: Final = iterating(AsyncKeyStore.corrupt)
    rotate: Final = sync(AsyncKeyStore.rotate)

    @classmethod
    def open(
        cls, url: str | Secret | None = None, *, encryption_key: str | Secret | Iterable[str | Secret] | None = None
    ) -> AbstractContextManager[KeyStore]:
        """Open only the keys of a store, as a context manager.

        Args:
            url: The URL of the database. Default: as for ``Store.open``.
            encryption_key: The encryption key, or several. Default: as for ``Store.open``.

        Raises:
            ConfigurationError: The encryption key or a driver is missing, or the URL or a key cannot work.
            StoreError: The store cannot be opened, has another schema, or was encrypted with another key.
        """
        return opened(cls, AsyncKeyStore.open(as_secret(url), encryption_key=hidden(encryption_key)))


class Store(SyncProxy[AsyncStore]):
    """A database with the ``keys`` of the customers, the ``ledger`` of their minting, and ``events``.

    Open one with ``Store.open``.
    """

    keys: Resource[KeyStore] = resource(KeyStore)
    ledger: Resource[Ledger] = resource(Ledger)
    events: Resource[Events] = resource(Events)

    @classmethod
    def open(
        cls, url: str | Secret | None = None, *, encryption_key: str | Secret | Iterable[str | Secret] | None = None
    ) -> AbstractContextManager[Store]:
        """Open a store, as a context manager that closes it at the end. The first use creates its tables.

        Args:
            url: The URL of the database: ``sqlite:///boooply.db`` or ``postgresql+psycopg://USER:PASSWORD@HOST/NAME``.
                Default: the environment variable ``BOOOPLY_STORE_URL``, or else the SQLite file ``boooply.db`` in the
                current directory.
            encryption_key: The encryption key, or several: the first one encrypts, and all of them decrypt. Default:
                the environment variable ``BOOOPLY_STORE_KEY``, which separates several keys by commas.

        Raises:
            ConfigurationError: The encryption key or a driver is missing, or the URL or a key cannot work.
            StoreError: The store cannot be opened, has another schema, or was encrypted with another key.
        """
        return opened(cls, AsyncStore.open(as_secret(url), encryption_key=hidden(encryption_key)))

    @property
    def limits(self) -> LimitStore:
        """The rate limiters that ``RateLimits(shared=store)`` shares between processes."""
        return self._original.limits


@contextmanager
def opened(kind: Callable[[LoopRunner, T], S], opening: AbstractAsyncContextManager[T], /) -> Generator[S]:
    """Open an async object in a new event loop, and yield a blocking object over it."""
    opener = os.getpid()

    async def close() -> None:
        if os.getpid() == opener:  # a forked child must not close the store of its parent
            await opening.__aexit__(None, None, None)

    runner = LoopRunner(close)
    try:
        yield kind(runner, runner.run(opening.__aenter__))
    except GeneratorExit:  # the block never ends, for example because the interpreter exits
        runner.abandon()
        raise
    finally:
        if os.getpid() != opener:  # never freed, because its finalizer would use the loop of the parent
            never_free(opening)
        runner.close()
