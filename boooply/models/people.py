"""Participants: the people to invite, and the people in an interview."""

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
    """The candidate to invite: the short form of a participant with the role ``CANDIDATE``.

    Raises:
        ValidationError: A value is missing or invalid.
    """

    name: str
    email: str = attrs.field(converter=validators.email)
    external_user_id: str | None = attrs.field(default=None, converter=validators.optional_identity)
    auth_provider: AuthProvider | str | None = None
    external_role: str | None = None
    avatar_url: str | None = None


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Participant(RequestModel):
    """A person to invite. The API e-mails each participant as soon as the interview is created.

    Raises:
        ValidationError: A value is missing or invalid.
    """

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
    """Return whether two e-mail addresses are the same in any case of their letters."""
    return email.casefold() == other.casefold()


@attrs.frozen(kw_only=True, slots=False)
class InterviewParticipant(ResponseModel):
    """A person in an interview. For the personal link, call ``Interview.join_link``."""

    id: str | None = field("The ID of the participant, as remove_participant expects it.")
    name: str | None = field("The person's name.")
    email: str | None = field("The person's e-mail address.")
    role: ParticipantRole | str | None = field("The person's role in the interview.")
    join_token: Secret | None = field("The secret part of the person's join link.")
    joined_at: datetime | None = field("When the person joined.")
    left_at: datetime | None = field("When the person left.")
    is_active: bool | None = field("Whether the person is in the meeting now.")
