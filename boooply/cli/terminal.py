"""Standard output and standard error, and how other people's text gets there safely."""

import os
import re
import sys
from contextlib import suppress
from io import TextIOWrapper, UnsupportedOperation
from typing import Final

from rich.console import Console
from rich.text import Text

from boooply.secret import redact

_WIDEST: Final = 80  # what a reader takes in at once; a wider terminal gains nothing

# Escape sequences would act on the reader's terminal, line breaks tear a table, and directions turn a line around.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def console(*, stderr: bool = False) -> Console:
    """Make the console of a stream: colours in a terminal, plain text in a pipe or file, ``NO_COLOR`` honoured.

    Brackets and ``:names:`` stay as they are: customers' names are no markup.
    """
    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    made.width = min(made.width, _WIDEST)
    return made


def printable(text: str) -> str:
    """Make one line of somebody else's text, with nothing in it that acts on a terminal, and no key."""
    return redact(_UNPRINTABLE.sub(" ", text))


def print_error(problem: str) -> None:
    """Say on standard error what went wrong, in one line, however long it is."""
    console(stderr=True).print(Text(printable(f"boooply: {problem}")), soft_wrap=True)


def degrade() -> None:
    """Let a stream that cannot show a letter show ``?`` instead: Windows' pipes know no 株式会社."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def let_go() -> None:
    """Send what is left for standard output nowhere, so that Python does not fail on it when it ends."""
    with suppress(UnsupportedOperation), open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
