"""The output of ``boooply provision``: its plan, progress and summary."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table
from rich.text import Text

from boooply.cli.preflight import Preflight
from boooply.cli.summary import Summary
from boooply.cli.terminal import and_more, count_of, inset, printable
from boooply.store import State

_MINUTE: Final = 60
_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", _MINUTE))

# In the order of the plan: each state, its name in JSON, its label, and what this run does with it.
_PLANNED: Final = (
    (State.TODO, "new", "new", ""),
    (State.FAILED, "failed", "failed before", "retried"),
    (State.DONE, "connected", "connected", "skipped"),
    (State.IN_DOUBT, "in_doubt", "in doubt", "skipped"),
    (State.SENT, "under_way", "with another run", "waits for it"),
)
_DOUBT: Final = (
    "These customers may or may not have a key at Boooply: a request was sent, and no clear response came. To mint new "
    "keys for them, {}. If a first key exists, it stays valid and is lost: revoke it in the Boooply dashboard."
)
PROVISION_ADVICE: Final = {
    "in_doubt": _DOUBT.format("run the command again with --remint-in-doubt"),
    "failed": "To retry these customers, run the same command again.",
}
WORKER_ADVICE: Final = {
    "in_doubt": _DOUBT.format("run boooply enqueue again, and then boooply worker --remint-in-doubt"),
    "failed": "To retry these customers, run: boooply queue retry --all",
}
"""What to do about the customers that a summary lists, by the outcome's name."""
_CHANGED: Final = (
    "These customers were connected before, and their data in the file has changed since. The new data was not sent, "
    "since the API cannot change it."
)
_LISTED: Final = (("in_doubt", "In doubt"), ("failed", "Failed"))
_INTERVALS: Final = {True: 0.5, False: 60.0}  # seconds between two updates, by whether there is a terminal
_BAR_WIDTH: Final = 10

Progressed = Callable[[], Awaitable[tuple[int, int, str]]]
"""Returns how many customers are done, out of how many, and the line that describes the progress."""

# ---- the plan


def plan(source: Path, found: Preflight, limit: int, seconds: float, *, remint: bool) -> RenderableType:
    """Describe what a run over this file does, and its minimum duration."""
    rows = (
        (label, found.states[state], "minted again" if remint and state is State.IN_DOUBT else action)
        for state, _, label, action in _PLANNED
    )
    total = count_of(found.states.total(), "customer")
    return Group(
        Text(f"{total} in {printable(str(source))}\n", style="bold", overflow="fold"),
        inset(_table(rows)),
        Text(f"\n{_work(found.to_mint(remint=remint), limit, seconds)}"),
    )


def plan_as_json(found: Preflight, seconds: float, *, remint: bool) -> str:
    """Write the plan as one line of JSON."""
    counts = {name: found.states[state] for state, name, _, _ in _PLANNED}
    work = {"to_connect": found.to_mint(remint=remint), "seconds": seconds}
    return json.dumps({"plan": {"total": found.states.total(), **counts, **work}})


def _work(count: int, limit: int, seconds: float) -> str:
    if not count:
        return "No customers left to connect."
    time = f": about {duration(seconds)} at {limit:,} per minute" if seconds else ""
    return f"{count_of(count, 'customer')} to connect{time}."


# ---- progress


def progress_line(found: Summary, total: int, rate: float, seconds: float) -> str:
    """Describe the progress of a run in one short line."""
    return (
        f"{found.done:,}/{total:,} done, {rate:,.0f} per minute, {duration(seconds)} left, "
        f"{found.counts['in_doubt']:,} in doubt, {found.counts['failed']:,} failed"
    )


def worker_line(found: Summary, queued: int, rate: float) -> str:
    """Describe the progress of a worker in one short line."""
    return (
        f"{found.done:,} done, {rate:,.0f} per minute, {queued:,} queued, "
        f"{found.counts['in_doubt']:,} in doubt, {found.counts['failed']:,} failed"
    )


def stopping(count: int | None) -> str:
    """Describe what a stopping run waits for. ``count`` is None if the requests cannot be counted."""
    if count == 0:
        return "Stopping. No request is in progress."
    requests = "the requests" if count is None else count_of(count, "request")
    return f"Stopping after {requests} in progress. A second signal stops at once and leaves customers in doubt."


