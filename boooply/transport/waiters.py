"""Callers that wait for a limiter: first come, first served on each event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import attrs


@attrs.define(eq=False)
class _Queue:
    """The waiters of one event loop: the first one has ``lock``, and ``changed`` wakes it."""

    lock: asyncio.Lock = attrs.Factory(asyncio.Lock)
    changed: asyncio.Event = attrs.Factory(asyncio.Event)
    count: int = 0  # written by its own event loop only


class Waiters:
    """The waiters of a limiter, in a queue for each event loop, so that none waits for a loop that has stopped."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._queues: dict[asyncio.AbstractEventLoop, _Queue] = {}

    def __len__(self) -> int:
        return sum(queue.count for queue in tuple(self._queues.values()))

    @asynccontextmanager
    async def first(self) -> AsyncGenerator[asyncio.Event]:
        """Wait until no earlier waiter of this event loop is left, and yield the event that ``wake`` sets.

        A waiter that is cancelled leaves the queue, and the next one moves up.
        """
        queue = self._queue()
        queue.count += 1
        try:
            async with queue.lock:
                yield queue.changed
        finally:
            queue.count -= 1

    def wake(self) -> None:
        """Wake the first waiter of each event loop; any thread may call this."""
        with self._mutex:
            waiting = [(loop, queue.changed) for loop, queue in self._queues.items() if queue.count]
        for loop, changed in waiting:
            with suppress(RuntimeError):  # the loop is closed, and its waiters are gone
                loop.call_soon_threadsafe(changed.set)

    def _queue(self) -> _Queue:
        loop = asyncio.get_running_loop()
        queue = self._queues.get(loop)
        if queue is None:
            queue = _Queue()
            with self._mutex:
                # a new dictionary, since `__len__` reads the old one without the mutex
                self._queues = {one: kept for one, kept in self._queues.items() if not one.is_closed()} | {loop: queue}
        return queue
