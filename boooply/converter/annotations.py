"""The annotations of fields."""

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin


def is_union(annotation: Any) -> bool:
    """Return whether an annotation allows several types, or one type and None."""
    return get_origin(annotation) in {Union, UnionType}


def kinds_of(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union except None, or the type itself."""
    if not is_union(annotation):
        return (annotation,)
    return tuple(member for member in get_args(annotation) if member is not NoneType)
