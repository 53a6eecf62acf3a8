"""Eight processes on one store, for ten windows of an API whose limits and windows are not the configured ones."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import attrs
import pytest

from boooply.sandbox import Limits, Sandbox

WINDOWS = int(os.environ.get("BOOOPLY_TEST_WINDOWS", "10"))
PROCESSES = 8
LIMITS = Limits(reads=130, writes=13, window=60)

MEMBER = """
import asyncio, sys
from boooply import AIInterview, AsyncBoooplyClient, Candidate, RateLimits
from boooply.store import AsyncStore

url, encryption_key, base_url, api_key = sys.argv[1:]
INTERVIEW = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))

async def forever(call):
    while True:
        await call()

async def main():
    async with AsyncStore.open(url, encryption_key=encryption_key) as store:
        limits = RateLimits(reads=100, writes=10, window=45, shared=store)
        async with AsyncBoooplyClient(api_key=api_key, base_url=base_url, rate_limits=limits) as client:
            reads = [forever(client.organization.get) for _ in range(4)]
            writes = [forever(lambda: client.interviews.create(INTERVIEW)) for _ in range(2)]
            await asyncio.gather(*reads, *writes)

asyncio.run(main())
"""


@attrs.define(eq=False)
class Fleet:
    """The processes on one store, and the API that they call."""

    name: str
    url: str
    encryption_key: str
    sandbox: Sandbox = attrs.field(factory=lambda: Sandbox(limits=LIMITS))
    members: list[subprocess.Popen[bytes]] = attrs.field(factory=list)

    def start(self) -> None:
        words = [self.url, self.encryption_key, self.sandbox.base_url, self.sandbox.api_key]
        self.members = [subprocess.Popen([sys.executable, "-c", MEMBER, *words]) for _ in range(PROCESSES)]  # noqa: S603 - our own words

    def stop(self) -> None:
        for member in self.members:
            member.kill()
            member.wait()

    def used(self, first: int) -> tuple[Counter[int], Counter[int]]:
        """Return the reads and the writes in each of the windows from the first whole one."""
        windows = range(first, first + WINDOWS)
        reads, writes = Counter[int](dict.fromkeys(windows, 0)), Counter[int](dict.fromkeys(windows, 0))
        for call in self.sandbox.calls:
            window = int(call.at.timestamp() // LIMITS.window)
            if window in windows:
                (reads if call.operation == "organization.get" else writes)[window] += 1
        return reads, writes


@pytest.mark.timeout(3600)
def test_ten_windows_are_used_up_although_a_process_dies(postgresql_store_url, sqlite_store_url, encryption_key):
    fleets = [
        Fleet("PostgreSQL", postgresql_store_url, encryption_key),
        Fleet("SQLite", sqlite_store_url, encryption_key),
    ]
    with fleets[0].sandbox, fleets[1].sandbox:
        try:
            for fleet in fleets:
                fleet.start()
            first = int((time.time() + 20) // LIMITS.window) + 1  # all have started then
            time.sleep((first + WINDOWS / 2) * LIMITS.window - time.time())
            for fleet in fleets:
                fleet.members[0].send_signal(signal.SIGKILL)
            time.sleep((first + WINDOWS) * LIMITS.window + 1 - time.time())
            assert [member.poll() for fleet in fleets for member in fleet.members[1:]] == [None] * 2 * (PROCESSES - 1)
        finally:
            for fleet in fleets:
                fleet.stop()
        for fleet in fleets:
            reads, writes = fleet.used(first)
            rejected = sum(call.status == 429 for call in fleet.sandbox.calls)
            share = reads.total() / (LIMITS.reads * WINDOWS)
            print(f"{fleet.name}: {share:.2%} of the reads {list(reads.values())}, writes {list(writes.values())}")
            assert rejected == 0
            assert share >= 0.99
            assert list(writes.values()) == [LIMITS.writes] * WINDOWS
