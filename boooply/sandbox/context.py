"""An admitted call, as its operation sees it."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from boooply.sandbox.records import Interview
from boooply.sandbox.state import State

__all__ = ["RequestContext"]


@frozen(kw_only=True)
class RequestContext:
    """An operation's view of an admitted call; `organization_id` is empty with the platform key."""

    organization_id: str
    body: Mapping[str, Any] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    code: str = ""
    participant_id: str = ""

    def interview(self, state: State) -> Interview:
        """Return the interview that the path names, if it belongs to this organization."""
        return state.interview(self.organization_id, self.code)
