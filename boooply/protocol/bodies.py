"""Bodies as JSON: read and written by orjson where it is installed, and by the standard library what that refuses."""

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
    """Read a body, as tolerantly as the standard library does.

    Raises:
        ValueError: It is not JSON, or not UTF-8.
    """
    try:
        return _loads(body)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(body)  # orjson refuses some of what is JSON all the same: half a surrogate pair, say
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None


def json_body(value: Any) -> bytes:
    """Write a JSON body.

    Raises:
        ValidationError: Something in it has no JSON form.
    """
    try:
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as problem:
        reason = type(problem).__name__
    raise ValidationError("json", f"cannot be written as JSON ({reason}): use text, numbers, booleans, lists, dicts")


def model_body(written: dict[str, Any]) -> bytes:
    """Write the JSON of a request that has checked itself: without numbers that JSON has no form for."""
    if _dumps is not None:
        try:
            return _dumps(written)
        except TypeError:  # half a surrogate pair, say, which JSON can hold and UTF-8 cannot
            pass
    return json_body(written)


def compact(value: Any, *, default: Callable[[Any], Any]) -> str:
    """Write JSON for a database; ``default`` makes text of what JSON has no form for."""
    if _dumps is not None:
        try:
            return _dumps(value, default=default).decode()
        except TypeError:  # as above
            pass
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=default)
