"""The outcomes of a run so far, counted and listed."""

import asyncio
import json
from collections import Counter, deque
from contextlib import suppress
from typing import Any, Final

import attrs

from boooply.cli.terminal import printable
from boooply.errors import StoreError
from boooply.provisioning import AlreadyConnected, Connected, Failed, InDoubt, Outcome
from boooply.store import AsyncLedger

COUNTED_WITHIN: Final = 0.5  # seconds to wait for a count from the store

_CHANGED_SHOWN: Final = 20
_LISTED: Final = 1000
_BATCH: Final = 500
_NAMES: Final[dict[type, str]] = {
    Connected: "connected",
    AlreadyConnected: "already_connected",
    InDoubt: "in_doubt",
    Failed: "failed",
}


@attrs.define(kw_only=True)
class Summary:
    """The outcomes of a run, counted, and the customers that its summary lists.

    Attributes:
        done: The number of outcomes.
        counts: The number of outcomes by name, as in the JSON output, and of ``changed`` and ``repeated`` ones.
        changed: The ids of the first customers whose data has changed since they were connected.
        listed: The ids and reasons of the last customers that failed or are in doubt, by the outcome's name.
        requested: The number of customers for which this run sent a request.
    """

    done: int = 0
    counts: Counter[str] = attrs.field(factory=Counter[str])
    changed: list[str] = attrs.field(factory=list[str])
    listed: dict[str, deque[tuple[str, str]]] = attrs.field(factory=dict[str, deque[tuple[str, str]]])
    requested: int = 0
    _orphans: dict[str, int] = attrs.field(factory=dict[str, int], init=False)  # by customer
    _uncounted: list[str] = attrs.field(factory=list[str], init=False)  # customers whose orphans are not counted yet

    @property
    def orphans(self) -> int:
        """The number of these customers' lost keys, which may still be valid."""
        return sum(self._orphans.values())

    async def add(self, outcome: Outcome, ledger: AsyncLedger) -> None:
        """Count an outcome."""
        organization_id = outcome.organization_id
        name = _NAMES[type(outcome)]
        self.done += 1
        self.counts[name] += 1
        # an outcome from an earlier run has no error
        self.requested += isinstance(outcome, Connected) or getattr(outcome, "error", None) is not None
        if isinstance(outcome, AlreadyConnected):
            self.counts["changed"] += outcome.is_changed
            self.counts["repeated"] += outcome.is_repeated
            if outcome.is_changed and len(self.changed) < _CHANGED_SHOWN:
                self.changed.append(organization_id)
        elif isinstance(outcome, InDoubt | Failed):
            self.listed.setdefault(name, deque(maxlen=_LISTED)).append((organization_id, outcome.reason))
        self._uncounted.append(organization_id)
        if len(self._uncounted) % _BATCH == 0:
            with suppress(StoreError, TimeoutError):  # counted at the end instead, so that the outcomes do not wait
                async with asyncio.timeout(COUNTED_WITHIN):
                    await self.count_orphans(ledger)

    async def count_orphans(self, ledger: AsyncLedger) -> None:
        """Count the orphans of the customers that were added since the last count."""
        async for entry in ledger.entries(self._uncounted):
            if entry.orphans:  # if a customer has several outcomes, the last count is right
                self._orphans[entry.organization_id] = entry.orphans
        self._uncounted = []

    def to_dict(self, total: int) -> dict[str, int]:
        """Return the counts for the JSON output."""
        names = (*_NAMES.values(), "changed", "repeated")
        return {"total": total, **{name: self.counts[name] for name in names}, "orphans": self.orphans}


def as_json(outcome: Outcome) -> str:
    """Return an outcome as one line of JSON, in ASCII, which any pipe can encode."""
    line: dict[str, Any] = {"organization_id": outcome.organization_id, "outcome": _NAMES[type(outcome)]}
    if isinstance(outcome, InDoubt | Failed):
        line["reason"] = printable(outcome.reason)
    elif isinstance(outcome, AlreadyConnected):
        line["is_changed"] = outcome.is_changed
    return json.dumps(line)
