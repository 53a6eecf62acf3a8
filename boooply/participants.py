"""Participants from the profiles that identity providers give, mapped as the vendor's SDK does (contract section 8)."""

from collections.abc import Mapping
from typing import Any

from boooply.errors import ValidationError
from boooply.models import AuthProvider, Participant, ParticipantRole

Profile = Mapping[str, Any]


def from_google(profile: Profile, /, *, role: ParticipantRole | str | None = None) -> Participant:
    """Take a Google profile: ``name``, ``email``, ``id``, ``picture``; the role is ``INTERVIEWER`` unless given.

    Raises:
        ValidationError: Name or e-mail are missing, or the role is none.
    """
    return Participant(
        name=_wanted(profile, "name"),
        email=_wanted(profile, "email"),
        role=role or profile.get("role") or ParticipantRole.INTERVIEWER,
        external_user_id=_text(profile, "id"),
        auth_provider=AuthProvider.GOOGLE,
        external_role="GOOGLE_USER",
        avatar_url=_text(profile, "picture"),
    )


def from_microsoft(profile: Profile, /, *, role: ParticipantRole | str | None = None) -> Participant:
    """Take a Microsoft Graph user: ``displayName``, ``mail``, ``id``; the role is ``INTERVIEWER`` unless given.

    Accounts without a mailbox have no ``mail``: there ``userPrincipalName`` is taken.

    Raises:
        ValidationError: Name or e-mail are missing, or the role is none.
    """
    return Participant(
        name=_wanted(profile, "displayName"),
        email=_wanted(profile, "mail", "userPrincipalName"),
        role=role or profile.get("role") or ParticipantRole.INTERVIEWER,
        external_user_id=_text(profile, "id"),
        auth_provider=AuthProvider.MICROSOFT,
        external_role="MS_TEAMS_USER",
    )


def from_user(user: Profile, /, *, role: ParticipantRole | str | None = None) -> Participant:
    """Take a user of your own, with the field names of ``Participant`` or those of the API (``externalUserId``).

    Raises:
        ValidationError: Name, e-mail or role are missing, or a value is not one the API takes.
    """
    return Participant(
        name=_wanted(user, "name"),
        email=_wanted(user, "email"),
        role=role or _wanted(user, "role"),
        external_user_id=_text(user, "external_user_id", "externalUserId"),
        auth_provider=_text(user, "auth_provider", "authProvider"),
        external_role=_text(user, "external_role", "externalRole"),
        avatar_url=_text(user, "avatar_url", "avatarUrl"),
    )


def _text(profile: Profile, *names: str) -> str | None:
    value = next((profile[name] for name in names if profile.get(name)), None)
    return None if value is None else str(value)


def _wanted(profile: Profile, *names: str) -> str:
    value = _text(profile, *names)
    if value is None:
        raise ValidationError(" or ".join(names), "is missing in the profile")
    return value
