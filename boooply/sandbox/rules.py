"""The rules of the API's request bodies, as tables.

A missing field or a value of the wrong JSON type is a 400 (`MISSING_FIELD`, `INVALID_TYPE`). Other broken rules,
including an explicit null, are a 422 (`VALIDATION_FAILED`). The message contains the field and the rule. Where the
vendor's documents leave a question open, the sandbox decides:

- Without `schedulingMode`, FIXED applies if there is a `scheduledAt`, and IMMEDIATE otherwise.
- "Each slot should match durationMinutes" is a recommendation: shorter and longer slots are accepted.
- Addresses are compared without regard to case, and a list with the same address twice is rejected.
- The vendor's SDK never sends `type` and `candidate`, so both are ignored.
- A field for team meetings is rejected in other interviews, unless its value is empty, such as `[]` or `false`.
- A `scheduledAt` or a slot in the past is accepted.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from boooply.sandbox.checks import (
    Field,
    boolean,
    check_fields,
    email,
    integer_from,
    list_of,
    non_empty,
    object_with,
    one_of,
    string,
    time,
)
from boooply.sandbox.records import InterviewKind
from boooply.sandbox.wire import invalid, missing, parse_time

__all__ = [
    "CANCEL",
    "JOB_DESCRIPTION",
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
    Field("externalUserId", string),
    Field("authProvider", one_of("TALENTFLOW", "GOOGLE", "MICROSOFT", "GITHUB", "NATIVE")),
    Field("externalRole", string),
    Field("avatarUrl", string),
)
PERSON = object_with(
    Field("name", non_empty, required=True),
    Field("email", email, required=True),
    Field("role", one_of(*ROLES), required=True),
    *PROFILE,
)
SLOT = object_with(Field("start", time, required=True), Field("end", time, required=True))
TEXTS = list_of(string)

POSITION = (
    Field("department", string),
    Field("skills", TEXTS),
    Field("seniority", one_of("JUNIOR", "MID", "SENIOR", "LEAD", "PRINCIPAL")),
    Field("workSetup", one_of("REMOTE", "ONSITE", "HYBRID")),
    Field("employmentType", one_of("FULL_TIME", "PART_TIME", "CONTRACT")),
)
DETAILS = (
    Field("title", string),
    Field("jobRole", non_empty),
    *POSITION,
    Field("schedulingMode", one_of("IMMEDIATE", "FIXED", "CANDIDATE_PICKS")),
    Field("availableSlots", list_of(SLOT, at_most=50)),
    Field("questions", TEXTS),
    Field("agenda", TEXTS),
    Field("jobDescription", string),
    Field("stage", string),
    Field("companyName", string),
    Field("externalJobId", string),
    Field("aiGenerate", boolean),
    Field("sendCandidateFeedback", boolean),
    Field("transcriptionEnabled", boolean),
    Field(
        "category",
        one_of("SCREENING", "TECHNICAL", "BEHAVIORAL", "ASSIGNMENT", "CULTURAL", "CASE_STUDY", "PANEL", "FINAL"),
    ),
    Field("evaluationFocus", one_of("knowledge", "balanced", "communication", "problem_solving", "culture")),
)
CREATE = (
    Field("meetingType", one_of("AI_ONLY", "HUMAN"), required=True),
    Field("isTeamMeeting", boolean),
    Field("participants", list_of(PERSON)),
    Field("durationMinutes", integer_from(5)),
    Field("scheduledAt", time),
    # checked but not kept, since the sandbox does not need a CV
    Field("candidateCV", string),
    *DETAILS,
)
RESCHEDULE = (
    Field("scheduledAt", time, required=True),
    Field("durationMinutes", integer_from(5)),
    Field("reason", string),
)
CANCEL = (Field("reason", string),)
ADD_PARTICIPANTS = (Field("participants", list_of(PERSON, at_least=1), required=True),)
JOB_DESCRIPTION = (Field("jobRole", non_empty, required=True), *POSITION)
MEMBER = object_with(
    Field("email", email, required=True), Field("name", string), Field("role", one_of("OWNER", "ADMIN", "MEMBER"))
)
PROVISION = (
    Field("userId", non_empty, required=True),
    Field("userEmail", email, required=True),
    Field("userName", string),
    Field("organizationId", non_empty, required=True),
    Field("organizationName", string),
    Field("teamMembers", list_of(MEMBER)),
)


@frozen(kw_only=True)
class NewPerson:
    """A participant from a request body."""

    name: str
    email: str
    role: str
    profile: Mapping[str, Any]


@frozen(kw_only=True)
class Draft:
    """An interview from a request body, whose single fields are already valid."""

    kind: InterviewKind
    meeting_type: str
    is_team: bool
    people: tuple[NewPerson, ...]
    minutes: int
    scheduled_at: datetime | None
    details: Mapping[str, Any]

    def has_role(self, role: str) -> bool:
        """Check whether a participant has this role."""
        return any(person.role == role for person in self.people)

    def picks(self) -> bool:
        """Check whether the candidate picks the time."""
        return bool(self.details["schedulingMode"] == "CANDIDATE_PICKS")


@frozen
class Rule:
    """A rule between fields: the field for the error, the condition that breaks the rule, and the error text."""

    field: str
    broken: Callable[[Draft], bool]
    text: str
    is_missing: bool = False


RULES = (
    Rule("isTeamMeeting", lambda d: d.is_team and d.meeting_type == "AI_ONLY", "must not be true with AI_ONLY"),
    Rule(
        "jobRole",
        lambda d: d.kind != "TEAM" and "jobRole" not in d.details,
        "is required for AI and human interviews",
        is_missing=True,
    ),
    Rule("participants", lambda d: not d.people, "is required", is_missing=True),
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
    Rule("agenda", lambda d: d.kind != "TEAM" and bool(d.details.get("agenda")), "is for team meetings only"),
    Rule(
        "transcriptionEnabled",
        lambda d: d.kind != "TEAM" and bool(d.details.get("transcriptionEnabled")),
        "is for team meetings only",
    ),
)


def read_draft(body: Mapping[str, Any]) -> Draft:
    """Read the body of a create call.

    Raises:
        SandboxError: 400 or 422; the message contains the field and the rule.
    """
    check_fields(CREATE, body)
    draft = _draft(body)
    for rule in RULES:
        if rule.broken(draft):
            raise missing(rule.field, rule.text) if rule.is_missing else invalid(rule.field, rule.text)
    _check_addresses_differ(draft.people)
    return draft


def _draft(body: Mapping[str, Any]) -> Draft:
    is_team = body.get("isTeamMeeting", False)
    is_ai = body["meetingType"] == "AI_ONLY"
    scheduled_at = parse_time(body["scheduledAt"]) if "scheduledAt" in body else None
    kept = {field.name: body[field.name] for field in DETAILS if field.name in body}
    return Draft(
        kind="AI" if is_ai else "TEAM" if is_team else "HUMAN",
        meeting_type=body["meetingType"],
        is_team=is_team,
        people=tuple(map(_person, body.get("participants", ()))),
        minutes=body.get("durationMinutes", DEFAULT_MINUTES),
        scheduled_at=scheduled_at,
        details={"schedulingMode": "IMMEDIATE" if scheduled_at is None else "FIXED", **kept},
    )


def _person(given: Mapping[str, Any]) -> NewPerson:
    profile = {field.name: given[field.name] for field in PROFILE if field.name in given}
    return NewPerson(name=given["name"], email=given["email"], role=given["role"], profile=profile)


def _check_addresses_differ(people: Iterable[NewPerson]) -> None:
    seen: set[str] = set()
    for person in people:
        if person.email.lower() in seen:
            raise invalid("participants", "must not name one e-mail address twice")
        seen.add(person.email.lower())


def new_people(body: Mapping[str, Any]) -> tuple[NewPerson, ...]:
    """Read the body of a call that adds participants.

    Raises:
        SandboxError: 400 or 422; the message contains the field and the rule.
    """
    check_fields(ADD_PARTICIPANTS, body)
    people = tuple(map(_person, body["participants"]))
    _check_addresses_differ(people)
    return people


@frozen(kw_only=True)
class Reschedule:
    """A new time; `minutes` is None if the duration stays the same."""

    scheduled_at: datetime | None
    minutes: int | None


def read_reschedule(body: Mapping[str, Any]) -> Reschedule:
    """Read the body of a reschedule call.

    Raises:
        SandboxError: 400 or 422; the message contains the field and the rule.
    """
    check_fields(RESCHEDULE, body)
    return Reschedule(scheduled_at=parse_time(body["scheduledAt"]), minutes=body.get("durationMinutes"))
