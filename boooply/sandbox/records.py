"""The immutable records of the sandbox's state; a change replaces a whole record."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from attrs import field, frozen

__all__ = [
    "Attempt",
    "Call",
    "Delivery",
    "DeliveryState",
    "Email",
    "EmailKind",
    "Fault",
    "Finalization",
    "Interview",
    "InterviewKind",
    "Key",
    "Organization",
    "Participant",
    "PlannedFault",
    "RedirectHit",
    "WebhookRequest",
]

InterviewKind = Literal["AI", "HUMAN", "TEAM"]
EmailKind = Literal["invitation", "booking", "reschedule", "cancellation", "feedback", "recap"]
DeliveryState = Literal["unsent", "pending", "delivered", "failed"]
Fault = Literal[
    "reset-before",
    "reset-after",
    "drop-before",
    "commit-then-drop",
    "drop-midway",
    "stall",
    "402",
    "403-plan",
    "422",
    "429",
    "429-bare",
    "500",
    "500-after",
    "502",
    "503",
    "504",
    "html",
    "bad-json",
    "gzip-bomb",
    "big-body",
    "slow-drip",
    "redirect",
    "stale",
]


@frozen(kw_only=True)
class Email:
    """An e-mail that Boooply would have sent.

    Attributes:
        to: The recipient's address.
        kind: `invitation` (after creating an interview or adding participants), `booking` (after a candidate has picked
            a slot), `reschedule`, `cancellation`, `feedback` (to a candidate, after an evaluation) or `recap` (of
            a team meeting).
        meeting_code: The meeting code of the interview.
        subject: The subject line.
        sent_at: The time, by the sandbox's clock.
        links: The links by purpose: `join`, with the person's secret token, or `booking`. In a browser, both open the
            interview in the console.
    """

    to: str
    kind: EmailKind
    meeting_code: str
    subject: str
    sent_at: datetime
    links: Mapping[str, str] = field(factory=dict[str, str], repr=False, eq=False)


@frozen(kw_only=True)
class Call:
    """A call that the sandbox received, without its key, query and body.

    Attributes:
        operation: The operation's name, such as `interviews.get`, or `unknown` if no route matches.
        method: The HTTP method.
        path: The path without the query, which can contain an address.
        status: The HTTP status of the response; 0 if a fault prevented it.
        error_code: The machine-readable code of an error, even if a fault hid it; None without an error.
        tenant: The platform's ID of the organization, or the slug of an organization without one. For the platform key,
            the ID in the body. None without a valid key.
        at: The time when the response was ready, by the sandbox's clock.
        fault: The fault of the call, if any.
        carried_out: Whether the operation took effect, even if the caller received no response.
    """

    operation: str
    method: str
    path: str
    status: int
    error_code: str | None
    tenant: str | None
    at: datetime
    fault: Fault | None
    carried_out: bool


@frozen(kw_only=True)
class PlannedFault:
    """A fault that has not happened yet.

    Attributes:
        operation: The operation's name as in `Call.operation`, or `*` for all operations.
        fault: The name of the fault.
        times: The number of calls that will fail; None for all of them.
    """

    operation: str
    fault: Fault
    times: int | None


@frozen(kw_only=True)
class RedirectHit:
    """A request that followed the fault `redirect`, which no client may do.

    Attributes:
        method: The HTTP method.
        has_key: Whether the request had an Authorization header, and so sent its key to another host.
    """

    method: str
    has_key: bool


@frozen(kw_only=True)
class Attempt:
    """An attempt to deliver a webhook.

    Attributes:
        at: The time when it ended, by the sandbox's clock.
        status: The HTTP status of the endpoint's response; None without a response.
        error: The reason why there was no response; None if there was one.
        seconds: The duration in seconds of real time.
        response: The start of the response's body, with masked secrets.
    """

    at: datetime
    status: int | None = None
    error: str | None = None
    seconds: float | None = None
    response: str = field(default="", repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint responded with 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - the range of 2xx


@frozen(kw_only=True)
class Delivery:
    """An event and its delivery.

    Attributes:
        id: The ID for the controls; Boooply's events have none.
        event: The event's name, such as `interview.evaluation`.
        meeting_code: The meeting code of the interview.
        tenant: The organization, as in `Call.tenant`.
        body: The signed body.
        state: `unsent` without an endpoint; `pending` until the endpoint accepts the event or the last attempt fails;
            then `delivered` or `failed`.
        attempts: The attempts so far, oldest first, including replays.
        next_attempt_at: The time of the next attempt, by the sandbox's clock; None if there is none.
    """

    id: str
    event: str
    meeting_code: str
    tenant: str | None
    body: bytes = field(repr=False)
    state: DeliveryState = "unsent"
    attempts: tuple[Attempt, ...] = ()
    next_attempt_at: datetime | None = None


@frozen(kw_only=True)
class WebhookRequest:
    """A webhook as Boooply would post it, for tests that pass it to an application directly.

    Attributes:
        event: The event's name.
        headers: The headers; one of them contains the webhook secret.
        body: The signed body.
    """

    event: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@frozen(kw_only=True)
class Key:
    """The digest of a key, and the kind of calls that the key is for."""

    digest: str = field(repr=False)
    opens: Literal["platform", "organization"]
    organization_id: str = ""
    is_revoked: bool = False


@frozen(kw_only=True)
class Organization:
    """An organization; `external_org_id` and `platform` are None if no platform created it."""

    id: str
    name: str
    slug: str
    plan: str
    external_org_id: str | None = None
    platform: str | None = None
    team_members: frozenset[str] = frozenset()
    mints: int = 0


@frozen(kw_only=True)
class Participant:
    """A person in an interview; `profile` contains the optional fields of the request, unchanged."""

    id: str
    name: str
    email: str
    role: str
    join_token: str = field(repr=False)
    profile: Mapping[str, Any] = field(factory=dict[str, Any])
    joined_at: datetime | None = None
    left_at: datetime | None = None
    is_active: bool = False


@frozen(kw_only=True)
class Finalization:
    """A recruiter's recommendation, and its time."""

    recommendation: str
    rationale: str | None = field(repr=False)
    by: str
    at: datetime


