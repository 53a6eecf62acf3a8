"""What Ctrl-C and SIGTERM do to a command that has to come to a good end."""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def listening(on_signal: Callable[[], None]) -> Generator[None]:
    """Call it on each of the two signals, in the place of what they do otherwise."""
    loop = asyncio.get_running_loop()
    taken: list[signal.Signals] = []
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            continue  # a shell lets its background jobs ignore Ctrl-C, and it stays so
        with suppress(NotImplementedError):  # Windows has no signals on its loop: Ctrl-C cancels the command
            loop.add_signal_handler(number, on_signal)
            taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
