"""``boooply tenants``: what the store knows of the customers, and a customer's key."""

import json
import sys
from collections import Counter
from typing import Annotated, Any, Final

import attrs
from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from boooply.cli.options import Json, StoreUrl
from boooply.cli.terminal import console, print_error, printable
from boooply.errors import CorruptKeyError, NotConnectedError
from boooply.models import Tenant
from boooply.secret import redact
from boooply.store import AsyncStore, Entry, State, tenant_of

_WIDEST_STATE: Final = 9

# For people; a machine gets them with underscores.
_WORDS: Final = {
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
            counts[_WORDS[entry.state]] += 1
            if as_json:
                sys.stdout.write(f"{json.dumps(_row(entry))}\n")
            else:
                console().print(_line(entry), soft_wrap=True)
    if not as_json:
        parts = [f"{count:,} {word}" for word, count in counts.most_common()]
        console().print(Text(f"\n{', '.join(parts)}" if parts else "The store knows no customers."))
    return 0


async def show(organization_id: _Id, /, *, store: StoreUrl = None) -> int:
    """Show what the store knows of one customer; of its key only the end.

    Args:
        organization_id: Your own id of the customer.
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code: 1 if the store does not know it.
    """
    async with AsyncStore.open(store) as opened:
        entry = await _entry(opened, organization_id)
        key = await _key_in_words(opened, organization_id)
    if entry is None:
        print_error(f"{organization_id} is not known to the store")
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
    """Forget a customer: its key, and what the ledger knows of it.

    Args:
        organization_id: Your own id of the customer.
        store: Where keys and ledger are; otherwise BOOOPLY_STORE_URL, then the file boooply.db here.

    Returns:
        The exit code: 1 if the store does not know it.
    """
    async with AsyncStore.open(store) as opened:
        if await _entry(opened, organization_id) is None:
            print_error(f"{organization_id} is not known to the store")
            return 1
        await opened.keys.delete(organization_id)
    console().print(
        Text(
            f"{printable(organization_id)} is disconnected: its key and its row in the ledger are deleted here.\n"
            "At Boooply the key stays valid: revoke it in the Boooply dashboard.",
            overflow="fold",
        )
    )
    return 0


async def _entry(store: AsyncStore, organization_id: str) -> Entry | None:
    async for entry in store.ledger.entries([organization_id]):
        return entry
    return None


async def _key_in_words(store: AsyncStore, organization_id: str) -> str | None:
    try:
        return str(await store.keys.get(organization_id))
    except NotConnectedError:
        return None
    except CorruptKeyError:
        return "it is not what was stored, and cannot be opened"


def _tenant(entry: Entry) -> Tenant | None:
    return tenant_of(entry) if entry.tenant else None


def _line(entry: Entry) -> Text:
    tenant = _tenant(entry)
    name = (tenant and tenant.organization_name) or ""
    state = f"{_WORDS[entry.state]:<{_WIDEST_STATE}}"
    return Text(f"{state}  {printable(entry.organization_id)}  {printable(name)}".rstrip())


def _row(entry: Entry) -> dict[str, Any]:
    tenant = _tenant(entry)
    row = {
        "organization_id": entry.organization_id,
        "state": _WORDS[entry.state].replace(" ", "_"),
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
        "state": _WORDS[entry.state],
        "reason": entry.reason or "",
        "connected by": user,
        "team": team,
        "orphaned keys": f"perhaps {entry.orphans:,}" if entry.orphans else "",
    }
