"""Make pages of the reference: ``python docs/.make/reference.py FOLDER`` writes them, by default to docs/reference.

The operations come from the table in ``boooply.protocol.endpoints``, the fields from the models, the commands from
their own ``--help``, the meanings of enumerations from the docstrings of their members.
"""  # noqa: INP001 - a program of its own, started by path

import ast
import inspect
import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin

import attrs
from attrs import NOTHING
from cyclopts import App
from flavours import INTRODUCTION, tables

import boooply
from boooply import webhooks
from boooply.cli.app import app, run
from boooply.converter import wire_name
from boooply.converter.annotations import kinds_of
from boooply.converter.json_schema import accepted
from boooply.models import ResponseModel, enums
from boooply.models.names import camel_case
from boooply.models.response import description_of
from boooply.protocol.endpoints import ENDPOINTS, Endpoint
from boooply.protocol.messages import Idempotency, RateLimitClass

FOLDER: Final = Path(__file__).parents[1] / "reference"

_MADE: Final = "<!-- Made by docs/.make/reference.py: change that, or what it reads. -->"
_BELOW: Final = "<!-- The rest is made by docs/.make/reference.py: change that, or what it reads. -->"
_WIDE: Final = "hide:\n  - toc # its tables need the width\n"
_ENDPOINTS: Final = """# Operations and endpoints

Look up each request that the SDK sends to the API. The column *kind* shows which [rate
limit](../explanation/rate-limits.md) counts the call, and its [idempotency](../explanation/safety.md). After an unclear
outcome, the SDK does not repeat an `unsafe` call.

| method | request | kind | result |
| --- | --- | --- | --- |
"""
_AFTER: Final = """
`create_organization_api_key` needs a platform key; all others need an organization key. `iterate`, `resolve` and
`wait_for_evaluation` call `list`, `get` and `get_evaluation`. `download_recording` calls `get_recording`, and then
requests the link in its response, without your key.

## Idempotency

If the outcome of an `idempotent` call is unknown, the SDK reads the state first. It repeats the call only if the read
shows that the call had no effect:

| method | read |
| --- | --- |
"""
_COMMANDS: Final = """# The command line

Look up the arguments and options of every command. The commands need the extra `cli`. `enqueue`, `queue` and `worker`
also need `distributed`, and `mcp` needs `mcp`. [Environment variables](environment.md) lists the variables that they
read. To complete commands, options and files with Tab in bash, zsh, fish or PowerShell, run
`boooply --install-completion`.

```bash
python -m pip install ".[cli]"
boooply --help
```
"""
_FIELDS: Final = """# Fields

Look up every field of requests, responses and webhook events, with its name in the API. Each field is an attribute.

A field that the API omits is `None` or an empty tuple. Each response also has `extra`, a mapping of the fields that
this version of the SDK does not know, by their names in the API.

In JSON that you send without the SDK, the candidate is a participant with the role `CANDIDATE`, and each interview has
a `meetingType`: `AI_ONLY`, `HUMAN` or `TEAM`.
"""
_FIELD: Final = """
| field | name in the API | type | meaning |
| --- | --- | --- | --- |
"""
_REQUESTS: Final = (
    boooply.Tenant,
    boooply.TeamMember,
    boooply.AIInterview,
    boooply.HumanInterview,
    boooply.TeamMeeting,
    boooply.Candidate,
    boooply.Participant,
    boooply.Slot,
)
_NOT_SENT: Final = {"idempotency_key", "announced_as"}  # made from the body and the headers of a webhook
_TYPES: Final = {str: "text", int: "whole number", float: "number", bool: "boolean", datetime: "time", Any: "anything"}
_LIMITS: Final = {RateLimitClass.READS: "read", RateLimitClass.WRITES: "write", RateLimitClass.AI: "AI"}
_KINDS: Final = {Idempotency.SAFE: "", Idempotency.UNSAFE: ", unsafe", Idempotency.IDEMPOTENT: ", idempotent"}


def _front(description: str, more: str = "") -> str:
    return f"---\ndescription: {description}\n{more}---\n\n{_MADE}\n\n"


def endpoints_page() -> str:
    """Write the table of operations."""
    rows = [
        f"| `{endpoint.operation}` | <code>{endpoint.method} {endpoint.path.replace('/', '<wbr>/')}</code> "
        f"| {_said(endpoint)} | {_kind(endpoint.result)} |\n"
        for endpoint in ENDPOINTS
    ]
    confirmed = [
        f"| `{endpoint.operation}` | `{_read(endpoint)}` |\n"
        for endpoint in ENDPOINTS
        if endpoint.reconcile is not None
    ]
    front = _front("Each operation of the boooply SDK, its HTTP request, its rate limit and its idempotency.", _WIDE)
    return "".join([front, _ENDPOINTS, *rows, _AFTER, *confirmed])


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


