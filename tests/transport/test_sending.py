"""The loop around attempts: deadlines, rate-limit slots, the callbacks of a send, and ambiguous writes."""

import asyncio
import logging
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from boooply import (
    AIInterview,
    AmbiguousWriteError,
    APIConnectionError,
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    Candidate,
    CannotTell,
    ConfigurationError,
    DeadlineExceededError,
    Interview,
    NotFoundError,
    NotSeen,
    RateLimitClass,
    RateLimitError,
    RateLimits,
    RetryPolicy,
    ServerError,
)
from boooply.client import transport_of
from boooply.protocol.bodies import json_body
from boooply.protocol.endpoints import CREATE_INTERVIEW, GET_ORGANIZATION
from boooply.protocol.messages import Response
from boooply.sandbox import Limits, Sandbox

AI = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
QUICK = RetryPolicy(backoff=0)


@pytest.fixture
async def quick(sandbox: Sandbox):
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, retry=QUICK) as client:
        yield client


async def test_an_ambiguous_creation_is_found_by_resolve(face, sandbox: Sandbox) -> None:
    sandbox.faults.add("interviews.create", "commit-then-drop")
    with pytest.raises(AmbiguousWriteError, match=r"it may have been carried out \(no response\)") as caught:
        await face.do(face.client.interviews.create, AI)

    found = await face.do(face.client.interviews.resolve, caught.value)

    assert str(caught.value).endswith("It was not sent again. Call interviews.resolve(error) to look for the interview")
    assert isinstance(found, Interview)
    assert [person.email for person in found.participants] == ["jane@example.com"]
    assert "jane" not in f"{caught.value!r} {caught.value}"


async def test_an_ambiguous_creation_that_did_not_happen_is_not_seen(face, sandbox: Sandbox) -> None:
    sandbox.faults.add("interviews.create", "503")
    with pytest.raises(AmbiguousWriteError, match="the response was HTTP 503") as caught:
        await face.do(face.client.interviews.create, AI)

    assert await face.do(face.client.interviews.resolve, caught.value) == NotSeen()


