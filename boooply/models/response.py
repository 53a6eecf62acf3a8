"""The base of every response model."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Self

import attrs

from boooply.secret import Secret


@attrs.frozen(kw_only=True, slots=False)
class ResponseModel:
    """A model of something that the API returns.

    ``extra`` contains unknown fields, and known fields with a value of the wrong type, under their names in the API. It
    may contain anything, so it is never shown in a ``repr``. Pickling leaves it out, and every optional secret; a model
    that requires one cannot be pickled. A copy is complete.
    """

    # Without slots, here and in every subclass: the __init__ of a frozen class with slots calls object.__setattr__ for
    # each field, which slows pages of interviews down.

    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, hash=False)

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
