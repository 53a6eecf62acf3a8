"""The one border between the API's camelCase JSON and our snake_case models.

Reading is tolerant (contract section 9): ``null`` reads as absent, an unknown enumeration value stays the string it is,
unknown fields stay reachable in ``extra``, and an optional field of the wrong kind goes there too instead of spoiling
the rest. Only what a model cannot do without raises, as ``StructureError`` with the path in the API's own names.
"""

from __future__ import annotations

from types import NoneType
from typing import Any, TypeVar, cast, get_args

from boooply.converter.names import wire_name
from boooply.converter.structuring import StructureError, reading
from boooply.converter.unstructuring import showing, writing

__all__ = ["StructureError", "decode", "encode", "structure", "to_dict", "unstructure", "wire_name"]

T = TypeVar("T")


def decode(raw: Any, into: type[T]) -> T:
    """Read JSON into a model.

    Raises:
        Mismatch: Something the model cannot do without is missing or of another kind.
    """
    if raw is None and NoneType in get_args(into):
        return cast("T", None)
    return reading.structure(raw, into)


def encode(model: object) -> dict[str, Any]:
    """Write a request as JSON: absent options are left out, times are in UTC, secrets are plain."""
    written: dict[str, Any] = writing.unstructure(model)
    return written


structure, unstructure = decode, encode


def to_dict(model: object, *, secrets: bool = False) -> dict[str, Any]:
    """Write any model as a JSON dictionary in the API's own camelCase, as a web response wants it.

    Absent fields are left out. Keys, join tokens and pre-signed URLs are left out too, and so is ``extra``, which may
    hold anything; ``secrets=True`` writes both.
    """
    return cast("dict[str, Any]", (writing if secrets else showing).unstructure(model))
