"""The hooks around calls and their attempts: internal, and the place for logs, metrics and spans."""

import logging
from collections.abc import Callable
from typing import Any, Final

import attrs

from boooply.protocol.messages import Request, Response
from boooply.protocol.retry import FailureKind

_logger: Final = logging.getLogger("boooply")


@attrs.frozen(kw_only=True)
class AttemptEnd:
    """The end of one attempt: its number, how long it took, and the status or the kind of failure."""

    number: int
    seconds: float
    status: int | None
    failure: FailureKind | None


def _start(_request: Request) -> None:
    pass


def _log(_context: Any, request: Request, end: AttemptEnd) -> None:
    if _logger.isEnabledFor(logging.DEBUG):
        line = "%s %s: %s, attempt %d, %.3f s"
        _logger.debug(line, request.method, request.template, end.status or end.failure, end.number, end.seconds)


def _end(_context: Any, _request: Request, _result: Response | BaseException) -> None:
    pass


@attrs.frozen(kw_only=True)
class Hooks:
    """Callables around calls and attempts, which must not raise.

    What ``call_started`` returns is the context that the two others receive. A read that reconciles a call is a call of
    its own.
    """

    call_started: Callable[[Request], Any] = _start
    attempt_ended: Callable[[Any, Request, AttemptEnd], None] = _log
    call_ended: Callable[[Any, Request, Response | BaseException], None] = _end
