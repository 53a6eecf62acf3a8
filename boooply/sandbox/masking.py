"""Masks for secrets in the console: keys, webhook secrets, join tokens, and signatures of links."""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["MASK", "mask", "mask_headers"]

MASK: Final = "***"

NAMED: Final = re.compile(
    # a value that was cut has no closing quote
    r'("(?:api_?key|platform_?key|join_?token|access_?token|token|secret|password)"\s*:\s*")(?:[^"\\]|\\.)*',
    re.IGNORECASE,
)
KEY: Final = re.compile(r"\b(bply_[a-z]+_|whsec_)[\w+/=-]+", re.IGNORECASE)
IN_QUERY: Final = re.compile(
    r"([?&](?:X-Amz-Signature|token|signature|api_?key|key|secret)=)[^&#\s\"'\\<>]+", re.IGNORECASE
)
HINTS: Final = ("key", "token", "secret", "password", "signature", "bply_", "whsec_")
"""A text without any of these has no secret, and needs no search with the patterns."""

SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
SCHEME: Final = re.compile(r"(?:Bearer|Basic)\s+(?:bply_(?:org|platform)_|whsec_)?", re.IGNORECASE)


def mask(text: str) -> str:
    """Return a text with masked secrets; a key keeps its prefix."""
    lowered = text.lower()
    if not any(hint in lowered for hint in HINTS):
        return text
    for pattern in (NAMED, KEY, IN_QUERY):
        text = pattern.sub(rf"\1{MASK}", text)
    return text


def mask_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return headers with masked secrets; a key keeps its scheme and prefix."""
    return tuple((name, _mask_header(name, value)) for name, value in headers)


def _mask_header(name: str, value: str) -> str:
    if name.lower() not in SECRET_HEADERS:
        return mask(value)
    scheme = SCHEME.match(value)
    return f"{scheme[0] if scheme else ''}{MASK}"
