"""The vendor's plans, and the number of interviews that each includes.

The free plan limits the total number, the other plans the number in a calendar month in UTC. Interviews count when they
are created, even if they are later deleted, cancelled or a no-show. The sandbox has no add-on credits.
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
"""The vendor documents neither the status nor the code of this error."""


def read_plan(name: str) -> str:
    """Return a plan's name in the API's spelling.

    Raises:
        ValueError: The plan is unknown.
    """
    if name.upper() in PLANS:
        return name.upper()
    known = [plan.lower() for plan in PLANS]
    near = get_close_matches(name.lower(), known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ValueError(f"plan must be one of {', '.join(known)}; not {name!r}.{hint}")


class PlanUse:
    """The number of interviews that each organization has created in each period of its plan."""

    def __init__(self) -> None:
        self.created: Counter[tuple[str, str]] = Counter()

    def left(self, organization_id: str, plan: str, now: datetime) -> int | None:
        """Return the number of interviews that the plan still includes; None means unlimited."""
        included = PLANS[plan]
        return None if included is None else max(0, included - self.created[organization_id, _period(plan, now)])

    def count(self, organization_id: str, plan: str, now: datetime) -> None:
        """Count an interview before it is created.

        Raises:
            SandboxError: 402 if the plan is used up.
        """
        if self.left(organization_id, plan, now) == 0:
            message = f"The {PLANS[plan]} interviews of the {plan} plan are used up. Upgrade the plan to create more."
            raise SandboxError(402, PLAN_USED_UP, message)
        self.created[organization_id, _period(plan, now)] += 1


def _period(plan: str, now: datetime) -> str:
    return "" if plan == "FREE" else now.strftime("%Y-%m")
