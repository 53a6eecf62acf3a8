"""Where a call's time goes: ``python benchmarks/parts.py PART CONCURRENCY COUNT BASE_URL``.

Each part has those before it.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from calls import ALL, CODE, HEADERS, KEY, PATH, Call
from measure import measured_calls


async def aiohttp_with_care(stack: AsyncExitStack, base_url: str) -> Call:
    """Use aiohttp with the SDK's settings, and read the body as it does: untyped, and nothing around it."""
    import orjson
    from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
    from yarl import URL

    settings: dict[str, Any] = {"cookie_jar": DummyCookieJar(), "timeout": ClientTimeout(total=None)}
    opened = ClientSession(connector=TCPConnector(limit=0), headers=HEADERS, **settings)
    session = await stack.enter_async_context(opened)
    url = f"{base_url}{PATH}/{CODE}"

    async def call() -> Any:
        response = await session.request("GET", URL(url, encoded=True), allow_redirects=False)
        return orjson.loads(await response.read())

    return call


async def attempted(stack: AsyncExitStack, base_url: str) -> Call:
    """Send a ready request once, within its time, with its own key; errors are values too."""
    from boooply.client import transport_of
    from boooply.protocol.endpoints import GET_INTERVIEW
    from boooply.transport.attempt import attempt

    transport = transport_of(await a_client(stack, base_url))
    session, request = await transport.pool.session(), GET_INTERVIEW.request(meeting_code=CODE)

    async def call() -> Any:
        response: Any = await attempt(session, transport.pool, request, transport.key, timeout=30.0)
        return response.json()

    return call


async def sent(stack: AsyncExitStack, base_url: str) -> Call:
    """Wait for a place in line, judge the response, send again where it is safe, and learn from its headers."""
    from boooply.client import transport_of
    from boooply.protocol.endpoints import GET_INTERVIEW

    transport = transport_of(await a_client(stack, base_url))
    request = GET_INTERVIEW.request(meeting_code=CODE)
    return lambda: transport.send(request)


async def read(stack: AsyncExitStack, base_url: str) -> Call:
    """Make a model of the response."""
    from boooply.client import transport_of
    from boooply.protocol.endpoints import GET_INTERVIEW

    transport = transport_of(await a_client(stack, base_url))
    request = GET_INTERVIEW.request(meeting_code=CODE)

    async def call() -> Any:
        return GET_INTERVIEW.parse(await transport.send(request))

    return call


async def whole(stack: AsyncExitStack, base_url: str) -> Call:
    """Make the request as well: the call as a user has it."""
    client = await a_client(stack, base_url)
    return lambda: client.interviews.get(CODE)


async def a_client(stack: AsyncExitStack, base_url: str) -> Any:
    """Open a client whose limits are out of reach."""
    from boooply import AsyncBoooplyClient, RateLimits

    limits = RateLimits(reads=ALL, writes=ALL)
    return await stack.enter_async_context(AsyncBoooplyClient(api_key=KEY, base_url=base_url, rate_limits=limits))


PARTS: dict[str, Callable[[AsyncExitStack, str], Awaitable[Call]]] = {
    one.__name__: one for one in (aiohttp_with_care, attempted, sent, read, whole)
}


async def main(part: str, concurrency: str, count: str, base_url: str) -> None:
    """Measure one part, with those before it."""
    async with AsyncExitStack() as stack:
        await measured_calls(await PARTS[part](stack, base_url), int(count), int(concurrency))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
