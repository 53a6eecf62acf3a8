"""Which requests may be sent again and when: a table by kind of failure and idempotency.

``docs/explanation/safety.md`` promises this table to users.
"""

from enum import Enum, StrEnum
from typing import Final, cast

import attrs

from boooply.protocol.messages import Idempotency, Request, Response, is_page, json_object
from boooply.protocol.settings import COUNT, PAUSE, SECONDS, optional, setting


class FailureKind(StrEnum):
    """The kind of an attempt's failure, as far as the client can know it."""

    NEVER_SENT = "no connection"
    BROKEN = "the connection broke"
    RATE_LIMITED = "429"
    SERVER_ERROR = "5xx"
    UNDECIDED = "a status that does not say whether the request was carried out"
    UNREADABLE = "an unreadable response"
    TOO_LARGE = "a body that is too large"
    DEADLINE = "the deadline passed"


class RetryDecision(Enum):
    """What to do after a failed attempt."""

    RETRY = "send again"
    WAIT = "send again once the rate limit allows it"
    RECONCILE = "read the state, and send again only if it is unchanged"
    AMBIGUOUS = "do not send again: raise AmbiguousWriteError"
    GIVE_UP = "do not send again: raise the error"


_SAFE, _UNSAFE, _IDEMPOTENT = Idempotency.SAFE, Idempotency.UNSAFE, Idempotency.IDEMPOTENT
_RETRY, _WAIT, _RECONCILE = RetryDecision.RETRY, RetryDecision.WAIT, RetryDecision.RECONCILE
_AMBIGUOUS, _GIVE_UP = RetryDecision.AMBIGUOUS, RetryDecision.GIVE_UP

RETRY_TABLE: Final[dict[FailureKind, dict[Idempotency, RetryDecision]]] = {
    FailureKind.NEVER_SENT: {_SAFE: _RETRY, _UNSAFE: _RETRY, _IDEMPOTENT: _RETRY},
    FailureKind.BROKEN: {_SAFE: _RETRY, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _RECONCILE},
    FailureKind.RATE_LIMITED: {_SAFE: _WAIT, _UNSAFE: _WAIT, _IDEMPOTENT: _WAIT},
    FailureKind.SERVER_ERROR: {_SAFE: _RETRY, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _RECONCILE},
    FailureKind.UNDECIDED: {_SAFE: _GIVE_UP, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _RECONCILE},
    FailureKind.UNREADABLE: {_SAFE: _RETRY, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _RECONCILE},
    FailureKind.TOO_LARGE: {_SAFE: _GIVE_UP, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _RECONCILE},
    FailureKind.DEADLINE: {_SAFE: _GIVE_UP, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _AMBIGUOUS},
}

_OK: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_UNDECIDED: Final = frozenset({*range(100, 200), 408, 499})
_LONGEST_BACKOFF: Final = 30.0


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and for how long a call is tried.

    No policy sends an ambiguous write again without checking.

    Attributes:
        attempts: The most attempts of a call, including the first. Attempts that end with 429 do not count. Default: 3.
        deadline: The longest duration of a call, in seconds. It covers waiting for the rate limit, all attempts and
            all pauses. Default: None, which means no deadline.
        backoff: The pause before the second attempt, in seconds. Each further pause is twice as long, up to 30 seconds.
            A random part of up to half is subtracted. If the response asks for a longer pause with ``Retry-After``,
            the pause is as long as that, up to an hour. Default: 0.5.

    Raises:
        ConfigurationError: A value cannot work.
    """

    attempts: int = attrs.field(default=3, validator=setting("retry", COUNT))
    deadline: float | None = attrs.field(default=None, validator=setting("retry", optional(SECONDS)))
    backoff: float = attrs.field(default=0.5, validator=setting("retry", PAUSE))

    def pause(self, sent: int, chance: float) -> float:
        """Return the pause after a number of attempts, in seconds.

        Args:
            sent: The number of attempts so far.
            chance: A random number from 0 to 1. The higher it is, the shorter the pause.
        """
        longest: float = min(_LONGEST_BACKOFF, self.backoff * 2 ** (sent - 1))
        return longest * (1 - chance / 2)


class RetryBudget:
    """The retries that all calls of a pool share, so that retries do not multiply the load of an outage.

    The budget starts with ten retries. Each call adds a twentieth of a retry, up to ten.
    """

    MOST: Final = 10.0
    A_CALL: Final = 0.05

    def __init__(self) -> None:
        self._left = self.MOST

    def earn(self) -> None:
        """Add the share of one call."""
        self._left = min(self.MOST, self._left + self.A_CALL)

    def spend(self) -> bool:
        """Take one retry from the budget, and return whether there was one."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


def failure_of(request: Request, response: Response) -> FailureKind | None:
    """Return why a response counts as a failed attempt, or None if it ends the call."""
    if request.idempotency is not _SAFE and _is_undecided(request, response):
        return FailureKind.UNDECIDED
    if response.status == 429:  # noqa: PLR2004 - the status is its own name
        return FailureKind.RATE_LIMITED
    if response.status >= 500:  # noqa: PLR2004 - the same
        return FailureKind.SERVER_ERROR
    if response.status not in _OK or (request.may_be_empty and not response.body):
        return None
    # the response to client.request() may be anything except the HTML page of a proxy
    is_unreadable = json_object(response) is None if request.wants_json else is_page(response)
    # a read is checked when it is parsed
    is_unreadable = is_unreadable or (request.idempotency is not _SAFE and request.check(response) is not None)
    return FailureKind.UNREADABLE if is_unreadable else None


def _is_undecided(request: Request, response: Response) -> bool:
    """Return whether a write may have been carried out despite the status of its response."""
    return response.status in _UNDECIDED or (request.mints and (response.status in _REDIRECTS or _is_mint(response)))


def _is_mint(response: Response) -> bool:
    """Return whether an error response contains a key, which shows that a key was minted."""
    payload = json_object(response)
    if payload is None:
        return response.status not in _OK and b'"apiKey"' in response.body  # the error may have been cut short
    is_error = response.status not in _OK or payload.get("success") is False
    return is_error and _has_key(payload)


def _has_key(payload: object) -> bool:
    unread = [payload]
    while unread:
        value = unread.pop()
        if isinstance(value, dict):
            fields = cast("dict[str, object]", value)
            if fields.get("apiKey") is not None:
                return True
            unread.extend(fields.values())
        elif isinstance(value, list):
            unread.extend(cast("list[object]", value))
    return False
