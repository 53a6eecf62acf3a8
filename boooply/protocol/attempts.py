"""The report of each attempt of a call, for logs and metrics."""

from collections.abc import Callable
from typing import Final

import attrs

from boooply.protocol.messages import RateLimitClass
from boooply.protocol.settings import Rule, is_coroutine_function


@attrs.frozen(kw_only=True)
class AttemptInfo:
    """An attempt of a call, for logs and metrics. It contains no key, body, path or query.

    Attributes:
        operation: The call, such as ``interviews.get``, or ``request`` for ``client.request``.
        organization_id: Your own ID of the customer. None unless the client comes from ``AsyncTenants`` or ``Tenants``,
            or the customer's key is being minted.
        status: The HTTP status code. None if no response arrived.
        error_type: The class name of the error, such as ``APITimeoutError``, if there was no complete response. None
            otherwise.
        request_id: The ``X-Request-Id`` of the response. None if there is none.
        attempt: The number of the attempt within the call, from 1.
        seconds: The duration of the attempt, in seconds.
        seconds_waited: The time that the attempt waited for the rate limit before it started, in seconds.
        rate_limit_class: The rate limit that the call counts against.
        remaining: The number of calls left in the window of that rate limit. None if the response does not say.
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
    "a plain function that takes an AttemptInfo, and not a coroutine function, because nothing would await it",
    lambda value: callable(value) and not is_coroutine_function(value),
)
