"""Questions to the person at the terminal. A signal interrupts them at once."""

import asyncio
import os
import sys
import threading
from contextlib import suppress
from typing import Final

from boooply.cli.exit_codes import WRONG_INPUT
from boooply.cli.terminal import console
from boooply.errors import ConfigurationError

_YES: Final = frozenset({"y", "yes"})
_LONGEST_LINE: Final = 1024


def can_be_asked() -> bool:
    """Return whether a person can see a question and type a response."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def check_can_ask(effect: str, *, yes: bool) -> None:
    """Check that a command can ask before it continues, unless ``--yes`` makes the question unnecessary.

    Raises:
        ConfigurationError: There is no terminal.
    """
    if not yes and not can_be_asked():
        raise ConfigurationError(f"{effect}. To confirm it without a terminal, add --yes")


async def is_confirmed(question: str) -> bool:
    """Ask a question on standard error, and return whether the response is yes."""
    console(stderr=True).print(f"{question} [y/N] ", end="", soft_wrap=True)
    return await is_yes(asyncio.Event())


def declined() -> int:
    """Print that nothing was changed, and return the exit code."""
    console(stderr=True).print("Nothing was changed.")
    return WRONG_INPUT


async def is_yes(stop: asyncio.Event) -> bool:
    """Return whether the next line that is typed is yes, or False if ``stop`` is set first."""
    return (await _line_typed(stop)).strip().lower() in _YES


async def _line_typed(stop: asyncio.Event) -> str:
    """Return the next line that is typed, or an empty text if ``stop`` is set first."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[str] = loop.create_future()

    def put(line: str) -> None:
        if not typed.done():
            typed.set_result(line)

    def read() -> None:
        line = b""
        with suppress(OSError):  # such as a terminal that another program left non-blocking
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
