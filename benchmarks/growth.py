"""How cost grows with size: ``python benchmarks/growth.py BASE_URL`` prints the figures and draws docs/growth.svg."""

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median

import inbox
from bulk import STORE_KEY, tenants
from payloads import page
from tenants import boooply as tenants_boooply

from boooply.recording import Recorder
from boooply.store import AsyncInbox, AsyncStore

PICTURE = Path(__file__).parents[1] / "docs" / "growth.svg"
Point = tuple[int, float, float]  # size, milliseconds, megabytes


def timed(work: Callable[[], object], rounds: int) -> float:
    """Give the median milliseconds of some rounds."""
    times: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return median(times)


def retained(work: Callable[[], object]) -> float:
    """Return the megabytes that are kept by what a piece of work returns."""
    gc.collect()
    tracemalloc.start()
    kept = work()
    size = tracemalloc.get_traced_memory()[0] / 2**20
    tracemalloc.stop()
    del kept
    return size


def decoding() -> Iterator[Point]:
    """Pages of more and more interviews."""
    from boooply.protocol.endpoints import LIST_INTERVIEWS
    from boooply.protocol.messages import Response

    for size in (1, 10, 100, 1_000, 10_000):
        body = json.dumps(page(size)).encode()

        def read(body: bytes = body) -> object:
            return LIST_INTERVIEWS.parse(Response(status=200, headers={}, body=body))

        yield size, timed(read, 5), retained(read)


def clients() -> Iterator[Point]:
    """Clients of more and more customers."""
    make = tenants_boooply()
    for size in (10, 100, 1_000, 10_000, 100_000):

        def make_all(size: int = size) -> list[object]:
            return [make(number) for number in range(size)]

        yield size, timed(make_all, 3), retained(make_all)


def bulk(base_url: str, variant: str, sizes: tuple[int, ...]) -> Iterator[Point]:
    """More and more customers minted, each number in a fresh process; memory is what it grew by after a warm-up."""
    for size in sizes:
        command = [sys.executable, str(Path(__file__).with_name("bulk.py")), variant, str(size), base_url]
        figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own words
        yield size, size / figures["per_second"] * 1000, figures["growth_mb"]


async def ledger() -> dict[str, list[Point]]:
    """A claim, looking 500 customers up, and listing 500 of them, in ledgers of more and more rows."""
    found: dict[str, list[Point]] = {"ledger: one claim": [], "ledger: look up 500": [], "ledger: list 500": []}
    with tempfile.TemporaryDirectory() as place:
        url = f"sqlite:///{Path(place, 'boooply.db')}"
        async with AsyncStore.open(url, encryption_key=STORE_KEY) as store:
            rows, everybody = 0, tenants(1_000_100)
            for size in (1_000, 10_000, 100_000, 1_000_000):
                while rows < size:
                    batch = [next(everybody) for _ in range(min(10_000, size - rows))]
                    await Recorder(store).enroll(batch)
                    rows += len(batch)
                one = next(everybody)
                began = time.perf_counter()
                await Recorder(store).claim(one, claim_token="growth", lease=60)  # noqa: S106 - not a password
                claimed = time.perf_counter()
                ids = [f"org_{number:09}" for number in range(0, size, max(1, size // 500))][:500]
                assert len([entry async for entry in store.ledger.entries(ids)]) == 500  # noqa: S101 - else the figure is none
                looked_up = time.perf_counter()
                listed = 0
                async for _ in store.ledger.entries():
                    listed += 1
                    if listed == 500:
                        break
                ended = time.perf_counter()
                file = Path(place, "boooply.db").stat().st_size / 2**20  # noqa: ASYNC240 - nothing waits meanwhile
                for name, start, end in (
                    ("ledger: one claim", began, claimed),
                    ("ledger: look up 500", claimed, looked_up),
                    ("ledger: list 500", looked_up, ended),
                ):
                    found[name].append((size, (end - start) * 1000, file))
    return found


async def events() -> dict[str, list[Point]]:
    """Store an event, handle 20, and count all, in inboxes with more and more events."""
    found: dict[str, list[Point]] = {"inbox: store one": [], "inbox: handle 20": [], "inbox: count": []}
    with tempfile.TemporaryDirectory() as place:
        url = f"sqlite:///{Path(place, 'boooply.db')}"
        async with AsyncStore.open(url, encryption_key=STORE_KEY) as store:
            rows, new = 0, inbox.bodies()
            await inbox.put(store, islice(new, 200))  # the oldest, which are handled first
            for size in (1_000, 10_000, 100_000, 1_000_000):
                await inbox.fill(store, range(rows, size))
                rows = size
                began = time.perf_counter()
                await inbox.put(store, islice(new, 1))
                stored = time.perf_counter()
                await inbox.handle(store, 20)
                handled = time.perf_counter()
                assert await AsyncInbox(store).backlog() > size  # noqa: S101 - else the figure is none
                ended = time.perf_counter()
                file = Path(place, "boooply.db").stat().st_size / 2**20  # noqa: ASYNC240 - nothing waits meanwhile
                for name, start, end in (
                    ("inbox: store one", began, stored),
                    ("inbox: handle 20", stored, handled),
                    ("inbox: count", handled, ended),
                ):
                    found[name].append((size, (end - start) * 1000, file))
    return found


def draw(lines: dict[str, list[Point]]) -> None:
    """Draw time and memory against size."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    plt.rcParams["svg.hashsalt"] = "boooply"  # the same figures draw the same file
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    for panel, what, place in zip(panels, ("milliseconds", "megabytes"), (1, 2), strict=True):
        for name, points in lines.items():
            panel.plot([one[0] for one in points], [max(one[place], 0.001) for one in points], marker="o", label=name)
        panel.set(xscale="log", yscale="log", xlabel="interviews, clients, customers or rows", ylabel=what)
        panel.grid(alpha=0.3)
    panels[0].legend(fontsize=8)
    figure.savefig(PICTURE, metadata={"Date": None})


def main(base_url: str) -> None:
    """Measure, print and draw."""
    lines = {
        "decode a page": list(decoding()),
        "make clients": list(clients()),
        "mint, nothing recorded": list(bulk(base_url, "boooply", (2_000, 20_000, 200_000))),
        "mint, recorded on SQLite": list(bulk(base_url, "boooply_store", (2_000, 20_000))),
        **asyncio.run(ledger()),
        **asyncio.run(events()),
    }
    for name, points in lines.items():
        for size, ms, mb in points:
            print(f"{name:26} {size:>9,} {ms:>12,.2f} ms {mb:>9,.2f} MB {ms / size * 1000:>10,.1f} µs each")
    draw(lines)


if __name__ == "__main__":
    main(sys.argv[1])
