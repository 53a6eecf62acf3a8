"""Interviews, from invitation to evaluation (contract section 5)."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import Unpack

import attrs

from boooply.errors import AmbiguousWriteError, APIError, DeadlineExceededError, ValidationError
from boooply.models import (
    AIInterview,
    AnalysisJob,
    Availability,
    AvailabilityQuery,
    BusyBlocks,
    BusyBlocksQuery,
    Cancellation,
    CannotTell,
    Evaluation,
    HumanInterview,
    Interview,
    InterviewFilters,
    InterviewNotEvaluatedError,
    InterviewParticipant,
    InterviewQuery,
    Invitation,
    NotSeen,
    Page,
    Participant,
    Recording,
    Rescheduling,
    TeamMeeting,
    TranscriptEntry,
)
from boooply.protocol import endpoints
from boooply.ratelimit.headers import CLOCKS_DIFFER, ROUNDED
from boooply.transport import Transport, download

_PAGE = 100  # the most the API gives at once
_REQUESTS = (AIInterview, HumanInterview, TeamMeeting)


@attrs.define(eq=False, slots=False)  # not frozen: a test may patch a method
class AsyncInterviews:
    """Create, follow and read the interviews of the client's organization."""

    _transport: Transport

    async def create(self, request: AIInterview | HumanInterview | TeamMeeting, /) -> Interview:
        """Create an interview; every participant is e-mailed at once, so sending it twice reaches people twice.

        Raises:
            ValidationError: It is not one of the three request objects.
        """
        if not isinstance(request, _REQUESTS):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise ValidationError("request", "has to be an AIInterview, a HumanInterview or a TeamMeeting")
        endpoint = endpoints.CREATE_INTERVIEW
        return endpoint.parse(await self._transport.send(endpoint.request(body=request)))

    async def list(self, *, page: int = 1, limit: int = 20, **filters: Unpack[InterviewFilters]) -> Page:
        """Read one page of interviews, newest first; ``limit`` is at most 100.

        Filters: ``status`` (several), ``type``, ``search``, ``source_id``, ``date_field``, ``date_from``, ``date_to``,
        ``score_min``, ``score_max``, as ``boooply.InterviewFilters`` tells.

        Raises:
            ValidationError: A filter is not one the API takes.
        """
        query = InterviewQuery(page=page, limit=limit, **filters)
        endpoint = endpoints.LIST_INTERVIEWS
        return endpoint.parse(await self._transport.send(endpoint.request(query=query)))

    async def iterate(self, **filters: Unpack[InterviewFilters]) -> AsyncIterator[Interview]:
        """Read all interviews, a page of 100 at a time; the filters are those of ``list``.

        An interview created meanwhile moves the pages along; each is given once all the same. Changing what the filters
        look at moves them too, and some are passed over: collect first, then change.
        """
        seen: set[str] = set()
        number, read = 1, 0
        while True:
            page = await self.list(page=number, limit=_PAGE, **filters)
            known = len(seen)
            for interview in page.items:
                if interview.meeting_code not in seen:
                    seen.add(interview.meeting_code)
                    yield interview
            read += len(page.items)
            # the second form of the list tells no number of pages, and an API that ignores `page` repeats itself
            if page.is_last(read) or len(seen) == known:
                return
            number += 1

    async def get(self, meeting_code: str, /) -> Interview:
        """Read one interview."""
        endpoint = endpoints.GET_INTERVIEW
        return endpoint.parse(await self._transport.send(endpoint.request(meeting_code=meeting_code)))

    async def cancel(self, meeting_code: str, /, *, reason: str | None = None) -> Interview:
        """Cancel an interview that has not begun.

        Raises:
            BadRequestError: It is active, completed or cancelled.
        """
        endpoint = endpoints.CANCEL_INTERVIEW
        return endpoint.parse(
            await self._transport.send(endpoint.request(body=Cancellation(reason=reason), meeting_code=meeting_code))
        )

    async def reschedule(
        self,
        meeting_code: str,
        /,
        *,
        scheduled_at: datetime,
        duration_minutes: int | None = None,
        reason: str | None = None,
    ) -> Interview:
        """Move an interview that has not begun to another time.

        Raises:
            BadRequestError: It is active, completed or cancelled.
        """
        body = Rescheduling(scheduled_at=scheduled_at, duration_minutes=duration_minutes, reason=reason)
        endpoint = endpoints.RESCHEDULE_INTERVIEW
        return endpoint.parse(await self._transport.send(endpoint.request(body=body, meeting_code=meeting_code)))

    async def delete(self, meeting_code: str, /) -> None:
        """Delete an interview, with its recording, transcript and evaluation, for ever."""
        endpoint = endpoints.DELETE_INTERVIEW
        endpoint.parse(await self._transport.send(endpoint.request(meeting_code=meeting_code)))

    async def add_participants(
        self, meeting_code: str, /, *, participants: Iterable[Participant]
    ) -> tuple[InterviewParticipant, ...]:
        """Add people, who are e-mailed at once; each comes back with a join token."""
        body = Invitation(participants=participants)
        endpoint = endpoints.ADD_PARTICIPANTS
        return endpoint.parse(await self._transport.send(endpoint.request(body=body, meeting_code=meeting_code)))

    async def list_participants(self, meeting_code: str, /) -> tuple[InterviewParticipant, ...]:
        """Read who takes part."""
        endpoint = endpoints.LIST_PARTICIPANTS
        return endpoint.parse(await self._transport.send(endpoint.request(meeting_code=meeting_code)))

    async def remove_participant(self, meeting_code: str, participant_id: str, /) -> None:
        """Remove a person from an interview."""
        endpoint = endpoints.REMOVE_PARTICIPANT
        endpoint.parse(
            await self._transport.send(endpoint.request(meeting_code=meeting_code, participant_id=participant_id))
        )

    async def get_recording(self, meeting_code: str, /) -> Recording | None:
        """Read where the recording is, or None until there is one."""
        endpoint = endpoints.GET_RECORDING
        return endpoint.parse(await self._transport.send(endpoint.request(meeting_code=meeting_code)))

    async def download_recording(self, meeting_code: str, file: str | PathLike[str], /) -> Recording | None:
        """Download a recording into a file, and tell of it, or None until there is one.

        The file appears once all of it is there, in the place of an earlier one, and only its owner may read it. A
        break is mended by asking for the rest. The key goes to the API's own host alone, never along with a pre-signed
        link.

        Raises:
            OSError: The file cannot be written.
        """
        recording = await self.get_recording(meeting_code)
        if recording is None:
            return None
        await download(self._transport, recording, Path(file))
        return recording

    async def get_transcript(self, meeting_code: str, /) -> tuple[TranscriptEntry, ...]:
        """Read what was said; empty until the interview has been held."""
        endpoint = endpoints.GET_TRANSCRIPT
        return endpoint.parse(await self._transport.send(endpoint.request(meeting_code=meeting_code)))

    async def get_evaluation(self, meeting_code: str, /) -> Evaluation | None:
        """Read the evaluation, or None until the analysis has run."""
        endpoint = endpoints.GET_EVALUATION
        return endpoint.parse(await self._transport.send(endpoint.request(meeting_code=meeting_code)))

    async def trigger_analysis(self, meeting_code: str, /) -> AnalysisJob:
        """Queue an analysis, which runs in the background and replaces the evaluation."""
        endpoint = endpoints.TRIGGER_ANALYSIS
        return endpoint.parse(await self._transport.send(endpoint.request(meeting_code=meeting_code)))

    async def get_availability(
        self, email: str, /, *, duration_minutes: int | None = None, days: int | None = None
    ) -> Availability:
        """Read when a person is free, in slots of ``duration_minutes`` (30) over ``days`` (14, at most 30)."""
        query = AvailabilityQuery(email=email, duration_minutes=duration_minutes, days=days)
        endpoint = endpoints.GET_AVAILABILITY
        return endpoint.parse(await self._transport.send(endpoint.request(query=query)))

    async def get_busy_blocks(self, email: str, /, *, days: int | None = None) -> BusyBlocks:
        """Read when a person is busy in the next ``days`` (14, at most 30)."""
        endpoint = endpoints.GET_BUSY_BLOCKS
        return endpoint.parse(
            await self._transport.send(endpoint.request(query=BusyBlocksQuery(email=email, days=days)))
        )

    async def wait_for_evaluation(
        self, meeting_code: str, /, *, timeout: float = 900.0, poll: float = 10.0
    ) -> Evaluation:
        """Wait until the interview is over and evaluated, looking every ``poll`` seconds for ``timeout`` seconds.

        A human or team meeting that reads COMPLETED can be resumed, so it is waited for until its ``end_reason`` is
        there (contract section 5.2).

        Raises:
            InterviewNotEvaluatedError: It was cancelled, failed, expired or missed.
            DeadlineExceededError: The time is up.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._evaluated(meeting_code, poll)
        except APIError:
            raise
        except TimeoutError:
            pass
        raise DeadlineExceededError("interviews.wait_for_evaluation", timeout, waiting_for="evaluation")

    async def resolve(self, error: AmbiguousWriteError, /) -> Interview | NotSeen | CannotTell:
        """Look for the interview whose creation got no clear answer, by its people, among the latest.

        Those created before it was sent are left out: by the API's clock, which any answer tells. Where no answer has a
        ``Date``, five minutes are added, since clocks differ. ``NotSeen`` is no proof: the API may carry the request
        out late. It counts against the read allowance.
        """
        if error.operation != endpoints.CREATE_INTERVIEW.operation or not error.people:
            return CannotTell(reason=f"{error.operation} leaves nothing to look for")
        since = error.sent_at - (ROUNDED if error.by_api_clock else await self._clocks_differ())
        people = {email.casefold() for email in error.people}
        found = [
            interview
            async for interview in self.iterate(date_field="created", date_from=since)
            if people == {person.email.casefold() for person in interview.participants if person.email}
        ]
        if len(found) > 1:
            return CannotTell(reason=f"{len(found)} interviews with these people were created since")
        return found[0] if found else NotSeen()

    async def _clocks_differ(self) -> timedelta:
        """Say how much later a moment of this machine's may have been than it was at the API; any answer tells."""
        await self.list(limit=1)
        ahead = self._transport.pool.clock_ahead
        return CLOCKS_DIFFER if ahead is None else ROUNDED - timedelta(seconds=ahead)

    async def _evaluated(self, meeting_code: str, poll: float) -> Evaluation:
        is_over = False
        while True:
            if not is_over:
                interview = await self.get(meeting_code)
                if interview.ended_unevaluated:
                    raise InterviewNotEvaluatedError(interview)
                is_over = interview.is_over
            evaluation = await self.get_evaluation(meeting_code) if is_over else None
            if evaluation is not None:
                return evaluation
            await asyncio.sleep(poll)
