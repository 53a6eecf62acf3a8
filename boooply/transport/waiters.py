"""Callers that wait for a limiter: first come, first served on each event loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import attrs


@attrs.define(eq=False)
class Queue:
    """The waiters of one event loop.

    ``async with`` waits until no earlier waiter is left, and gives the event that `Waiters.wake` sets. A waiter that is
    cancelled leaves the queue, and the next one moves up.
    """

    lock: asyncio.Lock = attrs.Factory(asyncio.Lock)  # the first waiter has it
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
    """The waiters of a limiter, in a queue for each event loop, so that none waits for a loop that has stopped."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._queues: dict[asyncio.AbstractEventLoop, Queue] = {}  # replaced, never changed: readers take no mutex

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
        """Wake the first waiter of each event loop; any thread may call this."""
        for loop, queue in self._queues.items():
            if queue.count:
                with suppress(RuntimeError):  # the loop is closed, and its waiters are gone
                    loop.call_soon_threadsafe(queue.changed.set)