@frozen(kw_only=True)
class Interview:
    """An interview.

    Attributes:
        source: The name of the customer whose platform created it; None without a platform.
        details: The other fields of the create body, with the API's names.
        ended_at: The time of its latest end.
        analyses: The number of analyses; without one there is no evaluation.
        rubric: The rubric of the evaluation, in the form of `rubricSnapshot`.
        outcome: The `evaluation`, the `transcript` and the `recording` that a caller has set.
    """

    id: str
    code: str
    organization_id: str
    kind: InterviewKind
    title: str
    scheduled_at: datetime | None
    duration_minutes: int
    participants: tuple[Participant, ...]
    source: str | None
    source_id: str | None
    source_platform: str | None
    created_at: datetime
    updated_at: datetime
    details: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    status: str = "SCHEDULED"
    end_reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    analyses: int = 0
    outcome: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    finalization: Finalization | None = None
    rubric: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def expires_at(self) -> datetime | None:
        """The time when it expires if nobody joins, 24 hours after its scheduled end; None if it cannot expire."""
        if self.status != "SCHEDULED" or self.scheduled_at is None or self.started_at or self.ended_at:
            return None
        return self.scheduled_at + timedelta(minutes=self.duration_minutes, hours=24)

    @property
    def is_recorded(self) -> bool:
        """Whether it has a recording and a transcript: a team meeting has them only on request."""
        is_requested = self.kind != "TEAM" or bool(self.details.get("transcriptionEnabled"))
        return self.ended_at is not None and is_requested

    @property
    def has_video(self) -> bool:
        """Whether it has a recording, which a caller can have turned off."""
        return self.is_recorded and self.outcome.get("recording", True)


def digest_of(key: str) -> str:
    """Return the digest of a key."""
    # a header can contain bytes that are not UTF-8: such a key is unknown
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def slug_of(name: str) -> str:
    """Return the slug of an organization with this name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "organization"
