"""A value that never shows itself."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn, cast, final

MASK: Final = "…"

# The kinds of contract section 1; nothing else is taken for a prefix, since it could be the secret itself.
_PREFIX: Final = re.compile(r"(?:b(?:ooo)?ply_(?:(?:org|tenant|platform)_)?(?:(?:test|live)_)?|whsec_)")
_TAIL: Final = 4
_LONG_ENOUGH: Final = 12  # below this, four shown characters would be too large a part of the whole

# Keys and webhook secrets, what follows "Bearer", and the token of a join link; BOOOPLY_API_KEY and the like are names
# of variables.
_LOOKS_SECRET: Final = re.compile(
    r"(?i)(?!(?-i:BOOOPLY_[A-Z_]+)(?![\w-]))\bb(?:ooo)?ply_[\w-]+"
    r"|\bwhsec_[\w-]+|(?<=bearer )[^\s\"']+|(?<=token=)[^\s&\"'<>]+"
)


def mask(value: str) -> str:
    """Show the kind and the last four characters of a secret, as ``bply_org_…ab12``."""
    kind = _PREFIX.match(value)
    prefix = kind.group() if kind else ""
    hidden = value[len(prefix) :]
    return f"{prefix}{MASK}{hidden[-_TAIL:] if len(hidden) >= _LONG_ENOUGH else ''}"


def redact(text: str, *known: Secret | None) -> str:
    """Mask whatever looks like a key or a join token in a text that somebody else wrote, and what is known to be one.

    A known one is found in any case of its letters; one of a few characters would be found in everything, and is not.
    """
    for secret in known:
        value = "" if secret is None else secret.reveal()
        if len(value) >= _LONG_ENOUGH:
            text = re.sub(re.escape(value), lambda found: mask(found.group()), text, flags=re.IGNORECASE)
    return _LOOKS_SECRET.sub(lambda found: mask(found.group()), text)


@final
class Secret:
    """Hold a key, a join token or a pre-signed URL; only ``reveal()`` shows it.

    ``str()``, ``repr()``, formatting, logging and ``vars()`` show the mask. Comparison takes constant time. Pickle and
    JSON are refused, since both would write it out; a copy is the secret itself.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str, /) -> None:
        self.__value: str
        object.__setattr__(self, "_Secret__value", value)  # past the guard below

    def reveal(self) -> str:
        """Return the value itself: for the place where it is stored or used, and nowhere else."""
        return self.__value

    def __repr__(self) -> str:
        return f"Secret({mask(self.__value)!r})"

    def __str__(self) -> str:
        return mask(self.__value)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_octets(self), _octets(other))

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled: store what reveal() returns, encrypted")


def as_secret(value: str | Secret | None) -> Secret | None:
    """Wrap a key that a caller hands in, before anything is done that may raise: a traceback shows local names."""
    if isinstance(value, Secret) or not value:
        return value or None
    return Secret(value)


def as_secrets(given: object, fallback: str | None, /) -> tuple[Secret, ...] | str:
    """Wrap one or several secrets: those that a caller passes, or those of a variable, separated by commas.

    Returns:
        The secrets; or, if one is of another type, the name of that type. Nothing is raised here, so that no traceback
        shows the caller's value.
    """
    if given is None:
        given = [one for one in map(str.strip, (fallback or "").split(",")) if one]
    # Iterating over bytes yields numbers, and over a mapping its keys: neither is a list of secrets.
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | bytearray | memoryview | Mapping):
        several = [*cast("Iterable[object]", given)]
    else:
        several = [given]
    unfit = next((one for one in several if not isinstance(one, str | Secret)), None)
    if unfit is not None:
        return type(unfit).__name__
    return tuple(one if isinstance(one, Secret) else Secret(str(one)) for one in several)


def _octets(secret: Secret) -> bytes:
    # compare_digest refuses non-ASCII text, and a lone surrogate has no UTF-8 form of its own
    return secret.reveal().encode("utf-8", "surrogatepass")
