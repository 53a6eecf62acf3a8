"""Everything the sandbox knows: organizations, keys, interviews, e-mails and calls, in memory."""

import hashlib
import itertools
import re
import secrets
import uuid
from collections.abc import Callable, Iterable

from attrs import evolve

from boooply.sandbox.announcements import announced
from boooply.sandbox.clock import Clock
from boooply.sandbox.errors import not_found
from boooply.sandbox.records import (
    Call,
    Delivery,
    Email,
    EmailKind,
    Interview,
    InterviewKind,
    Key,
    Organization,
    Participant,
    RedirectHit,
)

__all__ = ["PLATFORM_NAME", "State"]

PLATFORM_NAME = "Sandbox ATS"
"""The platform whose key the sandbox holds: `sourcePlatform` of the interviews of its tenants."""

FIRST_CODE = 1_234_567_890
"""The first interview of a sandbox has the very number that the contract uses as its example."""

SUBJECTS: dict[EmailKind, str] = {
    "invitation": "You are invited: {title}",
    "cancellation": "Cancelled: {title}",
    "reschedule": "New time: {title}",
}


def _digest(key: str) -> str:
    # A header may hold bytes that are no UTF-8; such a key is merely unknown.
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "organization"


def _nobody_listens() -> None:
    pass


class State:
    """Remember one sandbox's world.

    Interviews are kept by organization, so looking one up in another tenant's shelf finds nothing. Not thread-safe:
    everything that changes it runs on the server's event loop.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.base_url = ""
        self.signing_secret: bytes = secrets.token_bytes(32)
        self.emails: list[Email] = []
        self.duplicates: list[Email] = []
        self.calls: list[Call] = []
        self.landings: list[RedirectHit] = []
        self.deliveries: dict[str, Delivery] = {}
        self.on_announcement: Callable[[], None] = _nobody_listens
        self._organizations: dict[str, Organization] = {}
        self._by_external_id: dict[str, str] = {}
        self._keys: dict[str, Key] = {}
        self._shelves: dict[str, dict[str, Interview]] = {}
        self._owners: dict[str, str] = {}
        self._invited: set[tuple[str, str, str | None, str]] = set()
        self._numbers = itertools.count(FIRST_CODE)

    # ---- organizations and keys

    def organizations(self) -> tuple[Organization, ...]:
        """Return all organizations, oldest first."""
        return tuple(self._organizations.values())

    def organization(self, organization_id: str) -> Organization:
        """Return an organization that exists."""
        return self._organizations[organization_id]

    def add_organization(self, name: str) -> Organization:
        """Add an organization as its own people would in the dashboard, without a platform."""
        return self._keep(Organization(id=str(uuid.uuid4()), name=name, slug=_slug(name)))

    def provision(self, external_id: str, name: str | None, members: Iterable[str]) -> Organization:
        """Find the platform's organization of that id, or add it; unite its members with those given.

        A later name does not rename: the contract says only that the organization is the same one.
        """
        known = self._by_external_id.get(external_id)
        if known is None:
            shown = name or external_id
            organization = Organization(
                id=str(uuid.uuid4()),
                name=shown,
                slug=_slug(shown),
                external_org_id=external_id,
                platform=PLATFORM_NAME,
                team_members=frozenset(members),
            )
            self._by_external_id[external_id] = organization.id
        else:
            found = self._organizations[known]
            organization = evolve(found, team_members=found.team_members | frozenset(members))
        return self._keep(organization)

    def add_organization_key(self, organization_id: str) -> str:
        """Make a key for an organization."""
        key = f"bply_org_{secrets.token_hex(16)}"
        self._remember(Key(digest=_digest(key), opens="organization", organization_id=organization_id))
        return key

    def mint(self, organization_id: str) -> str:
        """Make a key for an organization and count it as minted by the platform."""
        organization = self._organizations[organization_id]
        self._keep(evolve(organization, mints=organization.mints + 1))
        return self.add_organization_key(organization_id)

    def add_platform_key(self) -> str:
        """Make a platform key."""
        key = f"bply_platform_{secrets.token_hex(16)}"
        self._remember(Key(digest=_digest(key), opens="platform"))
        return key

    def key(self, presented: str) -> Key | None:
        """Return what a presented key opens; looked up by digest, so its time tells nothing of the key."""
        return self._keys.get(_digest(presented))

    def holder(self, digest: str) -> str:
        """Return whose key has a digest, as in `Call.tenant`."""
        key = self._keys[digest]
        return "platform" if key.opens == "platform" else self.tenant(key.organization_id)

    def tenant(self, organization_id: str) -> str:
        """Return how an organization is called: by the platform's own id, else by its slug."""
        organization = self._organizations[organization_id]
        return organization.external_org_id or organization.slug

    def _keep(self, organization: Organization) -> Organization:
        self._organizations[organization.id] = organization
        self._shelves.setdefault(organization.id, {})
        return organization

    def _remember(self, key: Key) -> None:
        self._keys[key.digest] = key

    # ---- interviews

    def new_code(self, kind: InterviewKind) -> str:
        """Return a meeting code that was never given before."""
        return f"Boooply-{kind}-{next(self._numbers)}"

    def interview(self, organization_id: str, code: str) -> Interview:
        """Return an organization's interview.

        Raises:
            Refused: 404, whether it does not exist or is another tenant's.
        """
        interview = self._shelves[organization_id].get(code)
        if interview is None:
            raise not_found("the interview", "INTERVIEW_NOT_FOUND")
        return interview

    def interview_of_anyone(self, code: str) -> Interview:
        """Return an interview whoever owns it; for the controls and the storage, which know no tenants."""
        owner = self._owners.get(code)
        if owner is None:
            raise not_found("the interview", "INTERVIEW_NOT_FOUND")
        return self._shelves[owner][code]

    def interviews(self, organization_id: str) -> list[Interview]:
        """Return an organization's interviews, newest first; order of creation decides, so it is stable."""
        return list(reversed(self._shelves[organization_id].values()))

    def all_interviews(self) -> list[Interview]:
        """Return everybody's interviews, oldest first."""
        return [self._shelves[owner][code] for code, owner in self._owners.items()]

    def put(self, interview: Interview) -> Interview:
        """Keep an interview, new or changed, stamped with the time."""
        stamped = evolve(interview, updated_at=self.clock.now())
        self._shelves[stamped.organization_id][stamped.code] = stamped
        self._owners[stamped.code] = stamped.organization_id
        return stamped

    def forget(self, interview: Interview) -> None:
        """Remove an interview for ever; its code is not given again."""
        del self._shelves[interview.organization_id][interview.code]
        del self._owners[interview.code]

    def invite(self, interview: Interview) -> None:
        """Note the invitations of a new interview, and which of them repeat those of an earlier one."""
        for email in self.send("invitation", interview, interview.participants):
            said = (interview.organization_id, email.to.lower(), interview.details.get("jobRole"), interview.title)
            if said in self._invited:
                self.duplicates.append(email)
            self._invited.add(said)

    def send(self, kind: EmailKind, interview: Interview, people: Iterable[Participant]) -> tuple[Email, ...]:
        """Note and return the e-mails that the vendor would send to these people now."""
        subject = SUBJECTS[kind].format(title=interview.title)
        now = self.clock.now()
        sent = tuple(
            Email(to=person.email, kind=kind, meeting_code=interview.code, subject=subject, sent_at=now)
            for person in people
        )
        self.emails.extend(sent)
        return sent

    # ---- webhooks

    def announce(self, interview: Interview, *, is_reanalysis: bool = False) -> None:
        """Note the events that tell of an interview that has ended for good, or of another analysis of it."""
        told = announced(interview, self.base_url, self.signing_secret, self.clock.now(), is_reanalysis=is_reanalysis)
        for event, body in told:
            delivery = Delivery(
                id=str(uuid.uuid4()),
                event=event,
                meeting_code=interview.code,
                tenant=self.tenant(interview.organization_id),
                body=body,
            )
            self.deliveries[delivery.id] = delivery
        self.on_announcement()
