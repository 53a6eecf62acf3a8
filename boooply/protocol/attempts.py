"""What a client reports about each attempt of a call, for a program's own logs and metrics."""

from collections.abc import Callable
from typing import Final

import attrs

from boooply.protocol.messages import RateLimitClass
from boooply.protocol.settings import Rule, is_coroutine_function


@attrs.frozen(kw_only=True)
class AttemptInfo:
    """One attempt of a call, for logs and metrics: it contains no key, body, path or query.

    Attributes:
        operation: The call, as ``interviews.get``; ``request`` for ``client.request``.
        organization_id: Your own id of the customer, if its client comes from ``tenants`` or its key is being minted.
        status: The HTTP status, if the head of a response arrived.
        error_type: The name of the error in the place of a response, as ``APITimeoutError``.
        request_id: The ``X-Request-Id`` of the response, if there is one.
        attempt: The number of the attempt within its call, from 1.
        seconds: How long the attempt took.
        seconds_waited: How long it waited for the rate limit before that.
        rate_limit_class: The rate limit that it counts against.
        remaining: How many calls of that limit are left in its window, if the response says so.
    """

    operation: str
    organization_id: str | None
    status: int | None
    error_type: str | None
    request_id: str | None
    attempt: int
    seconds: float
    seconds_waited: float
    rate_limit_class: RateLimitClass
    remaining: int | None


OnResponse = Callable[[AttemptInfo], object]


ON_RESPONSE: Final = Rule(
    "a plain function that takes an AttemptInfo, not a coroutine function, which nothing would await",
    lambda value: callable(value) and not is_coroutine_function(value),
)
