"""The workers of an inbox: each takes an event, calls its handler, and records the result."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

import attrs

from boooply.errors import MalformedEventError, StoreError
from boooply.store.completion import run_to_completion
from boooply.store.deduplicator import release, renewed
from boooply.store.event_records import EventRecord
from boooply.store.event_states import RetrySchedule
from boooply.store.events import AsyncEvents, StoredEvent
from boooply.store.handler_calls import (
    Handler,
    HandlerCall,
    calling,
    class_and_place,
    log_failure,
    log_late,
    subject_text,
)
from boooply.webhooks import Event, read_event

OnDead = Callable[[EventRecord], object]

_LOOK_AGAIN: Final = 2.0  # seconds between two checks for events of other processes, and for retries
_LOOK_AT_CLOCK: Final = 0.05  # seconds between two checks if a test has its own clock
_UNREADABLE: Final = "it was encrypted with another encryption key, or altered"
_NO_ATTEMPT_LEFT: Final = "no attempt is left: the process ended during the last attempt, or the limit was lowered"

logger: logging.Logger = logging.getLogger("boooply.inbox")


@attrs.frozen
class Timing:
    """The lease of a claim, the pauses between attempts, and the clock for the pauses if it is not the database's."""

    lease: float
    schedule: RetrySchedule
    clock: Callable[[], datetime] | None

    def now(self) -> float | None:
        """Return the time of the test's clock, or None for the database's."""
        return None if self.clock is None else self.clock().timestamp()

    @property
    def look_again(self) -> float:
        """The seconds between two checks for events."""
        return _LOOK_AGAIN if self.clock is None else _LOOK_AT_CLOCK


