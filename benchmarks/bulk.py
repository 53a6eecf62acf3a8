"""Mint a key for each of many customers: ``python benchmarks/bulk.py VARIANT COUNT BASE_URL [STORE_URL [PROCESSES]]``.

Each run has its own database: on the server of a PostgreSQL URL, or beside the file of a SQLite URL. Several processes
share the customers, and each gets a part of them.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from calls import ALL
from measure import peak_mb

CONCURRENCY = 100
KEY = "bply_platform_0123456789abcdef"
STORE_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
PATH = "/api/server-auth/create-api-key"

Bulk = Callable[[int, str, str | None], Awaitable[int]]


FIRST = int(os.environ.get("BENCHMARK_FIRST", "0"))  # each of several processes has its own customers


def people(count: int) -> Iterator[tuple[str, str]]:
    """Generate customers: id and e-mail."""
    return ((f"org_{number:09}", f"admin{number}@example.com") for number in range(FIRST, FIRST + count))


def a_platform(base_url: str) -> Any:
    """Make a platform whose limits are out of reach. Its limiter keeps the time of each call of the last second."""
    from boooply import AsyncBoooplyPlatform, RateLimits

    limits = RateLimits(reads=ALL, writes=ALL, window=1)
    return AsyncBoooplyPlatform(platform_key=KEY, base_url=base_url, rate_limits=limits)


def tenants(count: int) -> Iterator[Any]:
    """Generate them as the SDK takes them."""
    from boooply import Tenant

    return (
        Tenant(user_id="1", user_email=email, organization_id=identity, organization_name="Acme")
        for identity, email in people(count)
    )


async def raw(count: int, base_url: str, _store_url: str | None) -> int:
    """Idiomatic aiohttp, workers over one iterator, nothing kept."""
    from aiohttp import ClientSession

    minted, left = 0, people(count)
    async with ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def work() -> None:
            nonlocal minted
            for identity, email in left:
                body = {"userId": "1", "userEmail": email, "organizationId": identity, "organizationName": "Acme"}
                async with session.post(f"{base_url}{PATH}", json=body) as response:
                    response.raise_for_status()
                    payload = await response.json()
                minted += bool(payload["apiKey"])

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    return minted


async def boooply(count: int, base_url: str, _store_url: str | None) -> int:
    """Typed, with governor and retry, in memory."""
    minted, left = 0, tenants(count)
    async with a_platform(base_url) as platform:

        async def work() -> None:
            nonlocal minted
            for tenant in left:
                key = await platform.create_organization_api_key(tenant)
                minted += bool(key.api_key)

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    return minted


async def boooply_store(count: int, base_url: str, store_url: str | None) -> int:
    """With the ledger and encrypted keys, each step committed before the next."""
    from boooply.provisioning import Connected, async_provision
    from boooply.store import AsyncStore

    async def outcomes(url: str) -> AsyncIterator[object]:
        async with AsyncStore.open(url, encryption_key=STORE_KEY) as store, a_platform(base_url) as one:
            async for outcome in async_provision(tenants(count), platform=one, store=store, concurrency=CONCURRENCY):
                yield outcome

    with tempfile.TemporaryDirectory() as place:
        url = store_url or f"sqlite:///{Path(place, 'boooply.db')}"
        return sum([isinstance(outcome, Connected) async for outcome in outcomes(url)])


VARIANTS: dict[str, Bulk] = {one.__name__: one for one in (raw, boooply, boooply_store)}


def a_database(url: str) -> str:
    """Create a new database on the server of a URL, or name a new file beside that of a SQLite URL."""
    import psycopg
    from sqlalchemy import make_url

    name = f"bulk_{uuid.uuid4().hex}"
    if url.startswith("sqlite:"):
        return f"{url.rpartition('/')[0]}/{name}.db"
    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def parts(variant: str, count: int, base_url: str, url: str, processes: int) -> Iterator[Callable[[], float]]:
    """Start several processes, each with a part of the customers and one store, and give what lets them begin."""
    size = count // processes
    words = [sys.executable, __file__, "part", variant, str(size), base_url, url]
    running = [
        subprocess.Popen(  # noqa: S603 - our own words
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"BENCHMARK_FIRST": str(number * size)},
        )
        for number in range(processes)
    ]
    for one in running:
        assert one.stdout is not None  # noqa: S101 - asked for above
        one.stdout.readline()  # it has started, and minted for its warm-up

    def go() -> float:
        for one in running:
            assert one.stdin is not None  # noqa: S101 - asked for above
            one.stdin.close()
        assert [one.wait() for one in running] == [0] * processes  # noqa: S101 - one that fails is no figure
        return sum(float(one.stdout.read()) for one in running if one.stdout is not None)

    yield go


def part(variant: str, count: str, base_url: str, url: str) -> None:
    """Mint for the customers of one of several processes, once its standard input ends, and print the CPU it took."""
    asyncio.run(VARIANTS[variant](100, base_url, a_database(url)))
    print("ready", flush=True)
    sys.stdin.read()
    print(mint(variant, int(count), base_url, url))


def main(variant: str, count: str, base_url: str, store_url: str | None = None, processes: str = "1") -> None:
    """Measure one variant, after a warm-up of 500 customers."""
    asyncio.run(VARIANTS[variant](500, base_url, store_url and a_database(store_url)))
    url = store_url and a_database(store_url)
    with ExitStack() as stack:
        go: Callable[[], float] = partial(mint, variant, int(count), base_url, url)
        if url is not None and processes != "1":
            go = stack.enter_context(parts(variant, int(count), base_url, url, int(processes)))
        gc.collect()
        before, began = peak_mb(), time.perf_counter()
        used = go() / int(count) * 1e6
        seconds = time.perf_counter() - began
    print(json.dumps({"per_second": int(count) / seconds, "cpu_us": used, "growth_mb": peak_mb() - before}))


def mint(variant: str, count: int, base_url: str, url: str | None) -> float:
    """Mint for all customers in this process, and return the seconds of CPU that it took."""
    cpu = time.process_time()
    assert asyncio.run(VARIANTS[variant](count, base_url, url)) == count  # noqa: S101 - all do the same work
    return time.process_time() - cpu


if __name__ == "__main__":
    if sys.argv[1] == "part":
        part(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
