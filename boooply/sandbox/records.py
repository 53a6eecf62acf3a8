"""The records of the sandbox's state: frozen, replaced as a whole when something changes."""

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
    """One e-mail that the vendor would have sent.

    Attributes:
        to: The address.
        kind: `invitation` (create, add participants), `booking` (a candidate picked a slot), `reschedule`,
            `cancellation`, `feedback` (to a candidate, after an evaluation) or `recap` (a team meeting's).
        meeting_code: The interview it is about.
        subject: The subject line.
        sent_at: When, by the sandbox's clock.
        links: Its links by what they are for: `join`, with the person's secret token, or `booking`. In a browser, both
            lead to the interview in the console.
    """

    to: str
    kind: EmailKind
    meeting_code: str
    subject: str
    sent_at: datetime
    links: Mapping[str, str] = field(factory=dict[str, str], repr=False, eq=False)


@frozen(kw_only=True)
class Call:
    """One call that the sandbox received, without its key, query and body.

    Attributes:
        operation: The operation's name, such as `interviews.get`, or `unknown` if no route matches.
        method: The HTTP method.
        path: The path without the query, which may contain an address.
        status: The HTTP status that was sent; 0 if a fault suppressed even that.
        error_code: The machine-readable code of an error, else None; a fault may have hidden it from the caller.
        tenant: The platform's own id of the organization, or the slug of an organization that has none. With the
            platform key, the id in the body. None if there was no valid key.
        at: When the response was ready, by the sandbox's clock.
        fault: The fault that the call met, if any.
        carried_out: Whether the operation took effect, whatever the caller received.
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
    """A fault that is still to come.

    Attributes:
        operation: The operation's name as in `Call.operation`, or `*` for every one.
        fault: What will happen.
        times: How many calls will meet it; None means every one.
    """

    operation: str
    fault: Fault
    times: int | None


@frozen(kw_only=True)
class RedirectHit:
    """One request that followed the fault `redirect`, which no client may do.

    Attributes:
        method: The HTTP method.
        has_key: Whether it brought an Authorization header to the other host.
    """

    method: str
    has_key: bool


@frozen(kw_only=True)
class Attempt:
    """One attempt to deliver a webhook.

    Attributes:
        at: When it ended, by the sandbox's clock.
        status: The HTTP status of the endpoint's response; None if there was none.
        error: What went wrong if no response came.
        seconds: How long it took, by the real clock.
        response: The beginning of the response's body, with the secrets in it masked.
    """

    at: datetime
    status: int | None = None
    error: str | None = None
    seconds: float | None = None
    response: str = field(default="", repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint accepted it: anything but 2xx is a failure."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - what 2xx means


@frozen(kw_only=True)
class Delivery:
    """One event, and how it was delivered.

    Attributes:
        id: Its id in the controls; the vendor's events have none.
        event: The event's name, such as `interview.evaluation`.
        meeting_code: The interview it is about.
        tenant: As in `Call.tenant`.
        body: The signed bytes.
        state: `unsent` while there is no endpoint, `pending` until the endpoint accepted it or the last attempt failed.
        attempts: Those made so far, oldest first, including replays.
        next_attempt_at: When the next attempt is due, by the sandbox's clock; None if none is.
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
    """A webhook as the vendor would post it, for a test that passes it to an application itself.

    Attributes:
        event: The event's name.
        headers: The vendor's headers; one of them contains the webhook secret.
        body: The signed bytes.
    """

    event: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@frozen(kw_only=True)
class Key:
    """A key, of which only the digest is kept, and the calls that it opens."""

    digest: str = field(repr=False)
    opens: Literal["platform", "organization"]
    organization_id: str = ""
    is_revoked: bool = False


@frozen(kw_only=True)
class Organization:
    """One tenant; `external_org_id` and `platform` are None if no platform created it."""

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
    """One person in an interview; `profile` has the optional fields of the wire as they were given."""

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
    """What a recruiter concluded from an evaluation, and when."""

    recommendation: str
    rationale: str | None = field(repr=False)
    by: str
    at: datetime


@frozen(kw_only=True)
class Interview:
    """One interview.

    Attributes:
        source: The name of the customer whose platform created it; None without a platform.
        details: The fields of the create body that have no attribute here, named as on the wire.
        ended_at: When it last ended.
        analyses: How often the analysis has run; 0 means that there is no evaluation.
        rubric: The rubric that the analysis goes by, in the form of `rubricSnapshot`.
        outcome: What a caller has set of the `evaluation`, the `transcript` and the `recording`.
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
        """When it expires if nobody comes: 24 hours after its scheduled end; None if it cannot."""
        if self.status != "SCHEDULED" or self.scheduled_at is None or self.started_at or self.ended_at:
            return None
        return self.scheduled_at + timedelta(minutes=self.duration_minutes, hours=24)

    @property
    def is_recorded(self) -> bool:
        """Whether there is a recording and a transcript: only on request of a team meeting, always of others."""
        is_requested = self.kind != "TEAM" or bool(self.details.get("transcriptionEnabled"))
        return self.ended_at is not None and is_requested

    @property
    def has_video(self) -> bool:
        """Whether there is a recording: a caller may have set that there is none."""
        return self.is_recorded and self.outcome.get("recording", True)


def digest_of(key: str) -> str:
    """Return what is stored of a key."""
    # A header may contain bytes that are not UTF-8; such a key is simply unknown.
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def slug_of(name: str) -> str:
    """Return the slug of an organization with this name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "organization"
