"""The event loop of a blocking object, in a daemon thread.

One rule prevents deadlocks: a caller never owns or waits for a lock that the thread of the loop takes. So a signal
handler or a finalizer may interrupt a caller at any point and make a blocking call.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from math import inf
from typing import Final, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from boooply.errors import ConfigurationError
from boooply.transport import CLOSED

R = TypeVar("R")
Item = TypeVar("Item")

Close = Callable[[], Awaitable[object]]

_SLICE: Final = 1.0  # seconds
_AT_EXIT: Final = 2  # slices to wait for an unclosed object when the interpreter exits
_GREEN: Final = ("gevent", "eventlet")
_LOOP: Final = "loop"
_ENDED: Final = "the call was cancelled, or its event loop has ended"

_loop_threads: Final[set[int]] = set()  # the IDs of all threads that run one of our loops


class LoopThread:
    """A daemon thread that runs one event loop until it is stopped.

    Raises:
        Exception: The loop cannot start. The error is the one that occurred in the thread.
    """

    def __init__(self) -> None:
        self.is_over: bool = False
        self.is_stopping: bool = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._portal: BlockingPortal | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._ended: list[queue.SimpleQueue[None]] = []
        self._thread = threading.Thread(target=self._serve, name="boooply", daemon=True)
        self._started: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        try:
            self._thread.start()
            failure = self._wait(self._started)
        except BaseException:
            self.stop(slices=0)
            raise
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # its traceback contains this frame

    def run(self, function: Callable[[], Awaitable[R]]) -> asyncio.Task[R] | None:
        """Call a function in the loop, wait for its task, and return the task, or None if the loop ends first."""
        tasks: list[asyncio.Task[R]] = []
        done: queue.SimpleQueue[asyncio.Task[R] | None] = queue.SimpleQueue()
        context = copy_context()

        def start() -> None:
            if self.is_stopping:
                done.put(None)
                return
            task = asyncio.get_running_loop().create_task(_call(function), context=context)
            tasks.append(task)
            task.add_done_callback(report)

        def report(task: asyncio.Task[R]) -> None:
            if not task.cancelled():
                task.exception()  # mark it as retrieved, because an interrupted caller does not
            done.put(task)

        def cancel() -> None:
            for task in tasks:
                task.cancel()

        try:
            self._hand_over(start)
            return self._wait(done)
        except queue.Empty:
            return None
        except BaseException:
            self._hand_over(cancel)
            raise

    def stop(self, close: Close | None = None, *, slices: float = inf) -> None:
        """Close the objects of the loop and stop it. Wait for its end, unless the caller is the thread of a loop."""
        if self.is_over:
            return
        self.is_stopping = True
        ended: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._ended.append(ended)
        self._hand_over(partial(self._begin_to_stop, close))
        if threading.get_ident() not in _loop_threads:
            with suppress(queue.Empty):
                self._wait(ended, slices)
                self._thread.join(_SLICE)  # the thread is about to end

    def _hand_over(self, callback: Callable[[], object]) -> None:
        """Schedule a call in the loop, unless the loop has ended."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(callback)

    def _wait(self, source: queue.SimpleQueue[Item], slices: float = inf) -> Item:
        """Wait for an item of a queue that the thread fills.

        The wait is sliced, so that Ctrl-C can interrupt it on Windows (untested) and the end of the thread is noticed.

        Raises:
            queue.Empty: The thread has ended, or the slices are used up.
        """
        while not self.is_over and slices > 0:
            try:
                return source.get(timeout=_SLICE)
            except queue.Empty:
                slices -= 1
        return source.get_nowait()

    def _begin_to_stop(self, close: Close | None) -> None:
        self._stopping = self._stopping or asyncio.create_task(self._shut(close))

    async def _shut(self, close: Close | None) -> None:
        try:
            if close is not None:
                await close()
        finally:
            if self._portal is not None:
                await self._portal.stop()

    async def _run(self) -> None:
        async with BlockingPortal() as self._portal:
            self._loop = asyncio.get_running_loop()
            self._started.put(None)
            if not self.is_stopping:  # the start was interrupted
                await self._portal.sleep_until_stopped()

    def _serve(self) -> None:
        ident = threading.get_ident()
        _loop_threads.add(ident)
        try:
            anyio.run(self._run, backend_options={"loop_factory": _new_loop})
        except BaseException as error:  # noqa: BLE001 - the caller receives every error
            self._started.put(error)
        finally:
            _loop_threads.discard(ident)
            self.is_over = True
            for ended in self._ended:
                ended.put(None)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - an extra

        return uvloop.new_event_loop()
    except Exception:  # noqa: BLE001 - if uvloop is missing or broken, use asyncio's loop
        return asyncio.new_event_loop()


