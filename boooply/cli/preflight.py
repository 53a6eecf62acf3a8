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
_TRIED: Final = (None, State.TODO, State.FAILED)  # None: the ledger does not know it


@attrs.define(kw_only=True)
class Preflight:
    """The customers of a file, counted by their state in the ledger.

    Attributes:
        states: The number of customers in each state; None counts those that the ledger does not know.
        bad_rows: The rows that must be changed first.
        is_complete: False if the pass was stopped early.
    """

    states: Counter[State | None] = attrs.field(factory=Counter[State | None])
    bad_rows: list[BadRow] = attrs.field(factory=list[BadRow])
    is_complete: bool = True

    @property
    def total(self) -> int:
        """The number of customers in the file."""
        return self.states.total()

    def to_mint(self, *, remint: bool) -> int:
        """Count the customers for whom a request goes out."""
        return sum(self.states[state] for state in _TRIED) + (self.states[State.IN_DOUBT] if remint else 0)


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
        known = 0
        async for entry in ledger.entries(ids):
            found.states[entry.state] += 1
            known += 1
        found.states[None] += len(ids) - known
        await asyncio.sleep(0)  # signals come in here: a batch of nothing but bad rows has awaited nothing
        if stop.is_set():
            found.is_complete = False
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
