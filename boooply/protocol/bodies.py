"""JSON bodies, by orjson if it is installed, and by the standard library for what orjson refuses."""

import json
from collections.abc import Callable
from typing import Any

from boooply.errors import ValidationError

try:
    import orjson  # the extra speed
except ImportError:
    _loads: Callable[[bytes], Any] = json.loads
    _dumps: Callable[..., bytes] | None = None
else:
    _loads, _dumps = orjson.loads, orjson.dumps

_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def parsed(body: bytes) -> Any:
    """Read a body as tolerantly as the standard library does.

    Raises:
        ValueError: It is not JSON, or not UTF-8.
    """
    try:
        return _loads(body)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(body)  # orjson refuses some valid JSON: half a surrogate pair, for example
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None


def json_body(value: Any) -> bytes:
    """Write a JSON body.

    Raises:
        ValidationError: Something in it has no JSON form.
    """
    try:
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = type(error).__name__
    raise ValidationError("json", f"cannot be written as JSON ({reason}): use text, numbers, booleans, lists, dicts")


def model_body(written: dict[str, Any]) -> bytes:
    """Write the JSON of a request that has checked itself, so that it has no number without a JSON form."""
    if _dumps is not None:
        try:
            return _dumps(written)
        except TypeError:  # half a surrogate pair, for example: JSON has a form for it, UTF-8 has none
            pass
    return json_body(written)


def compact(value: Any, *, default: Callable[[Any], Any]) -> str:
    """Write JSON for a database; ``default`` returns a text for what has no JSON form."""
    if _dumps is not None:
        try:
            return _dumps(value, default=default).decode()
        except TypeError:  # as above
            pass
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=default)
