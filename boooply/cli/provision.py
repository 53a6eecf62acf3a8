"""``boooply provision``: every customer of a file connected once, over as many runs as it takes."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

import attrs
from rich.console import Console
from rich.text import Text

from boooply.cli import provision_view
from boooply.cli.preflight import Preflight, preflight, seconds_left, seconds_to_end, tenants
from boooply.cli.provision_view import Meter
from boooply.cli.rescue import encrypted_lines, write_rescue_file
from boooply.cli.summary import Summary, as_json
from boooply.cli.terminal import Concurrency, Flag, Json, StoreUrl, bad_rows, console, listening, print_error
from boooply.errors import BoooplyError, StoreError
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.messages import RateLimitClass
from boooply.provisioning import KeysNotStoredError
from boooply.provisioning import async_provision as connect_customers
from boooply.provisioning.engine import CONCURRENCY
from boooply.ratelimit.limits import RateLimits
from boooply.store import AsyncStore, State

_DONE: Final = 0
_FAILED: Final = 1
_BAD_ROWS: Final = 2
_UNFINISHED: Final = 4  # the run is complete, and some customers are not connected
_STOPPED: Final = 130
_LIMITS: Final = RateLimits()


async def provision(
    tenants: Path,
    /,
    *,
    store: StoreUrl = None,
    concurrency: Concurrency = CONCURRENCY,
    dry_run: Flag = False,
    as_json: Json = False,
    remint_in_doubt: Flag = False,
) -> int:
    """Connect every customer of a file, and keep their keys in the store.

    Args:
        tenants: The customers, as .csv or .jsonl.
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.
        concurrency: How many requests may be under way at once.
        dry_run: Show the plan alone: nothing is sent, and no platform key is needed.
        as_json: Write one JSON object a line for programs; what is for people goes to standard error.
        remint_in_doubt: Mint again for customers in doubt; a key that exists already stays valid, and nobody has it.

    Returns:
        The exit code.
    """
    options = _Options(path=tenants, concurrency=concurrency, is_json=as_json, remint=remint_in_doubt)
    with ExitStack() as signals:  # outside the store: a signal must not change how a finished run exits
        if dry_run:
            async with AsyncStore.open(store) as opened:
                run = _Run(options, opened, _LIMITS.writes)
                signals.enter_context(listening(run.on_signal))
                return await run.show_plan()
        await AsyncBoooplyPlatform().close()  # so that a missing key is reported before the store is created
        async with (
            AsyncStore.open(store) as opened,
            AsyncBoooplyPlatform(rate_limits=RateLimits(shared=opened)) as platform,
        ):
            run = _Run(options, opened, platform.rate_limits[RateLimitClass.WRITES].limit)
            signals.enter_context(listening(run.on_signal))
            return await run.connect(platform)


@attrs.frozen(kw_only=True)
class _Options:
    """The options of the command."""

    path: Path
    concurrency: int
    is_json: bool
    remint: bool


class _Run:
    """One run of the command: its options, its state, and its output."""

    def __init__(self, options: _Options, store: AsyncStore, limit: int) -> None:
        self._options = options
        self._store = store
        self._limit = limit
        self._out: Console = console(stderr=options.is_json)  # standard output is for programs then
        self._stop = asyncio.Event()
        self._announcing: asyncio.Task[None] | None = None
        self._in_progress: set[str] = set()  # read from the file, and without an outcome
        self._preflight = Preflight()
        self._summary = Summary()
        self._meter: Meter | None = None
        self._is_connecting = False

    async def show_plan(self) -> int:
        """Show what a run would do, and return the exit code."""
        code = await self._prepare()
        if code is not None:
            return code
        if self._options.is_json:
            _write_line(json.dumps({"plan": self._plan()}))
        else:
            self._out.print(Text("Nothing was sent: this was a dry run."))
        return _DONE

    async def connect(self, platform: AsyncBoooplyPlatform) -> int:
        """Check the file, connect its customers, show the outcomes, and return the exit code."""
        code = await self._prepare()
        if code is not None:
            return code
        started = time.monotonic()
        problem = await self._connect(platform)
        seconds = time.monotonic() - started
        with suppress(StoreError):  # it is reported already if it ended the run, and a count is worth no error
            await self._summary.count_orphans(self._store.ledger)
        if self._announcing is not None:
            await self._announcing
        self._show_summary(seconds)
        return self._conclude(problem)

    async def _prepare(self) -> int | None:
        """Check the file and show the plan; return the exit code if the run ends here."""
        path, remint = self._options.path, self._options.remint
        found = self._preflight = await preflight(path, self._store.ledger, self._stop)
        if not found.is_complete:
            self._out.print(Text("Stopped; nothing was sent."))
            return _STOPPED
        if found.bad_rows:
            console(stderr=True).print(bad_rows(str(path), found.bad_rows))
            return _BAD_ROWS
        seconds = self._least_seconds(found.to_mint(remint=remint))
        self._out.print(provision_view.plan(path, found, self._limit, seconds, remint=remint))
        return None

    def _plan(self) -> dict[str, float]:
        states = self._preflight.states
        to_mint = self._preflight.to_mint(remint=self._options.remint)
        return {
            "total": self._preflight.total,
            "new": states[None] + states[State.TODO],
            "failed": states[State.FAILED],
            "connected": states[State.DONE],
            "in_doubt": states[State.IN_DOUBT],
            "under_way": states[State.SENT],
            "to_connect": to_mint,
            "seconds": self._least_seconds(to_mint),
        }

    def _least_seconds(self, count: int) -> float:
        return seconds_to_end(count, self._limit, _LIMITS.window)

    async def _connect(self, platform: AsyncBoooplyPlatform) -> BoooplyError | None:
        """Connect the customers; return the error that ended the run early, if any."""
        outcomes = connect_customers(
            self._tenants(),
            platform=platform,
            store=self._store,
            concurrency=self._options.concurrency,
            remint_in_doubt=self._options.remint,
            stop=self._stop,
        )
        self._is_connecting = True
        try:
            async with self._metered(platform), aclosing(outcomes):
                async for outcome in outcomes:
                    self._in_progress.discard(outcome.organization_id)
                    if self._options.is_json:
                        _write_line(as_json(outcome))
                    await self._summary.add(outcome, self._store.ledger)
        except BoooplyError as error:
            return error
        finally:
            self._is_connecting = False
        return None

    def _tenants(self) -> Iterator[Tenant]:
        for tenant in tenants(self._options.path):
            self._in_progress.add(tenant.organization_id)
            yield tenant

    @asynccontextmanager
    async def _metered(self, platform: AsyncBoooplyPlatform) -> AsyncGenerator[None]:
        started = time.monotonic()

        def progressed() -> tuple[int, str]:
            passed, requested = time.monotonic() - started, self._summary.requested
            left = self._preflight.to_mint(remint=self._options.remint) - requested
            seconds = seconds_left(platform.rate_limits[RateLimitClass.WRITES], left, _LIMITS.window)
            if requested:  # the API may be slower than its limits
                seconds = max(seconds, left * passed / requested)
            rate = requested / max(1.0, passed / 60)  # within the first minute, the number so far
            return self._summary.done, provision_view.progress_line(self._summary, self._preflight.total, rate, seconds)

        self._meter = Meter(self._out, self._preflight.total, progressed)
        async with self._meter:
            yield

    def _show_summary(self, seconds: float) -> None:
        if self._options.is_json:
            _write_line(json.dumps({"summary": self._summary.to_dict(self._preflight.total)}))
        self._out.print(provision_view.summary(self._summary, seconds))

    def _conclude(self, problem: BoooplyError | None) -> int:
        """Print why the run is unfinished, if it is, and return the exit code."""
        if isinstance(problem, KeysNotStoredError):
            _rescue(problem)
            return _FAILED
        if problem is not None:
            print_error(str(problem))
            return _FAILED
        left = self._preflight.total - self._summary.done
        if self._stop.is_set() and left > 0:
            self._out.print(provision_view.unfinished(left))
            return _STOPPED
        return _DONE if self._summary.is_spotless else _UNFINISHED

    def on_signal(self) -> None:
        """Stop the run at the first signal, and give up at the second."""
        if self._stop.is_set():
            self._give_up()
        self._stop.set()
        if self._is_connecting:
            self._announcing = asyncio.create_task(self._announce_stop())

    async def _announce_stop(self) -> None:
        count = None
        with suppress(StoreError):
            entries = self._store.ledger.entries(self._in_progress)
            count = sum([entry.state is State.SENT async for entry in entries])
        self._out.print(Text(provision_view.stopping(count)))

    def _give_up(self) -> NoReturn:
        if self._meter is not None:
            self._meter.close()  # it has hidden the cursor
        self._out.print(Text("Given up. Customers whose requests were under way are in doubt."))
        sys.stdout.flush()
        # at once: a gentler exit waits for the requests, which is what the first signal asked for
        os._exit(_STOPPED)


def _rescue(error: KeysNotStoredError) -> None:
    lines = encrypted_lines(error.keys)
    path = write_rescue_file(lines)
    if path is not None:
        print_error(provision_view.rescued(len(error.keys), path))
        return
    print_error(provision_view.not_rescued(len(error.keys)))
    sys.stderr.write(lines)


def _write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # so that a reader gets each line at once
