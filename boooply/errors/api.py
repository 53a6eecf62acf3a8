"""The exceptions of API calls."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from boooply.errors.base import BoooplyError
from boooply.secret import one_line


class APIError(BoooplyError):
    """A call to the API failed.

    Catch this class to handle every kind of failure.

    Attributes:
        operation: The call, such as ``interviews.get``.
        status: The HTTP status code. None if no response arrived.
        organization_id: Your own ID of the customer whose key was sent. None unless the client comes from
            ``AsyncTenants`` or ``Tenants``. Only the ``args`` of an ``APIStatusError`` contain it.
    """

    operation: str
    status: int | None = None
    organization_id: str | None = None


class APIConnectionError(APIError, ConnectionError):
    """The API could not be reached, or closed the connection without a response.

    Attributes:
        operation: The call, such as ``interviews.get``.
        errno: The error number of the operating system. None if there is none.
        cause_name: The class name of the underlying exception, such as ``ConnectionRefusedError``. None if there is
            none.
        status: The HTTP status code, if the connection broke within a response.
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
    """Return the name of an exception and the operating system's text for its error number, if they are known."""
    return ": ".join(filter(None, [cause_name, None if errno is None else os.strerror(errno)]))


class APITimeoutError(APIConnectionError, TimeoutError):
    """One attempt got no connection or no response within its timeout, or a download stalled.

    Attributes:
        operation: The call, such as ``interviews.get``.
        seconds: The timeout of one attempt, or of its connection, in seconds. For a stalled download, the seconds
            without data.
        after: For a stalled download, the seconds from the start of the attempt until the last data arrived. Otherwise
            None.
        connecting: Whether there was no connection in time. Nothing was sent then.
    """

    def __init__(
        self,
        operation: str,
        seconds: float,
        status: int | None = None,
        after: float | None = None,
        connecting: bool = False,  # noqa: FBT001, FBT002 - `args` are positional
    ) -> None:
        reason = f"an attempt took longer than {seconds:g} s"
        if connecting:
            reason = f"the API's host does not respond: no connection within {seconds:g} s"
        elif after is not None:
            reason = _stall(seconds, after)
        super().__init__(operation, reason, status=status)
        self._take_args(operation, seconds, status, after, connecting)
        self.seconds = seconds
        self.after = after
        self.connecting = connecting


def _stall(seconds: float, after: float) -> str:
    began = f" after {round(after, 2):g} s" if after else ""
    return f"no data for {round(seconds, 2):g} s{began}"


class DeadlineExceededError(APIError, TimeoutError):
    """The deadline of a call passed, or the next wait would have exceeded it.

    Attributes:
        operation: The call, such as ``interviews.get``.
        seconds: The deadline, in seconds from the start of the call.
        status: The HTTP status code of the last response, if there was one.
    """

    def __init__(
        self,
        operation: str,
        seconds: float,
        waiting_for: str = "response",
        status: int | None = None,
        *,
        organization_id: str | None = None,
    ) -> None:
        last = "" if status is None else f"; the last response was {status}"
        super().__init__(f"{operation}: no {waiting_for} within {seconds:g} s{last}")
        self._take_args(operation, seconds, waiting_for, status)
        self.operation = operation
        self.seconds = seconds
        self.status = status
        self.organization_id = organization_id


# How to find out whether a call was carried out, for calls where that is possible.
_REMEDIES: Final = {"interviews.create": ". Call interviews.resolve(error) to look for the interview"}


class AmbiguousWriteError(APIError):
    """A write may have been carried out, and was not sent again.

    After ``interviews.create``, call ``client.interviews.resolve(error)`` to look for the interview. After minting a
    key, no call shows the outcome. You can mint again, but the first key may then exist as an orphan: a valid key that
    nobody has stored.

    Attributes:
        operation: The call, such as ``interviews.create``.
        identity: The meeting code or the organization ID that the call was about. None if it had neither.
        people: The e-mail addresses of the people to invite. Neither ``str(error)`` nor ``error.args`` contains them.
        status: The HTTP status code of the response. None if no response arrived.
        status_error: The error that the response reports, with its code, message and request ID. None if there is
            none.
        sent_at: The time of the first attempt that may have been carried out, with its time zone.
        by_api_clock: True if ``sent_at`` is by the API's clock, False if it is by the clock of this machine.
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
        super().__init__(f"{operation}{about}: it may have been carried out ({outcome}). It was not sent again{remedy}")
        self._take_args(operation, identity, status, sent_at.isoformat(), by_api_clock, message)
        self.operation = operation
        self.identity = identity
        self.people = people
        self.status = status
        self.status_error = status_error
        self.sent_at = sent_at
        self.by_api_clock = by_api_clock


class DecodingError(APIError):
    """A response cannot be read: it is HTML, is cut off, or lacks a required value.

    Attributes:
        operation: The call, such as ``interviews.get``.
        status: The HTTP status code of the response.
        problems: The problems, each with the expected and the found type, and never the value.
    """

    def __init__(
        self, operation: str, status: int, problems: Iterable[str], *, organization_id: str | None = None
    ) -> None:
        self.operation = operation
        self.organization_id = organization_id
        self.status: int = status  # pyright: ignore[reportIncompatibleVariableOverride]  # here always present
        self.problems: tuple[str, ...] = tuple(map(one_line, problems))
        super().__init__(f"{operation}: cannot read the response (HTTP {status}): {'; '.join(self.problems)}")
        self._take_args(operation, status, self.problems)


class APIStatusError(APIError):
    """The API responded with an error.

    Attributes:
        operation: The call, such as ``interviews.get``.
        status: The HTTP status code.
        code: The API's error code, such as ``INVALID_API_KEY``. None if the response contains none.
        message: The API's error message, cut to 500 characters.
        request_id: The ``X-Request-Id`` of the response, for requests to Boooply's support. None if there is none.
        retry_after: The seconds to wait before you retry, as the API requests. None if it names none.
        organization_id: Your own ID of the customer whose key was sent. None unless the client comes from
            ``AsyncTenants`` or ``Tenants``.
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
    """400: a parameter is invalid, or the state of the interview does not allow the call."""


class AuthenticationError(APIStatusError):
    """401: the key is invalid, inactive or expired."""


class PaymentRequiredError(APIStatusError):
    """402: the interviews of the customer's plan are used up. ``message`` is the API's explanation."""


class PermissionDeniedError(APIStatusError):
    """403: the key lacks the permission or is of the other kind, or the plan is used up. See ``message``."""


class NotFoundError(APIStatusError):
    """404: the resource does not exist in this organization."""


class ConflictError(APIStatusError):
    """409: the resource already exists."""


class UnprocessableEntityError(APIStatusError):
    """422: the API rejected the values that were sent."""


class RateLimitError(APIStatusError):
    """429: the rate limit is exceeded, and retrying did not help."""


class ServerError(APIStatusError):
    """5xx: the API failed, or a proxy in front of it."""
