"""A process that works an inbox: its handler fails and crashes at random, and records in a file what it does.

``python -m working STORE_URL KEY FILE SEED`` runs until it is killed.
"""

import asyncio
import os
import random
import sys

from boooply.store import AsyncInbox, AsyncStore, inbox_workers
from boooply.webhooks import Event, UnknownEvent

inbox_workers._LOOK_AGAIN = 0.25  # type: ignore[misc]  # a program has more time than a test
LEASE = 4.0
CRASHED = 9


async def main(url: str, key: str, file: str, seed: str) -> None:
    chance = random.Random(seed)
    log = os.open(file, os.O_WRONLY | os.O_APPEND)

    def record(what: str, event: Event) -> None:
        assert isinstance(event, UnknownEvent)
        os.write(log, f"{what} {event.meeting_code} {event.data['number']}\n".encode())  # at once: lines do not mix

    async def handle(event: Event) -> None:
        if chance.random() < 0.02:
            os._exit(CRASHED)  # before it has begun
        record("begin", event)
        await asyncio.sleep(chance.random() * 0.02)
        if chance.random() < 0.02:
            record("crash", event)
            os._exit(CRASHED)
        if chance.random() < 0.2:
            record("fail", event)
            raise ZeroDivisionError
        record("end", event)

    async with AsyncStore.open(url, encryption_key=key) as store:
        await AsyncInbox(store, lease=LEASE, pauses=(0.05, 0.1)).work(handle)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
