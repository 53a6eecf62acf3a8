"""A request that is ready to be sent, and the response that came back."""

import re
from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from typing import Any, cast
from urllib.parse import quote, unquote, urlencode

import attrs

from boooply.errors import ValidationError
from boooply.protocol.bodies import json_body, parsed
from boooply.secret import Secret

_DOTS = frozenset({".", ".."})
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")  # what quoting leaves alone
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RateLimitClass(StrEnum):
    """Which allowance a call uses up (contract section 2)."""

    READS = "reads"
    WRITES = "writes"
    AI = "ai"


class Idempotency(Enum):
    """What sending the same request twice does, in the terms of RFC 9110.

    ``SAFE`` changes nothing. ``UNSAFE`` reaches real people, or mints a key that nobody stores. ``IDEMPOTENT`` ends in
    the same state, and may be sent again once a read shows that the state is not reached.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"
    IDEMPOTENT = "idempotent"


@attrs.frozen(kw_only=True, slots=False)  # without slots it is made in half the time
class Response:
    """Hold an answer as it came; the names in ``headers`` are matched whatever their case.

    ``key`` is the one that it answers to, so that it can be masked wherever the answer repeats it.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    key: Secret | None = attrs.field(default=None, repr=False, eq=False)

    def json(self) -> Any:
        """Read the body as JSON: once, so that each call gives the same object.

        Raises:
            ValueError: It is not JSON, or not UTF-8.
        """
        memo = self.__dict__  # as a cached property has it, without the lock that comes with one before Python 3.12
        if "_json" not in memo:
            memo["_json"] = parsed(self.body)
        return memo["_json"]


@attrs.define(kw_only=True)  # a frozen one takes half as long again to make, and each call makes one
class Request:
    """Hold one call, ready to be sent.

    ``target`` is path and query as they go out, ``template`` the path without identities, for logs. ``subject`` is what
    the body was written from, and ``meeting_code`` the interview that it is about; ``reconcile`` is how to clear up an
    unclear outcome by reading.
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
    meeting_code: str | None = None
    subject: object = attrs.field(default=None, repr=False)
    reconcile: "Reconciliation | None" = attrs.field(default=None, repr=False)

    @property
    def identity(self) -> str | None:
        """Name what it is about, for the error that tells of an unclear outcome: an interview, or a customer."""
        return self.meeting_code or getattr(self.subject, "organization_id", None)

    @property
    def people(self) -> tuple[str, ...]:
        """List the e-mail addresses that it reaches, for the same error."""
        candidate = getattr(self.subject, "candidate", None)
        invited = (*(() if candidate is None else (candidate,)), *getattr(self.subject, "participants", ()))
        return tuple([person.email for person in invited])


@attrs.frozen
class Reconciliation:
    """Hold the read that shows whether a request has been carried out.

    ``reconciled`` makes of its answer the one that the request would have had, or None where nothing has changed.
    """

    request: Request
    reconciled: Callable[[Response], Response | None]


def json_object(response: Response) -> dict[str, Any] | None:
    """Read the body as a JSON object, or as None where it is anything else."""
    try:
        payload = response.json()
    except ValueError:
        return None
    return cast("dict[str, Any]", payload) if isinstance(payload, dict) else None


def path_segment(name: str, value: str) -> str:
    """Quote an identity for a path, so that it is one segment whatever it holds.

    Raises:
        ValidationError: It is empty, ``.`` or ``..``, or holds a control character: no quoting keeps those apart from
            the path around them.
    """
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ValidationError(name, f"has to be text, not a {type(value).__name__}")
    if _UNRESERVED.fullmatch(value) and value not in _DOTS:
        return value
    if not value.strip():
        raise ValidationError(name, "is empty")
    if value in _DOTS:
        raise ValidationError(name, f"cannot be {value!r}, which is a step in a path")
    if _CONTROL.search(value):
        raise ValidationError(name, "holds a control character")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise ValidationError(name, "holds half of a surrogate pair, which has no UTF-8 form") from None


def query_string(parameters: Mapping[str, Any]) -> str:
    """Write query parameters: several values of one are joined by commas, as the API reads them.

    Raises:
        ValidationError: A value has no UTF-8 form.
    """
    written = {name: _parameter(value) for name, value in parameters.items() if value is not None}
    try:
        return urlencode(written, quote_via=quote, safe=",:@")
    except UnicodeEncodeError:
        raise ValidationError("params", "hold half of a surrogate pair, which has no UTF-8 form") from None


def _parameter(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(str(one) for one in cast("tuple[object, ...]", value))
    return str(value)


def raw_request(method: str, path: str, *, json: Any = None, params: Mapping[str, Any] | None = None) -> Request:
    """Make a request for what the table does not name yet; anything but GET may have an effect that a retry repeats.

    Raises:
        ValidationError: The path is not one within the API, or the body has no JSON form.
    """
    verb = method.upper()
    if verb not in _METHODS:
        raise ValidationError("method", f"has to be one of {', '.join(_METHODS)}")
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        raise ValidationError("path", "has to start with one / and go on within the API: the host is base_url's")
    if not path.isascii() or not path.isprintable() or " " in path or "#" in path:
        raise ValidationError("path", "holds characters that have to be percent-encoded")
    if not _DOTS.isdisjoint(unquote(path.partition("?")[0]).split("/")):
        raise ValidationError("path", "holds the step . or ..")
    parameters = query_string(params or {})
    joint = "&" if "?" in path else "?"
    return Request(
        operation="request",
        method=verb,
        target=f"{path}{joint}{parameters}" if parameters else path,
        template="(raw)",
        wants_json=False,
        limit=RateLimitClass.READS if verb == "GET" else RateLimitClass.WRITES,
        idempotency=Idempotency.SAFE if verb == "GET" else Idempotency.UNSAFE,
        body=None if json is None else json_body(json),
    )