class LoopRunner:
    """A runner of calls in an event loop, from any thread. The loop starts with the first call.

    ``close`` is awaited in the loop before the loop ends.
    """

    def __init__(self, close: Close) -> None:
        self._close = close
        self._threads: dict[str, LoopThread | None] = {}  # None if it was closed before the first call
        _runners.add(self)
        # for objects that are never closed, when they are freed or the interpreter exits
        weakref.finalize(self, _stop, self._threads, close, _AT_EXIT)

    def run(self, function: Callable[[], Awaitable[R]], /) -> R:
        """Call a function in the loop, and return its result. An interrupt cancels the call.

        Raises:
            ConfigurationError: The runner is closed, or gevent or eventlet has replaced Python's threads.
            RuntimeError: The caller is the thread of an event loop, which would wait for itself.
        """
        if threading.get_ident() in _loop_threads:
            raise RuntimeError(
                "a blocking call in the thread of the event loop (from __del__, a weakref callback or a hook) would "
                "wait for itself: call it from another thread"
            )
        thread = self._thread()
        task = thread.run(function)
        if task is None or task.cancelled():
            raise ConfigurationError(CLOSED) if thread.is_stopping else CancelledError(_ENDED)
        try:
            return task.result()
        finally:
            del task  # the traceback of its error contains this frame

    def check_open(self) -> None:
        """Check that the runner is open.

        Raises:
            ConfigurationError: The runner is closed.
        """
        thread = self._threads.get(_LOOP)
        if _LOOP in self._threads and (thread is None or thread.is_stopping):
            raise ConfigurationError(CLOSED)

    def close(self) -> None:
        """Close the objects of the loop, and end its thread."""
        _stop(self._threads, self._close)

    def abandon(self) -> None:
        """Close the objects of the loop, but wait only for a moment, as when the interpreter exits."""
        _stop(self._threads, self._close, _AT_EXIT)
        self._threads[_LOOP] = None

    def forget(self) -> None:
        """Forget a thread that exists only in the parent of a forked process."""
        thread = self._threads.get(_LOOP)
        if thread is not None and not thread.is_over:
            thread.is_over = True
            if not thread.is_stopping:
                self._threads.clear()

    def _thread(self) -> LoopThread:
        thread = self._threads.get(_LOOP)
        if thread is None and _LOOP not in self._threads:
            _refuse_green_threads()
            started = LoopThread()
            thread = self._threads.setdefault(_LOOP, started)
            if thread is not started:  # another caller was faster
                started.stop()
        if thread is None or thread.is_stopping:
            raise ConfigurationError(CLOSED)
        return thread


async def _call(function: Callable[[], Awaitable[R]]) -> R:
    return await function()


def _stop(threads: dict[str, LoopThread | None], close: Close, slices: float = inf) -> None:
    thread = threads.setdefault(_LOOP, None)
    if thread is not None:
        thread.stop(close, slices=slices)


def _refuse_green_threads() -> None:
    for patched in (threading.Lock, queue.SimpleQueue):
        library = patched.__module__.partition(".")[0]
        if library in _GREEN:
            raise ConfigurationError(
                f"{library} has replaced Python's threads, which blocking calls need: use threads instead (gunicorn: "
                "--worker-class gthread)"
            )


_runners: Final = weakref.WeakSet[LoopRunner]()


def _forget_all() -> None:
    _loop_threads.clear()
    for runner in list(_runners):
        runner.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
