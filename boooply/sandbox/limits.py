"""The rate limits of section 2: fixed windows, one a key and class, aligned to the epoch."""

import math
from collections.abc import Iterator
from typing import Any, Literal

from attrs import Attribute, field, frozen, validators

__all__ = ["GENEROUS", "Allowance", "Limits", "Verdict", "Windows", "allowance_of"]

Allowance = Literal["reads", "writes", "ai"]


def _finite(_instance: object, attribute: "Attribute[Any]", value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be a finite number")


@frozen(kw_only=True)
class Limits:
    """Set how many calls a key may make in one window.

    Attributes:
        reads: GET.
        writes: POST, PATCH and DELETE.
        ai: Generating a job description, which counts as this alone.
        window: Seconds; a fraction is accepted.
    """

    reads: int = field(default=100, validator=validators.ge(0))
    writes: int = field(default=10, validator=validators.ge(0))
    ai: int = field(default=5, validator=validators.ge(0))
    window: float = field(default=60, validator=[validators.gt(0), _finite])


GENEROUS = Limits(reads=1_000_000, writes=1_000_000, ai=1_000_000)
"""What `limits=None` stands for: headers as always, and an allowance out of reach."""


def allowance_of(method: str) -> Allowance:
    """Return the class that a method counts as where no operation says otherwise."""
    return "reads" if method in {"GET", "HEAD", "OPTIONS"} else "writes"


@frozen(kw_only=True)
class Verdict:
    """Say whether a call is let through, and what its window looks like then."""

    granted: bool
    limit: int
    remaining: int
    resets_at: int
    retry_after: int

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer; only a refusal carries Retry-After."""
        shown = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.resets_at),
        }
        return shown if self.granted else {**shown, "Retry-After": str(self.retry_after)}


class Windows:
    """Count calls.

    Only the present window of each key and class is kept: the clock never goes back.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._used: dict[tuple[str, Allowance], tuple[int, int]] = {}

    @property
    def window(self) -> float:
        """Return how long a window lasts, in seconds."""
        return self._limits.window

    def take(self, key: str, allowance: Allowance, now: float) -> Verdict:
        """Count a call if its window has room; a refused call counts nothing."""
        index, used = self._present(key, allowance, now)
        granted = used < getattr(self._limits, allowance)
        if granted:
            used += 1
            self._used[key, allowance] = (index, used)
        return self._verdict(allowance, index, used, now, granted=granted)

    def seen(self, now: float) -> Iterator[tuple[str, Allowance, Verdict]]:
        """Iterate over the keys and classes that have called, the newest first, and the room in their windows."""
        for key, allowance in reversed(self._used):
            index, used = self._present(key, allowance, now)
            yield key, allowance, self._verdict(allowance, index, used, now, granted=True)

    def _present(self, key: str, allowance: Allowance, now: float) -> tuple[int, int]:
        index = math.floor(now / self.window)
        counted_in, used = self._used.get((key, allowance), (index, 0))
        return index, used if counted_in == index else 0

    def _verdict(self, allowance: Allowance, index: int, used: int, now: float, *, granted: bool) -> Verdict:
        limit: int = getattr(self._limits, allowance)
        end = (index + 1) * self.window
        return Verdict(
            granted=granted,
            limit=limit,
            remaining=limit - used,
            # Both are rounded up: a client that trusts either must not come back inside the old window.
            resets_at=math.ceil(end),
            retry_after=max(1, math.ceil(end - now)),
        )
