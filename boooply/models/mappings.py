"""Request objects from dictionaries, with names in snake_case or in the API's camelCase."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeVar

import attrs

from boooply.errors import ValidationError
from boooply.models.names import api_names
from boooply.secret import redact

T = TypeVar("T")

_LONGEST_NAME = 40


def build(model: Callable[..., T], data: Mapping[str, Any]) -> T:
    """Build a request object from a dictionary. None counts as absent.

    Raises:
        ValidationError: A name is unknown, or a value is missing or invalid. If the dictionary uses the API's names,
            so does the error.
    """
    try:
        return model(**_values(model, data))
    except ValidationError as error:
        problem = error
    names = names_of(model)
    if any(names.get(name, name) != name for name in data):
        problem = in_api_spelling(model, problem)
    raise problem


def _values(model: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    names = names_of(model)
    reject_unknown(data, names)
    values: dict[str, Any] = {}
    for given, value in data.items():
        if value is None:
            continue
        if names[given] in values:
            raise ValidationError(given, "is given twice, once in snake_case and once in camelCase")
        values[names[given]] = value
    for field in attrs.fields(model):
        if field.default is attrs.NOTHING and field.name not in values:
            raise ValidationError(field.name, "is missing")
    return values


@cache
def names_of(model: Any) -> dict[str, str]:
    """Return the names that a dictionary may use for a model's fields, each with the name of its field."""
    names = api_names(model)
    return {spelled: name for name, spelled in names.items()} | dict(zip(names, names, strict=True))


def reject_unknown(given: Iterable[object], known: Mapping[str, str]) -> None:
    """Check that every name is known, since ignoring one would silently change the request.

    Args:
        given: The names to check.
        known: Each accepted name, with the name to show in an error.

    Raises:
        ValidationError: A name is unknown. The error suggests the most similar known name.
    """
    for name in given:
        if name not in known:
            text = redact(str(name))[:_LONGEST_NAME]
            near = get_close_matches(text, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(dict.fromkeys(known.values()))}"
            raise ValidationError(text, f"is unknown: {hint}")


def under(step: str, error: ValidationError) -> ValidationError:
    """Return an error whose path starts with a further step."""
    separator = "." if error.field and not error.field.startswith("[") else ""
    return ValidationError(f"{step}{separator}{error.field}", error.rule)


def in_api_spelling(model: Any, error: ValidationError) -> ValidationError:
    """Return an error of a request object with the API's names of its fields."""
    names = api_names(model)
    field, rule = (re.sub(r"\w+", lambda word: names.get(word[0], word[0]), text) for text in (error.field, error.rule))
    return ValidationError(field, rule)
