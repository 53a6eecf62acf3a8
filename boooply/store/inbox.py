"""Events that are stored first and handled afterwards, so that a webhook is answered at once and none is lost."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from boooply.errors import MalformedEvent, StoreError
from boooply.secret import Secret
from boooply.store.deduplicator import LEASE, renewed, to_the_end
from boooply.store.events import StoredEvent
from boooply.webhooks import Event, read_event

if TYPE_CHECKING:
    from boooply.store.store import Store

Handler = Callable[[Event], Awaitable[None]]

_LOOK_AGAIN: Final = 2.0  # seconds, for what other processes stored and left, and for what failed before

logger: logging.Logger = logging.getLogger("boooply.inbox")


class Inbox:
    """Store verified events, and hand each of them to a handler once.

    All processes on one store share the work. An event stays, its body encrypted, until a handler has taken it without
    an exception; one that fails is tried again after 5 s, then after pauses that grow to an hour. ``lease`` is for how
    many seconds others wait for a process that died; while an event is handled it is renewed. A process that dies after
    the handling and before the note of it leaves the event to be handled again.
    """

    def __init__(self, store: Store, /, *, lease: float = LEASE) -> None:
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

        What a handler raises is logged, by the name of the event and its interview.
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
            try:
                async with asyncio.timeout(_LOOK_AGAIN):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _handle_next(self, handler: Handler) -> bool:
        turn = uuid.uuid4().hex
        taken = await self._events.take(turn=turn, lease=self._lease, most=1)
        for one in taken:
            async with renewed(self._events, one.key, turn=turn, lease=self._lease):
                await self._handle(handler, one, turn)
        return bool(taken)

    async def _handle(self, handler: Handler, stored: StoredEvent, turn: str) -> None:
        event = _opened(stored)
        if event is None:
            await self._events.postpone(stored.key, turn=turn)
            return
        try:
            await handler(event)
        except Exception:
            logger.exception("%s of %s failed, attempt %d", event.event, event.meeting_code, stored.attempts)
            await to_the_end(self._events.postpone(stored.key, turn=turn))
        except BaseException:
            # this process is ending: another may take it at once
            await to_the_end(self._events.release(stored.key, turn=turn))
            raise
        else:
            await to_the_end(self._events.finish(stored.key, turn=turn))


def _opened(stored: StoredEvent) -> Event | None:
    if stored.body is None:
        logger.error("event %s waits: it was sealed with another encryption key, or altered", stored.key[:12])
        return None
    try:
        return read_event(stored.body.reveal().encode())
    except MalformedEvent as error:
        logger.error("event %s waits: %s", stored.key[:12], error)  # noqa: TRY400 - the traceback would tell no more
        return None
