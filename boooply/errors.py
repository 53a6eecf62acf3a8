"""Everything this package raises.

BoooplyError
├── ConfigurationError         a key, base URL or option that cannot work
├── ValidationError            an argument that the API would refuse: names field and rule
├── ConnectionFailed           no answer: the API could not be reached, or hung up
├── DeadlineExceeded           no answer in time
├── AmbiguousWriteError        the request may have been carried out, and is not sent again
├── DecodingError              an answer that is not what the contract promises
├── APIError                   an answer that says no
│   ├── BadRequestError        400
│   ├── AuthenticationError    401
│   ├── PermissionDeniedError  403
│   ├── NotFoundError          404
│   ├── ConflictError          409
│   ├── UnprocessableError     422
│   ├── RateLimitedError       429
│   └── ServerError            5xx
├── InterviewNotEvaluated      the interview ended without one (stands in ``boooply.models``)
├── ProvisioningError          a customer file that cannot be used, or a run that has to stop
│   └── KeysNotStoredError     keys that cannot be stored (stands in ``boooply.provisioning``)
├── NotConnectedError          no key of this customer is stored
├── WrongTenantError           a stored key belongs to another customer
├── WebhookError               a webhook that is not to be believed, or cannot be read
│   ├── InvalidSignature       it is not signed with one of these secrets
│   ├── StaleEvent             it is signed, and older than ``max_age``
│   └── MalformedEvent         it is signed, and not what the contract promises
└── StoreError                 the store cannot be opened, read or written
    └── CorruptKeyError        a stored key is not what was stored

No message, attribute or traceback of any of them shows a key, a join token, a CV or a transcript.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any


class BoooplyError(Exception):
    """Catch anything this package raises."""

    # An exception is pickled as its class and args; ours keep facts in keyword-only attributes beside them.
    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(error: type[BoooplyError], args: tuple[Any, ...], facts: dict[str, Any]) -> BoooplyError:
    rebuilt = error.__new__(error, *args)
    rebuilt.args = args
    rebuilt.__dict__.update(facts)
    return rebuilt


class ConfigurationError(BoooplyError, ValueError):
    """Tell which setting cannot work, and what to give instead."""


class ValidationError(BoooplyError, ValueError):
    """Tell which field breaks which rule of the API, before anything is sent.

    Attributes:
        field: Its name, as the argument is spelled.
        rule: What the value has to be.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


class ConnectionFailed(BoooplyError, ConnectionError):
    """Tell that the API could not be reached, or hung up without an answer.

    Attributes:
        operation: The call, as ``interviews.get``.
    """

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation}: no answer from the API: {reason}")
        self.operation = operation


class DeadlineExceeded(BoooplyError, TimeoutError):
    """Tell that the answer did not come in time, or could not: a wait that would outlast its deadline is not begun.

    Attributes:
        operation: The call, as ``interviews.get``.
        seconds: The time it had.
    """

    def __init__(self, operation: str, seconds: float, *, waiting_for: str = "answer") -> None:
        super().__init__(f"{operation}: no {waiting_for} within {seconds:g} s")
        self.operation = operation
        self.seconds = seconds


class AmbiguousWriteError(BoooplyError):
    """Tell that a request may have been carried out, and was not sent again.

    A created interview can be looked for with ``client.interviews.resolve(error)``. For a minted key nothing can tell:
    minting again is safe for the customer, but may leave a live key that nobody holds.

    Attributes:
        operation: The call, as ``interviews.create``.
        identity: What it was about: the interview's code or the organization's id, if there is one.
        people: The e-mail addresses it would have invited; kept out of every text.
        status: The HTTP status that came back, if one did.
        answer: What came back with it, read as the error it would be elsewhere: code, message, request id.
        sent_at: When it was first sent.
        by_api_clock: Whether that is the API's time, known from its earlier answers, or this machine's.
    """

    def __init__(
        self,
        operation: str,
        *,
        identity: str | None,
        people: tuple[str, ...],
        status: int | None,
        sent_at: datetime,
        by_api_clock: bool = False,
        answer: APIError | None = None,
    ) -> None:
        about = f" for {identity}" if identity else ""
        came = "no answer came" if status is None else f"the answer was HTTP {status}"
        came += f": {answer.message}" if answer is not None and answer.message else ""
        super().__init__(f"{operation}{about}: it may have been carried out ({came}); it was not sent again")
        self.operation = operation
        self.identity = identity
        self.people = people
        self.status = status
        self.answer = answer
        self.sent_at = sent_at
        self.by_api_clock = by_api_clock


