"""``boooply tenants``: the customers in the store and their keys."""

import asyncio
import json
import sys
from collections import Counter
from typing import Annotated, Any, Final, Literal

import attrs
from cyclopts import App, Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from boooply.cli.access import is_of_one_customer, reason_of
from boooply.cli.existing_store import open_existing
from boooply.cli.exit_codes import DONE, FAILED, UNFINISHED
from boooply.cli.question import check_can_ask, declined, is_confirmed
from boooply.cli.rescue import rescue
from boooply.cli.terminal import Json, StoreUrl, console, count_of, print_error, printable, wrapped, write_line
from boooply.errors import BoooplyError, CorruptKeyError, NotConnectedError
from boooply.platform import AsyncBoooplyPlatform
from boooply.provisioning import KeysNotStoredError
from boooply.provisioning.identity import check_store
from boooply.provisioning.iteration import batched
from boooply.provisioning.tenants import AsyncTenants
from boooply.ratelimit.limits import RateLimits
from boooply.store import AsyncStore, Entry, State, tenant_of

_STATE_WIDTH: Final = 9
_AT_ONCE: Final = 16

# As --state takes them, with hyphens; in the JSON output, with underscores.
_STATE_NAMES: Final = {
    State.TODO: "not sent",
    State.SENT: "under way",
    State.DONE: "connected",
    State.IN_DOUBT: "in doubt",
    State.FAILED: "failed",
}

app: Final = App(name="tenants")

_Id = Annotated[str, Parameter(name="ID")]
_States = Annotated[
    tuple[Literal["not-sent", "under-way", "connected", "in-doubt", "failed"], ...], Parameter(metavar="STATE")
]


@app.command(name="list")
async def list_customers(*, state: _States = (), store: StoreUrl = None, as_json: Json = False) -> None:
    """List customers with their states, and why some are not connected.

    Args:
        state: List only the customers in this state. Repeat the option for several states.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.
        as_json: Print one JSON object per line.
    """
    selected = [one.replace("-", " ") for one in state] or _STATE_NAMES.values()
    counts: Counter[str] = Counter()
    out = console()
    async with open_existing(store) as opened:
        async for entry in opened.ledger.entries():
            name = _STATE_NAMES[entry.state]
            if name not in selected:
                continue
            counts[name] += 1
            if as_json:
                write_line(json.dumps(_json_of(entry)))
            else:
                out.print(
                    "\n".join(wrapped(line, out, indent=_STATE_WIDTH + 2) for line in _lines(entry)), soft_wrap=True
                )
    if not as_json:
        parts = [f"{count:,} {name}" for name, count in counts.most_common()]
        nobody = f"No customer is {' or '.join(selected)}." if state else "The store has no customers."
        out.print(f"\n{', '.join(parts)}" if parts else nobody)


@app.command
async def show(organization_id: _Id, /, *, store: StoreUrl = None) -> None:
    """Show one customer, with its key masked.

    Args:
        organization_id: Your ID for the customer, such as org_7234567890.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.

    Raises:
        BoooplyError: The store does not contain the customer.
    """
    async with open_existing(store) as opened:
        facts = _facts(await _find(opened, organization_id))
        try:
            masked = str(await opened.keys.get(organization_id))
        except NotConnectedError:
            masked = "none"
        except CorruptKeyError:
            masked = "damaged (cannot be decrypted)"
    table = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 3, 0, 0))
    for label, text in facts.items():
        if text:
            table.add_row(label, printable(text))
    table.add_row("key", masked)
    console().print(table)


@app.command
async def key(organization_id: _Id, /, *, store: StoreUrl = None) -> None:
    """Print one customer's whole key, and nothing else.

    Args:
        organization_id: Your ID for the customer, such as org_7234567890.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.

    Raises:
        NotConnectedError: The store has no key for the customer.
    """
    async with open_existing(store) as opened:
        secret = await opened.keys.get(organization_id)
    sys.stdout.write(f"{secret.reveal()}\n")


@app.command
async def disconnect(organization_id: _Id, /, *, yes: bool = False, store: StoreUrl = None) -> int:
    """Delete a customer's key and ledger entry from the store.

    The key stays valid at Boooply, since the API cannot revoke keys: revoke it in
    the Boooply dashboard. If you run boooply provision with this customer again,
    it mints a new key.

    Args:
        organization_id: Your ID for the customer, such as org_7234567890.
        yes: Do not ask for confirmation.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.

    Returns:
        The exit code: 2 if it was not confirmed.

    Raises:
        BoooplyError: The store does not contain the customer.
    """
    async with open_existing(store) as opened:
        entry = await _find(opened, organization_id)
        check_can_ask("disconnect deletes the customer's key from the store", yes=yes)
        if not yes and not await is_confirmed(_question(entry)):
            return declined()
        await opened.keys.delete(organization_id)
    console().print(
        f"{printable(organization_id)} is disconnected. Its key and its ledger entry are deleted from the store.\n"
        "The key stays valid at Boooply: revoke it in the Boooply dashboard.",
        overflow="fold",
    )
    return DONE


