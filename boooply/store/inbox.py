"""The inbox: events are stored first and handled later, so that a webhook is confirmed at once and none is lost."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import attrs

from boooply.errors import MalformedEventError, StoreError
from boooply.protocol.settings import COUNT, FUNCTION, PAUSE, SECONDS, Rule, check, check_all, optional
from boooply.secret import Secret, writable
from boooply.store.completion import call_after, run_to_completion
from boooply.store.deduplicator import LEASE, release, renewed
from boooply.store.event_records import EventRecord
from boooply.store.event_states import ATTEMPTS, PAUSES, RetrySchedule
from boooply.store.events import AsyncEvents, EventSubject, StoredEvent
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

if TYPE_CHECKING:
    from boooply.store.store import AsyncStore

OnDead = Callable[[EventRecord], object]

TIME_LIMIT: Final = 300.0
"""Seconds after which a handler counts as failed."""

_LOOK_AGAIN: Final = 2.0  # seconds between two looks for what other processes stored or left, and what failed before
_LOOK_AT_CLOCK: Final = 0.05  # seconds between two looks where a test has a clock of its own
_LONGEST: Final = 300  # characters of what an event says of itself
_UNREADABLE: Final = "it was encrypted with another encryption key, or altered"
_NO_ATTEMPT_LEFT: Final = "no attempt was left: its process ended during the last one, or fewer are allowed now"


def _are_pauses(value: object) -> bool:
    if not isinstance(value, Sequence):
        return False
    given = cast("Sequence[object]", value)
    return bool(given) and all(map(PAUSE.is_met, given))


_RULES: Final[dict[str, Rule]] = {
    "lease": SECONDS,
    "pauses": Rule("one or more numbers of seconds, none below zero", _are_pauses),
    "attempts": COUNT,
    "clock": optional(FUNCTION, "None for the database's clock"),
}

logger: logging.Logger = logging.getLogger("boooply.inbox")


class AsyncInbox:
    """An inbox of verified events, each of which is handled once.

    All processes on one store share the work. The events of one interview are handled one at a time and in the order in
    which they were stored, those of different interviews at once. An event stays, its body encrypted, until a handler
    has returned without an exception; one that fails is tried again after 5 s, then after pauses that grow to an hour.
    It does not delay later events of its interview, so the order is that of first attempts.

    After ``attempts`` attempts, by default those of about a day, an event is dead: it is logged as an error, and not
    tried again. ``store.events`` lists, retries and discards such events. ``pauses`` are the seconds between attempts;
    the last number is repeated.

    ``lease`` is how many seconds others wait for a process that died; while an event is handled it is renewed. A
    process that dies after the event was handled and before that was recorded leaves the event to be handled again; so
    does a coroutine that blocks its event loop for longer than the lease.

    ``clock`` is for tests: it times the pauses, so that a test advances it instead of waiting. Leases stay on the
    database's clock.
    """

    def __init__(
        self,
        store: AsyncStore,
        /,
        *,
        lease: float = LEASE,
        pauses: Sequence[float] = PAUSES,
        attempts: int = ATTEMPTS,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        check_all(_RULES, lease=lease, pauses=pauses, attempts=attempts, clock=clock)
        self._events = store.events
        self._timing = _Timing(lease, RetrySchedule(pauses=tuple(pauses), attempts=attempts), clock)
        self._wakers: set[Callable[[], object]] = set()

    async def put(self, event: Event, raw_body: bytes | bytearray | memoryview, /) -> None:
        """Store an event, unless it is known: once this returns, it is safe to respond with 2xx.

        Raises:
            StoreError: The store fails. Respond with 503, and the vendor delivers again.
        """
        body = Secret(bytes(raw_body).decode())
        del raw_body
        queue, subject, received_at = _queue_of(event), _subject_of(event), self._timing.now()
        await self._events.put(event.idempotency_key, body, queue=queue, subject=subject, received_at=received_at)
        for wake in tuple(self._wakers):
            with suppress(RuntimeError):  # its loop is closed
                wake()

    async def backlog(self) -> int:
        """Count the events that are to be handled, with those in hand and those that wait for a retry; not dead ones.

        Raises:
            StoreError: The store fails.
        """
        return await self._events.backlog()

    async def work(
        self,
        handler: Handler,
        /,
        *,
        concurrency: int = 4,
        stop: asyncio.Event | None = None,
        timeout: float = TIME_LIMIT,
        on_dead: OnDead | None = None,
    ) -> None:
        """Handle stored events, ``concurrency`` at once, until this is cancelled or ``stop`` is set.

        A coroutine function runs here, a plain function in a thread. After ``timeout`` seconds a coroutine is cancelled
        and has failed. A thread cannot be cancelled: its event stays leased until it ends, which is logged, and the
        work continues without it and without the later events of its interview.

        ``stop`` ends the work once the events in hand are handled. What a handler raises is logged by its class and
        place, with the name of the event and its interview; its text is not, since it may quote what was said.

        ``on_dead`` is called with what is known of an event whose last attempt has failed here, in the same way as a
        handler. What it raises is logged, and changes nothing.
        """
        check("concurrency", concurrency, COUNT)
        check("timeout", timeout, SECONDS)
        check("on_dead", on_dead, optional(FUNCTION))
        await dispatch(self, lambda _: handler, concurrency=concurrency, stop=stop, timeout=timeout, on_dead=on_dead)

    async def _work(self, work: _Work, concurrency: int) -> None:
        # at each put, in whatever thread
        wake = partial(asyncio.get_running_loop().call_soon_threadsafe, work.news.set)
        self._wakers.add(wake)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(call_after(work.stop.wait(), work.news.set))
                for _ in range(concurrency):
                    tasks.create_task(work.run())
        finally:
            self._wakers.discard(wake)
            await work.leave_late()


async def dispatch(
    inbox: AsyncInbox,
    handler_of: Callable[[Event], Handler],
    /,
    *,
    concurrency: int = 4,
    stop: asyncio.Event | None = None,
    timeout: float = TIME_LIMIT,
    on_dead: OnDead | None = None,
) -> None:
    """Do the work of an inbox with the handler that each event has; a function hides it from users."""
    events, timing = inbox._events, inbox._timing  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the one place
    work = _Work(events, timing, handler_of, on_dead, timeout, stop or asyncio.Event())
    await inbox._work(work, concurrency)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same


@attrs.frozen
class _Timing:
    """The lease of a claim, the pauses between attempts, and a clock for these if it is not the database's."""

    lease: float
    schedule: RetrySchedule
    clock: Callable[[], datetime] | None

    def now(self) -> float | None:
        return None if self.clock is None else self.clock().timestamp()

    @property
    def look_again(self) -> float:
        return _LOOK_AGAIN if self.clock is None else _LOOK_AT_CLOCK


