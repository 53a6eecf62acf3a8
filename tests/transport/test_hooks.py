"""The hooks around calls and attempts: each call starts and ends once, with a context, however it ends."""

import asyncio
from typing import Any

import attrs
import pytest

from boooply import AIInterview, AmbiguousWriteError, AsyncBoooplyClient, Candidate, RetryPolicy
from boooply.client import connection_over, transport_of
from boooply.protocol.messages import Request, Response
from boooply.protocol.retry import FailureKind
from boooply.sandbox import Sandbox
from boooply.transport.hooks import AttemptEnd, Hooks

AI = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))


class Recorded:
    """Everything that the hooks report, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.hooks = Hooks(call_started=self.start, attempt_ended=self.attempt, call_ended=self.end)

    def start(self, request: Request) -> int:
        context = [event[0] for event in self.events].count("start")
        self.events.append(("start", context, request.operation))
        return context

    def attempt(self, context: int, request: Request, end: AttemptEnd) -> None:
        assert end.seconds > 0
        self.events.append(("attempt", context, request.operation, end.number, end.status, end.failure))

    def end(self, context: int, request: Request, result: Response | BaseException) -> None:
        self.events.append(("end", context, request.operation, type(result)))


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def hooked(client: AsyncBoooplyClient, recorded: Recorded) -> AsyncBoooplyClient:
    retry = RetryPolicy(attempts=2, backoff=0)
    return connection_over(AsyncBoooplyClient, attrs.evolve(transport_of(client), hooks=recorded.hooks, retry=retry))


async def test_a_call_reports_each_of_its_attempts(hooked, recorded: Recorded, sandbox: Sandbox) -> None:
    sandbox.faults.add("organization.get", "503")

    await hooked.organization.get()

    assert recorded.events == [
        ("start", 0, "organization.get"),
        ("attempt", 0, "organization.get", 1, 503, FailureKind.SERVER_ERROR),
        ("attempt", 0, "organization.get", 2, 200, None),
        ("end", 0, "organization.get", Response),
    ]


async def test_a_call_that_fails_ends_with_its_error(hooked, recorded: Recorded, sandbox: Sandbox) -> None:
    sandbox.faults.add("interviews.create", "commit-then-drop")

    with pytest.raises(AmbiguousWriteError):
        await hooked.interviews.create(AI)

    assert recorded.events == [
        ("start", 0, "interviews.create"),
        ("attempt", 0, "interviews.create", 1, None, FailureKind.BROKEN),
        ("end", 0, "interviews.create", AmbiguousWriteError),
    ]


async def test_a_read_that_reconciles_is_a_call_of_its_own(hooked, recorded: Recorded, sandbox: Sandbox) -> None:
    code = (await hooked.interviews.create(AI)).meeting_code
    sandbox.faults.add("interviews.cancel", "500-after")
    recorded.events.clear()

    await hooked.interviews.cancel(code)

    assert [event[:3] for event in recorded.events] == [
        ("start", 0, "interviews.cancel"),
        ("attempt", 0, "interviews.cancel"),
        ("start", 1, "interviews.get"),
        ("attempt", 1, "interviews.get"),
        ("end", 1, "interviews.get"),
        ("end", 0, "interviews.cancel"),
    ]


async def test_a_call_that_is_cancelled_ends_too(hooked, recorded: Recorded, sandbox: Sandbox) -> None:
    sandbox.faults.add("organization.get", "stall")
    call = asyncio.create_task(hooked.organization.get())
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert recorded.events == [("start", 0, "organization.get"), ("end", 0, "organization.get", asyncio.CancelledError)]
