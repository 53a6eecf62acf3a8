"""The limiter that several processes share through a store."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

from boooply.errors import StoreError
from boooply.protocol.messages import RateLimitClass
from boooply.ratelimit.headers import RateLimitHeaders
from boooply.ratelimit.limits import RateLimits
from boooply.ratelimit.status import AcquireResult, LimitStore, RateLimitStatus
from boooply.secret import Secret
from boooply.transport.waiters import Waiters

_SETTLED_WITHIN: Final = 0.5  # the most seconds to wait until a failing store records the last calls
_JITTER: Final = 0.002  # seconds at most, so that callers that wait for the same time do not all ask at once
_DIGITS: Final = 32


def shared_name(key: Secret | None, base_url: str, rate_limit_class: RateLimitClass) -> str:
    """Return the name of a shared limiter: a digest of the key, or else of the URL, and the class of calls."""
    identity = base_url if key is None else key.reveal()
    return f"{hashlib.sha256(identity.encode()).hexdigest()[:_DIGITS]}:{rate_limit_class.value}"


class SharedLimiter:
    """A rate limiter in a store. Of the callers on an event loop, only the first one asks the store."""

    def __init__(self, name: str, rate_limit_class: RateLimitClass, limits: RateLimits, store: LimitStore) -> None:
        self._store = store
        self._which = (name, limits.limit_of(rate_limit_class), limits.window)
        self._waiters = Waiters()
        self._last_status: RateLimitStatus | None = None
        self._recordings: set[asyncio.Task[None]] = set()

    def is_idle(self) -> bool:
        """Return whether this limiter can be dropped without loss, since the store has its calls."""
        return not self._waiters and not self._recordings

    def wait(self) -> float:
        """Return 0, because the wait of a new caller also depends on other processes."""
        return 0.0

    def status(self) -> RateLimitStatus:
        """Return the status at the last request to the store, with the callers that wait now."""
        _, limit, window = self._which
        last, waiting = self._last_status, len(self._waiters)
        if last is not None:
            limit = last.limit
        remaining = limit if last is None else last.remaining
        windows = -(-max(0, waiting - remaining) // limit)
        return RateLimitStatus(limit=limit, remaining=remaining, waiting=waiting, seconds_to_end=windows * window)

    async def acquire(self) -> float:
        """Wait until a call may start, and return its start time by the store's clock.

        Raises:
            StoreError: The store failed.
        """
        async with self._waiters.queue():
            while (result := await self._ask()).delay > 0:  # noqa: ASYNC110 - other processes cannot set an event
                await asyncio.sleep(result.delay + random.random() * _JITTER)  # noqa: S311 - spreads processes
            return result.started

    def finish(self, headers: RateLimitHeaders | None, *, started: float, rate_limited: bool = False) -> None:
        """Record the end of a call, like `RateLimiter.finish`, in the background."""
        self._record(self._store.finish(*self._which, headers, started=started, rate_limited=rate_limited))

    def release(self, *, started: float) -> None:
        """Record that a call did not reach the API, in the background."""
        self._record(self._store.release(*self._which, started=started))

    async def settle(self) -> None:
        """Wait until all recordings of this event loop are done, but not long for a failing store."""
        loop = asyncio.get_running_loop()
        while recordings := [task for task in tuple(self._recordings) if task.get_loop() is loop]:
            _, late = await asyncio.wait(recordings, timeout=_SETTLED_WITHIN)
            for task in late:
                task.cancel()

    async def _ask(self) -> AcquireResult:
        asking = asyncio.ensure_future(self._store.acquire(*self._which))
        try:
            result = await asyncio.shield(asking)
        except asyncio.CancelledError:
            self._record(self._undo(asking))
            raise
        self._last_status = result.status
        return result

    async def _undo(self, asking: asyncio.Future[AcquireResult]) -> None:
        """Release the call of a caller that was cancelled while it asked the store."""
        result = await asking
        if result.delay == 0:
            await self._store.release(*self._which, started=result.started)

    def _record(self, recording: Awaitable[None]) -> None:
        task = asyncio.ensure_future(_ignoring_store_errors(recording))
        self._recordings.add(task)
        task.add_done_callback(self._recordings.discard)


async def _ignoring_store_errors(recording: Awaitable[None]) -> None:
    with suppress(StoreError):  # if its end is not recorded, a call expires after a window
        await recording
