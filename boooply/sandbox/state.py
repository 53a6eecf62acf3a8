"""The sandbox's state in memory."""

import itertools
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from typing import Any

from attrs import evolve

from boooply.sandbox.announcements import announcements
from boooply.sandbox.emails import compose
from boooply.sandbox.exchanges import Exchanges
from boooply.sandbox.limits import Clock
from boooply.sandbox.plans import DEFAULT_PLAN, PlanUse
from boooply.sandbox.records import (
    Call,
    Delivery,
    DeliveryState,
    Email,
    EmailKind,
    Interview,
    InterviewKind,
    Key,
    Organization,
    Participant,
    RedirectHit,
    digest_of,
    slug_of,
)
from boooply.sandbox.saving import OwnKeys, Saved
from boooply.sandbox.wire import SandboxError, not_found

__all__ = ["PLATFORM_NAME", "Payload", "State"]

Payload = dict[str, Any]
"""The fields of a success body except `success`."""

PLATFORM_NAME = "Sandbox ATS"
"""The name of the platform, which is the `sourcePlatform` of its customers' interviews."""

FIRST_CODE = 1_234_567_890
"""The number of a sandbox's first interview, from the vendor's example."""

NO_ORGANIZATION = "the organization was not found: use your own id of a customer, the API's id, or "

CODES: dict[InterviewKind, str] = {"AI": "Boooply-AI", "HUMAN": "Boooply-H", "TEAM": "Team"}


