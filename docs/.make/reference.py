"""Make pages of the reference: ``python docs/.make/reference.py FOLDER`` writes them, by default to docs/reference.

The operations come from the table in ``boooply.protocol.endpoints``, the commands from their own ``--help``.
"""  # noqa: INP001 - a program of its own, started by path

import io
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin

from cyclopts import App

from boooply.cli.app import app, run
from boooply.protocol.endpoints import ENDPOINTS, Endpoint
from boooply.protocol.messages import Idempotency, RateLimitClass

FOLDER: Final = Path(__file__).parents[1] / "reference"

_MADE: Final = "<!-- Made by docs/.make/reference.py: change that, or what it reads. -->"
_WIDE: Final = "---\nhide:\n  - toc # its tables want the room\n---\n\n"
_ENDPOINTS: Final = """# Operations and endpoints

Every call of the API that this SDK makes, from its own table in `boooply/protocol/endpoints.py`. The kind says what a
call counts as, which is told under [rate limits](../explanation/rate-limits.md), and behind that, when it may be sent
again, as told under [safety](../explanation/safety.md).

| call | request | kind | answer |
| --- | --- | --- | --- |
"""
_AFTER: Final = """
`create_organization_api_key` is a call of a platform; all others are calls of a client. `iterate`, `resolve` and
`wait_for_evaluation` make no request of their own: they go by `list`, `get` and `get_evaluation`. `download_recording`
goes by `get_recording`, and then fetches the link that it finds there.

The calls of kind `idempotent` may be sent again once a read shows that the state is not reached:

| call | is confirmed by |
| --- | --- |
"""
_COMMANDS: Final = """# The command line

What each command says of itself. The commands come with the extra `cli`; `enqueue` and `worker` want `distributed` as
well, and `mcp` wants `mcp`. The variables that they read are on a [page of their own](environment.md).

```bash
python -m pip install ".[cli]"
boooply --help
```
"""
_LIMITS: Final = {RateLimitClass.READS: "read", RateLimitClass.WRITES: "write", RateLimitClass.AI: "AI"}
_KINDS: Final = {Idempotency.SAFE: "", Idempotency.UNSAFE: ", unsafe", Idempotency.IDEMPOTENT: ", idempotent"}


def endpoints_page() -> str:
    """Write the table of operations."""
    rows = [
        f"| `{endpoint.operation}` | `{endpoint.method} {endpoint.path}` "
        f"| {_said(endpoint)} | {_kind(endpoint.result)} |\n"
        for endpoint in ENDPOINTS
    ]
    confirmed = [
        f"| `{endpoint.operation}` | `{_read(endpoint)}` |\n"
        for endpoint in ENDPOINTS
        if endpoint.reconcile is not None
    ]
    return "".join([f"{_WIDE}{_MADE}\n\n{_ENDPOINTS}", *rows, _AFTER, *confirmed])


def _said(endpoint: Endpoint[Any]) -> str:
    return f"{_LIMITS[endpoint.limit]}{_KINDS[endpoint.idempotency]}"


def _read(endpoint: Endpoint[Any]) -> str:
    return endpoint.reconcile.read.operation if endpoint.reconcile is not None else ""


def _kind(result: Any) -> str:
    if isinstance(result, UnionType):
        return " or ".join(_kind(one) for one in get_args(result))
    if get_origin(result) is tuple:
        return f"{_kind(get_args(result)[0])}, several"
    return "None" if result is NoneType else f"`{result.__name__}`"


def commands_page() -> str:
    """Write the help of every command."""
    parts = [f"{_MADE}\n\n{_COMMANDS}"]
    for words in _commands(app, ()):
        title = " ".join(("boooply", *words))
        parts.append(f"\n{'##' if len(words) < 2 else '###'} {title}\n\n```text\n{help_of(words)}\n```\n")  # noqa: PLR2004 - a group and its command
    return "".join(parts)


def _commands(group: App, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    names = [name for name in group if not name.startswith("-")]
    for name in sorted(names, key=lambda name: (group[name].sort_key or 0, name)):  # as the help lists them
        yield from _commands(group[name], (*words, name))


def help_of(words: tuple[str, ...]) -> str:
    """Run a command with ``--help``, as in a terminal of 80 columns."""
    os.environ["COLUMNS"] = "80"
    with redirect_stdout(io.StringIO()) as written:
        run([*words, "--help"])
    return "\n".join(line.rstrip() for line in written.getvalue().strip().splitlines())


PAGES: Final = {"endpoints.md": endpoints_page, "cli.md": commands_page}


def main() -> None:
    """Write the pages."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
