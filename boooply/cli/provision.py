"""``boooply provision``: every customer of a file connected once, over as many runs as it takes."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

import attrs
from rich.console import Console
from rich.text import Text

from boooply.cli import provision_view, quickstart_view
from boooply.cli.options import Concurrency, Flag, Json, StoreUrl
from boooply.cli.preflight import Preflight, preflight, seconds_left, seconds_to_end, tenants
from boooply.cli.progress import Meter
from boooply.cli.rescue import sealed_lines, write_rescue_file
from boooply.cli.stopping import listening
from boooply.cli.summary import Summary, as_json
from boooply.cli.terminal import console, print_error
from boooply.errors import BoooplyError, StoreError
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.messages import RateLimitClass
from boooply.provisioning import KeysNotStoredError
from boooply.provisioning import async_provision as connect_customers
from boooply.provisioning.engine import CONCURRENCY
from boooply.ratelimit.limiter import RateLimits
from boooply.store import AsyncStore, State

_DONE: Final = 0
_FAILED: Final = 1
_BAD_ROWS: Final = 2
_UNFINISHED: Final = 4  # it came to its end, and somebody is not connected
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
        remint_in_doubt: Mint again where nobody can tell whether a key exists; that key may stay alive unheld.

    Returns:
        The exit code.
    """
    order = _Order(path=tenants, concurrency=concurrency, is_json=as_json, remint=remint_in_doubt)
    if dry_run:
        async with AsyncStore.open(store) as opened:
            return await _Run(order, opened, _LIMITS.writes).plan_alone()
    await AsyncBoooplyPlatform().close()  # a missing key is told before the store is made
    async with (
        AsyncStore.open(store) as opened,
        AsyncBoooplyPlatform(rate_limits=RateLimits(shared=opened)) as platform,
    ):
        return await _Run(order, opened, platform.rate_limits[RateLimitClass.WRITES].limit).through(platform)


@attrs.frozen(kw_only=True)
class _Order:
    """What was asked for."""

    path: Path
    concurrency: int
    is_json: bool
    remint: bool


