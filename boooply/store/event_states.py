"""The life of an event that is handled once: what each step makes of its state. No I/O and no clock.

::

                claim              finish
    waiting ────────────▶ claimed ────────────▶ done
     ▲ │ ▲                 │ │ ▲ │
     │ │ └──release, fail──┘ │ └─┘ renew; a claim by another, once its lease has ended
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
"""The seconds that an event waits after each failure; the last number applies to all further ones."""

ATTEMPTS: Final = 34
"""The attempts after which an event is dead: with the pauses above, they take about a day."""


class EventStatus(StrEnum):
    """The state of a stored event.

    Attributes:
        WAITING: It is handled as soon as a worker is free, or its pause is over.
        CLAIMED: It is being handled.
        DONE: It is handled.
        DEAD: Its last attempt has failed: it is not tried again, unless somebody asks for that.
        DISCARDED: Somebody has discarded it.
    """

    WAITING = "waiting"
    CLAIMED = "claimed"
    DONE = "done"
    DEAD = "dead"
    DISCARDED = "discarded"


@attrs.frozen(kw_only=True)
class RetrySchedule:
    """The pauses after the failures of an event, in seconds, and the attempts after which it is dead."""

    pauses: tuple[float, ...] = PAUSES
    attempts: int = ATTEMPTS

    def pause_after(self, attempts: int) -> float:
        """Return the pause after so many attempts; after the last pause of the schedule, that one again."""
        return self.pauses[min(attempts, len(self.pauses)) - 1]


@attrs.frozen(kw_only=True)
class EventState:
    """The state of one event. Times are in seconds.

    Attributes:
        status: How far it has come.
        claim_token: The last claim.
        locked_until: Until when nobody else may claim it: the end of a lease, or of the pause after a failure.
        attempts: How often it was claimed, since it was stored or retried by hand.
        number: Its place in its queue; None while it is in no queue, as one that is done, dead or discarded.
        first_failure: The class and place of its first failure.
        first_failed_at: When that was.
        last_failure: The class and place of its last failure.
        last_failed_at: When that was.
        dead_at: When its last attempt failed, if it is dead.
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


# What a queue need not handle any more.
_ENDED: Final = frozenset({EventStatus.DONE, EventStatus.DEAD, EventStatus.DISCARDED})


def claim(state: EventState, now: float, *, claim_token: str, lease: float) -> tuple[ClaimResult, EventState]:
    """Claim an event, unless it is busy, or handled, dead or discarded."""
    if state.status in _ENDED:
        return ClaimResult.DONE, state
    if _is_claimed(state, claim_token):
        return ClaimResult.CLAIMED, state  # repeated, since the first result was lost
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
    """Extend the lease of a claim; return False if somebody else has claimed the event meanwhile."""
    if not _is_claimed(state, claim_token):
        return False, state
    return True, attrs.evolve(state, locked_until=now + lease)


def finish(state: EventState, _now: float, *, claim_token: str) -> tuple[bool, EventState]:
    """Record that an event is handled, whatever has become of it meanwhile: handled is handled."""
    done = _ended(state, EventStatus.DONE)
    return True, attrs.evolve(done, claim_token=claim_token, dead_at=None)


def release(state: EventState, _now: float, *, claim_token: str) -> tuple[bool, EventState]:
    """Let anybody claim an event at once; return False if somebody else has claimed it meanwhile."""
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
    """Record a failed attempt: the event waits for the next one, or is dead.

    Return which of the two, or None if somebody else has claimed it meanwhile. The pause begins now, unless
    ``pause_from`` is given.
    """
    if state.status is EventStatus.DEAD and state.claim_token == claim_token:
        return EventStatus.DEAD, state  # repeated, since the first result was lost
    if not _is_claimed(state, claim_token):
        return None, state
    failed = attrs.evolve(state, last_failure=failure, last_failed_at=now)
    if state.first_failure is None:
        failed = attrs.evolve(failed, first_failure=failure, first_failed_at=now)
    if state.attempts >= schedule.attempts:
        dead = _ended(failed, EventStatus.DEAD)  # a claim beyond the last attempt was none
        return EventStatus.DEAD, attrs.evolve(dead, attempts=schedule.attempts, dead_at=now)
    pause_ends = (now if pause_from is None else pause_from) + schedule.pause_after(state.attempts)
    return EventStatus.WAITING, attrs.evolve(failed, status=EventStatus.WAITING, locked_until=pause_ends)


def retry(state: EventState, _now: float, *, number: int) -> tuple[bool, EventState]:
    """Let an event that is dead, or waits, be handled at once and with a fresh count; return False for any other.

    A dead one joins its queue again, with this ``number``.
    """
    if state.status not in {EventStatus.WAITING, EventStatus.DEAD}:
        return False, state
    place = number if state.number is None else state.number
    fresh = attrs.evolve(state, status=EventStatus.WAITING, attempts=0, locked_until=0.0, number=place, dead_at=None)
    return True, fresh


def discard(state: EventState, now: float) -> tuple[bool, EventState]:
    """Discard an event for good; return False if it is being handled, or was handled or discarded."""
    if state.status in {EventStatus.DONE, EventStatus.DISCARDED} or _is_busy(state, now):
        return False, state
    return True, _ended(state, EventStatus.DISCARDED)


def _is_claimed(state: EventState, claim_token: str) -> bool:
    return state.status is EventStatus.CLAIMED and state.claim_token == claim_token


def _is_busy(state: EventState, now: float) -> bool:
    return state.status is EventStatus.CLAIMED and state.locked_until > now


def _ended(state: EventState, status: EventStatus) -> EventState:
    return attrs.evolve(state, status=status, locked_until=0.0, number=None)
