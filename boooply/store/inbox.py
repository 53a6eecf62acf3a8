"""The inbox: events are stored first and handled later, so that a webhook is confirmed at once and none is lost."""

from __future__ import annotations

import asyncio
import logging
import traceback
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from boooply.errors import BoooplyError, MalformedEventError, StoreError
from boooply.protocol.settings import COUNT, SECONDS, check
from boooply.secret import Secret
from boooply.store.completion import call_after, run_to_completion
from boooply.store.deduplicator import LEASE, release, renewed
from boooply.store.events import AsyncEvents, StoredEvent
from boooply.webhooks import Event, read_event

if TYPE_CHECKING:
    from boooply.store.store import AsyncStore

Handler = Callable[[Event], Awaitable[None]]

_LOOK_AGAIN: Final = 2.0  # seconds between two looks for what other processes stored or left, and what failed before

logger: logging.Logger = logging.getLogger("boooply.inbox")


class DeclinedError(BoooplyError):
    """Raised by a handler, to leave an event to the handlers of another process on the same store."""


class AsyncInbox:
    """An inbox of verified events, each of which is handled once.

    All processes on one store share the work. An event stays, its body encrypted, until a handler has returned without
    an exception; one that fails is tried again after 5 s, then after pauses that grow to an hour. ``lease`` is how many
    seconds others wait for a process that died; while an event is handled it is renewed. A process that dies after the
    event was handled and before that was recorded leaves the event to be handled again; so does a handler that blocks
    its event loop for longer than the lease.
    """

    def __init__(self, store: AsyncStore, /, *, lease: float = LEASE) -> None:
        check("lease", lease, SECONDS)
        self._events = store.events
        self._lease = lease
        self._wakers: set[Callable[[], object]] = set()

    async def put(self, event: Event, raw_body: bytes, /) -> None:
        """Store an event, unless it is known: once this returns, it is safe to respond with 2xx.

        Raises:
            StoreError: The store fails. Respond with 503, and the vendor delivers again.
        """
        body = Secret(raw_body.decode())
        del raw_body
        await self._events.put(event.idempotency_key, body)
        for wake in tuple(self._wakers):
            with suppress(RuntimeError):  # its loop is closed
                wake()

    async def work(self, handler: Handler, /, *, concurrency: int = 4, stop: asyncio.Event | None = None) -> None:
        """Handle stored events, several at once, until this is cancelled or ``stop`` is set.

        ``stop`` ends the work once the events in hand are handled. What a handler raises is logged by its class and
        place, with the name of the event and its interview; its text is not, since it may quote what was said.
        """
        check("concurrency", concurrency, COUNT)
        news, stop = asyncio.Event(), stop or asyncio.Event()
        work = _Work(self._events, self._lease, handler, news, stop)
        wake = partial(asyncio.get_running_loop().call_soon_threadsafe, news.set)  # at each put, in whatever thread
        self._wakers.add(wake)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(call_after(stop.wait(), news.set))
                for _ in range(concurrency):
                    tasks.create_task(work.run())
        finally:
            self._wakers.discard(wake)


@attrs.frozen(eq=False)
class _Work:
    """One run of an inbox's workers."""

    events: AsyncEvents
    lease: float
    handler: Handler
    news: asyncio.Event
    stop: asyncio.Event

    async def run(self) -> None:
        """Handle one event after another, until the work is stopped."""
        while not self.stop.is_set():
            self.news.clear()
            try:
                if await self._handle_next():
                    continue
            except StoreError as error:
                logger.warning("events wait: %s", error)
            except Exception:
                logger.exception("events wait")
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN):
                    await self.news.wait()

    async def _handle_next(self) -> bool:
        claim_token = uuid.uuid4().hex
        stored = await self._take(claim_token)
        if stored is not None:
            async with renewed(self.events, stored.key, claim_token=claim_token, lease=self.lease):
                await self._handle(stored, claim_token)
        return stored is not None

    async def _take(self, claim_token: str) -> StoredEvent | None:
        taking = asyncio.ensure_future(self.events.take(claim_token=claim_token, lease=self.lease))
        try:
            return await run_to_completion(taking)
        except asyncio.CancelledError:
            with suppress(StoreError):
                if (stored := await taking) is not None:
                    await release(self.events, stored.key, claim_token)
            raise

    async def _handle(self, stored: StoredEvent, claim_token: str) -> None:
        event = _read(stored)
        if event is not None:
            try:
                await self.handler(event)
            except BaseException as error:
                if _is_ending(error):
                    await release(self.events, stored.key, claim_token)
                    raise
                _log(event, stored, error)
            else:
                await self._finish(stored, claim_token)
                return
        await run_to_completion(self.events.postpone(stored.key, claim_token=claim_token))

    async def _finish(self, stored: StoredEvent, claim_token: str) -> None:
        """Record that an event is handled, however long that takes: its lease is renewed meanwhile."""
        while True:
            try:
                await run_to_completion(self.events.finish(stored.key, claim_token=claim_token))
            except StoreError as error:
                logger.warning("an event is handled, and that cannot be recorded yet: %s", error)
                if self.stop.is_set():
                    return  # its lease frees it, and it is handled again
                await asyncio.sleep(_LOOK_AGAIN)
            else:
                return


def _is_ending(error: BaseException) -> bool:
    """Check whether this process is ending, not something that the handler waited for."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return not isinstance(error, Exception)


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
