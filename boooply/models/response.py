"""The base of every response model, and the fields of which the models consist."""

from collections.abc import Mapping
from copy import deepcopy
from inspect import cleandoc
from typing import Any, Final, Never, Self

import attrs

from boooply.secret import Secret

__all__ = ["ResponseModel"]


class Absent(tuple[Never, ...]):
    """The empty tuple of a list that the API did not send, which ``to_dict`` leaves out."""

    __slots__ = ()


ABSENT = Absent()  # not Final: star imports bring it into several modules
_ABOUT: Final = "about"


def about(text: str) -> dict[str, str]:
    """Return the metadata of a field that has a description."""
    return {_ABOUT: text}


def field(text: str, *, default: Any = None, **options: Any) -> Any:
    """Return an optional field of a response model: ``text`` describes it, with the unit or scale of a number.

    The description is shown by ``help()``, in the reference, and in the schemas of the MCP server. ``options`` are
    those of ``attrs.field``.
    """
    return attrs.field(default=default, metadata=about(text), **options)


def description_of(attribute: "attrs.Attribute[Any]") -> str:
    """Return the description of a field, which is empty for fields of requests."""
    text: str = attribute.metadata.get(_ABOUT, "")
    return text


@attrs.frozen(kw_only=True, slots=False)
class ResponseModel:
    """A model of something that the API returns.

    ``extra`` may contain anything, so it is never shown in a ``repr``. Pickling leaves it out, and every optional
    secret; a model that requires one cannot be pickled. A copy is complete.
    """

    # Without slots, here and in every subclass: the __init__ of a frozen class with slots calls object.__setattr__ for
    # each field, which slows pages of interviews down.

    extra: Mapping[str, Any] = attrs.field(
        factory=dict[str, Any],
        repr=False,
        hash=False,
        metadata=about("Unknown fields, and known ones with a value of the wrong type, under their names in the API."),
    )

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        # The base's field comes first, and is the least of them.
        extra, *fields = attrs.fields(cls)
        listed = [f"    {one.name}: {description_of(one)}" for one in (*fields, extra)]
        cls.__doc__ = "\n".join([cleandoc(cls.__doc__ or ""), "", "Attributes:", *listed])

    def __getstate__(self) -> dict[str, Any]:
        optional = {field.name for field in attrs.fields(type(self)) if field.default is None}
        left_out = {name: None for name, value in vars(self).items() if name in optional and isinstance(value, Secret)}
        return {**vars(self), **left_out, "extra": {}}

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> object:
        from boooply.converter.openapi import core_schema  # noqa: PLC0415 - above this layer; pydantic alone calls it

        return core_schema(cls)

    def __copy__(self) -> Self:
        return attrs.evolve(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return attrs.evolve(self, **deepcopy(vars(self), memo))
