"""The inbox: events are stored first and handled later, so that a webhook is confirmed at once and none is lost."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from boooply.protocol.settings import COUNT, FUNCTION, PAUSE, SECONDS, Rule, check, check_all, optional
from boooply.secret import Secret, writable
from boooply.store.completion import call_after
from boooply.store.deduplicator import LEASE
from boooply.store.event_states import ATTEMPTS, PAUSES, RetrySchedule
from boooply.store.events import EventSubject
from boooply.store.handler_calls import Handler
from boooply.store.inbox_workers import OnDead, Timing, Work
from boooply.webhooks import Event

if TYPE_CHECKING:
    from boooply.store.store import AsyncStore

TIME_LIMIT: Final = 300.0
"""Seconds after which a handler counts as failed."""

_LONGEST: Final = 300  # characters of what an event says of itself


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
        self._timing = Timing(lease, RetrySchedule(pauses=tuple(pauses), attempts=attempts), clock)
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

    async def _work(self, work: Work, concurrency: int) -> None:
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
    work = Work(events, timing, handler_of, on_dead, timeout, stop or asyncio.Event())
    await inbox._work(work, concurrency)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same


def _queue_of(event: Event) -> str | None:
    """Return a digest of the meeting code, which may be of any length; None if the event names no interview."""
    code = event.meeting_code.casefold()  # its case does not matter
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest() if code else None


def _subject_of(event: Event) -> EventSubject:
    event_name, customer, code = (
        writable(one)[:_LONGEST] if one else None for one in (event.event, event.source_id, event.meeting_code)
    )
    return EventSubject(event=event_name, organization_id=customer, meeting_code=code)
