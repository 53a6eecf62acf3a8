"""Everything this package raises.

BoooplyError
├── ConfigurationError              a key, base URL or option that cannot work
├── ValidationError                 an argument that the API would reject: names field and rule
├── APIError                        a call that failed
│   ├── APIConnectionError          no response: the API could not be reached, or closed the connection
│   │   └── APITimeoutError         one attempt took too long
│   ├── DeadlineExceededError       the deadline of a call passed, or would have
│   ├── AmbiguousWriteError         the request may have been carried out, and is not sent again
│   ├── DecodingError               a response that is not what the contract promises
│   └── APIStatusError              a response that reports an error
│       ├── BadRequestError         400
│       ├── AuthenticationError     401
│       ├── PaymentRequiredError    402
│       ├── PermissionDeniedError   403
│       ├── NotFoundError           404
│       ├── ConflictError           409
│       ├── UnprocessableEntityError 422
│       ├── RateLimitError          429
│       └── ServerError             5xx
├── InterviewNotEvaluatedError      the interview ended without one (defined in ``boooply.models``)
├── ProvisioningError               a customer file that cannot be used, or a run that must stop
│   └── KeysNotStoredError          keys that cannot be stored (defined in ``boooply.provisioning``)
├── NotConnectedError               no key of this customer is stored
├── WrongTenantError                a stored key belongs to another customer
├── WebhookError                    a webhook that is not genuine, or cannot be read
│   ├── InvalidSignatureError       it is not signed with one of these secrets
│   ├── StaleEventError             it is signed, and older than ``max_age``
│   └── MalformedEventError         it is signed, and not what the contract promises
├── DeclinedError                   a handler leaves an event to another process (defined in ``boooply.store``)
└── StoreError                      the store cannot be opened, read or written
    ├── StoreMismatchError          the store belongs to another API, or to other platform keys
    └── CorruptKeyError             a stored key is not what was stored

No message, attribute or traceback of any of them shows a key, a join token, a CV or a transcript.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime

from boooply.secret import one_line

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "AmbiguousWriteError",
    "AuthenticationError",
    "BadRequestError",
    "BoooplyError",
    "ConfigurationError",
    "ConflictError",
    "CorruptKeyError",
    "DeadlineExceededError",
    "DecodingError",
    "InvalidSignatureError",
    "MalformedEventError",
    "NotConnectedError",
    "NotFoundError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "ProvisioningError",
    "RateLimitError",
    "ServerError",
    "StaleEventError",
    "StoreError",
    "StoreMismatchError",
    "UnprocessableEntityError",
    "ValidationError",
    "WebhookError",
    "WrongTenantError",
]


class BoooplyError(Exception):
    """The base class of everything this package raises.

    Its text is one line, whatever it quotes. ``type(error)(*error.args)`` makes the same error again, from arguments
    that JSON can contain.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self._text = one_line(super().__str__())

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._text!r})"


class ConfigurationError(BoooplyError, ValueError):
    """A setting cannot work; the message says what to pass instead."""


class ValidationError(BoooplyError, ValueError):
    """An argument breaks a rule of the API; nothing was sent.

    Attributes:
        field: Its name, as the argument is spelled.
        rule: What the value must be.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.args = field, rule
        self.field = field
        self.rule = rule


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
        super().__init__(f"{operation}: no response from the API: {reason}{f' ({cause})' if cause else ''}")
        self.args = operation, reason, errno, cause_name, status
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
        seconds: The timeout of one attempt.
    """

    def __init__(self, operation: str, seconds: float, status: int | None = None) -> None:
        super().__init__(operation, f"an attempt took longer than {seconds:g} s", status=status)
        self.args = operation, seconds, status
        self.seconds = seconds


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
        self.args = operation, seconds, waiting_for, status
        self.operation = operation
        self.seconds = seconds
        self.status = status


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
        super().__init__(f"{operation}{about}: it may have been carried out ({outcome}); it was not sent again")
        self.args = operation, identity, status, sent_at.isoformat(), by_api_clock, message
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
        self.problems = tuple(map(one_line, problems))
        super().__init__(f"{operation}: cannot read the response (HTTP {status}): {'; '.join(self.problems)}")
        self.args = operation, status, self.problems


