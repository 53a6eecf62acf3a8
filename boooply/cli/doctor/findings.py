"""The doctor's observations, and the findings of its checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Final

import attrs

from boooply.converter import StructureError
from boooply.errors import APIError
from boooply.protocol.endpoints import Endpoint
from boooply.protocol.messages import json_object
from boooply.secret import redact
from boooply.transport.probing import Exchange

EXPECTED_SIZE: Final = 100  # interviews on the page that is read: the most that the API allows

_OK: Final = 200
_MOST_NAMED: Final = 12
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,39}")
_NAME: Final = re.compile(r"[a-z][A-Za-z0-9_]{0,39}")
_MOST_DIGITS: Final = 2  # more look like an id


class CheckResult(StrEnum):
    """The result of a check."""

    PASSED = "passed"
    FAILED = "failed"
    DIFFERS = "differs"
    NOT_CHECKED = "not checked"


@attrs.frozen
class Finding:
    """The result of a check: one line, further lines if it lists something, and the remedy of a failure."""

    result: CheckResult
    text: str
    details: tuple[str, ...] = ()
    remedy: str | None = None


@attrs.frozen
class Check:
    """A question about the API or this machine, and the function that answers it from the observations."""

    slug: str
    question: str
    find: Callable[[Observed], Finding]


def passed(text: str) -> Finding:
    """Return the finding that an assumption is true."""
    return Finding(CheckResult.PASSED, text)


def failed(text: str, remedy: str) -> Finding:
    """Return the finding that something does not work, with a remedy."""
    return Finding(CheckResult.FAILED, text, remedy=remedy)


def differs(text: str, details: Iterable[str] = ()) -> Finding:
    """Return the finding that an assumption is not true."""
    return Finding(CheckResult.DIFFERS, text, tuple(details))


def not_checked(reason: str) -> Finding:
    """Return the finding that a check had nothing to observe."""
    return Finding(CheckResult.NOT_CHECKED, reason)


# ---- what was observed


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of a run, without private values.

    Attributes:
        base_url: The base URL of the API.
        key_kind: The kind of key that is used, as ``an organization key``.
        key_prefix: The prefix of the key, or an empty text if it is unknown.
        key_source: Where the key is from: a variable, or the store.
        unchecked_key: The variable of another key that is set, or None.
        has_organization_key: Whether the key can read.
        proxy: Where the proxy is set, or None without a proxy.
        authorities: Where the trusted certificate authorities are set.
        expected: The id of the organization that the key should belong to.
    """

    base_url: str
    key_kind: str
    key_prefix: str
    key_source: str
    unchecked_key: str | None = None
    has_organization_key: bool
    proxy: str | None = None
    authorities: str
    expected: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class Reading:
    """One exchange, and what the SDK makes of its response.

    Attributes:
        endpoint: The operation.
        exchange: The request and its result.
        payload: The JSON of the response if it is an object, otherwise None.
        result: The model that the SDK makes of the payload, or None.
        error: Why there is no model, or None.
    """

    endpoint: Endpoint[Any]
    exchange: Exchange
    payload: dict[str, Any] | None = attrs.field(default=None, repr=False)
    result: Any = attrs.field(default=None, repr=False)
    error: APIError | None = None

    @classmethod
    def of(cls, endpoint: Endpoint[Any], exchange: Exchange) -> Reading:
        """Read a response as the SDK does."""
        response = exchange.response
        if response is None:
            return cls(endpoint=endpoint, exchange=exchange, error=_error(exchange.result))
        result, error = None, None
        try:
            result = endpoint.parse(response)
        except APIError as raised:
            error = raised
        return cls(endpoint=endpoint, exchange=exchange, payload=json_object(response), result=result, error=error)

    @property
    def status(self) -> int | None:
        """The status of the response, if there was one."""
        return self.exchange.result.status

    @property
    def raw(self) -> object:
        """The part of a successful response that becomes the model, unchanged."""
        if self.payload is None or self.status != _OK:
            return None
        try:
            return self.endpoint.envelope(self.payload)
        except StructureError:
            return None

    @property
    def is_ok(self) -> bool:
        """Whether it is a response that the SDK can read."""
        return self.error is None


def _error(result: object) -> APIError | None:
    return result if isinstance(result, APIError) else None


@attrs.frozen(kw_only=True)
class Observed:
    """All observations: the first request, which carries no key, and those with the organization key."""

    settings: Settings
    now: float
    keyless: Reading
    organization: Reading | None = None
    interviews: Reading | None = None
    interview: Reading | None = None
    evaluation: Reading | None = None

    @property
    def with_key(self) -> tuple[Reading, ...]:
        """The requests with the organization key."""
        found = (self.organization, self.interviews, self.interview, self.evaluation)
        return tuple(reading for reading in found if reading is not None)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """All requests, in order."""
        return (self.keyless, *self.with_key)


# ---- what may be shown


def is_code(text: str) -> bool:
    """Return whether a value looks like a member of an enumeration, and not private."""
    return bool(_CODE.fullmatch(text)) and _is_harmless(text)


def is_name(text: str) -> bool:
    """Return whether a JSON key looks like the name of a field, and not private."""
    return bool(_NAME.fullmatch(text)) and _is_harmless(text)


def _is_harmless(text: str) -> bool:
    return sum(map(str.isdigit, text)) <= _MOST_DIGITS and redact(text) == text


def named(names: Iterable[str]) -> tuple[str, ...]:
    """Return at most a dozen names in order, and the number of others."""
    found = sorted(set(names))
    rest = len(found) - _MOST_NAMED
    return (*found[:_MOST_NAMED], *([f"and {rest} more"] if rest > 0 else []))
