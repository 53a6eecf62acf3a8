"""The blocking deduplicator."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from boooply.blocking.proxy import SyncProxy, original_of, runner_of
from boooply.blocking.runner import LoopRunner
from boooply.store.deduplicator import LEASE, AsyncDeduplicator
from boooply.webhooks import Event

if TYPE_CHECKING:
    from boooply.blocking.store import Store


class Deduplicator(SyncProxy[AsyncDeduplicator]):
    """A guard that lets only one of several deliveries of an event be handled.

    You do not need it in the handler of an ``Inbox``, which handles each event once.

    Args:
        store: The store in which all processes record handled events. Default: None, which remembers the last 100,000
            events of this process.
        lease: How long other processes wait for a process that died while it handled an event, in seconds. The lease
            is renewed while an event is being handled. Default: 60.

    Raises:
        ConfigurationError: The lease is not a number of seconds above zero.
    """

    def __init__(self, store: Store | None = None, /, *, lease: float = LEASE) -> None:
        if store is None:
            super().__init__(LoopRunner(_nothing), AsyncDeduplicator(lease=lease))
        else:
            super().__init__(runner_of(store), AsyncDeduplicator(original_of(store), lease=lease))

    @contextmanager
    def once(self, event: Event, /) -> Generator[bool]:
        """Enter a block in which you handle an event, unless it has already been handled.

            with deduplicator.once(event) as is_new:
                if is_new:
                    handle(event)

        The block receives True if you must handle the event, and False if it has been handled. If another process is
        handling the event, the call waits until that process has finished. So send your response after the block. If
        the block raises an exception, the event counts as not handled, and the next delivery is new.

        An event is handled again if the process dies, or the store fails, after the handling and before it is recorded.

        Args:
            event: The event, from ``Webhook.verify``.

        Raises:
            StoreError: The store failed. Respond with 503, so that Boooply sends the event again.
        """
        once = self._original.once(event)
        is_new = self._runner.run(once.__aenter__)
        try:
            yield is_new
        except BaseException as error:
            self._runner.run(partial(once.__aexit__, type(error), error, error.__traceback__))
            raise
        self._runner.run(partial(once.__aexit__, None, None, None))


async def _nothing() -> None:
    """Close nothing, because everything is in memory."""
