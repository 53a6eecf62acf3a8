"""Draw the pictures of the pages: ``python docs/.make/pictures.py FOLDER`` writes them, by default to docs/pictures.

The layers come from pyproject.toml, and the ledger's moves from ``boooply.recording.states``. A test checks that the
pictures are up to date.
"""  # noqa: INP001 - a program, started by its path

import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from drawing import LINE, Picture

from boooply.recording import states as steps
from boooply.store import Entry, State
from boooply.store.entries import with_expiry

ROOT: Final = Path(__file__).parents[2]

# What each module or package of a layer is for.
MODULES: Final = {
    "cli": "the commands: provision, sandbox, quickstart …",
    "integrations": "FastAPI, and an MCP server",
    "pytest_plugin": "fixtures over the sandbox",
    "blocking": "the flavour for code that does not await",
    "provisioning": "tenants, and many customers at once",
    "platform": "the platform's key: it mints",
    "client": "one organization's key",
    "resources": "interviews, ai, organization",
    "recording": "what must happen once",
    "sandbox": "the other end of the wire",
    "store": "keys, ledger, limits, events",
    "transport": "the only package that sends",
    "webhooks": "signatures and events",
    "ratelimit": "when a call may start",
    "protocol": "the table of operations; decisions, no I/O",
    "converter": "camelCase to snake_case and back",
    "participants": "people from Google, Microsoft, anywhere",
    "models": "what is sent, and what comes back",
    "secret": "a value that never shows itself",
    "errors": "everything that is raised",
    "lazy": "names imported on first use",
    "extras": "which extra to install, and how",
    "version": "the version",
}
NEW: Final = "new"
_OURS, _OTHER = "one/1", "another/1"


