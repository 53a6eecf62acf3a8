"""A request that is ready to be sent, and its response."""

import re
from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any, cast
from urllib.parse import quote, unquote, urlencode

import attrs

from boooply.errors import ValidationError
from boooply.protocol.bodies import json_body, parsed
from boooply.secret import Secret

_DOTS = frozenset({".", ".."})
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")  # what quoting leaves alone
_PAGE_STARTS = (b"<!doctype html", b"<html")
_LONGEST_START = max(map(len, _PAGE_STARTS))
A_PAGE = "a page of HTML"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RateLimitClass(StrEnum):
    """The rate limit that a call counts against (contract section 2)."""

    READS = "reads"
    WRITES = "writes"
    AI = "ai"


class Idempotency(Enum):
    """The effect of sending the same request twice, in the terms of RFC 9110.

    ``SAFE`` changes nothing. ``UNSAFE`` reaches real people again, or mints a key that nobody stores. ``IDEMPOTENT``
    ends in the same state, and may be sent again once a read shows that this state is not reached.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"
    IDEMPOTENT = "idempotent"


@attrs.frozen(kw_only=True, slots=False)  # cached_property needs a __dict__
class Response:
    """A response as it came; the names in ``headers`` match in any case.

    ``request`` is what it responds to and ``key`` the key that was sent with it, so that both can be masked wherever
    the response repeats them. ``organization_id`` is the customer whose key that is, if it is known.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    key: Secret | None = attrs.field(default=None, repr=False, eq=False)
    request: "Request | None" = attrs.field(default=None, repr=False, eq=False)
    organization_id: str | None = attrs.field(default=None, repr=False, eq=False)

    def json(self) -> Any:
        """Return the body as JSON; every call returns the same object.

        Raises:
            ValueError: It is not JSON, or not UTF-8.
        """
        return self._json

    @cached_property
    def _json(self) -> Any:
        return parsed(self.body)


def is_page(response: Response) -> bool:
    """Return whether a body is a page of HTML, such as a proxy or a login sends."""
    start = response.body.lstrip()[:_LONGEST_START].lower()
    is_html = response.headers.get("Content-Type", "").lower().startswith("text/html")
    return start.startswith(_PAGE_STARTS) or (is_html and bool(start) and json_object(response) is None)


def _no_problem(_response: Response) -> None:
    return None


def _page_problem(response: Response) -> str | None:
    return A_PAGE if is_page(response) else None


@attrs.frozen(kw_only=True)
class Request:
    """One call, ready to be sent.

    ``target`` is the path and query as they are sent, ``template`` the path without identities, for logs. ``subject``
    is the object that the body or the query was written from, and ``meeting_code`` its interview. ``check`` returns why
    a response cannot be the one to this request, and ``mints`` is whether the response contains a new key.
    ``reconcile`` is the read that shows whether an ambiguous write was carried out.
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
        """The interview or the customer, for ``AmbiguousWriteError``."""
        return self.meeting_code or getattr(self.subject, "organization_id", None)

    @property
    def people(self) -> tuple[str, ...]:
        """The e-mail addresses that it reaches, for the same error."""
        candidate = getattr(self.subject, "candidate", None)
        invited = (*(() if candidate is None else (candidate,)), *getattr(self.subject, "participants", ()))
        return tuple({person.email.casefold(): person.email for person in invited}.values())


@attrs.frozen
class Reconciliation:
    """The read that shows whether a request was carried out.

    ``reconciled`` turns its response into the one that the request would have had, or into None if nothing changed.
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
    """Quote an identity so that it is one segment of a path, whatever characters it has.

    Raises:
        ValidationError: It is empty, ``.`` or ``..``, or has a control character, which no quoting makes safe.
    """
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ValidationError(name, f"must be text, not a {type(value).__name__}")
    if _UNRESERVED.fullmatch(value) and value not in _DOTS:
        return value
    if not value.strip():
        raise ValidationError(name, "is empty")
    if value in _DOTS:
        raise ValidationError(name, f"cannot be {value!r}, which is a step in a path")
    if _CONTROL.search(value):
        raise ValidationError(name, "contains a control character")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise ValidationError(name, "contains half of a surrogate pair, which has no UTF-8 form") from None


def query_string(parameters: Mapping[str, Any]) -> str:
    """Write query parameters; several values of one are joined by commas, as the API reads them.

    Raises:
        ValidationError: A value has no UTF-8 form.
    """
    written = {name: _parameter(value) for name, value in parameters.items() if value is not None}
    try:
        return urlencode(written, quote_via=quote, safe=",:@")
    except UnicodeEncodeError:
        raise ValidationError("params", "contain half of a surrogate pair, which has no UTF-8 form") from None


def _parameter(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(str(one) for one in cast("tuple[object, ...]", value))
    return str(value)


def raw_request(method: str, path: str, *, json: Any = None, params: Mapping[str, Any] | None = None) -> Request:
    """Return a request that has no endpoint yet; anything but GET counts as ``UNSAFE``.

    Raises:
        ValidationError: The path is not one within the API, or the body has no JSON form.
    """
    verb = method.upper()
    if verb not in _METHODS:
        raise ValidationError("method", f"must be one of {', '.join(_METHODS)}")
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        raise ValidationError("path", "must start with one / and stay within the API: the host is base_url's")
    if not path.isascii() or not path.isprintable() or " " in path or "#" in path:
        raise ValidationError("path", "contains characters that must be percent-encoded")
    if not _DOTS.isdisjoint(unquote(path.partition("?")[0]).split("/")):
        raise ValidationError("path", "contains the step . or ..")
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
