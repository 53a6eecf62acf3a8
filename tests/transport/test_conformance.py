"""The promise of ``docs/explanation/safety.md``: faults by idempotency, in both flavours."""

import asyncio
import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from boooply import (
    AIInterview,
    AmbiguousWriteError,
    APIConnectionError,
    APIStatusError,
    AsyncBoooplyClient,
    AuthenticationError,
    BoooplyClient,
    Candidate,
    DeadlineExceededError,
    DecodingError,
    NotFoundError,
    RateLimits,
    RetryPolicy,
    UnprocessableEntityError,
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
    ("422", UnprocessableEntityError, 1, UnprocessableEntityError, 1, UnprocessableEntityError, 1),
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
    ("redirect", APIStatusError, 1, APIStatusError, 1, APIStatusError, 1),
    ("stale", FINE, 1, FINE, 1, FINE, 1),
]

CASES = [
    pytest.param(operation, row[0], row[2 * column + 1], row[2 * column + 2], id=f"{row[0]}-{operation}")
    for row in TABLE
    for column, operation in enumerate(["interviews.get", "interviews.create", "interviews.reschedule"])
]


OPERATIONS = ["interviews.get", "interviews.create", "interviews.reschedule"]


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
    client = face.client.with_options(timeout=1) if fault == "stall" else face.client
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


@pytest.fixture(params=["async", "blocking"])
async def connect(request: pytest.FixtureRequest, make_face):
    """Make a face of a client with any options, and close it."""
    faces: list[Any] = []

    def make(**options: Any) -> Any:
        kind = AsyncBoooplyClient if request.param == "async" else BoooplyClient
        faces.append(make_face(request.param, kind(**options), None))
        return faces[-1]

    yield make
    for face in faces:
        await face.do(face.client.close)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_request_that_was_never_sent_is_sent_again(connect, operation: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    face = connect(
        api_key="bply_org_unknown", base_url=f"http://127.0.0.1:{port}", retry=RetryPolicy(attempts=10, backoff=0.01)
    )
    late = Sandbox(port=port)
    calling = asyncio.create_task(carry_out(face, operation, "c", "refuse"))
    await asyncio.sleep(0.01)

    async with late:
        with pytest.raises(AuthenticationError):  # the late server is another one, which does not know the key
            await calling
        seen = [call for call in late.calls if call.operation == operation]

    assert len(seen) == 1


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_host_that_cannot_be_reached_is_a_connection_error(connect, operation: str) -> None:
    face = connect(api_key="bply_org_x", base_url="http://127.0.0.1:1", retry=RetryPolicy(attempts=2, backoff=0))

    with pytest.raises(APIConnectionError):
        await carry_out(face, operation, "c", "refuse")


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_invalid_key_is_not_tried_again(connect, sandbox: Sandbox, operation: str) -> None:
    face = connect(api_key="bply_org_unknown", base_url=sandbox.base_url, retry=RetryPolicy(backoff=0))

    with pytest.raises(AuthenticationError):
        await carry_out(face, operation, "c", "401")

    assert len(sandbox.calls) == 1


@pytest.mark.parametrize("operation", ["interviews.get", "interviews.reschedule"])
async def test_what_is_not_there_is_not_looked_for_again(connect, sandbox: Sandbox, operation: str) -> None:
    face = connect(api_key=sandbox.api_key, base_url=sandbox.base_url, retry=RetryPolicy(backoff=0))

    with pytest.raises(NotFoundError):
        await carry_out(face, operation, "nothing", "404")

    assert len(sandbox.calls) == 1


@pytest.mark.parametrize(
    ("operation", "error"),
    list(zip(OPERATIONS, [DeadlineExceededError, AmbiguousWriteError, AmbiguousWriteError], strict=True)),
)
async def test_a_drip_past_the_deadline(connect, sandbox: Sandbox, operation: str, error: type[Exception]) -> None:
    face = connect(api_key=sandbox.api_key, base_url=sandbox.base_url)
    code = (await face.do(face.client.interviews.create, AI)).code
    face.client = face.client.with_options(retry=RetryPolicy(deadline=0.03))
    sandbox.faults.add(operation, "slow-drip")

    with pytest.raises(error):
        await carry_out(face, operation, code, "slow-drip")

    assert [call.operation for call in sandbox.calls[1:]] == [operation]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_429_that_names_its_end_is_not_waited_for_past_the_deadline(
    connect, sandbox: Sandbox, operation: str
) -> None:
    face = connect(api_key=sandbox.api_key, base_url=sandbox.base_url)
    code = (await face.do(face.client.interviews.create, AI)).code
    face.client = face.client.with_options(retry=RetryPolicy(deadline=0.5))
    sandbox.faults.add(operation, "429")

    with pytest.raises(DeadlineExceededError):
        await carry_out(face, operation, code, "429")

    assert [call.operation for call in sandbox.calls[1:]] == [operation]
