"""The internal hooks around calls and attempts, for logs, metrics and spans."""

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
    """The end of one attempt.

    Attributes:
        number: The number of the attempt within the call, from 1.
        sent_at: When the attempt started, in seconds since 1970 by this machine's clock.
        seconds: The duration of the attempt, in seconds.
        seconds_waited: The time that the attempt waited for the rate limit, in seconds.
        organization_id: The customer, if it is known.
        failure: The kind of failure, or None if the attempt ends the call.
        result: The response, which may report an error, or the error if there was no complete response.
        headers: The rate-limit headers of the response.
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
        """The response, or None."""
        return self.result if isinstance(self.result, Response) else None

    @property
    def status(self) -> int | None:
        """The HTTP status code, or None if no response arrived."""
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


def log_pause(request: Request, end: AttemptEnd, seconds: float) -> None:
    """Log that an attempt failed, and when the request is sent again."""
    customer = "" if end.organization_id is None else f", customer {one_line(end.organization_id)}"
    line = "%s %s: %s, attempt %d: sent again in %.1f s%s"
    _logger.info(line, request.method, request.template, _outcome(end), end.number, seconds, customer)


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
    """Functions that are called around calls and attempts. They must not raise.

    The other two receive the return value of ``call_started`` as their context. A read that reconciles a call counts as
    a separate call.
    """

    call_started: Callable[[Request], Any] = _start
    attempt_ended: Callable[[Any, Request, AttemptEnd], None] = _log
    call_ended: Callable[[Any, Request, Response | BaseException], None] = _end


def reporting_hooks(on_response: OnResponse | None) -> Hooks:
    """Return hooks that also report the end of each attempt to ``on_response``."""
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
    # A separate function, so that no local variable in the traceback is a request or a response.
    try:
        on_response(info)
    except Exception:
        _logger.exception("on_response raised an exception; the call is not affected (%s)", info.operation)
