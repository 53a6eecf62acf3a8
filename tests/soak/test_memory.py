"""A run keeps a few customers in memory at a time, however many there are."""

import json
import subprocess
import sys

import pytest

from boooply.sandbox import Sandbox

RUN = """
import asyncio, json, resource, sys
from boooply import AsyncBoooplyPlatform, Tenant
from boooply.provisioning import async_provision
from boooply.store import AsyncStore

url, encryption_key, base_url, platform_key, count = sys.argv[1:]

def tenants():
    for number in range(int(count)):
        yield Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number:06}")

def megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20

async def main():
    async with (
        AsyncStore.open(url, encryption_key=encryption_key) as store,
        AsyncBoooplyPlatform(platform_key=platform_key, base_url=base_url, rate_limits=None) as platform,
    ):
        done, first = 0, 0.0
        async for _ in async_provision(tenants(), platform=platform, store=store):
            done += 1
            if done == 500:
                first = megabytes()
        print(json.dumps({"done": done, "grown": megabytes() - first}))

asyncio.run(main())
"""


@pytest.mark.parametrize("count", [1_000, 10_000, 200_000])
def test_memory_stays_flat(sqlite_store_url, encryption_key, count):
    with Sandbox() as sandbox:
        words = [sqlite_store_url, encryption_key, sandbox.base_url, sandbox.platform_key, str(count)]
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", RUN, *words], stdout=subprocess.PIPE, check=True, timeout=3500
        )
    report = json.loads(done.stdout)
    print(f"{count:,} customers: {report['grown']:.1f} MB above the first 500")
    assert report["done"] == count
    assert report["grown"] < 10
