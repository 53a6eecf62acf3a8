"""The transport's own tests: what goes out, and what each failure becomes."""

import asyncio
import gc
import inspect
import json
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from unittest.mock import Mock

import aiohttp
import aioresponses
import pytest
from aioresponses import core
from yarl import URL

from boooply import (
    AIInterview,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncBoooplyClient,
    Candidate,
    ConfigurationError,
    DecodingError,
    RetryPolicy,
    __version__,
)

KEY = "bply_org_0123456789abcdef"
HOST = "https://api.boooply.example"


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch):
    # aiohttp 3.14 asks a response for its stream writer, which aioresponses 0.7.9 does not give (its issue 289)
    class Response(aiohttp.ClientResponse):
        def __init__(self, *args, **options) -> None:
            super().__init__(*args, **{"stream_writer": Mock(), **options})

    if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
        monkeypatch.setattr(core, "ClientResponse", Response)
    with aioresponses.aioresponses() as mocked:
        yield mocked


def client(base_url: str = HOST, timeout: float = 5.0) -> AsyncBoooplyClient:
    retry = RetryPolicy(attempts=2, backoff=0)
    return AsyncBoooplyClient(api_key=KEY, base_url=base_url, timeout=timeout, retry=retry)


async def test_the_headers_of_a_call_without_a_body(mocked: aioresponses.aioresponses) -> None:
    mocked.get(f"{HOST}/api/integration/organization", payload={"success": True, "organization": {"id": "o"}})

    async with client() as boooply:
        await boooply.organization.get()

    ((call,),) = mocked.requests.values()
    assert call.kwargs["headers"] == {
        "Accept": "application/json",
        "Authorization": f"Bearer {KEY}",
        "User-Agent": f"boooply-python/{__version__}",
        "X-SDK-Version": __version__,
    }
    assert call.kwargs["data"] is None
    assert call.kwargs["allow_redirects"] is False


