"""The rate limits, as a program sets them."""

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
    """The number of calls that the API allows in a window, for each class of calls.

    If the API's headers report other numbers, the client uses those.

    Attributes:
        reads: The number of reads in a window. Default: 100.
        writes: The number of writes in a window. Default: 10.
        ai: The number of AI generations in a window. Default: 5.
        window: The length of the window, in seconds. Default: 60.
        scope: ``"key"``, if the API counts the calls of each key separately. ``"pool"``, if it counts all keys of a
            client or platform together, for example by IP address. Default: ``"key"``.
        shared: An open store. All processes that use this store and the same key share the limits. Default: None, which
            limits this process only.

    Raises:
        ConfigurationError: A value cannot work.
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
        """Return the number of calls of a class that a window allows."""
        return {RateLimitClass.READS: self.reads, RateLimitClass.WRITES: self.writes, RateLimitClass.AI: self.ai}[
            rate_limit_class
        ]
