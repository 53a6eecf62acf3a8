"""A 429 that names its end, as the sandbox's do in whole seconds: waited for, then sent again, whatever the call."""

from datetime import UTC, datetime
from typing import Any

import pytest

from boooply import AIInterview, AsyncBoooplyClient, Candidate
from boooply.sandbox import Limits, Sandbox

AI = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))


@pytest.mark.parametrize("operation", ["interviews.get", "interviews.create", "interviews.reschedule"])
async def test_a_429_that_names_its_end(operation: str) -> None:
    async with (
        Sandbox(limits=Limits(reads=1000, writes=1000, window=1)) as sandbox,
        AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client,
    ):
        code = (await client.interviews.create(AI)).meeting_code
        calls: dict[str, Any] = {
            "interviews.get": lambda: client.interviews.get(code),
            "interviews.create": lambda: client.interviews.create(AI),
            "interviews.reschedule": lambda: client.interviews.reschedule(code, scheduled_at=datetime.now(UTC)),
        }
        sandbox.faults.add(operation, "429")
        before = len(sandbox.calls)

        await calls[operation]()

        assert [call.status for call in sandbox.calls[before:]][:1] == [429]
        assert len(sandbox.calls) == before + 2
