"""An outage as one run sees it: when to send one request at a time, and when to stop. Pure."""

from typing import Final

import attrs

_FEW: Final = 3  # failures in a row, after which one request at a time is sent
_PATIENCE: Final = 30.0  # seconds beyond two attempt timeouts
_FIRST_PAUSE: Final = 1 / 20  # of the time after which a run stops
_GROWTH: Final = 3  # each pause is so many times as long as the last
_PROBE_EVERY: Final = 60.0  # seconds, in a run that does not stop


@attrs.define(kw_only=True)
class Outage:
    """The requests in a row that got no clear response. Times are in seconds of any monotonic clock.

    Attributes:
        timeout: The timeout of one attempt, in seconds.
        is_endless: Whether the run continues however long the API is down.
        failures: The number of requests in a row without a clear response.
        probe: The only customer whose request may be sent while the API is down.
        reason: The reason why the last request failed.
    """

    timeout: float
    is_endless: bool = False
    failures: int = 0
    probe: str | None = None
    reason: str = ""
    _probes: int = 0  # failed ones
    _healthy_at: float = 0.0
    _failed_at: float = 0.0

    @property
    def is_down(self) -> bool:
        """Whether only one request at a time may be sent."""
        return self.failures >= _FEW

    def may_send(self, organization_id: str, now: float) -> bool:
        """Return whether a customer's request may be sent now."""
        if not self.failures:
            self._healthy_at = now  # waiting for the rate limit is no failure
        return not self.is_down or organization_id == self.probe

    def succeed(self, now: float) -> None:
        """Record a clear response."""
        self.failures = self._probes = 0
        self._healthy_at = now

    def fail(self, organization_id: str, now: float, reason: str) -> None:
        """Record a request that got no clear response."""
        self._probes += organization_id == self.probe
        self.failures += 1
        self.reason = reason
        self._failed_at = now

    def next_probe(self, now: float) -> float | None:
        """Return the seconds to wait before the next probe, or None if the run must stop."""
        if self.is_endless:
            return max(0.0, self._failed_at + _PROBE_EVERY - now)
        patience = 2 * self.timeout + _PATIENCE
        due = max(now, self._failed_at + patience * _FIRST_PAUSE * _GROWTH**self._probes)
        has_time = not self._probes or due + self.timeout <= self._healthy_at + patience
        return due - now if has_time else None