async def test_two_interviews_with_the_same_people_cannot_be_distinguished(
    quick: AsyncBoooplyClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add("interviews.create", "reset-after")
    with pytest.raises(AmbiguousWriteError) as caught:
        await quick.interviews.create(AI)
    await quick.interviews.create(AI)

    found = await quick.interviews.resolve(caught.value)

    assert found == CannotTell(reason="2 interviews with these people were created since the request")


async def test_resolve_cannot_tell_whether_a_key_was_minted(sandbox: Sandbox, tenant) -> None:
    sandbox.faults.add("create_organization_api_key", "commit-then-drop")
    async with AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform:
        with pytest.raises(AmbiguousWriteError, match=f"create_organization_api_key for {tenant.organization_id}") as e:
            await platform.create_organization_api_key(tenant)
        client = platform.organization(sandbox.api_key)

        assert isinstance(await client.interviews.resolve(e.value), CannotTell)
    assert sandbox.mints == {tenant.organization_id: 1}


@pytest.mark.parametrize(
    ("operation", "fault"), [("cancel", "reset-after"), ("delete", "500-after"), ("delete", "html"), ("cancel", "html")]
)
async def test_what_was_done_already_is_success(quick, sandbox: Sandbox, operation: str, fault: Any) -> None:
    code = (await quick.interviews.create(AI)).meeting_code
    sandbox.faults.add(f"interviews.{operation}", fault)

    await getattr(quick.interviews, operation)(code)

    assert [call.operation for call in sandbox.calls].count(f"interviews.{operation}") == 1


async def test_a_participant_who_is_out_is_out(quick: AsyncBoooplyClient, sandbox: Sandbox) -> None:
    interview = await quick.interviews.create(AI)
    person = interview.participants[0].id
    assert person is not None
    sandbox.faults.add("interviews.remove_participant", "commit-then-drop")

    await quick.interviews.remove_participant(interview.meeting_code, person)

    assert await quick.interviews.list_participants(interview.meeting_code) == ()


async def test_a_state_that_cannot_be_read_leaves_a_write_ambiguous(quick, sandbox: Sandbox) -> None:
    code = (await quick.interviews.create(AI)).meeting_code
    sandbox.faults.add("interviews.cancel", "reset-after")
    sandbox.faults.add("interviews.get", "500", times=None)

    with pytest.raises(AmbiguousWriteError):
        await quick.interviews.cancel(code)


async def test_an_error_response_is_not_sent_again(quick: AsyncBoooplyClient, sandbox: Sandbox) -> None:
    with pytest.raises(NotFoundError):
        await quick.interviews.delete("nothing")

    assert len(sandbox.calls) == 1


async def test_an_outage_is_not_met_with_a_storm(sandbox: Sandbox) -> None:
    sandbox.faults.add("*", "503", times=None)
    calls = 300
    async with AsyncBoooplyClient(
        api_key=sandbox.api_key, base_url=sandbox.base_url, retry=QUICK, rate_limits=None
    ) as client:
        for _ in range(calls):
            with pytest.raises(ServerError):
                await client.organization.get()

    assert len(sandbox.calls) / calls <= 1.1


async def test_a_wait_that_could_not_end_in_time_fails_at_once(sandbox: Sandbox) -> None:
    async with AsyncBoooplyClient(
        api_key=sandbox.api_key,
        base_url=sandbox.base_url,
        rate_limits=RateLimits(writes=1, window=60),
        retry=RetryPolicy(deadline=5),
    ) as client:
        sandbox.faults.add("interviews.create", "502")
        with pytest.raises(AmbiguousWriteError):
            await client.interviews.create(AI)
        seconds = []
        for _ in range(3):  # the machine may stall meanwhile
            begun = time.monotonic()
            with pytest.raises(DeadlineExceededError, match="no rate-limit slot within 5 s"):
                await client.interviews.create(AI)
            seconds.append(time.monotonic() - begun)

    assert min(seconds) < 0.5
    assert len(sandbox.calls) == 1


async def test_callers_start_in_order_and_a_cancelled_one_releases_its_position(sandbox: Sandbox) -> None:
    started: list[int] = []
    async with AsyncBoooplyClient(
        api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=RateLimits(reads=1, window=0.01)
    ) as client:
        # the first is rejected, which closes the limiter for a window: the others wait behind it
        sandbox.faults.add("*", "429-bare")

        async def look(number: int) -> None:
            async def on_send() -> None:
                started.append(number)

            await transport_of(client).send(GET_ORGANIZATION.request(), on_send=on_send)

        tasks = [asyncio.create_task(look(number)) for number in range(6)]
        await asyncio.sleep(0)
        waiting = client.rate_limits[RateLimitClass.READS]
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert waiting.limit == 1
    assert waiting.waiting > 0
    assert started == [0, 1, 2, 4, 5, 0]  # the refused one comes again, behind those who came before its second try


async def test_on_send_is_called_before_the_request_is_sent(client: AsyncBoooplyClient, sandbox: Sandbox) -> None:
    calls_made: list[int] = []

    async def on_send() -> None:
        calls_made.append(len(sandbox.calls))

    await transport_of(client).send(CREATE_INTERVIEW.request(body=AI), on_send=on_send)

    assert calls_made == [0]


async def test_if_on_send_fails_nothing_is_sent(client: AsyncBoooplyClient, sandbox: Sandbox) -> None:
    async def on_send() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await transport_of(client).send(CREATE_INTERVIEW.request(body=AI), on_send=on_send)

    assert sandbox.calls == ()


async def test_the_keys_of_a_pool_share_a_limit_if_its_scope_is_the_pool(sandbox: Sandbox) -> None:
    async with AsyncBoooplyPlatform(
        platform_key=sandbox.platform_key, base_url=sandbox.base_url, rate_limits=RateLimits(scope="pool")
    ) as platform:
        ours, theirs = transport_of(platform), transport_of(platform.organization(sandbox.api_key))
        limiters = [one.pool.limiter(one.key, RateLimitClass.READS) for one in (ours, theirs)]
        assert limiters[0] is limiters[1]
    async with AsyncBoooplyClient(api_key="bply_x", base_url=sandbox.base_url, rate_limits=None) as client:
        assert client.rate_limits == {}


async def test_a_limit_from_the_apis_headers_is_kept() -> None:
    async with (
        Sandbox(limits=Limits(reads=3, window=3600)) as sandbox,
        AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, retry=RetryPolicy(deadline=1)) as client,
    ):
        for _ in range(3):
            await client.organization.get()
        with pytest.raises(DeadlineExceededError):
            await client.organization.get()

        assert [call.status for call in sandbox.calls] == [200] * 3
        assert client.rate_limits[RateLimitClass.READS].remaining == 0


