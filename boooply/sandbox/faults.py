"""Planned faults: which call meets which fault, and how often.

A call meets its fault after its window has counted it, as at a real gateway, and before its route and the kind of its
key are checked. A call over its rate limit meets none and uses none up. The same applies to a call without a known
key and to the controls. The file store meets only faults of `interviews.download_recording`, not those of `*`. If
several faults match, the one added first is taken, so faults occur in the order in which they were added.
"""

import threading
from contextlib import suppress
from typing import Final, Self, cast

from aiohttp import web
from attrs import evolve, frozen

from boooply.sandbox.fault_table import FAULTS, NO_FAULT, Behaviour
from boooply.sandbox.operations import OPERATIONS
from boooply.sandbox.records import Fault, PlannedFault
from boooply.sandbox.responses import ErrorResponse, Respond, respond_in_json

__all__ = ["DOWNLOAD", "FAULTY", "UNKNOWN", "Faults", "Outcome", "respond_with_fault"]

EVERY: Final = "*"
UNKNOWN: Final = "unknown"
"""The operation of a call that no route matches."""

DOWNLOAD: Final = "interviews.download_recording"
"""What a request to the file store is called: no operation of the API."""

FAULTY: Final = (EVERY, *(operation.name for operation in OPERATIONS), DOWNLOAD, UNKNOWN)
"""The operations to which faults can be added."""

FIRST_ERROR: Final = 400


class Faults:
    """The faults that calls are going to meet. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: tuple[PlannedFault, ...] = ()

    @property
    def planned(self) -> tuple[PlannedFault, ...]:
        """The faults that are still to come, in their order."""
        return self._planned

    def add(self, operation: str, fault: Fault, times: int | None = 1) -> None:
        """Add a fault for the next calls of an operation, after the faults that were added before.

        Args:
            operation: The operation's name as in `Call.operation`, or `*` for all;
                `interviews.download_recording` for the requests to the file store.
            fault: What happens; `boooply.sandbox.fault_table` has the table.
            times: How many calls meet it; None means every one.

        Raises:
            ValueError: There is no such operation or fault, or `times` is less than 1.
        """
        if operation not in FAULTY:
            raise ValueError(f"operation must be one of {', '.join(FAULTY)}")
        if fault not in FAULTS:
            raise ValueError(f"fault must be one of {', '.join(FAULTS)}")
        if times is not None and times < 1:
            raise ValueError("times must be at least 1")
        with self._lock:
            self._planned = (*self._planned, PlannedFault(operation=operation, fault=fault, times=times))

    def clear(self) -> None:
        """Remove all faults, so that everything works again from the next call on."""
        with self._lock:
            self._planned = ()

    def take(self, operation: str) -> Fault | None:
        """Return the fault that a call meets, and use it up."""
        with self._lock:
            for index, one in enumerate(self._planned):
                if one.operation == operation or (one.operation == EVERY and operation != DOWNLOAD):
                    self._planned = (*self._planned[:index], *_remaining(one), *self._planned[index + 1 :])
                    return one.fault
        return None


def _remaining(planned: PlannedFault) -> tuple[PlannedFault, ...]:
    if planned.times is None:
        return (planned,)
    return (evolve(planned, times=planned.times - 1),) if planned.times > 1 else ()


@frozen(kw_only=True)
class Outcome:
    """The response to a call, and whether the call took effect."""

    response: web.StreamResponse
    carried_out: bool = False
    error_code: str | None = None
    shows_limits: bool = True

    @classmethod
    def of(cls, response: web.StreamResponse, *, shows_limits: bool = True) -> Self:
        """Return the outcome of a call that was not carried out."""
        return cls(response=response, error_code=_code(response), shows_limits=shows_limits)


def _code(*responses: web.StreamResponse) -> str | None:
    return next((one.code for one in responses if isinstance(one, ErrorResponse)), None)


async def _read_body(behaviour: Behaviour, request: web.Request) -> None:
    # A client that hangs up before the end of its body gets no response, so its error concerns nobody.
    if behaviour.reads_all:
        with suppress(OSError, web.RequestPayloadError):
            with suppress(web.HTTPRequestEntityTooLarge):
                await request.read()  # which the console shows
            await request.content.read()


async def respond_with_fault(respond: Respond, request: web.Request, fault: Fault | None) -> Outcome:
    """Respond to a call, with its fault if there is one.

    A fault applies to errors too; a call that the operation rejected was not carried out, with a fault or without.
    """
    behaviour = NO_FAULT if fault is None else FAULTS[fault]
    if behaviour.instead is not None:
        await _read_body(behaviour, request)
        return Outcome.of(behaviour.instead(request), shows_limits=behaviour.shows_limits)
    # The sandbox makes no other kind of response.
    genuine = cast("web.Response", await respond_in_json(respond, request))
    await _read_body(behaviour, request)
    response = behaviour.after(genuine)
    return Outcome(
        response=response,
        carried_out=genuine.status < FIRST_ERROR,
        error_code=_code(response, genuine),
        shows_limits=behaviour.shows_limits,
    )
