"""The first pass over a file of customers, which counts the remaining work."""

import asyncio
from collections import Counter
from typing import Final

import attrs

from boooply.cli.customer_file import CustomerFile
from boooply.models import Tenant
from boooply.provisioning.iteration import batched
from boooply.ratelimit.status import RateLimitStatus
from boooply.store import AsyncLedger, State

_BATCH: Final = 500


@attrs.define(kw_only=True)
class Preflight:
    """The customers of a file, counted by their state in the ledger.

    Attributes:
        states: The number of customers in each state. Customers without an entry count as ``TODO``.
    """

    states: Counter[State] = attrs.field(factory=Counter[State])

    def to_mint(self, *, remint: bool) -> int:
        """Return the number of customers for which a request will be sent."""
        return self.states[State.TODO] + self.states[State.FAILED] + remint * self.states[State.IN_DOUBT]


async def preflight(file: CustomerFile, ledger: AsyncLedger, stop: asyncio.Event) -> Preflight:
    """Check a whole file, and look its customers up in the ledger a batch at a time, until ``stop`` is set.

    Raises:
        ProvisioningError: The file cannot be used.
        StoreError: The ledger cannot be read.
    """
    found = Preflight()
    async for batch in batched(file.check(), _BATCH):
        ids = [row.organization_id for row in batch if isinstance(row, Tenant)]
        known = [entry.state async for entry in ledger.entries(ids)]
        found.states.update(known)
        found.states[State.TODO] += len(ids) - len(known)
        await asyncio.sleep(0)  # lets signals in, since a batch of bad rows only has awaited nothing
        if stop.is_set():
            break
    return found


def seconds_to_end(count: int, limit: int, window: float) -> float:
    """Return the minimum seconds for so many requests. The first window's requests start at once."""
    return max(0, count - 1) // max(1, limit) * window


def seconds_left(status: RateLimitStatus, count: int, window: float) -> float:
    """Return the seconds that the remaining requests take: those waiting at the limiter, then the others."""
    behind = max(0, count - status.waiting)
    return status.seconds_to_end + seconds_to_end(behind, status.limit, window)
