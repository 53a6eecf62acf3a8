"""``on_response``: one report for each attempt, without keys and bodies, which cannot change the call."""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web

from boooply import (
    AIInterview,
    AmbiguousWriteError,
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    AsyncTenants,
    AttemptInfo,
    AuthenticationError,
    BoooplyClient,
    BoooplyPlatform,
    Candidate,
    ConfigurationError,
    RateLimitClass,
    RateLimits,
    RetryPolicy,
    Tenant,
    Tenants,
)
from boooply.client import transport_of
from boooply.sandbox import Limits, Sandbox
from boooply.store import AsyncStore, Store

JANE = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
ACME = Tenant(user_id="1", user_email="admin@acme.example", organization_id="org_1")
QUICK = RetryPolicy(attempts=2, backoff=0)


@pytest.fixture
def store_url(sqlite_store_url: str) -> str:
    return sqlite_store_url


@pytest.fixture
def reports() -> list[AttemptInfo]:
    return []


@pytest.fixture(params=[AsyncBoooplyClient, BoooplyClient], ids=["async", "blocking"])
async def reporting(request, sandbox: Sandbox, reports, make_face) -> AsyncIterator[Any]:
    made = request.param(api_key=sandbox.api_key, base_url=sandbox.base_url, retry=QUICK, on_response=reports.append)
    face = make_face("async" if request.param is AsyncBoooplyClient else "blocking", made, None)
    yield face
    await face.do(made.close)


def seen(reports: list[AttemptInfo]) -> list[tuple[Any, ...]]:
    return [(one.operation, one.attempt, one.status, one.error_type) for one in reports]


async def test_each_attempt_is_reported(reporting, reports, sandbox: Sandbox) -> None:
    sandbox.faults.add("organization.get", "503")
    await reporting.do(reporting.client.organization.get)

    assert seen(reports) == [("organization.get", 1, 503, None), ("organization.get", 2, 200, None)]
    last = reports[-1]
    assert 0 < last.seconds < 10
    assert 0 <= last.seconds_waited < 1
    assert (last.rate_limit_class, last.remaining) == (RateLimitClass.READS, 999_998)
    assert (last.organization_id, last.request_id) == (None, None)


async def test_an_attempt_without_a_response_has_the_error_in_its_place(reporting, reports, sandbox: Sandbox) -> None:
    sandbox.faults.add("interviews.create", "commit-then-drop")
    with pytest.raises(AmbiguousWriteError):
        await reporting.do(reporting.client.interviews.create, JANE)

    assert seen(reports) == [("interviews.create", 1, None, "APIConnectionError")]
    assert reports[0].remaining is None


async def test_a_429_counts_as_an_attempt(sandbox: Sandbox, reports) -> None:
    sandbox.faults.add("organization.get", "429")
    retry = RetryPolicy(deadline=0.5)
    async with AsyncBoooplyClient(
        api_key=sandbox.api_key, base_url=sandbox.base_url, rate_limits=None, retry=retry, on_response=reports.append
    ) as client:
        await _retry_at_once(client)

    assert seen(reports) == [("organization.get", 1, 429, None), ("organization.get", 2, 200, None)]


async def _retry_at_once(client: AsyncBoooplyClient) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("boooply.transport.sending._ApiCall._seconds_to_pause", lambda *_: 0.0)
        await client.organization.get()


async def test_the_wait_for_the_rate_limit_is_reported_apart(reports) -> None:
    for _ in range(3):  # the machine may stall meanwhile
        async with (
            Sandbox(limits=Limits(reads=1, window=1)) as sandbox,
            AsyncBoooplyClient(
                api_key=sandbox.api_key,
                base_url=sandbox.base_url,
                rate_limits=RateLimits(reads=1, window=1),
                on_response=reports.append,
            ) as client,
        ):
            await asyncio.gather(client.organization.get(), client.organization.get())

    assert [one.status for one in reports] == [200] * 6
    first, second = reports[::2], reports[1::2]
    assert min(one.seconds_waited for one in first) < 0.1
    assert min(one.seconds_waited for one in second) > 0.1 > min(one.seconds for one in second)
    assert [one.remaining for one in first] == [0] * 3


