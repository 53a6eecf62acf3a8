"""What every answer of the API has in common."""

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen(kw_only=True, slots=False)
class ResponseModel:
    """Keep what the API sent beyond the fields that are named here.

    ``extra`` holds unknown fields, and named ones whose value is of a kind the contract does not allow, both under
    their name in the API. It may hold anything, so it is never shown in a ``repr``.
    """

    # Without slots, here and in all that inherit: attrs fills a frozen class with slots field by field, past its own
    # guard, which took a fifth of the time of a page of interviews. A dictionary is given to it whole.

    extra: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, hash=False)
