"""The first pass over a file of customers: its bad rows, and how much is still to do."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from boooply.errors import ProvisioningError
from boooply.models import Tenant
from boooply.provisioning import BadRow, iterate_rows
from boooply.provisioning.iteration import batched
from boooply.ratelimit.status import RateLimitStatus
from boooply.store import AsyncLedger, State

_BATCH: Final = 500


@attrs.define(kw_only=True)
class Preflight:
    """The customers of a file, counted by their state in the ledger.

    Attributes:
        states: The number of customers in each state; those that the ledger does not know are still to do.
        bad_rows: The rows that must be changed first.
    """

    states: Counter[State] = attrs.field(factory=Counter[State])
    bad_rows: list[BadRow] = attrs.field(factory=list[BadRow])

    def to_mint(self, *, remint: bool) -> int:
        """Count the customers for whom a request goes out."""
        return self.states[State.TODO] + self.states[State.FAILED] + remint * self.states[State.IN_DOUBT]


async def preflight(path: Path, ledger: AsyncLedger, stop: asyncio.Event) -> Preflight:
    """Read a whole file, and look its customers up in the ledger a batch at a time, until ``stop`` is set.

    Raises:
        ProvisioningError: The file cannot be used.
        StoreError: The ledger cannot be read.
    """
    found = Preflight()
    async for batch in batched(_rows(path), _BATCH):
        found.bad_rows += [row for row in batch if isinstance(row, BadRow)]
        ids = [row.organization_id for row in batch if isinstance(row, Tenant)]
        known = [entry.state async for entry in ledger.entries(ids)]
        found.states.update(known)
        found.states[State.TODO] += len(ids) - len(known)
        await asyncio.sleep(0)  # signals come in here: a batch of nothing but bad rows has awaited nothing
        if stop.is_set():
            break
    return found


def tenants(path: Path) -> Iterator[Tenant]:
    """Read the customers of a file that has passed the preflight.

    Raises:
        ProvisioningError: The file has changed since.
    """
    for row in iterate_rows(path):
        if isinstance(row, BadRow):
            raise ProvisioningError(f"{path}: was changed meanwhile: line {row.line}: {row.problem}")
        yield row


def seconds_to_end(count: int, limit: int, window: float) -> float:
    """Return the least time for so many requests: one window's start at once, then those of each further window."""
    return max(0, count - 1) // max(1, limit) * window


def seconds_left(status: RateLimitStatus, count: int, window: float) -> float:
    """Return the time that the remaining requests take: those that wait at the limiter, then those behind them."""
    behind = max(0, count - status.waiting)
    return status.seconds_to_end + seconds_to_end(behind, status.limit, window)


def _rows(path: Path) -> Iterator[Tenant | BadRow]:
    if path.exists() and not path.is_file() and not path.is_dir():  # for a directory, `iterate_rows` raises
        raise ProvisioningError(f"{path}: must be a file that can be read twice, not a pipe")
    yield from iterate_rows(path)
