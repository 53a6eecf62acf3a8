"""The life of a customer in the ledger: what each step makes of an entry. No I/O and no clock.

::

              claim              begin               finish
    (none) ────────────▶ todo ────────────▶ sent ────────────▶ done
                          ▲ ▲                │ │                 ▲ ◀── put, from anywhere
            claim, by a   │ └─────mark_not_sent─────┘ ├──doubt──▶ in_doubt
            later run     │                    │  or its lease   │ finish: a key that comes late
                        failed ◀────fail───────┘  has run out    │ claim, to mint again on purpose: ▶ todo

``sent`` is committed before the request goes out. Who finds it there after its lease cannot tell whether a key was
minted, and nobody can: it is in doubt, and never sent again by itself.
"""

from enum import Enum, StrEnum
from typing import Any, Final

import attrs

_INTERRUPTED: Final = "the run ended while the request was under way"


class State(StrEnum):
    """Where a customer stands."""

    TODO = "todo"
    SENT = "sent"
    DONE = "done"
    IN_DOUBT = "in_doubt"
    FAILED = "failed"


@attrs.frozen(kw_only=True, slots=False)
class Entry:
    """Hold one row of the ledger; times are seconds by the database's clock.

    Attributes:
        organization_id: The platform's own id of the customer.
        state: Where it stands.
        tenant: The customer as JSON, as it was when it was taken last.
        run: Who took it last: a run, and behind a slash its turn.
        lease_ends: Until when nobody else touches it.
        orphans: How many keys may be alive that nobody holds.
        reason: Why it failed, or is in doubt.
    """

    organization_id: str
    state: State = State.TODO
    tenant: str = ""
    run: str | None = None
    lease_ends: float = 0.0
    orphans: int = 0
    reason: str | None = None


class ClaimResult(Enum):
    """What a claim finds."""

    TAKEN = "it is yours to mint"
    HELD = "somebody else is at it"
    DONE = "it has its key"
    IN_DOUBT = "nobody can tell whether it was minted"
    FAILED = "it has failed in this run"


def claim(entry: Entry, now: float, *, run: str, tenant: str, lease: float, remint: bool) -> tuple[ClaimResult, Entry]:
    """Take a customer, unless it is done, held or in doubt; ``remint`` takes one in doubt on purpose."""
    entry = seen(entry, now)
    if entry.state is State.DONE:
        return ClaimResult.DONE, _changed(entry, tenant=entry.tenant or tenant)
    is_ours = entry.run == run and entry.state is State.TODO  # claimed already, and the word of it was lost
    if entry.lease_ends > now and entry.state in {State.TODO, State.SENT} and not is_ours:
        return ClaimResult.HELD, entry
    if entry.state is State.FAILED and is_same_run(entry.run, run):
        return ClaimResult.FAILED, entry
    doubtful = entry.state is State.IN_DOUBT
    if doubtful and (not remint or is_same_run(entry.run, run)):
        return ClaimResult.IN_DOUBT, entry
    return ClaimResult.TAKEN, _changed(
        entry,
        state=State.TODO,
        tenant=tenant,
        run=run,
        lease_ends=now + lease,
        orphans=entry.orphans + doubtful,
        reason=None,
    )


def _changed(entry: Entry, **facts: Any) -> Entry:
    return Entry(**vars(entry) | facts)  # as attrs.evolve, in a third of its time: no fact has a name of its own inside


def is_same_run(one: str | None, other: str) -> bool:
    """Tell whether two turns are of one run: what stands before the slash is the run's name."""
    return one is not None and one.partition("/")[0] == other.partition("/")[0]


def seen(entry: Entry, now: float) -> Entry:
    """Give an entry as it stands now: sent, with a lease that has run out, is in doubt."""
    if entry.state is State.SENT and entry.lease_ends <= now:
        # without its run: the one that finds it is not the one that left it
        return _changed(entry, state=State.IN_DOUBT, run=None, reason=_INTERRUPTED)
    return entry


def begin(entry: Entry, now: float, *, run: str, lease: float) -> tuple[bool, Entry]:
    """Note that the request goes out next; False where another run has taken the customer meanwhile."""
    # a run that waited long takes its customer back from one that waits too, but none that nobody has claimed
    takes_over = entry.state is State.TODO and entry.lease_ends <= now and entry.run is not None
    if not takes_over and (entry.run != run or entry.state not in {State.TODO, State.SENT}):
        return False, entry
    return True, _changed(entry, state=State.SENT, run=run, lease_ends=now + lease)


def mark_not_sent(entry: Entry, now: float, *, run: str, lease: float) -> tuple[bool, Entry]:
    """Note that the request was certainly not carried out, and is to go out later; no lease lets anybody take it."""
    if entry.run != run or entry.state not in {State.TODO, State.SENT}:
        return False, entry
    return True, _changed(entry, state=State.TODO, lease_ends=now + lease)


def finish(entry: Entry, *, run: str, tenant: str, has_other_key: bool) -> tuple[bool, Entry]:
    """Note that the key has come, at whatever time; False where the customer has another one already."""
    done = _changed(entry, state=State.DONE, tenant=tenant or entry.tenant, run=run, lease_ends=0.0, reason=None)
    if not has_other_key:
        return True, done
    is_told = entry.run == run and entry.state is State.DONE  # and the word of it was lost
    return False, _changed(done, orphans=entry.orphans + (not is_told))


def put(entry: Entry) -> tuple[bool, Entry]:
    """Note that the platform has put a key there itself, whatever was noted before."""
    return True, _changed(entry, state=State.DONE, run=None, lease_ends=0.0, reason=None)


def fail(entry: Entry, *, run: str, reason: str) -> tuple[bool, Entry]:
    """Note that the API has refused the customer, or could not be reached."""
    if entry.run != run or entry.state not in {State.TODO, State.SENT}:
        return False, entry
    return True, _changed(entry, state=State.FAILED, lease_ends=0.0, reason=reason)


def doubt(entry: Entry, *, run: str, reason: str) -> tuple[bool, Entry]:
    """Note that nobody can tell whether the key was minted."""
    if entry.run != run or entry.state is not State.SENT:
        return False, entry
    return True, _changed(entry, state=State.IN_DOUBT, lease_ends=0.0, reason=reason)
