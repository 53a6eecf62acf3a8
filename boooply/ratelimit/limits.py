"""The limits of a key, as a program sets them."""

from typing import Any, Literal

import attrs

from boooply.errors import ConfigurationError
from boooply.protocol.messages import RateLimitClass
from boooply.ratelimit.status import HasLimits


def _positive(_limits: object, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    if isinstance(value, bool) or not value > 0 or (attribute.type is int and not isinstance(value, int)):
        raise ConfigurationError(f"rate limits: {attribute.name} must be above zero")


@attrs.frozen(kw_only=True)
class RateLimits:
    """The calls that the API allows each key in a window of ``window`` seconds (contract section 2), by class.

    The API's own headers override these numbers. ``scope="pool"`` counts all keys of a pool together, for an API that
    counts by address. ``shared`` is an open store: all processes that use it and the same key share its limits.
    """

    reads: int = attrs.field(default=100, validator=_positive)
    writes: int = attrs.field(default=10, validator=_positive)
    ai: int = attrs.field(default=5, validator=_positive)
    window: float = attrs.field(default=60.0, validator=_positive)
    scope: Literal["key", "pool"] = "key"
    shared: HasLimits | None = attrs.field(default=None, eq=False, repr=False)

    def limit_of(self, rate_limit_class: RateLimitClass) -> int:
        """Return how many calls of a class a window allows."""
        return {RateLimitClass.READS: self.reads, RateLimitClass.WRITES: self.writes, RateLimitClass.AI: self.ai}[
            rate_limit_class
        ]
