"""Steps that run to completion even if their caller is cancelled, and calls that follow another step."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def run_to_completion(awaitable: Awaitable[T]) -> T:
    """Finish a step even if its caller is cancelled, then raise the cancellation again."""
    task = asyncio.ensure_future(awaitable)
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:  # repeatedly, if it comes from a cancel scope of anyio
            cancellation = error
    if cancellation is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # retrieved, so that asyncio does not log it
    try:
        raise cancellation  # the original: anyio recognizes its own
    finally:
        del cancellation  # it refers to this frame


async def call_after(awaitable: Awaitable[object], function: Callable[[], object]) -> None:
    """Call a function after an awaitable has finished."""
    await awaitable
    function()
