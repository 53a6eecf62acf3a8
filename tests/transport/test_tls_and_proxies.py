"""TLS with an authority of one's own, and the proxy that the environment names."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from traceback import walk_tb

import pytest
import trustme
from aiohttp import web

from boooply import APIConnectionError, AsyncBoooplyClient, ConfigurationError, RetryPolicy
from boooply.client import transport_of
from boooply.transport.pool import proxy_for

HOST = "api.boooply.test"
ONCE = RetryPolicy(attempts=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def tls_port(authority: trustme.CA) -> AsyncIterator[int]:
    async def respond(_: web.Request) -> web.Response:
        return web.json_response({"success": True, "organization": {"id": "o1"}})

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST, "localhost").configure_cert(context)
    app = web.Application()
    app.router.add_get("/api/integration/organization", respond)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def proxy(tls_port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """A proxy that tunnels to the TLS server whatever it is asked for, and keeps what it was asked for."""
    asked: list[str] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head.splitlines()[0])
        if "refused" in head:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back, forth = await asyncio.open_connection("127.0.0.1", tls_port)
        await asyncio.gather(pump(reader, forth), pump(back, writer), return_exceptions=True)

    server = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    monkeypatch.setenv("https_proxy", f"http://user:pw12345678@127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield asked


def client(base_url: str, context: ssl.SSLContext | None = None) -> AsyncBoooplyClient:
    return AsyncBoooplyClient(api_key="bply_x", base_url=base_url, ssl_context=context, retry=ONCE, timeout=5)


async def test_an_authority_of_ones_own_is_trusted(tls_port: int, trusting: ssl.SSLContext) -> None:
    async with client(f"https://localhost:{tls_port}", trusting) as boooply:
        assert (await boooply.organization.get()).id == "o1"


async def test_an_unknown_authority_is_not(tls_port: int) -> None:
    async with client(f"https://localhost:{tls_port}") as boooply:
        with pytest.raises(APIConnectionError, match="the certificate of the API's host is not trusted"):
            await boooply.organization.get()


async def test_the_environments_proxy_is_used(proxy: list[str], trusting: ssl.SSLContext) -> None:
    async with client(f"https://{HOST}", trusting) as boooply:
        assert (await boooply.organization.get()).id == "o1"
        assert "pw12345678" not in f"{vars(transport_of(boooply).pool)}"

    assert proxy == [f"CONNECT {HOST}:443 HTTP/1.1"]


async def test_a_proxy_that_does_not_connect(proxy: list[str], trusting: ssl.SSLContext) -> None:
    async with client("https://refused.boooply.test", trusting) as boooply:
        with pytest.raises(APIConnectionError, match="the proxy does not connect to the API's host"):
            await boooply.organization.get()

    assert len(proxy) == 1


async def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    async with client(f"https://{HOST}") as boooply:
        with pytest.raises(APIConnectionError, match="the proxy cannot be reached"):
            await boooply.organization.get()


async def test_a_proxy_whose_host_is_unknown_is_named_as_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:3128")
    async with client(f"https://{HOST}") as boooply:
        with pytest.raises(APIConnectionError, match="the host of the proxy has no address"):
            await boooply.organization.get()


async def test_without_a_proxy_an_unknown_host_is_the_apis() -> None:
    async with client("https://api.invalid") as boooply:
        with pytest.raises(APIConnectionError, match="the host of base_url has no address"):
            await boooply.organization.get()


@pytest.mark.parametrize(
    "value",
    [
        "http://user:hush1#hush2@host:1",
        "http://user:hush1/hush2@host:1",
        "http://user:hush1ключ@host:1",
        "http://user:hush1@host:notaport",
        "http://user:hush1@host:99999",
        "//user:hush1@host:1",
        "http://user:hush1@:1",
    ],
)
def test_a_proxy_that_cannot_work_is_rejected_at_the_start_without_its_password(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(ConfigurationError, match=r"^https_proxy (must|has)") as caught:
        client(f"https://{HOST}")
    frames = [list(frame.f_locals.values()) for frame, _ in walk_tb(caught.value.__traceback__)][1:]
    assert "hush" not in f"{caught.value}{frames}"


async def test_a_proxy_without_a_scheme_is_one_for_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "127.0.0.1:1")
    async with client(f"https://{HOST}") as boooply:
        with pytest.raises(APIConnectionError, match="the proxy cannot be reached"):
            await boooply.organization.get()


def test_a_proxy_of_another_kind_is_rejected_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://user:secret@127.0.0.1:1080")
    with pytest.raises(ConfigurationError) as caught:
        client(f"https://{HOST}")

    assert str(caught.value) == "https_proxy names a socks5 proxy, which is not supported: use an HTTP or HTTPS proxy"


@pytest.mark.parametrize(
    ("base_url", "proxied"),
    [
        (f"https://{HOST}", True),
        ("http://api.boooply.test", False),  # no proxy is named for http
        ("https://127.0.0.1:8443", False),
        ("https://localhost", False),
        ("https://inside.example", False),
        ("https://10.1.2.3", False),
        ("https://a.star.example", False),
        ("https://port.example", False),
        ("https://port.example:8443", True),
        ("https://[2001:db8::1]", False),
        ("https://dot.example", False),
        ("https://inside.example/gateway", False),
    ],
)
def test_which_addresses_are_proxied(monkeypatch: pytest.MonkeyPatch, base_url: str, proxied: bool) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv(
        "no_proxy", "inside.example,10.0.0.0/8,*.star.example,port.example:443,[2001:db8::1],dot.example."
    )
    monkeypatch.delenv("http_proxy", raising=False)

    assert (proxy_for(base_url) is not None) is proxied
