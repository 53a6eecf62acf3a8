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
    """A guard that lets one of many deliveries of an event be handled, where it arrives.

    Over a ``Store`` all processes on it share their knowledge; without one it is that of this process, and of its last
    100,000 events. While an event is handled its lease is renewed; ``lease`` is for how many seconds others wait for a
    process that died.
    """

    def __init__(self, store: Store | None = None, /, *, lease: float = LEASE) -> None:
        if store is None:
            super().__init__(LoopRunner(_nothing), AsyncDeduplicator(lease=lease))
        else:
            super().__init__(runner_of(store), AsyncDeduplicator(original_of(store), lease=lease))

    @contextmanager
    def once(self, event: Event, /) -> Generator[bool]:
        """Return whether an event is yours to handle, within the block; False if it has been handled.

            with deduplicator.once(event) as is_new:
                if is_new:
                    handle(event)

        If somebody else is handling it, this waits for the end of that: so a response that is sent after the block is
        true. A block that ends with an exception has not handled the event, and the next delivery is new again.

        A process that dies, or a store that fails, after the event was handled and before that was recorded leaves the
        event to be handled again.

        Raises:
            StoreError: The store fails. Respond with 503, and the vendor delivers again.
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
    """Close nothing: it is all in memory."""
