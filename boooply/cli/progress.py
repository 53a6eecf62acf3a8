"""How far a long run is: a bar in a terminal, a line now and then elsewhere."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

_EVERY: Final = {True: 0.5, False: 10.0}  # seconds from one look to the next, by whether there is a terminal
_BAR: Final = 10

ClaimResult = Callable[[], tuple[int, str]]


class Meter:
    """Show again and again how many are done and what ``standing`` says, until the block ends."""

    def __init__(self, out: Console, total: int, standing: ClaimResult) -> None:
        self._out = out
        self._standing = standing
        columns = (BarColumn(_BAR), TextColumn("{task.description}", markup=False))
        self._bar = Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
        self._task = self._bar.add_task("", total=total)
        self._showing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._bar.start()
        self._showing = asyncio.create_task(self._show())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._showing is not None:
            self._showing.cancel()
        self.close()

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()

    async def _show(self) -> None:
        while True:
            done, said = self._standing()
            if self._out.is_terminal:
                self._bar.update(self._task, completed=done, description=said)
            elif done:
                self._out.print(Text(said))
            await asyncio.sleep(_EVERY[self._out.is_terminal])
