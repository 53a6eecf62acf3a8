"""The output of ``boooply provision``: its plan, progress and summary."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from boooply.cli.preflight import Preflight
from boooply.cli.summary import Summary
from boooply.cli.terminal import count_of, inset, printable
from boooply.store import State

_MINUTE: Final = 60
_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", _MINUTE))

# In the order of the plan, each with what this run does about it.
_PLANNED: Final[tuple[tuple[str, tuple[State | None, ...], str], ...]] = (
    ("new", (None, State.TODO), ""),
    ("failed before", (State.FAILED,), "tried again"),
    ("connected", (State.DONE,), "left as they are"),
    ("in doubt", (State.IN_DOUBT,), "left as they are"),
    ("with another run", (State.SENT,), "waited for"),
)
_REMINTED: Final = "minted again"
_DOUBT: Final = (
    "It is unknown whether these have a key at Boooply: a request went out, and no clear response came. "
    "--remint-in-doubt, added to the same command, mints them again. If the first key exists after all, it stays "
    "active and nobody has it: revoke it in the Boooply dashboard."
)
_CHANGED: Final = (
    "Connected before, with other data than the file has now. The new data was not sent: Boooply has no call for it."
)
_INTERVALS: Final = {True: 0.5, False: 10.0}  # seconds between two updates, by whether there is a terminal
_BAR_WIDTH: Final = 10

Progressed = Callable[[], tuple[int, str]]
"""Returns how many customers are done, and the line that describes the progress."""

# ---- the plan


def plan(source: Path, found: Preflight, limit: int, seconds: float, *, remint: bool) -> RenderableType:
    """Describe what a run over this file does, and how long it takes at least."""
    table = _table()
    for label, states, action in _PLANNED:
        count = sum(found.states[state] for state in states)
        reminted = remint and State.IN_DOUBT in states
        if count:
            table.add_row(label, f"{count:,}", _REMINTED if reminted else action)
    return Group(
        Text(f"{count_of(found.total, 'customer')} in {printable(str(source))}\n", style="bold", overflow="fold"),
        inset(table),
        Text(f"\n{_work(found.to_mint(remint=remint), limit, seconds)}"),
    )


def _work(count: int, limit: int, seconds: float) -> str:
    if not count:
        return "Nobody is left to connect."
    time = f"{duration(seconds)} at {limit:,} a minute" if seconds else "at once"
    return f"{count_of(count, 'customer')} to connect: {time}."


# ---- progress


def progress_line(found: Summary, total: int, rate: float, seconds: float) -> str:
    """Describe the progress of a run in one short line."""
    return (
        f"{found.done:,}/{total:,} done, {rate:,.0f} a minute, {duration(seconds)} left, "
        f"{len(found.in_doubt):,} in doubt, {len(found.failed):,} failed"
    )


def stopping(count: int | None) -> str:
    """Describe what a stopping run still waits for; ``count`` is None if it cannot be counted."""
    if count == 0:
        return "Stopping: no request is under way."
    requests = "the requests" if count is None else count_of(count, "request")
    return f"Stopping after {requests} under way. A second signal gives up at once and leaves customers in doubt."


def summary(found: Summary, seconds: float) -> RenderableType:
    """Describe the outcomes of a run."""
    table = _table()
    counts = found.counts
    for label, count in (
        ("connected before", counts["already_connected"] - counts["repeated"]),
        ("met twice", counts["repeated"]),
        ("in doubt", counts["in_doubt"]),
        ("failed", counts["failed"]),
    ):
        if count:
            table.add_row(label, f"{count:,}", "")
    parts: list[RenderableType] = [
        Text.assemble(
            (f"\nConnected {count_of(counts['connected'], 'customer')}", "bold green"), f" in {duration(seconds)}."
        )
    ]
    if table.row_count:
        parts.append(Padding(table, (1, 0, 0, 3), expand=False))
    parts += _changed(found)
    parts += _listed("In doubt", found.in_doubt, _DOUBT)
    parts += _listed("Failed", found.failed, "The same command tries these again.")
    if found.orphans:
        parts.append(Text(f"\n{_orphans(found.orphans)}"))
    return Group(*parts)


def _changed(found: Summary) -> list[RenderableType]:
    if not found.changed:
        return []
    ids: list[RenderableType] = [Text(printable(one), overflow="fold") for one in found.changed]
    others = found.counts["changed"] - len(ids)
    more = [Text(f"… and {others:,} more", style="dim")] if others else []
    return [Text("\nWith other data\n", style="bold"), Text(_CHANGED), inset(Group(Text(), *ids, *more))]


def _listed(title: str, rows: Sequence[tuple[str, str]], advice: str) -> list[RenderableType]:
    if not rows:
        return []
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold", max_width=30)
    table.add_column(overflow="fold")
    for organization_id, reason in rows:
        table.add_row(printable(organization_id), printable(reason))
    return [Text(f"\n{title}\n", style="bold"), Text(advice), inset(Group(Text(), table))]


def _orphans(count: int) -> str:
    them = "it" if count == 1 else "them"
    return (
        f"{count_of(count, 'key')} of these customers may be active at Boooply although nobody has {them}: check the "
        "Boooply dashboard."
    )


def unfinished(left: int) -> RenderableType:
    """Describe how to continue a run that was stopped."""
    return Text(f"\nStopped; {count_of(left, 'customer')} left. Run the same command again to continue.")


def rescued(count: int, path: Path) -> str:
    """State where the keys are that could not be stored."""
    them = "it" if count == 1 else "them"
    return (
        f"{count_of(count, 'key')} could not be stored. {path} contains {them}, encrypted with the store's encryption "
        f"key. Once the store works: boooply store restore {path.name}"
    )


def not_rescued(count: int) -> str:
    """State where the keys are that could be neither stored nor written to a file."""
    line, them = ("line", "it") if count == 1 else ("lines", "them")
    return (
        f"{count_of(count, 'key')} could not be stored, nor written to a file. Keep the {line} below, encrypted with "
        f"the store's encryption key; once the store works, put {them} into a file for: boooply store restore FILE"
    )


def duration(seconds: float) -> str:
    """Write a duration in its two largest units."""
    rest = round(seconds)
    if rest < _MINUTE:
        return f"{rest} s" if rest or not seconds else "under a second"
    parts: list[str] = []
    for unit, size in _UNITS:
        number, rest = divmod(rest, size)
        if number or parts:
            parts.append(f"{number} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))


def _table() -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    return table


class Meter:
    """A display of the progress, updated until its block ends: a bar in a terminal, else a line now and then."""

    def __init__(self, out: Console, total: int, progressed: Progressed) -> None:
        self._out = out
        self._progressed = progressed
        columns = (BarColumn(_BAR_WIDTH), TextColumn("{task.description}", markup=False))
        self._bar = Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
        self._task = self._bar.add_task("", total=total)
        self._updating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._bar.start()
        self._updating = asyncio.create_task(self._update())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._updating is not None:
            self._updating.cancel()
        self.close()

    def close(self) -> None:
        """Restore the terminal."""
        self._bar.stop()

    async def _update(self) -> None:
        while True:
            done, line = self._progressed()
            if self._out.is_terminal:
                self._bar.update(self._task, completed=done, description=line)
            elif done:
                self._out.print(Text(line))
            await asyncio.sleep(_INTERVALS[self._out.is_terminal])