async def test_the_log_shows_no_identity(
    quick: AsyncBoooplyClient, caplog: pytest.LogCaptureFixture, sandbox: Sandbox
) -> None:
    caplog.set_level(logging.DEBUG, "boooply")
    code = (await quick.interviews.create(AI)).meeting_code
    await quick.interviews.get(code)

    lines = [record.getMessage() for record in caplog.records if record.name == "boooply"]
    assert lines[1].startswith("GET /api/integration/interviews/{meeting_code}: 200, attempt 1, ")
    assert all(secret not in caplog.text for secret in (code, sandbox.api_key, "jane@example.com"))


async def test_a_retry_is_logged_before_its_pause(
    quick: AsyncBoooplyClient, caplog: pytest.LogCaptureFixture, sandbox: Sandbox
) -> None:
    caplog.set_level(logging.INFO, "boooply")
    sandbox.faults.add("organization.get", "503")
    await quick.organization.get()

    (line,) = [record.getMessage() for record in caplog.records if record.name == "boooply"]
    assert re.fullmatch(r"GET /api/integration/organization: 503, attempt 1: sent again in 0\.\d s", line)


async def test_a_call_on_a_closed_client_does_not_wait_for_a_slot() -> None:
    async with Sandbox(limits=Limits(reads=1, window=3600)) as sandbox:
        async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
            await client.organization.get()
        assert client.rate_limits[RateLimitClass.READS].remaining == 0
        async with asyncio.timeout(5):
            with pytest.raises(ConfigurationError, match="this client is closed"):
                await client.organization.get()


async def test_refused_connections_are_tried_again_and_release_their_slots() -> None:
    async with AsyncBoooplyClient(
        api_key="bply_x", base_url="http://127.0.0.1:1", retry=RetryPolicy(attempts=3, backoff=0)
    ) as client:
        with pytest.raises(APIConnectionError, match="refuses connections"):
            await client.interviews.create(AI)

        assert client.rate_limits[RateLimitClass.WRITES].remaining == 10


async def test_an_attempt_that_the_deadline_ends_names_the_deadline() -> None:
    async with (
        Sandbox(latency=5) as sandbox,
        AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, retry=RetryPolicy(deadline=0.3)
        ) as client,
    ):
        with pytest.raises(DeadlineExceededError, match=r"no response within 0\.3 s") as late:
            await client.organization.get()

    assert late.value.seconds == 0.3


async def test_cancelled_calls_count_and_lead_to_no_key() -> None:
    async with (
        Sandbox(latency=5) as sandbox,
        AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client,
    ):
        tasks = [asyncio.create_task(client.organization.get()) for _ in range(20)]
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)

        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        allowance = client.rate_limits[RateLimitClass.READS]
        assert allowance.remaining == 80  # they may have reached the API, so they count for a window
        trace = results[0].__traceback__ if isinstance(results[0], BaseException) else None
        while trace is not None:
            assert sandbox.api_key not in str(trace.tb_frame.f_locals)
            trace = trace.tb_next


@pytest.mark.parametrize(
    "change", [{"attempts": 0}, {"attempts": True}, {"deadline": 0}, {"deadline": -1}, {"backoff": -1}]
)
def test_a_policy_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="retry: "):
        RetryPolicy(**change)


def test_pauses_grow_and_differ_by_chance() -> None:
    policy = RetryPolicy(backoff=1)

    assert [policy.pause(sent, 0) for sent in (1, 2, 3, 10)] == [1, 2, 4, 30]
    assert policy.pause(1, 1) == 0.5
    assert GET_ORGANIZATION.request().reconcile is None


async def test_a_second_delete_that_finds_nothing_is_success_once_a_read_confirms_it(
    client: AsyncBoooplyClient, sandbox: Sandbox
) -> None:
    code = (await client.interviews.create(AI)).meeting_code
    sandbox.faults.add("interviews.delete", "reset-before")
    patient = client.with_options(retry=RetryPolicy(backoff=0.04))

    deleting = asyncio.create_task(patient.interviews.delete(code))
    while "interviews.get" not in [call.operation for call in sandbox.calls]:  # noqa: ASYNC110 - another party's calls
        await asyncio.sleep(0.001)
    await client.interviews.delete(code)  # somebody else is faster than the second send
    await deleting

    assert [call.operation.removeprefix("interviews.") for call in sandbox.calls[1:]] == [
        *("delete", "get", "delete"),
        *("delete", "get"),
    ]


