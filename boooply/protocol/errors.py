"""The errors that responses report."""

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
from boooply.protocol.messages import A_PAGE, Request, Response, is_page
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
_REQUEST_ID: Final = "X-Request-Id"
_LONGEST_MESSAGE: Final = 500
_MOST_READ: Final = 2000  # characters of a message, before masking shortens it
_QUOTE: Final = 32  # the shortest quote to mask, in characters
# A JSON escape, or a backslash, after any number of further escapings. Each one only adds backslashes.
_ESCAPE: Final = re.compile(r"\\(?:\\|u005[cC])*(?:u([0-9a-fA-F]{4}))?")
_PART: Final = re.compile(f"(?s:{_ESCAPE.pattern}|.)")
# Characters that JSON can write in several ways: blanks, control characters, letters of escapes, surrogate pairs.
_UNSTEADY: Final = re.compile(
    "[bfnrt\\s\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffd\U00010000-\U0010ffff]+"
)
_WITHIN: Final = re.compile(r"\S(?:.*\S)?")  # in one line


def error_from_response(operation: str, response: Response, payload: Mapping[str, Any] | None) -> APIStatusError | None:
    """Return the error that a response reports, or None if it reports success.

    The body may be JSON of any shape, the HTML page of a proxy, or empty. The error's text masks everything that looks
    like a key, and every quote of 32 or more characters from the request.
    """
    fields = payload or {}
    if response.status in _OK and fields.get("success") is not False:
        return None
    minted = fields.get("apiKey")  # some responses contain an error and a key
    secrets = (response.key, Secret(minted) if isinstance(minted, str) else None)
    error = ServerError if response.status in _SERVER_ERRORS else ERRORS.get(response.status, APIStatusError)
    return error(
        operation,
        status=response.status,
        message=_clean(_message(response, fields), response.request, *secrets),
        code=_text(fields.get("code"), response.request, *secrets),
        request_id=_text(response.headers.get(_REQUEST_ID), response.request, *secrets),
        retry_after=retry_after(response.headers),
        organization_id=response.organization_id,
    )


def request_id_of(response: Response) -> str | None:
    """Return the request ID in a response, or None."""
    return _text(response.headers.get(_REQUEST_ID), response.request, response.key)


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
    if is_page(response):
        remedy = "" if response.status in _SERVER_ERRORS else ": check base_url"
        return f"{A_PAGE} instead of a response of the API{remedy}"
    return "no reason given" if response.body else "an empty response"


def _text(value: object, request: Request | None, *secrets: Secret | None) -> str | None:
    return _clean(value, request, *secrets) if isinstance(value, str) and value else None


def _clean(text: str, request: Request | None, *secrets: Secret | None) -> str:
    text = one_line(redact(text, *secrets))[:_MOST_READ]
    return (text if request is None else _without_quotes(text, request))[:_LONGEST_MESSAGE]


def _without_quotes(text: str, request: Request) -> str:
    """Mask every run of 32 or more characters that a text shares with a request, raw or JSON-escaped."""
    if len(text) < _QUOTE:
        return text
    query = request.target.partition("?")[2]
    sent = _letters(f"{(request.body or b'').decode()}\n{query}\n{unquote(query)}")
    parts = [found.group() for found in _PART.finditer(text)]
    letters = [_letters(part) for part in parts]
    is_quote = bytearray(len(parts))
    start = width = 0
    for end, part in enumerate(parts, 1):
        width += len(part)
        while width - len(parts[start]) >= _QUOTE:
            width -= len(parts[start])
            start += 1
        if width >= _QUOTE and "".join(letters[start:end]) in sent:
            is_quote[start:end] = b"\1" * (end - start)
    runs = groupby(zip(is_quote, parts, strict=True), itemgetter(0))
    shown = [(quoted, "".join([part for _, part in run])) for quoted, run in runs]
    return "".join([_WITHIN.sub(MASK, run) if quoted else run for quoted, run in shown])


def _letters(text: str) -> str:
    """Return a text without the characters that differ between a text and its JSON-escaped quotes."""
    return _UNSTEADY.sub("", _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else "", text))
