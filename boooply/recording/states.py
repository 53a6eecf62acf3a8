"""The states of a customer in the ledger, and the steps between them. No I/O and no clock.

::

              claim              begin                      finish
    (none) ────────────▶ todo ────────────────▶ sent ──────────────────▶ done
                         ▲ ▲                    │ │                      ▲ ◀── a key that the platform stores itself
           claim, by a   │ └────mark_not_sent───┘ ├──mark_in_doubt──▶ in_doubt
           later run     │                        │  or its lease       │ finish: a key that arrives late
                       failed ◀─────fail──────────┘  has ended          │ claim, to mint again on purpose: ▶ todo

A customer whose data cannot be read becomes ``failed`` without a request (``reject``). A failed customer becomes
``todo`` again on request (``retry``).

``done`` becomes ``in_doubt`` (``reopen``) if another customer turns out to have the same key. If another customer
already has a customer's new key, the customer is in doubt too (``share``), unless it keeps another key.

While a key is being replaced, ``fallback`` is the previous state of the customer. If no new key arrives, the customer
is listed in that state, and the next claim restores it.

``sent`` is committed before the request is sent. If an entry is still in that state after its lease, a key may or may
not have been minted. The customer is then in doubt, and is never sent again automatically.
"""

from typing import Final

import attrs

from boooply.store.entries import ClaimResult, Entry, State, is_same_run, with_expiry, with_fallback

_CLAIMED: Final = (State.TODO, State.SENT)


def claim(
    entry: Entry, now: float, *, claim_token: str, tenant: str, lease: float, remint: bool, replace: bool = False
) -> tuple[ClaimResult, Entry]:
    """Claim a customer, unless it is done, busy or in doubt.

    ``remint`` also claims a customer in doubt. ``replace`` also claims a customer that is done, to replace its key.
    """
    entry = with_expiry(entry, now)
    if entry.state is State.DONE and (not replace or is_same_run(entry.claim_token, claim_token)):
        return ClaimResult.DONE, attrs.evolve(entry, tenant=entry.tenant or tenant)
    is_ours = (
        entry.claim_token == claim_token and entry.state is State.TODO
    )  # a repeated claim, because the result was lost
    if entry.locked_until > now and entry.state in _CLAIMED and not is_ours:
        return ClaimResult.BUSY, entry
    if entry.state is State.FAILED and is_same_run(entry.claim_token, claim_token):
        return ClaimResult.FAILED, entry
    is_in_doubt = entry.state is State.IN_DOUBT
    if is_in_doubt and (not (remint or replace) or is_same_run(entry.claim_token, claim_token)):
        return ClaimResult.IN_DOUBT, entry
    return ClaimResult.CLAIMED, attrs.evolve(
        entry,
        state=State.TODO,
        tenant=tenant,
        claim_token=claim_token,
        locked_until=now + lease,
        orphans=entry.orphans + is_in_doubt,
        reason=None,
        fallback=_fallback(entry),
    )


def _fallback(entry: Entry) -> State | None:
    """Return the state to which a customer with a key returns if no new key arrives."""
    has_key_in_doubt = entry.state is State.IN_DOUBT and entry.fallback is not None
    return entry.state if entry.state is State.DONE or has_key_in_doubt else entry.fallback


def fall_back(entry: Entry) -> tuple[ClaimResult, Entry]:
    """Return a customer whose key was not replaced to its previous state."""
    after = with_fallback(entry)
    return ClaimResult.DONE if after.state is State.DONE else ClaimResult.IN_DOUBT, after


def begin(entry: Entry, now: float, *, claim_token: str, lease: float) -> tuple[bool, Entry]:
    """Record that the request is about to be sent. Return False if another run has claimed the customer."""
    # After a long wait, a run may take its customer back from another run that waits, but not an unclaimed customer.
    takes_over = entry.state is State.TODO and entry.locked_until <= now and entry.claim_token is not None
    if not takes_over and not _is_claimed(entry, claim_token):
        return False, entry
    return True, attrs.evolve(entry, state=State.SENT, claim_token=claim_token, locked_until=now + lease)


