"""No error that leaves the SDK leads to a frame that shows a key, whatever an error tracker reads from it."""

import asyncio
import traceback
from types import TracebackType

import pytest

from boooply import (
    AmbiguousWriteError,
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    BadRequestError,
    BoooplyClient,
    BoooplyError,
    BoooplyPlatform,
    ConfigurationError,
    DeadlineExceededError,
    RetryPolicy,
    Tenant,
)
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
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        head = f"HTTP/1.1 {status} So\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
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
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = f'{{"error": "no", "apiKey": "{HIDDEN}"}}'.encode()
        writer.write(b"HTTP/1.1 400 No\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, AsyncBoooplyClient(api_key=f"bply_org_{HIDDEN}", base_url=base_url) as client:
        with pytest.raises(BadRequestError) as caught:
            await client.request("GET", "/api/keys")

    assert HIDDEN not in shown_by(caught.value)
