"""Connecting times out before its attempt does, although aiohttp would round long timeouts up to whole seconds."""

import asyncio
import time

import pytest

from boooply import AIInterview, APIConnectionError, AsyncBoooplyClient, Candidate, RetryPolicy

AI = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.read()  # what TLS begins with, and no response to it
    finally:
        writer.close()


async def test_a_connection_that_takes_seconds_is_given_up_at_its_own_time() -> None:
    listening = await asyncio.start_server(_silent, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    retry = RetryPolicy(attempts=1)
    async with (
        listening,
        AsyncBoooplyClient(api_key="bply_org_0123456789abcdef", base_url=url, timeout=5.7, retry=retry) as client,
    ):
        for fraction in (0.2, 0.9):
            await asyncio.sleep((fraction - time.monotonic()) % 1)  # where a rounded end would be too late
            begun = time.monotonic()
            with pytest.raises(APIConnectionError, match="the API's host does not respond"):
                await client.interviews.create(AI)
            assert time.monotonic() - begun < 5.5
        await asyncio.sleep(0.1)  # until the server has disconnected