async def test_a_body_is_json_with_its_content_type(mocked: aioresponses.aioresponses) -> None:
    mocked.patch(f"{HOST}/api/integration/interviews/a%2Fb/cancel", payload={"meetingCode": "a/b"})

    async with client() as boooply:
        await boooply.interviews.cancel("a/b", reason="Zoë")

    ((url_and_call),) = mocked.requests.items()
    (method, url), (call,) = url_and_call
    assert (method, url) == ("PATCH", URL(f"{HOST}/api/integration/interviews/a%2Fb/cancel", encoded=True))
    assert call.kwargs["headers"]["Content-Type"] == "application/json"
    assert json.loads(call.kwargs["data"]) == {"reason": "Zoë"}


Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(behaviour: Behaviour) -> AsyncIterator[str]:
    """Serve raw bytes: what no HTTP server would send on purpose."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behaviour(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def saying(octets: bytes) -> Behaviour:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await writer.drain()

    return behave


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(
    ("behaviour", "error", "text"),
    [
        pytest.param(saying(b""), APIConnectionError, "the API closed the connection", id="disconnects"),
        pytest.param(
            saying(b"SSH-2.0-OpenSSH\r\n\r\n"), APIConnectionError, "the response was not HTTP", id="not HTTP"
        ),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
            DecodingError,
            r"cannot read the response \(HTTP 200\): the response broke off",
            id="truncated",
        ),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/html\r\n\r\n<html>"),
            DecodingError,
            r"\(HTTP 200\): expected a JSON object, found 6 bytes of text/html",
            id="HTML",
        ),
        pytest.param(
            saying(b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: application/json\r\n\r\n"\xff"'),
            DecodingError,
            r"\(HTTP 200\): expected a JSON object, found 3 bytes",
            id="not UTF-8",
        ),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
            DecodingError,
            "the response broke off",
            id="not gzip",
        ),
        pytest.param(
            saying(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
            APIStatusError,
            "HTTP 302: the API responded with a redirect, which is not followed",
            id="redirect",
        ),
        pytest.param(silent, APITimeoutError, "an attempt took longer than 0.5 s", id="silent"),
    ],
)
async def test_failures_have_their_own_errors(behaviour: Behaviour, error: type[Exception], text: str) -> None:
    async with server(behaviour) as base_url, client(base_url, timeout=0.5 if behaviour is silent else 30) as boooply:
        with pytest.raises(error, match=text) as caught:
            await boooply.interviews.get("c")

    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert KEY not in shown.replace(f"KEY = {KEY!r}", "")
    assert caught.value.__context__ is None
    assert "interviews.get" in str(caught.value)


async def test_a_response_that_is_not_read_to_the_end_releases_its_connection(recwarn: pytest.WarningsRecorder) -> None:
    switched = b"HTTP/1.1 101 Sw\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n"
    asyncio.get_running_loop().set_debug(True)  # only then does aiohttp report a response that nobody closed
    async with server(saying(switched)) as base_url, client(base_url) as boooply:
        with pytest.raises(APIStatusError, match="HTTP 101"):
            await boooply.organization.get()
        gc.collect()

    assert [str(warning.message) for warning in recwarn] == []


async def test_a_call_that_is_cancelled_while_reading_leads_to_no_response_of_aiohttp() -> None:
    async def stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await silent(reader, writer)

    async with server(stalling) as base_url, client(base_url) as boooply:
        call = asyncio.ensure_future(boooply.organization.get())
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call

    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert any(frame.f_code.co_name == "attempt" for frame in frames)
    assert not [
        value for frame in frames for value in frame.f_locals.values() if isinstance(value, aiohttp.ClientResponse)
    ]


@pytest.mark.parametrize("reads", [True, False])
async def test_a_tracer_sees_the_body_and_takes_it_from_nobody(monkeypatch: pytest.MonkeyPatch, *, reads: bool) -> None:
    seen: list[bytes] = []
    tracer = aiohttp.TraceConfig()

    async def note(_: object, __: object, params: aiohttp.TraceResponseChunkReceivedParams) -> None:
        seen.append(params.chunk)

    async def read(_: object, __: object, params: aiohttp.TraceRequestEndParams) -> None:
        seen.append(await params.response.read())

    tracer.on_response_chunk_received.append(note)
    if reads:
        tracer.on_request_end.append(read)
    opened = partial(aiohttp.ClientSession, trace_configs=[tracer])  # as instrumentation gets in
    monkeypatch.setattr(aiohttp, "ClientSession", opened)
    body = b'{"success": true, "organization": {"id": "o"}}'
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with server(saying(head + body)) as base_url, client(base_url) as boooply:
        assert (await boooply.organization.get()).id == "o"

    assert seen == [body] * (1 + reads)


async def test_a_connection_idle_for_almost_5_s_is_not_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most servers drop an idle connection after 5 s, and a write sent at that moment would be ambiguous."""
    connections: list[asyncio.StreamWriter] = []
    body = b'{"success": true, "organization": {"id": "o"}}'
    response = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    async def keep_alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            writer.write(response)
            await reader.readuntil(b"\r\n\r\n")

    async with server(keep_alive) as base_url, client(base_url) as boooply:
        for _ in range(2):
            await boooply.organization.get()
        assert len(connections) == 1
        monkeypatch.setattr("aiohttp.connector.monotonic", lambda: time.monotonic() + 4.9)
        await boooply.organization.get()

    assert len(connections) == 2


async def test_a_connection_that_does_not_come_about_has_certainly_sent_nothing() -> None:
    """A server that never responds to TLS: connecting times out before the attempt does."""
    async with server(silent) as base_url, client(base_url.replace("http:", "https:"), timeout=2) as boooply:
        with pytest.raises(APITimeoutError, match=r"host does not respond: no connection within 1\.8 s$") as caught:
            await boooply.interviews.create(
                AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
            )
        assert caught.value.connecting
        assert caught.value.seconds == pytest.approx(1.8)
        assert isinstance(caught.value, TimeoutError)


async def test_nobody_listens() -> None:
    async with client("http://127.0.0.1:1") as boooply:
        with pytest.raises(APIConnectionError, match="the API's host refuses connections"):
            await boooply.organization.get()


async def test_a_host_without_an_address() -> None:
    async with client("https://no-such-host.invalid") as boooply:
        with pytest.raises(APIConnectionError, match="the host of base_url has no address"):
            await boooply.organization.get()


async def test_a_closed_client_raises() -> None:
    boooply = client()
    await boooply.close()
    await boooply.close()

    with pytest.raises(ConfigurationError, match="this client is closed"):
        await boooply.organization.get()
    with pytest.raises(ConfigurationError, match="this client is closed"):
        async with boooply:
            pass


async def test_a_client_that_is_never_used_leaves_nothing_open() -> None:
    client()
    gc.collect()  # warnings are errors


def test_a_client_shows_no_key() -> None:
    boooply = client()

    assert "0123456789" not in f"{boooply!r} {vars(boooply)} {boooply._transport!r}"