async def test_the_request_id_is_masked_like_everything_that_the_api_sends(reports) -> None:
    key = "bply_org_0123456789abcdef"

    async def respond(_request: web.Request) -> web.Response:
        return web.json_response({"success": True, "organization": {}}, headers={"X-Request-Id": f"r-1 {key}"})

    app = web.Application()
    app.router.add_get("/api/integration/organization", respond)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with AsyncBoooplyClient(api_key=key, base_url=base_url, on_response=reports.append) as client:
        await client.organization.get()
    await runner.cleanup()

    assert [(one.request_id or "").startswith("r-1 bply_org_…") for one in reports] == [True]
    assert key not in repr(reports)


async def test_a_report_shows_no_key_body_code_or_query(reporting, reports, sandbox: Sandbox) -> None:
    interviews = reporting.client.interviews
    code = (await reporting.do(interviews.create, JANE)).meeting_code
    await reporting.do(interviews.get, code)
    await reporting.do(interviews.list, search="jane@example.com")
    await reporting.do(reporting.client.request, "GET", f"/api/integration/interviews/{code}")

    assert [one.operation for one in reports] == ["interviews.create", "interviews.get", "interviews.list", "request"]
    assert {type(value) for one in reports for value in attrs.asdict(one).values()} <= {
        str,
        int,
        float,
        RateLimitClass,
        type(None),
    }
    assert all(hidden not in repr(reports) for hidden in (code, sandbox.api_key, "jane", "/api/"))


async def test_an_exception_in_it_is_logged_and_changes_nothing(sandbox: Sandbox, make_face, caplog) -> None:
    def fail(info: AttemptInfo) -> None:
        raise LookupError(info.operation)

    for kind in (AsyncBoooplyClient, BoooplyClient):
        client: Any = kind(api_key=sandbox.api_key, base_url=sandbox.base_url, on_response=fail)
        face = make_face("async" if kind is AsyncBoooplyClient else "blocking", client, None)
        assert (await face.do(client.organization.get)).id
        await face.do(client.close)

    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    expected = "on_response raised an exception; the call is not affected (organization.get)"
    assert [(one.name, one.getMessage()) for one in failures] == [("boooply", expected)] * 2
    assert all(one.exc_info is not None and one.exc_info[0] is LookupError for one in failures)


