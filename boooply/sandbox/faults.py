"""Planned faults: which calls fail, how, and how often.

A fault happens after the call has counted against its rate limit, as at a real gateway, and before the route and the
kind of key are checked. Calls over the limit, calls without a known key and the controls use up no fault. In the file
store only faults of `interviews.download_recording` happen, not those of `*`. Faults happen in the order in which they
were added.
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
"""The name of a request to the file store, which is not an operation of the API."""

FAULTY: Final = (EVERY, *(operation.name for operation in OPERATIONS), DOWNLOAD, UNKNOWN)
"""The operations to which faults can be added."""

FIRST_ERROR: Final = 400


class Faults:
    """The faults of future calls; all methods can be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: tuple[PlannedFault, ...] = ()

    @property
    def planned(self) -> tuple[PlannedFault, ...]:
        """The faults that have not happened yet, in their order."""
        return self._planned

    def add(self, operation: str, fault: Fault, times: int | None = 1) -> None:
        """Add a fault for the next calls of an operation, after the faults that were added earlier.

        Args:
            operation: The name of an operation, as in `Call.operation`; `*` for all of them, or
                `interviews.download_recording` for requests to the file store.
            fault: The name of the fault. The console and the page on testing describe each one.
            times: The number of calls that fail; None for all of them.

        Raises:
            ValueError: The operation or fault is unknown, or `times` is less than 1.
            TypeError: `times` is not a whole number.
        """
        if operation not in FAULTY:
            raise ValueError(f"operation must be one of {', '.join(FAULTY)}")
        if fault not in FAULTS:
            raise ValueError(f"fault must be one of {', '.join(FAULTS)}")
        if times is not None and type(times) is not int:
            raise TypeError("times must be a whole number, or None for all calls")
        if times is not None and times < 1:
            raise ValueError("times must be at least 1")
        with self._lock:
            self._planned = (*self._planned, PlannedFault(operation=operation, fault=fault, times=times))

    def clear(self) -> None:
        """Remove all faults, so that the next call works."""
        with self._lock:
            self._planned = ()

    def take(self, operation: str) -> Fault | None:
        """Return the fault of a call, and use it up."""
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
        """Return the outcome of a call that had no effect."""
        return cls(response=response, error_code=_code(response), shows_limits=shows_limits)


def _code(*responses: web.StreamResponse) -> str | None:
    return next((one.code for one in responses if isinstance(one, ErrorResponse)), None)


async def _read_body(behaviour: Behaviour, request: web.Request) -> None:
    # a client that disconnects before the end of its body gets no response
    if behaviour.reads_all:
        with suppress(OSError, web.RequestPayloadError):
            with suppress(web.HTTPRequestEntityTooLarge):
                await request.read()  # the console shows it
            await request.content.read()


async def respond_with_fault(respond: Respond, request: web.Request, fault: Fault | None) -> Outcome:
    """Respond to a call, with its fault if there is one.

    A fault also replaces an error response. A call that the operation rejects has no effect in either case.
    """
    behaviour = NO_FAULT if fault is None else FAULTS[fault]
    if behaviour.instead is not None:
        await _read_body(behaviour, request)
        return Outcome.of(behaviour.instead(request), shows_limits=behaviour.shows_limits)
    # the sandbox has no other kind of response
    genuine = cast("web.Response", await respond_in_json(respond, request))
    await _read_body(behaviour, request)
    response = behaviour.after(genuine)
    return Outcome(
        response=response,
        carried_out=genuine.status < FIRST_ERROR,
        error_code=_code(response, genuine),
        shows_limits=behaviour.shows_limits,
    )
