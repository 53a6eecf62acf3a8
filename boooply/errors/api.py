"""The errors of calls."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from boooply.errors.base import BoooplyError
from boooply.secret import one_line


class APIError(BoooplyError):
    """A call failed.

    Attributes:
        status: The HTTP status, if the head of a response arrived.
    """

    status: int | None = None


class APIConnectionError(APIError, ConnectionError):
    """The API could not be reached, or closed the connection without a response.

    Attributes:
        operation: The call, as ``interviews.get``.
        errno: The operating system's number of what happened, if it has one.
        cause_name: The name of the exception below this one, as ``ConnectionRefusedError``.
    """

    errno: int | None = None  # in place of OSError's, which pickle would leave out

    def __init__(
        self,
        operation: str,
        reason: str,
        errno: int | None = None,
        cause_name: str | None = None,
        status: int | None = None,
    ) -> None:
        cause = cause_text(cause_name, errno)
        missing = "no response from the API" if status is None else "no complete response"
        super().__init__(f"{operation}: {missing}: {reason}{f' ({cause})' if cause else ''}")
        self._take_args(operation, reason, errno, cause_name, status)
        self.operation = operation
        self.errno = errno
        self.cause_name = cause_name
        self.status = status


def cause_text(cause_name: str | None, errno: int | None) -> str:
    """Return the name of an exception and the operating system's text for its number, as far as there are any."""
    return ": ".join(filter(None, [cause_name, None if errno is None else os.strerror(errno)]))


class APITimeoutError(APIConnectionError, TimeoutError):
    """One attempt got no response within its timeout.

    Attributes:
        operation: The call, as ``interviews.get``.
        seconds: The timeout of one attempt. If a download stalls: for how long no data came.
        after: If a download stalls: the seconds from the start of the attempt until its last data.
    """

    def __init__(self, operation: str, seconds: float, status: int | None = None, after: float | None = None) -> None:
        reason = f"an attempt took longer than {seconds:g} s" if after is None else _stall(seconds, after)
        super().__init__(operation, reason, status=status)
        self._take_args(operation, seconds, status, after)
        self.seconds = seconds
        self.after = after


def _stall(seconds: float, after: float) -> str:
    began = f" after {round(after, 2):g} s" if after else ""
    return f"no data for {round(seconds, 2):g} s{began}"


class DeadlineExceededError(APIError, TimeoutError):
    """The deadline of a call passed, or a wait would have outlasted it.

    Attributes:
        operation: The call, as ``interviews.get``.
        seconds: The time it had.
    """

    def __init__(
        self, operation: str, seconds: float, waiting_for: str = "response", status: int | None = None
    ) -> None:
        super().__init__(f"{operation}: no {waiting_for} within {seconds:g} s")
        self._take_args(operation, seconds, waiting_for, status)
        self.operation = operation
        self.seconds = seconds
        self.status = status


# What shows whether a call was carried out, where something does.
_REMEDIES: Final = {"interviews.create": ". interviews.resolve(error) looks for it"}


class AmbiguousWriteError(APIError):
    """A request may have been carried out, and was not sent again.

    ``client.interviews.resolve(error)`` searches for a created interview. Nothing shows whether a key was minted:
    minting again is safe for the customer, but may leave an orphan, a live key that nobody has stored.

    Attributes:
        operation: The call, as ``interviews.create``.
        identity: The interview's code or the organization's id, if there is one.
        people: The e-mail addresses it would have invited; neither ``args`` nor any text shows them.
        status: The HTTP status of the response, if there was one.
        status_error: The response as the error that it would be elsewhere: code, message, request id.
        sent_at: When it was first sent.
        by_api_clock: Whether that is by the API's clock, known from its responses, or by this machine's.
    """

    def __init__(
        self,
        operation: str,
        identity: str | None,
        status: int | None,
        sent_at: datetime | str,
        by_api_clock: bool = False,  # noqa: FBT001, FBT002 - `args` are positional
        message: str | None = None,
        *,
        people: tuple[str, ...] = (),
        status_error: APIStatusError | None = None,
    ) -> None:
        sent_at = datetime.fromisoformat(sent_at) if isinstance(sent_at, str) else sent_at
        message = message or (None if status_error is None else status_error.message)
        about = f" for {identity}" if identity else ""
        outcome = "no response" if status is None else f"the response was HTTP {status}"
        outcome += f": {message}" if message else ""
        remedy = _REMEDIES.get(operation, "")
        super().__init__(f"{operation}{about}: it may have been carried out ({outcome}); it was not sent again{remedy}")
        self._take_args(operation, identity, status, sent_at.isoformat(), by_api_clock, message)
        self.operation = operation
        self.identity = identity
        self.people = people
        self.status = status
        self.status_error = status_error
        self.sent_at = sent_at
        self.by_api_clock = by_api_clock


class DecodingError(APIError):
    """A response is not what the contract promises: HTML, truncated, or of another shape.

    Attributes:
        operation: The call, as ``interviews.get``.
        status: The HTTP status it came with.
        problems: What was expected and which type was found, one problem per text; never a value.
    """

    def __init__(self, operation: str, status: int, problems: Iterable[str]) -> None:
        self.operation = operation
        self.status: int = status  # pyright: ignore[reportIncompatibleVariableOverride]  # here always present
        self.problems: tuple[str, ...] = tuple(map(one_line, problems))
        super().__init__(f"{operation}: cannot read the response (HTTP {status}): {'; '.join(self.problems)}")
        self._take_args(operation, status, self.problems)


class APIStatusError(APIError):
    """The API responded with an error.

    Attributes:
        operation: The call, as ``interviews.get``.
        status: The HTTP status.
        code: The API's machine code, as ``INVALID_API_KEY``, if it gave one.
        message: The API's text for people, at most 500 characters of it.
        request_id: The ``X-Request-Id`` of the response, if there is one: quote it to the vendor's support.
        retry_after: Seconds to wait, if the API named them.
        organization_id: Your own id of the customer whose key was sent, if its client comes from ``tenants``.
    """

    def __init__(
        self,
        operation: str,
        status: int,
        message: str,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        organization_id: str | None = None,
    ) -> None:
        parts = (
            operation if organization_id is None else f"{operation} for customer {organization_id}",
            f": HTTP {status}",
            f" {code}" if code else "",
            f": {message}" if message else "",
            f" (request {request_id})" if request_id else "",
        )
        super().__init__("".join(parts))
        self._take_args(operation, status, message, code, request_id, retry_after, organization_id)
        self.operation = operation
        self.status: int = status  # pyright: ignore[reportIncompatibleVariableOverride]  # here always present
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retry_after = retry_after
        self.organization_id = organization_id


class BadRequestError(APIStatusError):
    """400: a parameter is wrong, or the interview is past the state in which this can be done."""


class AuthenticationError(APIStatusError):
    """401: the key is invalid, inactive or expired."""


class PaymentRequiredError(APIStatusError):
    """402: the plan's interviews are used up; ``message`` is the vendor's text."""


class PermissionDeniedError(APIStatusError):
    """403: the key lacks the permission or is of the other kind, or the plan is used up; ``message`` says which."""


class NotFoundError(APIStatusError):
    """404: it does not exist, or not in this organization."""


class ConflictError(APIStatusError):
    """409: it exists already."""


class UnprocessableEntityError(APIStatusError):
    """422: the API's own validation rejected the values."""


class RateLimitError(APIStatusError):
    """429: the rate limit of this window is used up."""


class ServerError(APIStatusError):
    """5xx: the API, or a proxy before it, failed."""
