"""The hooks around calls and their attempts: internal, and the place for logs, metrics and spans."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs

from boooply.errors import APIConnectionError, APIError, cause_text
from boooply.protocol.attempts import AttemptInfo, OnResponse
from boooply.protocol.errors import request_id_of
from boooply.protocol.messages import Request, Response
from boooply.protocol.retry import FailureKind
from boooply.ratelimit.headers import RateLimitHeaders
from boooply.secret import one_line

_logger: Final = logging.getLogger("boooply")


@attrs.define(kw_only=True)
class AttemptEnd:
    """The end of one attempt: a response, which may itself report an error, or the error in its place.

    ``sent_at`` is in seconds since 1970 by this machine's clock, ``seconds`` is how long the attempt took, and
    ``seconds_waited`` how long it waited for the rate limit. ``organization_id`` is the customer, if it is known.
    """

    number: int
    sent_at: float
    seconds: float
    seconds_waited: float
    organization_id: str | None
    failure: FailureKind | None
    result: Response | APIError
    headers: RateLimitHeaders | None

    @property
    def response(self) -> Response | None:
        """The response, if there was one."""
        return self.result if isinstance(self.result, Response) else None

    @property
    def status(self) -> int | None:
        """The status of the response, if its head arrived."""
        return self.result.status

    def unwrap(self) -> Response:
        """Return the response, or raise the error."""
        if isinstance(self.result, Response):
            return self.result
        raise self.result


def _start(_request: Request) -> None:
    pass


def _log(_context: Any, request: Request, end: AttemptEnd) -> None:
    if _logger.isEnabledFor(logging.DEBUG):
        line = "%s %s: %s, attempt %d, %.3f s"
        values: tuple[object, ...] = (request.method, request.template, _outcome(end), end.number, end.seconds)
        if end.organization_id is not None:
            line, values = f"{line}, customer %s", (*values, one_line(end.organization_id))
        _logger.debug(line, *values)


def _outcome(end: AttemptEnd) -> str:
    if end.response is not None:
        return str(end.response.status)
    error = end.result
    cause = cause_text(error.cause_name, error.errno) if isinstance(error, APIConnectionError) else ""
    return f"{end.failure} ({cause})" if cause else str(end.failure)


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


def reporting_hooks(on_response: OnResponse | None) -> Hooks:
    """Return the hooks that also report the end of each attempt to a function of the program."""
    return Hooks() if on_response is None else Hooks(attempt_ended=partial(_log_and_report, on_response))


def _log_and_report(on_response: OnResponse, context: Any, request: Request, end: AttemptEnd) -> None:
    _log(context, request, end)
    _report(on_response, _info(request, end))


def _info(request: Request, end: AttemptEnd) -> AttemptInfo:
    return AttemptInfo(
        operation=request.operation,
        organization_id=end.organization_id,
        status=end.status,
        error_type=type(end.result).__name__ if end.response is None else None,
        request_id=None if end.response is None else request_id_of(end.response),
        attempt=end.number,
        seconds=end.seconds,
        seconds_waited=end.seconds_waited,
        rate_limit_class=request.limit,
        remaining=None if end.headers is None else end.headers.remaining,
    )


def _report(on_response: OnResponse, info: AttemptInfo) -> None:
    # A frame of its own: an error tracker reads the locals of a traceback, and here no request or response is one.
    try:
        on_response(info)
    except Exception:
        _logger.exception("on_response failed, which does not change the call (%s)", info.operation)
