"""The deduplicator: it lets each event be handled once, however often it is delivered."""

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
"""The default lease in seconds. If a process dies, its event can be claimed again after this time."""

_MOST_REMEMBERED: Final = 100_000
_POLL: Final = 0.1  # seconds
_RENEWALS: Final = 3  # in one lease
_RELEASED_WITHIN: Final = 2.0  # the longest time in seconds to release an event in a failing store


class AsyncDeduplicator:
    """A filter for repeated deliveries of an event, for code that handles events where they arrive.

    Do not use it in a handler of ``AsyncInbox``, which already handles each event once.

    Args:
        store: An open store. All processes on it share their knowledge of handled events. Without a store, this process
            remembers its last 100,000 events in memory.
        lease: The time in seconds for which other processes wait if a process dies while it handles an event. The lease
            is renewed while an event is handled.

    Raises:
        ConfigurationError: The lease is not a number of seconds above zero.
    """

    def __init__(self, store: AsyncStore | None = None, /, *, lease: float = LEASE) -> None:
        check("lease", lease, SECONDS)
        self._claims: AsyncEvents | _InMemory = _InMemory() if store is None else store.events
        self._lease = lease

    @asynccontextmanager
    async def once(self, event: Event, /) -> AsyncGenerator[bool]:
        """Yield True if you must handle the event within the block, and False if it was already handled.

            async with deduplicator.once(event) as is_new:
                if is_new:
                    await handle(event)

        If another task or process is handling the event, this waits until it has finished. So you can send the response
        after the block. If the block raises an exception, the event counts as not handled, and its next delivery yields
        True.

        An event can be handled twice in two cases: the process dies or the store fails between the end of the block and
        its recording, or the block keeps its event loop busy for longer than the lease.

        Args:
            event: The verified event.

        Raises:
            StoreError: The store fails. Respond with 503, and Boooply delivers the event again.
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
            await release(
                self._claims, key, claim_token
            )  # a claim that has begun is still written, before this release
            raise
        return result


async def release(events: AsyncEvents | _InMemory, key: str, claim_token: str) -> None:
    """Release the claim on an event, even if the caller is cancelled. If the store fails, the lease frees the event."""
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
        await asyncio.wait({renewing})  # awaiting the task itself would swallow our own cancellation


async def _renew(events: AsyncEvents | _InMemory, key: str, claim_token: str, lease: float) -> None:
    while True:
        await asyncio.sleep(lease / _RENEWALS)
        with suppress(StoreError):  # the next renewal may succeed, and the end of the block reports a lasting failure
            await events.renew(key, claim_token=claim_token, lease=lease)


class _InMemory:
    """The record of events in memory, for all threads of this process."""

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
            # keep an event that is being handled: if it were removed, it could be handled twice
            if len(self._states) > _MOST_REMEMBERED and self._states[oldest].status is not EventStatus.CLAIMED:
                del self._states[oldest]
            return result
