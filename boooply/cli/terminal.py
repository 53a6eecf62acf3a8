"""The terminal: the options, signals, streams and pieces of output that commands share."""

import asyncio
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
from io import TextIOWrapper, UnsupportedOperation
from textwrap import wrap
from typing import Annotated, Final, TextIO

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from boooply.secret import one_line, redact

# ---- options

# The default of an option is shown only where it says so, and no option has a negative form.
OPTION: Final = Parameter(negative=(), show_default=False)

StoreUrl = Annotated[str | None, Parameter(name="--store", metavar="URL")]
Concurrency = Annotated[int, Parameter(validator=Number(gte=1, lte=1000), metavar="N", show_default=True)]
Json = Annotated[bool, Parameter(name="--json")]


# ---- signals

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def listening(on_signal: Callable[[], object], signals: Iterable[signal.Signals] = _SIGNALS) -> Generator[None]:
    """Call a function at each signal, instead of the signal's usual effect."""
    loop = asyncio.get_running_loop()
    with ExitStack() as handlers:
        for number in signals:
            if signal.getsignal(number) is signal.SIG_IGN:
                continue  # shells let their background jobs ignore Ctrl-C, and that must stay so
            with suppress(NotImplementedError):  # Windows has no signals on its loop: Ctrl-C cancels the command
                loop.add_signal_handler(number, on_signal)
                handlers.callback(loop.remove_signal_handler, number)
        yield


# ---- streams

_MAX_WIDTH: Final = 80  # lines longer than this are hard to read, however wide the terminal is


def console(*, stderr: bool = False) -> Console:
    """Create the console of a stream: colours in a terminal, plain text in a pipe or file, ``NO_COLOR`` honoured.

    Brackets and ``:names:`` are printed literally: customers' names are not markup.
    """
    created = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    created.width = min(created.width, _MAX_WIDTH)
    return created


def printable(text: str) -> str:
    """Turn foreign text into one line that contains no key and nothing that acts on a terminal."""
    return redact(one_line(text))


def wrapped(line: str, out: Console, *, indent: int = 0) -> str:
    """Break a line between words for a terminal, and indent its other lines. A pipe or file gets it in one piece.

    Ids, paths and keys are never cut.
    """
    if not out.is_terminal:
        return line
    return "\n".join(
        wrap(line, out.width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    )


def print_error(problem: str) -> None:
    """Print an error on standard error, in the words of the command."""
    out = console(stderr=True)
    out.print(wrapped(printable(f"boooply: {in_words_of_the_command(problem)}"), out), soft_wrap=True)


_VARIABLES: Final = {
    "api_key": "BOOOPLY_API_KEY",
    "base_url": "BOOOPLY_BASE_URL",
    "encryption_key": "BOOOPLY_STORE_KEY",
    "platform_key": "BOOOPLY_PLATFORM_KEY",
}
_NAME: Final = rf"\b(?:{'|'.join(_VARIABLES)})\b"
_ADVICE_FOR_PYTHON: Final = re.compile(
    rf",? or (?:pass )?{_NAME}(?:=…)?| \(Python: {_NAME}\)|\. Use an? \w+ key for \w+ and \w+, which [^()]*\w"
)


def in_words_of_the_command(problem: str) -> str:
    """Name the environment variables in an error that names arguments of Python.

    An ``api_key`` whose variable the error does not name comes from the store or a file.
    """

    def variable(found: re.Match[str]) -> str:
        name = _VARIABLES[found[0]]
        return "the key" if found[0] == "api_key" and name not in problem else name

    text = re.sub(_NAME, variable, _ADVICE_FOR_PYTHON.sub("", problem))
    text = re.sub(r"(BOOOPLY_\w+) is missing: set \1", r"\1 is missing: set it", text)
    return re.sub(r"(.*\b(BOOOPLY_\w+)\b.*) \(\2\)$", r"\1", text)


class _ErrorPrinter(logging.Handler):
    """A handler that prints what is logged as errors are printed."""

    def emit(self, record: logging.LogRecord) -> None:
        print_error(record.getMessage())


@contextmanager
def printed_warnings() -> Generator[None]:
    """Print the warnings of the store and of runs, of an outage for example."""
    handler = _ErrorPrinter(logging.WARNING)
    loggers = [logging.getLogger(f"boooply.{name}") for name in ("store", "provisioning")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def write_line(line: str) -> None:
    """Write a line for a program to standard output; its reader gets it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def replace_unencodable() -> None:
    """Show ``?`` for each character that a stream cannot encode: Windows' pipes cannot encode 株式会社."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def discard_output(stream: TextIO) -> None:
    """Discard whatever is written to a stream from now on, if it has a file descriptor."""
    with suppress(UnsupportedOperation), open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), stream.fileno())


# ---- pieces of output


def inset(content: RenderableType) -> Padding:
    """Indent a piece of output."""
    return Padding(content, (0, 0, 0, 3), expand=False)


def count_of(count: int, noun: str) -> str:
    """Write a count with its noun, in the singular or the plural."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def and_more(count: int) -> list[Text]:
    """Write how many rows a list leaves out, if any."""
    return [Text(f"… and {count:,} more", style="dim")] if count > 0 else []
