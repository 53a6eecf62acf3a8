"""Keys, isolation, limits, routes, records: the rules of every call."""

import asyncio
import logging
import time
from typing import Any

import pytest

from boooply.sandbox import Call, Limits, Sandbox
from boooply.sandbox.operations import OPERATIONS
from tests.windows import at_the_start_of_a_window

JANE = {"name": "Jane", "email": "jane@example.com", "role": "CANDIDATE"}
AI = {"meetingType": "AI_ONLY", "jobRole": "Dev", "participants": [JANE]}
PLATFORM_ROUTE = "POST /api/server-auth/create-api-key"
ALL_ROUTES = [f"{operation.method} {operation.path}" for operation in OPERATIONS]


@pytest.mark.parametrize("route", ALL_ROUTES)
@pytest.mark.parametrize("key", [None, "", "bply_org_wrong", "ключ"], ids=["none", "empty", "unknown", "not ASCII"])
async def test_a_call_without_a_known_key_is_a_401(call, route: str, key: str | None) -> None:
    call.key = key
    response = await call(route.format(code="x", participant_id="y"))
    assert (response.status, response.body["code"]) == (401, "INVALID_API_KEY")
    assert "X-RateLimit-Limit" not in response.headers


async def test_another_authorization_scheme_is_no_key(call) -> None:
    headers = {"Authorization": f"Basic {call.sandbox.api_key}"}
    assert (await call("GET /organization", key=None, headers=headers)).status == 401


@pytest.mark.parametrize("route", ALL_ROUTES)
async def test_the_key_of_the_other_kind_is_a_403(call, route: str) -> None:
    wrong, code = (
        (call.sandbox.api_key, "PLATFORM_KEY_REQUIRED")
        if route == PLATFORM_ROUTE
        else (call.sandbox.platform_key, "ORGANIZATION_KEY_REQUIRED")
    )
    response = await call(route.format(code="x", participant_id="y"), key=wrong)
    assert (response.status, response.body["code"]) == (403, code)
    assert "X-RateLimit-Limit" in response.headers


ON_ONE = [route for route in ALL_ROUTES if "{code}" in route]


@pytest.mark.parametrize("route", ON_ONE)
async def test_another_tenants_interview_does_not_exist(call, route: str) -> None:
    mine = (await call.create()).meeting
    stranger = (await call.provision()).body["apiKey"]
    filled = route.format(code=mine["code"], participant_id=mine["participants"][0]["id"])
    response = await call(filled, {"scheduledAt": "2030-01-01T10:00:00Z"}, key=stranger)
    assert (response.status, response.body["code"]) == (404, "INTERVIEW_NOT_FOUND")
    assert (await call("GET /interviews", key=stranger)).body["meetings"] == []
    assert (await call(f"GET /interviews/{mine['code']}")).meeting == mine


