"""What is known after a failure: whether the request may have been sent, what happened, and the status that arrived."""

import asyncio
import errno
import json
import logging
import os
import pickle
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from boooply import (
    AIInterview,
    AmbiguousWriteError,
    APIConnectionError,
    APIError,
    APITimeoutError,
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    BadRequestError,
    Candidate,
    DeadlineExceededError,
    DecodingError,
    RateLimitError,
    RetryPolicy,
    Secret,
)
from boooply.client import transport_of
from boooply.sandbox import Sandbox

AI = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
KEY = "bply_org_0123456789abcdef"
QUICK = RetryPolicy(attempts=2, backoff=0)


def client(base_url: str, **options: Any) -> AsyncBoooplyClient:
    return AsyncBoooplyClient(api_key=KEY, base_url=base_url, rate_limits=None, **{"retry": QUICK, **options})


# ---- before a connection, nothing can have been sent


@pytest.mark.parametrize(
    "proxy",
    [
        pytest.param("http://user:pa#ss@127.0.0.1:1", id="a # in the password"),
        pytest.param("http://127.0.0.1:notaport", id="no port"),
        pytest.param("http://127.0.0.1:99999", id="a port too high"),
        pytest.param("//127.0.0.1:1", id="no scheme"),
        pytest.param("http://user:p\u0448@127.0.0.1:1", id="not Latin"),
        pytest.param("http://", id="no host"),
        pytest.param(f"http://{'a' * 64}.example:1", id="a label too long"),
        pytest.param("http://127.0.0.1:1", id="refused"),
    ],
)
async def test_a_mistyped_proxy_is_certain_not_to_send_a_write(proxy: str) -> None:
    async with client("http://127.0.0.1:1") as boooply:
        transport_of(boooply).pool.proxy = Secret(proxy)
        with pytest.raises(APIConnectionError) as caught:
            await boooply.interviews.create(AI)
    assert "pa" not in str(caught.value).split("no response from the API:")[1].replace("cannot be reached", "")
    assert caught.value.cause_name


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example", "1.2.3.4.5", "h\\evil"])
async def test_a_host_that_cannot_be_resolved_is_certain_not_to_get_a_write(host: str) -> None:
    async with client("http://127.0.0.1:1") as boooply:
        transport_of(boooply).pool.base_url = f"http://{host}"
        with pytest.raises(APIConnectionError):
            await boooply.interviews.create(AI)


async def test_the_host_of_the_proxy_is_named_as_the_one_without_an_address() -> None:
    async with client("http://127.0.0.1:1") as boooply:
        transport_of(boooply).pool.proxy = Secret("http://no-such-host.invalid:1")
        with pytest.raises(APIConnectionError, match=r"the host of the proxy has no address \(gaierror\)"):
            await boooply.interviews.create(AI)


async def test_a_proxy_that_hangs_up_before_the_tunnel_has_passed_nothing_on() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server, client("https://127.0.0.1:1") as boooply:
        transport_of(boooply).pool.proxy = Secret(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(APIConnectionError, match="the proxy does not connect to the API's host"):
            await boooply.interviews.create(AI)


@pytest.mark.parametrize(
    "error", [ValueError, TypeError, UnicodeError, RuntimeError, OSError], ids=lambda one: one.__name__
)
async def test_whatever_is_raised_while_connecting_is_certain(monkeypatch, error: type[Exception]) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise error("a secret")

    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", fail)
    async with client("http://127.0.0.1:1") as boooply:
        with pytest.raises(APIConnectionError) as caught:
            await boooply.interviews.create(AI)
    assert "a secret" not in str(caught.value)


async def test_an_unknown_error_after_the_connection_leaves_a_write_ambiguous(monkeypatch, sandbox: Sandbox) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ValueError("unknown")

    monkeypatch.setattr("aiohttp.client_reqrep.ClientResponse.start", fail)
    async with client(sandbox.base_url) as boooply:
        with pytest.raises(AmbiguousWriteError):
            await boooply.interviews.create(AI)


# ---- what happened


async def test_no_descriptor_is_left() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with client("http://127.0.0.1:1") as boooply:
        await transport_of(boooply).pool.session()
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            with pytest.raises(APIConnectionError) as caught:
                await boooply.interviews.create(AI)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caught.value.errno == errno.EMFILE
    assert f"no connection to the API's host (OSError: {os.strerror(errno.EMFILE)})" in str(caught.value)


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES])
async def test_the_error_of_the_operating_system_is_named(monkeypatch, caplog, number: int) -> None:
    async def connect(*_: Any) -> None:
        raise OSError(number, "with an address")

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
    caplog.set_level(logging.DEBUG, "boooply")
    async with client("http://127.0.0.1:1") as boooply:
        with pytest.raises(APIConnectionError) as caught:
            await boooply.organization.get()
    error = caught.value
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (
        (error.errno, error.cause_name) == (copy.errno, copy.cause_name) == (number, type(OSError(number, "")).__name__)
    )
    assert str(error).endswith(f"no connection to the API's host ({error.cause_name}: {os.strerror(number)})")
    assert f"no connection ({error.cause_name}: {os.strerror(number)}), attempt 1" in caplog.text


