"""Participants: people as they are invited, and as the API returns them (contract sections 5.1 and 5.2)."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs

from boooply.models import validators
from boooply.models.enums import AuthProvider, ParticipantRole
from boooply.models.request import RequestModel
from boooply.models.response import ResponseModel, field
from boooply.secret import Secret


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Candidate(RequestModel):
    """The candidate to invite: short for a participant with the role ``CANDIDATE``."""

    name: str
    email: str = attrs.field(converter=validators.email)
    external_user_id: str | None = attrs.field(default=None, converter=validators.optional_identity)
    auth_provider: AuthProvider | str | None = None
    external_role: str | None = None
    avatar_url: str | None = None


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Participant(RequestModel):
    """A person to invite, who gets an e-mail as soon as the interview is created."""

    name: str
    email: str = attrs.field(converter=validators.email)
    role: ParticipantRole | str
    external_user_id: str | None = attrs.field(default=None, converter=validators.optional_identity)
    auth_provider: AuthProvider | str | None = None
    external_role: str | None = None
    avatar_url: str | None = None


_candidate = validators.instance_of(Candidate)
_participants = validators.each_item(validators.instance_of(Participant))


def candidate(value: Candidate | Mapping[str, object] | None) -> Candidate | None:
    """Require a candidate."""
    return _candidate(value)


def participants(value: Iterable[Participant | Mapping[str, object]]) -> tuple[Participant, ...]:
    """Require a list of participants."""
    return _participants(value)


def same_person(email: str, other: str) -> bool:
    """Return whether two e-mail addresses are of one person."""
    return email.casefold() == other.casefold()


@attrs.frozen(kw_only=True, slots=False)
class InterviewParticipant(ResponseModel):
    """A person in an interview; ``Interview.join_link`` makes the personal link from ``join_token``."""

    id: str | None = field("The id of this participation, by which it is removed.")
    name: str | None = field("The person's name.")
    email: str | None = field("The person's e-mail address.")
    role: ParticipantRole | str | None = field("What the person does in the interview.")
    join_token: Secret | None = field("The secret part of the person's link.")
    joined_at: datetime | None = field("When the person joined.")
    left_at: datetime | None = field("When the person left.")
    is_active: bool | None = field("Whether the person is in the meeting now.")
