"""``boooply mcp``: a server of the Model Context Protocol."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from mcp.server import Server

from boooply.cli.terminal import StoreUrl, listening, print_error
from boooply.integrations.mcp import HTTP_PORT, open_server, serve_http, serve_stdio

_Port = Annotated[int | None, Parameter(validator=Number(gte=0, lte=65_535), metavar="N")]


async def mcp(*, http: bool = False, port: _Port = None, platform: bool = False, store: StoreUrl = None) -> int:
    """Run an MCP server on standard input and output, or over HTTP on this machine.

    Args:
        http: Serve streamable HTTP on 127.0.0.1, instead of standard input and output.
        port: Port for --http. 0 chooses a free port. Default: 8725.
        platform: Add the tool connect_customer, which uses the platform key.
        store: URL of the store for --platform. Default: BOOOPLY_STORE_URL.

    Returns:
        The exit code: 2 if the options exclude each other, a stream is closed, or the port is not available.
    """
    problem = _conflict(http=http, port=port, platform=platform, store=store)
    if problem is not None:
        print_error(problem)
        return 2
    stopped = asyncio.Event()
    # also while the server closes, which stores its last keys; Ctrl-C cancels the whole command
    with listening(stopped.set, (signal.SIGTERM,)):
        async with open_server(platform=platform, store_url=store) as server:
            return await _serve_until(stopped, _over_http(server, port) if http else _over_stdio(server))


async def _over_stdio(server: Server[Any]) -> int:
    if sys.stdin.isatty():
        _announce("serving on standard input and output. A host usually starts this command. To stop it, press Ctrl-C")
    await serve_stdio(server)
    return 0


async def _over_http(server: Server[Any], port: int | None) -> int:
    number = HTTP_PORT if port is None else port
    try:
        await serve_http(
            server, port=number, on_ready=lambda url: _announce(f"serving on {url}. To stop, press Ctrl-C")
        )
    except OSError as error:
        print_error(f"--port {number}: {os.strerror(error.errno or 0)}. Choose another port")
        return 2
    return 0


async def _serve_until(stopped: asyncio.Event, serving: Coroutine[Any, Any, int]) -> int:
    """Serve until the host disconnects or the event is set, and return the exit code."""
    task, stop = asyncio.create_task(serving), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        stop.cancel()
        await asyncio.wait({task, stop})  # before its client and store are closed
    return 0 if task.cancelled() else task.result()


def _conflict(*, http: bool, port: int | None, platform: bool, store: str | None) -> str | None:
    if port is not None and not http:
        return "--port needs --http: add --http, or leave out --port"
    if store is not None and not platform:
        return "--store needs --platform: add --platform, or leave out --store"
    if not http and None in {sys.stdin, sys.stdout}:  # Python sets a closed stream to None
        return "standard input or output is closed, and the host needs both: open them, or add --http"
    return None


def _announce(text: str) -> None:
    sys.stderr.write(f"boooply: {text}\n")  # standard output is for the protocol
    sys.stderr.flush()
