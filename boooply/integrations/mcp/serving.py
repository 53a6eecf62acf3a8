"""The two ways to a host: standard input and output, and HTTP on this machine alone."""

import asyncio
import logging
import os
import select
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any, Final, cast

import uvicorn
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from boooply.errors import ConfigurationError
from boooply.protocol.settings import is_loopback

HTTP_PORT: Final = 8725
HTTP_PATH: Final = "/mcp"

_LOOPBACK: Final = "127.0.0.1"
_OURS: Final = ("127.0.0.1", "localhost", "[::1]")
_STANDARD_INPUT: Final = 0
_AT_ONCE: Final = 65_536  # bytes
_GRACE: Final = 5  # seconds, for calls under way when the server is told to stop

logger: logging.Logger = logging.getLogger("boooply.mcp")


async def serve_stdio(server: Server[Any], /) -> None:
    """Serve the host that started this process, until it closes standard input."""
    lines = cast("Any", _lines())  # iterated over, and nothing else, which its type does not say
    async with stdio_server(stdin=lines) as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


async def _lines() -> AsyncGenerator[str]:
    """Read standard input in a thread that nothing waits for: a read of it cannot be broken off, by Ctrl-C say."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[bytes]()

    def hand_over(line: bytes) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody reads on
            loop.call_soon_threadsafe(queue.put_nowait, line)

    def read() -> None:
        rest = b""
        try:
            while chunk := _chunk():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    hand_over(line + b"\n")
            hand_over(rest)
        except OSError as error:
            logger.error("standard input cannot be read: %s", error.strerror)  # noqa: TRY400 - it is no fault of ours
        finally:
            hand_over(b"")  # whatever became of the input, the server ends with it

    threading.Thread(target=read, name="boooply standard input", daemon=True).start()
    while line := await queue.get():
        yield line.decode("utf-8", "replace")


def _chunk() -> bytes:
    while True:
        with suppress(BlockingIOError):  # a host may have left its pipe so that a read does not wait
            return os.read(_STANDARD_INPUT, _AT_ONCE)
        select.select([_STANDARD_INPUT], [], [])


class _Quiet(uvicorn.Server):
    """Leave signals to whoever runs the loop: uvicorn raises them again, and nothing would be closed."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


async def serve_http(
    server: Server[Any],
    /,
    *,
    host: str = _LOOPBACK,
    port: int = HTTP_PORT,
    on_ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve streamable HTTP on this machine until it is cancelled; ``port`` 0 finds a free one.

    Requests with another host or origin than this machine are refused, so that a web page cannot reach it through the
    browser. ``on_ready`` is given the address.

    Raises:
        ConfigurationError: The host is not this machine: there is no password, and whoever reaches it has the key.
        OSError: The port cannot be had.
    """
    if not is_loopback(host):
        raise ConfigurationError(f"host has to be this machine, as {_LOOPBACK}: whoever reaches it acts with your key")
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{one}:*" for one in _OURS],
        allowed_origins=[f"http://{one}:*" for one in _OURS],
    )
    app = server.streamable_http_app(streamable_http_path=HTTP_PATH, transport_security=security)
    with _listening(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        on_ready(f"http://{shown}:{listener.getsockname()[1]}{HTTP_PATH}")  # connections wait until they are served
        await _served(_Quiet(_config(app)), listener)


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=_GRACE)


async def _served(http: uvicorn.Server, listener: socket.socket) -> None:
    serving = asyncio.create_task(http.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        http.should_exit = True
        await asyncio.wait({serving})


def _listening(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=_family(host))


def _family(host: str) -> socket.AddressFamily:
    try:
        version = ip_address(host).version
    except ValueError:
        return socket.AF_INET
    return {4: socket.AF_INET, 6: socket.AF_INET6}[version]
