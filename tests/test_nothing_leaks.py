"""No error that leaves the SDK leads to a frame that shows a key, whatever an error tracker reads from it."""

import asyncio
import json
import traceback
from types import TracebackType
from typing import Any

import attrs
import pytest

from boooply import (
    AIInterview,
    AmbiguousWriteError,
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    BadRequestError,
    BoooplyClient,
    BoooplyError,
    BoooplyPlatform,
    Candidate,
    ConfigurationError,
    DeadlineExceededError,
    RetryPolicy,
    TeamMember,
    Tenant,
    UnprocessableEntityError,
    ValidationError,
)
from boooply.models import CannotTell, NotSeen, calendars, interviews, people, requests, tenants
from boooply.models.request import RequestModel
from boooply.models.response import ResponseModel
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.protocol.messages import Response
from boooply.secret import hide_locals

HIDDEN = "0123456789abcdef"


def shown_by(error: BaseException) -> str:
    """Give every local of every frame of the SDK, and everything the error is chained to."""
    texts: list[str] = []
    chain: BaseException | None = error
    while chain is not None:
        texts.extend(frames(chain.__traceback__))
        texts.append("".join(traceback.format_exception_only(chain)))
        chain = chain.__cause__ or chain.__context__
    return "\n".join(texts)


def frames(trace: TracebackType | None) -> list[str]:
    found: list[str] = []
    while trace is not None:
        if "boooply" in trace.tb_frame.f_code.co_filename and "tests" not in trace.tb_frame.f_code.co_filename:
            for value in trace.tb_frame.f_locals.values():
                found.append(repr(value))
                found.append(repr(getattr(value, "body", "")))
                found.append(repr(getattr(getattr(value, "response", None), "body", "")))
        trace = trace.tb_next
    return found


def build(face: type, name: str, key: str) -> None:
    face(**{name: key}, base_url="http://127.0.0.1:1")


@pytest.mark.parametrize("face", [AsyncBoooplyClient, BoooplyClient])
def test_a_platform_key_given_to_a_client(face: type) -> None:
    with pytest.raises(ConfigurationError, match="is a platform key") as caught:
        build(face, "api_key", f"bply_platform_{HIDDEN}")

    assert HIDDEN not in shown_by(caught.value)


@pytest.mark.parametrize("face", [AsyncBoooplyPlatform, BoooplyPlatform])
def test_an_organization_key_given_to_a_platform(face: type) -> None:
    with pytest.raises(ConfigurationError, match="is an organization key") as caught:
        build(face, "platform_key", f"bply_org_{HIDDEN}")

    assert HIDDEN not in shown_by(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b'{"apiKey": "bply_org_0123456789abcdef"}', AmbiguousWriteError),
        (200, b'{"apiKey": "bply_org_0123456789abcdef"', AmbiguousWriteError),
        (429, b'{"apiKey": "bply_org_0123456789abcdef"}', AmbiguousWriteError),
        (400, b'{"apiKey": "bply_org_0123456789abcdef"}', AmbiguousWriteError),
        (429, b'{"error": "slow down"}', DeadlineExceededError),
        (400, b'{"error": "bply_org_0123456789abcdef"}', BadRequestError),
    ],
)
async def test_a_failed_mint_whose_response_contains_a_key(status: int, body: bytes, kind: type[BoooplyError]) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        head = f"HTTP/1.1 {status} So\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    retry = RetryPolicy(attempts=2, backoff=0, deadline=0.3)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    acme = Tenant(user_id="1", user_email="a@b.example", organization_id="org_1")
    async with server, AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url=base_url, retry=retry) as platform:
        with pytest.raises(kind) as caught:
            await platform.create_organization_api_key(acme)

    assert HIDDEN not in shown_by(caught.value)


async def test_a_platform_key_given_to_an_organizations_client() -> None:
    async with AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url="http://127.0.0.1:1") as platform:
        with pytest.raises(ConfigurationError) as caught:
            platform.organization(f"bply_platform_{HIDDEN}")

    assert HIDDEN not in shown_by(caught.value)


def test_the_environment_is_not_in_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", HIDDEN)
    with pytest.raises(ConfigurationError, match="base_url is missing") as caught:
        AsyncBoooplyClient(api_key="bply_x")

    assert HIDDEN not in shown_by(caught.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"success": true, "apiKey": {"value": "bply_org_0123456789abcdef"}}'),
        (200, b'["bply_org_0123456789abcdef"]'),
        (401, b'{"success": false, "error": "Invalid key bply_org_0123456789abcdef"}'),
    ],
)
def test_a_response_that_contains_a_key(status: int, body: bytes) -> None:
    with pytest.raises(BoooplyError) as caught:
        CREATE_ORGANIZATION_API_KEY.parse(Response(status=status, headers={}, body=body))

    assert HIDDEN not in shown_by(caught.value)


