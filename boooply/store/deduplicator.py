"""Handling each event once, however often it is delivered: over a store, or in the memory of one process."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from boooply.errors import StoreError
from boooply.store import event_states
from boooply.store.event_states import Claims, EventClaim, EventState, EventStatus
from boooply.webhooks import Event

if TYPE_CHECKING:
    from boooply.store.store import AsyncStore

LEASE: Final = 60.0
"""Seconds after which an event is free again whose process has died."""

_MOST_REMEMBERED: Final = 100_000
_LOOK_AGAIN: Final = 0.1
_RENEWALS: Final = 3  # in one lease


class AsyncDeduplicator:
    """Let one of many deliveries of an event be handled, where it arrives: not within the handler of an ``AsyncInbox``.

    Over an ``AsyncStore`` all processes on it share their knowledge; without one it is that of this process, and of its
    last 100,000 events. While an event is handled its lease is renewed; ``lease`` is for how many seconds others wait
    for a process that died.
    """

    def __init__(self, store: AsyncStore | None = None, /, *, lease: float = LEASE) -> None:
        self._claims: Claims = _InMemory() if store is None else store.events
        self._lease = lease

    @asynccontextmanager
    async def once(self, event: Event, /) -> AsyncGenerator[bool]:
        """Tell whether an event is yours to handle, within the block; False where it has been handled.

        ::

            async with deduplicator.once(event) as is_new:
                if is_new:
                    await handle(event)

        Where somebody else is at it, this waits for the end of that: so an answer that is given after the block is
        true. A block that ends by an exception has not handled the event, and the next delivery is new again.

        A process that dies, or a store that fails, between the handling and the note of it leaves the event to be
        handled again; so does a handler that blocks its event loop for longer than the lease.

        Raises:
            StoreError: The store fails. Answer 503, and the vendor delivers again.
        """
        turn = uuid.uuid4().hex
        if await self._claim(event.idempotency_key, turn) is EventClaim.DONE:
            yield False
            return
        async with renewed(self._claims, event.idempotency_key, turn=turn, lease=self._lease):
            try:
                yield True
            except BaseException:
                with suppress(StoreError):  # then its lease frees it, and what went wrong is the news
                    await run_to_completion(self._claims.release(event.idempotency_key, turn=turn))
                raise
            await run_to_completion(self._claims.finish(event.idempotency_key, turn=turn))

    async def _claim(self, key: str, turn: str) -> EventClaim:
        try:
            while (found := await self._claims.claim(key, turn=turn, lease=self._lease)) is EventClaim.BUSY:  # noqa: ASYNC110 - another process may be at it
                await asyncio.sleep(_LOOK_AGAIN)
        except asyncio.CancelledError:
            with suppress(StoreError):
                await run_to_completion(self._claims.release(key, turn=turn))  # what has begun is written all the same
            raise
        return found


async def run_to_completion(step: Awaitable[object]) -> None:
    """Take a step to its end, also for a caller that is cancelled: what was handled must not be handled again."""
    task = asyncio.ensure_future(step)
    is_cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:  # again and again, where a cancel scope of anyio is behind it
            is_cancelled = True
    problem = task.exception()
    if is_cancelled:
        raise asyncio.CancelledError
    if problem is not None:
        raise problem


@asynccontextmanager
async def renewed(claims: Claims, key: str, *, turn: str, lease: float) -> AsyncGenerator[None]:
    """Renew the lease on an event for as long as the block runs."""
    renewing = asyncio.create_task(_renew(claims, key, turn, lease))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait({renewing})  # and not itself, which would swallow a cancellation of ours


async def _renew(claims: Claims, key: str, turn: str, lease: float) -> None:
    while True:
        await asyncio.sleep(lease / _RENEWALS)
        with suppress(StoreError):  # the next one may come through, and the handler hears of a store that is gone
            await claims.renew(key, turn=turn, lease=lease)


class _InMemory:
    """Keep account in this process."""

    def __init__(self) -> None:
        self._events: OrderedDict[str, EventState] = OrderedDict()

    async def claim(self, key: str, /, *, turn: str, lease: float) -> EventClaim:
        known = self._events.get(key, EventState())
        found, after = event_states.claim(known, time.monotonic(), turn=turn, lease=lease)
        self._keep(key, after)
        return found

    async def renew(self, key: str, /, *, turn: str, lease: float) -> None:
        if key in self._events:
            self._keep(key, event_states.renew(self._events[key], time.monotonic(), turn=turn, lease=lease))

    async def finish(self, key: str, /, *, turn: str) -> None:
        if key in self._events:
            self._keep(key, event_states.finish(self._events[key], turn=turn))

    async def release(self, key: str, /, *, turn: str) -> None:
        if key in self._events:
            self._keep(key, event_states.release(self._events[key], turn=turn))

    def _keep(self, key: str, after: EventState) -> None:
        self._events[key] = after
        self._events.move_to_end(key)
        oldest = next(iter(self._events))
        # one that is being handled stays: forgotten, it would be handled twice
        if len(self._events) > _MOST_REMEMBERED and self._events[oldest].progress is not EventStatus.TAKEN:
            del self._events[oldest]
