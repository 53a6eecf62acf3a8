"""Plain functions, run for an event loop in daemon threads, which do not delay the interpreter's exit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Final, NoReturn, TypeVar

T = TypeVar("T")

_GLANCE: Final = 0.1  # seconds


async def in_thread(function: Callable[..., T], /, *args: object) -> T:
    """Call a plain function in a thread of its own, in a copy of the context."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Callable[[], T]] = loop.create_future()

    def settle(outcome: Callable[[], T]) -> None:
        if not done.done():  # whoever waited was cancelled
            done.set_result(outcome)

    def work() -> None:
        try:
            outcome: Callable[[], T] = partial(_return, function(*args))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for the one who waits
            outcome = partial(_raise, error)
        except BaseException as error:  # noqa: BLE001 - SystemExit, say, would end the event loop
            outcome = partial(_raise, RuntimeError(f"a function called in a thread raised {type(error).__name__}"))
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=copy_context().run, args=(work,), name="boooply-call", daemon=True).start()
    return (await done)()


def _return(value: T) -> T:
    return value


def _raise(error: BaseException) -> NoReturn:
    raise error


async def is_set(stop: threading.Event | None, /) -> None:
    """Wait until the event of a thread is set."""
    while stop is None or not stop.is_set():  # noqa: ASYNC110 - the event of a thread cannot be awaited
        await asyncio.sleep(_GLANCE)