class State:
    """The state of a sandbox.

    Interviews are stored by organization, so that no organization finds the interviews of another. Only the server's
    event loop may change the state, which is not thread-safe.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.plan: str = DEFAULT_PLAN
        self.plan_use: PlanUse = PlanUse()
        self.base_url = ""
        self.changes: int = 0
        """The number of changes to the saved state, except those of the clock."""
        self.signing_secret: bytes = secrets.token_bytes(32)
        self.emails: list[Email] = []
        self.duplicates: list[Email] = []
        self.calls: list[Call] = []
        self.exchanges: Exchanges = Exchanges()
        self.redirect_hits: list[RedirectHit] = []
        self.deliveries: dict[str, Delivery] = {}
        self.on_announcement: Callable[[], None] = lambda: None
        self._organizations: dict[str, Organization] = {}
        self._by_external_id: dict[str, str] = {}
        self._keys: dict[str, Key] = {}
        self._interviews: dict[str, dict[str, Interview]] = {}
        self._owners: dict[str, str] = {}
        self._invited: set[tuple[str, str, str | None, str]] = set()
        self._expiring: list[tuple[datetime, str]] = []
        self._numbers = itertools.count(FIRST_CODE)
        self._jobs = itertools.count(1)

    # ---- organizations and keys

    def organizations(self) -> tuple[Organization, ...]:
        """Return all organizations, oldest first."""
        return tuple(self._organizations.values())

    def organization(self, organization_id: str) -> Organization:
        """Return an existing organization."""
        return self._organizations[organization_id]

    def interviews_left(self, organization: Organization) -> int | None:
        """Return the number of interviews that an organization's plan still includes; None means unlimited."""
        return self.plan_use.left(organization.id, organization.plan, self.clock.now())

    def add_organization(self, organization_id: str, name: str) -> Organization:
        """Add an organization without a platform, as its staff can in the dashboard."""
        return self._save(Organization(id=organization_id, name=name, slug=slug_of(name), plan=self.plan))

    def provision(self, external_id: str, name: str | None, members: Iterable[str]) -> Organization:
        """Return the platform's organization with this ID, created if it does not exist, and add the members to it.

        Another name does not rename an existing organization.
        """
        known = self._by_external_id.get(external_id)
        if known is None:
            display_name = name or external_id
            organization = Organization(
                id=str(uuid.uuid4()),
                name=display_name,
                slug=slug_of(display_name),
                plan=self.plan,
                external_org_id=external_id,
                platform=PLATFORM_NAME,
                team_members=frozenset(members),
            )
            self._by_external_id[external_id] = organization.id
        else:
            found = self._organizations[known]
            organization = evolve(found, team_members=found.team_members | frozenset(members))
        return self._save(organization)

    def add_organization_key(self, organization_id: str, key: str) -> str:
        """Add a key for an organization."""
        self._add_key(Key(digest=digest_of(key), opens="organization", organization_id=organization_id))
        return key

    def mint(self, organization_id: str) -> str:
        """Mint a key for an organization, and count it."""
        organization = self._organizations[organization_id]
        self._save(evolve(organization, mints=organization.mints + 1))
        return self.add_organization_key(organization_id, f"bply_org_{secrets.token_hex(16)}")

    def add_platform_key(self, key: str) -> None:
        """Add a platform key."""
        self._add_key(Key(digest=digest_of(key), opens="platform"))

    def key(self, presented: str) -> Key | None:
        """Return the record of a valid key, or None; the digest as index keeps timing from revealing the key."""
        key = self._keys.get(digest_of(presented))
        return None if key is None or key.is_revoked else key

    def revoke_keys(self, named: str) -> int:
        """Revoke an organization's keys by either ID or the name in `Call.tenant`, and return their number.

        Raises:
            SandboxError: 404 for an unknown organization.
        """
        own = {one.slug: one.id for one in self.organizations() if one.external_org_id is None}
        id_ = self._by_external_id.get(named) or own.get(named, named)
        if id_ not in self._organizations:
            raise SandboxError(404, "ORGANIZATION_NOT_FOUND", f"{NO_ORGANIZATION}{''.join(own)}")
        live = [key for key in self._keys.values() if key.organization_id == id_ and not key.is_revoked]
        for key in live:
            self._add_key(evolve(key, is_revoked=True))
        return len(live)

    def tenant_of_key(self, digest: str) -> str:
        """Return the organization of the key with this digest, as in `Call.tenant`."""
        key = self._keys[digest]
        return "platform" if key.opens == "platform" else self.tenant(key.organization_id)

    def customer_of_key(self, presented: str | None) -> str | None:
        """Return the platform's ID of the customer that a key belongs to, even if the key was revoked; else None."""
        key = None if presented is None else self._keys.get(digest_of(presented))
        owner = None if key is None else self._organizations.get(key.organization_id)
        return None if owner is None else owner.external_org_id

    def tenant(self, organization_id: str) -> str:
        """Return an organization's name in records of calls: the platform's ID of it, or else its slug."""
        organization = self._organizations[organization_id]
        return organization.external_org_id or organization.slug

    def _save(self, organization: Organization) -> Organization:
        self._organizations[organization.id] = organization
        self._interviews.setdefault(organization.id, {})
        self.changes += 1
        return organization

    def _add_key(self, key: Key) -> None:
        self._keys[key.digest] = key
        self.changes += 1

    # ---- interviews

    def new_code(self, kind: InterviewKind) -> str:
        """Return an unused meeting code."""
        return f"{CODES[kind]}-{next(self._numbers)}"

    def new_job_id(self) -> str:
        """Return the ID of a new background job."""
        return str(next(self._jobs))

    def interview(self, organization_id: str, code: str) -> Interview:
        """Return an organization's interview.

        Raises:
            SandboxError: 404 if it does not exist or belongs to another organization.
        """
        interview = self._interviews[organization_id].get(code)
        if interview is None:
            raise not_found("the interview", "INTERVIEW_NOT_FOUND")
        return interview

    def has_interview(self, code: str) -> bool:
        """Check whether any organization has an interview with this code."""
        return code in self._owners

    def interview_of_anyone(self, code: str) -> Interview:
        """Return an interview of any organization, for the controls and the file store."""
        owner = self._owners.get(code)
        if owner is None:
            raise not_found("the interview", "INTERVIEW_NOT_FOUND")
        return self._interviews[owner][code]

    def interviews(self, organization_id: str) -> list[Interview]:
        """Return an organization's interviews by creation, newest first."""
        return list(reversed(self._interviews[organization_id].values()))

    def all_interviews(self) -> list[Interview]:
        """Return the interviews of all organizations, oldest first."""
        return [self._interviews[owner][code] for code, owner in self._owners.items()]

    def put(self, interview: Interview) -> Interview:
        """Save a new or changed interview, with the time of the change."""
        stamped = evolve(interview, updated_at=self.clock.now())
        self._interviews[stamped.organization_id][stamped.code] = stamped
        self._owners[stamped.code] = stamped.organization_id
        self._watch(stamped)
        self.changes += 1
        return stamped

    def _watch(self, interview: Interview) -> None:
        # a time that was already past when it was set does not expire the interview
        if interview.expires_at is not None and interview.updated_at < interview.expires_at:
            heappush(self._expiring, (interview.expires_at, interview.code))

    def take_overdue(self) -> Iterator[Interview]:
        """Iterate over the interviews that have become overdue, each once."""
        while self._expiring and self._expiring[0][0] <= self.clock.now():
            due, code = heappop(self._expiring)
            interview = self._interviews[self._owners[code]][code] if code in self._owners else None
            if interview is not None and interview.expires_at == due:
                yield interview

    def delete(self, interview: Interview) -> None:
        """Delete an interview; its code is not used again."""
        del self._interviews[interview.organization_id][interview.code]
        del self._owners[interview.code]
        self.changes += 1

    def invite(self, interview: Interview) -> None:
        """Record the invitations of a new interview, and those that repeat an earlier one."""
        what = (interview.details.get("jobRole"), interview.details.get("title", ""))
        for email in self.send("invitation", interview, interview.participants):
            invitation = (interview.organization_id, email.to.lower(), *what)
            if invitation in self._invited:
                self.duplicates.append(email)
            self._invited.add(invitation)

    def send(self, kind: EmailKind, interview: Interview, people: Iterable[Participant]) -> tuple[Email, ...]:
        """Record and return the e-mails that Boooply would send to these people now."""
        now = self.clock.now()
        sent = tuple(compose(kind, interview, person, self.base_url, now) for person in people)
        self.emails.extend(sent)
        self.changes += 1
        return sent

    # ---- webhooks

    def save_delivery(self, delivery: Delivery) -> Delivery:
        """Save a new or changed delivery."""
        self.deliveries[delivery.id] = delivery
        self.changes += 1
        return delivery

    def announce(self, interview: Interview, *, is_reanalysis: bool = False) -> None:
        """Record the events of an interview that has ended for good, or of its re-analysis."""
        now = self.clock.now()
        events = announcements(interview, self.base_url, self.signing_secret, now, is_reanalysis=is_reanalysis)
        for event, body in events:
            delivery = Delivery(
                id=str(uuid.uuid4()),
                event=event,
                meeting_code=interview.code,
                tenant=self.tenant(interview.organization_id),
                body=body,
            )
            self.save_delivery(delivery)
        if interview.analyses == 1 and interview.details.get("sendCandidateFeedback"):
            candidates = [person for person in interview.participants if person.role == "CANDIDATE"]
            self.send("feedback", interview, candidates)
        if interview.kind == "TEAM" and interview.is_recorded:
            self.send("recap", interview, interview.participants)
        self.on_announcement()

    # ---- the file

    def take(self, own: OwnKeys, webhook_url: str | None) -> Saved:
        """Return the state to save."""
        number = next(self._numbers)
        self._numbers = itertools.count(number)
        return Saved(
            own=own,
            webhook_url=webhook_url,
            signing_secret=self.signing_secret,
            clock_ahead=self.clock.ahead,
            plan=self.plan,
            next_number=number,
            organizations=self.organizations(),
            keys=tuple(self._keys.values()),
            interviews=tuple(self.all_interviews()),
            created=tuple((*of, count) for of, count in self.plan_use.created.items()),
            invited=tuple(self._invited),
            emails=tuple(self.emails),
            duplicates=tuple(self.duplicates),
            deliveries=tuple(self.deliveries.values()),
        )

    def restore(self, saved: Saved) -> None:
        """Restore a saved state into this new one."""
        self.signing_secret, self.plan = saved.signing_secret, saved.plan
        self.clock.advance(saved.clock_ahead)
        self._numbers = itertools.count(saved.next_number)
        for organization in saved.organizations:
            self._save(organization)
            if organization.external_org_id is not None:
                self._by_external_id[organization.external_org_id] = organization.id
        for key in saved.keys:
            self._add_key(key)
        for interview in saved.interviews:
            self._interviews[interview.organization_id][interview.code] = interview
            self._owners[interview.code] = interview.organization_id
            self._watch(interview)
        self.plan_use.created.update({(of, period): count for of, period, count in saved.created})
        self._invited.update(saved.invited)
        self.emails.extend(saved.emails)
        self.duplicates.extend(saved.duplicates)
        for delivery in saved.deliveries:
            state: DeliveryState = "unsent" if delivery.state == "pending" else delivery.state
            self.save_delivery(evolve(delivery, state=state, next_attempt_at=None))

    def change_plan(self, plan: str) -> None:
        """Set the plan of every organization, including future ones."""
        self.plan = plan
        for organization in self.organizations():
            self._save(evolve(organization, plan=plan))
