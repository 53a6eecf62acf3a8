"""``boooply provision``: connects each customer of a file once, in as many runs as necessary."""

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, ExitStack, aclosing
from functools import partial
from pathlib import Path
from typing import Final

from boooply.cli import customer_file_view, provision_view
from boooply.cli.customer_file import READING, CustomerFile, ReadingOptions
from boooply.cli.exit_codes import DONE, FAILED, WRONG_INPUT
from boooply.cli.preflight import preflight, seconds_left, seconds_to_end
from boooply.cli.running import Grace, ShownRun
from boooply.cli.terminal import Concurrency, Json, StoreUrl, write_line
from boooply.models import Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.messages import RateLimitClass
from boooply.provisioning import Outcome
from boooply.provisioning import async_provision as connect_customers
from boooply.provisioning.engine import CONCURRENCY, GRACE
from boooply.provisioning.identity import check_store
from boooply.ratelimit.limits import RateLimits
from boooply.store import AsyncStore, State
from boooply.store.ledger import connected_without_zeros

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
    grace: Grace = GRACE,
    reading: ReadingOptions = READING,
) -> int:
    """Connect every customer of a file, and store their keys.

    Args:
        tenants: A file of customers: .csv, .json or .xlsx.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
        concurrency: Maximum number of requests in progress.
        dry_run: Show the plan and send nothing. You need no platform key.
        as_json: Print one JSON object per line. Text for people goes to standard error.
        remint_in_doubt: Mint new keys for customers in doubt. A key that exists already stays valid, and is lost.
        grace: Seconds to wait for requests after Ctrl-C or SIGTERM. Then their customers are in doubt.
        reading: How to read the file.

    Returns:
        The exit code.
    """
    file = CustomerFile(tenants, reading.to_options())
    async with AsyncExitStack() as stack:
        # outside the store, so that a signal does not change the exit code of a finished run
        signals = stack.enter_context(ExitStack())
        if not dry_run:
            await AsyncBoooplyPlatform().close()  # reports a missing key before the store is created
        opened = await stack.enter_async_context(AsyncStore.open(store))
        run = _Run(file, opened, concurrency, is_json=as_json, remint=remint_in_doubt, grace=grace, yes=reading.yes)
        if not dry_run:
            limits = RateLimits(shared=opened)
            run.platform = await stack.enter_async_context(AsyncBoooplyPlatform(rate_limits=limits))
            await check_store(opened, run.platform)
        signals.enter_context(run.shown.listening())
        return await run.run()


class _Run:
    """One run over a file."""

    def __init__(
        self,
        file: CustomerFile,
        store: AsyncStore,
        concurrency: int,
        *,
        is_json: bool,
        remint: bool,
        grace: float,
        yes: bool,
    ) -> None:
        self.platform: AsyncBoooplyPlatform | None = None  # None in a dry run
        advice = provision_view.PROVISION_ADVICE
        self.shown = ShownRun(store=store, is_json=is_json, grace=grace, count_sent=self._count_sent, advice=advice)
        self._file = file
        self._yes = yes
        self._store = store
        self._concurrency = concurrency
        self._remint = remint
        self._in_progress: set[str] = set()  # read from the file and still without an outcome
        self._to_mint = 0

    async def run(self) -> int:
        """Check the file, connect its customers unless this is a dry run, and return the exit code."""
        shown = self.shown
        self._file.connected = await connected_without_zeros(self._store.database)
        found = await preflight(self._file, self._store.ledger, shown.stop)
        if shown.stop.is_set():
            return self._stopped()
        if self.platform is None:
            shown.out.print(customer_file_view.layout(self._file.path, self._file.layout, self._file.samples))
        if self._file.errors.rows:
            self._file.print_errors()
            return WRONG_INPUT
        shown.total, self._to_mint = found.states.total(), found.to_mint(remint=self._remint)
        limit = _LIMITS.writes if self.platform is None else self.platform.rate_limits[RateLimitClass.WRITES].limit
        seconds = seconds_to_end(self._to_mint, limit, _LIMITS.window)
        shown.out.print(provision_view.plan(self._file.path, found, limit, seconds, remint=self._remint))
        if self.platform is not None:
            if await self._file.is_confirmed(yes=self._yes, stop=shown.stop):
                return await self._connect(self.platform)
            return self._stopped() if shown.stop.is_set() else WRONG_INPUT
        self._file.print_warnings()
        if shown.is_json:
            write_line(provision_view.plan_as_json(found, seconds, remint=self._remint))
        else:
            shown.out.print("This was a dry run. Nothing was sent.")
        return DONE

    def _stopped(self) -> int:
        self.shown.out.print("Stopped. Nothing was sent.")
        return self.shown.signalled

    async def _connect(self, platform: AsyncBoooplyPlatform) -> int:
        """Connect the customers, show the outcomes, and return the exit code."""
        shown = self.shown
        code = await shown.show(self._outcomes(platform), partial(self._progressed, platform))
        left = shown.total - shown.summary.done
        if code != FAILED and shown.stop.is_set() and left > 0:
            shown.out.print(provision_view.unfinished(left))
            return shown.signalled
        return code

    async def _outcomes(self, platform: AsyncBoooplyPlatform) -> AsyncGenerator[Outcome]:
        outcomes = connect_customers(
            self._tenants(),
            platform=platform,
            store=self._store,
            concurrency=self._concurrency,
            remint_in_doubt=self._remint,
            stop=self.shown.stop,
            grace=self.shown.grace,
        )
        async with aclosing(outcomes):
            async for outcome in outcomes:
                self._in_progress.discard(outcome.organization_id)
                yield outcome

    def _tenants(self) -> Iterator[Tenant]:
        for tenant in self._file.tenants():
            self._in_progress.add(tenant.organization_id)
            yield tenant

    async def _progressed(self, platform: AsyncBoooplyPlatform) -> tuple[int, int, str]:
        shown = self.shown
        passed, requested = time.monotonic() - shown.started, shown.summary.requested
        left = self._to_mint - requested
        seconds = seconds_left(platform.rate_limits[RateLimitClass.WRITES], left, _LIMITS.window)
        if requested:  # the API may be slower than its rate limit
            seconds = max(seconds, left * passed / requested)
        line = provision_view.progress_line(shown.summary, shown.total, shown.rate(), seconds)
        return shown.summary.done, shown.total, line

    async def _count_sent(self) -> int:
        entries = self._store.ledger.entries(self._in_progress)
        return sum([entry.state is State.SENT async for entry in entries])
