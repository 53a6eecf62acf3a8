"""The blocking store; its event loop starts when it is opened, and ends when it is closed."""

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
    """What is known of each customer's minting."""

    entries: Final = iterating(AsyncLedger.entries)
    forget: Final = sync(AsyncLedger.forget)


class Events(SyncProxy[AsyncEvents]):
    """The events of the inboxes, by their idempotency keys."""

    list: Final = iterating(AsyncEvents.list)
    get: Final = sync(AsyncEvents.get)
    retry: Final = sync(AsyncEvents.retry)
    discard: Final = sync(AsyncEvents.discard)
    purge: Final = sync(AsyncEvents.purge)


class KeyStore(SyncProxy[AsyncKeyStore]):
    """The customers' keys, encrypted."""

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
        """Open the store for its keys alone: as ``Store.open`` does, with the same fallbacks and errors."""
        return opened(cls, AsyncKeyStore.open(as_secret(url), encryption_key=hidden(encryption_key)))


class Store(SyncProxy[AsyncStore]):
    """What must outlive a process: ``keys`` of the customers, the ``ledger`` of their minting, and ``events``."""

    keys: Resource[KeyStore] = resource(KeyStore)
    ledger: Resource[Ledger] = resource(Ledger)
    events: Resource[Events] = resource(Events)

    @classmethod
    def open(
        cls, url: str | Secret | None = None, *, encryption_key: str | Secret | Iterable[str | Secret] | None = None
    ) -> AbstractContextManager[Store]:
        """Open the store, and close it at the end; on first use it is created.

        ``url`` and ``encryption_key`` are those of ``AsyncStore.open``, with the same fallbacks.

        Raises:
            ConfigurationError: The encryption key or a driver is missing, or the URL or key cannot work.
            StoreError: It cannot be opened, has another schema, or was encrypted with another key.
        """
        return opened(cls, AsyncStore.open(as_secret(url), encryption_key=hidden(encryption_key)))

    @property
    def limits(self) -> LimitStore:
        """What ``RateLimits(shared=store)`` shares."""
        return self._original.limits


@contextmanager
def opened(kind: Callable[[LoopRunner, T], S], opening: AbstractAsyncContextManager[T], /) -> Generator[S]:
    """Open an async object in an event loop of its own, and yield a blocking one over it."""
    opener = os.getpid()

    async def close() -> None:
        if os.getpid() == opener:  # a forked child leaves its parent's store alone
            await opening.__aexit__(None, None, None)

    runner = LoopRunner(close)
    try:
        yield kind(runner, runner.run(opening.__aenter__))
    except GeneratorExit:  # nobody leaves the block any more: the interpreter exits, say
        runner.abandon()
        raise
    finally:
        if os.getpid() != opener:  # kept forever: its finalizer would hand its end to the parent's loop
            never_free(opening)
        runner.close()
