"""Many calls against a sandbox that keeps failing: nothing twice, nothing to the wrong caller, no doubt unspoken."""

import asyncio
import os
import random
from collections import Counter
from math import ceil
from pathlib import Path
from typing import get_args

from boooply import AIInterview, AmbiguousWriteError, AsyncBoooplyClient, BoooplyError, Candidate, RetryPolicy
from boooply.client import transport_of
from boooply.sandbox import Fault, Sandbox
from boooply.transport.local_limiter import LocalLimiter

CALLS = int(os.environ.get("BOOOPLY_SOAK_CALLS", "100000"))
CHUNK = 2_000
# the heavy ones have their cells in the conformance test; a bare 429 shuts the limiter for a window
LEFT_OUT = {"gzip-bomb", "big-body", "stall", "slow-drip", "429", "429-bare"}
FAULTS = sorted(set(get_args(Fault)) - LEFT_OUT)


def descriptors() -> int:
    opened = Path("/proc/self/fd")
    return len(list(opened.iterdir())) if opened.exists() else 0


async def chunk(seed: int, calls: int) -> Counter[str]:
    rng = random.Random(seed)
    seen: Counter[str] = Counter()
    async with (
        Sandbox() as sandbox,
        AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, retry=RetryPolicy(backoff=0), timeout=20
        ) as client,
    ):

        async def one(number: int) -> None:
            # every person is asked for once: an invitation that is seen twice is the SDK's doing
            name = f"p{seed}-{number}"
            if rng.random() < 0.3:
                operation = rng.choice(["interviews.create", "interviews.get", "interviews.cancel"])
                sandbox.faults.add(operation, rng.choice(FAULTS), times=1)
            person = Candidate(name=name, email=f"{name}@example.com")
            try:
                interview = await client.interviews.create(AIInterview(job_role=name, candidate=person))
                assert [p.email for p in interview.participants] == [person.email], "another caller's response"
                assert (await client.interviews.get(interview.meeting_code)).meeting_code == interview.meeting_code, (
                    "another's response"
                )
                await client.interviews.cancel(interview.meeting_code)
                seen["whole"] += 1
            except AmbiguousWriteError as error:
                seen[f"ambiguous {error.operation}"] += 1
            except BoooplyError as error:
                seen[type(error).__name__] += 1

        for begin in range(0, calls, 50):
            await asyncio.gather(*(one(number) for number in range(begin, min(calls, begin + 50))))
        carried_out = Counter(email.to for email in sandbox.sent_emails if email.kind == "invitation")
        assert max(carried_out.values()) == 1, "somebody was invited twice"
        assert sandbox.duplicates == ()
        assert sandbox.redirected == ()
        faulted = [c for c in sandbox.calls if c.operation == "interviews.create" and c.carried_out and c.fault]
        doubtful = [call for call in faulted if call.fault != "stale"]  # whose response came whole
        assert seen["ambiguous interviews.create"] >= len(doubtful), "a doubt was not reported"
        seen["sends"] = len(sandbox.calls)
    return seen


async def test_many_faulted_calls() -> None:
    before = descriptors()
    total: Counter[str] = Counter()
    # three calls to each interview
    for seed in range(ceil(CALLS / 3 / CHUNK)):
        total += await chunk(seed, CHUNK)
    assert descriptors() <= before + 2
    print(dict(total))


async def test_many_cancellations() -> None:
    """Cancel at random points: no connection, task, place or file descriptor is left behind."""
    rng = random.Random(1)
    cancellations = CALLS // 10
    async with Sandbox() as sandbox, AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
        await client.organization.get()
        tasks_before = len(asyncio.all_tasks())
        for _ in range(0, cancellations, 50):
            tasks = [asyncio.create_task(client.organization.get()) for _ in range(50)]
            await asyncio.sleep(rng.random() * 0.02)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert (await client.organization.get()).id
        await asyncio.sleep(0.05)
        transport = transport_of(client)
        limiter = transport.pool.limiter(transport.key, next(iter(client.rate_limits)))
        assert limiter is not None
        assert isinstance(limiter, LocalLimiter)
        assert limiter._limiter.in_flight == 0
        assert len(limiter._waiters) == 0
        session = await transport.pool.session()
        assert session.connector is not None
        assert not session.connector._acquired
        # the sandbox keeps a task for each open connection
        assert len(asyncio.all_tasks()) <= tasks_before + 2 * 100
