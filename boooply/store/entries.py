"""The ledger's entries: what is known about each customer."""

import json
from enum import Enum, StrEnum
from typing import Final

import attrs

from boooply.converter import structure, to_dict
from boooply.models import Tenant

VAULT_RUN: Final = "vault-"
"""How the id of a run begins that stores its keys elsewhere: no worker may mint what it has left."""

_NOT_REPLACED: Final = "its key may be another customer's, and no other key came to replace it"
_INTERRUPTED: Final = "the run ended while the request was under way"


class State(StrEnum):
    """The state of a customer in the ledger."""

    TODO = "todo"
    SENT = "sent"
    DONE = "done"
    IN_DOUBT = "in_doubt"
    FAILED = "failed"


_NOT_SENT: Final = (State.TODO, State.FAILED)


class ClaimResult(Enum):
    """What a claim finds."""

    CLAIMED = "it is yours"
    BUSY = "somebody else is working on it"
    DONE = "it is done"
    IN_DOUBT = "the request may or may not have been carried out"
    FAILED = "it has failed in this run"


@attrs.frozen(kw_only=True)
class Entry:
    """One row of the ledger; times are in seconds by the database's clock.

    Attributes:
        organization_id: The platform's own id of the customer.
        state: Its state.
        tenant: The customer as JSON, as it was at the last claim.
        claim_token: The last claim: the id of its run, a slash, and the number of the claim.
        locked_until: Until when nobody else may claim it.
        orphans: How many keys may be valid although nobody has them.
        reason: Why it failed, or is in doubt.
        fallback: While a key is to replace another one: the state to return to if none comes.
    """

    organization_id: str
    state: State = attrs.field(default=State.TODO, converter=State)
    tenant: str = ""
    claim_token: str | None = None
    locked_until: float = 0.0
    orphans: int = 0
    reason: str | None = None
    fallback: State | None = attrs.field(default=None, converter=attrs.converters.optional(State))


def is_same_run(one: str | None, other: str, /) -> bool:
    """Check whether two claim tokens belong to one run: its id is the part before the slash."""
    return one is not None and one.partition("/")[0] == other.partition("/")[0]


def with_expiry(entry: Entry, now: float, /) -> Entry:
    """Return an entry as it is now: one that was sent, and whose lease has ended, is in doubt."""
    if entry.state is State.SENT and entry.locked_until <= now:
        # without a claim token: whoever finds it is not the one who left it
        return attrs.evolve(entry, state=State.IN_DOUBT, claim_token=None, reason=_INTERRUPTED)
    return entry


def with_fallback(entry: Entry, /) -> Entry:
    """Return an entry without the key that was to replace another one: unless it was sent for, the old one counts."""
    if entry.fallback is None or entry.state not in _NOT_SENT:
        return entry
    if entry.fallback is State.DONE:
        return attrs.evolve(entry, state=State.DONE, locked_until=0.0, fallback=None)
    reason = entry.reason or _NOT_REPLACED
    return attrs.evolve(entry, state=State.IN_DOUBT, locked_until=0.0, reason=reason)


def tenant_of(entry: Entry, /) -> Tenant:
    """Return the customer of an entry, as it was at the last claim."""
    return structure(json.loads(entry.tenant), Tenant)


def tenant_as_json(tenant: Tenant, /) -> str:
    """Return a customer as the JSON of an entry, the same text for the same customer."""
    return json.dumps(to_dict(tenant), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
