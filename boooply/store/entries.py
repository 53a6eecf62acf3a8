"""The ledger's entries, one for each customer."""

import json
from enum import Enum, StrEnum
from typing import Final

import attrs

from boooply.converter import structure, to_dict
from boooply.models import Tenant

VAULT_RUN: Final = "vault-"
"""The prefix of the id of a run that stores its keys in a vault. No worker may connect the customers that it leaves."""

_NOT_REPLACED: Final = "its key may belong to another customer, and no other key was minted to replace it"
_INTERRUPTED: Final = "the run ended while the request was under way"


class State(StrEnum):
    """The state of a customer in the ledger.

    Attributes:
        TODO: The customer is recorded, and no request was sent.
        SENT: A request is under way. If its process dies, the customer is in doubt when the lease ends.
        DONE: The customer is connected.
        IN_DOUBT: A request was sent without a clear response. It is unknown whether a key was minted.
        FAILED: Certainly no key was minted. The next run tries again.
    """

    TODO = "todo"
    SENT = "sent"
    DONE = "done"
    IN_DOUBT = "in_doubt"
    FAILED = "failed"


_NOT_SENT: Final = (State.TODO, State.FAILED)


class ClaimResult(Enum):
    """The result of a claim.

    Attributes:
        CLAIMED: The claim succeeded.
        BUSY: Another run or process has claimed the customer or event.
        DONE: The customer is connected, or the event needs no handling.
        IN_DOUBT: It is unknown whether the customer's request was carried out.
        FAILED: The customer has failed in this run.
    """

    CLAIMED = "claimed"
    BUSY = "busy"
    DONE = "done"
    IN_DOUBT = "in doubt"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class Entry:
    """The ledger's entry for a customer.

    Attributes:
        organization_id: Your own ID of the customer.
        state: The state of the customer.
        tenant: The customer's data as JSON, from the last claim.
        claim_token: The last claim: the id of the run, a slash, and the number of the claim. None before the first one.
        locked_until: The end of the lease, in seconds since 1970 by the database's clock. Until then no other run may
            claim the customer.
        orphans: The number of keys that may be valid although nobody has them.
        reason: Why the customer failed or is in doubt, as a text for people. It contains no key.
        fallback: The state to return to if a key that replaces another one is not minted. None while no key is being
            replaced.
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
    """Return whether two claim tokens belong to the same run.

    Args:
        one: A claim token, or None.
        other: Another claim token. The part before the slash is the id of its run.
    """
    return one is not None and one.partition("/")[0] == other.partition("/")[0]


def with_expiry(entry: Entry, now: float, /) -> Entry:
    """Return an entry in its state of now: if its request was sent and its lease has ended, it is in doubt."""
    if entry.state is State.SENT and entry.locked_until <= now:
        # without a claim token, because the run that finds the entry is not the one that left it
        return attrs.evolve(entry, state=State.IN_DOUBT, claim_token=None, reason=_INTERRUPTED)
    return entry


def with_fallback(entry: Entry, /) -> Entry:
    """Return an entry whose replacement key was not requested, with the state that its old key gives it."""
    if entry.fallback is None or entry.state not in _NOT_SENT:
        return entry
    if entry.fallback is State.DONE:
        return attrs.evolve(entry, state=State.DONE, locked_until=0.0, fallback=None)
    reason = entry.reason or _NOT_REPLACED
    return attrs.evolve(entry, state=State.IN_DOUBT, locked_until=0.0, reason=reason)


def tenant_of(entry: Entry, /) -> Tenant:
    """Return the customer's data in an entry, from the last claim.

    Args:
        entry: An entry of the ledger.
    """
    return structure(json.loads(entry.tenant), Tenant)


def tenant_as_json(tenant: Tenant, /) -> str:
    """Return a customer as the JSON of an entry. Equal customers give the same text."""
    return json.dumps(to_dict(tenant), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
