"""The errors that responses report (contract section 3)."""

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
from boooply.protocol.header_values import retry_after
from boooply.protocol.messages import Response
from boooply.secret import Secret, one_line, redact

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


def error_from_response(operation: str, response: Response, payload: Mapping[str, Any] | None) -> APIStatusError | None:
    """Return the error that a response reports, or None if it reports success.

    It may have any form: JSON of the API's or another shape, the HTML of a proxy, nothing at all. Whatever looks like
    a key in its text is masked.
    """
    fields = payload or {}
    if response.status in _OK and fields.get("success") is not False:
        return None
    minted = fields.get("apiKey")  # some responses report an error beside a key
    secrets = (response.key, Secret(minted) if isinstance(minted, str) else None)
    error = ServerError if response.status in _SERVER_ERRORS else ERRORS.get(response.status, APIStatusError)
    return error(
        operation,
        status=response.status,
        message=_clean(_message(response, fields), *secrets),
        code=_text(fields.get("code"), *secrets),
        request_id=_text(response.headers.get("X-Request-Id"), *secrets),
        retry_after=retry_after(response.headers),
    )


def _message(response: Response, fields: Mapping[str, Any]) -> str:
    if response.status in _REDIRECTS:
        return "the API responded with a redirect, which is not followed: check base_url"
    for name in ("error", "message"):
        text = fields.get(name)
        # some proxies nest the text: {"error": {"message": …}}
        if isinstance(text, dict):
            text = cast("dict[str, Any]", text).get("message")
        if isinstance(text, str) and text.strip():
            return text.strip()
    return "no reason given" if response.body else "an empty response"


def _text(value: object, *secrets: Secret | None) -> str | None:
    return _clean(value, *secrets) if isinstance(value, str) and value else None


def _clean(text: str, *secrets: Secret | None) -> str:
    return one_line(redact(text, *secrets))[:_LONGEST_MESSAGE]
