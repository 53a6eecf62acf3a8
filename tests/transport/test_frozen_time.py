"""Clients and stores under freezegun, which stops the clocks of a test."""

import asyncio
import time

import pytest
from freezegun import freeze_time

from boooply import AsyncBoooplyClient, DeadlineExceededError, RateLimits, RetryPolicy
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore


def test_clients_and_stores_open_respond_and_close_in_frozen_time(
    threaded_sandbox: Sandbox, store_url: str, encryption_key: str
) -> None:
    async def use() -> None:
        key, url = threaded_sandbox.api_key, threaded_sandbox.base_url
        async with (
            AsyncStore.open(store_url, encryption_key=encryption_key) as store,
            AsyncBoooplyClient(api_key=key, base_url=url) as client,
        ):
            await client.organization.get()
            await store.keys.put("org_1", "bply_org_0123456789abcdef")

    with freeze_time("2026-06-01"):
        asyncio.run(use())


def test_deadlines_pass_and_limits_recover_although_the_time_is_frozen(threaded_sandbox: Sandbox) -> None:
    threaded_sandbox.faults.add("interviews.get", "stall", times=None)
    key, url = threaded_sandbox.api_key, threaded_sandbox.base_url

    async def use() -> None:
        policy = RetryPolicy(attempts=3, backoff=0.05, deadline=0.4)
        async with AsyncBoooplyClient(api_key=key, base_url=url, retry=policy, rate_limits=None) as client:
            with pytest.raises(DeadlineExceededError):
                await client.interviews.get("Boooply-AI-1")
        threaded_sandbox.faults.clear()
        async with AsyncBoooplyClient(api_key=key, base_url=url, rate_limits=RateLimits(reads=2, window=0.3)) as client:
            await asyncio.gather(*(client.organization.get() for _ in range(3)))

    started = time.perf_counter()
    with freeze_time("2026-06-01", real_asyncio=True):
        asyncio.run(asyncio.wait_for(use(), 60))
    assert time.perf_counter() - started < 60
