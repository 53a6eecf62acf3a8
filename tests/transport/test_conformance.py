"""The promise of ``docs/explanation/safety.md``: fault by safety class by face, with the sends that the API saw."""

from datetime import UTC, datetime
from typing import Any

import pytest

from boooply import (
    AIInterview,
    AmbiguousWriteError,
    APIError,
    AsyncBoooplyClient,
    BoooplyClient,
    Candidate,
    DecodingError,
    RateLimits,
    RetryPolicy,
)
from boooply.sandbox import Sandbox

AI = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)
FINE = "fine"

# fault, then for READ, CREATE and CONVERGE: what comes of it, and how many sends of the call itself the API saw
TABLE: list[tuple[str, Any, int, Any, int, Any, int]] = [
    ("reset-before", FINE, 2, AmbiguousWriteError, 1, FINE, 2),
    ("drop-before", FINE, 2, AmbiguousWriteError, 1, FINE, 2),
    ("reset-after", FINE, 2, AmbiguousWriteError, 1, FINE, 1),
    ("commit-then-drop", FINE, 2, AmbiguousWriteError, 1, FINE, 1),
    ("stall", FINE, 2, AmbiguousWriteError, 1, FINE, 1),
    ("drop-midway", FINE, 2, AmbiguousWriteError, 1, FINE, 1),
    ("429-bare", FINE, 2, FINE, 2, FINE, 2),
    ("500", FINE, 2, AmbiguousWriteError, 1, FINE, 2),
    ("502", FINE, 2, AmbiguousWriteError, 1, FINE, 2),
    ("503", FINE, 2, AmbiguousWriteError, 1, FINE, 2),
    ("504", FINE, 2, AmbiguousWriteError, 1, FINE, 2),
    ("500-after", FINE, 2, AmbiguousWriteError, 1, FINE, 1),
    ("html", FINE, 2, AmbiguousWriteError, 1, FINE, 1),
    ("bad-json", FINE, 2, AmbiguousWriteError, 1, FINE, 1),
    ("gzip-bomb", DecodingError, 1, AmbiguousWriteError, 1, FINE, 1),
    ("big-body", DecodingError, 1, AmbiguousWriteError, 1, FINE, 1),
    ("redirect", APIError, 1, APIError, 1, APIError, 1),
    ("stale", FINE, 1, FINE, 1, FINE, 1),
]

CASES = [
    pytest.param(operation, row[0], row[2 * column + 1], row[2 * column + 2], id=f"{row[0]}-{operation}")
    for row in TABLE
    for column, operation in enumerate(["interviews.get", "interviews.create", "interviews.reschedule"])
]


@pytest.fixture(params=["async", "blocking"])
async def faulty(request: pytest.FixtureRequest, sandbox: Sandbox, make_face):
    options: dict[str, Any] = {
        "api_key": sandbox.api_key,
        "base_url": sandbox.base_url,
        "timeout": 5,
        "rate_limits": RateLimits(reads=1000, writes=1000, window=0.02),  # how long a bare 429 is waited for
        "retry": RetryPolicy(attempts=3, backoff=0),
    }
    if request.param == "async":
        async with AsyncBoooplyClient(**options) as client:
            yield make_face("async", client, None)
    else:
        face = make_face("blocking", BoooplyClient(**options), None)
        yield face
        await face.do(face.client.close)


async def carry_out(face, operation: str, code: str, fault: str) -> Any:
    client = face.client.with_options(timeout=0.04) if fault == "stall" else face.client
    if operation == "interviews.create":
        return await face.do(client.interviews.create, AI)
    if operation == "interviews.get":
        return await face.do(client.interviews.get, code)
    return await face.do(client.interviews.reschedule, code, scheduled_at=NOON)


@pytest.mark.parametrize(("operation", "fault", "expected", "sends"), CASES)
async def test_each_cell(faulty, sandbox: Sandbox, operation: str, fault: Any, expected: Any, sends: int) -> None:
    code = (await faulty.do(faulty.client.interviews.create, AI)).code
    before = len(sandbox.calls)
    sandbox.faults.add(operation, fault, times=1)
    if expected is FINE:
        result = await carry_out(faulty, operation, code, fault)
        assert result.code
    else:
        with pytest.raises(expected):
            await carry_out(faulty, operation, code, fault)

    seen = [call for call in sandbox.calls[before:] if call.operation == operation]
    assert len(seen) == sends
    assert seen[0].fault == fault
    carried_out = [call for call in seen if call.carried_out]
    assert operation != "interviews.create" or len(carried_out) <= 1
    assert sandbox.redirected == ()
    if operation == "interviews.reschedule" and expected is FINE:
        assert (await faulty.do(faulty.client.interviews.get, code)).scheduled_at == NOON