def variables(error: BaseException | None) -> list[str]:
    """Return the names of all local variables that the frames of an error and of those before it still have."""
    found: list[str] = []
    while error is not None:
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_name in {"read_key", "convert", "hidden", "hidden_later"}:
                found.extend(trace.tb_frame.f_locals)
            trace = trace.tb_next
        error = error.__context__
    return found


def read_key(length: int) -> None:
    key = HIDDEN
    raise LookupError(len(key) == length)


def convert(length: int) -> None:
    key = HIDDEN
    try:
        read_key(length)
    except LookupError:
        raise ValueError(len(key)) from None


@hide_locals
def hidden(key: str) -> None:
    convert(len(key))


@hide_locals
async def hidden_later(key: str) -> None:
    await asyncio.sleep(0)
    convert(len(key))


def test_an_error_that_leaves_a_function_with_hidden_locals_keeps_its_frames_without_variables() -> None:
    with pytest.raises(ValueError, match="16") as caught:
        hidden(HIDDEN)

    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[1:] == ["call", "hidden", "convert"]
    assert variables(caught.value) == []
    assert HIDDEN not in "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )


async def test_an_error_that_leaves_a_coroutine_with_hidden_locals_keeps_no_variables() -> None:
    with pytest.raises(ValueError, match="16") as caught:
        await hidden_later(HIDDEN)

    assert variables(caught.value) == []


async def test_an_error_that_the_caller_was_handling_keeps_its_variables() -> None:
    async def call_while_handling() -> None:
        try:
            read_key(16)
        except LookupError:
            await hidden_later(HIDDEN)

    with pytest.raises(ValueError, match="16") as caught:
        await call_while_handling()

    assert variables(caught.value) == ["length", "key"]


async def test_a_request_of_ones_own_whose_response_contains_a_key() -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = f'{{"error": "no", "apiKey": "{HIDDEN}"}}'.encode()
        writer.write(b"HTTP/1.1 400 No\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, AsyncBoooplyClient(api_key=f"bply_org_{HIDDEN}", base_url=base_url) as client:
        with pytest.raises(BadRequestError) as caught:
            await client.request("GET", "/api/keys")

    assert HIDDEN not in shown_by(caught.value)


@pytest.mark.parametrize(("status", "kind"), [(422, UnprocessableEntityError), (500, AmbiguousWriteError)])
async def test_a_cv_that_the_api_quotes(status: int, kind: type[BoooplyError]) -> None:
    cv = "Jane Doe, born 1990.\nLed a team for 7 years; Łódź."

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        received = (await reader.readexactly(length)).decode()
        body = json.dumps({"error": f"cannot parse {received}; the CV is {cv}"}).encode()
        writer.write(b"HTTP/1.1 %d No\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    interview = AIInterview(job_role="Engineer", candidate=Candidate(name="J", email="j@x.example"), candidate_cv=cv)
    async with server, AsyncBoooplyClient(api_key="bply_org_x", base_url=base_url) as client:
        with pytest.raises(kind) as caught:
            await client.interviews.create(interview)

    assert "cannot parse" in str(caught.value)
    for word in ("Jane Doe", "Led a team", "7 years"):
        assert word not in shown_by(caught.value)


REQUESTS = [
    kind
    for module in (calendars, interviews, people, requests, tenants)
    for kind in vars(module).values()
    if isinstance(kind, type) and attrs.has(kind) and kind.__module__ == module.__name__
    if issubclass(kind, RequestModel) or not (issubclass(kind, ResponseModel) or kind in {NotSeen, CannotTell})
]


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.__name__)
def test_the_constructor_of_a_request_keeps_no_argument(kind: type) -> None:
    fields = attrs.fields(kind)
    given = dict.fromkeys((field.name for field in fields), HIDDEN)
    for field in fields:
        with pytest.raises(ValidationError) as caught:
            kind(**given | {field.name: 7})
        shown = shown_by(caught.value).replace(f"not {HIDDEN!r}", "")  # a wrong member is named
        assert HIDDEN not in shown


def test_a_cv_before_a_wrong_field() -> None:
    jane = Candidate(name="Jane", email="jane@x.example")
    wrong: list[dict[str, Any]] = [
        {"stage": "one\ntwo"},
        {"duration_minutes": 3},
        {"scheduling_mode": "FIXED"},
        {"available_slots": ["x"]},
        {"candidate": "Jane"},
    ]
    given: dict[str, Any] = {"job_role": "Engineer", "candidate": jane, "candidate_cv": HIDDEN}
    for change in wrong:
        with pytest.raises(ValidationError) as caught:
            AIInterview(**given | change)
        assert HIDDEN not in shown_by(caught.value)
        names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert names[2] == "__init__"  # the place of the error is still there


def test_a_key_in_the_place_of_a_member_is_masked() -> None:
    with pytest.raises(ValidationError, match="bply_org_…cdef") as caught:
        TeamMember(email="a@b.example", role=f"bply_org_{HIDDEN}")

    assert HIDDEN not in shown_by(caught.value)
