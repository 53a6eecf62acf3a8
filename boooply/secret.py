"""A value that never shows itself, and how the package keeps keys out of tracebacks.

Error trackers send the local variables of every frame that an error leads to. Two rules keep keys out of them:

- A key that a caller passes becomes a ``Secret`` in the first line that sees it. From there on, a frame shows its mask.
- A function whose frames, or those below it, need a key, a response or a body in the clear is decorated with
  ``@hide_locals``. An error that leaves it keeps every file name and line number, and no variable.
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

# The kinds of contract section 1. Nothing else counts as a prefix, since it could be part of the secret itself.
PREFIX: Final = re.compile(r"(?:b(?:ooo)?ply_(?:(?:org|tenant|platform)_)?(?:(?:test|live)_)?|whsec_)")
_TAIL: Final = 4
_LONG_ENOUGH: Final = 12  # below this, four shown characters would be too large a part of the whole

# Keys and webhook secrets, what follows "Bearer", and the token of a join link; BOOOPLY_API_KEY and the like are names
# of variables, and boooply_keys and the like are names in a store.
_NAMES: Final = (
    r"BOOOPLY_[A-Z_]+|boooply_(?:event_queues|events|keys|ledger|limits|platform_keys|queue|store)(?:_[a-z]+)*"
)
_KEY: Final = rf"(?i)\b(?!(?-i:{_NAMES})(?![\w-]))b(?:ooo)?ply_[\w-]+|\bwhsec_[\w-]+"
_LOOKS_A_KEY: Final = re.compile(_KEY)
_LOOKS_SECRET: Final = re.compile(rf"{_KEY}|(?<=bearer )[^\s\"']+|(?<=token=)[^\s&\"'<>]+")


# What acts on a terminal, breaks a line, or changes the direction of one. Joiners belong to letters and to emoji.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")


def mask(value: str) -> str:
    """Return the kind and the last four characters of a secret, as ``bply_org_…ab12``."""
    kind = PREFIX.match(value)
    prefix = kind.group() if kind else ""
    hidden = value[len(prefix) :]
    return f"{prefix}{MASK}{hidden[-_TAIL:] if len(hidden) >= _LONG_ENOUGH else ''}"


def redact(text: str, *known: Secret | None) -> str:
    """Mask every known secret in a text that somebody else wrote, and whatever looks like a key or a join token.

    A known secret is found in any case of its letters. One of a few characters is skipped: it would match everywhere.
    """
    return _masked(_LOOKS_SECRET, text, known)


def redact_keys(text: str, *known: Secret | None) -> str:
    """Mask every known secret in a text and whatever looks like a key, but no token of a link."""
    return _masked(_LOOKS_A_KEY, text, known)


def _masked(pattern: re.Pattern[str], text: str, known: Iterable[Secret | None]) -> str:
    for secret in known:
        value = "" if secret is None else secret.reveal()
        if len(value) >= _LONG_ENOUGH:
            text = re.sub(re.escape(value), lambda found: mask(found.group()), text, flags=re.IGNORECASE)
    return pattern.sub(lambda found: mask(found.group()), text)


def writable(text: str) -> str:
    """Replace what JSON can contain, and UTF-8 or a database cannot: half of a surrogate pair, and NUL."""
    return _UNWRITABLE.sub("\ufffd", text)


def escape_controls(text: str) -> str:
    """Write the control characters of a text and its marks of direction as JSON escapes, except line feeds."""
    return _CONTROL.sub(lambda found: "".join(map(_escaped, found.group())), text)


def _escaped(character: str) -> str:
    return character if character == "\n" else f"\\u{ord(character):04x}"


def one_line(text: str) -> str:
    """Make one line of a text that somebody else wrote, without control characters and marks of direction."""
    return _CONTROL.sub(" ", writable(text))


@final
class Secret:
    """A key, a join token or a pre-signed URL, which only ``reveal()`` shows.

    ``str()``, ``repr()``, formatting and logging show the mask, and inspection finds no attribute with the value.
    Comparison takes constant time. Pickle, JSON and other serializers are refused, since they would write it out. A
    copy is the secret itself.
    """

    # A function that returns the value: inspectors and serializers read attributes, and call nothing.
    __slots__ = ("__read",)

    def __init__(self, value: str, /) -> None:
        # callers without a type checker; whatever uses it reports the type
        if not issubclass(type(value), str):  # pyright: ignore[reportUnnecessaryIsInstance]  # just those
            value = NotText(type(value).__name__)
        self.__read: Callable[[], str]
        object.__setattr__(self, "_Secret__read", lambda: value)  # past the guard of __setattr__

    def reveal(self) -> str:
        """Return the value itself. Call it where the value is stored or used, and nowhere else."""
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
        raise TypeError("a Secret is not pickled: store what reveal() returns, encrypted")


class NotText(str):
    """The name of a type that is not text, in the place of a secret: whatever checks the setting reports it."""

    __slots__ = ()


def as_secret(value: object, /) -> Secret | None:
    """Wrap a key that a caller passes, before anything runs that may raise.

    Nothing is raised here, so that no traceback shows the caller's value. A value that is neither text nor a secret,
    such as pydantic's ``SecretStr``, becomes a secret of ``NotText``.
    """
    return None if value is None else _wrapped(value)


def _wrapped(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    reveal = getattr(value, "get_secret_value", None)
    text = reveal() if callable(reveal) else value
    return Secret(text if isinstance(text, str) else NotText(type(value).__name__))


def as_secrets(given: object, fallback: str | None, /) -> tuple[Secret, ...]:
    """Wrap one or several secrets as ``as_secret`` does: those that a caller passes, or those of a variable.

    In a variable, they are separated by commas.
    """
    if given is None:
        given = [one for one in map(str.strip, (fallback or "").split(",")) if one]
    values = [given]
    # Iterating over bytes yields numbers, and over a mapping its keys: neither is a list of secrets.
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | bytearray | memoryview | Mapping):
        values = list(cast("Iterable[object]", given))
    return tuple(map(_wrapped, values))


def type_if_not_text(secret: Secret, /) -> str | None:
    """Return the name of the type of what is not text, or None for a secret that is."""
    value = secret.reveal()
    return str(value) if isinstance(value, NotText) else None


def hide_locals(function: F) -> F:
    """Decorate a function so that an error that leaves it leads to no local variable of the frames below.

    It clears the frames of the error and of all errors that led to it, except one that the caller was handling already.
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
    # compare_digest refuses non-ASCII text, and a lone surrogate has no UTF-8 form of its own
    return secret.reveal().encode("utf-8", "surrogatepass")
