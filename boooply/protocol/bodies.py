"""JSON bodies. They use orjson if it is installed, and the standard library for everything that orjson rejects."""

import json
from collections.abc import Callable
from typing import Any

from boooply.errors import ValidationError

try:
    import orjson  # from the extra "speed"
except ImportError:
    _loads: Callable[[bytes], Any] = json.loads
    _dumps: Callable[..., bytes] | None = None
else:
    _loads, _dumps = orjson.loads, orjson.dumps

_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def parsed(body: bytes) -> Any:
    """Parse a JSON body as tolerantly as the standard library.

    Raises:
        ValueError: The body is not JSON or not UTF-8.
    """
    try:
        return _loads(body)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(body)  # orjson rejects some valid JSON, such as an unpaired surrogate
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def json_body(value: Any) -> bytes:
    """Serialize a JSON body.

    Raises:
        ValidationError: JSON cannot contain one of its values.
    """
    try:
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = type(error).__name__
    raise ValidationError(
        "json", f"cannot be written as JSON ({reason}): use only text, numbers, booleans, None, lists and dictionaries"
    )


def model_body(written: dict[str, Any]) -> bytes:
    """Serialize a checked request, which contains no number that JSON cannot represent."""
    if _dumps is not None:
        try:
            return _dumps(written)
        except TypeError:  # such as an unpaired surrogate, which JSON can escape and UTF-8 cannot encode
            pass
    return json_body(written)
