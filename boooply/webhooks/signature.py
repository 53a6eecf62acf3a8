"""Signatures over the received bytes, and a diagnosis for bodies that were parsed and written again."""

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
    """Sign a body as Boooply does: HMAC-SHA256 in hexadecimal digits, for the header ``X-Boooply-Signature``."""
    key = secret.reveal() if isinstance(secret, Secret) else secret
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, signature: str, secrets: Iterable[Secret]) -> bool:
    """Return whether a signature matches one of the secrets; the time that it takes does not reveal which."""
    # bytes: compare_digest rejects text that is not ASCII
    presented = signature.lower().encode("utf-8", "replace")
    matches = [hmac.compare_digest(sign(body, secret).encode(), presented) for secret in secrets]
    return any(matches)


def stringified(body: bytes) -> bytes | None:
    """Write JSON as JavaScript's ``JSON.stringify`` does, or return None if that is impossible."""
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
