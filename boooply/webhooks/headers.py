"""Headers as any framework hands them over: a mapping or a list of pairs, text or bytes, in any case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from boooply.errors import ValidationError

Headers = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


def values_of(headers: Headers, name: str) -> list[str]:
    """Find all the values of a header; that there is one and no more is for the caller to see to.

    Raises:
        ValidationError: These are no headers.
    """
    try:
        pairs = list(cast("Iterable[tuple[Any, Any]]", headers.items() if isinstance(headers, Mapping) else headers))
        found = [value for key, value in pairs if _text(key).lower() == name]
    except (TypeError, ValueError, AttributeError):
        pairs = None
    else:
        return [_text(value) for several in found for value in _each(several)]
    raise ValidationError("headers", "have to be a mapping or a list of pairs: hand over those of the request")


def _each(value: Any) -> Iterable[Any]:
    return cast("Iterable[Any]", value) if isinstance(value, list | tuple) else (value,)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