def layers() -> list[list[str]]:
    """Return the layers, highest first, from the settings of import-linter."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts: list[dict[str, Any]] = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [layer.split(" | ") for layer in layers]


def draw_layers() -> Picture:
    """Draw the layers as they are stacked."""
    found = layers()
    height = 40 + sum(14 + 25 * len(names) for names in found)
    picture = Picture(500, height, "The layers of the package, the highest first: " + "; ".join(map(", ".join, found)))
    y = 14.0
    for names in found:
        tall = 8 + 25 * len(names)
        picture.box(250, y + tall / 2, 472, tall)
        for number, name in enumerate(names):
            line = y + 21 + 25 * number
            picture.words(30, line, name, "ink code name", at="left")
            picture.words(146, line, MODULES[name], "soft small", at="left")
        y += tall + 6
    picture.words(250, y + 15, "A module imports only from layers below its own.", "soft small")
    return picture


def moves() -> set[tuple[str, str, str]]:
    """Try every step on an entry in every state, and return those that change the state."""
    return {
        (before, step, after.state)
        for state in (NEW, *State)
        for before, entry in _entries(state)
        for step, after in _taken(entry)
        if after.state != before
    }


def _entries(state: str) -> Iterator[tuple[str, Entry]]:
    if state == NEW:
        yield NEW, Entry(organization_id="org")
        return
    for run in (_OURS, _OTHER):
        for locked_until in (0.0, 20.0):
            entry = Entry(
                organization_id="org", state=State(state), tenant="{}", claim_token=run, locked_until=locked_until
            )
            yield state, entry


def _taken(entry: Entry) -> Iterator[tuple[str, Entry]]:
    now, lease = 10.0, 30.0
    for remint in (False, True):
        _, after = steps.claim(entry, now, claim_token=_OURS, tenant="{}", lease=lease, remint=remint)
        # an entry whose lease has expired goes in doubt first, which is a separate move
        if with_expiry(entry, now) is entry and after is not entry:
            yield "claim, on purpose" if remint and entry.state is State.IN_DOUBT else "claim", after
    if (found := with_expiry(entry, now)) is not entry:
        yield "its lease has run out", found
    moved: dict[str, Callable[[], tuple[bool, Entry]]] = {
        "begin": lambda: steps.begin(entry, now, claim_token=_OURS, lease=lease),
        "mark_not_sent": lambda: steps.mark_not_sent(entry, now, claim_token=_OURS, lease=lease),
        "finish": lambda: steps.finish(entry, now, claim_token=_OURS, tenant="{}", has_other_key=False),
        "fail": lambda: steps.fail(entry, now, claim_token=_OURS, reason="no"),
        "mark_in_doubt": lambda: steps.mark_in_doubt(entry, now, claim_token=_OURS, reason="no"),
    }
    for step, move in moved.items():
        done, after = move()
        if done:
            yield step, after


# The moves that are drawn, each with the path of its arrow. A customer in any state is done once its key arrives or is
# imported: only two of those moves are drawn, and a third arrow represents the others.
ARROWS: Final = {
    (NEW, "claim", "todo"): "M250 58V88",
    ("todo", "begin", "sent"): "M232 136V214",
    ("sent", "mark_not_sent", "todo"): "M268 214V136",
    ("sent", "finish", "done"): "M250 262V376",
    ("sent", "fail", "failed"): "M192 252L112 376",
    ("sent", "mark_in_doubt", "in_doubt"): "M308 252L388 376",
    ("sent", "its lease has run out", "in_doubt"): "M308 252L388 376",
    ("failed", "claim", "todo"): "M52 376C40 210 90 122 190 114",
    ("todo", "fail", "failed"): "M192 126C120 150 84 260 82 376",
    ("in_doubt", "claim, on purpose", "todo"): "M448 376C460 210 410 122 310 114",
    ("in_doubt", "finish", "done"): "M368 400H312",
}
TO_DONE: Final = frozenset({"finish", "put"})


def draw_ledger() -> Picture:
    """Draw the states of a customer in the ledger, and what leads from one to another."""
    picture = Picture(500, 490, "The states of a customer in the ledger: " + "; ".join(map(_told, ARROWS)))
    for path in dict.fromkeys(ARROWS.values()):
        picture.arrow(path)
    picture.arrow("M250 466V426")
    picture.words(250, 50, "a new customer", "soft")
    for x, y, name, kind in (
        (250, 112, "todo", "box"),
        (250, 238, "sent", "box"),
        (82, 400, "failed", "bad"),
        (250, 400, "done", "good"),
        (428, 400, "in doubt", "doubt"),
    ):
        picture.box(x, y, 116, 46, kind)
        picture.words(x, y + 5, name, "ink name")
    for x, y, lines, at in (
        (258, 78, ["claim"], "left"),
        (225, 180, ["begin"], "right"),
        (276, 180, ["mark_not_sent"], "left"),
        (257, 336, ["finish"], "left"),
        (166, 318, ["fail"], "left"),
        (356, 276, ["mark_in_doubt, or", "its lease", "has run out"], "left"),
        (26, 92, ["claim,", "by a later run"], "left"),
        (474, 92, ["claim,", "on purpose"], "right"),
        (138, 200, ["fail"], "left"),
        (345, 446, ["finish: a key", "that comes late"], "middle"),
        (240, 446, ["put, or a late key,", "from anywhere"], "right"),
    ):
        picture.words(x, y, lines, "soft small", at)
    return picture


def _told(move: tuple[str, str, str]) -> str:
    before, step, after = move
    return f"{before} becomes {after} by {step}"


# Who says what to whom, by their places in the list above it; without a second one something is done there.
_YOURS: Final = ("your customer", "your server", "Boooply")
_SCENES: Final[tuple[tuple[int, int | None, list[str]], ...]] = (
    (0, 1, ["clicks “Connect", "Boooply”"]),
    (1, 2, ["asks for a key, with", "the platform's key"]),
    (2, 1, ["mints a key, and", "shows it once"]),
    (1, None, ["stores it,", "encrypted"]),
    (0, 1, ["invites Jane"]),
    (1, 2, ["creates an interview,", "with the customer's key"]),
    (2, None, ["e-mails Jane; she talks", "to the AI; it is evaluated"]),
    (2, 1, ["posts the evaluation to", "your webhook, signed"]),
    (1, 0, ["shows it"]),
)


def draw_onboarding() -> Picture:
    """Draw the way from the Connect button to the first evaluation."""
    places = (76, 250, 424)
    tops: list[float] = []
    y = 84.0
    for _, _, lines in _SCENES:
        tops.append(y)
        y += 30 + LINE * len(lines)
    sentences = (_sentence(*scene) for scene in _SCENES)
    picture = Picture(500, round(y) + 8, "Connecting a customer: " + "; ".join(sentences))
    x: float
    for x, name in zip(places, _YOURS, strict=True):
        picture.life(x, 52, y - 8)
        picture.box(x, 34, 126, 36)
        picture.words(x, 39, name, "ink name")
    for top, (who, to, lines) in zip(tops, _SCENES, strict=True):
        below = top + LINE * len(lines)
        if to is None:
            width = 196 if who == len(places) - 1 else 130
            x = min(places[who], 500 - 14 - width / 2)
            picture.box(x, (top + below) / 2 - 5, width, LINE * len(lines) + 16)
            picture.words(x, top + 8, lines, "ink small")
            continue
        start, end = places[who], places[to]
        step = 6 if end > start else -6
        picture.words((start + end) / 2, top, lines, "ink small")
        picture.arrow(f"M{start + step} {below - 6:g}H{end - step}")
    return picture


def _sentence(who: int, to: int | None, lines: list[str]) -> str:
    whom = "" if to is None else f" (to {_YOURS[to]})"
    return f"{_YOURS[who]} {' '.join(lines)}{whom}"


# The three ways to run: a heading, the sources, what runs, and what their store contains.
_FLEETS: Final[tuple[tuple[str, list[str], list[str], list[str]], ...]] = (
    ("1. One process", ["tenants.csv"], ["provision"], ["SQLite", "keys, ledger"]),
    (
        "2. One file, several machines",
        ["tenants.csv", "tenants.csv"],
        ["provision", "provision"],
        ["PostgreSQL", "keys, ledger,", "shared limits"],
    ),
    (
        "3. Customers at any time",
        ["enqueue, or your", "web application"],
        ["worker", "worker", "worker"],
        ["PostgreSQL", "keys, ledger,", "shared limits,", "queue of ids"],
    ),
)
_TALL: Final = 44.0  # from one box of a column to the next


def draw_fleet() -> Picture:
    """Draw the way from one process to many."""
    ways = "; ".join(f"{title[3:]}: {' and '.join(run)} on {store[0]}" for title, _, run, store in _FLEETS)
    picture = Picture(500, 452, f"From one process to many. {ways}")
    y = 28.0
    for title, sources, running, store in _FLEETS:
        picture.words(22, y, title, "ink name", "left")
        height = max(_TALL * len(running), LINE * len(store) + 18)
        _draw_way(picture, y + 12 + height / 2, sources, running, store)
        y += height + 44
    picture.words(250, y + 2, "Each process mints keys. The shared store prevents a second key.", "soft small")
    return picture


def _draw_way(picture: Picture, middle: float, sources: list[str], running: list[str], store: list[str]) -> None:
    """Draw one way to run, centred on a height; with a queue, customers reach the workers through the store."""
    has_queue = len(store) == max(len(one[3]) for one in _FLEETS)
    left, centre, right = 82, 250, 418
    tops = [middle + _TALL * (number - (len(running) - 1) / 2) for number in range(len(running))]
    for top, name in zip(tops, running, strict=True):
        picture.box(right if has_queue else centre, top, 116, 34, "good")
        picture.words(right if has_queue else centre, top + 5, name, "ink code")
    place = centre if has_queue else right
    picture.box(place, middle, 124, LINE * len(store) + 18)
    first = middle + 5 - LINE * (len(store) - 1) / 2
    picture.words(place, first, store[0], "ink name")
    picture.words(place, first + LINE, store[1:], "soft small")
    if has_queue:
        picture.box(left, middle, 128, LINE * len(sources) + 16)
        picture.words(left, middle - 4, sources, "ink small")
        picture.arrow(f"M{left + 67} {middle:g}H{place - 65}")
        for top in tops:
            picture.arrow(f"M{place + 65} {middle + (top - middle) / 3:g}L{right - 62} {top:g}")
        return
    for top, name in zip(tops, sources, strict=True):
        picture.box(left, top, 116, 34)
        picture.words(left, top + 5, name, "ink small")
        picture.arrow(f"M{left + 61} {top:g}H{centre - 61}")
        picture.arrow(f"M{centre + 61} {top:g}L{right - 65} {middle + (top - middle) / 3:g}")


PICTURES: Final = {"fleet": draw_fleet, "layers": draw_layers, "ledger": draw_ledger, "onboarding": draw_onboarding}


def main() -> None:
    """Write the files."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures"
    for name, draw in PICTURES.items():
        (folder / f"{name}.svg").write_text(draw().written(), encoding="utf-8")


if __name__ == "__main__":
    main()
