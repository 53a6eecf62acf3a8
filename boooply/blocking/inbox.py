"""The blocking inbox: its handlers are plain functions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from boooply.blocking.proxy import SyncProxy, original_of, runner_of, sync
from boooply.blocking.store import Store
from boooply.store.completion import run_to_completion
from boooply.store.deduplicator import LEASE
from boooply.store.inbox import AsyncInbox
from boooply.store.threads import in_thread, run_until
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

    def work(self, handler: Handler, /, *, concurrency: int = 4, stop: threading.Event | None = None) -> None:
        """Hand stored events to a handler, several at once and each in a thread of its own, until ``stop`` is set.

        Then it returns once the handlers that run have returned. What a handler raises is logged by its class and
        place, with the name of the event and its interview; its text is not, since it may quote what was said.
        """
        handle = partial(_handle, handler)
        self._runner.run(lambda: run_until(stop, self._original.work(handle, concurrency=concurrency)))


async def _handle(handler: Handler, event: Event) -> None:
    handling = asyncio.create_task(in_thread(handler, event))
    worker = asyncio.current_task()
    try:
        await run_to_completion(asyncio.wait({handling}))
    except asyncio.CancelledError:
        if worker is not None:  # a thread cannot be cancelled: again, for the next await after its outcome is recorded
            worker.cancel()
    handling.result()
