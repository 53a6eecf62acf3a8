"""What has become of the customers of a run so far."""

import json
from collections import Counter
from typing import Any, Final

import attrs

from boooply.provisioning import AlreadyConnected, Connected, Failed, InDoubt, Outcome
from boooply.secret import redact
from boooply.store import AsyncLedger

CHANGED_SHOWN: Final = 20

_BATCH: Final = 500
_NAMES: Final[dict[type, str]] = {
    Connected: "connected",
    AlreadyConnected: "already_connected",
    InDoubt: "in_doubt",
    Failed: "failed",
}


@attrs.define(kw_only=True)
class Summary:
    """Count outcomes, and hold what the summary lists.

    Attributes:
        counts: By the outcome's name, as in the machine's output; beside those ``changed`` and ``repeated``.
        changed: The first ids of customers that were given with other data.
        in_doubt: Id and reason of each.
        failed: The same.
        asked: For how many of them a request went out in this run.
        orphans: How many keys of these customers may be alive that nobody holds.
    """

    counts: Counter[str] = attrs.field(factory=Counter[str])
    changed: list[str] = attrs.field(factory=list[str])
    in_doubt: list[tuple[str, str]] = attrs.field(factory=list[tuple[str, str]])
    failed: list[tuple[str, str]] = attrs.field(factory=list[tuple[str, str]])
    asked: int = 0
    orphans: int = 0
    _unasked: list[str] = attrs.field(factory=list[str], init=False)  # whose orphans are not counted yet

    @property
    def done(self) -> int:
        """All customers that have come to an outcome."""
        return sum(self.counts[name] for name in _NAMES.values())

    @property
    def is_spotless(self) -> bool:
        """Tell whether nobody failed or is in doubt."""
        return not self.in_doubt and not self.failed

    async def add(self, outcome: Outcome, ledger: AsyncLedger) -> None:
        """Count one more."""
        identity = outcome.organization_id
        self.counts[name_of(outcome)] += 1
        # an outcome that the ledger only remembered brings no error
        self.asked += isinstance(outcome, Connected) or getattr(outcome, "error", None) is not None
        if isinstance(outcome, AlreadyConnected):
            self.counts["changed"] += outcome.is_changed
            self.counts["repeated"] += outcome.is_repeated
            if outcome.is_changed and len(self.changed) < CHANGED_SHOWN:
                self.changed.append(identity)
        elif isinstance(outcome, InDoubt):
            self.in_doubt.append((identity, outcome.reason))
        elif isinstance(outcome, Failed):
            self.failed.append((identity, outcome.reason))
        self._unasked.append(identity)
        if len(self._unasked) == _BATCH:
            await self.count_orphans(ledger)

    async def count_orphans(self, ledger: AsyncLedger) -> None:
        """Ask the ledger about those that were added since."""
        ids, self._unasked = self._unasked, []
        async for entry in ledger.entries(ids):
            self.orphans += entry.orphans

    def summary(self, total: int) -> dict[str, int]:
        """Give it to a machine."""
        names = (*_NAMES.values(), "changed", "repeated")
        return {"total": total, **{name: self.counts[name] for name in names}, "orphans": self.orphans}


def name_of(outcome: Outcome) -> str:
    """Name an outcome as the machine's output does."""
    return _NAMES[type(outcome)]


def as_json(outcome: Outcome) -> str:
    """Write an outcome as one line of JSON; it is ASCII, so that any pipe takes it."""
    row: dict[str, Any] = {"organization_id": outcome.organization_id, "outcome": name_of(outcome)}
    if isinstance(outcome, InDoubt | Failed):
        row["reason"] = redact(outcome.reason)
    elif isinstance(outcome, AlreadyConnected):
        row["is_changed"] = outcome.is_changed
    return json.dumps(row)
