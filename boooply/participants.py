"""Participants from the profiles of identity providers, mapped as the vendor's SDK does (contract section 8).

Each has the role that you give: ``AIInterview(participants=[from_google(profile, role="CANDIDATE")])``.
"""

from collections.abc import Mapping
from typing import Any

from boooply.errors import ValidationError
from boooply.models import AuthProvider, Participant, ParticipantRole

Profile = Mapping[str, Any]


def from_google(profile: Profile, /, *, role: ParticipantRole | str | None = None) -> Participant:
    """Map a Google profile: ``name``, ``email``, ``id``, ``picture``; the role is ``INTERVIEWER`` unless given.

    Raises:
        ValidationError: The name or e-mail address is missing, or the role is unknown.
    """
    return Participant(
        name=_required(profile, "name"),
        email=_required(profile, "email"),
        role=role or profile.get("role") or ParticipantRole.INTERVIEWER,
        external_user_id=_first(profile, "id"),
        auth_provider=AuthProvider.GOOGLE,
        external_role="GOOGLE_USER",
        avatar_url=_first(profile, "picture"),
    )


def from_microsoft(profile: Profile, /, *, role: ParticipantRole | str | None = None) -> Participant:
    """Map a Microsoft Graph user: ``displayName``, ``mail``, ``id``; the role is ``INTERVIEWER`` unless given.

    Accounts without a mailbox have no ``mail``; their ``userPrincipalName`` is used.

    Raises:
        ValidationError: The name or e-mail address is missing, or the role is unknown.
    """
    return Participant(
        name=_required(profile, "displayName"),
        email=_required(profile, "mail", "userPrincipalName"),
        role=role or profile.get("role") or ParticipantRole.INTERVIEWER,
        external_user_id=_first(profile, "id"),
        auth_provider=AuthProvider.MICROSOFT,
        external_role="MS_TEAMS_USER",
    )


def from_user(user: Profile, /, *, role: ParticipantRole | str | None = None) -> Participant:
    """Map your own user, with the field names of ``Participant`` or of the API (``externalUserId``).

    Raises:
        ValidationError: The name, e-mail address or role is missing, or the API does not accept a value.
    """
    return Participant(
        name=_required(user, "name"),
        email=_required(user, "email"),
        role=role or _required(user, "role"),
        external_user_id=_first(user, "external_user_id", "externalUserId"),
        auth_provider=_first(user, "auth_provider", "authProvider"),
        external_role=_first(user, "external_role", "externalRole"),
        avatar_url=_first(user, "avatar_url", "avatarUrl"),
    )


def _first(profile: Profile, *names: str) -> Any:
    return next((profile[name] for name in names if profile.get(name) not in (None, "")), None)


def _required(profile: Profile, *names: str) -> Any:
    value = _first(profile, *names)
    if value is None:
        raise ValidationError(" or ".join(names), "is missing from the profile")
    return value
