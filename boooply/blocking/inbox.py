"""The blocking inbox, whose handlers are plain functions."""

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
    """A durable queue of verified events, each of which is handled once.

    All processes on one store share the work. Events of the same interview are handled one at a time, in the order in
    which they were stored. Events of different interviews are handled at the same time. An event stays in the store,
    with an encrypted body, until your handler returns.

    If a handler raises an exception, the event is retried after 5 seconds, then after pauses of up to an hour. Later
    events of the same interview do not wait for it. After the last attempt, an event is dead: it is logged as an error
    and not retried. To list, retry or discard dead events, use ``store.events``.

    An event is handled again if the process dies after the handling and before it is recorded.

    Args:
        store: An open store.
        lease: How long other processes wait for a process that died while it handled an event, in seconds. The lease
            is renewed while an event is being handled. Default: 60.
        pauses: The pauses between attempts, in seconds. The last pause is repeated. Default: 5 seconds, then twice as
            long each time, up to an hour.
        attempts: The most attempts of an event. Default: 34, which takes about a day.
        clock: A function that returns the current time. Tests replace it to skip the pauses. Leases still use the clock
            of the database. Default: the clock of the database.

    Raises:
        ConfigurationError: A value cannot work.
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
        """Handle stored events until ``stop`` is set, each in its own thread.

        When ``stop`` is set, the method returns after all running handlers that are within ``timeout`` have returned.
        If a handler raises an exception, its class and location are logged, with the name of the event and the meeting
        code. The text of the exception is not logged, because it may quote an interview.

        Args:
            handler: The function that handles an event.
            concurrency: The most events to handle at a time. Default: 4.
            stop: An event that ends the work. Default: none.
            timeout: How long a handler may take, in seconds. A handler that takes longer is logged, and keeps its event
                and the later events of that interview until it returns. Other events do not wait for it. Default: 300.
            on_dead: A function that is called with the record of an event after its last attempt has failed in this
                process. Its exceptions are logged. Default: none.
        """
        work = partial(self._original.work, handler, concurrency=concurrency, timeout=timeout, on_dead=on_dead)
        self._runner.run(lambda: run_until(stop, work()))
