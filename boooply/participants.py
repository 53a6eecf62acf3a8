"""Participants from the profiles of identity providers.

The result fits any request: ``AIInterview(participants=[from_google(profile, role="CANDIDATE")], …)``. The mappings are
those of Boooply's JavaScript SDK.
"""

from collections.abc import Mapping
from typing import Any

from boooply.errors import ValidationError
from boooply.models import AuthProvider, Participant, ParticipantRole

Profile = Mapping[str, Any]


def from_google(profile: Profile, /, *, role: ParticipantRole | str | None = None) -> Participant:
    """Create a participant from a Google profile.

    Args:
        profile: The profile, with ``name`` and ``email``, and optionally ``id``, ``picture`` and ``role``.
        role: The role in the interview. Default: the ``role`` of the profile, or ``INTERVIEWER``.

    Raises:
        ValidationError: The name or e-mail address is missing, or a value is invalid.
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
    """Create a participant from a Microsoft Graph user.

    Args:
        profile: The user, with ``displayName`` and ``mail``, and optionally ``id`` and ``role``. For an account without
            a mailbox, which has no ``mail``, ``userPrincipalName`` is used instead.
        role: The role in the interview. Default: the ``role`` of the profile, or ``INTERVIEWER``.

    Raises:
        ValidationError: The name or e-mail address is missing, or a value is invalid.
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
    """Create a participant from a user of your own application.

    Args:
        user: The user, with the field names of ``Participant`` in snake_case or camelCase. It must have ``name`` and
            ``email``.
        role: The role in the interview. Default: the ``role`` of the user.

    Raises:
        ValidationError: The name, e-mail address or role is missing, or a value is invalid.
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
