"""Requests that are ready to be sent, and responses."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any, cast
from urllib.parse import quote, unquote, urlencode
from uuid import UUID

import attrs

from boooply.errors import ValidationError
from boooply.models.validators import kind
from boooply.protocol.bodies import json_body, parsed
from boooply.secret import Secret

_DOTS = frozenset({".", ".."})
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")  # the characters that quoting leaves unchanged
_PAGE_STARTS = (b"<!doctype html", b"<html")
_LONGEST_START = max(map(len, _PAGE_STARTS))
A_PAGE = "a page of HTML"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RateLimitClass(StrEnum):
    """The rate limit that a call counts against."""

    READS = "reads"
    """Calls that read: 100 per minute by default."""
    WRITES = "writes"
    """Calls that write: 10 per minute by default."""
    AI = "ai"
    """Calls that generate text: 5 per minute by default."""


class Idempotency(Enum):
    """The effect of sending the same request twice, in the terms of RFC 9110.

    ``SAFE`` changes nothing. ``UNSAFE`` has an effect each time: it e-mails people again, or mints another key.
    ``IDEMPOTENT`` leads to the same state each time, so it may be sent again if a read shows that the state has not
    been reached.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"
    IDEMPOTENT = "idempotent"


@attrs.frozen(kw_only=True, slots=False)  # cached_property needs a __dict__
class Response:
    """A response, as the API sent it.

    Attributes:
        status: The HTTP status code.
        headers: The headers. Their names are case-insensitive.
        body: The body, decompressed.
        key: The key that the request was sent with, so that errors can mask it.
        request: The request, so that errors can mask quotes from it.
        organization_id: Your own ID of the customer whose key was sent, if it is known.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    key: Secret | None = attrs.field(default=None, repr=False, eq=False)
    request: "Request | None" = attrs.field(default=None, repr=False, eq=False)
    organization_id: str | None = attrs.field(default=None, repr=False, eq=False)

    def json(self) -> Any:
        """Return the parsed JSON of the body. Every call returns the same object.

        Raises:
            ValueError: The body is not JSON or not UTF-8.
        """
        return self._json

    @cached_property
    def _json(self) -> Any:
        return parsed(self.body)


def is_page(response: Response) -> bool:
    """Return whether a body is an HTML page, such as the error page of a proxy or a login page."""
    start = response.body.lstrip()[:_LONGEST_START].lower()
    is_html = response.headers.get("Content-Type", "").lower().startswith("text/html")
    return start.startswith(_PAGE_STARTS) or (is_html and bool(start) and json_object(response) is None)


def _no_problem(_response: Response) -> None:
    return None


def _page_problem(response: Response) -> str | None:
    return A_PAGE if is_page(response) else None


@attrs.frozen(kw_only=True)
class Request:
    """A call, ready to be sent.

    Attributes:
        operation: The name of the call, such as ``interviews.get``.
        method: The HTTP method.
        target: The path and query, as they are sent.
        template: The path without IDs, for logs.
        limit: The rate limit that the call counts against.
        idempotency: The effect of sending it twice.
        body: The body, or None.
        wants_json: Whether the response must be a JSON object.
        may_be_empty: Whether the response may be empty.
        mints: Whether the response contains a new key.
        meeting_code: The meeting code of the interview, if there is one.
        check: Returns why a response cannot belong to this request, or None.
        subject: The object that the body or the query was created from.
        reconcile: The read that shows whether an ambiguous write was carried out.
    """

    operation: str
    method: str
    target: str = attrs.field(repr=False)
    template: str
    limit: RateLimitClass
    idempotency: Idempotency
    body: bytes | None = attrs.field(default=None, repr=False)
    wants_json: bool = True
    may_be_empty: bool = False
    mints: bool = False
    meeting_code: str | None = None
    check: Callable[[Response], str | None] = attrs.field(default=_no_problem, repr=False, eq=False)
    subject: object = attrs.field(default=None, repr=False)
    reconcile: "Reconciliation | None" = attrs.field(default=None, repr=False)

    @property
    def identity(self) -> str | None:
        """The meeting code or the customer's ID, for ``AmbiguousWriteError``."""
        return self.meeting_code or getattr(self.subject, "organization_id", None)

    @property
    def people(self) -> tuple[str, ...]:
        """The e-mail addresses of the people to invite, for ``AmbiguousWriteError``."""
        candidate = getattr(self.subject, "candidate", None)
        invited = (*(() if candidate is None else (candidate,)), *getattr(self.subject, "participants", ()))
        return tuple({person.email.casefold(): person.email for person in invited}.values())


