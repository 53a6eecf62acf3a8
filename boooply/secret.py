"""Secrets, and how the package keeps keys out of tracebacks.

Error trackers collect the local variables of every frame in a traceback. Two rules keep keys out of them:

- The first line that receives a key from a caller converts it to a ``Secret``. From then on, frames show only its mask.
- If a function, or a function that it calls, needs a key, a response or a body in plain text, it is decorated with
  ``@hide_locals``. An error that leaves the function keeps every file name and line number, but no local variable.
"""

from __future__ import annotations

import hmac
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import iscoroutinefunction
from traceback import clear_frames
from typing import Any, Final, NoReturn, TypeVar, cast, final

F = TypeVar("F", bound=Callable[..., Any])

MASK: Final = "…"

# All prefixes of keys. Nothing else counts as a prefix, because it could be part of the secret.
PREFIX: Final = re.compile(r"(?:b(?:ooo)?ply_(?:(?:org|tenant|platform)_)?(?:(?:test|live)_)?|whsec_)")
_TAIL: Final = 4
_LONG_ENOUGH: Final = 12  # in a shorter secret, four visible characters would reveal too much

# Keys, webhook secrets, the value after "Bearer", and the token of a join link. BOOOPLY_API_KEY and similar names are
# environment variables, and boooply_keys and similar names are tables of a store.
_NAMES: Final = (
    r"BOOOPLY_[A-Z_]+|boooply_(?:event_queues|events|keys|ledger|limits|platform_keys|queue|store)(?:_[a-z]+)*"
)
_KEY: Final = rf"(?i)\b(?!(?-i:{_NAMES})(?![\w-]))b(?:ooo)?ply_[\w-]+|\bwhsec_[\w-]+"
_LOOKS_A_KEY: Final = re.compile(_KEY)
_LOOKS_SECRET: Final = re.compile(rf"{_KEY}|(?<=bearer )[^\s\"']+|(?<=token=)[^\s&\"'<>]+")


# Characters that control a terminal, break a line, or change its direction. Letters and emoji use joiners: keep those.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")


def mask(value: str) -> str:
    """Return the prefix and the last four characters of a secret, such as ``bply_org_…ab12``."""
    kind = PREFIX.match(value)
    prefix = kind.group() if kind else ""
    hidden = value[len(prefix) :]
    return f"{prefix}{MASK}{hidden[-_TAIL:] if len(hidden) >= _LONG_ENOUGH else ''}"


def redact(text: str, *known: Secret | None) -> str:
    """Mask every known secret in a text of unknown origin, and everything that looks like a key or a join token.

    Letter case is ignored. A known secret of less than 12 characters is skipped, because it could match anywhere.
    """
    return _masked(_LOOKS_SECRET, text, known)


def redact_keys(text: str, *known: Secret | None) -> str:
    """Mask every known secret in a text, and everything that looks like a key, but no join tokens."""
    return _masked(_LOOKS_A_KEY, text, known)


def _masked(pattern: re.Pattern[str], text: str, known: Iterable[Secret | None]) -> str:
    values = ("" if secret is None else secret.reveal() for secret in known)
    for value in sorted(values, key=len, reverse=True):  # a secret may begin a longer one
        if len(value) >= _LONG_ENOUGH:
            text = re.sub(re.escape(value), lambda found: mask(found.group()), text, flags=re.IGNORECASE)
    return pattern.sub(_mask_once, text)


def _mask_once(found: re.Match[str]) -> str:
    is_masked = found.string.startswith(MASK, found.end()) and PREFIX.fullmatch(found.group())
    return found.group() if is_masked else mask(found.group())


def writable(text: str) -> str:
    """Replace characters that JSON can contain, but UTF-8 or a database cannot: unpaired surrogates and NUL."""
    return _UNWRITABLE.sub("\ufffd", text)


def escape_controls(text: str) -> str:
    """Escape control characters and direction marks as JSON does, except line feeds."""
    return _CONTROL.sub(lambda found: "".join(map(_escaped, found.group())), text)


def _escaped(character: str) -> str:
    return character if character == "\n" else f"\\u{ord(character):04x}"


def one_line(text: str) -> str:
    """Convert a text of unknown origin to one line, without control characters and direction marks."""
    return _CONTROL.sub(" ", writable(text))


@final
class Secret:
    """A key, a join token or a pre-signed URL. Only ``reveal()`` shows the value.

    ``str()``, ``repr()``, formatting and logging show a mask, such as ``bply_org_…ab12``, and no attribute contains the
    value. Comparison takes constant time. Pickle, JSON and other serializers raise an error. A copy is the same object.

    Args:
        value: The value to protect.
    """

    # A function that returns the value, because inspectors and serializers read attributes, but call nothing.
    __slots__ = ("__read",)

    def __init__(self, value: str, /) -> None:
        # callers without a type checker; the check of the setting reports the type
        if not issubclass(type(value), str):  # pyright: ignore[reportUnnecessaryIsInstance]  # the same
            value = NotText(type(value).__name__)
        self.__read: Callable[[], str]
        object.__setattr__(self, "_Secret__read", lambda: value)  # bypasses __setattr__, which always raises

    def reveal(self) -> str:
        """Return the value. Call this only where you store or use it."""
        return self.__read()

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __str__(self) -> str:
        return mask(self.reveal())

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_octets(self), _octets(other))

    def __hash__(self) -> int:
        return hash((Secret, self.reveal()))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: store the value of reveal(), encrypted")


class NotText(str):
    """The name of a type that is not text, in place of a secret. The check of the setting reports it."""

    __slots__ = ()


def as_secret(value: object, /) -> Secret | None:
    """Wrap a key from a caller, before any code that may raise.

    This function never raises, so that no traceback shows the value. pydantic's ``SecretStr`` is accepted too. Any
    other value becomes a secret of ``NotText``.
    """
    return None if value is None else _wrapped(value)


def _wrapped(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    reveal = getattr(value, "get_secret_value", None)
    text = reveal() if callable(reveal) else value
    return Secret(text if isinstance(text, str) else NotText(type(value).__name__))


def as_secrets(given: object, fallback: str | None, /) -> tuple[Secret, ...]:
    """Wrap one or several secrets, like ``as_secret``: those of a caller, or else those of an environment variable.

    In a variable, commas separate them.
    """
    if given is None:
        given = [one for one in map(str.strip, (fallback or "").split(",")) if one]
    values = [given]
    # Iterating over bytes yields numbers, and over a mapping its keys.
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | bytearray | memoryview | Mapping):
        values = list(cast("Iterable[object]", given))
    return tuple(map(_wrapped, values))


def type_if_not_text(secret: Secret, /) -> str | None:
    """Return the type name of a value that is not text, or None if the value is text."""
    value = secret.reveal()
    return str(value) if isinstance(value, NotText) else None


def hide_locals(function: F) -> F:
    """Decorate a function so that the traceback of an error that leaves it contains no local variables.

    It clears the frames of the error and of all errors in its context, except an error that the caller is already
    handling.
    """

    @wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        handled = sys.exception()
        try:
            return await function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            _clear_frames(error, handled)
            raise

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        handled = sys.exception()
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            _clear_frames(error, handled)
            raise

    return cast("F", call_async if iscoroutinefunction(function) else call)


def _clear_frames(error: BaseException | None, handled: BaseException | None) -> None:
    while error is not None and error is not handled:
        clear_frames(error.__traceback__)
        error = error.__context__


def _octets(secret: Secret) -> bytes:
    # compare_digest rejects non-ASCII text, and UTF-8 cannot encode an unpaired surrogate
    return secret.reveal().encode("utf-8", "surrogatepass")
