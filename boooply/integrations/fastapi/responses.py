"""The responses to errors, in FastAPI's own form."""

import logging
from math import ceil
from typing import Final

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
from boooply.provisioning.outcomes import KeysNotStoredError

_REFUSED: Final = "Boooply does not accept the key of this customer any more: reconnect Boooply."
_UNREACHABLE: Final = "Boooply cannot be reached just now."
_NOT_SET_UP: Final = "Boooply is not set up correctly."
_RETRY_AFTER: Final = 5  # seconds

logger: logging.Logger = logging.getLogger("boooply.fastapi")

# The statuses and texts of the API that a user of the application can do something about.
_PASSED_ON: Final = frozenset({400, 402, 403, 404, 409, 422})
# A status and a text for people; None stands for the error's own. The nearest class of an error applies. Errors that a
# user of the application cannot correct get a general text, and are logged in full.
_REPLIES: Final[dict[type, tuple[int, str | None]]] = {
    ValidationError: (422, None),
    InvalidSignatureError: (401, None),
    WebhookError: (400, None),
    InterviewNotEvaluatedError: (409, None),
    NotConnectedError: (409, "Boooply is not connected yet."),
    KeysNotStoredError: (503, "Boooply is connected, and not ready yet: try again in a moment."),
    ProvisioningError: (409, "Boooply cannot be connected: somebody must look into it."),
    RateLimitError: (503, "Boooply is busy: try again in a moment."),
    AmbiguousWriteError: (502, "Boooply gave no clear response, and may have done it: look before you try again."),
    DeadlineExceededError: (504, _UNREACHABLE),
    APITimeoutError: (504, _UNREACHABLE),
    APIError: (502, _UNREACHABLE),
    CorruptKeyError: (500, "Boooply's key for this customer is damaged: somebody must look into it."),
    StoreMismatchError: (500, _NOT_SET_UP),
    StoreError: (503, "The store cannot be reached just now."),
    BoooplyError: (500, _NOT_SET_UP),
}


def error_response(_request: Request, error: BoooplyError) -> JSONResponse:
    """Return the response to an error, in FastAPI's own form; no text contains a key."""
    if _refuses_platform_key(error):
        logger.warning("%s: %s", type(error).__name__, error)
        return JSONResponse({"detail": _NOT_SET_UP}, status_code=500)
    if isinstance(error, APIStatusError) and error.status in _PASSED_ON:
        return JSONResponse({"detail": error.message or str(error)}, status_code=error.status)
    if isinstance(error, AuthenticationError):
        logger.warning("%s: %s", type(error).__name__, error)
        return JSONResponse({"detail": _REFUSED}, status_code=409)
    status, text = next(_REPLIES[kind] for kind in type(error).__mro__ if kind in _REPLIES)
    if text is not None:
        logger.warning("%s: %s", type(error).__name__, error)
    headers = {"Retry-After": str(_retry_after(error))} if status == 503 else None  # noqa: PLR2004 - the status that has this header
    return JSONResponse({"detail": text or str(error)}, status_code=status, headers=headers)


def _refuses_platform_key(error: BoooplyError) -> bool:
    if not isinstance(error, AuthenticationError | PermissionDeniedError):
        return False
    return error.operation == CREATE_ORGANIZATION_API_KEY.operation


def _retry_after(error: BoooplyError) -> int:
    seconds = error.retry_after if isinstance(error, APIStatusError) else None
    return _RETRY_AFTER if seconds is None else max(1, ceil(seconds))
