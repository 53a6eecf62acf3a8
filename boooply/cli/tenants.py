"""``boooply tenants``: the customers in the store, and a customer's key."""

import asyncio
import json
import sys
from collections import Counter
from typing import Annotated, Any, Final

import attrs
from cyclopts import App, Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from boooply.cli.existing_store import open_existing
from boooply.cli.exit_codes import DONE, FAILED, UNFINISHED
from boooply.cli.rescue import rescue
from boooply.cli.terminal import Json, StoreUrl, console, count_of, print_error, printable, write_line
from boooply.errors import AuthenticationError, BoooplyError, CorruptKeyError, NotConnectedError, PermissionDeniedError
from boooply.platform import AsyncBoooplyPlatform
from boooply.provisioning import KeysNotStoredError
from boooply.provisioning.identity import check_store
from boooply.provisioning.iteration import batched
from boooply.provisioning.tenants import AsyncTenants
from boooply.ratelimit.limits import RateLimits
from boooply.store import AsyncStore, Entry, State, tenant_of

_STATE_WIDTH: Final = 9
_AT_ONCE: Final = 16

# In the JSON output, with underscores.
_STATE_NAMES: Final = {
    State.TODO: "not sent",
    State.SENT: "under way",
    State.DONE: "connected",
    State.IN_DOUBT: "in doubt",
    State.FAILED: "failed",
}

app: Final = App(name="tenants")

_Id = Annotated[str, Parameter(name="ID")]


@app.command(name="list")
async def list_customers(*, store: StoreUrl = None, as_json: Json = False) -> None:
    """List every customer of the store, and where it stands.

    Args:
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.
        as_json: Write one JSON object a line.
    """
    counts: Counter[str] = Counter()
    async with open_existing(store) as opened:
        async for entry in opened.ledger.entries():
            counts[_STATE_NAMES[entry.state]] += 1
            if as_json:
                write_line(json.dumps(_json_of(entry)))
            else:
                console().print(_line(entry), soft_wrap=True)
    if not as_json:
        parts = [f"{count:,} {state}" for state, count in counts.most_common()]
        console().print(f"\n{', '.join(parts)}" if parts else "The store knows no customers.")


@app.command
async def show(organization_id: _Id, /, *, store: StoreUrl = None) -> None:
    """Show one customer; of its key only the end.

    Args:
        organization_id: Your own id of the customer.
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Raises:
        BoooplyError: The store does not know it.
    """
    async with open_existing(store) as opened:
        facts = _facts(await _find(opened, organization_id))
        try:
            masked = str(await opened.keys.get(organization_id))
        except NotConnectedError:
            masked = "none"
        except CorruptKeyError:
            masked = "damaged: it cannot be decrypted"
    table = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 3, 0, 0))
    for label, text in facts.items():
        if text:
            table.add_row(label, printable(text))
    table.add_row("key", masked)
    console().print(table)


@app.command
async def key(organization_id: _Id, /, *, store: StoreUrl = None) -> None:
    """Print the whole key of one customer, and nothing else.

    Args:
        organization_id: Your own id of the customer.
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Raises:
        NotConnectedError: There is no key of it.
    """
    async with open_existing(store) as opened:
        secret = await opened.keys.get(organization_id)
    sys.stdout.write(f"{secret.reveal()}\n")


@app.command
async def disconnect(organization_id: _Id, /, *, store: StoreUrl = None) -> None:
    """Forget one customer: its key and its row in the ledger.

    Nothing is revoked at Boooply, which has no call for it: there the key stays
    valid until you revoke it in the dashboard. boooply provision would mint this
    customer a new one.

    Args:
        organization_id: Your own id of the customer.
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Raises:
        BoooplyError: The store does not know it.
    """
    async with open_existing(store) as opened:
        await _find(opened, organization_id)
        await opened.keys.delete(organization_id)
    console().print(
        f"{printable(organization_id)} is disconnected: its key and its entry in the ledger are deleted here.\n"
        "At Boooply the key stays valid: revoke it in the Boooply dashboard.",
        overflow="fold",
    )


@app.command
async def check(*, store: StoreUrl = None) -> int:
    """Ask Boooply whose each stored key is, and name those that are not their customer's.

    It sends one read with each key, within the allowance that it shares with the
    other processes on the store.

    Args:
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code: 4 if a key is not its customer's.
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
    console().print(f"{count_of(count, 'key')} checked: {bad or 'none'} must be replaced.")
    return UNFINISHED if bad else DONE


async def _problem_of(platform: AsyncBoooplyPlatform, store: AsyncStore, organization_id: str) -> str | None:
    """Ask whose key a customer has, and return what is wrong with it; silence of the API is no proof of a mistake."""
    remedy = f"boooply tenants reconnect {organization_id}"
    try:
        client = platform.organization(await store.keys.get(organization_id))
        found = (await client.organization.get()).external_org_id
    except NotConnectedError:
        return None  # disconnected meanwhile
    except CorruptKeyError:
        return "its key is damaged: it cannot be decrypted"
    except (AuthenticationError, PermissionDeniedError) as error:
        return f"Boooply rejects its key (HTTP {error.status}): {remedy}"
    return None if found in {None, organization_id} else f"its key belongs to {found}: {remedy}"


@app.command
async def reconnect(organization_id: _Id, /, *, store: StoreUrl = None) -> int:
    """Mint another key of one customer, and replace the stored one.

    For a customer whose key Boooply refuses, say because it was revoked in the
    dashboard. The platform's key and the API come from BOOOPLY_PLATFORM_KEY and
    BOOOPLY_BASE_URL.

    Args:
        organization_id: Your own id of the customer.
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code.

    Raises:
        BoooplyError: The store does not know it, or knows nothing but its key.
    """
    async with open_existing(store) as opened, AsyncBoooplyPlatform(rate_limits=RateLimits(shared=opened)) as platform:
        entry = await _find(opened, organization_id)
        if not entry.tenant:
            raise BoooplyError(f"{organization_id} is known by its key alone: put its new key with AsyncKeyStore.put")
        try:
            await AsyncTenants(platform, opened).reconnect(tenant_of(entry))
        except KeysNotStoredError as error:
            rescue(error, opened.encryption)
            return FAILED
    console().print(
        f"{printable(organization_id)} is reconnected: its new key is in the store.\n"
        "If Boooply still accepts the old one, revoke it in the Boooply dashboard.",
        overflow="fold",
    )
    return DONE


async def _find(store: AsyncStore, organization_id: str) -> Entry:
    async for entry in store.ledger.entries([organization_id]):
        return entry
    raise BoooplyError(f"{organization_id} is not known to the store")


def _about(entry: Entry) -> dict[str, Any]:
    """Return what the ledger knows about the customer itself: nothing if its key was put by hand."""
    return attrs.asdict(tenant_of(entry), recurse=False) if entry.tenant else {}


def _line(entry: Entry) -> str:
    state = f"{_STATE_NAMES[entry.state]:<{_STATE_WIDTH}}"
    name = _about(entry).get("organization_name") or ""
    return f"{state}  {printable(entry.organization_id)}  {printable(name)}".rstrip()


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
        "orphaned keys": f"perhaps {entry.orphans:,}" if entry.orphans else "",
    }
