"""The life of a customer in the ledger: what each step makes of its entry. No I/O and no clock.

::

              claim              begin                      finish
    (none) ────────────▶ todo ────────────────▶ sent ──────────────────▶ done
                         ▲ ▲                    │ │                      ▲ ◀── a key that the platform stores itself
           claim, by a   │ └────mark_not_sent───┘ ├──mark_in_doubt──▶ in_doubt
           later run     │                        │  or its lease       │ finish: a key that arrives late
                       failed ◀─────fail──────────┘  has ended          │ claim, to mint again on purpose: ▶ todo

A customer whose data cannot be read becomes ``failed`` without a request (``reject``), and one that failed becomes
``todo`` on purpose (``retry``).

``done`` becomes ``in_doubt`` (``reopen``) if another customer turns out to have the same key. A customer whose new key
another one has is in doubt too (``share``), unless it keeps another key of its own.

While another key is minted for a customer that has one, ``fallback`` is the state that it had before. If no key comes,
the customer is listed in that state, and the next claim finds it so.

``sent`` is committed before the request goes out. Nobody who finds an entry in that state after its lease can tell
whether a key was minted: the customer is in doubt, and is never sent again automatically.
"""

from typing import Final

import attrs

from boooply.store.entries import ClaimResult, Entry, State, is_same_run, with_expiry, with_fallback

_CLAIMED: Final = (State.TODO, State.SENT)


def claim(
    entry: Entry, now: float, *, claim_token: str, tenant: str, lease: float, remint: bool, replace: bool = False
) -> tuple[ClaimResult, Entry]:
    """Claim a customer, unless it is done, busy or in doubt.

    ``remint`` claims one in doubt on purpose, ``replace`` one that is done too, whose key another one replaces.
    """
    entry = with_expiry(entry, now)
    if entry.state is State.DONE and (not replace or is_same_run(entry.claim_token, claim_token)):
        return ClaimResult.DONE, attrs.evolve(entry, tenant=entry.tenant or tenant)
    is_ours = entry.claim_token == claim_token and entry.state is State.TODO  # its result was lost, so it is repeated
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
    """Return the state to which a customer with a key returns if none comes to replace it."""
    has_key_in_doubt = entry.state is State.IN_DOUBT and entry.fallback is not None
    return entry.state if entry.state is State.DONE or has_key_in_doubt else entry.fallback


def fall_back(entry: Entry) -> tuple[ClaimResult, Entry]:
    """Return a customer that keeps its key to the state that it had before another one was to replace it."""
    after = with_fallback(entry)
    return ClaimResult.DONE if after.state is State.DONE else ClaimResult.IN_DOUBT, after


def begin(entry: Entry, now: float, *, claim_token: str, lease: float) -> tuple[bool, Entry]:
    """Record that the request goes out next; return False if another run has claimed the customer meanwhile."""
    # A run that waited long takes its customer back from one that waits too, but not one that nobody has claimed.
    takes_over = entry.state is State.TODO and entry.locked_until <= now and entry.claim_token is not None
    if not takes_over and not _is_claimed(entry, claim_token):
        return False, entry
    return True, attrs.evolve(entry, state=State.SENT, claim_token=claim_token, locked_until=now + lease)


def mark_not_sent(entry: Entry, now: float, *, claim_token: str, lease: float) -> tuple[bool, Entry]:
    """Record that the request was not carried out and will be sent later; without a lease anybody may claim it."""
    if not _is_claimed(entry, claim_token):
        return False, entry
    return True, attrs.evolve(entry, state=State.TODO, locked_until=now + lease)


def finish(
    entry: Entry, _now: float, *, claim_token: str, tenant: str, has_other_key: bool, replace: bool = False
) -> tuple[bool, Entry]:
    """Record that the key has arrived, however late; return False if the customer keeps another key that it has."""
    is_claimed = entry.claim_token == claim_token
    # of a customer in doubt that is minted again on purpose, the other key has counted as an orphan since the claim
    is_counted = is_claimed and entry.state is State.SENT and not replace
    is_repeated = is_claimed and entry.state is State.DONE  # its result was lost
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
    """Record that a key has come outside its run; one that it replaces is an orphan."""
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
    """Record that the key that came for a customer is another one's."""
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
    """Record that a customer that was done is in doubt: its key may be another customer's."""
    if entry.state is not State.DONE:
        return False, entry
    return True, attrs.evolve(entry, state=State.IN_DOUBT, reason=reason, fallback=State.IN_DOUBT)


def enroll(entry: Entry, now: float, *, tenant: str) -> tuple[State, Entry]:
    """Record the data of a customer that is to be minted, unless its request is on the wire or done."""
    if entry.state in {State.SENT, State.DONE}:
        return entry.state, entry
    return retry(attrs.evolve(entry, tenant=tenant), now)


def retry(entry: Entry, _now: float) -> tuple[State, Entry]:
    """Let a customer that has failed be minted again, even by the same run; return its state until now."""
    if entry.state is not State.FAILED:
        return entry.state, entry
    return entry.state, attrs.evolve(entry, state=State.TODO, claim_token=None, locked_until=0.0, reason=None)


def reject(entry: Entry, _now: float, *, reason: str) -> tuple[Entry, Entry]:
    """Record that a customer to be minted cannot be sent at all."""
    if entry.state in {State.TODO, State.FAILED}:
        entry = attrs.evolve(entry, state=State.FAILED, claim_token=None, locked_until=0.0, reason=reason)
    return entry, entry


def _is_claimed(entry: Entry, claim_token: str) -> bool:
    return entry.claim_token == claim_token and entry.state in _CLAIMED