async def test_a_refused_connection_is_named_so() -> None:
    async with client("http://127.0.0.1:1") as boooply:
        with pytest.raises(APIConnectionError, match=r"refuses connections \(ConnectionRefusedError: .+\)") as caught:
            await boooply.organization.get()
    assert (caught.value.errno, caught.value.status) == (errno.ECONNREFUSED, None)


# ---- the status that arrived


@asynccontextmanager
async def serve(*pieces: bytes, hangs: bool = False) -> AsyncIterator[str]:
    """Serve a response in raw bytes, piece by piece, then close the connection, or leave that to the client."""
    responding: set[asyncio.Task[Any]] = set()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        responding.add(cast("asyncio.Task[Any]", asyncio.current_task()))
        try:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            while hangs and await reader.read(1000):
                pass
        finally:
            writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*responding, return_exceptions=True)


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b'Content-Length: 100\r\n\r\n{"error": "n', id="cut short"),
        pytest.param(b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", id="no gzip"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n9\r\n{", id="a chunk cut short"),
    ],
)
@pytest.mark.parametrize(("status", "error"), [(400, BadRequestError), (429, RateLimitError)])
@pytest.mark.parametrize("operation", ["get", "create", "cancel"])
async def test_an_error_with_a_broken_body_is_still_that_error(
    status: int, error: type[APIError], rest: bytes, operation: str
) -> None:
    headers, _, body = rest.partition(b"\r\n\r\n")
    head = b"HTTP/1.1 %d X\r\nRetry-After: 0\r\nContent-Type: application/json\r\n%b\r\n\r\n" % (status, headers)
    async with serve(head, body) as url, client(url) as boooply:
        with pytest.raises(error) as caught:
            await getattr(boooply.interviews, operation)(AI if operation == "create" else "c")
    assert (caught.value.status, getattr(caught.value, "retry_after", None)) == (status, 0)


async def test_the_retry_after_of_a_429_with_a_broken_body_counts() -> None:
    retry = RetryPolicy(deadline=5, backoff=0)
    async with (
        serve(b"HTTP/1.1 429 X\r\nRetry-After: 60\r\nContent-Length: 9\r\n\r\n{") as url,
        client(url, retry=retry) as boooply,
    ):
        with pytest.raises(DeadlineExceededError, match="no further attempt within 5 s"):
            await boooply.interviews.create(AI)


async def test_a_400_whose_body_never_ends_is_a_400() -> None:
    async with (
        serve(b"HTTP/1.1 400 X\r\nContent-Length: 9\r\n\r\n{", hangs=True) as url,
        client(url, timeout=1) as boooply,
    ):
        with pytest.raises(BadRequestError):
            await boooply.interviews.create(AI)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"


async def test_errors_have_the_status_of_a_head_that_arrived() -> None:
    async with serve(HEAD) as url, client(url) as boooply:
        with pytest.raises(DecodingError) as decoding:
            await boooply.organization.get()
        with pytest.raises(AmbiguousWriteError, match="the response was HTTP 200: the response broke off") as ambiguous:
            await boooply.interviews.create(AI)
    async with serve(HEAD, hangs=True) as url, client(url, timeout=1) as boooply:
        with pytest.raises(APITimeoutError) as timeout:
            await boooply.organization.get()
        with pytest.raises(AmbiguousWriteError) as ambiguous_timeout:
            await boooply.interviews.create(AI)
    async with serve(HEAD, hangs=True) as url, client(url, retry=RetryPolicy(deadline=1)) as boooply:
        with pytest.raises(DeadlineExceededError) as deadline:
            await boooply.organization.get()
    errors: list[APIError] = [one.value for one in (decoding, ambiguous, timeout, ambiguous_timeout, deadline)]
    assert [error.status for error in errors] == [200] * 5


