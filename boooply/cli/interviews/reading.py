"""The reads of an export: an estimate, and then the interviews of many customers at once."""

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
_TO_COUNT: Final = 3  # reads: the owner of the key, and the totals of two lists
OUTAGE: Final = (APIConnectionError, DeadlineExceededError, RateLimitError, ServerError)
_PATIENCE: Final = 90.0  # seconds without a response after which a customer, or the export, fails
_PAUSE: Final = 5.0  # seconds before a customer is read again

Work = Callable[[str], Awaitable[None]]


@attrs.define
class Expected:
    """The rest of a customer that is still to be read.

    Attributes:
        interviews: The number of interviews that match the filters.
        evaluations: The number of evaluations to read.
        limit: The number of reads per minute that the API allows the customer's key.
        spent: The number of reads that this estimate took.
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
        clients: The customers' clients.
        filters: The filters of each list.
        with_evaluations: Whether evaluations are read too.
        concurrency: The number of customers that are read at once.
        sink: The destination of the rows.
        expected: The remaining reads of each customer that was counted and is not complete.
        total: The number of interviews of all counted customers.
        done: The number of interviews that were read, by customer.
        failed: The errors of customers that cannot be read.
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
    _responded_at: dict[str, float] = attrs.field(factory=dict[str, float], init=False)  # by customer

    async def count(self, customers: Iterable[str]) -> None:
        """Ask the API how many interviews each customer has, with two or three reads per customer."""
        await self._each(customers, self._count)
        self.total = sum(one.interviews for one in self.expected.values())

    async def read(self) -> None:
        """Read the customers that were counted."""
        await self._each(list(self.expected), self._read)

    def seconds_left(self) -> float:
        """Estimate the seconds that are left, from the keys' rate limits and the speed of the API so far."""
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
        # read the whole list first: a deletion while evaluations are read would shift its pages
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
        """Read all interviews of a customer, and return those whose evaluations must be read."""
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
        except NotFoundError:  # it was deleted after the list was read
            evaluation = None
        self._responded_at[customer] = time.monotonic()
        return None if evaluation is None else evaluation_values(evaluation)

    def _put(self, customer: str, rows: Sequence[ReadRow]) -> None:
        self.sink.put(customer, rows)
        self.done[customer] += len(rows)

    async def _each(self, customers: Iterable[str], work: Work) -> None:
        """Run ``work`` for each customer, several at a time. The first error that affects all of them stops it."""
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
        """Run ``work`` for a customer, again after an outage. Record an error that concerns only this customer."""
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
                self._fail(customer, error)  # other customers got responses meanwhile
            except BoooplyError as error:
                if not is_of_one_customer(error):
                    raise
                self._fail(customer, error)
            return

    def _fail(self, customer: str, error: BoooplyError) -> None:
        self.failed[customer] = error
        self.expected.pop(customer, None)


def _makespan(times: Iterable[float], workers: int) -> float:
    """Return when the last of these jobs ends if this number of workers does them in order."""
    ends = [0.0] * workers
    for seconds in times:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)
