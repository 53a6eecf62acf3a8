"""Headers of any framework: a mapping or a list of pairs, with names in text or bytes and in any case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, cast


class HasItems(Protocol):
    """Headers of a framework that are not a ``Mapping``."""

    def items(self) -> Iterable[Any]:
        """Return the names with their values."""
        ...


Headers = Mapping[Any, Any] | HasItems | Iterable[tuple[Any, Any]]


def values_of(headers: Headers, *names: str) -> list[list[str]] | None:
    """Return all values of each named header, or None if ``headers`` are not headers at all."""
    try:
        # the class of a framework may not be a Mapping
        items = getattr(headers, "items", None)
        pairs = list(cast("Iterable[tuple[Any, Any]]", headers if items is None else items()))
        known = [(_text(key).lower(), value) for key, value in pairs]
    except (TypeError, ValueError, AttributeError):
        return None
    return [[_text(one) for key, value in known if key == name.lower() for one in _each(value)] for name in names]


def _each(value: Any) -> Iterable[Any]:
    return cast("Iterable[Any]", value) if isinstance(value, list | tuple) else (value,)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