def fields_page() -> str:
    """Write a table for each model: those of requests, of responses, and of webhooks."""
    front = _front(
        "Each field of requests, responses and webhook events, with its name in the API, type and unit.", _WIDE
    )
    parts = [front, _FIELDS, "\n## Requests\n", *map(_request_table, _REQUESTS)]
    for title, module in (("Responses", boooply), ("Webhooks", webhooks)):
        parts.append(f"\n## {title}\n")
        parts += [_table(model) for model in response_models(module)]
    return "".join(parts)


def response_models(module: Any) -> list[type[ResponseModel]]:
    """Return the public response models of a module."""
    public = [getattr(module, name) for name in module.__all__]
    return [one for one in public if isinstance(one, type) and issubclass(one, ResponseModel)]


def _table(model: type[ResponseModel]) -> str:
    is_further_event = issubclass(model, webhooks.Event) and model is not webhooks.Event
    elsewhere = {field.name for field in attrs.fields(webhooks.Event if is_further_event else ResponseModel)}
    rows = [
        f"| `{field.name}` | {_wire(model, field.name)} | {_type(field.type)} | {description_of(field)} |\n"
        for field in attrs.fields(attrs.resolve_types(model))
        if field.name not in elsewhere
    ]
    also = f"\nIt has the fields of [`Event`](#event){' too' if rows else ''}.\n" if is_further_event else ""
    return "".join([f"\n### {model.__name__}\n{also}", _FIELD if rows else "", *rows])


def _request_table(model: type) -> str:
    schema = accepted(model)
    rows = [
        f"| `{field.name}` | `{wire_name(model, field.name)}` "
        f"| {_type(field.type)}{', required' if field.default is NOTHING else ''} "
        f"| {schema['properties'][camel_case(field.name)].get('description', '')} |\n"
        for field in attrs.fields(attrs.resolve_types(model))
    ]
    return "".join([f"\n### {model.__name__}\n", _FIELD, *rows])


def _wire(model: type, name: str) -> str:
    return "" if name in _NOT_SENT else f"`{wire_name(model, name)}`"


def _type(annotation: Any) -> str:
    kind = kinds_of(annotation)[0]
    if get_origin(kind) is tuple:
        return f"list of {_type(get_args(kind)[0])}"
    if get_origin(kind) is Mapping:
        return f"{_type(get_args(kind)[1])} by name"
    if kind in _TYPES:
        return _TYPES[kind]
    return f"one of {', '.join(kind)}" if issubclass(kind, StrEnum) else f"`{kind.__name__}`"


def commands_page() -> str:
    """Write the help of every command."""
    parts = [_front("Each command of boooply, with its arguments and options."), _COMMANDS]
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


def methods_page() -> str:
    """Write the methods of both flavours."""
    return "".join([_front("Each method of the boooply SDK, async and blocking.", _WIDE), INTRODUCTION, *tables()])


def enumerations_page() -> str:
    """Write what each value of an enumeration means, below the examples of the page as it is."""
    page = (FOLDER / "enumerations.md").read_text(encoding="utf-8")
    found = [getattr(enums, name) for name in sorted(dir(enums))]
    enumerations = [one for one in found if isinstance(one, type) and issubclass(one, StrEnum) and one is not StrEnum]
    return "".join([page.partition(_BELOW)[0], _BELOW, "\n", *map(_values, enumerations)])


def _values(enumeration: type[StrEnum]) -> str:
    meanings = _meanings(enumeration)
    rows = [f"| `{one.value}` | {meanings.get(one.name, '')} |\n" for one in enumeration]
    options = "    options:\n      members: false\n      show_labels: false\n"
    return "".join(
        [f"\n::: boooply.{enumeration.__name__}\n{options}", "\n| value | meaning |\n| --- | --- |\n", *rows]
    )


def _meanings(enumeration: type[StrEnum]) -> dict[str, str]:
    """Return the docstrings of the members: a text that follows an assignment."""
    body = ast.parse(inspect.getsource(enumeration)).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - the source of a class
    return {
        before.targets[0].id: " ".join(str(after.value.value).split()).replace("``", "`")
        for before, after in zip(body.body, body.body[1:], strict=False)
        if isinstance(before, ast.Assign) and isinstance(before.targets[0], ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }


PAGES: Final = {
    "cli.md": commands_page,
    "endpoints.md": endpoints_page,
    "enumerations.md": enumerations_page,
    "fields.md": fields_page,
    "methods.md": methods_page,
}


def main() -> None:
    """Write the pages."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
