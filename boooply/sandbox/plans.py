"""The vendor's plans (section 3): how many interviews each includes, counted when they are created.

The free plan's number is for the lifetime of the organization; the others' are for a calendar month, in UTC. What is
deleted, cancelled or a no-show has been counted all the same. Add-on credits do not exist here.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Final

from boooply.sandbox.wire import SandboxError

__all__ = ["DEFAULT_PLAN", "PLANS", "PLAN_USED_UP", "PlanUse", "read_plan"]

PLANS: Final[Mapping[str, int | None]] = {"FREE": 5, "STARTER": 100, "GROWTH": 300, "SCALE": 500, "CUSTOM": None}
DEFAULT_PLAN: Final = "CUSTOM"
PLAN_USED_UP: Final = "PLAN_LIMIT_REACHED"
"""The contract names neither the status nor the code of this error."""


def read_plan(name: str) -> str:
    """Return a plan's name as the API spells it.

    Raises:
        ValueError: There is no such plan.
    """
    if name.upper() in PLANS:
        return name.upper()
    known = [plan.lower() for plan in PLANS]
    near = get_close_matches(name.lower(), known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ValueError(f"plan must be one of {', '.join(known)}; not {name!r}.{hint}")


class PlanUse:
    """The interviews that each organization has created, by the period in which its plan counts them."""

    def __init__(self) -> None:
        self.created: Counter[tuple[str, str]] = Counter()

    def left(self, organization_id: str, plan: str, now: datetime) -> int | None:
        """Return how many interviews the plan still includes; None means any number."""
        included = PLANS[plan]
        return None if included is None else max(0, included - self.created[organization_id, _period(plan, now)])

    def count(self, organization_id: str, plan: str, now: datetime) -> None:
        """Count an interview that is about to be created.

        Raises:
            SandboxError: 402, if the plan is used up.
        """
        if self.left(organization_id, plan, now) == 0:
            message = f"The {PLANS[plan]} interviews of the {plan} plan are used up. Upgrade the plan to create more."
            raise SandboxError(402, PLAN_USED_UP, message)
        self.created[organization_id, _period(plan, now)] += 1


def _period(plan: str, now: datetime) -> str:
    return "" if plan == "FREE" else now.strftime("%Y-%m")