async def test_the_traceback_of_an_exception_in_it_leads_to_no_request_or_response(sandbox: Sandbox, caplog) -> None:
    def fail(_info: AttemptInfo) -> None:
        raise LookupError

    options: dict[str, Any] = {"platform_key": sandbox.platform_key, "base_url": sandbox.base_url}
    async with AsyncBoooplyPlatform(**options, on_response=fail) as platform:
        key = (await platform.create_organization_api_key(ACME)).api_key

    (failure,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert failure.exc_info is not None
    trace, found = failure.exc_info[2], []
    while trace is not None:
        found.append(trace.tb_frame.f_locals)
        trace = trace.tb_next
    assert [set(names) for names in found] == [{"on_response", "info"}, {"_info"}]
    assert key.reveal() not in repr(found)


async def test_a_blocking_call_from_within_is_an_error_that_is_logged(sandbox: Sandbox, make_face, caplog) -> None:
    client: BoooplyClient = BoooplyClient(
        api_key=sandbox.api_key, base_url=sandbox.base_url, on_response=lambda _: client.organization.get()
    )
    face = make_face("blocking", client, None)
    assert (await face.do(client.organization.get)).id
    await face.do(client.close)

    (failure,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert failure.exc_info is not None
    assert failure.exc_info[0] is RuntimeError


async def _report(_info: AttemptInfo) -> None:
    pass


class _Awaited:
    async def __call__(self, _info: AttemptInfo) -> None:
        pass


@pytest.mark.parametrize("kind", [AsyncBoooplyClient, BoooplyClient, AsyncBoooplyPlatform, BoooplyPlatform])
@pytest.mark.parametrize(
    "mistake", [_report, functools.partial(_report), _Awaited(), "print", True], ids=lambda one: type(one).__name__
)
def test_only_a_plain_function_is_accepted(kind: Any, mistake: Any) -> None:
    key = "api_key" if "Client" in kind.__name__ else "platform_key"
    settings = {key: "bply_x", "base_url": "http://127.0.0.1:1"}
    expected = "on_response must be a plain function that takes an AttemptInfo"
    with pytest.raises(ConfigurationError, match=expected):
        kind(**settings, on_response=mistake)
    with pytest.raises(ConfigurationError, match=expected):
        kind(**settings).with_options(on_response=mistake)


async def test_copies_and_customers_clients_report_too(sandbox: Sandbox, reports, store: AsyncStore) -> None:
    others: list[AttemptInfo] = []
    options: dict[str, Any] = {"platform_key": sandbox.platform_key, "base_url": sandbox.base_url}
    async with AsyncBoooplyPlatform(**options, on_response=reports.append) as platform:
        client = await AsyncTenants(platform, store).connect(ACME)
        await client.with_options(timeout=5).interviews.list()
        await client.with_options(on_response=others.append).interviews.list()
        await platform.organization(transport_of(client).key).organization.get()

    assert [(one.operation, one.organization_id) for one in reports] == [
        ("create_organization_api_key", "org_1"),
        ("organization.get", "org_1"),
        ("interviews.list", "org_1"),
        ("organization.get", None),
    ]
    assert [(one.operation, one.organization_id) for one in others] == [("interviews.list", "org_1")]


def test_blocking_customers_clients_report_too(
    threaded_sandbox: Sandbox, reports, sqlite_store_url: str, encryption_key: str
) -> None:
    options: dict[str, Any] = {
        "platform_key": threaded_sandbox.platform_key,
        "base_url": threaded_sandbox.base_url,
        "on_response": reports.append,
    }
    with Store.open(sqlite_store_url, encryption_key=encryption_key) as store, BoooplyPlatform(**options) as platform:
        client = Tenants(platform, store).connect(ACME)
        client.with_options(timeout=5).interviews.list()

    assert [(one.operation, one.organization_id) for one in reports] == [
        ("create_organization_api_key", "org_1"),
        ("organization.get", "org_1"),
        ("interviews.list", "org_1"),
    ]


# ---- the customer in log lines and errors


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.DEBUG, "boooply")
    return lambda: [one.getMessage() for one in caplog.records if one.name == "boooply"]


async def test_the_line_of_an_attempt_names_the_customer(platform, store: AsyncStore, sandbox: Sandbox, lines) -> None:
    client = await AsyncTenants(platform, store).connect(ACME)
    await client.interviews.list()

    mint, whose, listing = lines()
    assert mint.startswith("POST ")
    assert all(line.endswith(" s, customer org_1") for line in (mint, whose, listing))
    key = transport_of(client).key.reveal()
    assert not [line for line in lines() if key in line or sandbox.platform_key in line]


async def test_the_line_of_a_client_without_a_customer_names_none(client, lines) -> None:
    await client.organization.get()

    (line,) = lines()
    assert line.endswith(" s")


async def test_control_characters_of_an_id_do_not_reach_the_log(platform, store: AsyncStore, lines) -> None:
    key = transport_of(await AsyncTenants(platform, store).connect(ACME)).key

    class Vault:
        async def get(self, _organization_id: str) -> Any:
            return key

    tenants = AsyncTenants(platform, store, keys=Vault(), verify=False)  # type: ignore[arg-type]  # it is read alone
    await (await tenants.client("org_1\n\x1b[31m2026-01-01 CRITICAL")).organization.get()

    assert lines()[-1].endswith("customer org_1 [31m2026-01-01 CRITICAL")


async def test_the_line_of_a_download_that_continues_names_the_customer(
    platform, store: AsyncStore, sandbox: Sandbox, lines, tmp_path: Path
) -> None:
    client = await AsyncTenants(platform, store).connect(ACME)
    code = (await client.interviews.create(JANE)).meeting_code
    sandbox.play(code)
    sandbox.faults.add("interviews.download_recording", "503")
    quick = client.with_options(retry=RetryPolicy(backoff=0.01))
    await quick.interviews.download_recording(code, tmp_path / "interview.mp4")

    (line,) = [line for line in lines() if "continues" in line]
    assert ", customer org_1; continues in " in line


async def test_the_error_of_a_refused_key_names_the_customer(platform, store: AsyncStore, sandbox: Sandbox) -> None:
    client = await AsyncTenants(platform, store).connect(ACME)
    sandbox.revoke_keys("org_1")
    with pytest.raises(AuthenticationError) as caught:
        await client.interviews.list()

    assert str(caught.value).startswith("interviews.list for customer org_1: HTTP 401 INVALID_API_KEY: ")
    assert caught.value.organization_id == "org_1"
    assert str(type(caught.value)(*caught.value.args)) == str(caught.value)
