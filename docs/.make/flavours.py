"""The table of methods in both flavours, for the reference: made from the classes themselves."""  # noqa: INP001 - a part of a program that is started by path

import inspect
from collections.abc import Iterator
from typing import Any, Final

import attrs

import boooply
from boooply import provisioning, store
from boooply.blocking import resources as blocking
from boooply.resources.ai import AsyncAI
from boooply.resources.interviews import AsyncInterviews
from boooply.resources.organization import AsyncOrganization

INTRODUCTION: Final = """# Methods in both flavours

Both flavours have the same method names, arguments and errors. In a class whose name starts with `Async`, you `await`
most methods. In the blocking class, you call them. Each name links to its parameters and errors.
"""
_HEAD: Final = """
| method | async | blocking | what it does |
| --- | --- | --- | --- |
"""
_CALL: Final = "call"
_WITHOUT: Final = {"`await`": _CALL, "`async for`": "`for`", "`async with`": "`with`", _CALL: _CALL}


@attrs.frozen
class Pair:
    """An async class, its blocking flavour, and how the reference names the async one."""

    title: str
    awaited: type
    blocking: type
    documented_as: str
    only: tuple[str, ...] = ()  # the documented methods, where the class has internal ones as well


PAIRS: Final = (
    Pair(
        "`AsyncBoooplyPlatform` and `BoooplyPlatform`",
        boooply.AsyncBoooplyPlatform,
        boooply.BoooplyPlatform,
        "boooply.AsyncBoooplyPlatform",
    ),
    Pair(
        "`AsyncBoooplyClient` and `BoooplyClient`",
        boooply.AsyncBoooplyClient,
        boooply.BoooplyClient,
        "boooply.AsyncBoooplyClient",
    ),
    Pair("`client.interviews`", AsyncInterviews, blocking.Interviews, "boooply.resources.interviews.AsyncInterviews"),
    Pair("`client.ai`", AsyncAI, blocking.AI, "boooply.resources.ai.AsyncAI"),
    Pair(
        "`client.organization`",
        AsyncOrganization,
        blocking.Organization,
        "boooply.resources.organization.AsyncOrganization",
    ),
    Pair("`AsyncTenants` and `Tenants`", boooply.AsyncTenants, boooply.Tenants, "boooply.AsyncTenants"),
    Pair("`AsyncStore` and `Store`", store.AsyncStore, store.Store, "boooply.store.AsyncStore"),
    Pair(
        "`store.keys`, `AsyncKeyStore` and `KeyStore`",
        store.AsyncKeyStore,
        store.KeyStore,
        "boooply.store.AsyncKeyStore",
        ("open", "put", "get", "delete", "organizations", "corrupt", "rotate"),
    ),
    Pair("`store.ledger`", store.AsyncLedger, store.Ledger, "boooply.store.AsyncLedger"),
    Pair("`store.events`", store.AsyncEvents, store.Events, "boooply.store.AsyncEvents"),
    Pair("`AsyncInbox` and `Inbox`", store.AsyncInbox, store.Inbox, "boooply.store.AsyncInbox"),
    Pair(
        "`AsyncDeduplicator` and `Deduplicator`",
        store.AsyncDeduplicator,
        store.Deduplicator,
        "boooply.store.AsyncDeduplicator",
    ),
    Pair(
        "`AsyncQueue` and `Queue`",
        provisioning.AsyncQueue,
        provisioning.Queue,
        "boooply.provisioning.AsyncQueue",
        ("open", "enqueue", "work"),
    ),
)


def tables() -> Iterator[str]:
    """Write a table for each pair of classes, and one for the functions of provisioning."""
    for pair in PAIRS:
        yield f"\n## {pair.title}\n{_HEAD}"
        for name in _methods(pair):
            yield _row(getattr(pair.awaited, name), f"{pair.documented_as}.{name}", name)
    yield f"\n## Functions\n{_HEAD}"
    yield _row(provisioning.async_provision, "boooply.provisioning.async_provision", "async_provision").replace(
        "| `for` |", "| `for`, with `provision` |"
    )


def _methods(pair: Pair) -> list[str]:
    """Return the public methods of the blocking class, in the order of the async class."""
    names = {name: None for kind in pair.awaited.__mro__[:-1] for name in vars(kind) if not name.startswith("_")}
    return [
        name
        for name in names
        if callable(getattr(pair.blocking, name, None))
        and not isinstance(getattr(pair.blocking, name), type)  # a resource, which has a table of its own
        and (not pair.only or name in pair.only)
    ]


def _row(function: Any, identifier: str, name: str) -> str:
    way = _way(function)
    does = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split()).replace("``", "`").replace("|", "\\|")
    return f"| [`{name}({_arguments(function)})`][{identifier}] | {way} | {_WITHOUT[way]} | {does} |\n"


def _way(function: Any) -> str:
    if inspect.iscoroutinefunction(function):
        return "`await`"
    returned = str(inspect.signature(function).return_annotation)
    if inspect.isasyncgenfunction(function) or "AsyncIterator" in returned:
        return "`async for`"
    is_decorated_generator = inspect.isasyncgenfunction(inspect.unwrap(function))  # by contextlib
    if "AbstractAsyncContextManager" in returned or is_decorated_generator:
        return "`async with`"
    return _CALL


def _arguments(function: Any) -> str:
    """Return the names of the required arguments, and an ellipsis for the optional ones."""
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name not in {"self", "cls"}]
    required = [
        f"{one.name}=" if one.kind is one.KEYWORD_ONLY else one.name
        for one in parameters
        if one.default is one.empty and one.kind not in {one.VAR_KEYWORD, one.VAR_POSITIONAL}
    ]
    return ", ".join([*required, *(["…"] if len(required) < len(parameters) else [])])
