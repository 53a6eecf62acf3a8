"""Callers that wait for a limiter, in the order of their arrival on each event loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import attrs


@attrs.define(eq=False)
class Queue:
    """The waiters of one event loop.

    ``async with`` waits for all earlier waiters, and returns the event that `Waiters.wake` sets. A cancelled waiter
    leaves the queue.
    """

    lock: asyncio.Lock = attrs.Factory(asyncio.Lock)  # the first waiter owns it
    changed: asyncio.Event = attrs.Factory(asyncio.Event)
    count: int = 0

    async def __aenter__(self) -> asyncio.Event:
        self.count += 1
        try:
            await self.lock.acquire()
        except BaseException:
            self.count -= 1
            raise
        return self.changed

    async def __aexit__(self, *_: object) -> None:
        self.count -= 1
        self.lock.release()


class Waiters:
    """The waiters of a limiter, in one queue per event loop, so that no waiter depends on a loop that has stopped."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._queues: dict[
            asyncio.AbstractEventLoop, Queue
        ] = {}  # replaced and never changed, so that readers need no mutex

    def __len__(self) -> int:
        return sum(queue.count for queue in self._queues.values())

    def queue(self) -> Queue:
        """Return the queue of the running event loop."""
        loop = asyncio.get_running_loop()
        queue = self._queues.get(loop)
        if queue is None:
            queue = Queue()
            with self._mutex:
                self._queues = {one: kept for one, kept in self._queues.items() if not one.is_closed()} | {loop: queue}
        return queue

    def wake(self) -> None:
        """Wake the first waiter of each event loop. Any thread may call this."""
        for loop, queue in self._queues.items():
            if queue.count:
                with suppress(RuntimeError):  # the loop is closed, and its waiters are gone
                    loop.call_soon_threadsafe(queue.changed.set)
