"""The blocking inbox: its handlers are plain functions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from boooply.blocking.proxy import SyncProxy, original_of, runner_of, sync
from boooply.blocking.store import Store
from boooply.store.deduplicator import LEASE
from boooply.store.inbox import TIME_LIMIT, AsyncInbox
from boooply.store.threads import run_until
from boooply.webhooks import Event

Handler = Callable[[Event], object]


class Inbox(SyncProxy[AsyncInbox]):
    """A place to store verified events, which hands each of them to a handler once.

    All processes on one store share the work. An event stays, its body encrypted, until a handler has returned; one
    whose handler raises is tried again after 5 s, then after pauses that grow to an hour. ``lease`` is for how many
    seconds others wait for a process that died; while an event is handled it is renewed. A process that dies after the
    event was handled and before that was recorded leaves the event to be handled again.
    """

    put: Final = sync(AsyncInbox.put)

    def __init__(self, store: Store, /, *, lease: float = LEASE) -> None:
        super().__init__(runner_of(store), AsyncInbox(original_of(store), lease=lease))

    def work(
        self,
        handler: Handler,
        /,
        *,
        concurrency: int = 4,
        stop: threading.Event | None = None,
        timeout: float = TIME_LIMIT,
    ) -> None:
        """Hand stored events to a handler, several at once and each in a thread of its own, until ``stop`` is set.

        After ``timeout`` seconds the work continues without a handler that has not returned: its event stays leased
        until its thread ends, which is logged. Once ``stop`` is set, this returns when the other handlers have
        returned. What a handler raises is logged by its class and
        place, with the name of the event and its interview; its text is not, since it may quote what was said.
        """
        self._runner.run(
            lambda: run_until(stop, self._original.work(handler, concurrency=concurrency, timeout=timeout))
        )
