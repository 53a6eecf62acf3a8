"""What may be sent again: one table, fault by safety class, and how long to wait before it.

The table is the promise that ``docs/explanation/safety.md`` makes to users.
"""

from enum import Enum
from typing import Final

import attrs

from boooply.errors import ConfigurationError
from boooply.protocol.messages import Idempotency, Request, Response, json_object


class FailureKind(Enum):
    """What went wrong with one attempt, as far as it can be told from this side."""

    NEVER_SENT = "no connection"
    BROKEN = "the connection broke"
    LIMITED = "429"
    FAILED = "5xx"
    UNREADABLE = "an answer that cannot be read"
    TOO_LARGE = "a body over the cap"
    OUT_OF_TIME = "the deadline passed"


class RetryDecision(Enum):
    """What to do about it."""

    AGAIN = "send again"
    WAIT = "send again once the allowance is there"
    RECONCILE = "read the state, and send again only if it is unchanged"
    AMBIGUOUS = "sent once: tell that it may have been carried out"
    GIVE_UP = "tell what happened"


_SAFE, _UNSAFE, _IDEMPOTENT = Idempotency.SAFE, Idempotency.UNSAFE, Idempotency.IDEMPOTENT
_AGAIN, _WAIT, _RECONCILE = RetryDecision.AGAIN, RetryDecision.WAIT, RetryDecision.RECONCILE
_AMBIGUOUS, _GIVE_UP = RetryDecision.AMBIGUOUS, RetryDecision.GIVE_UP

RETRY_TABLE: Final[dict[FailureKind, dict[Idempotency, RetryDecision]]] = {
    FailureKind.NEVER_SENT: {_SAFE: _AGAIN, _UNSAFE: _AGAIN, _IDEMPOTENT: _AGAIN},
    FailureKind.BROKEN: {_SAFE: _AGAIN, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _RECONCILE},
    FailureKind.LIMITED: {_SAFE: _WAIT, _UNSAFE: _WAIT, _IDEMPOTENT: _WAIT},
    FailureKind.FAILED: {_SAFE: _AGAIN, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _RECONCILE},
    FailureKind.UNREADABLE: {_SAFE: _AGAIN, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _RECONCILE},
    FailureKind.TOO_LARGE: {_SAFE: _GIVE_UP, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _RECONCILE},
    FailureKind.OUT_OF_TIME: {_SAFE: _GIVE_UP, _UNSAFE: _AMBIGUOUS, _IDEMPOTENT: _AMBIGUOUS},
}

_OK: Final = range(200, 300)
_PAGES: Final = (b"<!doctype html", b"<html")
_LEAD: Final = max(map(len, _PAGES))
_LONGEST_BACKOFF: Final = 30.0


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """Say how often and how long a call is tried.

    ``attempts`` counts sends, the first included; ``deadline`` (seconds, none by default) covers everything: waiting in
    line, every attempt and every pause. The pause doubles from ``backoff`` seconds, less up to half of it by chance.
    Whatever it says, nothing that may have been carried out is sent a second time unseen.
    """

    attempts: int = 3
    deadline: float | None = None
    backoff: float = 0.5

    def __attrs_post_init__(self) -> None:
        if isinstance(self.attempts, bool) or self.attempts < 1:
            raise ConfigurationError("retry: attempts has to be at least 1")
        if self.deadline is not None and not self.deadline > 0:
            raise ConfigurationError("retry: deadline has to be a number of seconds above zero, or None")
        if not self.backoff >= 0:
            raise ConfigurationError("retry: backoff has to be a number of seconds, not below zero")

    def pause(self, sent: int, chance: float) -> float:
        """Give the seconds to wait after ``sent`` attempts; ``chance`` is between 0 and 1."""
        longest: float = min(_LONGEST_BACKOFF, self.backoff * 2 ** (sent - 1))
        return longest * (1 - chance / 2)


class RetryBudget:
    """Keep an outage from being met with a storm: all calls of a pool share what may be sent again.

    It begins with ten retries; a call adds a twentieth of one, up to ten.
    """

    MOST: Final = 10.0
    A_CALL: Final = 0.05

    def __init__(self) -> None:
        self._left = self.MOST

    def earn(self) -> None:
        """Note a call."""
        self._left = min(self.MOST, self._left + self.A_CALL)

    def spend(self) -> bool:
        """Take one retry, if there is one."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


def failure_of(request: Request, response: Response) -> FailureKind | None:
    """Tell what is wrong with an answer, or None where it is one to be read."""
    if response.status == 429:  # noqa: PLR2004 - the status is its own name
        return FailureKind.LIMITED
    if response.status >= 500:  # noqa: PLR2004 - the same
        return FailureKind.FAILED
    if response.status not in _OK or (request.may_be_empty and not response.body):
        return None
    # what is asked for by hand may be anything but the page of a proxy
    is_unreadable = json_object(response) is None if request.wants_json else _is_page(response)
    return FailureKind.UNREADABLE if is_unreadable else None


def _is_page(response: Response) -> bool:
    lead = response.body.lstrip()[:_LEAD].lower()
    is_typed = response.headers.get("Content-Type", "").lower().startswith("text/html")
    return lead.startswith(_PAGES) or (is_typed and bool(lead) and json_object(response) is None)
