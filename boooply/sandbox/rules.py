"""The rules of the contract's request bodies (sections 4, 5.1 and 6) as tables.

Which status a fault gets: a missing field or a value of the wrong JSON type is a 400 (`MISSING_FIELD`,
`INVALID_TYPE`), everything else that a rule forbids is a 422 (`VALIDATION_FAILED`), an explicit null included. The
text names the field and the rule. Where the contract is silent:

- `schedulingMode` left out means FIXED with a `scheduledAt` and IMMEDIATE without.
- "Each slot should last durationMinutes" is taken at its word: shorter and longer ones are refused.
- One e-mail address stands for one person, whatever its case: twice in one list is refused. A `candidate` who is in
  `participants` too is one person.
- What is "team only" is refused elsewhere when it says something; `[]` and `false` say nothing.
- A `scheduledAt` or a slot in the past is accepted.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from boooply.sandbox.checks import (
    Field,
    address,
    check_fields,
    filled,
    flag,
    list_of,
    moment,
    one_of,
    parse_moment,
    record,
    text,
    whole,
)
from boooply.sandbox.errors import invalid, missing
from boooply.sandbox.records import InterviewKind

__all__ = [
    "CANCEL",
    "JOB_DESCRIPTION",
    "PLAY",
    "PROVISION",
    "Draft",
    "NewPerson",
    "Reschedule",
    "new_people",
    "read_draft",
    "read_reschedule",
]

DEFAULT_MINUTES = 30
ROLES = ("CANDIDATE", "INTERVIEWER", "HOST", "CO_HOST", "PARTICIPANT", "OBSERVER")
PROFILE = (
    Field("externalUserId", text),
    Field("authProvider", one_of("TALENTFLOW", "GOOGLE", "MICROSOFT", "GITHUB", "NATIVE")),
    Field("externalRole", text),
    Field("avatarUrl", text),
)
PERSON = record(
    Field("name", filled, required=True),
    Field("email", address, required=True),
    Field("role", one_of(*ROLES), required=True),
    *PROFILE,
)
CANDIDATE = record(Field("name", filled, required=True), Field("email", address, required=True), *PROFILE)
SLOT = record(Field("start", moment, required=True), Field("end", moment, required=True))
TEXTS = list_of(text)

POSITION = (
    Field("department", text),
    Field("skills", TEXTS),
    Field("seniority", one_of("JUNIOR", "MID", "SENIOR", "LEAD", "PRINCIPAL")),
    Field("workSetup", one_of("REMOTE", "ONSITE", "HYBRID")),
    Field("employmentType", one_of("FULL_TIME", "PART_TIME", "CONTRACT")),
)
DETAILS = (
    Field("jobRole", filled),
    *POSITION,
    Field("schedulingMode", one_of("IMMEDIATE", "FIXED", "CANDIDATE_PICKS")),
    Field("availableSlots", list_of(SLOT, most=50)),
    Field("questions", TEXTS),
    Field("agenda", TEXTS),
    Field("jobDescription", text),
    Field("stage", text),
    Field("companyName", text),
    Field("externalJobId", text),
    Field("aiGenerate", flag),
    Field("sendCandidateFeedback", flag),
    Field("transcriptionEnabled", flag),
    Field(
        "category",
        one_of("SCREENING", "TECHNICAL", "BEHAVIORAL", "ASSIGNMENT", "CULTURAL", "CASE_STUDY", "PANEL", "FINAL"),
    ),
    Field("evaluationFocus", one_of("knowledge", "balanced", "communication", "problem_solving", "culture")),
)
CREATE = (
    Field("meetingType", one_of("AI_ONLY", "HUMAN"), required=True),
    Field("isTeamMeeting", flag),
    Field("participants", list_of(PERSON)),
    Field("candidate", CANDIDATE),
    Field("durationMinutes", whole(5)),
    Field("scheduledAt", moment),
    Field("title", text),
    # Checked and not kept: nobody needs a CV in a sandbox's memory.
    Field("candidateCV", text),
    *DETAILS,
)
ALIAS = (Field("type", one_of("ai", "human", "team")),)
RESCHEDULE = (Field("scheduledAt", moment, required=True), Field("durationMinutes", whole(5)), Field("reason", text))
CANCEL = (Field("reason", text),)
ADD_PARTICIPANTS = (Field("participants", list_of(PERSON, least=1), required=True),)
JOB_DESCRIPTION = (Field("jobRole", filled, required=True), *POSITION)
MEMBER = record(
    Field("email", address, required=True), Field("name", text), Field("role", one_of("OWNER", "ADMIN", "MEMBER"))
)
PROVISION = (
    Field("userId", filled, required=True),
    Field("userEmail", address, required=True),
    Field("userName", text),
    Field("organizationId", filled, required=True),
    Field("organizationName", text),
    Field("teamMembers", list_of(MEMBER)),
)
PLAY = (Field("to", one_of("ACTIVE", "COMPLETED", "SCHEDULED", "END", "NO_SHOW", "EXPIRED", "FAILED")),)


@frozen(kw_only=True)
class NewPerson:
    """Hold a participant as the caller gave one."""

    name: str
    email: str
    role: str
    profile: Mapping[str, Any]


@frozen(kw_only=True)
class Draft:
    """Hold an interview as the caller wants it, read from a body whose single fields are right."""

    kind: InterviewKind
    meeting_type: str
    is_team: bool
    people: tuple[NewPerson, ...]
    minutes: int
    scheduled_at: datetime | None
    title: str | None
    details: Mapping[str, Any]

    def has_role(self, role: str) -> bool:
        """Tell whether somebody has this role."""
        return any(person.role == role for person in self.people)

    def slots_fit(self) -> bool:
        """Tell whether each slot lasts as long as the interview."""
        return all(
            (datetime.fromisoformat(slot["end"]) - datetime.fromisoformat(slot["start"])).total_seconds()
            == self.minutes * 60
            for slot in self.details.get("availableSlots", ())
        )

    def picks(self) -> bool:
        """Tell whether the candidate picks the time."""
        return bool(self.details["schedulingMode"] == "CANDIDATE_PICKS")


@frozen
class Rule:
    """Name a rule between fields: the field to blame, when it is broken, and what to say."""

    field: str
    broken: Callable[[Draft], bool]
    says: str
    is_missing: bool = False


RULES = (
    Rule("isTeamMeeting", lambda d: d.is_team and d.meeting_type == "AI_ONLY", "must not be true with AI_ONLY"),
    Rule(
        "jobRole",
        lambda d: d.kind != "TEAM" and "jobRole" not in d.details,
        "is required for AI and human interviews",
        is_missing=True,
    ),
    Rule(
        "candidate",
        lambda d: d.kind == "AI" and not d.people,
        "is required for an AI interview (or a participant with role CANDIDATE)",
        is_missing=True,
    ),
    Rule("participants", lambda d: not d.people, "is required for human and team meetings", is_missing=True),
    Rule(
        "participants",
        lambda d: d.kind == "AI" and not d.has_role("CANDIDATE"),
        "must have a CANDIDATE in an AI interview",
    ),
    Rule(
        "participants",
        lambda d: d.kind == "TEAM" and not d.has_role("HOST"),
        "must have at least one HOST in a team meeting",
    ),
    Rule(
        "scheduledAt",
        lambda d: d.details["schedulingMode"] == "FIXED" and d.scheduled_at is None,
        "is required when schedulingMode is FIXED",
        is_missing=True,
    ),
    Rule("schedulingMode", lambda d: d.picks() and d.kind == "TEAM", "must not be CANDIDATE_PICKS in a team meeting"),
    Rule(
        "availableSlots",
        lambda d: d.picks() and "availableSlots" not in d.details,
        "is required when schedulingMode is CANDIDATE_PICKS",
        is_missing=True,
    ),
    Rule(
        "availableSlots",
        lambda d: d.picks() and not d.details["availableSlots"],
        "must not be empty when schedulingMode is CANDIDATE_PICKS",
    ),
    Rule("availableSlots", lambda d: not d.slots_fit(), "must each last durationMinutes"),
    Rule("agenda", lambda d: d.kind != "TEAM" and bool(d.details.get("agenda")), "is for team meetings only"),
    Rule(
        "transcriptionEnabled",
        lambda d: d.kind != "TEAM" and bool(d.details.get("transcriptionEnabled")),
        "is for team meetings only",
    ),
)


def read_draft(body: Mapping[str, Any]) -> Draft:
    """Read the body of a create call, or refuse it.

    Raises:
        Refused: 400 or 422, naming field and rule.
    """
    body = _without_alias(body)
    check_fields(CREATE, body)
    draft = _draft(body)
    for rule in RULES:
        if rule.broken(draft):
            raise missing(rule.field, rule.says) if rule.is_missing else invalid(rule.field, rule.says)
    _refuse_twins(draft.people)
    return draft


def _without_alias(body: Mapping[str, Any]) -> Mapping[str, Any]:
    # The JavaScript SDK's own word for the kind; where both come along, the wire's field is the one that counts.
    if "meetingType" in body or "type" not in body:
        return body
    check_fields(ALIAS, body)
    meant: dict[str, Any] = {"meetingType": "AI_ONLY" if body["type"] == "ai" else "HUMAN"}
    if body["type"] == "team":
        meant["isTeamMeeting"] = True
    return {**meant, **body}


def _draft(body: Mapping[str, Any]) -> Draft:
    is_team = body.get("isTeamMeeting", False)
    is_ai = body["meetingType"] == "AI_ONLY"
    scheduled_at = parse_moment(body["scheduledAt"]) if "scheduledAt" in body else None
    kept = {field.name: body[field.name] for field in DETAILS if field.name in body}
    return Draft(
        kind="AI" if is_ai else "TEAM" if is_team else "HUMAN",
        meeting_type=body["meetingType"],
        is_team=is_team,
        people=_people(body),
        minutes=body.get("durationMinutes", DEFAULT_MINUTES),
        scheduled_at=scheduled_at,
        title=body.get("title"),
        details={"schedulingMode": "IMMEDIATE" if scheduled_at is None else "FIXED", **kept},
    )


def _people(body: Mapping[str, Any]) -> tuple[NewPerson, ...]:
    listed = tuple(map(_person, body.get("participants", ())))
    if "candidate" not in body:
        return listed
    candidate = _person({**body["candidate"], "role": "CANDIDATE"})
    known = {person.email.lower() for person in listed}
    return listed if candidate.email.lower() in known else (candidate, *listed)


def _person(row: Mapping[str, Any]) -> NewPerson:
    profile = {field.name: row[field.name] for field in PROFILE if field.name in row}
    return NewPerson(name=row["name"], email=row["email"], role=row["role"], profile=profile)


def _refuse_twins(people: Iterable[NewPerson]) -> None:
    seen: set[str] = set()
    for person in people:
        if person.email.lower() in seen:
            raise invalid("participants", "must not name one e-mail address twice")
        seen.add(person.email.lower())


def new_people(body: Mapping[str, Any]) -> tuple[NewPerson, ...]:
    """Read the body that adds participants, or refuse it."""
    check_fields(ADD_PARTICIPANTS, body)
    people = _people({"participants": body["participants"]})
    _refuse_twins(people)
    return people


@frozen(kw_only=True)
class Reschedule:
    """Hold a new time; `minutes` is None where the old duration stays."""

    scheduled_at: datetime | None
    minutes: int | None


def read_reschedule(body: Mapping[str, Any]) -> Reschedule:
    """Read the body of a reschedule call, or refuse it."""
    check_fields(RESCHEDULE, body)
    return Reschedule(scheduled_at=parse_moment(body["scheduledAt"]), minutes=body.get("durationMinutes"))