@pytest.mark.parametrize(
    ("route", "status", "code"),
    [
        ("GET /nothing", 404, "ROUTE_NOT_FOUND"),
        ("GET /other/place", 404, "ROUTE_NOT_FOUND"),
        ("PUT /interviews", 405, "METHOD_NOT_ALLOWED"),
        ("GET /api/server-auth/create-api-key", 405, "METHOD_NOT_ALLOWED"),
        ("GET /_sandbox/nothing", 404, "ROUTE_NOT_FOUND"),
        ("GET /_sandbox/clock", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_wrong_routes_respond_in_the_json_form(call, route: str, status: int, code: str) -> None:
    response = await call(route)
    assert (response.status, response.body["code"]) == (status, code)
    assert ("Allow" in response.headers) is (status == 405)
    recorded = [one.operation for one in call.sandbox.calls]
    assert recorded == ([] if "/_sandbox/" in route else ["unknown"])


# ---- limits


LIMITED = [
    ("reads", "GET /organization", None, 3, 200),
    ("writes", "POST /interviews", AI, 2, 201),
    ("ai", "POST /generate-job-description", {"jobRole": "Dev"}, 1, 200),
]


@pytest.mark.parametrize(
    ("route", "body", "allowed", "status"), [row[1:] for row in LIMITED], ids=["reads", "writes", "ai"]
)
async def test_a_window_allows_its_limit_of_calls(caller_of, route: str, body: Any, allowed: int, status: int) -> None:
    async with Sandbox(limits=Limits(reads=3, writes=2, ai=1, window=60)) as sandbox:
        at_the_start_of_a_window(sandbox)
        call = caller_of(sandbox)
        responses = [await call(route, body) for _ in range(allowed + 2)]
        assert [response.status for response in responses] == [status] * allowed + [429] * 2
        headers = [response.headers for response in responses]
        assert [int(one["X-RateLimit-Limit"]) for one in headers] == [allowed] * (allowed + 2)
        assert [int(one["X-RateLimit-Remaining"]) for one in headers] == [*reversed(range(allowed)), 0, 0]
        assert ["Retry-After" in one for one in headers] == [False] * allowed + [True] * 2
        assert responses[-1].body["code"] == "RATE_LIMIT_EXCEEDED"

        rejected, now = responses[-1], sandbox.clock.timestamp()
        reset, wait = int(rejected.headers["X-RateLimit-Reset"]), int(rejected.headers["Retry-After"])
        assert reset % 60 == 0
        assert 0 < reset - now <= 60
        assert now + wait >= reset > now + wait - 2

        sandbox.clock.advance(reset - sandbox.clock.timestamp() - 0.1)
        assert (await call(route, body)).status == 429
        sandbox.clock.advance(0.2)
        assert (await call(route, body)).status == status


async def test_classes_and_keys_have_separate_windows(caller_of) -> None:
    async with Sandbox(limits=Limits(reads=1, writes=1, ai=1)) as sandbox:
        at_the_start_of_a_window(sandbox)
        call = caller_of(sandbox)
        key = (await call.provision()).body["apiKey"]
        assert (await call.provision()).status == 429
        for one in (key, sandbox.api_key):
            call.key = one
            assert (await call("POST /generate-job-description", {"jobRole": "Dev"})).status == 200
            assert (await call("POST /interviews", AI)).status == 201
            assert (await call("GET /organization")).status == 200
            assert (await call("GET /interviews")).status == 429


async def test_errors_and_wrong_routes_count_too(caller_of) -> None:
    async with Sandbox(limits=Limits(reads=2)) as sandbox:
        at_the_start_of_a_window(sandbox)
        call = caller_of(sandbox)
        assert [(await call(f"GET /{path}")).status for path in ("nothing", "interviews/x", "organization")] == [
            404,
            404,
            429,
        ]


async def test_a_write_over_the_limit_has_no_effect(caller_of) -> None:
    async with Sandbox(limits=Limits(writes=0)) as sandbox:
        call = caller_of(sandbox)
        assert (await call("POST /interviews", AI)).status == 429
        assert (await call.provision()).status == 429
        assert sandbox.sent_emails == ()
        assert [one.tenant for one in sandbox.calls] == ["sandbox-company", "org_1"]


async def test_reset_is_rounded_up_in_fractional_windows(caller_of) -> None:
    async with Sandbox(limits=Limits(reads=1, window=0.25)) as sandbox:
        at_the_start_of_a_window(sandbox, 1)
        call = caller_of(sandbox)
        now = sandbox.clock.timestamp()
        assert int((await call("GET /organization")).headers["X-RateLimit-Reset"]) >= now
        sandbox.clock.advance(0.25)
        assert (await call("GET /organization")).status == 200


async def test_without_limits_the_headers_name_a_million(call) -> None:
    response = await call("GET /organization")
    assert response.headers["X-RateLimit-Limit"] == "1000000"
    assert response.headers["X-RateLimit-Remaining"] == "999999"


@pytest.mark.parametrize(
    "wrong", [{"reads": -1}, {"window": 0}, {"window": float("inf")}, {"window": float("nan")}], ids=str
)
def test_impossible_limits_raise(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)


# ---- records


async def test_calls_are_recorded_without_keys(call) -> None:
    key = (await call.provision("org_7")).body["apiKey"]
    await call("GET /availability", params={"email": "jane@example.com"}, key=key)
    await call("GET /interviews/x")
    await call("GET /organization", key="bply_org_wrong")
    await call("GET /_sandbox/calls", key=None)
    assert [(one.operation, one.method, one.status, one.error_code, one.tenant) for one in call.sandbox.calls] == [
        ("create_organization_api_key", "POST", 201, None, "org_7"),
        ("interviews.get_availability", "GET", 200, None, "org_7"),
        ("interviews.get", "GET", 404, "INTERVIEW_NOT_FOUND", "sandbox-company"),
        ("organization.get", "GET", 401, "INVALID_API_KEY", None),
    ]
    assert call.sandbox.calls[1].path == "/api/integration/availability"
    shown = repr(call.sandbox.calls) + repr(call.sandbox) + repr((await call("GET /_sandbox/calls")).body)
    assert not any(secret in shown for secret in (key, call.sandbox.api_key, call.sandbox.platform_key, "jane@"))


@pytest.mark.parametrize("raw", [b"{", b'{"organizationId": 7}'], ids=["no JSON", "no string"])
async def test_a_mint_without_a_readable_tenant_is_still_recorded(call, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    await call(PLATFORM_ROUTE, data=raw, headers=headers, key=call.sandbox.platform_key)
    assert [(one.tenant, one.status) for one in call.sandbox.calls] == [(None, 400)]


async def test_on_call_gets_each_call_and_cannot_break_it(caller_of, caplog: pytest.LogCaptureFixture) -> None:
    received: list[Call] = []

    def on_call(call: Call) -> None:
        received.append(call)
        raise RuntimeError("broken console")

    async with Sandbox(on_call=on_call) as sandbox:
        assert (await caller_of(sandbox)("GET /organization")).status == 200
        assert tuple(received) == sandbox.calls != ()
    assert "broken console" in caplog.text


async def test_an_internal_error_is_a_500_and_is_logged(
    call, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call.sandbox._state, "interviews", None)
    with caplog.at_level(logging.ERROR, "boooply.sandbox"):
        response = await call("GET /interviews")
    assert (response.status, response.body["code"]) == (500, "INTERNAL_ERROR")
    assert "Traceback" in caplog.text
    assert call.sandbox.api_key not in caplog.text


async def test_latency_delays_the_response_but_not_the_effect(caller_of) -> None:
    async with Sandbox(latency=0.5) as sandbox:
        started = time.perf_counter()
        waiting = asyncio.ensure_future(caller_of(sandbox)("POST /interviews", AI))
        while not sandbox.sent_emails:  # noqa: ASYNC110 - nothing signals the effect before the response
            await asyncio.sleep(0.001)
        assert sandbox.calls == ()
        assert (await waiting).status == 201
        assert time.perf_counter() - started >= 0.5
        assert len(sandbox.calls) == 1


async def test_the_date_header_is_the_sandboxs_time(call) -> None:
    call.sandbox.clock.advance(400 * 86_400)
    response = await call("GET /organization")
    assert f" {call.sandbox.clock.now().year} " in response.headers["Date"]
    assert call.sandbox.calls[0].at.year == call.sandbox.clock.now().year
