"""Customers with interviews on a sandbox, for the tests of ``boooply interviews``."""

import asyncio
import csv
from pathlib import Path
from typing import Any

from boooply import AIInterview, AsyncBoooplyClient, AsyncBoooplyPlatform, AsyncTenants, Candidate, TeamMeeting, Tenant
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore


def fill(sandbox: Sandbox, *, customers: int, interviews: int, evaluated: int = 0) -> dict[str, list[str]]:
    """Connect customers, each with interviews of which some are evaluated; return the meeting codes of each."""
    return asyncio.run(_fill(sandbox, customers, interviews, evaluated))


async def _fill(sandbox: Sandbox, customers: int, interviews: int, evaluated: int) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    async with (
        AsyncStore.open() as store,
        AsyncBoooplyPlatform(
            platform_key=sandbox.platform_key, base_url=sandbox.base_url, rate_limits=None
        ) as platform,
    ):
        tenants = AsyncTenants(platform, store, verify=False)
        for number in range(customers):
            name = f"org_{number}"
            tenant = Tenant(user_id="1", user_email="admin@acme.example", organization_id=name)
            client = await tenants.connect(tenant)
            made[name] = []
            for count in range(interviews):
                candidate = Candidate(name=f"Zoë {count}", email=f"zoe{count}@candidate.example")
                request = AIInterview(job_role="Engineer", candidate=candidate)
                made[name].append((await client.interviews.create(request)).meeting_code)
            for code in made[name][:evaluated]:
                sandbox.play(code)
    return made


def invite(sandbox: Sandbox, **changes: Any) -> str:
    """Create an interview with the sandbox's own key, and return its meeting code."""
    given = {"job_role": "Engineer", "candidate": {"name": "Jane Doe", "email": "jane@candidate.example"}, **changes}
    return asyncio.run(_create(sandbox, AIInterview(**given)))


def meet(sandbox: Sandbox, title: str) -> str:
    """Create a team meeting with the sandbox's own key, and return its meeting code."""
    host = {"name": "Ada", "email": "ada@acme.example", "role": "HOST"}
    return asyncio.run(_create(sandbox, TeamMeeting(title=title, participants=[host])))


async def _create(sandbox: Sandbox, request: AIInterview | TeamMeeting) -> str:
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
        return (await client.interviews.create(request)).meeting_code


def calls_of(sandbox: Sandbox, operation: str) -> int:
    """Count the calls of an operation so far."""
    return sum(call.operation == operation for call in sandbox.calls)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a CSV file as a program does that knows of the byte order mark."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
