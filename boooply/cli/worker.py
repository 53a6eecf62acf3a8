"""``boooply enqueue`` and ``boooply worker``: provisioning through a queue, on many machines."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from boooply.cli import provision_view
from boooply.cli.customer_file import READING, CustomerFile, ReadingOptions
from boooply.cli.existing_store import open_existing
from boooply.cli.exit_codes import FAILED, WRONG_INPUT
from boooply.cli.running import Grace, ShownRun
from boooply.cli.summary import COUNTED_WITHIN
from boooply.cli.terminal import Concurrency, Json, StoreUrl, console, count_of
from boooply.errors import StoreError
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.settings import PLATFORM, platform_keys
from boooply.provisioning.distributed import KEEP_JOBS, AsyncQueue, worked
from boooply.provisioning.engine import CONCURRENCY, GRACE
from boooply.provisioning.identity import check_store
from boooply.provisioning.jobs import Jobs
from boooply.ratelimit.limits import RateLimits
from boooply.secret import as_secret
from boooply.store.ledger import connected_without_zeros

_HOUR: Final = 3600.0
_COUNT_EVERY: Final = 5.0  # seconds

KeepJobs = Annotated[float, Parameter(validator=Number(gte=0), metavar="HOURS", show_default=True)]


async def enqueue(tenants: Path, /, *, store: StoreUrl = None, reading: ReadingOptions = READING) -> int:
    """Queue the customers of a file for workers.

    Args:
        tenants: A file of customers: .csv, .json or .xlsx.
        store: The store's URL, on PostgreSQL. Default: BOOOPLY_STORE_URL.
        reading: How to read the file.

    Returns:
        The exit code: 2 if a row is wrong or not confirmed, so that nothing was queued.
    """
    file = CustomerFile(tenants, reading.to_options())
    async with open_existing(store) as opened:
        file.connected = await connected_without_zeros(opened.database)
        if not await file.is_accepted(yes=reading.yes):
            return WRONG_INPUT
        async with AsyncQueue.open(opened) as queue:
            count = await queue.enqueue(file.tenants())
    console().print(f"Queued {count_of(count, 'customer')}. `boooply worker` connects them.")
    return 0


async def worker(
    *,
    store: StoreUrl = None,
    concurrency: Concurrency = CONCURRENCY,
    once: bool = False,
    as_json: Json = False,
    remint_in_doubt: bool = False,
    grace: Grace = GRACE,
    keep_jobs: KeepJobs = KEEP_JOBS / _HOUR,
) -> int:
    """Connect queued customers until a signal stops it.

    Args:
        store: The store's URL, on PostgreSQL. Default: BOOOPLY_STORE_URL.
        concurrency: Maximum number of requests in progress.
        once: Stop when the queue is empty.
        as_json: Print one JSON object per line. Text for people goes to standard error.
        remint_in_doubt: Mint new keys for customers in doubt. A key that exists already stays valid, and is lost.
        grace: Seconds to wait for requests after Ctrl-C or SIGTERM. Then their customers are in doubt.
        keep_jobs: Hours after which finished jobs are deleted.

    Returns:
        The exit code.
    """
    async with AsyncExitStack() as stack:
        signals = stack.enter_context(ExitStack())  # outside the store, so that a signal does not change the exit code
        secrets = platform_keys(as_secret(os.environ.get(PLATFORM.variable)))
        for secret in secrets:
            await AsyncBoooplyPlatform(platform_key=secret).close()  # reports a wrong key before the store is created
        opened = await stack.enter_async_context(open_existing(store))
        limits = RateLimits(shared=opened)
        platforms = [
            await stack.enter_async_context(AsyncBoooplyPlatform(platform_key=secret, rate_limits=limits))
            for secret in secrets
        ]
        queue = await stack.enter_async_context(AsyncQueue.open(opened))
        await check_store(opened, *platforms)
        advice = provision_view.WORKER_ADVICE
        shown = ShownRun(store=opened, is_json=as_json, grace=grace, count_sent=_unknown, advice=advice)
        signals.enter_context(shown.listening())
        outcomes = worked(
            queue,
            platforms,
            concurrency=concurrency,
            wait=not once,
            remint=remint_in_doubt,
            stop=shown.stop,
            grace=grace,
            keep_jobs=keep_jobs * _HOUR,
        )
        code = await shown.show(outcomes, _progress(shown, queue.jobs))
        if code == FAILED or shown.ended_by is None or (once and not await _is_anything_left(queue.jobs)):
            return code
        shown.out.print("\nStopped. Customers that were not sent are queued again.")
        is_released = shown.ended_by is signal.SIGTERM and not once and not shown.given_up
        return 0 if is_released else shown.signalled


def _progress(shown: ShownRun, jobs: Jobs) -> Callable[[], Awaitable[tuple[int, int, str]]]:
    counted_at, queued = 0.0, 0

    async def progressed() -> tuple[int, int, str]:
        nonlocal counted_at, queued
        if time.monotonic() - counted_at > _COUNT_EVERY:
            with suppress(StoreError):  # a lasting failure ends the run elsewhere
                queued = await jobs.count_open()
            counted_at = time.monotonic()
        done = shown.summary.done
        return done, done + queued, provision_view.worker_line(shown.summary, queued, shown.rate())

    return progressed


async def _unknown() -> None:
    """Return None: a worker does not count its requests in progress."""


async def _is_anything_left(jobs: Jobs) -> bool:
    with suppress(StoreError, TimeoutError):
        async with asyncio.timeout(COUNTED_WITHIN):
            return bool(await jobs.count_open())
    return True