# ---- successes that cannot be read


@pytest.mark.parametrize(
    "body",
    [
        b'{"success": true, "meeting": []}',
        b'{"success": true, "meeting": "x"}',
        b'{"success": true, "meeting": {"meetingCode": null}}',
        b'{"success": true, "meeting": {"meetingCode": true}}',
        b'{"success": true, "meeting": {"meetingCode": 1.5}}',
        b'{"success": true, "meeting": {"meetingCode": ""}}',
        b'{"success": true, "meeting": {"meetingCode": " "}}',
        b"<html>Welcome</html>",
    ],
)
async def test_a_success_of_the_wrong_shape_leaves_a_creation_ambiguous(body: bytes, sandbox: Sandbox) -> None:
    async with (
        serve(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)) as url,
        client(url) as boooply,
    ):
        with pytest.raises(AmbiguousWriteError) as caught:
            await boooply.interviews.create(AI)
    assert caught.value.status == 200
    assert ("a page of HTML" if b"html" in body else "meetingCode: ") in str(caught.value)
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as boooply:
        await boooply.interviews.create(AI)
        found = await boooply.interviews.resolve(caught.value)
    assert getattr(found, "meeting_code", None)


# ---- responses to a mint that decide nothing


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade", b""),
        (b"HTTP/1.1 301 X\r\nLocation: /", b""),
        (b"HTTP/1.1 303 X\r\nLocation: /", b""),
        (b"HTTP/1.1 307 X\r\nLocation: /", b""),
        (b"HTTP/1.1 408 X", b"{}"),
        (b"HTTP/1.1 499 X", b""),
        (b"HTTP/1.1 200 X", b'{"success": false, "apiKey": "bply_org_0123456789"}'),
        (b"HTTP/1.1 401 X", b'{"success": false, "apiKey": "bply_org_0123456789"}'),
        (b"HTTP/1.1 409 X", b'{"success": false, "apiKey": "bply_org_0123456789"}'),
        (b"HTTP/1.1 409 X", b'{"success": false, "apiKey": "bply_org_01'),
        (b"HTTP/1.1 400 X", b'{"success": false, "data": [{"apiKey": "bply_org_0123456789"}]}'),
        (b"HTTP/1.1 429 X\r\nRetry-After: 0", b'{"success": false, "apiKey": "bply_org_0123456789"}'),
    ],
)
async def test_a_mint_with_a_response_that_decides_nothing_is_ambiguous(head: bytes, body: bytes, tenant) -> None:
    async with (
        serve(b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body)) as url,
        AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url=url, retry=QUICK) as platform,
    ):
        with pytest.raises(AmbiguousWriteError) as caught:
            await platform.create_organization_api_key(tenant)
    assert "bply_org_01" not in str(caught.value)


@pytest.mark.parametrize("status", [408, 499])
async def test_another_write_with_a_status_that_decides_nothing_is_ambiguous(status: int) -> None:
    async with serve(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % status) as url, client(url) as boooply:
        for write in (boooply.interviews.create(AI), boooply.interviews.cancel("c")):
            with pytest.raises(AmbiguousWriteError):
                await write
        with pytest.raises(APIError, match=f"HTTP {status}"):
            await boooply.interviews.get("c")


@pytest.mark.parametrize(
    "api_key",
    [
        123,
        "",
        " ",
        "bply_platform_0123456789",
        "bply_org_01 23",
        "bply_org_\u0007",
        "bply_org_\u2026abcd",
        "bply_org_\ud800",
        None,
        True,
        ["bply_org_1"],
    ],
    ids=repr,
)
async def test_a_minted_key_that_cannot_be_used_is_ambiguous(api_key: Any, tenant) -> None:
    body = json.dumps({"success": True, "apiKey": api_key}).encode()
    async with (
        serve(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)) as url,
        AsyncBoooplyPlatform(platform_key="bply_platform_x", base_url=url) as platform,
    ):
        with pytest.raises(AmbiguousWriteError, match=r"the response was HTTP 200: apiKey: ") as caught:
            await platform.create_organization_api_key(tenant)
    assert "0123456789" not in str(caught.value)
