"""The sources of a run's customers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final, Protocol

from boooply.models import Tenant
from boooply.provisioning.outcomes import Outcome

_MOST_BUSY: Final = 1000  # customers claimed by other runs; at this number, no further customers are read
_RETRY_BUSY_AFTER: Final = 0.5  # seconds


class Source(Protocol):
    """The customers of a run, one after another. Several tasks may ask for the next one at the same time."""

    async def next(self) -> Tenant | Outcome | None:
        """Return the next customer, or the outcome of a customer without a request, or None after the last one."""

    async def settle(self, outcome: Outcome, /) -> None:
        """Record that a customer has its outcome."""

    async def put_back(self, tenant: Tenant, /) -> None:
        """Take back a customer whose request was certainly not sent. ``next`` returns it again later."""


class IterableSource:
    """The customers of an iterable, including those that were busy."""

    def __init__(self, tenants: AsyncIterator[Tenant], stopped: asyncio.Event) -> None:
        self._tenants = tenants
        self._stopped = stopped
        self._lock = asyncio.Lock()
        self._busy: deque[tuple[float, Tenant]] = deque()  # each with the time of the next attempt

    async def next(self) -> Tenant | None:
        """Return the next customer, or one that was busy."""
        async with self._lock:
            if self._stopped.is_set():
                return None
            if len(self._busy) < _MOST_BUSY and (tenant := await anext(self._tenants, None)) is not None:
                return tenant
        if not self._busy:
            return None
        due, tenant = self._busy.popleft()
        return None if await sets_within(self._stopped, due - _now()) else tenant

    async def settle(self, outcome: Outcome, /) -> None:
        """Do nothing, because an iterable records no outcomes."""

    async def put_back(self, tenant: Tenant, /) -> None:
        """Return a customer again after a short pause."""
        self._busy.append((_now() + _RETRY_BUSY_AFTER, tenant))


async def sets_within(event: asyncio.Event, seconds: float, /) -> bool:
    """Wait at most so many seconds until an event is set, and return whether it is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


def _now() -> float:
    return asyncio.get_running_loop().time()