@attrs.frozen(eq=False)
class _Work:
    """One run of an inbox's workers."""

    events: AsyncEvents
    timing: _Timing
    handler_of: Callable[[Event], Handler]
    on_dead: OnDead | None
    timeout: float
    stop: asyncio.Event
    news: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _late: set[asyncio.Task[None]] = attrs.field(factory=set[asyncio.Task[None]], init=False)

    async def run(self) -> None:
        """Handle one event after another, until the work is stopped."""
        following: StoredEvent | None = None
        while following is not None or not self.stop.is_set():
            self.news.clear()
            stored, following = following, None
            try:
                following = await (self._take() if stored is None else self._handle(stored))
            except StoreError as error:
                logger.warning("events wait: %s", error)
            except Exception:
                logger.exception("events wait")
            else:
                if stored is not None or following is not None:
                    continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self.timing.look_again):
                    await self.news.wait()

    async def _take(self, finished: StoredEvent | None = None) -> StoredEvent | None:
        """Claim the next event, and record in the same transaction that another is handled."""
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
        """Stop waiting for handlers that are past their time: the leases free their events."""
        for late in self._late:
            late.cancel()
        if self._late:
            await asyncio.wait(self._late)

    async def _handle(self, stored: StoredEvent) -> StoredEvent | None:
        """Handle an event, and return the next one if that was claimed with it."""
        async with renewed(self.events, stored.key, claim_token=stored.claim_token, lease=self.timing.lease):
            event = _read(stored, self.timing.schedule)
            if isinstance(event, str):
                if not await self._fail(stored, event):
                    logger.error("event %s waits: %s", stored.key[:12], event)
                return None
            call = HandlerCall.start(self.handler_of, event)
            try:
                await asyncio.wait({call.task}, timeout=self.timeout)
            except asyncio.CancelledError:
                await self._end(call, stored)
                raise
            if call.task.done():
                return await self._record(call, stored, and_take=True)
        log_late(call, stored.attempts, self.timeout)
        call.cancel()
        late = asyncio.create_task(self._record_late(call, stored))
        self._late.add(late)
        late.add_done_callback(self._late.discard)
        return None

    async def _end(self, call: HandlerCall, stored: StoredEvent) -> None:
        """Cancel a coroutine and release its event, but let a thread end in its time."""
        call.cancel()
        await run_to_completion(asyncio.wait({call.task}, timeout=self.timeout))
        if call.task.cancelled():
            await release(self.events, stored.key, stored.claim_token)
        elif call.task.done():
            await run_to_completion(self._record(call, stored))
        else:
            log_late(call, stored.attempts, self.timeout)

    async def _record_late(self, call: HandlerCall, stored: StoredEvent) -> None:
        async with renewed(self.events, stored.key, claim_token=stored.claim_token, lease=self.timing.lease):
            await asyncio.wait({call.task})
            with suppress(StoreError):  # the lease frees it
                await self._record(call, stored, is_late=True)

    async def _record(
        self, call: HandlerCall, stored: StoredEvent, *, and_take: bool = False, is_late: bool = False
    ) -> StoredEvent | None:
        """Record how a handler has ended, and claim the next event with that if it has not failed."""
        cancelled = TimeoutError() if is_late else asyncio.CancelledError()
        error = cancelled if call.task.cancelled() else call.task.exception()
        if error is None:
            return await self._finish(stored, and_take=and_take)
        if not isinstance(error, Exception | asyncio.CancelledError):  # the process is ending
            await release(self.events, stored.key, stored.claim_token)
            raise error
        log_failure(call.event, stored.attempts, error)
        await self._fail(stored, class_and_place(error, call.handler))
        return None

    async def _fail(self, stored: StoredEvent, failure: str) -> bool:
        """Record that an attempt has failed, and return whether the event is dead, which is reported."""
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
            "%s is dead after %d attempts: %s. Once the cause is repaired: boooply events retry %s",
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
        except Exception as error:  # noqa: BLE001 - whatever it is, the event is dead all the same
            logger.error("on_dead failed: %s", class_and_place(error, self.on_dead))  # noqa: TRY400 - its text may quote

    async def _finish(self, stored: StoredEvent, *, and_take: bool) -> StoredEvent | None:
        """Record that an event is handled, however long that takes: its lease is renewed meanwhile."""
        while True:
            try:
                if and_take and not self.stop.is_set():
                    return await self._take(stored)
                return await run_to_completion(self.events.finish(stored.key, claim_token=stored.claim_token))
            except StoreError as error:
                logger.warning("an event is handled, and that cannot be recorded yet: %s", error)
                if self.stop.is_set():
                    return None  # its lease frees it, and it is handled again
                await asyncio.sleep(_LOOK_AGAIN)


def _queue_of(event: Event) -> str | None:
    """Return a digest of the meeting code, which may be of any length; None if the event names no interview."""
    code = event.meeting_code.casefold()  # its case does not matter
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest() if code else None


def _subject_of(event: Event) -> EventSubject:
    event_name, customer, code = (
        writable(one)[:_LONGEST] if one else None for one in (event.event, event.source_id, event.meeting_code)
    )
    return EventSubject(event=event_name, organization_id=customer, meeting_code=code)


def _read(stored: StoredEvent, schedule: RetrySchedule) -> Event | str:
    """Return the event, or why it cannot be handled."""
    if stored.attempts > schedule.attempts:
        return _NO_ATTEMPT_LEFT
    if stored.body is None:
        return _UNREADABLE
    try:
        return read_event(stored.body.reveal().encode())
    except MalformedEventError as error:
        return str(error)
