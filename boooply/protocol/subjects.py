"""Whether a response belongs to its request: it must not name another interview, person or key."""

from collections.abc import Iterable
from typing import Any, cast

from boooply.errors import ConfigurationError
from boooply.models import Interview, InterviewParticipant, OrganizationApiKey, ParticipantRole
from boooply.protocol.messages import Request
from boooply.protocol.settings import ORGANIZATION, key

Payload = dict[str, Any]


def mismatch(request: Request | None, payload: Payload, result: object) -> str | None:
    """Return why a response cannot belong to a request, or None. A response without names is accepted."""
    if isinstance(result, OrganizationApiKey):
        return _unusable_key(result)
    code = _meeting_code(payload, result)
    if code is not None and not code.strip():
        return "meetingCode: is empty"
    if request is None:
        return None
    if _differs(code, request.meeting_code):
        return "meetingCode: the response is about another interview"
    return None if request.subject is None else _stranger(request, payload, result)  # most reads are about no person


def _stranger(request: Request, payload: Payload, result: object) -> str | None:
    if _differs(payload.get("email"), getattr(request.subject, "email", None)):
        return "email: the response is about another person"
    return (
        "participants: an invited person is missing, and another person is listed" if _swaps(request, result) else None
    )


def _unusable_key(minted: OrganizationApiKey) -> str | None:
    try:
        key(minted.api_key, ORGANIZATION, None)
    except ConfigurationError as error:
        return f"apiKey: cannot be used: {error}"
    return None


def _meeting_code(payload: Payload, result: object) -> str | None:
    if isinstance(result, Interview):
        return result.meeting_code
    objects = [payload, *(cast("Payload", value) for value in payload.values() if isinstance(value, dict))]
    return next((code for one in objects if isinstance(code := one.get("meetingCode"), str)), None)


def _differs(found: object, asked: str | None) -> bool:
    return isinstance(found, str) and asked is not None and found != asked and found.casefold() != asked.casefold()


def _swaps(request: Request, result: object) -> bool:
    """Return whether an invited person is missing and a person who was not invited is listed.

    The API may leave people out, and may add the host. Only both together are a mismatch.
    """
    invited = {email.casefold() for email in request.people}
    if not invited:
        return False
    people = [one for one in _participants(result) if one.email and one.role != ParticipantRole.HOST]
    named = {one.email.casefold() for one in people if one.email}
    return bool(invited - named and named - invited)


def _participants(result: object) -> Iterable[InterviewParticipant]:
    if isinstance(result, Interview):
        return result.participants
    if not isinstance(result, tuple):
        return ()
    return [one for one in cast("tuple[object, ...]", result) if isinstance(one, InterviewParticipant)]
