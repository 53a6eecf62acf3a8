"""A run in the terminal: its output, its signals and its exit code."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import ExitStack, aclosing, contextmanager, suppress
from functools import partial
from typing import Annotated, Final, NoReturn

import attrs
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import Progress

from boooply.cli import provision_view
from boooply.cli.exit_codes import DONE, FAILED, SIGNALLED, UNFINISHED
from boooply.cli.rescue import rescue
from boooply.cli.summary import COUNTED_WITHIN, Summary, as_json
from boooply.cli.terminal import console, listening, print_error, write_line
from boooply.errors import BoooplyError, StoreError
from boooply.provisioning import InDoubt, KeysNotStoredError, Outcome
from boooply.provisioning.provisioner import STOPPED
from boooply.store import AsyncStore

_LAST_SECONDS: Final = 4.0  # after the grace period, for the store and the output; then the process exits
_PRINTED_WITHIN: Final = 0.5  # seconds

Grace = Annotated[float, Parameter(validator=Number(gte=0, lte=3600), metavar="SECONDS", show_default=True)]
"""Seconds to wait for requests in progress after a signal. Then their customers are in doubt."""


@attrs.define(eq=False, kw_only=True)
class ShownRun:
    """The state and the output of one run of a command.

    Attributes:
        store: The store of its customers.
        is_json: Whether standard output gets JSON.
        grace: Seconds to wait for requests in progress after a signal.
        count_sent: Counts the requests in progress.
        advice: What to do about the customers that the summary lists, by the outcome's name.
        stop: The event that ends the run.
        ended_by: The signal that ended the run, or None.
        summary: The outcomes so far.
        given_up: The number of requests that took longer than the grace period.
        total: The number of customers, 0 until it is known.
    """

    store: AsyncStore
    is_json: bool
    grace: float
    count_sent: Callable[[], Awaitable[int | None]]
    advice: Mapping[str, str]
    stop: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    ended_by: signal.Signals | None = attrs.field(default=None, init=False)
    summary: Summary = attrs.field(factory=Summary, init=False)
    given_up: int = attrs.field(default=0, init=False)
    total: int = attrs.field(default=0, init=False)
    started: float = attrs.field(factory=time.monotonic, init=False)
    out: Console = attrs.field(init=False)
    _bar: Progress = attrs.field(init=False)
    _watchdog: threading.Timer = attrs.field(init=False)
    _announcing: asyncio.Task[None] | None = attrs.field(default=None, init=False)
    _is_connecting: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.out = console(stderr=self.is_json)
        self._bar = provision_view.progress_bar(self.out)
        self._watchdog = threading.Timer(self.grace + _LAST_SECONDS, self._give_up)
        self._watchdog.daemon = True

    @contextmanager
    def listening(self) -> Generator[None]:
        """Stop the run at the first signal, and exit at the second."""
        with ExitStack() as handlers:
            for number in (signal.SIGINT, signal.SIGTERM):
                handlers.enter_context(listening(partial(self._on_signal, number), (number,)))
            try:
                yield
            finally:
                self._watchdog.cancel()

    async def show(self, outcomes: AsyncGenerator[Outcome], progressed: provision_view.Progressed) -> int:
        """Show the outcomes, the progress and the summary, and return the exit code: 0, 1 or 4.

        Keys that cannot be stored go into a rescue file.
        """
        self.started = time.monotonic()
        problem = None
        self._is_connecting = True
        try:
            async with provision_view.updated(self._bar, progressed):
                await self._collect(outcomes)
        except BoooplyError as error:
            problem = error
        self._is_connecting = False
        seconds = time.monotonic() - self.started
        if isinstance(problem, KeysNotStoredError):
            rescue(problem, self.store.encryption)  # first, since the process may be killed
        # the failure of a store is reported already, and a count is not worth an error
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(COUNTED_WITHIN if problem is not None or self.stop.is_set() else None):
                await self.summary.count_orphans(self.store.ledger)
        if self._announcing is not None:
            await self._announcing
        if self.is_json:
            write_line(json.dumps({"summary": self.summary.to_dict(max(self.total, self.summary.done))}))
        self.out.print(provision_view.summary(self.summary, seconds, self.advice))
        if problem is not None and not isinstance(problem, KeysNotStoredError):
            print_error(str(problem))
        if problem is not None:
            return FAILED
        return UNFINISHED if self.summary.listed else DONE

    @property
    def signalled(self) -> int:
        """The exit code after a signal: 130 or 143."""
        return SIGNALLED + (self.ended_by or signal.SIGINT)

    def rate(self) -> float:
        """Return the number of requests per minute; in the first minute, the number so far."""
        return self.summary.requested / max(1.0, (time.monotonic() - self.started) / 60)

    async def _collect(self, outcomes: AsyncGenerator[Outcome]) -> None:
        async with aclosing(outcomes):
            async for outcome in outcomes:
                if self.is_json:
                    await asyncio.to_thread(write_line, as_json(outcome))  # signals arrive although nobody reads it
                is_given_up = isinstance(outcome, InDoubt) and outcome.reason == STOPPED
                self.given_up += is_given_up and self.stop.is_set()  # an earlier run may have left it in doubt
                await self.summary.add(outcome, self.store.ledger)

    def _on_signal(self, number: signal.Signals) -> None:
        if self.stop.is_set():
            self._give_up()
        self.ended_by = number
        self.stop.set()
        self._watchdog.start()
        if self._is_connecting:
            self._announcing = asyncio.create_task(self._announce_stop())

    async def _announce_stop(self) -> None:
        count = None
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(COUNTED_WITHIN):
                count = await self.count_sent()
        self.out.print(provision_view.stopping(count))

    def _give_up(self) -> NoReturn:
        printing = threading.Thread(target=self._print_given_up, daemon=True)  # it blocks while nobody reads the output
        printing.start()
        printing.join(_PRINTED_WITHIN)
        # a normal exit would wait for the requests, as after the first signal
        os._exit(self.signalled)

    def _print_given_up(self) -> None:
        self._bar.stop()  # shows the cursor again
        self.out.print("Stopped at once. Customers with a request in progress are in doubt.")
