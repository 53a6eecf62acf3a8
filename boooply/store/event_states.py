"""The life of an event that is handled once: what each step makes of it. No I/O and no clock.

::

             claim            finish
    new ────────────▶ taken ────────────▶ done
     ▲                  │  ▲ │
     └──────release─────┘  └─┘ renew; claim by another, once its lease has run out
"""

from enum import Enum, StrEnum
from typing import Final, Protocol

import attrs

_PAUSES: Final = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0, 2560.0, 3600.0)  # seconds


class EventStatus(StrEnum):
    """How far an event has come."""

    NEW = "new"
    TAKEN = "taken"
    DONE = "done"


class EventClaim(Enum):
    """What a claim finds."""

    OURS = "it is yours to handle"
    BUSY = "somebody is at it"
    DONE = "it is handled"


@attrs.frozen(kw_only=True)
class EventState:
    """Hold where one event stands.

    Attributes:
        progress: How far it has come.
        turn: Who took it last.
        rests_until: Until when nobody else touches it: the end of a lease, or of the pause after a failure. Seconds.
        attempts: How often it was taken.
    """

    progress: EventStatus = EventStatus.NEW
    turn: str | None = None
    rests_until: float = 0.0
    attempts: int = 0


class Claims(Protocol):
    """Keep account of who handles which event: in a store, or in memory."""

    async def claim(self, key: str, /, *, turn: str, lease: float) -> EventClaim:
        """Take an event, unless it is handled or somebody is at it."""
        ...

    async def renew(self, key: str, /, *, turn: str, lease: float) -> None:
        """Keep others off for another while."""
        ...

    async def finish(self, key: str, /, *, turn: str) -> None:
        """Note that it is handled, for ever."""
        ...

    async def release(self, key: str, /, *, turn: str) -> None:
        """Let anybody take it, at once."""
        ...


def claim(state: EventState, now: float, *, turn: str, lease: float) -> tuple[EventClaim, EventState]:
    """Take an event."""
    if state.progress is EventStatus.DONE:
        return EventClaim.DONE, state
    if _is_held(state, turn):
        return (
            EventClaim.OURS,
            state,
        )  # asked again, since it could not be told whether the first answer was committed
    if state.progress is EventStatus.TAKEN and state.rests_until > now:
        return EventClaim.BUSY, state
    return EventClaim.OURS, EventState(
        progress=EventStatus.TAKEN, turn=turn, rests_until=now + lease, attempts=state.attempts + 1
    )


def renew(state: EventState, now: float, *, turn: str, lease: float) -> EventState:
    """Keep others off, if nobody else has taken it meanwhile."""
    return attrs.evolve(state, rests_until=now + lease) if _is_held(state, turn) else state


def finish(state: EventState, *, turn: str) -> EventState:
    """Note that it is handled, whoever has taken it meanwhile: handled is handled."""
    return attrs.evolve(state, progress=EventStatus.DONE, turn=turn, rests_until=0.0)


def release(state: EventState, *, turn: str) -> EventState:
    """Let anybody take it again, at once."""
    return attrs.evolve(state, progress=EventStatus.NEW, rests_until=0.0) if _is_held(state, turn) else state


def postpone(state: EventState, now: float, *, turn: str) -> EventState:
    """Let anybody take it again after a pause, which grows with each failure to an hour."""
    if not _is_held(state, turn):
        return state
    pause = _PAUSES[min(state.attempts, len(_PAUSES)) - 1]
    return attrs.evolve(state, progress=EventStatus.NEW, rests_until=now + pause)


def _is_held(state: EventState, turn: str) -> bool:
    return state.progress is EventStatus.TAKEN and state.turn == turn
