"""The hooks around calls and their attempts: internal, and the place for logs, metrics and spans."""

import logging
from collections.abc import Callable
from typing import Any, Final

import attrs

from boooply.errors import APIConnectionError, APIError, cause_text
from boooply.protocol.messages import Request, Response
from boooply.protocol.retry import FailureKind
from boooply.ratelimit.headers import RateLimitHeaders

_logger: Final = logging.getLogger("boooply")


@attrs.define(kw_only=True)
class AttemptEnd:
    """The end of one attempt: a response, which may itself report an error, or the error in its place.

    ``sent_at`` is in seconds since 1970 by this machine's clock, ``seconds`` is how long the attempt took.
    """

    number: int
    sent_at: float
    seconds: float
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
        _logger.debug(line, request.method, request.template, _outcome(end), end.number, end.seconds)


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
