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


class Progress(StrEnum):
    """How far an event has come."""

    NEW = "new"
    TAKEN = "taken"
    DONE = "done"


class Found(Enum):
    """What a claim finds."""

    OURS = "it is yours to handle"
    BUSY = "somebody is at it"
    DONE = "it is handled"


@attrs.frozen(kw_only=True)
class Handling:
    """Hold where one event stands.

    Attributes:
        progress: How far it has come.
        turn: Who took it last.
        rests_until: Until when nobody else touches it: the end of a lease, or of the pause after a failure. Seconds.
        attempts: How often it was taken.
    """

    progress: Progress = Progress.NEW
    turn: str | None = None
    rests_until: float = 0.0
    attempts: int = 0


class Claims(Protocol):
    """Keep account of who handles which event: in a store, or in memory."""

    async def claim(self, key: str, /, *, turn: str, lease: float) -> Found:
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


def claim(handling: Handling, now: float, *, turn: str, lease: float) -> tuple[Found, Handling]:
    """Take an event."""
    if handling.progress is Progress.DONE:
        return Found.DONE, handling
    if _is_held(handling, turn):
        return Found.OURS, handling  # asked again, since it could not be told whether the first answer was committed
    if handling.progress is Progress.TAKEN and handling.rests_until > now:
        return Found.BUSY, handling
    return Found.OURS, Handling(
        progress=Progress.TAKEN, turn=turn, rests_until=now + lease, attempts=handling.attempts + 1
    )


def renew(handling: Handling, now: float, *, turn: str, lease: float) -> Handling:
    """Keep others off, if nobody else has taken it meanwhile."""
    return attrs.evolve(handling, rests_until=now + lease) if _is_held(handling, turn) else handling


def finish(handling: Handling, *, turn: str) -> Handling:
    """Note that it is handled, whoever has taken it meanwhile: handled is handled."""
    return attrs.evolve(handling, progress=Progress.DONE, turn=turn, rests_until=0.0)


def release(handling: Handling, *, turn: str) -> Handling:
    """Let anybody take it again, at once."""
    return attrs.evolve(handling, progress=Progress.NEW, rests_until=0.0) if _is_held(handling, turn) else handling


def postpone(handling: Handling, now: float, *, turn: str) -> Handling:
    """Let anybody take it again after a pause, which grows with each failure to an hour."""
    if not _is_held(handling, turn):
        return handling
    pause = _PAUSES[min(handling.attempts, len(_PAUSES)) - 1]
    return attrs.evolve(handling, progress=Progress.NEW, rests_until=now + pause)


def _is_held(handling: Handling, turn: str) -> bool:
    return handling.progress is Progress.TAKEN and handling.turn == turn
