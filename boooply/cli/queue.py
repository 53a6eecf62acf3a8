"""``boooply queue``: the customers and jobs of the queue, and how to pause and retry them."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Final

import attrs
from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from boooply.cli.existing_store import open_existing
from boooply.cli.terminal import Json, StoreUrl, console, count_of, inset, printable, write_line
from boooply.errors import ProvisioningError
from boooply.provisioning.distributed import AsyncQueue
from boooply.store import Entry, State

app: Final = App(name="queue")

_Id = Annotated[str, Parameter(name="ID")]
_All = Annotated[bool, Parameter(name="--all")]


@app.command
async def status(*, store: StoreUrl = None, as_json: Json = False) -> None:
    """Count customers and jobs by state, and count workers.

    Args:
        store: The store's URL, on PostgreSQL. Default: BOOOPLY_STORE_URL.
        as_json: Print one JSON object.
    """
    async with _opened(store) as queue:
        found = await queue.jobs.status()
    if as_json:
        write_line(json.dumps(attrs.asdict(found)))
        return
    paused = "The queue is paused. To let workers take jobs again, run: boooply queue resume"
    parts: list[RenderableType] = [Text("Customers\n", style="bold"), inset(_counts(found.customers))]
    parts += [Text("\nJobs\n", style="bold"), inset(_counts(found.jobs)), Text()]
    parts += [Text(paused if found.is_paused else f"{count_of(found.workers, 'worker')} running.")]
    console().print(Group(*parts))


@app.command
async def pause(*, store: StoreUrl = None, as_json: Json = False) -> None:
    """Stop workers from taking jobs. They finish the jobs that they have.

    Args:
        store: The store's URL, on PostgreSQL. Default: BOOOPLY_STORE_URL.
        as_json: Print one JSON object.
    """
    async with _opened(store) as queue:
        await queue.jobs.pause(is_paused=True)
    _report({"is_paused": True}, "Paused. To let workers take jobs again, run: boooply queue resume", as_json=as_json)


@app.command
async def resume(*, store: StoreUrl = None, as_json: Json = False) -> None:
    """Let workers take jobs again.

    Args:
        store: The store's URL, on PostgreSQL. Default: BOOOPLY_STORE_URL.
        as_json: Print one JSON object.
    """
    async with _opened(store) as queue:
        await queue.jobs.pause(is_paused=False)
    _report({"is_paused": False}, "Resumed. Workers take jobs again.", as_json=as_json)


@app.command
async def failed(*, store: StoreUrl = None, as_json: Json = False) -> None:
    """List failed customers, each with the reason.

    Args:
        store: The store's URL, on PostgreSQL. Default: BOOOPLY_STORE_URL.
        as_json: Print one JSON object per line.
    """
    count = 0
    async with _opened(store) as queue:
        async for entry in queue.store.ledger.entries():
            if entry.state is State.FAILED:
                count += 1
                _show_failed(entry, as_json=as_json)
    if not as_json:
        them = "it" if count == 1 else "them"
        advice = f" To queue {them} again, run: boooply queue retry --all" if count else ""
        console().print(f"{count_of(count, 'customer')} failed.{advice}")


@app.command
async def retry(*ids: _Id, every: _All = False, store: StoreUrl = None, as_json: Json = False) -> None:
    """Queue failed customers again. Customers in doubt are never retried.

    Args:
        ids: Your IDs for the customers.
        every: Queue all failed customers.
        store: The store's URL, on PostgreSQL. Default: BOOOPLY_STORE_URL.
        as_json: Print one JSON object.
    """
    if every == bool(ids):
        raise ProvisioningError("give the IDs of the customers to queue again, or --all to queue all failed customers")
    async with _opened(store) as queue:
        count = await queue.jobs.retry_customers(None if every else ids)
    _report({"queued": count}, f"Queued {count_of(count, 'customer')} again.", as_json=as_json)


@app.command
async def purge(*, store: StoreUrl = None, as_json: Json = False) -> None:
    """Delete finished jobs, but no customers, keys or open jobs.

    Args:
        store: The store's URL, on PostgreSQL. Default: BOOOPLY_STORE_URL.
        as_json: Print one JSON object.
    """
    async with _opened(store) as queue:
        count = await queue.jobs.purge(0.0)
    _report({"deleted": count}, f"Deleted {count_of(count, 'finished job')}.", as_json=as_json)


@asynccontextmanager
async def _opened(store: str | None) -> AsyncGenerator[AsyncQueue]:
    async with open_existing(store) as opened, AsyncQueue.open(opened) as queue:
        yield queue


def _show_failed(entry: Entry, *, as_json: bool) -> None:
    reason = printable(entry.reason or "")
    if as_json:
        write_line(json.dumps({"organization_id": entry.organization_id, "reason": reason}))
    else:
        console().print(f"{printable(entry.organization_id)}  {reason}", soft_wrap=True)


def _report(found: Mapping[str, object], text: str, *, as_json: bool) -> None:
    if as_json:
        write_line(json.dumps(found))
    else:
        console().print(text)


def _counts(counts: Mapping[str, int]) -> Table:
    table = Table.grid(Column(no_wrap=True), Column(justify="right", no_wrap=True), padding=(0, 3, 0, 0))
    for name, count in counts.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    return table
