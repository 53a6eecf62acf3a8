"""The base class of response models, and the definition of their fields."""

from collections.abc import Mapping
from copy import deepcopy
from inspect import cleandoc
from typing import Any, Final, Never, Self

import attrs

from boooply.secret import Secret

__all__ = ["ResponseModel"]


class Absent(tuple[Never, ...]):
    """An empty tuple in place of a list that the API did not send. ``to_dict`` leaves it out."""

    __slots__ = ()


ABSENT = Absent()  # not Final: star imports bring it into several modules
_ABOUT: Final = "about"


def about(text: str) -> dict[str, str]:
    """Return the metadata of a field with this description."""
    return {_ABOUT: text}


def field(text: str, *, default: Any = None, **options: Any) -> Any:
    """Return an optional field of a response model.

    Args:
        text: The description, with the unit or scale of a number. ``help()``, the reference and the schemas of the MCP
            server show it.
        default: The value if the API sends none.
        **options: Options of ``attrs.field``.
    """
    return attrs.field(default=default, metadata=about(text), **options)


def description_of(attribute: "attrs.Attribute[Any]") -> str:
    """Return the description of a field of a response, or an empty text for a field of a request."""
    text: str = attribute.metadata.get(_ABOUT, "")
    return text


@attrs.frozen(kw_only=True, slots=False)
class ResponseModel:
    """A model of a response.

    ``repr()`` never shows ``extra``, because it may contain anything. Pickling leaves out ``extra`` and every optional
    secret, and fails for a model with a required secret. A copy is complete.
    """

    # No slots, here and in every subclass: with slots, the __init__ of a frozen class calls object.__setattr__ for each
    # field, which makes large pages slow to read.

    extra: Mapping[str, Any] = attrs.field(
        factory=dict[str, Any],
        repr=False,
        hash=False,
        metadata=about("Unknown fields, and known fields with a value of the wrong type, by their names in the API."),
    )

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        # attrs puts the field of the base class first; the description ends with it.
        extra, *fields = attrs.fields(cls)
        listed = [f"    {one.name}: {description_of(one)}" for one in (*fields, extra)]
        cls.__doc__ = "\n".join([cleandoc(cls.__doc__ or ""), "", "Attributes:", *listed])

    def __getstate__(self) -> dict[str, Any]:
        optional = {field.name for field in attrs.fields(type(self)) if field.default is None}
        left_out = {name: None for name, value in vars(self).items() if name in optional and isinstance(value, Secret)}
        return {**vars(self), **left_out, "extra": {}}

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> object:
        from boooply.converter.openapi import core_schema  # noqa: PLC0415 - in a layer above; only pydantic calls this method

        return core_schema(cls)

    def __copy__(self) -> Self:
        return attrs.evolve(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return attrs.evolve(self, **deepcopy(vars(self), memo))
