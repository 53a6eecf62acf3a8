"""``boooply sandbox``: a sandbox served until a signal stops it."""

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Final, TextIO, cast

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.text import Text

from boooply.cli.terminal import console, discard_output, listening, print_error, printable
from boooply.sandbox import Call, Fault, Limits, Sandbox

_DAY: Final = 86_400
_ALWAYS: Final = "always"

_Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65_535), metavar="N", show_default=True)]
_Allowance = Annotated[int, Parameter(validator=Number(gte=0), metavar="N", show_default=True)]
_Seconds = Annotated[float, Parameter(validator=Number(gt=0, lte=_DAY), metavar="SECONDS", show_default=True)]
_Milliseconds = Annotated[float, Parameter(validator=Number(gte=0, lte=1000 * _DAY), metavar="MS", show_default=True)]
_Url = Annotated[str | None, Parameter(metavar="URL")]
_Plan = Annotated[str | None, Parameter(metavar="PLAN")]
_Seed = Annotated[str | None, Parameter(metavar="TEXT")]
_File = Annotated[Path | None, Parameter(metavar="FILE")]
_Faults = Annotated[tuple[str, ...], Parameter(name="--fault", metavar="OPERATION:FAULT[:TIMES]")]

_STYLES: Final = {0: "red", 2: "green", 4: "yellow", 5: "red"}  # by the first digit of the status


def exports(sandbox: Sandbox) -> Mapping[str, str]:
    """Return the variables that configure a client for a sandbox.

    This is the only place that shows whole keys: they open nothing but this sandbox.
    """
    return {
        "BOOOPLY_BASE_URL": sandbox.base_url,
        "BOOOPLY_PLATFORM_KEY": sandbox.platform_key,
        "BOOOPLY_API_KEY": sandbox.api_key,
        "BOOOPLY_WEBHOOK_SECRET": sandbox.webhook_secret,
    }


def announcement(sandbox: Sandbox, limits: Limits, process: int) -> Text:
    """Describe the sandbox: its address, its limits, and how to stop it."""
    return Text(
        f"Sandbox on {sandbox.base_url} (open it in a browser to see what happens)\n"
        f"A key may make {limits.reads:,} reads, {limits.writes:,} writes and {limits.ai:,} AI calls in "
        f"{limits.window:g} s.\nStop it with Ctrl-C, or: kill {process}"
    )


def call_line(call: Call) -> Text:
    """Describe a call in one line: status, method, path, tenant, and if need be the error code and the fault.

    A fault can suppress even the status.
    """
    rest = (printable(part) for part in (call.path, call.tenant or "-", call.error_code, call.fault) if part)
    return Text.assemble(
        (str(call.status or "---"), _STYLES.get(call.status // 100, "")), f" {call.method:<6} ", "  ".join(rest)
    )


def print_exports(variables: Mapping[str, str], stream: TextIO) -> None:
    """Print the variables for a shell, all at once, and close a stream that is not a terminal.

    ``eval "$(…)"`` waits until its pipe is closed, so a pipe that stays open would hang it.
    """
    stream.write("".join(f"export {name}={value}\n" for name, value in variables.items()))
    stream.flush()
    if not stream.isatty():
        discard_output(stream)


async def serve(  # noqa: PLR0913 - each is an option of the command
    *,
    port: _Port = 0,
    reads: _Allowance = 100,
    writes: _Allowance = 10,
    ai: _Allowance = 5,
    window: _Seconds = 60,
    latency: _Milliseconds = 0,
    webhook_url: _Url = None,
    fault: _Faults = (),
    plan: _Plan = None,
    seed: _Seed = None,
    state: _File = None,
) -> int:
    """Serve a sandbox, print its address and each call, and stop on Ctrl-C or SIGTERM.

    Args:
        port: The port to listen on; 0 finds a free one.
        reads: GET calls a key may make in a window.
        writes: POST, PATCH and DELETE calls a key may make in a window.
        ai: Job descriptions a key may generate in a window.
        window: How many seconds a window lasts.
        latency: How many milliseconds each answer is held back.
        webhook_url: Where webhooks are delivered to, signed; the console can set it as well.
        fault: What goes wrong, and how often: 1, a number or always. Repeat the option for several.
        plan: What every customer may create: free, starter, growth, scale or custom; any number unless set.
        seed: Makes the keys from this text, the same ones each time. They are random without it.
        state: Keeps everything in this file over restarts, with the keys and people's data.

    Returns:
        The exit code: 2 if the port or the file cannot be used, or a fault, plan, seed or webhook URL is not valid.
    """
    terminal = console(stderr=True)
    limits = Limits(reads=reads, writes=writes, ai=ai, window=window)
    try:
        sandbox = Sandbox(
            limits=limits,
            latency=latency / 1000,
            port=port,
            on_call=lambda call: terminal.print(call_line(call), soft_wrap=True),
            plan=plan,
            seed=seed,
            state=state,
        )
        _prepare(sandbox, fault, webhook_url)
    except ValueError as error:
        print_error(printable(str(error)))
        return 2
    stopped = asyncio.Event()
    async with AsyncExitStack() as stack:
        # Ctrl-C needs no handler: it cancels the command.
        stack.enter_context(listening(stopped.set, (signal.SIGTERM,)))
        try:
            await stack.enter_async_context(sandbox)
        except OSError as error:
            print_error(_cannot_serve(error, port, state))
            return 2
        terminal.print(announcement(sandbox, limits, os.getpid()))
        print_exports(exports(sandbox), sys.stdout)
        await stopped.wait()
    return 0


def _cannot_serve(error: OSError, port: int, state: Path | None) -> str:
    problem = os.strerror(error.errno or 0)
    if error.filename is not None and error.errno == errno.EBUSY:
        return f"--state {printable(str(state))}: {error.strerror}"
    if error.filename is not None:
        return f"--state {printable(str(state))}: {problem}: name another file"
    return f"port {port}: {problem}: give another --port, or none for a free one"


def _prepare(sandbox: Sandbox, faults: tuple[str, ...], webhook_url: str | None) -> None:
    for one in faults:
        try:
            _add_fault(sandbox, one)
        except ValueError as error:
            raise ValueError(f"--fault {one}: {error}") from error
    if webhook_url is not None:
        try:
            sandbox.webhooks.url = webhook_url
        except ValueError as error:
            raise ValueError(f"--webhook-url: {error}") from error


def _add_fault(sandbox: Sandbox, fault: str) -> None:
    operation, _, rest = fault.partition(":")
    name, _, times = rest.partition(":")
    if times and times != _ALWAYS and not times.isdecimal():
        raise ValueError(f"times must be a number, or {_ALWAYS}")
    # the sandbox checks the names
    sandbox.faults.add(operation, cast("Fault", name), None if times == _ALWAYS else int(times or 1))
