"""The two transports of the server: standard input and output, and HTTP on this machine."""

import asyncio
import logging
import os
import select
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, Final, cast

import uvicorn
from mcp.server import Server
from mcp.server.stdio import stdio_server

from boooply.errors import ConfigurationError
from boooply.protocol.hosts import is_loopback

HTTP_PORT: Final = 8725
HTTP_PATH: Final = "/mcp"

_LOOPBACK: Final = "127.0.0.1"
_STANDARD_INPUT: Final = 0
_CHUNK_SIZE: Final = 65_536  # bytes
_GRACE: Final = 5  # seconds, for calls under way when the server stops

logger: logging.Logger = logging.getLogger("boooply.mcp")


async def serve_stdio(server: Server[Any], /) -> None:
    """Serve the host that started this process, until it closes standard input.

    Args:
        server: The server from ``open_server``.
    """
    lines = cast("Any", _lines())  # it is only iterated over, which the parameter's type does not express
    async with stdio_server(stdin=lines) as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


async def _lines() -> AsyncGenerator[str]:
    """Read standard input in a daemon thread, because such a read cannot be interrupted, even by Ctrl-C."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[bytes]()

    def pass_on(line: bytes) -> None:
        with suppress(RuntimeError):  # the loop and the reader have ended
            loop.call_soon_threadsafe(queue.put_nowait, line)

    def read() -> None:
        rest = b""
        try:
            while chunk := _chunk():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    pass_on(line + b"\n")
            pass_on(rest)
        except OSError as error:
            logger.error("standard input cannot be read: %s", error.strerror)  # noqa: TRY400 - a traceback would not help
        finally:
            pass_on(b"")  # the server ends at the end of its input, also after an error

    threading.Thread(target=read, name="boooply standard input", daemon=True).start()
    while line := await queue.get():
        yield line.decode("utf-8", "replace")


def _chunk() -> bytes:
    while True:
        with suppress(BlockingIOError):  # the host may have made its pipe non-blocking
            return os.read(_STANDARD_INPUT, _CHUNK_SIZE)
        select.select([_STANDARD_INPUT], [], [])


class _Quiet(uvicorn.Server):
    """A uvicorn server without signal handlers, which would raise the signals again before everything is closed."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture no signals."""
        yield


async def serve_http(
    server: Server[Any],
    /,
    *,
    host: str = _LOOPBACK,
    port: int = HTTP_PORT,
    on_ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve streamable HTTP on this machine until the call is cancelled.

    Requests from other hosts and origins are rejected, so that no web page can reach the server through a browser.

    Args:
        server: The server from ``open_server``.
        host: The address to listen on. It must be an address of this machine only, because there is no password.
        port: The port to listen on. 0 selects a free port.
        on_ready: A function that is called with the URL of the server when it accepts connections.

    Raises:
        ConfigurationError: The host is not this machine.
        OSError: The port is not available.
    """
    if not is_loopback(host):
        raise ConfigurationError(
            f"host must be this machine, such as {_LOOPBACK}, because anyone who reaches the server acts with your key"
        )
    app = server.streamable_http_app(streamable_http_path=HTTP_PATH, host=_LOOPBACK)  # checks Host and Origin
    http = _Quiet(
        uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=_GRACE)
    )
    is_ipv6 = ":" in host
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        shown = f"[{host}]" if is_ipv6 else host
        on_ready(f"http://{shown}:{listener.getsockname()[1]}{HTTP_PATH}")  # connections wait until they are served
        serving = asyncio.create_task(http.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        finally:
            http.should_exit = True
            await asyncio.wait({serving})
