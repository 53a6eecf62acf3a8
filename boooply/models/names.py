"""Names in our snake_case and in the API's camelCase."""

from functools import cache
from typing import Any, Final

import attrs

# Names whose camelCase breaks the general rule.
_IRREGULAR: Final = {"candidate_cv": "candidateCV"}


def camel_case(name: str) -> str:
    """Return a name in camelCase."""
    irregular = _IRREGULAR.get(name)
    if irregular is not None:
        return irregular
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@cache
def api_names(model: Any) -> dict[str, str]:
    """Return the names of a model's fields, each with its camelCase form."""
    return {field.name: camel_case(field.name) for field in attrs.fields(model)}