async def test_without_rate_limits_a_429_is_retried_after_the_wait_it_names(sandbox: Sandbox) -> None:
    sandbox.faults.add("*", "429-bare", times=2)
    async with AsyncBoooplyClient(
        api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=None, retry=QUICK
    ) as client:
        assert (await client.organization.get()).id

    assert [call.status for call in sandbox.calls] == [429, 429, 200]


async def test_a_429_uses_up_no_attempt(sandbox: Sandbox) -> None:
    for fault in ("429-bare", "503", "429-bare"):
        sandbox.faults.add("*", fault)
    async with AsyncBoooplyClient(
        api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=None, retry=RetryPolicy(attempts=2, backoff=0)
    ) as client:
        assert (await client.organization.get()).id

    assert [call.status for call in sandbox.calls] == [429, 503, 429, 200]


async def test_a_call_that_only_gets_429_raises_it_in_the_end(sandbox: Sandbox) -> None:
    sandbox.faults.add("*", "429-bare", times=None)
    async with AsyncBoooplyClient(
        api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=None, retry=QUICK
    ) as client:
        with pytest.raises(RateLimitError):
            await client.organization.get()

    assert len(sandbox.calls) == 20


async def test_waiting_for_a_slot_ends_at_the_deadline() -> None:
    async with (
        Sandbox(latency=5) as sandbox,
        AsyncBoooplyClient(
            api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=RateLimits(reads=1)
        ) as client,
    ):
        first = asyncio.create_task(client.organization.get())
        await asyncio.sleep(0.01)
        with pytest.raises(DeadlineExceededError, match=r"no rate-limit slot within 0.02 s"):
            await client.with_options(retry=RetryPolicy(deadline=0.02)).organization.get()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

        assert len(sandbox.calls) <= 1
        assert client.rate_limits[RateLimitClass.READS].waiting == 0


async def test_a_slot_that_was_not_used_is_released(client: AsyncBoooplyClient) -> None:
    async def on_send() -> None:
        raise OSError("disk full")

    for _ in range(3):
        with pytest.raises(OSError, match="disk full"):
            await transport_of(client).send(CREATE_INTERVIEW.request(body=AI), on_send=on_send)

    assert client.rate_limits[RateLimitClass.WRITES].remaining == 10


async def test_nothing_is_sent_once_the_deadline_has_passed(client: AsyncBoooplyClient, sandbox: Sandbox) -> None:
    async def on_send() -> None:
        await asyncio.sleep(0.03)

    hasty = client.with_options(retry=RetryPolicy(deadline=0.02))
    with pytest.raises(DeadlineExceededError):
        await transport_of(hasty).send(CREATE_INTERVIEW.request(body=AI), on_send=on_send)

    assert sandbox.calls == ()


async def test_more_calls_than_a_connectors_limit_are_not_ambiguous() -> None:
    async with (
        Sandbox(latency=0.02) as sandbox,
        AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=None, timeout=5) as client,
    ):
        interviews = await asyncio.gather(*(client.interviews.create(AI) for _ in range(150)))

    assert len({interview.meeting_code for interview in interviews}) == 150


async def test_a_page_of_html_is_no_deletion(quick: AsyncBoooplyClient, sandbox: Sandbox) -> None:
    code = (await quick.interviews.create(AI)).meeting_code
    sandbox.faults.add("interviews.delete", "html")

    await quick.interviews.delete(code)

    assert [call.operation.removeprefix("interviews.") for call in sandbox.calls] == ["create", "delete", "get"]


@pytest.mark.parametrize(
    ("people", "found"),
    [
        ([{"email": "Jane@Example.com"}], True),
        ([{"email": "jane@example.com"}, {"name": "AI", "email": None}], True),
        ([{"email": "jane@example.com"}, {"email": "bob@example.com"}], False),
        ([{"email": "bob@example.com"}], False),
    ],
)
async def test_an_interview_is_known_by_exactly_its_people(client, monkeypatch, people: Any, found: bool) -> None:
    async def respond(*_: Any, **__: Any) -> Response:
        return Response(
            status=200,
            headers={},
            body=json_body({"meetings": [{"meetingCode": "c", "participants": people}], "total": 1}),
        )

    monkeypatch.setattr("boooply.transport.sending.Transport.send", respond)
    error = AmbiguousWriteError(
        "interviews.create", identity=None, people=("jane@example.com",), status=None, sent_at=datetime.now(UTC)
    )

    assert isinstance(await client.interviews.resolve(error), Interview) is found
