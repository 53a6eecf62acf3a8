"""The resources of a client, as attributes."""

from collections.abc import Callable
from copy import copy
from inspect import getattr_static
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")
C = TypeVar("C")


class Resource(Generic[T]):
    """A resource of a client, created on first use.

    On the class of the client, the attribute is the class of the resource. ``unittest.mock.create_autospec`` reads the
    signatures there.
    """

    def __init__(self, kind: type[T], make: Callable[[Any, str], T], /) -> None:
        self._kind = kind
        self._make = make
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type, /) -> type[T]: ...
    @overload
    def __get__(self, client: object, owner: type | None = None, /) -> T: ...
    def __get__(self, client: object | None, owner: type | None = None, /) -> T | type[T]:
        if client is None:
            return self._kind
        # an instance attribute takes precedence over this descriptor, and a test can patch its methods
        made = self._make(client, self._name)
        vars(client)[self._name] = made
        return made


def copy_without_resources(client: C, /) -> C:
    """Return a copy of a client without its resources, because they use the options of the original."""
    made = copy(client)
    for name in [name for name in vars(made) if isinstance(getattr_static(type(made), name, None), Resource)]:
        del vars(made)[name]
    return made
