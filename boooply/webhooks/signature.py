"""Signatures of raw bodies, and the diagnosis of bodies that were parsed and serialized again."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from typing import Any, Final

from boooply.secret import Secret

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_WHOLE_UP_TO: Final = 1e21  # JavaScript prints numbers below it without an exponent


def sign(body: bytes, secret: str | Secret, /) -> str:
    """Sign a body as Boooply does, for tests of your endpoint.

    Args:
        body: The raw body.
        secret: The webhook secret.

    Returns:
        The value of the header ``X-Boooply-Signature``, an HMAC-SHA256 in hexadecimal digits.
    """
    key = secret.reveal() if isinstance(secret, Secret) else secret
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, signature: str, secrets: Iterable[Secret]) -> bool:
    """Return whether a signature matches one of the secrets, in a time that does not depend on which one."""
    # bytes, because compare_digest rejects non-ASCII text
    presented = signature.lower().encode("utf-8", "replace")
    matches = [hmac.compare_digest(sign(body, secret).encode(), presented) for secret in secrets]
    return any(matches)


def stringified(body: bytes) -> bytes | None:
    """Return JSON as JavaScript's ``JSON.stringify`` writes it, or None if that is impossible."""
    try:
        value: Any = json.loads(body, parse_float=_as_javascript)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return _SURROGATES.sub(_escaped, text).encode()
    except (ValueError, RecursionError):
        return None


def _as_javascript(token: str) -> float | int:
    value = float(token)
    return int(value) if value.is_integer() and abs(value) < _WHOLE_UP_TO else value


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"
