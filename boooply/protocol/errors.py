"""The errors that responses report (contract section 3)."""

import re
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, cast
from urllib.parse import unquote

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
from boooply.protocol.messages import Request, Response
from boooply.secret import MASK, Secret, one_line, redact

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
_MOST_ESCAPED: Final = 3  # times; without a bound, a text made for it would block the event loop
_MOST_READ: Final = 2000  # characters of a message; masks may shorten it
_BLOCK: Final = 16  # characters; a quote has at least two of these
_ITSELF: Final = frozenset('"\\/')  # the other escapes are line breaks and the like
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"\\/bfnrt]))")


def error_from_response(operation: str, response: Response, payload: Mapping[str, Any] | None) -> APIStatusError | None:
    """Return the error that a response reports, or None if it reports success.

    It may have any form: JSON of the API's or another shape, the HTML of a proxy, nothing at all. In its text, whatever
    looks like a key is masked, and so is every quote of 32 characters or more from the request.
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
        message=_clean(_message(response, fields), response.request, *secrets),
        code=_text(fields.get("code"), response.request, *secrets),
        request_id=_text(response.headers.get("X-Request-Id"), response.request, *secrets),
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


def _text(value: object, request: Request | None, *secrets: Secret | None) -> str | None:
    return _clean(value, request, *secrets) if isinstance(value, str) and value else None


def _clean(text: str, request: Request | None, *secrets: Secret | None) -> str:
    text = one_line(redact(text, *secrets))[:_MOST_READ]
    return (text if request is None else _without_quotes(text, request))[:_LONGEST_MESSAGE]


def _without_quotes(text: str, request: Request) -> str:
    """Mask every run of 32 characters or more that a text has in common with a request, raw or JSON-escaped."""
    size = 2 * _BLOCK
    if len(text) < size:
        return text
    query = request.target.partition("?")[2]
    sent = _unescaped(f"{(request.body or b'').decode()}\n{query}\n{unquote(query)}")
    read = _unescaped(text)
    # A quote contains one of these blocks: few of the long searches below are made in vain.
    is_sent = [read[start : start + _BLOCK] in sent for start in range(0, len(read), _BLOCK)]
    is_quote = bytearray(len(read))
    for start in range(len(read) - size + 1):
        if is_sent[-(-start // _BLOCK)] and read[start : start + size] in sent:
            is_quote[start : start + size] = b"\1" * size
    runs = groupby(zip(is_quote, read, strict=True), itemgetter(0))
    masked = "".join([MASK if quoted else "".join([char for _, char in run]) for quoted, run in runs])
    return masked if any(is_quote) else text


def _unescaped(text: str) -> str:
    """Undo JSON's escapes, which may have been applied several times, and write the text in one line."""
    for _ in range(_MOST_ESCAPED):
        text = _ESCAPE.sub(_unescape, text)
    return one_line(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _unescape(escape: re.Match[str]) -> str:
    code, char = escape.groups()
    return chr(int(code, 16)) if code else (char if char in _ITSELF else "\n")