def mark_not_sent(entry: Entry, now: float, *, claim_token: str, lease: float) -> tuple[bool, Entry]:
    """Record that the request was not carried out. Without a lease, any run may claim the customer."""
    if not _is_claimed(entry, claim_token):
        return False, entry
    return True, attrs.evolve(entry, state=State.TODO, locked_until=now + lease)


def finish(
    entry: Entry, _now: float, *, claim_token: str, tenant: str, has_other_key: bool, replace: bool = False
) -> tuple[bool, Entry]:
    """Record that the key has arrived, even late. Return False if the customer keeps the key that it has."""
    is_claimed = entry.claim_token == claim_token
    # if a customer in doubt is minted again, its other key has counted as an orphan since the claim
    is_counted = is_claimed and entry.state is State.SENT and not replace
    is_repeated = is_claimed and entry.state is State.DONE  # a repeated step, because the result was lost
    is_orphan = has_other_key and not is_counted and not is_repeated
    return replace or is_counted or not has_other_key, attrs.evolve(
        entry,
        state=State.DONE,
        tenant=tenant or entry.tenant,
        claim_token=claim_token,
        locked_until=0.0,
        orphans=entry.orphans + is_orphan,
        reason=None,
        fallback=None,
    )


def restore(entry: Entry, *, is_replaced: bool) -> Entry:
    """Record that a key was restored outside its run. A key that it replaces is an orphan."""
    return attrs.evolve(
        entry,
        state=State.DONE,
        claim_token=None,
        locked_until=0.0,
        orphans=entry.orphans + is_replaced,
        reason=None,
        fallback=None,
    )


def share(entry: Entry, *, reason: str, keeps_other_key: bool) -> Entry:
    """Record that the new key of a customer belongs to another customer."""
    if entry.state is not State.DONE:
        return attrs.evolve(entry, state=State.IN_DOUBT, locked_until=0.0, reason=reason)
    return entry if keeps_other_key else reopen(entry, 0.0, reason=reason)[1]


def fail(entry: Entry, _now: float, *, claim_token: str, reason: str) -> tuple[bool, Entry]:
    """Record that the API rejected the customer, or could not be reached."""
    if not _is_claimed(entry, claim_token):
        return False, entry
    return True, attrs.evolve(entry, state=State.FAILED, locked_until=0.0, reason=reason)


def mark_in_doubt(entry: Entry, _now: float, *, claim_token: str, reason: str) -> tuple[bool, Entry]:
    """Record that the key may or may not have been minted."""
    if entry.claim_token != claim_token or entry.state is not State.SENT:
        return False, entry
    return True, attrs.evolve(entry, state=State.IN_DOUBT, locked_until=0.0, reason=reason)


def reopen(entry: Entry, _now: float, *, reason: str) -> tuple[bool, Entry]:
    """Record that a customer that was done is in doubt, because its key may belong to another customer."""
    if entry.state is not State.DONE:
        return False, entry
    return True, attrs.evolve(entry, state=State.IN_DOUBT, reason=reason, fallback=State.IN_DOUBT)


def enroll(entry: Entry, now: float, *, tenant: str) -> tuple[State, Entry]:
    """Record the data of a customer to mint, unless its request has been sent or it is done."""
    if entry.state in {State.SENT, State.DONE}:
        return entry.state, entry
    return retry(attrs.evolve(entry, tenant=tenant), now)


def retry(entry: Entry, _now: float) -> tuple[State, Entry]:
    """Allow a customer that has failed to be minted again, even by the same run. Return its previous state."""
    if entry.state is not State.FAILED:
        return entry.state, entry
    return entry.state, attrs.evolve(entry, state=State.TODO, claim_token=None, locked_until=0.0, reason=None)


def reject(entry: Entry, _now: float, *, reason: str) -> tuple[Entry, Entry]:
    """Record that a customer cannot be sent."""
    if entry.state in {State.TODO, State.FAILED}:
        entry = attrs.evolve(entry, state=State.FAILED, claim_token=None, locked_until=0.0, reason=reason)
    return entry, entry


def _is_claimed(entry: Entry, claim_token: str) -> bool:
    return entry.claim_token == claim_token and entry.state in _CLAIMED
