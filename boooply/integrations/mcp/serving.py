"""The two transports of the server: standard input and output, and HTTP on this machine only."""

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
    """Serve the host that started this process, until it closes standard input."""
    lines = cast("Any", _lines())  # it is only iterated over, which its type does not express
    async with stdio_server(stdin=lines) as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


async def _lines() -> AsyncGenerator[str]:
    """Read standard input in a thread that nothing joins, since such a read cannot be interrupted, even by Ctrl-C."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[bytes]()

    def pass_on(line: bytes) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it the reader
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
            logger.error("standard input cannot be read: %s", error.strerror)  # noqa: TRY400 - it is not an error of ours
        finally:
            pass_on(b"")  # the server ends with its input, even after an error

    threading.Thread(target=read, name="boooply standard input", daemon=True).start()
    while line := await queue.get():
        yield line.decode("utf-8", "replace")


def _chunk() -> bytes:
    while True:
        with suppress(BlockingIOError):  # the host may have made its pipe non-blocking
            return os.read(_STANDARD_INPUT, _CHUNK_SIZE)
        select.select([_STANDARD_INPUT], [], [])


class _Quiet(uvicorn.Server):
    """A uvicorn server without signal handlers: they raise the signals again, and nothing would be closed."""

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
    """Serve streamable HTTP on this machine until it is cancelled; ``port`` 0 finds a free one.

    Requests from another host or origin than this machine are rejected, so that no web page can reach the server
    through a browser. ``on_ready`` is called with the address.

    Raises:
        ConfigurationError: The host is not this machine: without a password, anyone who reaches it acts with the key.
        OSError: The port is not available.
    """
    if not is_loopback(host):
        raise ConfigurationError(f"host must be this machine, as {_LOOPBACK}: anyone who reaches it acts with your key")
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
