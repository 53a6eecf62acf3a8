"""The base of every response model."""

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen(kw_only=True, slots=False)
class ResponseModel:
    """A model of something that the API returns.

    ``extra`` contains unknown fields, and known fields with a value of the wrong type, under their names in the API. It
    may contain anything, so it is never shown in a ``repr``.
    """

    # Without slots, here and in every subclass: the __init__ of a frozen class with slots calls object.__setattr__ for
    # each field, which slows pages of interviews down.

    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, hash=False)
