"""The first pass over a file: whether every row is good, and how much of it there is still to do."""

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
    """Count the customers of a file by where they stand in the ledger.

    Attributes:
        states: How many stand where; None is for those that the ledger does not know.
        bad_rows: What has to be changed first.
        is_complete: False where it was broken off.
    """

    states: Counter[State | None] = attrs.field(factory=Counter[State | None])
    bad_rows: list[BadRow] = attrs.field(factory=list[BadRow])
    is_complete: bool = True

    @property
    def total(self) -> int:
        """All customers of the file."""
        return self.states.total()

    def to_mint(self, *, remint: bool) -> int:
        """Count the customers for whom a request goes out."""
        return sum(self.states[state] for state in _TRIED) + (self.states[State.IN_DOUBT] if remint else 0)


async def preflight(path: Path, ledger: AsyncLedger, stop: asyncio.Event) -> Preflight:
    """Read a whole file, and ask the ledger about its customers a batch at a time; ``stop`` breaks it off.

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
        await asyncio.sleep(0)  # a batch of bad rows alone has waited for nothing: signals come in here
        if stop.is_set():
            found.is_complete = False
            break
    return found


def tenants(path: Path) -> Iterator[Tenant]:
    """Read the customers of a file that was surveyed.

    Raises:
        ProvisioningError: It is not what it was.
    """
    for row in iterate_rows(path):
        if isinstance(row, BadRow):
            raise ProvisioningError(f"{path}: was changed meanwhile: line {row.line}: {row.problem}")
        yield row


def seconds_to_end(count: int, limit: int, window: float) -> float:
    """Say how long so many requests take at least: as many as are allowed start at once, then those of each window."""
    return max(0, count - 1) // max(1, limit) * window


def seconds_left(allowance: RateLimitStatus, count: int, window: float) -> float:
    """Say how long the rest of them takes: those in line as the governor knows, then those behind them."""
    behind = max(0, count - allowance.waiting)
    return allowance.seconds_to_end + seconds_to_end(behind, allowance.limit, window)


def _rows(path: Path) -> Iterator[Tenant | BadRow]:
    if path.exists() and not path.is_file() and not path.is_dir():  # of a directory `iterate_rows` says what it is
        raise ProvisioningError(f"{path}: has to be a file that can be read twice, and no pipe")
    yield from iterate_rows(path)
