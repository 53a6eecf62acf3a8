"""The context of a call that passed its limit and its key."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from boooply.sandbox.records import Interview
from boooply.sandbox.state import State

__all__ = ["RequestContext"]


@frozen(kw_only=True)
class RequestContext:
    """The context of a call; `organization_id` is empty for the platform key."""

    organization_id: str
    body: Mapping[str, Any] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    code: str = ""
    participant_id: str = ""

    def interview(self, state: State) -> Interview:
        """Return the organization's interview that the path names."""
        return state.interview(self.organization_id, self.code)
