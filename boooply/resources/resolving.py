"""The search for an interview whose creation got no clear response."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from boooply.errors import AmbiguousWriteError
from boooply.models import CannotTell, Interview, NotSeen, ParticipantRole
from boooply.ratelimit.headers import CLOCKS_DIFFER, ROUNDED, ServerClock

if TYPE_CHECKING:
    from boooply.resources.interviews import AsyncInterviews


async def created_by(
    error: AmbiguousWriteError, interviews: AsyncInterviews, clock: ServerClock
) -> Interview | NotSeen | CannotTell:
    """Look for the interview with exactly the people of the request, created since the request was sent."""
    since = error.sent_at - (ROUNDED if error.by_api_clock else await _clocks_differ(interviews, clock))
    people = {email.casefold() for email in error.people}
    found: list[Interview] = []
    async for listed in interviews.iterate(date_field="created", date_from=since):
        # a list may leave people out
        interview = listed if _emails(listed) else await interviews.get(listed.meeting_code)
        if not _emails(interview):
            return CannotTell(reason=f"the API does not name the people of {interview.meeting_code}")
        if _guests(interview) <= people <= _emails(interview):  # the API may add a host
            found.append(interview)
    if len(found) > 1:
        return CannotTell(reason=f"{len(found)} interviews with these people were created since the request")
    return found[0] if found else NotSeen()


def _emails(interview: Interview) -> set[str]:
    return {person.email.casefold() for person in interview.participants if person.email}


def _guests(interview: Interview) -> set[str]:
    guests = (person for person in interview.participants if person.role != ParticipantRole.HOST)
    return {person.email.casefold() for person in guests if person.email}


async def _clocks_differ(interviews: AsyncInterviews, clock: ServerClock) -> timedelta:
    """Return how far this machine's clock may be ahead of the API's, plus the rounding of the API's times."""
    await interviews.list(limit=1)  # any response contains the API's time
    return CLOCKS_DIFFER if clock.ahead is None else ROUNDED - timedelta(seconds=clock.ahead)
