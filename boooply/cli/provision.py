"""``boooply provision``: every customer of a file connected once, over as many runs as it takes."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, aclosing, suppress
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from boooply.cli import provision_view
from boooply.cli.preflight import preflight, seconds_left, seconds_to_end, tenants
from boooply.cli.summary import Summary, as_json
from boooply.cli.terminal import Concurrency, Json, StoreUrl, bad_rows, console, listening, print_error, write_line
from boooply.errors import BoooplyError, StoreError
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.messages import RateLimitClass
from boooply.provisioning import KeysNotStoredError
from boooply.provisioning import async_provision as connect_customers
from boooply.provisioning.engine import CONCURRENCY
from boooply.provisioning.identity import check_store
from boooply.provisioning.rescue import encrypted_lines, write_rescue_file
from boooply.ratelimit.limits import RateLimits
from boooply.store import AsyncStore, State
from boooply.store.encryption import Encryption

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
    dry_run: bool = False,
    as_json: Json = False,
    remint_in_doubt: bool = False,
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
    async with AsyncExitStack() as stack:
        # outside the store: a signal must not change how a finished run exits
        signals = stack.enter_context(ExitStack())
        if not dry_run:
            await AsyncBoooplyPlatform().close()  # so that a missing key is reported before the store is created
        opened = await stack.enter_async_context(AsyncStore.open(store))
        run = _Run(path=tenants, store=opened, concurrency=concurrency, is_json=as_json, remint=remint_in_doubt)
        if not dry_run:
            limits = RateLimits(shared=opened)
            run.platform = await stack.enter_async_context(AsyncBoooplyPlatform(rate_limits=limits))
            await check_store(opened, run.platform)
        signals.enter_context(listening(run.on_signal))
        return await run.run()


class _Run:
    """One run of the command: its options, its state, and its output."""

    def __init__(self, *, path: Path, store: AsyncStore, concurrency: int, is_json: bool, remint: bool) -> None:
        self.platform: AsyncBoooplyPlatform | None = None  # as in a dry run
        self._path = path
        self._store = store
        self._concurrency = concurrency
        self._is_json = is_json
        self._remint = remint
        self._out = console(stderr=is_json)  # standard output is for programs then
        self._bar = provision_view.progress_bar(self._out)
        self._stop = asyncio.Event()
        self._announcing: asyncio.Task[None] | None = None
        self._in_progress: set[str] = set()  # read from the file, and without an outcome
        self._total = self._to_mint = 0
        self._summary = Summary()
        self._is_connecting = False

    async def run(self) -> int:
        """Check the file, connect its customers unless this is a dry run, and return the exit code."""
        found = await preflight(self._path, self._store.ledger, self._stop)
        if self._stop.is_set():
            self._out.print("Stopped; nothing was sent.")
            return _STOPPED
        if found.bad_rows:
            console(stderr=True).print(bad_rows(str(self._path), found.bad_rows))
            return _BAD_ROWS
        self._total, self._to_mint = found.states.total(), found.to_mint(remint=self._remint)
        limit = _LIMITS.writes if self.platform is None else self.platform.rate_limits[RateLimitClass.WRITES].limit
        seconds = seconds_to_end(self._to_mint, limit, _LIMITS.window)
        self._out.print(provision_view.plan(self._path, found, limit, seconds, remint=self._remint))
        if self.platform is not None:
            return await self._connect(self.platform)
        if self._is_json:
            write_line(provision_view.plan_as_json(found, seconds, remint=self._remint))
        else:
            self._out.print("Nothing was sent: this was a dry run.")
        return _DONE

    async def _connect(self, platform: AsyncBoooplyPlatform) -> int:
        """Connect the customers, show the outcomes, and return the exit code."""
        started = time.monotonic()
        progressed = partial(self._progressed, platform, started)
        problem = None
        self._is_connecting = True
        try:
            async with provision_view.updated(self._bar, self._total, progressed):
                await self._collect(platform)
        except BoooplyError as error:
            problem = error
        self._is_connecting = False
        seconds = time.monotonic() - started
        with suppress(StoreError):  # it is reported already if it ended the run, and a count is worth no error
            await self._summary.count_orphans(self._store.ledger)
        if self._announcing is not None:
            await self._announcing
        if self._is_json:
            write_line(json.dumps({"summary": self._summary.to_dict(self._total)}))
        self._out.print(provision_view.summary(self._summary, seconds))
        return self._conclude(problem)

    async def _collect(self, platform: AsyncBoooplyPlatform) -> None:
        outcomes = connect_customers(
            self._tenants(),
            platform=platform,
            store=self._store,
            concurrency=self._concurrency,
            remint_in_doubt=self._remint,
            stop=self._stop,
        )
        async with aclosing(outcomes):
            async for outcome in outcomes:
                self._in_progress.discard(outcome.organization_id)
                if self._is_json:
                    write_line(as_json(outcome))
                await self._summary.add(outcome, self._store.ledger)

    def _tenants(self) -> Iterator[Tenant]:
        for tenant in tenants(self._path):
            self._in_progress.add(tenant.organization_id)
            yield tenant

    def _progressed(self, platform: AsyncBoooplyPlatform, started: float) -> tuple[int, str]:
        passed, requested = time.monotonic() - started, self._summary.requested
        left = self._to_mint - requested
        seconds = seconds_left(platform.rate_limits[RateLimitClass.WRITES], left, _LIMITS.window)
        if requested:  # the API may be slower than its limits
            seconds = max(seconds, left * passed / requested)
        rate = requested / max(1.0, passed / 60)  # within the first minute, the number so far
        return self._summary.done, provision_view.progress_line(self._summary, self._total, rate, seconds)

    def _conclude(self, problem: BoooplyError | None) -> int:
        """Print why the run is unfinished, if it is, and return the exit code."""
        if isinstance(problem, KeysNotStoredError):
            rescue(problem, self._store.encryption)
            return _FAILED
        if problem is not None:
            print_error(str(problem))
            return _FAILED
        left = self._total - self._summary.done
        if self._stop.is_set() and left > 0:
            self._out.print(provision_view.unfinished(left))
            return _STOPPED
        return _UNFINISHED if self._summary.listed else _DONE

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
        self._out.print(provision_view.stopping(count))

    def _give_up(self) -> NoReturn:
        self._bar.stop()  # it has hidden the cursor
        self._out.print("Given up. Customers whose requests were under way are in doubt.")
        sys.stdout.flush()
        # at once: a gentler exit waits for the requests, which is what the first signal asked for
        os._exit(_STOPPED)


def rescue(error: KeysNotStoredError, encryption: Encryption) -> None:
    """Write keys that could not be stored to a rescue file, or else to standard error."""
    lines = encrypted_lines(error.keys, encryption)
    path = write_rescue_file(lines)
    print_error(provision_view.not_stored(len(error.keys), error.reason, path))
    if path is None:
        sys.stderr.write(lines)