@attrs.frozen
class Reconciliation:
    """The read that shows whether a request was carried out.

    ``reconciled`` converts its response to the response of the request, or to None if the request was not carried out.
    """

    request: Request
    reconciled: Callable[[Response], Response | None]


def json_object(response: Response) -> dict[str, Any] | None:
    """Return the body as a JSON object, or None if it is anything else."""
    try:
        payload = response.json()
    except ValueError:
        return None
    return cast("dict[str, Any]", payload) if isinstance(payload, dict) else None


def path_segment(name: str, value: str) -> str:
    """Quote a path parameter so that it is one segment of a path.

    Raises:
        ValidationError: It is empty, ``.`` or ``..``, or contains a control character, which no quoting makes safe.
    """
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ValidationError(name, f"must be text, not {kind(value)}")
    if _UNRESERVED.fullmatch(value) and value not in _DOTS:
        return value
    if not value.strip():
        raise ValidationError(name, "is empty")
    if value in _DOTS:
        raise ValidationError(name, f"cannot be {value!r}, which has a special meaning in a path")
    if _CONTROL.search(value):
        raise ValidationError(name, "contains a control character")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise ValidationError(name, "contains an unpaired surrogate, which UTF-8 cannot encode") from None


def query_string(parameters: Mapping[str, Any]) -> str:
    """Return a query string. Several values of one parameter are joined by commas.

    Raises:
        ValidationError: A value is no text, number, boolean, time or list of these, or UTF-8 cannot encode it.
    """
    written = {name: _parameter(value) for name, value in parameters.items() if value is not None}
    try:
        return urlencode(written, quote_via=quote, safe=",:@")
    except UnicodeEncodeError:
        raise ValidationError("params", "contain an unpaired surrogate, which UTF-8 cannot encode") from None


def _parameter(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(_parameter, cast("tuple[object, ...]", value)))
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str | int | float | UUID):
        raise ValidationError("params", f"must be text, numbers, booleans, times or lists of these, not {kind(value)}")
    return str(value)


def raw_request(method: str, path: str, *, json: Any = None, params: Mapping[str, Any] | None = None) -> Request:
    """Return a request without an endpoint. Every method except GET counts as ``UNSAFE``.

    Raises:
        ValidationError: The path leaves the API, or the body cannot be written as JSON.
    """
    verb = method.upper()
    if verb not in _METHODS:
        raise ValidationError("method", f"must be one of {', '.join(_METHODS)}")
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        raise ValidationError("path", "must start with exactly one / and contain no host: the host is part of base_url")
    if not path.isascii() or not path.isprintable() or " " in path or "#" in path:
        raise ValidationError("path", "contains characters that must be percent-encoded")
    if not _DOTS.isdisjoint(unquote(path.partition("?")[0]).split("/")):
        raise ValidationError("path", "contains the segment . or ..")
    parameters = query_string(params or {})
    separator = "&" if "?" in path else "?"
    return Request(
        operation="request",
        method=verb,
        target=f"{path}{separator}{parameters}" if parameters else path,
        template="(raw)",
        wants_json=False,
        check=_page_problem,
        limit=RateLimitClass.READS if verb == "GET" else RateLimitClass.WRITES,
        idempotency=Idempotency.SAFE if verb == "GET" else Idempotency.UNSAFE,
        body=None if json is None else json_body(json),
    )
