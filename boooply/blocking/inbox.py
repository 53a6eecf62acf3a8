"""The blocking inbox: its handlers are plain functions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from boooply.blocking.proxy import SyncProxy, original_of, runner_of, sync
from boooply.blocking.store import Store
from boooply.store.deduplicator import LEASE
from boooply.store.event_states import ATTEMPTS, PAUSES
from boooply.store.inbox import TIME_LIMIT, AsyncInbox
from boooply.store.inbox_workers import OnDead
from boooply.store.threads import run_until
from boooply.webhooks import Event

Handler = Callable[[Event], object]


class Inbox(SyncProxy[AsyncInbox]):
    """An inbox of verified events, each of which is handled once.

    All processes on one store share the work. The events of one interview are handled one at a time and in the order in
    which they were stored, those of different interviews at once. An event stays, its body encrypted, until a handler
    has returned; one whose handler raises is tried again after 5 s, then after pauses that grow to an hour. It does not
    delay later events of its interview, so the order is that of first attempts.

    After ``attempts`` attempts, by default those of about a day, an event is dead: it is logged as an error, and not
    tried again. ``store.events`` lists, retries and discards such events. ``pauses`` are the seconds between attempts;
    the last number is repeated.

    ``lease`` is how many seconds others wait for a process that died; while an event is handled it is renewed. A
    process that dies after the event was handled and before that was recorded leaves the event to be handled again.

    ``clock`` is for tests: it times the pauses, so that a test advances it instead of waiting. Leases stay on the
    database's clock.
    """

    put: Final = sync(AsyncInbox.put)
    backlog: Final = sync(AsyncInbox.backlog)

    def __init__(
        self,
        store: Store,
        /,
        *,
        lease: float = LEASE,
        pauses: Sequence[float] = PAUSES,
        attempts: int = ATTEMPTS,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        inbox = AsyncInbox(original_of(store), lease=lease, pauses=pauses, attempts=attempts, clock=clock)
        super().__init__(runner_of(store), inbox)

    def work(
        self,
        handler: Handler,
        /,
        *,
        concurrency: int = 4,
        stop: threading.Event | None = None,
        timeout: float = TIME_LIMIT,
        on_dead: OnDead | None = None,
    ) -> None:
        """Handle stored events, ``concurrency`` at once and each in a thread of its own, until ``stop`` is set.

        After ``timeout`` seconds the work continues without a handler that has not returned, and without the later
        events of its interview: its event stays leased until its thread ends, which is logged. Once ``stop`` is set,
        this returns when the other handlers have returned. What a handler raises is logged by its class and place, with
        the name of the event and its interview; its text is not, since it may quote what was said.

        ``on_dead`` is called with what is known of an event whose last attempt has failed here, in the same way as a
        handler. What it raises is logged, and changes nothing.
        """
        work = partial(self._original.work, handler, concurrency=concurrency, timeout=timeout, on_dead=on_dead)
        self._runner.run(lambda: run_until(stop, work()))