@app.command
async def check(*, store: StoreUrl = None) -> int:
    """Check with Boooply that each stored key works and belongs to its customer.

    The command sends one read with each key. It shares the rate limit with the
    other processes that use the store.

    Args:
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.

    Returns:
        The exit code: 4 if a key must be replaced.
    """
    out = console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    async with open_existing(store) as opened, AsyncBoooplyPlatform(rate_limits=RateLimits(shared=opened)) as platform:
        await check_store(opened, platform)
        count = sum([1 async for _ in opened.keys.organizations()])
        bad = 0
        with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
            task = progress.add_task("Checking", total=count)
            async for batch in batched(opened.keys.organizations(), _AT_ONCE):
                problems = await asyncio.gather(*(_problem_of(platform, opened, one) for one in batch))
                for one, problem in zip(batch, problems, strict=True):
                    if problem is not None:
                        bad += 1
                        print_error(f"{one}: {problem}")
                progress.advance(task, len(batch))
    console().print(f"{count_of(count, 'key')} checked; {bad or 'none'} must be replaced.")
    return UNFINISHED if bad else DONE


async def _problem_of(platform: AsyncBoooplyPlatform, store: AsyncStore, organization_id: str) -> str | None:
    """Ask the API whose key a customer has, and return the problem, or None. A response without an ID is no problem."""
    try:
        client = platform.organization(await store.keys.get(organization_id))
        found = (await client.organization.get()).external_org_id
    except NotConnectedError:
        return None  # disconnected meanwhile
    except BoooplyError as error:
        if not is_of_one_customer(error):
            raise
        return reason_of(organization_id, error)
    if found in {None, organization_id}:
        return None
    return f"its key belongs to {found}. Run: boooply tenants reconnect {organization_id}"


@app.command
async def reconnect(organization_id: _Id, /, *, store: StoreUrl = None) -> int:
    """Mint a new key for one customer, and replace the stored key.

    Use it when Boooply rejects the customer's key, for example because the key was
    revoked in the dashboard. The command needs BOOOPLY_BASE_URL and
    BOOOPLY_PLATFORM_KEY.

    Args:
        organization_id: Your ID for the customer, such as org_7234567890.
        store: The store's URL. Default: BOOOPLY_STORE_URL, or boooply.db in this directory.

    Returns:
        The exit code.

    Raises:
        BoooplyError: The store does not contain the customer, or contains only its key.
    """
    async with open_existing(store) as opened, AsyncBoooplyPlatform(rate_limits=RateLimits(shared=opened)) as platform:
        entry = await _find(opened, organization_id)
        if not entry.tenant:
            raise BoooplyError(
                f"the store has only the key of {organization_id}, not the data that a new key needs. Store the new "
                "key with AsyncKeyStore.put"
            )
        try:
            await AsyncTenants(platform, opened).reconnect(tenant_of(entry))
        except KeysNotStoredError as error:
            rescue(error, opened.encryption)
            return FAILED
    console().print(
        f"{printable(organization_id)} is reconnected. Its new key is in the store.\n"
        "Running applications use it within a minute.\n"
        "If Boooply still accepts the old key, revoke it in the Boooply dashboard.",
        overflow="fold",
    )
    return DONE


async def _find(store: AsyncStore, organization_id: str) -> Entry:
    async for entry in store.ledger.entries([organization_id]):
        return entry
    raise BoooplyError(f"{organization_id} is not in the store. List the customers with: boooply tenants list")


def _about(entry: Entry) -> dict[str, Any]:
    """Return the customer's data as the ledger has it; empty if only its key was stored."""
    return attrs.asdict(tenant_of(entry), recurse=False) if entry.tenant else {}


def _question(entry: Entry) -> str:
    name = _about(entry).get("organization_name")
    customer = printable(f"{entry.organization_id} ({name})" if name else entry.organization_id)
    return f"Disconnect {customer}? Its key and its ledger entry are deleted from the store."


def _lines(entry: Entry) -> list[str]:
    state = f"{_STATE_NAMES[entry.state]:<{_STATE_WIDTH}}"
    name = _about(entry).get("organization_name") or ""
    lines = [f"{state}  {printable(entry.organization_id)}  {printable(name)}".rstrip()]
    if entry.reason and entry.state is not State.DONE:
        lines.append(f"{'':<{_STATE_WIDTH}}  {printable(entry.reason)}")
    return lines


def _json_of(entry: Entry) -> dict[str, Any]:
    row = {
        "organization_id": entry.organization_id,
        "state": _STATE_NAMES[entry.state].replace(" ", "_"),
        "organization_name": _about(entry).get("organization_name"),
        "reason": entry.reason and printable(entry.reason),
        "orphans": entry.orphans,
    }
    return {name: value for name, value in row.items() if value is not None}


def _facts(entry: Entry) -> dict[str, str]:
    about = _about(entry)
    return {
        "customer": entry.organization_id,
        "name": about.get("organization_name") or "",
        "state": _STATE_NAMES[entry.state],
        "reason": entry.reason or "",
        "connected by": ", ".join(about[name] for name in ("user_name", "user_email", "user_id") if about.get(name)),
        "team": ", ".join(member.email for member in about.get("team_members", ())),
        "orphaned keys": f"up to {entry.orphans:,}" if entry.orphans else "",
    }
