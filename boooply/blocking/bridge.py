"""Blocking calls run in one event loop, in a daemon thread of its own: one a pool, shared by all its clients.

A daemon thread does not hold up the interpreter's exit, and a portal that is opened anew in a forked child, where the
thread is gone, does not hang there.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from contextvars import copy_context
from functools import update_wrapper
from importlib.util import find_spec
from typing import Any, Concatenate, Final, Generic, ParamSpec, Self, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from boooply.errors import ConfigurationError
from boooply.transport import CLOSED, Pool

A_co = TypeVar("A_co", covariant=True)  # the twin of a client is one of a connection too
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_AT_EXIT: Final = 2.0  # seconds that an unclosed pool may take to close when the interpreter ends


class _Call(Generic[R]):
    """A coroutine on its way through a loop, for one thread that sleeps on a bare lock until it is done.

    The future of ``asyncio.run_coroutine_threadsafe`` does so with a condition, and takes twice as long.
    """

    def __init__(self, events: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, R]) -> None:
        self._events = events
        self._coroutine = coroutine
        self._context = copy_context()
        self._task: asyncio.Task[R] | None = None
        self._running = threading.Lock()
        self._running.acquire()

    def start(self) -> None:
        """Start it, in the loop."""
        self._task = self._events.create_task(self._coroutine, context=self._context)
        self._task.add_done_callback(self._wake)

    def _wake(self, task: asyncio.Task[R]) -> None:
        if not task.cancelled():
            task.exception()  # seen, even where the one who waited for it was interrupted
        self._running.release()

    def result(self) -> R:
        """Sleep until it is done, and give what it came to.

        Raises:
            CancelledError: It was cancelled: its loop ends.
        """
        self._running.acquire()
        task, self._task = self._task, None
        if task is None or task.cancelled():
            raise CancelledError
        try:
            return task.result()
        finally:
            del task  # it holds what is raised, which leads to this frame

    def cancel(self) -> None:
        """Cancel it, from any thread."""
        with suppress(RuntimeError):  # the loop has ended, and it with it
            self._events.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class _Loop:
    """The running portal of one bridge, apart from it so that the bridge can be forgotten while its loop runs."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.thread: threading.Thread | None = None
        self.portal: BlockingPortal | None = None
        self.events: asyncio.AbstractEventLoop | None = None
        self.handed_over: list[_Call[Any]] = []
        self.closed = False
        self.lock = threading.Lock()

    def submit(self, function: Callable[..., Coroutine[Any, Any, R]], *args: Any, **kwargs: Any) -> _Call[R]:
        """Hand a coroutine over to the loop, which starts with the first.

        It is done under the lock: what was handed over before ``stop`` is cancelled by it, and nothing comes after.
        """
        with self.lock:
            if self.closed:
                raise ConfigurationError(CLOSED)
            if self.events is None:
                ready: Future[tuple[BlockingPortal, asyncio.AbstractEventLoop]] = Future()
                self.thread = threading.Thread(target=_serve, args=(ready,), name="boooply", daemon=True)
                self.thread.start()
                self.portal, self.events = ready.result()
            # one hop on the portal's own loop: through the portal itself a call takes twice as long there and back
            call = _Call(self.events, function(*args, **kwargs))
            if not self.handed_over:  # otherwise the loop has been woken already, and has not come to it yet
                self.events.call_soon_threadsafe(self.start_all)
            self.handed_over.append(call)
            return call

    def start_all(self) -> None:
        """Start what has been handed over, in the loop."""
        empty: list[_Call[Any]] = []  # made before the lock is taken: making it may close a client that nobody holds
        with self.lock:
            calls, self.handed_over = self.handed_over, empty
        for call in calls:
            call.start()

    def stop(self, timeout: float | None = _AT_EXIT) -> None:
        """Close the pool where it lives, then end the thread; called from that thread it does not wait for itself."""
        with self.lock:
            self.closed = True
            portal, thread = self.portal, self.thread
            self.portal = self.thread = self.events = None
        if portal is None or thread is None:
            return
        portal.start_task_soon(_shut, self.pool, portal)
        if thread is not threading.current_thread():
            thread.join(timeout)

    def forget(self) -> None:
        """Drop what a fork left behind: the thread does not exist in the child, and the lock may be held for ever."""
        self.lock = threading.Lock()
        self.portal = self.thread = self.events = None
        self.handed_over = []


def _serve(ready: Future[tuple[BlockingPortal, asyncio.AbstractEventLoop]]) -> None:
    async def run() -> None:
        async with BlockingPortal() as portal:
            ready.set_result((portal, asyncio.get_running_loop()))
            await portal.sleep_until_stopped()

    # of the extra speed: a tenth of a call; the loop is ours, so nothing of the program's depends on its kind
    anyio.run(run, backend_options={"use_uvloop": find_spec("uvloop") is not None})


async def _shut(pool: Pool, portal: BlockingPortal) -> None:
    await pool.close()
    await portal.stop(cancel_remaining=True)


_loops: Final = weakref.WeakSet[_Loop]()


def _forget_all() -> None:
    for loop in list(_loops):
        loop.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


class Bridge:
    """Run coroutines to their end from any thread; the loop starts with the first."""

    def __init__(self, pool: Pool) -> None:
        self._loop = _Loop(pool)
        _loops.add(self._loop)
        # a client that is dropped without close(), and one that lives until the interpreter ends
        self._finalizer = weakref.finalize(self, self._loop.stop)

    def run(self, function: Callable[..., Coroutine[Any, Any, R]], *args: Any, **kwargs: Any) -> R:
        """Run one coroutine and wait for it; an interrupt while waiting cancels it."""
        future = self._loop.submit(function, *args, **kwargs)
        try:
            return future.result()
        except CancelledError:
            if not self._loop.closed:
                raise
        except BaseException:
            future.cancel()
            raise
        raise ConfigurationError(CLOSED)

    def close(self) -> None:
        """Close the pool and end the thread."""
        self._loop.stop(None)


class Twin(Generic[A_co]):
    """Hold an async object and the bridge to it; the lines of its subclasses each run one method of that object."""

    def __init__(self, bridge: Bridge, original: A_co, /) -> None:
        self._bridge = bridge
        self._original = original

    @classmethod
    def over(cls, bridge: Bridge, original: A_co, /) -> Self:  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]  # a constructor, as __init__
        """Make one over a bridge that somebody else opened, and closes."""
        twin = cls.__new__(cls)
        twin._bridge, twin._original = bridge, original  # noqa: SLF001 - its own class: the linter knows only `cls()`
        return twin

    @staticmethod
    def of(method: Callable[Concatenate[T, P], Coroutine[Any, Any, R]], /) -> Callable[Concatenate[Twin[T], P], R]:
        """Make the twin of a coroutine method: same name, signature and docstring."""

        def call(twin: Twin[T], /, *args: P.args, **kwargs: P.kwargs) -> R:
            return twin._bridge.run(method, twin._original, *args, **kwargs)

        return update_wrapper(call, method)

    @staticmethod
    def iterating(
        method: Callable[Concatenate[T, P], AsyncIterator[R]], /
    ) -> Callable[Concatenate[Twin[T], P], Iterator[R]]:
        """Make the twin of an async generator method: items are fetched as they are asked for."""

        def call(twin: Twin[T], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
            source = method(twin._original, *args, **kwargs)
            end: Any = object()

            async def following() -> R:
                return await anext(source, end)

            while (item := twin._bridge.run(following)) is not end:
                yield item

        return update_wrapper(call, method)
