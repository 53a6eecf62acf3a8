"""What ``boooply provision`` says: pure, from counts to lines and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from boooply.cli.preflight import Preflight
from boooply.cli.summary import Summary
from boooply.cli.terminal import printable
from boooply.store import State

_INDENT: Final = (0, 0, 0, 3)
_MINUTE: Final = 60
_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", _MINUTE))

# As the plan lists them, each with what this run does about it.
_PLANNED: Final[tuple[tuple[str, tuple[State | None, ...], str], ...]] = (
    ("new", (None, State.TODO), ""),
    ("failed before", (State.FAILED,), "tried again"),
    ("connected", (State.DONE,), "left as they are"),
    ("in doubt", (State.IN_DOUBT,), "left as they are"),
    ("with another run", (State.SENT,), "waited for"),
)
_REMINTED: Final = "minted again"
_DOUBT: Final = (
    "Nobody can tell whether these have a key at Boooply: a request went out, and no clear answer came. "
    "--remint-in-doubt, added to the same command, mints them again. Where the first key exists after all, it stays "
    "alive and nobody holds it: revoke it in the Boooply dashboard."
)
_CHANGED: Final = (
    "Connected before, with other data than the file gives now. The new data was not sent: Boooply has no call for it."
)


def plan(source: Path, found: Preflight, limit: int, seconds: float, *, remint: bool) -> RenderableType:
    """Say what a run over this file does, and how long it takes at least."""
    table = _table()
    for label, states, what in _PLANNED:
        count = sum(found.states[state] for state in states)
        reminted = remint and State.IN_DOUBT in states
        if count:
            table.add_row(label, f"{count:,}", _REMINTED if reminted else what)
    return Group(
        Text(f"{customers(found.total)} in {printable(str(source))}\n", style="bold", overflow="fold"),
        _inset(table),
        Text(f"\n{_work(found.to_mint(remint=remint), limit, seconds)}"),
    )


def _work(count: int, limit: int, seconds: float) -> str:
    if not count:
        return "Nobody is left to connect."
    time = f"{duration(seconds)} at {limit:,} a minute" if seconds else "at once"
    return f"{customers(count)} to connect: {time}."


def standing(tally: Summary, total: int, rate: float, seconds: float) -> str:
    """Say in one short line where a run stands."""
    return (
        f"{tally.done:,}/{total:,} done, {rate:,.0f} a minute, {duration(seconds)} left, "
        f"{len(tally.in_doubt):,} in doubt, {len(tally.failed):,} failed"
    )


def stopping(count: int | None) -> str:
    """Say what a run that was told to stop still waits for; None is where nobody can count it."""
    if count == 0:
        return "Stopping: no request is under way."
    if count == 1:
        under_way = "1 request under way comes to its end"
    else:
        under_way = f"{'' if count is None else f'{count:,} '}requests under way come to their end"
    return f"Stopping: {under_way}. Once more gives them up, which leaves doubts."


def summary(tally: Summary, seconds: float) -> RenderableType:
    """Say what has become of everybody."""
    table = _table()
    counts = tally.counts
    for label, count in (
        ("connected before", counts["already_connected"] - counts["repeated"]),
        ("met twice", counts["repeated"]),
        ("in doubt", counts["in_doubt"]),
        ("failed", counts["failed"]),
    ):
        if count:
            table.add_row(label, f"{count:,}", "")
    parts: list[RenderableType] = [
        Text.assemble((f"\nConnected {customers(counts['connected'])}", "bold green"), f" in {duration(seconds)}.")
    ]
    if table.row_count:
        parts.append(Padding(table, (1, 0, 0, 3), expand=False))
    parts += _changed(tally)
    parts += _listed("In doubt", tally.in_doubt, _DOUBT)
    parts += _listed("Failed", tally.failed, "The same command tries these again.")
    if tally.orphans:
        parts.append(Text(f"\n{_orphans(tally.orphans)}"))
    return Group(*parts)


def _changed(tally: Summary) -> list[RenderableType]:
    if not tally.changed:
        return []
    ids: list[RenderableType] = [Text(printable(one), overflow="fold") for one in tally.changed]
    others = tally.counts["changed"] - len(ids)
    more = [Text(f"… and {others:,} more", style="dim")] if others else []
    return [Text("\nWith other data\n", style="bold"), Text(_CHANGED), _inset(Group(Text(), *ids, *more))]


def _listed(title: str, rows: Sequence[tuple[str, str]], what_to_do: str) -> list[RenderableType]:
    if not rows:
        return []
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold", max_width=30)
    table.add_column(overflow="fold")
    for identity, reason in rows:
        table.add_row(printable(identity), printable(reason))
    return [Text(f"\n{title}\n", style="bold"), Text(what_to_do), _inset(Group(Text(), table))]


def _orphans(count: int) -> str:
    keys, them = ("1 key", "it") if count == 1 else (f"{count:,} keys", "them")
    return f"{keys} of these customers may be alive at Boooply without anybody holding {them}: look at the dashboard."


def unfinished(left: int) -> RenderableType:
    """Say how a run that was stopped is taken up again."""
    return Text(f"\nStopped; {customers(left)} left. The same command goes on from here.")


def rescued(count: int, path: Path) -> str:
    """Say where keys are that the store did not take."""
    keys, them = ("1 key", "it") if count == 1 else (f"{count:,} keys", "them")
    return (
        f"{keys} came and could not be stored. {path} holds {them}, sealed with the store's encryption key. "
        f"Once the store works: boooply store restore {path.name}"
    )


def not_rescued(count: int) -> str:
    """Say where keys are that neither the store nor a file took."""
    keys, lines = ("1 key", "line") if count == 1 else (f"{count:,} keys", "lines")
    return (
        f"{keys} came and could not be stored, nor written into a file. Keep the {lines} that follow, sealed with "
        "the store's encryption key; once the store works, put them into a file for: boooply store restore FILE"
    )


def customers(count: int) -> str:
    """Count customers in words."""
    return f"{count:,} customer{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Say how long in the two largest units."""
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


def _inset(content: RenderableType) -> Padding:
    return Padding(content, _INDENT, expand=False)
