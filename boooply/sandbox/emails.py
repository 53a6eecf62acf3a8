"""The e-mails that the vendor would send: their subjects and the links in them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from boooply.sandbox.records import Email, EmailKind, Interview, Participant

__all__ = ["compose"]

SUBJECTS: Final[Mapping[EmailKind, str]] = {
    "invitation": "You are invited: {title}",
    "cancellation": "Cancelled: {title}",
    "booking": "Booked: {title}",
    "reschedule": "New time: {title}",
    "feedback": "Your feedback: {title}",
    "recap": "Recap: {title}",
}
TO_THE_MEETING: Final = frozenset({"invitation", "booking", "reschedule"})


def compose(kind: EmailKind, interview: Interview, person: Participant, base_url: str, now: datetime) -> Email:
    """Return the e-mail to one person."""
    return Email(
        to=person.email,
        kind=kind,
        meeting_code=interview.code,
        subject=SUBJECTS[kind].format(title=interview.title),
        sent_at=now,
        links=_links(kind, interview, person, f"{base_url}/meeting/{interview.code}"),
    )


def _links(kind: EmailKind, interview: Interview, person: Participant, url: str) -> dict[str, str]:
    if kind not in TO_THE_MEETING:
        return {}
    if person.role == "CANDIDATE" and interview.details.get("schedulingMode") == "CANDIDATE_PICKS":
        return {"booking": f"{url}/book"}
    return {"join": f"{url}?token={person.join_token}"}
