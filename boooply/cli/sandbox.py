"""``boooply sandbox``: a sandbox that runs until a signal stops it."""

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

    Only this function shows whole keys: they are valid for this sandbox alone.
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
        f"The sandbox is running on {sandbox.base_url} (open it in a browser).\n"
        f"Rate limits per key: {limits.reads:,} reads, {limits.writes:,} writes and {limits.ai:,} AI calls per "
        f"{limits.window:g} s.\nTo stop the sandbox, press Ctrl-C or run: kill {process}"
    )


def call_line(call: Call) -> Text:
    """Describe a call in one line: status, method, path, customer, and the error code and fault if there are any.

    A fault can suppress the status.
    """
    rest = (printable(part) for part in (call.path, call.tenant or "-", call.error_code, call.fault) if part)
    return Text.assemble(
        (str(call.status or "---"), _STYLES.get(call.status // 100, "")), f" {call.method:<6} ", "  ".join(rest)
    )


def print_exports(variables: Mapping[str, str], stream: TextIO) -> None:
    """Print the variables for a shell, and close the stream if it is not a terminal.

    ``eval "$(…)"`` waits until its pipe is closed.
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
    """Run a sandbox until Ctrl-C or SIGTERM. Print its address and each request.

    Args:
        port: Port to listen on. 0 chooses a free port.
        reads: Maximum GET requests per key and window.
        writes: Maximum POST, PATCH and DELETE requests per key and window.
        ai: Maximum job descriptions generated per key and window.
        window: Length of a rate-limit window, in seconds.
        latency: Delay before each response, in milliseconds.
        webhook_url: URL that receives signed webhooks. You can also set it in the console.
        fault: Fault to inject, and how often: a number or always. Default: once. Repeat the option for several faults.
        plan: Plan that limits each customer: free, starter, growth, scale or custom. Default: no limit.
        seed: Text from which the keys are made, the same keys each time. Default: random keys.
        state: File that keeps all data between restarts, including keys and personal data. Default: memory only.

    Returns:
        The exit code: 2 if the port or the file cannot be used, or an option is not valid.
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
        return f"--state {printable(str(state))}: {problem}. Choose another file"
    return f"--port {port}: {problem}. Choose another port, or leave out --port for a free one"


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
        raise ValueError(f"TIMES must be a number, or {_ALWAYS}")
    # the sandbox checks the names
    sandbox.faults.add(operation, cast("Fault", name), None if times == _ALWAYS else int(times or 1))
