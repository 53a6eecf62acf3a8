"""Steps that run to completion, whatever becomes of their caller, and calls that follow another step."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def run_to_completion(awaitable: Awaitable[T]) -> T:
    """Finish a step even when its caller is cancelled, then re-raise the cancellation."""
    task = asyncio.ensure_future(awaitable)
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:  # repeatedly, if a cancel scope of anyio is behind it
            cancellation = error
    if cancellation is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # looked at: asyncio would log it
    try:
        raise cancellation  # the original: anyio recognizes its own
    finally:
        del cancellation  # it leads to this frame


async def call_after(awaitable: Awaitable[object], function: Callable[[], object]) -> None:
    """Call a function once something else has ended."""
    await awaitable
    function()
