"""The inbox: events are stored first and handled later, so that a webhook is confirmed at once and none is lost."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import traceback
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, Final

import attrs

from boooply.errors import BoooplyError, MalformedEventError, StoreError
from boooply.protocol.settings import COUNT, SECONDS, check
from boooply.secret import Secret
from boooply.store.completion import call_after, run_to_completion
from boooply.store.deduplicator import LEASE, release, renewed
from boooply.store.events import AsyncEvents, StoredEvent
from boooply.store.threads import in_thread
from boooply.webhooks import Event, read_event

if TYPE_CHECKING:
    from boooply.store.store import AsyncStore

Handler = Callable[[Event], object]

TIME_LIMIT: Final = 300.0
"""Seconds after which a handler counts as failed."""

_LOOK_AGAIN: Final = 2.0  # seconds between two looks for what other processes stored or left, and what failed before

logger: logging.Logger = logging.getLogger("boooply.inbox")


class DeclinedError(BoooplyError):
    """Raised by a handler, to leave an event to the handlers of another process on the same store."""


class AsyncInbox:
    """An inbox of verified events, each of which is handled once.

    All processes on one store share the work. The events of one interview are handled one at a time and in the order in
    which they were stored, those of different interviews at once. An event stays, its body encrypted, until a handler
    has returned without an exception; one that fails is tried again after 5 s, then after pauses that grow to an hour.
    It does not delay later events of its interview, so the order is that of first attempts. ``lease`` is how many
    seconds others wait for a process that died; while an event is handled it is renewed. A process that dies after the
    event was handled and before that was recorded leaves the event to be handled again; so does a coroutine that
    blocks its event loop for longer than the lease.
    """

    def __init__(self, store: AsyncStore, /, *, lease: float = LEASE) -> None:
        check("lease", lease, SECONDS)
        self._events = store.events
        self._lease = lease
        self._wakers: set[Callable[[], object]] = set()

    async def put(self, event: Event, raw_body: bytes | bytearray | memoryview, /) -> None:
        """Store an event, unless it is known: once this returns, it is safe to respond with 2xx.

        Raises:
            StoreError: The store fails. Respond with 503, and the vendor delivers again.
        """
        body = Secret(bytes(raw_body).decode())
        del raw_body
        await self._events.put(event.idempotency_key, body, queue=_queue_of(event))
        for wake in tuple(self._wakers):
            with suppress(RuntimeError):  # its loop is closed
                wake()

    async def backlog(self) -> int:
        """Count the events that are stored and not handled yet, with those in hand and those that wait for a retry.

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
    ) -> None:
        """Handle stored events, ``concurrency`` at once, until this is cancelled or ``stop`` is set.

        A coroutine function runs here, a plain function in a thread. After ``timeout`` seconds a coroutine is cancelled
        and has failed. A thread cannot be cancelled: its event stays leased until it ends, which is logged, and the
        work continues without it and without the later events of its interview.

        ``stop`` ends the work once the events in hand are handled. What a handler raises is logged by its class and
        place, with the name of the event and its interview; its text is not, since it may quote what was said.
        """
        check("concurrency", concurrency, COUNT)
        check("timeout", timeout, SECONDS)
        await dispatch(self, lambda _: handler, concurrency=concurrency, stop=stop, timeout=timeout)

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
) -> None:
    """Do the work of an inbox with the handler that each event has; a function hides it from users."""
    work = _Work(inbox._events, inbox._lease, handler_of, timeout, stop or asyncio.Event())  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the one place
    await inbox._work(work, concurrency)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same


