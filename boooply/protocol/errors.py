"""What an answer that says no becomes (contract section 3)."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from boooply.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnprocessableEntityError,
)
from boooply.protocol.messages import Response
from boooply.secret import Secret, redact

ERRORS: Final[dict[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}

_OK: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_SERVER_ERRORS: Final = range(500, 600)
_LONGEST_MESSAGE: Final = 500
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")


def error_from_response(operation: str, response: Response, payload: Mapping[str, Any] | None) -> APIStatusError | None:
    """Read an answer as the error it is, or None where it says yes.

    An answer of any form is read: JSON of the API's or another shape, the HTML of a proxy, nothing at all. Whatever
    looks like a key in its text is masked.
    """
    told = payload or {}
    if response.status in _OK and told.get("success") is not False:
        return None
    minted = told.get("apiKey")  # of an answer that has changed its mind
    secrets = (response.key, Secret(minted) if isinstance(minted, str) else None)
    return _class(response.status)(
        operation,
        status=response.status,
        message=_told(_message(response, told), *secrets),
        code=_text(told.get("code"), *secrets),
        request_id=_text(response.headers.get("X-Request-Id"), *secrets),
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def writable(text: str) -> str:
    """Replace what neither UTF-8 nor a database takes: half characters and NUL, which JSON can hold."""
    return _UNWRITABLE.sub("\ufffd", text)


def _class(status: int) -> type[APIStatusError]:
    return ServerError if status in _SERVER_ERRORS else ERRORS.get(status, APIStatusError)


def _message(response: Response, told: Mapping[str, Any]) -> str:
    if response.status in _REDIRECTS:
        return "the API answered with a redirect, which is not followed: check base_url"
    for name in ("error", "message"):
        said = told.get(name)
        # some proxies nest the text: {"error": {"message": …}}
        if isinstance(said, dict):
            said = cast("dict[str, Any]", said).get("message")
        if isinstance(said, str) and said.strip():
            return said.strip()
    return "no reason given" if response.body else "an empty answer"


def _text(value: object, *secrets: Secret | None) -> str | None:
    return _told(value, *secrets) if isinstance(value, str) and value else None


def _told(text: str, *secrets: Secret | None) -> str:
    return writable(redact(text, *secrets))[:_LONGEST_MESSAGE]


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isascii() and value.isdigit() else None
