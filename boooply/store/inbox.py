"""Events that are stored first and handled afterwards, so that a webhook is answered at once and none is lost."""

from __future__ import annotations

import asyncio
import logging
import traceback
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from boooply.errors import MalformedEventError, StoreError
from boooply.secret import Secret
from boooply.store.deduplicator import LEASE, renewed, run_to_completion
from boooply.store.events import StoredEvent
from boooply.webhooks import Event, read_event

if TYPE_CHECKING:
    from boooply.store.store import AsyncStore

Handler = Callable[[Event], Awaitable[None]]

_LOOK_AGAIN: Final = 2.0  # seconds, for what other processes stored and left, and for what failed before

logger: logging.Logger = logging.getLogger("boooply.inbox")


class DeclinedError(Exception):
    """Raise it in a handler to leave an event to the handlers of another process on the same store."""


class AsyncInbox:
    """Store verified events, and hand each of them to a handler once.

    All processes on one store share the work. An event stays, its body encrypted, until a handler has taken it without
    an exception; one that fails is tried again after 5 s, then after pauses that grow to an hour. ``lease`` is for how
    many seconds others wait for a process that died; while an event is handled it is renewed. A process that dies after
    the handling and before the note of it leaves the event to be handled again; so does a handler that blocks its event
    loop for longer than the lease.
    """

    def __init__(self, store: AsyncStore, /, *, lease: float = LEASE) -> None:
        self._events = store.events
        self._lease = lease
        self._news = asyncio.Event()

    async def put(self, event: Event, raw_body: bytes, /) -> None:
        """Store an event, unless it is known: once this returns, it is safe to answer 2xx.

        Raises:
            StoreError: The store fails. Answer 503, and the vendor delivers again.
        """
        body = Secret(raw_body.decode())
        del raw_body
        await self._events.put(event.idempotency_key, body)
        self._news.set()

    async def work(self, handler: Handler, /, *, concurrency: int = 4) -> None:
        """Hand stored events to a handler, several at once, until this is cancelled.

        What a handler raises is logged by its class and place, with the name of the event and its interview; its text
        is not, since it may quote what was said.
        """
        async with asyncio.TaskGroup() as workers:
            for _ in range(concurrency):
                workers.create_task(self._work(handler))

    async def _work(self, handler: Handler) -> None:
        while True:
            self._news.clear()
            try:
                while await self._handle_next(handler):
                    pass
            except StoreError as error:
                logger.warning("events wait: %s", error)
            except Exception:
                logger.exception("events wait")
            try:
                async with asyncio.timeout(_LOOK_AGAIN):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _handle_next(self, handler: Handler) -> bool:
        turn = uuid.uuid4().hex
        taken = await self._take(turn)
        for one in taken:
            async with renewed(self._events, one.key, turn=turn, lease=self._lease):
                await self._handle(handler, one, turn)
        return bool(taken)

    async def _take(self, turn: str) -> tuple[StoredEvent, ...]:
        taking = asyncio.create_task(self._events.take(turn=turn, lease=self._lease, most=1))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.wait({taking})
            for one in () if taking.cancelled() or taking.exception() else taking.result():
                await self._release(one, turn)
            raise

    async def _handle(self, handler: Handler, stored: StoredEvent, turn: str) -> None:
        event = _opened(stored)
        if event is None:
            await self._events.postpone(stored.key, turn=turn)
            return
        problem: BaseException | None = None
        try:
            await handler(event)
        except BaseException as error:
            if _is_ending(error):
                await self._release(stored, turn)
                raise
            problem = error
        if problem is None:
            await self._finish(stored, turn)
        else:
            _tell(event, stored, problem)
            await run_to_completion(self._events.postpone(stored.key, turn=turn))

    async def _finish(self, stored: StoredEvent, turn: str) -> None:
        """Note that an event is handled, for as long as it takes: its lease is renewed meanwhile."""
        while True:
            try:
                await run_to_completion(self._events.finish(stored.key, turn=turn))
            except StoreError as error:
                logger.warning("an event is handled, and cannot be noted yet: %s", error)
                await asyncio.sleep(_LOOK_AGAIN)
            else:
                return

    async def _release(self, stored: StoredEvent, turn: str) -> None:
        with suppress(StoreError):  # then its lease frees it
            await run_to_completion(self._events.release(stored.key, turn=turn))


def _is_ending(error: BaseException) -> bool:
    """Tell whether it is this process that ends, and not something that the handler has waited for."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return not isinstance(error, Exception)


def _tell(event: Event, stored: StoredEvent, problem: BaseException) -> None:
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


def _opened(stored: StoredEvent) -> Event | None:
    if stored.body is None:
        logger.error("event %s waits: it was sealed with another encryption key, or altered", stored.key[:12])
        return None
    try:
        return read_event(stored.body.reveal().encode())
    except MalformedEventError as error:
        logger.error("event %s waits: %s", stored.key[:12], error)  # noqa: TRY400 - the traceback would tell no more
        return None
