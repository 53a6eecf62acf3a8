"""Faults to order: which call meets which fault, and how often.

A call meets its fault after its window has counted it, as at a real gateway, and before its route and the kind of its
key are looked at. A call that its window refuses meets none, and uses none up. The same holds for a call without a
known key, for the controls and for the storage. Where several faults fit, the one added first is taken, so faults
play in their order.
"""

import threading
from contextlib import suppress
from typing import Final, Self, cast

from aiohttp import web
from attrs import evolve, frozen

from boooply.sandbox.fault_table import FAULTS, NO_FAULT, Behaviour
from boooply.sandbox.operations import OPERATIONS
from boooply.sandbox.records import Fault, PlannedFault
from boooply.sandbox.wire import Answering, ErrorResponse, in_json_form

__all__ = ["FAULTY", "UNKNOWN", "Faults", "Outcome", "answered"]

EVERY: Final = "*"
UNKNOWN: Final = "unknown"
"""The operation of a call that no route fits."""

FAULTY: Final = (EVERY, *(operation.name for operation in OPERATIONS), UNKNOWN)
"""What faults can be added to."""

FIRST_REFUSAL: Final = 400


class Faults:
    """Plan what goes wrong. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: tuple[PlannedFault, ...] = ()

    @property
    def planned(self) -> tuple[PlannedFault, ...]:
        """Return what is still to come, in its order."""
        return self._planned

    def add(self, operation: str, fault: Fault, times: int | None = 1) -> None:
        """Let calls of an operation meet a fault, behind the faults that were added before.

        Args:
            operation: The operation's name as in `Call.operation`, or `*` for every one.
            fault: What happens; `boooply.sandbox.fault_table` has the table.
            times: How many calls meet it; None is for ever.

        Raises:
            ValueError: There is no such operation or fault, or `times` is less than 1.
        """
        if operation not in FAULTY:
            raise ValueError(f"operation must be one of {', '.join(FAULTY)}")
        if fault not in FAULTS:
            raise ValueError(f"fault must be one of {', '.join(FAULTS)}")
        if times is not None and times < 1:
            raise ValueError("times must be at least 1, or None")
        with self._lock:
            self._planned = (*self._planned, PlannedFault(operation=operation, fault=fault, times=times))

    def clear(self) -> None:
        """Let everything work again, from the next call on."""
        with self._lock:
            self._planned = ()

    def take(self, operation: str) -> Fault | None:
        """Return the fault that a call meets, and count it as met."""
        with self._lock:
            for place, one in enumerate(self._planned):
                if one.operation in {EVERY, operation}:
                    self._planned = (*self._planned[:place], *_left_of(one), *self._planned[place + 1 :])
                    return one.fault
        return None


def _left_of(planned: PlannedFault) -> tuple[PlannedFault, ...]:
    if planned.times is None:
        return (planned,)
    return (evolve(planned, times=planned.times - 1),) if planned.times > 1 else ()


@frozen(kw_only=True)
class Outcome:
    """Hold what is sent to a call, and what became of it."""

    response: web.StreamResponse
    carried_out: bool = False
    error_code: str | None = None
    shows_limits: bool = True

    @classmethod
    def of(cls, response: web.StreamResponse, *, shows_limits: bool = True) -> Self:
        """Return the outcome of a call that is answered without being carried out."""
        return cls(response=response, error_code=_code(response), shows_limits=shows_limits)


def _code(*responses: web.StreamResponse) -> str | None:
    return next((one.code for one in responses if isinstance(one, ErrorResponse)), None)


async def _read_on(behaviour: Behaviour, request: web.Request) -> None:
    # Who goes before the end of the body gets no answer, so there is nobody to complain to.
    if behaviour.reads_all:
        with suppress(OSError, web.RequestPayloadError):
            await request.content.read()


async def answered(answering: Answering, request: web.Request, fault: Fault | None) -> Outcome:
    """Answer a call as its fault has it.

    A fault hits whatever the answer is; what the operation refused was not carried out, with a fault or without.
    """
    behaviour = NO_FAULT if fault is None else FAULTS[fault]
    if behaviour.instead is not None:
        await _read_on(behaviour, request)
        return Outcome.of(behaviour.instead(request), shows_limits=behaviour.shows_limits)
    # The sandbox makes no other kind of response.
    genuine = cast("web.Response", await in_json_form(answering, request))
    await _read_on(behaviour, request)
    response = behaviour.after(genuine)
    return Outcome(
        response=response,
        carried_out=genuine.status < FIRST_REFUSAL,
        error_code=_code(response, genuine),
        shows_limits=behaviour.shows_limits,
    )
