"""Daemon threads that call plain functions for an event loop.

An executor is no alternative: when the interpreter exits, it waits for the threads of an executor, however long they
run.
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
    """Call a plain function in its own thread, in a copy of the context."""

    def start(call: Call) -> None:
        threading.Thread(target=copy_context().run, args=(call,), name="boooply-call", daemon=True).start()

    return await _called(partial(function, *args), start)


async def is_set(event: threading.Event | None, /) -> None:
    """Wait until a thread's event is set. None is never set."""
    while event is None or not event.is_set():  # noqa: ASYNC110 - a thread's event cannot be awaited
        await asyncio.sleep(_GLANCE)


async def run_until(stop: threading.Event | None, work: Coroutine[Any, Any, None], /) -> None:
    """Run some work, and cancel it when a thread's event is set. None is never set."""
    tasks = working, _ = asyncio.create_task(work), asyncio.create_task(is_set(stop))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait({working})
    if not working.cancelled():
        working.result()  # raises the error of the work


class Threads:
    """Threads that take calls from one queue, for any number of event loops."""

    def __init__(self, count: int) -> None:
        self._queue: SimpleQueue[Call | None] = SimpleQueue()
        self._is_closed = False
        self._mutex = threading.Lock()  # prevents queueing a call after the end
        self._running = count
        self._at_end: list[Callable[[], None]] = []
        self._threads = [threading.Thread(target=self._work, name="boooply-store", daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread. If the caller is cancelled before the call begins, the call is not made.

        Raises:
            StoreError: These threads are closed.
        """
        return await _called(function, self._enqueue)

    def close(self, last: Call | None = None) -> None:
        """Accept no more calls, and end after the queued calls and ``last``."""
        with self._mutex:
            self._is_closed = True
            if last is not None:
                self._queue.put(last)
            for _ in self._threads:
                self._queue.put(None)

    async def ended(self) -> None:
        """Wait until the closed threads have ended."""
        # An event, not polling, because a test may freeze the clock. And not a thread, because none can start while the
        # interpreter shuts down.
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def report() -> None:
            with suppress(RuntimeError):  # the loop is closed, and no one waits
                loop.call_soon_threadsafe(ended.set)

        with self._mutex:
            self._at_end.append(report)
            if not self._running:
                report()
        await ended.wait()
        for thread in self._threads:
            thread.join()  # without delay, because its work is done

    def _enqueue(self, call: Call) -> None:
        with self._mutex:
            if self._is_closed:
                raise StoreError("the store is closed", is_permanent=True)
            self._queue.put(call)

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            call()
            del call  # it may refer to keys, and the next call may come much later
        with self._mutex:
            self._running -= 1
            if not self._running:
                for report in self._at_end:
                    report()


async def _called(function: Callable[[], T], start: Callable[[Call], None]) -> T:
    """Wait for a function that is called in a thread. A cancellation before the call begins prevents the call."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(outcome: Call) -> None:
        if not done.done():  # otherwise the caller was cancelled
            outcome()

    def call() -> None:
        if done.cancelled():
            return
        try:
            outcome = partial(done.set_result, function())
        except BaseException as error:  # noqa: BLE001 - the caller gets any error
            outcome = partial(done.set_exception, _raisable(error))
        with suppress(RuntimeError):  # the loop is closed, and no one waits
            loop.call_soon_threadsafe(settle, outcome)

    start(call)
    return await done


def _raisable(error: BaseException) -> Exception:
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    # SystemExit, for example, would end the event loop, and no future accepts StopIteration
    return RuntimeError(f"a function called in a thread raised {type(error).__name__}")
