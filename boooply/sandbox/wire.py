"""The API's forms of times, JSON and errors."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, overload

__all__ = [
    "SandboxError",
    "conflict",
    "forbidden",
    "invalid",
    "iso",
    "malformed",
    "missing",
    "not_found",
    "parse_time",
    "to_json",
    "whole_number",
]

MOST_DIGITS = 9


@overload
def iso(time: datetime) -> str: ...
@overload
def iso(time: datetime | None) -> str | None: ...
def iso(time: datetime | None) -> str | None:
    """Format a time as JavaScript does, in UTC with milliseconds and a Z; None stays None."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime | None:
    """Parse an ISO time with an offset, and return it in UTC; return None for any other text."""
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def whole_number(text: str) -> int | None:
    """Parse a whole number of at most nine digits; return None for any other text."""
    # int() also accepts "1_0", " 1 " and digits of other scripts
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else None


def to_json(body: Mapping[str, Any]) -> str:
    """Serialize like JSON.stringify in JavaScript: without spaces, and with unescaped non-ASCII characters."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


class SandboxError(Exception):
    """Raised when the sandbox rejects a call or an action.

    Attributes:
        status: The HTTP status of the response.
        code: The machine-readable code in its body.
        message: The human-readable text in its body, with the field and the broken rule, if any.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.message}"


def malformed(message: str, code: str = "BAD_REQUEST") -> SandboxError:
    """Build the error for a malformed body or an invalid query parameter."""
    return SandboxError(400, code, message)


def missing(field: str, why: str = "is required") -> SandboxError:
    """Build the error for a body that lacks a field."""
    return SandboxError(400, "MISSING_FIELD", f"{field} {why}")


def invalid(field: str, rule: str) -> SandboxError:
    """Build the error for a value of the right type that breaks a rule."""
    return SandboxError(422, "VALIDATION_FAILED", f"{field} {rule}")


def forbidden(message: str, code: str) -> SandboxError:
    """Build the error for a key without permission."""
    return SandboxError(403, code, message)


def not_found(what: str, code: str = "NOT_FOUND") -> SandboxError:
    """Build the error for an item that does not exist or that belongs to another organization, which look the same."""
    return SandboxError(404, code, f"{what} was not found")


def conflict(message: str, code: str) -> SandboxError:
    """Build the error for an item that already exists, or an action that the current status does not allow."""
    return SandboxError(409, code, message)
