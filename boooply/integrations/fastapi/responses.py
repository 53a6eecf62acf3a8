"""The responses to errors, in FastAPI's own form: a JSON object with ``detail``."""

import logging
from math import ceil
from typing import Final

import attrs
from fastapi import Request
from fastapi.responses import JSONResponse

from boooply.errors import (
    AmbiguousWriteError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BoooplyError,
    CorruptKeyError,
    DeadlineExceededError,
    InvalidSignatureError,
    NotConnectedError,
    PermissionDeniedError,
    ProvisioningError,
    RateLimitError,
    StoreError,
    StoreMismatchError,
    ValidationError,
    WebhookError,
)
from boooply.models import InterviewNotEvaluatedError
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.protocol.settings import ORGANIZATION, PLATFORM, MissingKeyError
from boooply.provisioning.outcomes import KeysNotStoredError
from boooply.secret import one_line

_UNREACHABLE: Final = "Boooply cannot be reached at the moment."
_NOT_SET_UP: Final = "Boooply is not set up correctly."
_RETRY_AFTER: Final = 5  # seconds

logger: logging.Logger = logging.getLogger("boooply.fastapi")


@attrs.frozen
class _Reply:
    """A response to an error.

    Attributes:
        status: The HTTP status.
        code: What a program can compare.
        text: What people read; None means the error's own text.
        is_temporary: Whether to try again helps, after the time in ``Retry-After``.
    """

    status: int
    code: str
    text: str | None
    is_temporary: bool = False


# The statuses of the API that a user of the application can do something about. The API's own text is passed on.
_PASSED_ON: Final = {
    400: "bad_request",
    402: "payment_required",
    403: "permission_denied",
    404: "not_found",
    409: "conflict",
    422: "unprocessable",
}
_NOT_CONNECTED: Final = _Reply(409, "not_connected", "Boooply is not connected yet.")
_REJECTED: Final = _Reply(409, "key_rejected", "Boooply no longer accepts the key of this customer: reconnect Boooply.")
_MISSING_PLATFORM_KEY: Final = _Reply(503, "not_set_up", "Boooply is not set up: its platform key is missing.")
_WRONG_SETUP: Final = _Reply(500, "not_set_up", _NOT_SET_UP)
_TOO_LONG: Final = _Reply(
    504, "timeout", "The request to Boooply took too long. Try again in a moment.", is_temporary=True
)
# The nearest class of an error applies. Errors that a user of the application cannot correct get a general text, and
# are logged in full.
_REPLIES: Final[dict[type, _Reply]] = {
    ValidationError: _Reply(422, "invalid_value", None),
    InvalidSignatureError: _Reply(401, "invalid_signature", None),
    WebhookError: _Reply(400, "invalid_event", None),
    InterviewNotEvaluatedError: _Reply(409, "not_evaluated", None),
    NotConnectedError: _NOT_CONNECTED,
    KeysNotStoredError: _Reply(
        503, "not_ready", "Boooply is connected but not ready yet. Try again in a moment.", is_temporary=True
    ),
    ProvisioningError: _Reply(
        409, "in_doubt", "Boooply could not be connected. An administrator must check this customer."
    ),
    RateLimitError: _Reply(503, "rate_limited", "Boooply is busy. Try again in a moment.", is_temporary=True),
    AmbiguousWriteError: _Reply(
        502,
        "ambiguous",
        "Boooply gave no clear response and may have completed the request: check before you try again.",
    ),
    DeadlineExceededError: _TOO_LONG,
    APITimeoutError: _TOO_LONG,
    APIError: _Reply(502, "unreachable", _UNREACHABLE),
    CorruptKeyError: _Reply(
        500, "corrupt_key", "The stored Boooply key of this customer is damaged. An administrator must check it."
    ),
    StoreMismatchError: _WRONG_SETUP,
    StoreError: _Reply(503, "store_failed", "The key store cannot be reached at the moment.", is_temporary=True),
    BoooplyError: _WRONG_SETUP,
}


def error_response(_request: Request, error: BoooplyError) -> JSONResponse:
    """Return the response to an error, as an exception handler of FastAPI.

    Use it in an application without ``Boooply``: ``app.exception_handler(BoooplyError)(error_response)``. Such an
    application must catch ``KeysNotStoredError`` first and keep its keys, because nothing else stores them later.

    Args:
        _request: The request, which is ignored.
        error: The error.

    Returns:
        A JSON object with a ``detail`` for people and a ``code`` for programs. Neither contains a key.
    """
    reply = _reply_to(error)
    if reply.text is not None:
        logger.warning("%s%s: %s", type(error).__name__, _customer_of(error), _text_with_notes(error))
    headers = {"Retry-After": str(_retry_after(error))} if reply.is_temporary else None
    content = {"detail": reply.text or _own_text(error), "code": reply.code}
    return JSONResponse(content, status_code=reply.status, headers=headers)


def _customer_of(error: BoooplyError) -> str:
    if isinstance(error, APIStatusError) or not isinstance(error, APIError) or not error.organization_id:
        return ""  # the text of an APIStatusError names the customer
    return f" for customer {one_line(error.organization_id)}"


def _text_with_notes(error: BoooplyError) -> str:
    return " ".join([str(error), *getattr(error, "__notes__", [])])


def _own_text(error: BoooplyError) -> str:
    message = error.message if isinstance(error, APIStatusError) else ""
    return message or str(error)


def _reply_to(error: BoooplyError) -> _Reply:
    if isinstance(error, MissingKeyError) and error.argument == ORGANIZATION.argument:
        return _NOT_CONNECTED
    if isinstance(error, MissingKeyError) and error.argument == PLATFORM.argument:
        return _MISSING_PLATFORM_KEY
    if _rejects_platform_key(error):
        return _WRONG_SETUP
    if isinstance(error, APIStatusError) and error.status in _PASSED_ON:
        return _Reply(error.status, _PASSED_ON[error.status], None)
    if isinstance(error, AuthenticationError):
        return _REJECTED
    return next(_REPLIES[kind] for kind in type(error).__mro__ if kind in _REPLIES)


def _rejects_platform_key(error: BoooplyError) -> bool:
    if not isinstance(error, AuthenticationError | PermissionDeniedError):
        return False
    return error.operation == CREATE_ORGANIZATION_API_KEY.operation


def _retry_after(error: BoooplyError) -> int:
    seconds = error.retry_after if isinstance(error, APIStatusError) else None
    return _RETRY_AFTER if seconds is None else max(1, ceil(seconds))