@attrs.frozen(eq=False)
class _Work:
    """One run of an inbox's workers."""

    events: AsyncEvents
    lease: float
    handler_of: Callable[[Event], Handler]
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
                async with asyncio.timeout(_LOOK_AGAIN):
                    await self.news.wait()

    async def _take(self, finished: StoredEvent | None = None) -> StoredEvent | None:
        """Claim the next event, and record in the same transaction that another is handled."""
        claim_token = uuid.uuid4().hex
        taking = asyncio.ensure_future(self.events.take(claim_token=claim_token, lease=self.lease, finished=finished))
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
        async with renewed(self.events, stored.key, claim_token=stored.claim_token, lease=self.lease):
            event = _read(stored)
            if event is None:
                await run_to_completion(self.events.postpone(stored.key, claim_token=stored.claim_token))
                return None
            call = _HandlerCall.start(self.handler_of, event)
            try:
                await asyncio.wait({call.task}, timeout=self.timeout)
            except asyncio.CancelledError:
                await self._end(call, stored)
                raise
            if call.task.done():
                return await self._record(call, stored, and_take=True)
        _log_late(call, stored, self.timeout)
        call.cancel()
        late = asyncio.create_task(self._record_late(call, stored))
        self._late.add(late)
        late.add_done_callback(self._late.discard)
        return None

    async def _end(self, call: _HandlerCall, stored: StoredEvent) -> None:
        """Cancel a coroutine and release its event, but let a thread end in its time."""
        call.cancel()
        await run_to_completion(asyncio.wait({call.task}, timeout=self.timeout))
        if call.task.cancelled():
            await release(self.events, stored.key, stored.claim_token)
        elif call.task.done():
            await run_to_completion(self._record(call, stored))
        else:
            _log_late(call, stored, self.timeout)

    async def _record_late(self, call: _HandlerCall, stored: StoredEvent) -> None:
        async with renewed(self.events, stored.key, claim_token=stored.claim_token, lease=self.lease):
            await asyncio.wait({call.task})
            with suppress(StoreError):  # the lease frees it
                await self._record(call, stored)

    async def _record(self, call: _HandlerCall, stored: StoredEvent, *, and_take: bool = False) -> StoredEvent | None:
        """Record how a handler has ended, and claim the next event with that if it has not failed."""
        error = asyncio.CancelledError() if call.task.cancelled() else call.task.exception()
        if error is None:
            return await self._finish(stored, and_take=and_take)
        if not isinstance(error, Exception | asyncio.CancelledError):  # the process is ending
            await release(self.events, stored.key, stored.claim_token)
            raise error
        _log(call.event, stored, error)
        await run_to_completion(self.events.postpone(stored.key, claim_token=stored.claim_token))
        return None

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


@attrs.frozen(eq=False)
class _HandlerCall:
    """A call of a handler: of a coroutine function in a task, of a plain function in a thread."""

    event: Event
    task: asyncio.Task[None]
    is_in_thread: bool

    @classmethod
    def start(cls, handler_of: Callable[[Event], Handler], event: Event) -> _HandlerCall:
        try:
            handler = handler_of(event)
        except DeclinedError as error:
            return cls(event, asyncio.create_task(_raise(error)), is_in_thread=False)
        is_async = iscoroutinefunction(handler) or iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004 - an object may have an async one
        calling = _await(handler, event) if is_async else _await(partial(in_thread, handler), event)
        return cls(event, asyncio.create_task(calling), is_in_thread=not is_async)

    def cancel(self) -> None:
        """Cancel it, unless it is in a thread, which runs until it ends."""
        if not self.is_in_thread:
            self.task.cancel()


async def _await(handler: Handler, event: Event) -> None:
    result = handler(event)
    while isawaitable(result):  # a plain function may return an awaitable, to be awaited here
        result = await result


async def _raise(error: Exception) -> None:
    raise error


def _queue_of(event: Event) -> str | None:
    """Return a digest of the meeting code, which may be of any length; None if the event names no interview."""
    code = event.meeting_code.casefold()  # its case does not matter
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest() if code else None


def _log_late(call: _HandlerCall, stored: StoredEvent, seconds: float) -> None:
    consequence = "its event stays leased until its thread ends" if call.is_in_thread else "it is cancelled"
    logger.error(
        "%s of %s has taken longer than %g s, attempt %d: %s",
        call.event.event,
        call.event.meeting_code,
        seconds,
        stored.attempts,
        consequence,
    )


def _log(event: Event, stored: StoredEvent, problem: BaseException) -> None:
    if isinstance(problem, DeclinedError):
        logger.info("%s of %s is left to another process", event.event, event.meeting_code)
        return
    # Without its text, which may quote what was said: a database's errors name the values they could not take.
    where = "".join(traceback.format_tb(problem.__traceback__)).rstrip()
    logger.error(
        "%s of %s failed, attempt %d: %s\n%s",
        event.event,
        event.meeting_code,
        stored.attempts,
        type(problem).__qualname__,
        where,
    )


def _read(stored: StoredEvent) -> Event | None:
    if stored.body is None:
        logger.error("event %s waits: it was encrypted with another encryption key, or altered", stored.key[:12])
        return None
    try:
        return read_event(stored.body.reveal().encode())
    except MalformedEventError as error:
        logger.error("event %s waits: %s", stored.key[:12], error)  # noqa: TRY400 - the traceback would add nothing
        return None
