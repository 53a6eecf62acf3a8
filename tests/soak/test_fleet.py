"""Eight processes on one PostgreSQL store, at ten calls a second."""

import os
import subprocess
import sys
import time

import pytest

from boooply.sandbox import Limits, Sandbox

PROCESSES, CALLS = 8, 50

MEMBER = """
import asyncio, json, os, sys, time
from boooply import AsyncBoooplyClient, RateLimits
from boooply.store import AsyncStore

url, encryption_key, base_url, api_key, begins = sys.argv[1:]

async def main():
    async with AsyncStore.open(url, encryption_key=encryption_key) as store:
        limits = RateLimits(reads=10, window=1, shared=store)
        async with AsyncBoooplyClient(api_key=api_key, base_url=base_url, rate_limits=limits) as client:
            await asyncio.sleep(float(begins) - time.time())
            await asyncio.gather(*(client.organization.get() for _ in range(%d)))

asyncio.run(main())
"""


def test_eight_processes_use_one_allowance_and_never_more(postgresql_store_url, encryption_key):
    with Sandbox(limits=Limits(reads=10, window=1)) as sandbox:
        begins = int(time.time()) + 20  # once all have started, and with a window, so that the first one is whole
        words = [postgresql_store_url, encryption_key, sandbox.base_url, sandbox.api_key, str(begins)]
        members = [subprocess.Popen([sys.executable, "-c", MEMBER % CALLS, *words]) for _ in range(PROCESSES)]  # noqa: S603 - our own words
        assert [member.wait(180) for member in members] == [0] * PROCESSES
        statuses = [call.status for call in sandbox.calls]
        moments = [call.at.timestamp() for call in sandbox.calls]
    windows = int(max(moments)) - int(min(moments)) + 1
    used = len(moments) / (10 * windows)
    print(
        f"{statuses.count(200)} served, {statuses.count(429)} rejected, {max(moments) - min(moments):.2f} s, {used:.1%}"
    )
    assert statuses == [200] * (PROCESSES * CALLS)
    assert used >= 0.99


@pytest.fixture
def provision(store_url, encryption_key, tmp_path):
    """Run several commands on one store and one file, and return their exit codes."""

    def run(sandbox: Sandbox, *, customers: int, processes: int) -> list[int]:
        file = tmp_path / "tenants.csv"
        rows = "".join(f"org_{number},1,a@b.example\n" for number in range(customers))
        file.write_text(f"organization_id,user_id,user_email\n{rows}", encoding="utf-8")
        settings = {
            "BOOOPLY_BASE_URL": sandbox.base_url,
            "BOOOPLY_PLATFORM_KEY": sandbox.platform_key,
            "BOOOPLY_STORE_URL": store_url,
            "BOOOPLY_STORE_KEY": encryption_key,
        }
        words = [sys.executable, "-m", "boooply.cli.main", "provision", str(file)]
        runs = [subprocess.Popen(words, env=os.environ | settings) for _ in range(processes)]  # noqa: S603 - our own words
        return [run.wait(120) for run in runs]

    return run


def test_four_processes_follow_a_higher_limit_than_the_configured_one(provision):
    with Sandbox(limits=Limits(writes=20, window=1)) as sandbox:
        assert provision(sandbox, customers=160, processes=4) == [0] * 4
        statuses = [call.status for call in sandbox.calls]
        moments = [call.at.timestamp() for call in sandbox.calls]
    seconds = max(moments) - min(moments)
    print(f"{statuses.count(201)} minted, {statuses.count(429)} rejected, in {seconds:.1f} s at 20 a second")
    assert statuses == [201] * 160
    assert seconds <= 9


def test_two_commands_on_one_store_split_a_file_within_the_allowance(provision):
    with Sandbox(limits=Limits(writes=10, window=1)) as sandbox:
        assert provision(sandbox, customers=200, processes=2) == [0, 0]
        statuses = [call.status for call in sandbox.calls]
        moments = [call.at.timestamp() for call in sandbox.calls]
        assert set(sandbox.mints.values()) == {1}
    windows = int(max(moments)) - int(min(moments)) + 1
    print(f"{statuses.count(201)} minted, {statuses.count(429)} rejected, in {windows} windows of 10")
    assert statuses == [201] * 200
    assert len(moments) / (10 * windows) >= 0.95  # the first window has begun already, and 20 is a small number
