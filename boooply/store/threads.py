"""Threads for what blocks.

They are daemons: those of an executor are joined at the interpreter's exit, however long what they do takes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from boooply.errors import StoreError

T = TypeVar("T")

_GLANCE: Final = 0.001  # seconds


class Threads:
    """Some threads that take what is to be done from one queue, for any event loop."""

    def __init__(self, count: int) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._is_closed = False
        self._threads = [threading.Thread(target=self._work, name="boooply-store", daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[[], T]) -> T:
        """Do something in a thread; what is cancelled before it has begun is not done.

        Raises:
            StoreError: These threads end, and take nothing more.
        """
        if self._is_closed:
            raise StoreError("the store is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._queue.put(partial(_do, function, loop, done))
        return await done

    def close(self, last: Callable[[], None] | None = None) -> None:
        """Take nothing more, and end once all is done that has been taken, and ``last`` after it."""
        self._is_closed = True
        if last is not None:
            self._queue.put(last)
        for _ in self._threads:
            self._queue.put(None)

    async def ended(self) -> None:
        """Wait until they have ended, once they are closed."""
        while any(thread.is_alive() for thread in self._threads):  # noqa: ASYNC110 - one that tells of its end is not over
            await asyncio.sleep(_GLANCE)

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            task()
            del task  # it may hold keys, and the next one may be long in coming


def _do(function: Callable[[], Any], loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any]) -> None:
    if done.cancelled():
        return
    try:
        outcome = partial(_settle, done, function())
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is for the one who waits
        outcome = partial(_settle, done, None, error)
    with suppress(RuntimeError):  # the loop has ended, and nobody waits
        loop.call_soon_threadsafe(outcome)


def _settle(done: asyncio.Future[Any], result: object, error: BaseException | None = None) -> None:
    if done.done():  # who waited was cancelled
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
