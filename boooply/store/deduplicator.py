"""The deduplicator: each event is handled once, however often it is delivered."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from boooply.errors import StoreError
from boooply.protocol.settings import SECONDS, check
from boooply.store import event_states
from boooply.store.completion import run_to_completion
from boooply.store.entries import ClaimResult
from boooply.store.event_states import EventState, EventStatus
from boooply.webhooks import Event

if TYPE_CHECKING:
    from boooply.store.events import AsyncEvents
    from boooply.store.store import AsyncStore

T = TypeVar("T")

LEASE: Final = 60.0
"""Seconds after which an event is free again whose process has died."""

_MOST_REMEMBERED: Final = 100_000
_POLL: Final = 0.1  # seconds
_RENEWALS: Final = 3  # in one lease
_RELEASED_WITHIN: Final = 2.0  # seconds for which a store that fails is asked to release an event


class AsyncDeduplicator:
    """A filter that lets one of many deliveries of an event be handled, where it arrives.

    Don't use it within the handler of an ``AsyncInbox``, which handles each event once anyway. Over an ``AsyncStore``
    all processes on it share what they know; without one, it is what this process knows about its last 100,000 events.
    While an event is handled its lease is renewed; ``lease`` is how many seconds others wait for a process that died.
    """

    def __init__(self, store: AsyncStore | None = None, /, *, lease: float = LEASE) -> None:
        check("lease", lease, SECONDS)
        self._claims: AsyncEvents | _InMemory = _InMemory() if store is None else store.events
        self._lease = lease

    @asynccontextmanager
    async def once(self, event: Event, /) -> AsyncGenerator[bool]:
        """Yield True if the event is yours to handle, within the block; False if it has been handled.

            async with deduplicator.once(event) as is_new:
                if is_new:
                    await handle(event)

        If somebody else is handling it, this waits until they have finished: a response sent after the block is true.
        A block that ends with an exception has not handled the event, and the next delivery is new again.

        A process that dies, or a store that fails, after the event was handled and before that was recorded leaves the
        event to be handled again; so does a handler that blocks its event loop for longer than the lease.

        Raises:
            StoreError: The store fails. Respond with 503, and the vendor delivers again.
        """
        key, claim_token = event.idempotency_key, uuid.uuid4().hex
        if await self._claim(key, claim_token) is ClaimResult.DONE:
            yield False
            return
        async with renewed(self._claims, key, claim_token=claim_token, lease=self._lease):
            try:
                yield True
            except BaseException:
                await release(self._claims, key, claim_token)
                raise
            await run_to_completion(self._claims.finish(key, claim_token=claim_token))

    async def _claim(self, key: str, claim_token: str) -> ClaimResult:
        claim = partial(self._claims.claim, key, claim_token=claim_token, lease=self._lease)
        try:
            while (result := await claim()) is ClaimResult.BUSY:  # noqa: ASYNC110 - another process may be handling it
                await asyncio.sleep(_POLL)
        except asyncio.CancelledError:
            await release(self._claims, key, claim_token)  # a claim that has begun is written all the same, before this
            raise
        return result


async def release(events: AsyncEvents | _InMemory, key: str, claim_token: str) -> None:
    """Release the claim on an event, whatever becomes of the caller; if the store fails, the lease frees it."""
    with suppress(StoreError, TimeoutError):
        await run_to_completion(asyncio.wait_for(events.release(key, claim_token=claim_token), _RELEASED_WITHIN))


@asynccontextmanager
async def renewed(events: AsyncEvents | _InMemory, key: str, *, claim_token: str, lease: float) -> AsyncGenerator[None]:
    """Renew the lease on an event while the block runs."""
    renewing = asyncio.create_task(_renew(events, key, claim_token, lease))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait({renewing})  # awaiting the task itself would swallow a cancellation of ours


async def _renew(events: AsyncEvents | _InMemory, key: str, claim_token: str, lease: float) -> None:
    while True:
        await asyncio.sleep(lease / _RENEWALS)
        with suppress(StoreError):  # the next renewal may succeed; the end of the block meets a store that is gone
            await events.renew(key, claim_token=claim_token, lease=lease)


class _InMemory:
    """The record of events in this process, for all of its threads."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, EventState] = OrderedDict()
        self._lock = threading.Lock()

    async def claim(self, key: str, /, *, claim_token: str, lease: float) -> ClaimResult:
        return self._step(key, partial(event_states.claim, claim_token=claim_token, lease=lease))

    async def renew(self, key: str, /, *, claim_token: str, lease: float) -> None:
        self._step(key, partial(event_states.renew, claim_token=claim_token, lease=lease))

    async def finish(self, key: str, /, *, claim_token: str) -> None:
        self._step(key, partial(event_states.finish, claim_token=claim_token))

    async def release(self, key: str, /, *, claim_token: str) -> None:
        self._step(key, partial(event_states.release, claim_token=claim_token))

    def _step(self, key: str, step: Callable[[EventState, float], tuple[T, EventState]]) -> T:
        with self._lock:
            result, self._states[key] = step(self._states.get(key, EventState()), time.monotonic())
            self._states.move_to_end(key)
            oldest = next(iter(self._states))
            # one that is being handled stays: forgotten, it would be handled twice
            if len(self._states) > _MOST_REMEMBERED and self._states[oldest].status is not EventStatus.CLAIMED:
                del self._states[oldest]
            return result
