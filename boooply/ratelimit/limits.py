"""The limits of a key, as a program sets them."""

from typing import Final, Literal

import attrs

from boooply.protocol.messages import RateLimitClass
from boooply.protocol.settings import COUNT, SECONDS, Rule, optional, setting
from boooply.ratelimit.status import HasLimits

_OWNER: Final = "rate limits"
_SCOPE: Final = Rule('"key" or "pool"', lambda value: isinstance(value, str) and value in {"key", "pool"})
_SHARED: Final = Rule("an open store", lambda value: hasattr(value, "limits"))


@attrs.frozen(kw_only=True)
class RateLimits:
    """The calls that the API allows each key in a window of ``window`` seconds (contract section 2), by class.

    The API's own headers override these numbers. ``scope="pool"`` counts all keys of a pool together, for an API that
    counts by address. ``shared`` is an open store: all processes that use it and the same key share its limits.
    """

    reads: int = attrs.field(default=100, validator=setting(_OWNER, COUNT))
    writes: int = attrs.field(default=10, validator=setting(_OWNER, COUNT))
    ai: int = attrs.field(default=5, validator=setting(_OWNER, COUNT))
    window: float = attrs.field(default=60.0, validator=setting(_OWNER, SECONDS))
    scope: Literal["key", "pool"] = attrs.field(default="key", validator=setting(_OWNER, _SCOPE))
    shared: HasLimits | None = attrs.field(
        default=None, eq=False, repr=False, validator=setting(_OWNER, optional(_SHARED))
    )

    def limit_of(self, rate_limit_class: RateLimitClass) -> int:
        """Return how many calls of a class a window allows."""
        return {RateLimitClass.READS: self.reads, RateLimitClass.WRITES: self.writes, RateLimitClass.AI: self.ai}[
            rate_limit_class
        ]