def summary(found: Summary, seconds: float, advice: Mapping[str, str]) -> RenderableType:
    """Describe the outcomes of a run."""
    counts = found.counts
    table = _table(
        (
            ("connected before", counts["already_connected"] - counts["repeated"], ""),
            ("repeated in the file", counts["repeated"], ""),
            ("in doubt", counts["in_doubt"], ""),
            ("failed", counts["failed"], ""),
        )
    )
    connected = (f"\nConnected {count_of(counts['connected'], 'customer')}", "bold green")
    parts: list[RenderableType] = [Text.assemble(connected, f" in {duration(seconds)}.")]
    if table.row_count:
        parts += [Text(), inset(table)]
    if found.changed:
        rows = [Text(printable(one), overflow="fold") for one in found.changed]
        rows += and_more(counts["changed"] - len(rows))
        parts += _section("Changed data", _CHANGED, Group(*rows))
    for name, title in _LISTED:
        if name in found.listed:
            listed = found.listed[name]
            parts += _section(title, advice[name], Group(_reasons(listed), *and_more(counts[name] - len(listed))))
    if found.orphans:
        them = "it" if found.orphans == 1 else "them"
        parts.append(
            Text(
                f"\n{count_of(found.orphans, 'lost key')} of these customers may be valid at Boooply: check the "
                f"Boooply dashboard, and revoke {them}."
            )
        )
    return Group(*parts)


def _reasons(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(Column(overflow="fold", max_width=30), Column(overflow="fold"), padding=(0, 2, 0, 0))
    for organization_id, reason in rows:
        table.add_row(printable(organization_id), printable(reason))
    return table


def _section(title: str, advice: str, content: RenderableType) -> list[RenderableType]:
    return [Text(f"\n{title}\n", style="bold"), Text(advice), Text(), inset(content)]


def unfinished(left: int) -> str:
    """Describe how to continue a run that was stopped."""
    return f"\nStopped with {count_of(left, 'customer')} left. To continue, run the same command again."


def not_stored(count: int, reason: str, path: Path | None) -> str:
    """State why keys could not be stored, and whether they are in a file or on standard error."""
    them = "it" if count == 1 else "them"
    problem = f"{count_of(count, 'key')} could not be stored ({reason})"
    if path is not None:
        return (
            f"{problem}. {path} contains {them}, encrypted with the store's encryption key. When the store works "
            f"again, run: boooply store restore {path.name if path.parent == Path.cwd() else path}"
        )
    return (
        f"{problem}, and could not be written to a file. Copy the {'line' if count == 1 else 'lines'} below, which "
        "the store's encryption key encrypts, into a file. When the store works again, run: boooply store restore FILE"
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


def _table(rows: Iterable[tuple[str, int, str]]) -> Table:
    columns = Column(no_wrap=True), Column(justify="right", no_wrap=True), Column(style="dim")
    table = Table.grid(*columns, padding=(0, 3, 0, 0))
    for label, count, action in rows:
        if count:
            table.add_row(label, f"{count:,}", action)
    return table


def progress_bar(out: Console) -> Progress:
    """Create a progress bar for a terminal. In a pipe or file it prints nothing."""
    columns = (BarColumn(_BAR_WIDTH), TextColumn("{task.description}", markup=False))
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


@asynccontextmanager
async def updated(bar: Progress, progressed: Progressed) -> AsyncGenerator[None]:
    """Show the progress until the block ends: a bar in a terminal, elsewhere a line per minute if there was any."""
    task = bar.add_task("", total=None)

    async def update() -> None:
        shown = 0
        while True:
            done, total, line = await progressed()
            if not bar.disable:
                bar.update(task, completed=done, total=total, description=line)
            elif done != shown:
                await asyncio.to_thread(bar.console.print, line)  # signals arrive although nobody reads it
            shown = done
            await asyncio.sleep(_INTERVALS[not bar.disable])

    with bar:
        updating = asyncio.create_task(update())
        try:
            yield
        finally:
            updating.cancel()
