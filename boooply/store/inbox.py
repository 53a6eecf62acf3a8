"""The inbox: events are stored first and handled later, so that a webhook gets a fast response and no event is lost."""

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
from boooply.store.event_statements import EventSubject
from boooply.store.event_states import ATTEMPTS, PAUSES, RetrySchedule
from boooply.store.handler_calls import Handler
from boooply.store.inbox_workers import OnDead, Timing, Work
from boooply.webhooks import Event

if TYPE_CHECKING:
    from boooply.store.store import AsyncStore

TIME_LIMIT: Final = 300.0
"""The default time limit of a handler, in seconds."""

_LONGEST: Final = 300  # characters of a name in an event's record


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

    All processes on one store share the work. The events of one interview are handled one at a time, in the order in
    which they were stored. Events of different interviews are handled concurrently.

    An event is stored, with an encrypted body, until a handler returns without an exception. If the handler fails, it
    is called again after a pause. A failed event does not delay the later events of its interview, so the order applies
    to first attempts.

    After its last attempt an event is dead: it is logged as an error, and not tried again. ``store.events`` lists,
    retries and discards dead events.

    An event can be handled twice in two cases: the process dies between the end of the handler and its recording, or a
    coroutine blocks its event loop for longer than the lease.

    Args:
        store: The open store.
        lease: The time in seconds after which another process takes the event of a process that died. The lease is
            renewed while an event is handled.
        pauses: The pauses in seconds after each failure. The last pause is repeated. The default grows from 5 seconds
            to an hour.
        attempts: The number of attempts after which an event is dead. The default attempts take about a day.
        clock: A function that returns the time, for tests. It replaces the database's clock for pauses, so that a test
            can advance the time instead of waiting. Leases still use the database's clock.

    Raises:
        ConfigurationError: An argument is invalid.
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
        """Store an event, unless it is already known. After that you can respond with 2xx.

        Args:
            event: The verified event.
            raw_body: The body of the request, as it was received.

        Raises:
            StoreError: The store fails. Respond with 503, and Boooply delivers the event again.
        """
        body = Secret(bytes(raw_body).decode())
        del raw_body
        queue, subject, received_at = _queue_of(event), _subject_of(event), self._timing.now()
        await self._events.put(event.idempotency_key, body, queue=queue, subject=subject, received_at=received_at)
        for wake in tuple(self._wakers):
            with suppress(RuntimeError):  # its event loop is closed
                wake()

    async def backlog(self) -> int:
        """Count the events that are not handled yet.

        The number includes events that are being handled and events that wait for a retry, but no dead events.

        Raises:
            StoreError: The store cannot be read.
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
        """Handle stored events until ``stop`` is set or the call is cancelled.

        If a handler raises an exception, the log contains its class and place, and the name and interview of the event.
        It does not contain the text of the exception, which may quote what was said.

        Args:
            handler: The function that is called with each event. A coroutine function runs in the event loop, a plain
                function in a thread.
            concurrency: The largest number of events handled at once.
            stop: An event that ends the work when it is set. Handlers that are running finish first.
            timeout: The time limit of a handler in seconds. A coroutine is then cancelled, and its attempt has failed.
                A thread cannot be cancelled: its event and the later events of its interview wait until it ends.
            on_dead: A function that is called with the ``EventRecord`` of an event whose last attempt failed here. It
                runs as a handler does. An exception that it raises is logged and otherwise ignored.

        Raises:
            ConfigurationError: An argument is invalid.
        """
        check("concurrency", concurrency, COUNT)
        check("timeout", timeout, SECONDS)
        check("on_dead", on_dead, optional(FUNCTION))
        await dispatch(self, lambda _: handler, concurrency=concurrency, stop=stop, timeout=timeout, on_dead=on_dead)

    async def _work(self, work: Work, concurrency: int) -> None:
        # called by each put, in any thread
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
    """Do the work of an inbox with a handler for each event. This is a function, so that users do not see it."""
    events, timing = inbox._events, inbox._timing  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the one place
    work = Work(events, timing, handler_of, on_dead, timeout, stop or asyncio.Event())
    await inbox._work(work, concurrency)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same


def _queue_of(event: Event) -> str | None:
    """Return a digest of the meeting code, which may have any length, or None if the event names no interview."""
    code = event.meeting_code.casefold()  # meeting codes are case-insensitive
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest() if code else None


def _subject_of(event: Event) -> EventSubject:
    event_name, customer, code = (
        writable(one)[:_LONGEST] if one else None for one in (event.event, event.source_id, event.meeting_code)
    )
    return EventSubject(event=event_name, organization_id=customer, meeting_code=code)
