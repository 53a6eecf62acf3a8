"""The life of an event that is handled once: what each step makes of its state. No I/O and no clock.

::

             claim              finish
    new ────────────▶ claimed ────────────▶ done
     ▲                  │  ▲ │
     └─release, postpone┘  └─┘ renew; a claim by another, once its lease has ended
"""

from enum import StrEnum
from typing import Final

import attrs

from boooply.store.entries import ClaimResult

_PAUSES: Final = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0, 2560.0, 3600.0)  # seconds


class EventStatus(StrEnum):
    """How far an event has come."""

    NEW = "new"
    CLAIMED = "taken"
    DONE = "done"


@attrs.frozen(kw_only=True)
class EventState:
    """The state of one event.

    Attributes:
        status: How far it has come.
        claim_token: The last claim.
        locked_until: Until when nobody else may claim it: the end of a lease, or of the pause after a failure. Seconds.
        attempts: How often it was claimed.
    """

    status: EventStatus = attrs.field(default=EventStatus.NEW, converter=EventStatus)
    claim_token: str | None = None
    locked_until: float = 0.0
    attempts: int = 0


def claim(state: EventState, now: float, *, claim_token: str, lease: float) -> tuple[ClaimResult, EventState]:
    """Claim an event, unless it is handled or busy."""
    if state.status is EventStatus.DONE:
        return ClaimResult.DONE, state
    if _is_claimed(state, claim_token):
        return ClaimResult.CLAIMED, state  # repeated, since the first result was lost
    if state.status is EventStatus.CLAIMED and state.locked_until > now:
        return ClaimResult.BUSY, state
    return ClaimResult.CLAIMED, EventState(
        status=EventStatus.CLAIMED, claim_token=claim_token, locked_until=now + lease, attempts=state.attempts + 1
    )


def renew(state: EventState, now: float, *, claim_token: str, lease: float) -> tuple[bool, EventState]:
    """Extend the lease of a claim; return False if somebody else has claimed the event meanwhile."""
    if not _is_claimed(state, claim_token):
        return False, state
    return True, attrs.evolve(state, locked_until=now + lease)


def finish(state: EventState, _now: float, *, claim_token: str) -> tuple[bool, EventState]:
    """Record that an event is handled, whoever has claimed it meanwhile: handled is handled."""
    return True, attrs.evolve(state, status=EventStatus.DONE, claim_token=claim_token, locked_until=0.0)


def release(state: EventState, _now: float, *, claim_token: str) -> tuple[bool, EventState]:
    """Let anybody claim an event at once; return False if somebody else has claimed it meanwhile."""
    if not _is_claimed(state, claim_token):
        return False, state
    return True, attrs.evolve(state, status=EventStatus.NEW, locked_until=0.0)


def postpone(state: EventState, now: float, *, claim_token: str) -> tuple[bool, EventState]:
    """Let anybody claim an event after a pause, which grows with each failure to an hour."""
    if not _is_claimed(state, claim_token):
        return False, state
    pause = _PAUSES[min(state.attempts, len(_PAUSES)) - 1]
    return True, attrs.evolve(state, status=EventStatus.NEW, locked_until=now + pause)


def _is_claimed(state: EventState, claim_token: str) -> bool:
    return state.status is EventStatus.CLAIMED and state.claim_token == claim_token