class APIStatusError(APIError):
    """The API responded with an error.

    Attributes:
        operation: The call, as ``interviews.get``.
        status: The HTTP status.
        code: The API's machine code, as ``INVALID_API_KEY``, if it gave one.
        message: The API's text for people, at most 500 characters of it.
        request_id: The ``X-Request-Id`` of the response, if there is one: quote it to the vendor's support.
        retry_after: Seconds to wait, if the API named them.
    """

    def __init__(
        self,
        operation: str,
        status: int,
        message: str,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        parts = (
            f"{operation}: HTTP {status}",
            f" {code}" if code else "",
            f": {message}" if message else "",
            f" (request {request_id})" if request_id else "",
        )
        super().__init__("".join(parts))
        self.args = operation, status, message, code, request_id, retry_after
        self.operation = operation
        self.status: int = status  # pyright: ignore[reportIncompatibleVariableOverride]  # here always present
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retry_after = retry_after


class BadRequestError(APIStatusError):
    """400: a parameter is wrong, or the interview is past the state in which this can be done."""


class AuthenticationError(APIStatusError):
    """401: the key is invalid, inactive or expired."""


class PaymentRequiredError(APIStatusError):
    """402: the plan's interviews are used up."""


class PermissionDeniedError(APIStatusError):
    """403: the key lacks the permission, or is of the other kind."""


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


class ProvisioningError(BoooplyError):
    """A file of customers cannot be used, or a run must stop."""


class NotConnectedError(BoooplyError, LookupError):
    """No key of a customer is stored; your own key store raises it too.

    Attributes:
        organization_id: The platform's own id of the customer.
    """

    def __init__(self, organization_id: str) -> None:
        super().__init__(f"{organization_id} is not connected: no key of it is stored")
        self.args = (organization_id,)
        self.organization_id = organization_id


class WrongTenantError(BoooplyError):
    """A stored key belongs to another customer than the one it is stored for; nothing was written with it.

    Attributes:
        organization_id: The customer whose key was asked for.
        found: The customer whose key it is, according to the API.
    """

    def __init__(self, organization_id: str, found: str | None) -> None:
        super().__init__(f"the key stored for {organization_id} belongs to {found or 'nobody that the API names'}")
        self.args = organization_id, found
        self.organization_id = organization_id
        self.found = found


class WebhookError(BoooplyError, ValueError):
    """A webhook was rejected; no message quotes its body or its headers.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidSignatureError(WebhookError):
    """The body is not signed with one of the webhook secrets.

    Attributes:
        is_reserialized: Whether the signature fits the same JSON in the vendor's form. Then the sender is genuine, and
            a framework has parsed the body and written it again.
    """

    def __init__(self, reason: str, is_reserialized: bool = False) -> None:  # noqa: FBT001, FBT002 - `args` are positional
        super().__init__(reason)
        self.args = reason, is_reserialized
        self.is_reserialized = is_reserialized


class StaleEventError(WebhookError):
    """The signed time of an event is missing, or further from now than ``max_age``."""


class MalformedEventError(WebhookError):
    """A signed body is not an event, or lacks a required part."""


class StoreError(BoooplyError):
    """The store cannot be opened, read or written.

    Attributes:
        is_permanent: Whether a retry cannot help, since it is no longer the store that was opened, or never was yours.
    """

    def __init__(self, problem: str = "", is_permanent: bool = False) -> None:  # noqa: FBT001, FBT002 - `args` are positional
        super().__init__(problem)
        self.args = (problem, True) if is_permanent else (problem,)
        self.is_permanent = is_permanent


class StoreMismatchError(StoreError):
    """The store belongs to another API or to other platform keys than yours; nothing was sent."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, is_permanent=True)
        self.args = (problem,)


class CorruptKeyError(StoreError):
    """The key stored for a customer was cut, altered, or swapped with another customer's.

    Attributes:
        organization_id: The customer.
    """

    def __init__(self, organization_id: str) -> None:
        super().__init__(
            f"the key stored for {organization_id} is not what was stored: it was altered, cut or swapped",
            is_permanent=True,
        )
        self.args = (organization_id,)
        self.organization_id = organization_id
