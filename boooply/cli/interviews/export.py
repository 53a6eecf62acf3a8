"""``boooply interviews export``: the interviews of one or all customers, as CSV or JSON Lines."""

import asyncio
import signal
import time
from collections.abc import Coroutine
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import attrs
from cyclopts import Parameter

from boooply.cli.access import ANY, OF_THE_KEY, Access, Clients, open_clients
from boooply.cli.customer_file import Delimiter, file_options
from boooply.cli.exit_codes import DONE, FAILED, SIGNALLED, UNFINISHED
from boooply.cli.interviews import view
from boooply.cli.interviews.filters import NO_FILTERS, Filters
from boooply.cli.interviews.part import Part, Sink, Stream
from boooply.cli.interviews.reading import OUTAGE, Reading
from boooply.cli.interviews.rows import COLUMNS, EVALUATION_COLUMNS, Format
from boooply.cli.provision_view import progress_bar, updated
from boooply.cli.terminal import Concurrency, console, listening, print_error
from boooply.errors import ConfigurationError, StoreError
from boooply.models import InterviewFilters

_CONCURRENCY: Final = 16
_JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})
_WORKBOOKS: Final = frozenset({".xlsx", ".xls", ".ods"})

_Output = Annotated[Path | None, Parameter(metavar="FILE")]


async def export(  # noqa: PLR0913 - each is an option of the command
    *,
    all_customers: bool = False,
    evaluations: bool = False,
    csv: bool = False,
    jsonl: bool = False,
    delimiter: Delimiter = None,
    output: _Output = None,
    concurrency: Concurrency = _CONCURRENCY,
    access: Access = ANY,
    filters: Filters = NO_FILTERS,
) -> int:
    """Write all interviews that the filters select, one a line.

    Args:
        all_customers: Read the interviews of every customer that has a key in the store.
        evaluations: Add the score and the recommendation of each evaluation, which takes one more read for each.
        csv: Write CSV for a spreadsheet; the default.
        jsonl: Write one JSON object a line; the default for a FILE that ends with .jsonl.
        delimiter: The character between two cells of CSV, such as ";" or tab. Default: a comma.
        output: The file, which appears once it is complete; otherwise standard output.
        concurrency: How many customers are read at once; each key has an allowance of its own.
        access: Whose interviews.
        filters: Which of them.

    Returns:
        The exit code.
    """
    given = _Export(
        target=output,
        form=Format(
            name=_format_name(output, is_csv=csv, is_jsonl=jsonl, is_delimited=delimiter is not None),
            columns=COLUMNS + EVALUATION_COLUMNS if evaluations else COLUMNS,
            delimiter=file_options(delimiter=delimiter).delimiter or ",",
        ),
        filters=filters,
        selected=filters.checked(),
        with_evaluations=evaluations,
        is_single=not all_customers,
        concurrency=concurrency,
    )

    async def run() -> int:
        async with open_clients(access, all_customers=all_customers) as clients:
            return await given.run(clients)

    try:
        code = await _until_signal(run())
    except (*OUTAGE, StoreError) as error:
        if given.target is None:
            raise
        print_error(f"{error}. {view.CONTINUE}")
        return FAILED
    if code >= SIGNALLED:
        console(stderr=True).print(view.stopped(given.target))
    return code


@attrs.frozen(eq=False, kw_only=True)
class _Export:
    """An export as it was asked for."""

    target: Path | None
    form: Format
    filters: Filters
    selected: InterviewFilters
    with_evaluations: bool
    is_single: bool
    concurrency: int

    async def run(self, clients: Clients) -> int:
        """Read what is not in a half-finished export yet, write it, and return the exit code."""
        begun = time.monotonic()
        if self.target is None:
            reading = await self._read(clients, Stream(self.form))
            count: int | None = reading.done.total()
        else:
            target = self.target.resolve()  # of a link, the file itself is replaced
            with Part.open(target, await self._options(clients)) as part:
                reading = await self._read(clients, part)
                is_anything_read = part.customers or not reading.failed
                count = part.write(target, self.form) if is_anything_read else None
        seconds = time.monotonic() - begun
        out = console(stderr=True)
        out.print(view.exported(count, self.target, seconds), soft_wrap=True)  # a path in one piece can be copied
        if reading.failed:
            missing = "not in the file" if self.target is not None else "missing or incomplete"
            out.print(view.unreadable(reading.failed, missing))
        return UNFINISHED if reading.failed else DONE

    async def _read(self, clients: Clients, sink: Sink) -> Reading:
        reading = Reading(
            clients=clients,
            filters=self.selected,
            with_evaluations=self.with_evaluations,
            concurrency=self.concurrency,
            sink=sink,
        )
        await _show_reading(reading)
        if reading.failed and self.is_single:
            raise next(iter(reading.failed.values()))
        return reading

    async def _options(self, clients: Clients) -> dict[str, Any]:
        """Return what a half-finished export must have in common with the one that continues it."""
        return {
            "api": clients.base_url,
            "customers": await _identity(clients) if self.is_single else "all",
            "evaluations": self.with_evaluations,
            "filters": attrs.asdict(self.filters),
            "form": self.form.name,
        }


async def _show_reading(reading: Reading) -> None:
    """Count what is to read, show how long that takes, and read it."""
    out = console(stderr=True)
    names = reading.clients.names
    complete = reading.sink.customers
    left = [one for one in names if one not in complete]
    if reading.sink.begun_at is not None:
        out.print(view.continued(reading.sink.begun_at, len(names) - len(left), len(names)))

    async def counted() -> tuple[int, int, str]:
        done = len(reading.expected) + len(reading.failed)
        return done, len(left), f"{done:,}/{len(left):,} customers counted"

    async def progressed() -> tuple[int, int, str]:
        return reading.done.total(), reading.total, view.progress_line(reading)

    async with updated(progress_bar(out), counted):
        await reading.count(left)
    out.print(view.plan(reading))
    async with updated(progress_bar(out), progressed):
        await reading.read()


async def _identity(clients: Clients) -> str:
    """Return what an export's progress belongs to: a customer, or the organization of the key."""
    (name,) = clients.names
    if name != OF_THE_KEY:
        return f"customer {name}"
    return f"organization {(await (await clients.of(name)).organization.get()).id}"


def _format_name(output: Path | None, *, is_csv: bool, is_jsonl: bool, is_delimited: bool) -> str:
    if is_csv and is_jsonl:
        raise ConfigurationError("--csv and --jsonl exclude each other: give one of them")
    suffix = "" if output is None else output.suffix.lower()
    if suffix in _WORKBOOKS:
        raise ConfigurationError(f"--output: a {suffix} file is not written: name a .csv file, which spreadsheets open")
    is_named = suffix in _JSON_LINES
    name = "jsonl" if is_jsonl or (is_named and not is_csv) else "csv"
    if is_delimited and name != "csv":
        raise ConfigurationError(
            f"--delimiter is for CSV: leave out {'--jsonl' if is_jsonl else '--delimiter, or add --csv'}"
        )
    return name


async def _until_signal(work: Coroutine[Any, Any, int]) -> int:
    """Do something until Ctrl-C or SIGTERM cancels it, and return its exit code or that of the signal."""
    task = asyncio.create_task(work)
    ended_by: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        ended_by.append(number)
        task.cancel()

    with ExitStack() as handlers:
        for number in (signal.SIGINT, signal.SIGTERM):
            handlers.enter_context(listening(partial(stop, number), (number,)))
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
    return SIGNALLED + ended_by[0] if task.cancelled() and ended_by else task.result()
