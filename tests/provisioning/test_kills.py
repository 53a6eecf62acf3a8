"""Workers that are killed at random moments: no key is minted twice unnoticed, no customer is forgotten."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable

import psycopg
import pytest

from boooply import AsyncBoooplyPlatform
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore, State

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
KILLS = int(os.environ.get("BOOOPLY_TEST_KILLS", "12"))
CUSTOMERS = 1000 if KILLS > 100 else 60

# It imports everything once and forks its workers, so that a thousand of them take minutes, not hours.
NURSERY = textwrap.dedent("""
    import asyncio, json, os, random, signal, sys, time, traceback
    from boooply import AsyncBoooplyPlatform, Tenant
    from boooply.provisioning import async_provision, provisioner, sources
    from boooply.store import AsyncStore

    url, encryption_key, base_url, platform_key, customers, kills = sys.argv[1:]
    opened, is_open = os.pipe()
    provisioner._WAITING_LEASE = 0.5
    sources._RETRY_BUSY_AFTER = 0.1

    def tenants():
        for number in range(int(customers)):
            yield Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number:04}")

    async def work():
        async with (
            AsyncStore.open(url, encryption_key=encryption_key) as store,
            AsyncBoooplyPlatform(platform_key=platform_key, base_url=base_url, timeout=1) as platform,
        ):
            os.write(is_open, b".")
            async for _ in async_provision(tenants(), platform=platform, store=store, concurrency=2):
                pass

    def spawn():
        child = os.fork()
        if child:
            os.read(opened, 1)  # a kill while it starts would show nothing
            return child
        code = 1
        try:
            asyncio.run(work())
            code = 0
        except BaseException:
            traceback.print_exc()
            os.write(is_open, b".")
        finally:
            sys.stderr.flush()
            os._exit(code)

    def sleep_or_see_end(seconds, alive):
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            found, status = os.waitpid(-1, os.WNOHANG)
            if found:
                alive.discard(found)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        return None

    killed = 0
    codes = []
    alive = {spawn(), spawn()}
    while alive:
        code = sleep_or_see_end(random.uniform(0.02, 0.25), alive)
        if code is not None:
            codes.append(code)
        elif killed < int(kills):
            victim = random.choice(sorted(alive))
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            alive.discard(victim)
            killed += 1
            alive.add(spawn())
    print(json.dumps({"killed": killed, "codes": codes}))
""")


def run_killed(run_python: Run, sandbox: Sandbox, url: str, encryption_key: str, customers: int, kills: int) -> int:
    """Let two workers at a time connect the customers, kill one at random moments, and return the number killed."""
    words = [url, encryption_key, sandbox.base_url, sandbox.platform_key, str(customers), str(kills)]
    done = run_python([sys.executable, "-c", NURSERY, *words], timeout=1800)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert set(summary["codes"]) == {0}
    return int(summary["killed"])


async def checked_states(sandbox: Sandbox, url: str, encryption_key: str, customers: int) -> Counter[State]:
    """Compare the ledger and the keys with what the API minted, and count the states."""
    states: Counter[State] = Counter()
    async with (
        AsyncStore.open(url, encryption_key=encryption_key) as store,
        AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform,
    ):
        async for entry in store.ledger.entries():
            states[entry.state] += 1
            if entry.state is State.DONE:
                client = platform.organization(await store.keys.get(entry.organization_id))
                assert (await client.organization.get()).external_org_id == entry.organization_id
            else:
                assert entry.state is State.IN_DOUBT
    assert states.total() == customers  # none forgotten
    assert set(sandbox.mints.values()) <= {1}  # none minted twice
    assert len(sandbox.mints) >= states[State.DONE]
    return states


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_store_url(request: pytest.FixtureRequest) -> Callable[[int], str]:
    """Return the URL of a new store for each round."""
    url: str = request.getfixturevalue(f"{request.param}_store_url")
    if request.param == "sqlite":
        return lambda number: url.replace("boooply.db", f"round_{number}.db")

    def fresh(number: int) -> str:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS round_{number} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE round_{number}".encode())
        return url.replace("/store?", f"/round_{number}?", 1)

    return fresh


@pytest.mark.timeout(120 + 2 * KILLS)
def test_killed_workers_lose_and_repeat_nothing(run_python, fresh_store_url, encryption_key):
    killed = rounds = 0
    states: Counter[State] = Counter()
    while killed < KILLS:
        with Sandbox(latency=0.02) as sandbox:
            url = fresh_store_url(rounds)
            killed += run_killed(run_python, sandbox, url, encryption_key, CUSTOMERS, KILLS - killed)
            states += asyncio.run(checked_states(sandbox, url, encryption_key, CUSTOMERS))
        rounds += 1
    print(f"{killed} killed in {rounds} rounds: {states[State.DONE]} connected, {states[State.IN_DOUBT]} in doubt")  # noqa: T201 - the figures are for the reader of a long run
