"""Handle the oldest events of a backlog: ``python benchmarks/inbox.py BACKLOG COUNT [STORE_URL]``.

Each interview has two events. A handler does nothing, so the figures are the inbox's own.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import count, islice
from pathlib import Path
from typing import Any

from bulk import STORE_KEY, a_database
from measure import measured

A_BATCH = 5_000
WARM_UP = 100


def bodies() -> Iterator[bytes]:
    """Generate transcripts of about a kilobyte."""
    for number in count():
        entry = {"speaker": "Jane Doe", "text": f"{number}: a thought " * 50}
        data = {"meetingCode": f"Boooply-AI-{number // 2}", "transcript": [entry]}
        yield json.dumps({"event": "interview.transcript", "data": data}).encode()


@asynccontextmanager
async def opened(url: str | None) -> AsyncIterator[Any]:
    """Open a new store: a SQLite file, or a database on a server."""
    from boooply.store import AsyncStore

    with tempfile.TemporaryDirectory() as place:
        new = f"sqlite:///{Path(place, 'boooply.db')}" if url is None else a_database(url)
        async with AsyncStore.open(new, encryption_key=STORE_KEY) as store:
            yield store


async def put(store: Any, events: Iterator[bytes]) -> None:
    """Store events through an inbox, some of them at once."""
    from boooply.store import AsyncInbox
    from boooply.webhooks import read_event

    inbox = AsyncInbox(store)

    async def work() -> None:
        for body in events:
            await inbox.put(read_event(body), body)

    await asyncio.gather(*(work() for _ in range(16)))


async def handle(store: Any, wanted: int) -> None:
    """Handle a number of events, as one process with the default concurrency."""
    from boooply.store import AsyncInbox

    handled, enough = 0, asyncio.Event()

    async def handler(_event: object) -> None:
        nonlocal handled
        handled += 1
        if handled >= wanted:
            enough.set()

    working = asyncio.create_task(AsyncInbox(store).work(handler))
    await asyncio.wait([working, waiting := asyncio.create_task(enough.wait())], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def fill(store: Any, numbers: range) -> None:
    """Write rows of events that are due after the others, because to put a million of them would take an hour."""
    import attrs

    from boooply.store.event_states import EventState
    from boooply.store.rows import insert_missing
    from boooply.store.schema import EVENT_QUEUES, EVENTS

    state, now = attrs.asdict(EventState(number=1)), time.time()

    def write(connection: Any, batch: range) -> None:
        names = [f"later-{number:09}" for number in batch]
        event = {**state, "encrypted": bytes(1000), "received_at": now, "changed_at": now}
        insert_missing(connection, EVENTS, [{**event, "key": name, "queue": name} for name in names])
        queue = {"last_number": 1, "due_at": now, "changed_at": now}
        insert_missing(connection, EVENT_QUEUES, [{**queue, "name": name} for name in names])

    for first in range(numbers.start, numbers.stop, A_BATCH):
        batch = range(first, min(first + A_BATCH, numbers.stop))
        await store.database.write(lambda connection, batch=batch: write(connection, batch))


async def main(backlog: int, wanted: int, url: str | None) -> None:
    """Fill an inbox, and measure how long a number of its events take."""
    async with opened(url) as store:
        await put(store, islice(bodies(), WARM_UP + 2 * wanted))
        await fill(store, range(backlog))
        await handle(store, WARM_UP)
        with measured(wanted):
            await handle(store, wanted)


if __name__ == "__main__":
    backlog, wanted, *url = sys.argv[1:]
    asyncio.run(main(int(backlog), int(wanted), url[0] if url else None))
