"""Awaited calls: ``python benchmarks/calls.py VARIANT OPERATION CONCURRENCY COUNT BASE_URL``."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from measure import measured_calls
from payloads import BODY

KEY = "bply_org_0123456789abcdef"
HEADERS = {"Authorization": f"Bearer {KEY}"}
PATH = "/api/integration/interviews"
CODE = "Boooply-AI-1"
ALL = 10**9

Call = Callable[[], Awaitable[object]]


async def boooply(stack: AsyncExitStack, operation: str, base_url: str) -> Call:
    """Typed, with governor and retry: as a user has it."""
    from boooply import AIInterview, AsyncBoooplyClient, Candidate, RateLimits

    limits = RateLimits(reads=ALL, writes=ALL)
    client = await stack.enter_async_context(AsyncBoooplyClient(api_key=KEY, base_url=base_url, rate_limits=limits))
    if operation == "get":
        return lambda: client.interviews.get(CODE)
    candidate = Candidate(name="Jane Doe", email="jane@example.com")
    skills = ("React", "TypeScript", "Testing")
    return lambda: client.interviews.create(
        AIInterview(
            job_role="Frontend Engineer",
            candidate=candidate,
            duration_minutes=30,
            skills=skills,
            seniority="SENIOR",
            company_name="Acme",
        )
    )


async def aiohttp(stack: AsyncExitStack, operation: str, base_url: str) -> Call:
    """Idiomatic aiohttp, untyped."""
    from aiohttp import ClientSession

    session = await stack.enter_async_context(ClientSession(headers=HEADERS))

    async def get() -> Any:
        async with session.get(f"{base_url}{PATH}/{CODE}") as response:
            response.raise_for_status()
            return await response.json()

    async def create() -> Any:
        async with session.post(f"{base_url}{PATH}", json=BODY) as response:
            response.raise_for_status()
            return await response.json()

    return get if operation == "get" else create


async def httpx(stack: AsyncExitStack, operation: str, base_url: str) -> Call:
    """Idiomatic httpx, untyped."""
    from httpx import AsyncClient, Limits

    client = await stack.enter_async_context(
        AsyncClient(headers=HEADERS, limits=Limits(max_connections=500), timeout=60)
    )

    async def get() -> Any:
        return (await client.get(f"{base_url}{PATH}/{CODE}")).raise_for_status().json()

    async def create() -> Any:
        return (await client.post(f"{base_url}{PATH}", json=BODY)).raise_for_status().json()

    return get if operation == "get" else create


async def niquests(stack: AsyncExitStack, operation: str, base_url: str) -> Call:
    """Idiomatic niquests, untyped."""
    from niquests import AsyncSession

    session = await stack.enter_async_context(AsyncSession(headers=HEADERS))

    async def get() -> Any:
        return (await session.get(f"{base_url}{PATH}/{CODE}")).raise_for_status().json()

    async def create() -> Any:
        return (await session.post(f"{base_url}{PATH}", json=BODY)).raise_for_status().json()

    return get if operation == "get" else create


async def openai(stack: AsyncExitStack, operation: str, base_url: str, *, transport: str = "httpx") -> Call:
    """The openai SDK's own machinery, typed by its own base model, against our paths."""
    import openai
    from openai._models import BaseModel

    class Interview(BaseModel):
        success: bool
        meeting: dict[str, Any]

    http = openai.DefaultAioHttpClient() if transport == "aiohttp" else None
    client = await stack.enter_async_context(openai.AsyncOpenAI(api_key=KEY, base_url=base_url, http_client=http))
    if operation == "get":
        return lambda: client.get(f"{PATH}/{CODE}", cast_to=Interview)
    return lambda: client.post(PATH, cast_to=Interview, body=BODY)


VARIANTS: dict[str, Callable[[AsyncExitStack, str, str], Awaitable[Call]]] = {
    "boooply": boooply,
    "boooply-uvloop": boooply,
    "aiohttp": aiohttp,
    "aiohttp-uvloop": aiohttp,
    "httpx": httpx,
    "niquests": niquests,
    "openai": openai,
    "openai-aiohttp": partial(openai, transport="aiohttp"),
}


async def main(variant: str, operation: str, concurrency: str, count: str, base_url: str) -> None:
    """Measure one variant."""
    async with AsyncExitStack() as stack:
        call = await VARIANTS[variant](stack, operation, base_url)
        seen = await call()
        assert "Boooply-AI-1" in (json.dumps(seen) if isinstance(seen, dict) else repr(seen)), seen  # noqa: S101 - the peers do the same work
        await measured_calls(call, int(count), int(concurrency))


if __name__ == "__main__":
    if sys.argv[1].endswith("-uvloop"):
        import uvloop

        uvloop.run(main(*sys.argv[1:]))
    else:
        asyncio.run(main(*sys.argv[1:]))