@attrs.frozen(eq=False)
class Work:
    """One run of an inbox's workers."""

    events: AsyncEvents
    timing: Timing
    handler_of: Callable[[Event], Handler]
    on_dead: OnDead | None
    timeout: float
    stop: asyncio.Event
    news: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _late: set[asyncio.Task[None]] = attrs.field(factory=set[asyncio.Task[None]], init=False)

    async def run(self) -> None:
        """Handle one event after another until the work is stopped."""
        following: StoredEvent | None = None
        while following is not None or not self.stop.is_set():
            self.news.clear()
            stored, following = following, None
            try:
                following = await (self._take() if stored is None else self._handle(stored))
            except StoreError as error:
                logger.warning("stored events cannot be handled at the moment: %s", error)
            except Exception:
                logger.exception("stored events cannot be handled at the moment")
            else:
                if stored is not None or following is not None:
                    continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self.timing.look_again):
                    await self.news.wait()

    async def _take(self, finished: StoredEvent | None = None) -> StoredEvent | None:
        """Claim the next event, and record in the same transaction that another event was handled."""
        claim_token, lease = uuid.uuid4().hex, self.timing.lease
        take = self.events.take(claim_token=claim_token, lease=lease, finished=finished, pauses_until=self.timing.now())
        taking = asyncio.ensure_future(take)
        try:
            return await run_to_completion(taking)
        except asyncio.CancelledError:
            with suppress(StoreError):
                if (stored := await taking) is not None:
                    await release(self.events, stored.key, claim_token)
            raise

    async def leave_late(self) -> None:
        """Stop waiting for handlers that exceeded their time limit. The leases free their events."""
        for late in self._late:
            late.cancel()
        if self._late:
            await asyncio.wait(self._late)

    async def _handle(self, stored: StoredEvent) -> StoredEvent | None:
        """Handle an event, and return the next event if it was claimed in the same transaction."""
        async with renewed(self.events, stored.key, claim_token=stored.claim_token, lease=self.timing.lease):
            event = _read(stored, self.timing.schedule)
            if isinstance(event, str):
                if not await self._fail(stored, event):
                    logger.error("event %s cannot be handled yet: %s", stored.key[:12], event)
                return None
            call = HandlerCall.start(self.handler_of, event)
            try:
                await asyncio.wait({call.task}, timeout=self.timeout)
            except asyncio.CancelledError:
                await self._end(call, stored)
                raise
            if call.task.done():
                return await self._record(call, stored, and_take=True)
            # within the block, because its end waits, and the work may be cancelled there
            log_late(call, stored.attempts, self.timeout)
            call.cancel()
            late = asyncio.create_task(self._record_late(call, stored))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
        return None

    async def _end(self, call: HandlerCall, stored: StoredEvent) -> None:
        """Cancel a coroutine and release its event, or wait for a thread within its time limit."""
        call.cancel()
        await run_to_completion(asyncio.wait({call.task}, timeout=self.timeout))
        if call.task.cancelled():
            await release(self.events, stored.key, stored.claim_token)
        elif call.task.done():
            with suppress(StoreError):  # it must not replace the cancellation; the lease frees the event
                await run_to_completion(self._record(call, stored, is_ending=True))
        else:
            log_late(call, stored.attempts, self.timeout)

    async def _record_late(self, call: HandlerCall, stored: StoredEvent) -> None:
        async with renewed(self.events, stored.key, claim_token=stored.claim_token, lease=self.timing.lease):
            await asyncio.wait({call.task})
            with suppress(StoreError):  # the lease frees the event
                await self._record(call, stored, is_late=True)

    async def _record(
        self,
        call: HandlerCall,
        stored: StoredEvent,
        *,
        and_take: bool = False,
        is_late: bool = False,
        is_ending: bool = False,
    ) -> StoredEvent | None:
        """Record the result of a handler. If it succeeded, claim the next event in the same transaction."""
        cancelled = TimeoutError() if is_late else asyncio.CancelledError()
        error = cancelled if call.task.cancelled() else call.task.exception()
        if error is None:
            return await self._finish(stored, and_take=and_take, is_ending=is_ending)
        if not isinstance(error, Exception | asyncio.CancelledError):  # the process is ending
            await release(self.events, stored.key, stored.claim_token)
            raise error
        log_failure(call.event, stored.attempts, error)
        await self._fail(stored, class_and_place(error, call.handler))
        return None

    async def _fail(self, stored: StoredEvent, failure: str) -> bool:
        """Record a failed attempt, and return whether the event is dead. A dead event is reported."""
        failing = self.events.fail(
            stored.key,
            claim_token=stored.claim_token,
            failure=failure,
            schedule=self.timing.schedule,
            pause_from=self.timing.now(),
        )
        dead = await run_to_completion(failing)
        if dead is not None:
            await self._report_dead(dead)
        return dead is not None

    async def _report_dead(self, dead: EventRecord) -> None:
        logger.error(
            "%s is dead after %d attempts: %s. After you fix the cause, run: boooply events retry %s",
            subject_text(dead.event, dead.meeting_code, dead.organization_id),
            dead.attempts,
            dead.last_failure,
            dead.idempotency_key[:12],
        )
        if self.on_dead is None:
            return
        try:
            async with asyncio.timeout(self.timeout):
                await calling(self.on_dead, dead)[0]
        except Exception as error:  # noqa: BLE001 - no error may stop the worker
            logger.error("on_dead failed: %s", class_and_place(error, self.on_dead))  # noqa: TRY400 - a text may quote

    async def _finish(self, stored: StoredEvent, *, and_take: bool, is_ending: bool) -> StoredEvent | None:
        """Record that an event was handled, and retry until that succeeds. The lease is renewed in the meantime.

        If the work ends, do not retry.
        """
        while True:
            try:
                if and_take and not self.stop.is_set():
                    return await self._take(stored)
                return await run_to_completion(self.events.finish(stored.key, claim_token=stored.claim_token))
            except StoreError as error:
                logger.warning("an event was handled, but that cannot be recorded yet: %s", error)
                if is_ending or self.stop.is_set():
                    return None  # its lease ends, and it is handled again
                await asyncio.sleep(_LOOK_AGAIN)


def _read(stored: StoredEvent, schedule: RetrySchedule) -> Event | str:
    """Return the event, or the reason why it cannot be handled."""
    if stored.attempts > schedule.attempts:
        return _NO_ATTEMPT_LEFT
    if stored.body is None:
        return _UNREADABLE
    try:
        return read_event(stored.body.reveal().encode())
    except MalformedEventError as error:
        return str(error)