class _Run:
    """One run of the command: what it was told, has seen, and shows."""

    def __init__(self, order: _Order, store: AsyncStore, limit: int) -> None:
        self._order = order
        self._store = store
        self._limit = limit
        self._out: Console = console(stderr=order.is_json)  # standard output is the machine's then
        self._stop = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None
        self._in_hand: set[str] = set()  # taken from the file, and not come to an outcome
        self._survey = Preflight()
        self._tally = Summary()
        self._meter: Meter | None = None

    async def plan_alone(self) -> int:
        """Show what a run would do."""
        with listening(self._on_signal):
            refused = await self._look()
        if refused is not None:
            return refused
        if self._order.is_json:
            _write_line(json.dumps({"plan": self._planned()}))
        else:
            self._out.print(Text("Nothing was sent: this was a dry run."))
        return _DONE

    async def through(self, platform: AsyncBoooplyPlatform) -> int:
        """Look at the file, connect its customers, and tell what has become of them."""
        with listening(self._on_signal):
            refused = await self._look()
            if refused is not None:
                return refused
            started = time.monotonic()
            problem = await self._connect(platform)
            if self._telling is not None:
                await self._telling
        await self._sum_up(time.monotonic() - started)
        return self._end(problem)

    async def _look(self) -> int | None:
        """Survey the file and show the plan; the exit code, if it ends here."""
        self._survey = await preflight(self._order.path, self._store.ledger, self._stop)
        if not self._survey.is_complete:
            self._out.print(Text("Stopped; nothing was sent."))
            return _STOPPED
        if self._survey.bad_rows:
            console(stderr=True).print(quickstart_view.bad_rows(str(self._order.path), self._survey.bad_rows))
            return _BAD_ROWS
        remint = self._order.remint
        seconds = self._seconds(self._survey.to_mint(remint=remint))
        self._out.print(provision_view.plan(self._order.path, self._survey, self._limit, seconds, remint=remint))
        return None

    def _planned(self) -> dict[str, float]:
        states = self._survey.states
        to_mint = self._survey.to_mint(remint=self._order.remint)
        return {
            "total": self._survey.total,
            "new": states[None] + states[State.TODO],
            "failed": states[State.FAILED],
            "connected": states[State.DONE],
            "in_doubt": states[State.IN_DOUBT],
            "under_way": states[State.SENT],
            "to_connect": to_mint,
            "seconds": self._seconds(to_mint),
        }

    def _seconds(self, count: int) -> float:
        return seconds_to_end(count, self._limit, _LIMITS.window)

    async def _connect(self, platform: AsyncBoooplyPlatform) -> BoooplyError | None:
        """Connect them all; what has ended the run early, if something did."""
        outcomes = connect_customers(
            self._taken(),
            platform=platform,
            store=self._store,
            concurrency=self._order.concurrency,
            remint_in_doubt=self._order.remint,
            stop=self._stop,
        )
        try:
            async with self._metered(platform), aclosing(outcomes):
                async for outcome in outcomes:
                    self._in_hand.discard(outcome.organization_id)
                    if self._order.is_json:
                        _write_line(as_json(outcome))
                    await self._tally.add(outcome, self._store.ledger)
        except BoooplyError as error:
            return error
        return None

    def _taken(self) -> Iterator[Tenant]:
        for tenant in tenants(self._order.path):
            self._in_hand.add(tenant.organization_id)
            yield tenant

    @asynccontextmanager
    async def _metered(self, platform: AsyncBoooplyPlatform) -> AsyncGenerator[None]:
        started = time.monotonic()

        def standing() -> tuple[int, str]:
            passed, asked = time.monotonic() - started, self._tally.asked
            left = self._survey.to_mint(remint=self._order.remint) - asked
            seconds = seconds_left(platform.rate_limits[RateLimitClass.WRITES], left, _LIMITS.window)
            if asked:  # an allowance out of reach is not what holds it up
                seconds = max(seconds, left * passed / asked)
            rate = asked / max(1.0, passed / 60)  # of the first minute what there is
            return self._tally.done, provision_view.standing(self._tally, self._survey.total, rate, seconds)

        self._meter = Meter(self._out, self._survey.total, standing)
        async with self._meter:
            yield

    async def _sum_up(self, seconds: float) -> None:
        with suppress(StoreError):  # it is told already where it ended the run, and a count is worth no error
            await self._tally.count_orphans(self._store.ledger)
        if self._order.is_json:
            _write_line(json.dumps({"summary": self._tally.summary(self._survey.total)}))
        self._out.print(provision_view.summary(self._tally, seconds))

    def _end(self, problem: BoooplyError | None) -> int:
        if isinstance(problem, KeysNotStoredError):
            _rescue(problem)
            return _FAILED
        if problem is not None:
            print_error(str(problem))
            return _FAILED
        left = self._survey.total - self._tally.done
        if self._stop.is_set() and left > 0:
            self._out.print(provision_view.unfinished(left))
            return _STOPPED
        return _DONE if self._tally.is_spotless else _UNFINISHED

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._give_up()
        self._stop.set()
        self._telling = asyncio.create_task(self._tell_of_stop())

    async def _tell_of_stop(self) -> None:
        count = None
        with suppress(StoreError):
            entries = self._store.ledger.entries(self._in_hand)
            count = sum([entry.state is State.SENT async for entry in entries])
        self._out.print(Text(provision_view.stopping(count)))

    def _give_up(self) -> NoReturn:
        if self._meter is not None:
            self._meter.close()  # it hides the cursor
        self._out.print(Text("Given up. What was under way is in doubt."))
        sys.stdout.flush()
        # at once: anything gentler waits for the requests, which is what the first signal asked for
        os._exit(_STOPPED)


def _rescue(error: KeysNotStoredError) -> None:
    lines = sealed_lines(error.keys)
    path = write_rescue_file(lines)
    if path is not None:
        print_error(provision_view.rescued(len(error.keys), path))
        return
    print_error(provision_view.not_rescued(len(error.keys)))
    sys.stderr.write(lines)


def _write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # who reads along need not wait for a buffer to fill
