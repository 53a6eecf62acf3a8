"""A question to the person at the terminal, which a signal interrupts at once."""

import asyncio
import os
import sys
import threading
from contextlib import suppress
from typing import Final

_YES: Final = frozenset({"y", "yes"})
_LONGEST_LINE: Final = 1024


def can_be_asked() -> bool:
    """Return whether somebody can see a question and type a response."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


async def is_yes(stop: asyncio.Event) -> bool:
    """Return whether the next line that is typed is yes; if ``stop`` is set first, it is not."""
    return (await _line_typed(stop)).strip().lower() in _YES


async def _line_typed(stop: asyncio.Event) -> str:
    """Return the next line that is typed, or nothing if ``stop`` is set first."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[str] = loop.create_future()

    def put(line: str) -> None:
        if not typed.done():
            typed.set_result(line)

    def read() -> None:
        line = os.read(sys.stdin.fileno(), _LONGEST_LINE)  # a thread that waits in `input` has a lock, even at exit
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(put, line.decode(errors="replace"))

    threading.Thread(target=read, daemon=True).start()
    stopping = asyncio.create_task(stop.wait())
    stopping.add_done_callback(lambda _: put(""))
    try:
        return await typed
    finally:
        stopping.cancel()
