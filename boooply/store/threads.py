"""Threads for calls that block.

They are daemons: those of an executor are joined when the interpreter exits, however long their work takes.
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

_POLL: Final = 0.001  # seconds


class Threads:
    """Some threads that take calls from one queue, for any number of event loops."""

    def __init__(self, count: int) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._is_closed = False
        self._mutex = threading.Lock()  # so that no call is queued behind the end
        self._threads = [threading.Thread(target=self._work, name="boooply-store", daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread; if cancelled before the call begins, it is never made.

        Raises:
            StoreError: These threads are closed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._mutex:
            if self._is_closed:
                raise StoreError("the store is closed")
            self._queue.put(partial(_call, function, loop, future))
        return await future

    def close(self, last: Callable[[], None] | None = None) -> None:
        """Take no more calls, and end after those that were taken, and ``last`` after them."""
        with self._mutex:
            self._is_closed = True
            for end in (*(() if last is None else (last,)), *(None for _ in self._threads)):
                self._queue.put(end)

    async def ended(self) -> None:
        """Wait until the threads have ended, once they are closed."""
        while any(thread.is_alive() for thread in self._threads):  # noqa: ASYNC110 - a thread that reports its end has not ended
            await asyncio.sleep(_POLL)

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            call()
            del call  # it may refer to keys, and the next one may be long in coming


def _call(function: Callable[[], Any], loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> None:
    if future.cancelled():
        return
    try:
        settle = partial(_settle, future, function())
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
        settle = partial(_settle, future, None, error)
    with suppress(RuntimeError):  # the loop is closed, and nobody waits
        loop.call_soon_threadsafe(settle)


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None = None) -> None:
    if future.done():  # its caller was cancelled
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
