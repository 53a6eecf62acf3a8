"""``boooply tenants``: the customers in the store, and a customer's key."""

import json
import sys
from collections import Counter
from typing import Annotated, Any, Final

import attrs
from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from boooply.cli.terminal import Json, StoreUrl, console, print_error, printable
from boooply.errors import CorruptKeyError, NotConnectedError
from boooply.models import Tenant
from boooply.secret import redact
from boooply.store import AsyncStore, Entry, State, tenant_of

_STATE_WIDTH: Final = 9

# In the JSON output, with underscores.
_STATE_NAMES: Final = {
    State.TODO: "not sent",
    State.SENT: "under way",
    State.DONE: "connected",
    State.IN_DOUBT: "in doubt",
    State.FAILED: "failed",
}

_Id = Annotated[str, Parameter(name="ID")]


async def list_customers(*, store: StoreUrl = None, as_json: Json = False) -> int:
    """List every customer of the store.

    Args:
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.
        as_json: Write one JSON object a line.

    Returns:
        The exit code.
    """
    counts: Counter[str] = Counter()
    async with AsyncStore.open(store) as opened:
        async for entry in opened.ledger.entries():
            counts[_STATE_NAMES[entry.state]] += 1
            if as_json:
                sys.stdout.write(f"{json.dumps(_json_of(entry))}\n")
            else:
                console().print(_line(entry), soft_wrap=True)
    if not as_json:
        parts = [f"{count:,} {state}" for state, count in counts.most_common()]
        console().print(Text(f"\n{', '.join(parts)}" if parts else "The store knows no customers."))
    return 0


async def show(organization_id: _Id, /, *, store: StoreUrl = None) -> int:
    """Show one customer of the store; of its key, only the end.

    Args:
        organization_id: Your own id of the customer.
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code: 1 if the store does not know it.
    """
    async with AsyncStore.open(store) as opened:
        entry = await _find(opened, organization_id)
        key = await _key_text(opened, organization_id)
    if entry is None:
        return 1
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in _facts(entry).items():
        if text:
            table.add_row(label, printable(text))
    table.add_row("key", key or "none")
    console().print(table)
    return 0


async def key(organization_id: _Id, /, *, store: StoreUrl = None) -> int:
    """Print the whole key of one customer, and nothing else.

    Args:
        organization_id: Your own id of the customer.
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code: 1 if there is no key of it.
    """
    async with AsyncStore.open(store) as opened:
        secret = await opened.keys.get(organization_id)
    sys.stdout.write(f"{secret.reveal()}\n")
    return 0


async def disconnect(organization_id: _Id, /, *, store: StoreUrl = None) -> int:
    """Delete a customer from the store: its key, and its entry in the ledger.

    Args:
        organization_id: Your own id of the customer.
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code: 1 if the store does not know it.
    """
    async with AsyncStore.open(store) as opened:
        if await _find(opened, organization_id) is None:
            return 1
        await opened.keys.delete(organization_id)
    console().print(
        Text(
            f"{printable(organization_id)} is disconnected: its key and its entry in the ledger are deleted here.\n"
            "At Boooply the key stays valid: revoke it in the Boooply dashboard.",
            overflow="fold",
        )
    )
    return 0


async def _find(store: AsyncStore, organization_id: str) -> Entry | None:
    """Return the customer's entry in the ledger; if there is none, print an error and return None."""
    async for entry in store.ledger.entries([organization_id]):
        return entry
    print_error(f"{organization_id} is not known to the store")
    return None


async def _key_text(store: AsyncStore, organization_id: str) -> str | None:
    try:
        return str(await store.keys.get(organization_id))
    except NotConnectedError:
        return None
    except CorruptKeyError:
        return "damaged: it cannot be decrypted"


def _tenant(entry: Entry) -> Tenant | None:
    return tenant_of(entry) if entry.tenant else None


def _line(entry: Entry) -> Text:
    tenant = _tenant(entry)
    name = (tenant and tenant.organization_name) or ""
    state = f"{_STATE_NAMES[entry.state]:<{_STATE_WIDTH}}"
    return Text(f"{state}  {printable(entry.organization_id)}  {printable(name)}".rstrip())


def _json_of(entry: Entry) -> dict[str, Any]:
    tenant = _tenant(entry)
    row = {
        "organization_id": entry.organization_id,
        "state": _STATE_NAMES[entry.state].replace(" ", "_"),
        "organization_name": tenant and tenant.organization_name,
        "reason": entry.reason and redact(entry.reason),
        "orphans": entry.orphans,
    }
    return {name: value for name, value in row.items() if value is not None}


def _facts(entry: Entry) -> dict[str, str]:
    tenant = _tenant(entry)
    about = {} if tenant is None else attrs.asdict(tenant, recurse=False)
    user = ", ".join(str(about[name]) for name in ("user_name", "user_email", "user_id") if about.get(name))
    team = ", ".join(member.email for member in tenant.team_members) if tenant is not None else ""
    return {
        "customer": entry.organization_id,
        "name": str(about.get("organization_name") or ""),
        "state": _STATE_NAMES[entry.state],
        "reason": entry.reason or "",
        "connected by": user,
        "team": team,
        "orphaned keys": f"perhaps {entry.orphans:,}" if entry.orphans else "",
    }
