"""The reading of an export: what it is going to cost, and then the interviews of many customers at once."""

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import attrs

from boooply.cli.access import Clients, is_of_one_customer
from boooply.cli.interviews.part import ReadRow, Sink
from boooply.cli.interviews.rows import Row, evaluation_values, is_evaluated, row_of
from boooply.cli.preflight import seconds_to_end
from boooply.client import AsyncBoooplyClient
from boooply.errors import (
    APIConnectionError,
    BoooplyError,
    DeadlineExceededError,
    NotFoundError,
    RateLimitError,
    ServerError,
)
from boooply.models import InterviewFilters, SessionStatus
from boooply.protocol.messages import RateLimitClass
from boooply.ratelimit.limits import RateLimits

_LIMITS: Final = RateLimits()
_PAGE: Final = 100
_TO_COUNT: Final = 3  # reads: whose the key is, and the totals of two lists
OUTAGE: Final = (APIConnectionError, DeadlineExceededError, RateLimitError, ServerError)
_PATIENCE: Final = 90.0  # seconds without a response until a customer, or the export, is given up
_PAUSE: Final = 5.0  # seconds before a customer is read again

Work = Callable[[str], Awaitable[None]]


@attrs.define
class Expected:
    """What is still to read of a customer.

    Attributes:
        interviews: The number of interviews that the filters select.
        evaluations: The number of evaluations to read.
        limit: How many reads a minute the API allows the customer's key.
        spent: The number of reads that it took to find out.
    """

    interviews: int
    evaluations: int
    limit: int
    spent: int

    @property
    def pages(self) -> int:
        """The number of pages of the list."""
        return max(1, -(-self.interviews // _PAGE))

    @property
    def reads(self) -> int:
        """The number of reads to come."""
        return self.pages + self.evaluations


@attrs.define(eq=False, kw_only=True)
class Reading:
    """One run of an export over its customers.

    Attributes:
        clients: Their clients.
        filters: What is selected of each.
        with_evaluations: Whether the evaluations are read too.
        concurrency: How many customers are read at once.
        sink: Where the rows go.
        expected: What is still to read of each customer that was counted and is not complete.
        total: The number of interviews of all customers that were counted.
        done: The number of interviews that were read, by the customer.
        failed: Why customers cannot be read.
    """

    clients: Clients
    filters: InterviewFilters
    with_evaluations: bool
    concurrency: int
    sink: Sink
    expected: dict[str, Expected] = attrs.field(factory=dict[str, Expected], init=False)
    total: int = attrs.field(default=0, init=False)
    done: Counter[str] = attrs.field(factory=Counter[str], init=False)
    failed: dict[str, BoooplyError] = attrs.field(factory=dict[str, BoooplyError], init=False)
    _begun_at: float = attrs.field(factory=time.monotonic, init=False)
    _reads: int = attrs.field(default=0, init=False)
    _listed: Counter[str] = attrs.field(factory=Counter[str], init=False)
    _responded_at: dict[str, float] = attrs.field(factory=dict[str, float], init=False)  # by the customer

    async def count(self, customers: Iterable[str]) -> None:
        """Ask the API how much is to read of each customer: two or three reads for each."""
        await self._each(customers, self._count)
        self.total = sum(one.interviews for one in self.expected.values())

    async def read(self) -> None:
        """Read the customers that were counted."""
        await self._each(list(self.expected), self._read)

    def seconds_left(self) -> float:
        """Estimate how long the rest takes, by the limits of the keys and by the speed of the API so far."""
        left = self.expected.values()
        times = [seconds_to_end(one.spent + one.reads, one.limit, _LIMITS.window) for one in left]
        by_speed = sum(one.reads for one in left) * (time.monotonic() - self._begun_at) / max(1, self._reads)
        return max(by_speed, _makespan(times, self.concurrency))

    async def _count(self, customer: str) -> None:
        client = await self.clients.of(customer)
        page = await client.interviews.list(limit=1, **self.filters)
        evaluations = 0
        completed: InterviewFilters = {**self.filters, "status": [SessionStatus.COMPLETED]}
        is_selected = SessionStatus.COMPLETED in self.filters.get("status", completed["status"])
        if self.with_evaluations and page.items and is_selected:
            found = await client.interviews.list(limit=1, **completed)
            evaluations = max(0, (found.total or len(found.items)) - len(self.sink.evaluations(customer)))
        self._responded_at[customer] = time.monotonic()
        limit = client.rate_limits[RateLimitClass.READS].limit
        self.expected[customer] = Expected(page.total or len(page.items), evaluations, limit, _TO_COUNT)
        self._reads += _TO_COUNT

    async def _read(self, customer: str) -> None:
        client = await self.clients.of(customer)
        self.done[customer] = 0
        # the whole list first: while evaluations are read, a deletion would shift its pages
        unread = await self._list(client, customer)
        expected = self.expected[customer] = attrs.evolve(
            self.expected[customer], interviews=0, evaluations=len(unread), spent=0
        )
        for one in unread:
            evaluation = await self._evaluation(client, customer, one.code)
            self._put(customer, [attrs.evolve(one, evaluation=evaluation)])
            expected.evaluations -= 1
            self._reads += 1
        self.sink.finish(customer)
        del self.expected[customer]

    async def _list(self, client: AsyncBoooplyClient, customer: str) -> list[ReadRow]:
        """Read all interviews of a customer, and return those whose evaluations are to be read."""
        known = self.sink.evaluations(customer)
        rows: list[ReadRow] = []
        unread: list[ReadRow] = []
        async for interview in client.interviews.iterate(**self.filters):
            if len(rows) + len(unread) >= self._listed[customer]:  # further than before an outage
                self._listed[customer] += 1
                self._responded_at[customer] = time.monotonic()
            code = interview.meeting_code
            row = ReadRow(len(rows) + len(unread), code, row_of(customer, interview), known.get(code))
            is_unread = self.with_evaluations and is_evaluated(interview) and code not in known
            (unread if is_unread else rows).append(row)
        self._put(customer, rows)
        self._reads += self.expected[customer].pages
        return unread

    async def _evaluation(self, client: AsyncBoooplyClient, customer: str, meeting_code: str) -> Row | None:
        try:
            evaluation = await client.interviews.get_evaluation(meeting_code)
        except NotFoundError:  # it was deleted since the list was read
            evaluation = None
        self._responded_at[customer] = time.monotonic()
        return None if evaluation is None else evaluation_values(evaluation)

    def _put(self, customer: str, rows: Sequence[ReadRow]) -> None:
        self.sink.put(customer, rows)
        self.done[customer] += len(rows)

    async def _each(self, customers: Iterable[str], work: Work) -> None:
        """Do something for each customer, for several at once; the first error that concerns all of them stops it."""
        names = iter(customers)

        async def run() -> None:
            for name in names:
                await self._with_retry(name, work)

        tasks = [asyncio.create_task(run()) for _ in range(self.concurrency)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _with_retry(self, customer: str, work: Work) -> None:
        """Do something for a customer, again after an outage, and record an error that concerns this one alone."""
        failing_since: float | None = None
        while True:
            try:
                await work(customer)
            except OUTAGE as error:
                if failing_since is None or self._responded_at.get(customer, 0) > failing_since:
                    failing_since = time.monotonic()
                if time.monotonic() - failing_since < _PATIENCE:
                    await asyncio.sleep(_PAUSE)
                    continue
                if max(self._responded_at.values(), default=0) < failing_since:
                    raise
                self._fail(customer, error)  # the others got responses meanwhile
            except BoooplyError as error:
                if not is_of_one_customer(error):
                    raise
                self._fail(customer, error)
            return

    def _fail(self, customer: str, error: BoooplyError) -> None:
        self.failed[customer] = error
        self.expected.pop(customer, None)


def _makespan(times: Iterable[float], workers: int) -> float:
    """Return when the last of these jobs ends, if so many workers do them in this order."""
    ends = [0.0] * workers
    for seconds in times:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)