class DecodingError(BoooplyError):
    """Tell that an answer is not what the contract promises: HTML, cut off, or of another shape.

    Attributes:
        operation: The call, as ``interviews.get``.
        status: The HTTP status it came with.
        problems: What was expected and what kind of thing was found, a line each; never a value.
    """

    def __init__(self, operation: str, *, status: int, problems: tuple[str, ...]) -> None:
        super().__init__(f"{operation}: cannot read the answer (HTTP {status}): {'; '.join(problems)}")
        self.operation = operation
        self.status = status
        self.problems = problems


class APIError(BoooplyError):
    """Tell that the API refused a call.

    Attributes:
        operation: The call, as ``interviews.get``.
        status: The HTTP status.
        code: The API's machine code, as ``INVALID_API_KEY``, if it gave one.
        message: The API's text for people, cut at 500 characters.
        request_id: The ``X-Request-Id`` of the answer, if there is one: quote it to the vendor's support.
        retry_after: Seconds to wait, where the API named them.
    """

    def __init__(
        self,
        operation: str,
        *,
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
        self.operation = operation
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retry_after = retry_after


class BadRequestError(APIError):
    """400: a parameter is wrong, or the interview is past the state in which this can be done."""


class AuthenticationError(APIError):
    """401: the key is invalid, inactive or expired."""


class PermissionDeniedError(APIError):
    """403: the key lacks the permission, or is of the other kind."""


class NotFoundError(APIError):
    """404: there is no such thing, or not in this organization."""


class ConflictError(APIError):
    """409: it exists already."""


class UnprocessableError(APIError):
    """422: the API's own validation refused the values."""


class RateLimitedError(APIError):
    """429: the allowance of this window is used up."""


class ServerError(APIError):
    """5xx: the API, or a proxy before it, failed."""


class ProvisioningError(BoooplyError):
    """Tell why a file of customers cannot be used, or why a run has to stop."""


class NotConnectedError(BoooplyError, LookupError):
    """Tell that no key of a customer is stored; a key store of your own raises it too.

    Attributes:
        organization_id: The platform's own id of the customer.
    """

    def __init__(self, organization_id: str) -> None:
        super().__init__(f"{organization_id} is not connected: no key of it is stored")
        self.organization_id = organization_id


class WrongTenantError(BoooplyError):
    """Tell that a stored key belongs to another customer than the one it is stored for; nothing was written with it.

    Attributes:
        organization_id: The customer whose key was asked for.
        found: Whose key it is, by the API's word.
    """

    def __init__(self, organization_id: str, found: str | None) -> None:
        super().__init__(f"the key stored for {organization_id} belongs to {found or 'nobody that the API names'}")
        self.organization_id = organization_id
        self.found = found


class WebhookError(BoooplyError, ValueError):
    """Tell why a webhook is refused; no text quotes its body or its headers.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidSignature(WebhookError):
    """Tell that the body is not signed with one of the webhook secrets.

    Attributes:
        is_reserialized: Whether the signature fits the same JSON in the vendor's form: then the sender is genuine, and
            a framework has parsed the body and written it again before it came here.
    """

    def __init__(self, reason: str, *, is_reserialized: bool = False) -> None:
        super().__init__(reason)
        self.is_reserialized = is_reserialized


class StaleEvent(WebhookError):
    """Tell that the signed time of an event is further from now than ``max_age``, or not there."""


class MalformedEvent(WebhookError):
    """Tell that a signed body is not an event, or lacks what none can do without."""


class StoreError(BoooplyError):
    """Tell why the store cannot be opened, read or written."""


class CorruptKeyError(StoreError):
    """Tell that the key stored for a customer was cut, altered, or put in another customer's place.

    Attributes:
        organization_id: The customer.
    """

    def __init__(self, organization_id: str) -> None:
        super().__init__(f"the key stored for {organization_id} is not what was stored: it was altered, cut or swapped")
        self.organization_id = organization_id
