"""Plain functions, called for an event loop in daemon threads.

The threads of an executor are joined when the interpreter exits, however long their work takes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from boooply.errors import StoreError

T = TypeVar("T")
Call = Callable[[], object]

_GLANCE: Final = 0.1  # seconds


async def in_thread(function: Callable[..., T], /, *args: object) -> T:
    """Call a plain function in a thread of its own, in a copy of the context."""

    def start(call: Call) -> None:
        threading.Thread(target=copy_context().run, args=(call,), name="boooply-call", daemon=True).start()

    return await _called(partial(function, *args), start)


async def is_set(event: threading.Event | None, /) -> None:
    """Wait until the event of a thread is set; None never is."""
    while event is None or not event.is_set():  # noqa: ASYNC110 - the event of a thread cannot be awaited
        await asyncio.sleep(_GLANCE)


async def run_until(stop: threading.Event | None, work: Coroutine[Any, Any, None], /) -> None:
    """Do some work, and cancel it once the event of a thread is set; None never is."""
    tasks = working, _ = asyncio.create_task(work), asyncio.create_task(is_set(stop))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait({working})
    if not working.cancelled():
        working.result()  # which raises


class Threads:
    """Some threads that take calls from one queue, for any number of event loops."""

    def __init__(self, count: int) -> None:
        self._queue: SimpleQueue[Call | None] = SimpleQueue()
        self._is_closed = False
        self._mutex = threading.Lock()  # so that no call is queued behind the end
        self._running = count
        self._at_end: list[Callable[[], None]] = []
        self._threads = [threading.Thread(target=self._work, name="boooply-store", daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread; if cancelled before the call begins, it is never made.

        Raises:
            StoreError: These threads are closed.
        """
        return await _called(function, self._enqueue)

    def close(self, last: Call | None = None) -> None:
        """Take no more calls, and end after those that were taken, and ``last`` after them."""
        with self._mutex:
            self._is_closed = True
            if last is not None:
                self._queue.put(last)
            for _ in self._threads:
                self._queue.put(None)

    async def ended(self) -> None:
        """Wait until the threads have ended, once they are closed."""
        # An event, no polling: a frozen clock would never wake a sleeper. No thread either: while the interpreter shuts
        # down, none can start.
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def report() -> None:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(ended.set)

        with self._mutex:
            self._at_end.append(report)
            if not self._running:
                report()
        await ended.wait()
        for thread in self._threads:
            thread.join()  # it has nothing left to do

    def _enqueue(self, call: Call) -> None:
        with self._mutex:
            if self._is_closed:
                raise StoreError("the store is closed", is_permanent=True)
            self._queue.put(call)

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            call()
            del call  # it may refer to keys, and the next one may be long in coming
        with self._mutex:
            self._running -= 1
            if not self._running:
                for report in self._at_end:
                    report()


async def _called(function: Callable[[], T], start: Callable[[Call], None]) -> T:
    """Wait for a function that is called in a thread, unless this is cancelled before the call begins."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(outcome: Call) -> None:
        if not done.done():  # whoever waited was cancelled
            outcome()

    def call() -> None:
        if done.cancelled():
            return
        try:
            outcome = partial(done.set_result, function())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is for the one who waits
            outcome = partial(done.set_exception, _raisable(error))
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(settle, outcome)

    start(call)
    return await done


def _raisable(error: BaseException) -> Exception:
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    # SystemExit, say, would end the event loop, and no future accepts StopIteration
    return RuntimeError(f"a function called in a thread raised {type(error).__name__}")
