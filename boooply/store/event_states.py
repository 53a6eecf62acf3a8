"""The states of an event that is handled once, and the steps between them. No I/O and no clock.

::

                claim              finish
    waiting ────────────▶ claimed ────────────▶ done
     ▲ │ ▲                 │ │ ▲ │
     │ │ └──release, fail──┘ │ └─┘ renew; another claim, after the lease has ended
     │ │                     │ fail, for the last time
     │ └─discard─▶ discarded ▼
     │                ▲     dead
     │                └──────┤ discard
     └───────retry───────────┘
"""

from enum import StrEnum
from typing import Final

import attrs

from boooply.store.entries import ClaimResult

PAUSES: Final = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0, 2560.0, 3600.0)
"""The default pauses in seconds after each failure. The last pause is repeated."""

ATTEMPTS: Final = 34
"""The default number of attempts after which an event is dead. With the pauses above, they take about a day."""


class EventStatus(StrEnum):
    """The state of a stored event.

    Attributes:
        WAITING: The event is handled when a worker is free and its pause is over.
        CLAIMED: The event is being handled.
        DONE: The event was handled.
        DEAD: The last attempt failed. The event is tried again only if you retry it.
        DISCARDED: The event was discarded, and is never handled.
    """

    WAITING = "waiting"
    CLAIMED = "claimed"
    DONE = "done"
    DEAD = "dead"
    DISCARDED = "discarded"


@attrs.frozen(kw_only=True)
class RetrySchedule:
    """The pauses in seconds after the failures of an event, and the number of attempts after which it is dead."""

    pauses: tuple[float, ...] = PAUSES
    attempts: int = ATTEMPTS

    def pause_after(self, attempts: int) -> float:
        """Return the pause in seconds after so many attempts. The last pause is repeated."""
        return self.pauses[min(attempts, len(self.pauses)) - 1]


@attrs.frozen(kw_only=True)
class EventState:
    """The state of one event. Times are in seconds.

    Attributes:
        status: The status of the event.
        claim_token: The last claim.
        locked_until: The end of the lease, or of the pause after a failure. Until then no other claim succeeds.
        attempts: The number of claims since the event was stored, or since it was retried by hand.
        number: The place of the event in its queue. None for an event that is done, dead or discarded.
        first_failure: The class and place of the first failure.
        first_failed_at: The time of the first failure.
        last_failure: The class and place of the last failure.
        last_failed_at: The time of the last failure.
        dead_at: The time of the last attempt, if the event is dead.
    """

    status: EventStatus = attrs.field(default=EventStatus.WAITING, converter=EventStatus)
    claim_token: str | None = None
    locked_until: float = 0.0
    attempts: int = 0
    number: int | None = None
    first_failure: str | None = None
    first_failed_at: float | None = None
    last_failure: str | None = None
    last_failed_at: float | None = None
    dead_at: float | None = None


# The statuses of events that need no handling.
_ENDED: Final = frozenset({EventStatus.DONE, EventStatus.DEAD, EventStatus.DISCARDED})


def claim(state: EventState, now: float, *, claim_token: str, lease: float) -> tuple[ClaimResult, EventState]:
    """Claim an event, unless it is busy, done, dead or discarded."""
    if state.status in _ENDED:
        return ClaimResult.DONE, state
    if _is_claimed(state, claim_token):
        return ClaimResult.CLAIMED, state  # repeated, because the first result was lost
    if _is_busy(state, now):
        return ClaimResult.BUSY, state
    return ClaimResult.CLAIMED, attrs.evolve(
        state,
        status=EventStatus.CLAIMED,
        claim_token=claim_token,
        locked_until=now + lease,
        attempts=state.attempts + 1,
    )


def renew(state: EventState, now: float, *, claim_token: str, lease: float) -> tuple[bool, EventState]:
    """Extend the lease of a claim. Return False if another claim has replaced it."""
    if not _is_claimed(state, claim_token):
        return False, state
    return True, attrs.evolve(state, locked_until=now + lease)


def finish(state: EventState, _now: float, *, claim_token: str) -> tuple[bool, EventState]:
    """Record that an event was handled, whatever its state is."""
    done = _ended(state, EventStatus.DONE)
    return True, attrs.evolve(done, claim_token=claim_token, dead_at=None)


def release(state: EventState, _now: float, *, claim_token: str) -> tuple[bool, EventState]:
    """Release an event, so that it can be claimed at once. Return False if another claim has replaced this one."""
    if not _is_claimed(state, claim_token):
        return False, state
    return True, attrs.evolve(state, status=EventStatus.WAITING, locked_until=0.0)


def fail(
    state: EventState,
    now: float,
    *,
    claim_token: str,
    failure: str,
    schedule: RetrySchedule,
    pause_from: float | None = None,
) -> tuple[EventStatus | None, EventState]:
    """Record a failed attempt: the event waits for the next attempt, or is dead.

    Return its new status, or None if another claim has replaced this one. The pause begins now, or at ``pause_from`` if
    that is given.
    """
    if state.status is EventStatus.DEAD and state.claim_token == claim_token:
        return EventStatus.DEAD, state  # repeated, because the first result was lost
    if not _is_claimed(state, claim_token):
        return None, state
    failed = attrs.evolve(state, last_failure=failure, last_failed_at=now)
    if state.first_failure is None:
        failed = attrs.evolve(failed, first_failure=failure, first_failed_at=now)
    if state.attempts >= schedule.attempts:
        dead = _ended(failed, EventStatus.DEAD)  # a claim after the last attempt does not count
        return EventStatus.DEAD, attrs.evolve(dead, attempts=schedule.attempts, dead_at=now)
    pause_ends = (now if pause_from is None else pause_from) + schedule.pause_after(state.attempts)
    return EventStatus.WAITING, attrs.evolve(failed, status=EventStatus.WAITING, locked_until=pause_ends)


def retry(state: EventState, _now: float, *, number: int) -> tuple[bool, EventState]:
    """Let a dead or waiting event be handled at once, with a new count of attempts. Return False for any other event.

    A dead event joins its queue again, with this ``number``.
    """
    if state.status not in {EventStatus.WAITING, EventStatus.DEAD}:
        return False, state
    place = number if state.number is None else state.number
    fresh = attrs.evolve(state, status=EventStatus.WAITING, attempts=0, locked_until=0.0, number=place, dead_at=None)
    return True, fresh


def discard(state: EventState, now: float) -> tuple[bool, EventState]:
    """Discard an event permanently. Return False if it is being handled, or was handled or discarded."""
    if state.status in {EventStatus.DONE, EventStatus.DISCARDED} or _is_busy(state, now):
        return False, state
    return True, _ended(state, EventStatus.DISCARDED)


def _is_claimed(state: EventState, claim_token: str) -> bool:
    return state.status is EventStatus.CLAIMED and state.claim_token == claim_token


def _is_busy(state: EventState, now: float) -> bool:
    return state.status is EventStatus.CLAIMED and state.locked_until > now


def _ended(state: EventState, status: EventStatus) -> EventState:
    return attrs.evolve(state, status=status, locked_until=0.0, number=None)
