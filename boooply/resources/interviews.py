"""Interviews, from the invitation to the evaluation (contract section 5)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
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
    InterviewRequest,
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
    """The interviews of the client's organization."""

    _transport: Transport

    async def create(self, request: InterviewRequest, /) -> Interview:
        """Create an interview; every participant is e-mailed at once.

        Raises:
            ValidationError: The argument is not one of the three request objects, which ``from_dict`` makes.
            AmbiguousWriteError: It may have been created. It is not sent again, since that could e-mail people twice.
        """
        if not isinstance(request, _REQUESTS):
            raise ValidationError(
                "request", "must be an AIInterview, a HumanInterview or a TeamMeeting; from_dict makes one"
            )
        return await self._transport.call(endpoints.CREATE_INTERVIEW, body=request)

    async def list(self, *, page: int = 1, limit: int = 20, **filters: Unpack[InterviewFilters]) -> Page:
        """Return one page of interviews, newest first; ``limit`` is at most 100.

        Filters: ``status`` (several), ``type``, ``search``, ``source_id``, ``date_field``, ``date_from``, ``date_to``,
        ``score_min``, ``score_max``, as ``boooply.InterviewFilters`` describes them.

        Raises:
            ValidationError: The API would reject a filter.
        """
        query = InterviewQuery(page=page, limit=limit, **filters)
        return await self._transport.call(endpoints.LIST_INTERVIEWS, query=query)

    async def iterate(self, **filters: Unpack[InterviewFilters]) -> AsyncIterator[Interview]:
        """Yield all interviews, reading pages of 100; the filters are those of ``list``.

        An interview created meanwhile shifts the pages, but each interview comes once. If the loop changes what the
        filters select, some interviews are skipped: collect first, then change.
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
            # one form of the list has no number of pages, and an API that ignores `page` repeats itself
            is_gap = not page.items and number < (page.total_pages or 0)
            if page.is_last(read) or (len(seen) == known and not is_gap):
                return
            number += 1

    async def get(self, meeting_code: str, /) -> Interview:
        """Return one interview."""
        return await self._transport.call(endpoints.GET_INTERVIEW, meeting_code=meeting_code)

    async def cancel(self, meeting_code: str, /, *, reason: str | None = None) -> Interview:
        """Cancel an interview that has not started.

        Raises:
            BadRequestError: It is active, completed or cancelled.
        """
        return await self._transport.call(
            endpoints.CANCEL_INTERVIEW, body=Cancellation(reason=reason), meeting_code=meeting_code
        )

    async def reschedule(
        self,
        meeting_code: str,
        /,
        *,
        scheduled_at: datetime | str,
        duration_minutes: int | None = None,
        reason: str | None = None,
    ) -> Interview:
        """Move an interview that has not started to another time.

        Raises:
            BadRequestError: It is active, completed or cancelled.
        """
        body = Rescheduling(scheduled_at=scheduled_at, duration_minutes=duration_minutes, reason=reason)
        return await self._transport.call(endpoints.RESCHEDULE_INTERVIEW, body=body, meeting_code=meeting_code)

    async def delete(self, meeting_code: str, /) -> None:
        """Delete an interview permanently, with its recording, transcript and evaluation."""
        await self._transport.call(endpoints.DELETE_INTERVIEW, meeting_code=meeting_code)

    async def add_participants(
        self, meeting_code: str, /, *, participants: Iterable[Participant | Mapping[str, object]]
    ) -> tuple[InterviewParticipant, ...]:
        """Add people, who are e-mailed at once, and return them with their join tokens."""
        body = Invitation(participants=participants)
        return await self._transport.call(endpoints.ADD_PARTICIPANTS, body=body, meeting_code=meeting_code)

    async def list_participants(self, meeting_code: str, /) -> tuple[InterviewParticipant, ...]:
        """Return the participants."""
        return await self._transport.call(endpoints.LIST_PARTICIPANTS, meeting_code=meeting_code)

    async def remove_participant(self, meeting_code: str, participant_id: str, /) -> None:
        """Remove a person from an interview."""
        await self._transport.call(
            endpoints.REMOVE_PARTICIPANT, meeting_code=meeting_code, participant_id=participant_id
        )

    async def get_recording(self, meeting_code: str, /) -> Recording | None:
        """Return the recording's description with a fresh link, or None until there is one."""
        return await self._transport.call(endpoints.GET_RECORDING, meeting_code=meeting_code)

    async def download_recording(self, meeting_code: str, file: str | PathLike[str], /) -> Recording | None:
        """Download a recording into a file, and return its description, or None until there is one.

        The file appears once it is complete, replaces an existing one, and only its owner may read it. After a break,
        the download continues with the missing bytes, and with a fresh link if the last one has expired. The key is
        sent to the API only, which returns the link, and not to the file store that the link leads to.

        Each wait for data may take ``timeout`` seconds. ``retry.deadline`` covers everything, from the request for the
        link to the last byte.

        Raises:
            OSError: The file cannot be written.
            APITimeoutError: No data came, and retries are used up.
            DeadlineExceededError: The deadline passed, or a wait would have outlasted it.
        """
        ends = self._transport.ends()  # of the look-up too, which starts now
        return await download(self._transport, lambda: self.get_recording(meeting_code), Path(file), ends=ends)

    async def get_transcript(self, meeting_code: str, /) -> tuple[TranscriptEntry, ...]:
        """Return the transcript, which is empty until the interview has taken place."""
        return await self._transport.call(endpoints.GET_TRANSCRIPT, meeting_code=meeting_code)

    async def get_evaluation(self, meeting_code: str, /) -> Evaluation | None:
        """Return the evaluation, or None until the analysis has run."""
        return await self._transport.call(endpoints.GET_EVALUATION, meeting_code=meeting_code)

    async def trigger_analysis(self, meeting_code: str, /) -> AnalysisJob:
        """Queue an analysis, which runs in the background and replaces the evaluation."""
        return await self._transport.call(endpoints.TRIGGER_ANALYSIS, meeting_code=meeting_code)

    async def get_availability(
        self, email: str, /, *, duration_minutes: int | None = None, days: int | None = None
    ) -> Availability:
        """Return when a person is free, in slots of ``duration_minutes`` (30) over ``days`` (14, at most 30)."""
        query = AvailabilityQuery(email=email, duration_minutes=duration_minutes, days=days)
        return await self._transport.call(endpoints.GET_AVAILABILITY, query=query)

    async def get_busy_blocks(self, email: str, /, *, days: int | None = None) -> BusyBlocks:
        """Return when a person is busy in the next ``days`` (14, at most 30)."""
        return await self._transport.call(endpoints.GET_BUSY_BLOCKS, query=BusyBlocksQuery(email=email, days=days))

    async def wait_for_evaluation(
        self, meeting_code: str, /, *, timeout: float = 900.0, poll: float = 10.0
    ) -> Evaluation:
        """Wait until the interview is over and evaluated, asking every ``poll`` seconds for up to ``timeout`` seconds.

        Certain are an evaluation, since a meeting that has one is never reopened, and the end of an AI interview. A
        human meeting that is COMPLETED can be resumed, so the wait continues until it has an ``end_reason``; even then
        it can be reopened, so an ``InterviewNotEvaluatedError`` about it may be premature. Team meetings are never
        evaluated (contract section 5.2).

        Raises:
            InterviewNotEvaluatedError: It was cancelled, failed, expired or missed.
            DeadlineExceededError: There is no evaluation after ``timeout`` seconds.
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
        """Search for the interview of an ambiguous ``create``, by its people.

        Interviews created before the request was sent are ignored, by the API's clock, which its responses show. If
        they have no ``Date``, the search starts five minutes earlier, since clocks differ. ``NotSeen`` is no proof: the
        API may carry the request out late. The search counts against the limit on reads.
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
        """Return by how much this machine's clock may be ahead of the API's, plus the rounding of its times."""
        await self.list(limit=1)  # any response shows the API's clock
        ahead = self._transport.pool.server_clock.ahead
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
