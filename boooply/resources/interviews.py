"""Interviews, from the invitation to the evaluation."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
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
from boooply.protocol.settings import SECONDS, check
from boooply.resources.listing import all_interviews, check_filters
from boooply.resources.resolving import created_by
from boooply.resources.waiting import evaluation_of
from boooply.transport import Transport, download

_REQUESTS = (AIInterview, HumanInterview, TeamMeeting)


@attrs.define(eq=False, slots=False)  # not frozen: a test may patch a method
class AsyncInterviews:
    """The interviews of the client's organization.

    Every call raises ``APIError`` if it fails, and ``ValidationError`` if an argument is invalid. Every method with a
    ``meeting_code`` raises ``NotFoundError`` if there is no such interview in this organization.
    """

    _transport: Transport

    async def create(self, request: InterviewRequest, /) -> Interview:
        """Create an interview, and return it. The API e-mails every participant immediately.

        Args:
            request: An ``AIInterview`` (required: ``job_role``, a candidate), a ``HumanInterview`` (``job_role``, one
                person) or a ``TeamMeeting`` (``participants``, one a ``HOST``). ``from_dict`` creates it from JSON.

        Raises:
            ValidationError: ``request`` is of another type.
            AmbiguousWriteError: The interview may have been created. The request is not sent again, because people
                could be e-mailed twice. Call ``resolve``.
        """
        if not isinstance(request, _REQUESTS):
            raise ValidationError(
                "request",
                "must be an AIInterview, a HumanInterview or a TeamMeeting: use from_dict to create one from JSON",
            )
        return await self._transport.call(endpoints.CREATE_INTERVIEW, body=request)

    async def list(self, *, page: int = 1, limit: int = 20, **filters: Unpack[InterviewFilters]) -> Page:
        """Return one page of interviews, newest first.

        An interview must match all filters that you pass.

        Args:
            page: The number of the page, from 1. Default: 1.
            limit: The most interviews on a page, 1 to 100. Default: 20.
            **filters: The filters below. All are optional.

        Keyword Args:
            status (Iterable[SessionStatus | str]): One status or several. Matches ``session_status``.
            type (InterviewType | str): The type of interview: ``AI_ONLY``, ``HUMAN`` or ``TEAM``.
            search (str): A text to find in the meeting code, the candidate's name, the job role or the title.
            source_id (str | int | UUID): Your own ID of a customer. Matches ``source_id``.
            date_field (DateField | str): The date that ``date_from`` and ``date_to`` compare: ``created`` or
                ``scheduled``. Default: ``created``.
            date_from (datetime | str): The earliest date, with an offset: a datetime or ISO 8601 text.
            date_to (datetime | str): The latest date, with an offset: a datetime or ISO 8601 text.
            score_min (float): The lowest ``overall_score``, 0-100. Excludes interviews without a score.
            score_max (float): The highest ``overall_score``, 0-100.

        Raises:
            ValidationError: A filter is invalid.
        """
        check_filters("AsyncInterviews.list", filters)
        query = InterviewQuery(page=page, limit=limit, **filters)
        return await self._transport.call(endpoints.LIST_INTERVIEWS, query=query)

    def iterate(self, **filters: Unpack[InterviewFilters]) -> AsyncIterator[Interview]:
        """Iterate over all interviews, newest first, and fetch the pages as needed, 100 interviews at a time.

        Each interview is returned once, even if other interviews are created during the iteration. If your loop changes
        interviews so that they no longer match the filters, some interviews are skipped. To avoid that, collect the
        interviews first, then change them.

        Args:
            **filters: The filters of ``list``.

        Raises:
            ValidationError: A filter is invalid.
        """
        check_filters("AsyncInterviews.iterate", filters)
        return all_interviews(self, filters)

    async def get(self, meeting_code: str, /) -> Interview:
        """Return one interview.

        Args:
            meeting_code: The meeting code of the interview.

        Raises:
            NotFoundError: There is no such interview in this organization.
        """
        return await self._transport.call(endpoints.GET_INTERVIEW, meeting_code=meeting_code)

    async def cancel(self, meeting_code: str, /, *, reason: str | None = None) -> Interview:
        """Cancel an interview that has not started, and return it. The API e-mails everybody who was invited.

        Args:
            meeting_code: The meeting code of the interview.
            reason: The reason, which the e-mails contain. Default: none.

        Raises:
            BadRequestError: The interview is active, completed or cancelled.
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
        """Move an interview that has not started to another time, and return it.

        The API e-mails everybody who was invited.

        Args:
            meeting_code: The meeting code of the interview.
            scheduled_at: The new start, with an offset: a datetime or ISO 8601 text.
            duration_minutes: The new duration, in minutes, at least 5. Default: unchanged.
            reason: The reason, which the e-mails contain. Default: none.

        Raises:
            BadRequestError: The interview is active, completed or cancelled.
        """
        body = Rescheduling(scheduled_at=scheduled_at, duration_minutes=duration_minutes, reason=reason)
        return await self._transport.call(endpoints.RESCHEDULE_INTERVIEW, body=body, meeting_code=meeting_code)

    async def delete(self, meeting_code: str, /) -> None:
        """Delete an interview permanently, with its recording, transcript and evaluation.

        Args:
            meeting_code: The meeting code of the interview.
        """
        await self._transport.call(endpoints.DELETE_INTERVIEW, meeting_code=meeting_code)

    async def add_participants(
        self, meeting_code: str, /, *, participants: Iterable[Participant | Mapping[str, object]]
    ) -> tuple[InterviewParticipant, ...]:
        """Add people to an interview, and return them with their join tokens. The API e-mails them immediately.

        Args:
            meeting_code: The meeting code of the interview.
            participants: The people to add, at least one.

        Raises:
            AmbiguousWriteError: The people may have been added. Call ``list_participants`` to check.
        """
        body = Invitation(participants=participants)
        return await self._transport.call(endpoints.ADD_PARTICIPANTS, body=body, meeting_code=meeting_code)

    async def list_participants(self, meeting_code: str, /) -> tuple[InterviewParticipant, ...]:
        """Return the participants of an interview.

        Args:
            meeting_code: The meeting code of the interview.
        """
        return await self._transport.call(endpoints.LIST_PARTICIPANTS, meeting_code=meeting_code)

    async def remove_participant(self, meeting_code: str, participant_id: str, /) -> None:
        """Remove a person from an interview.

        Args:
            meeting_code: The meeting code of the interview.
            participant_id: The ``id`` of the participant.
        """
        await self._transport.call(
            endpoints.REMOVE_PARTICIPANT, meeting_code=meeting_code, participant_id=participant_id
        )

    async def get_recording(self, meeting_code: str, /) -> Recording | None:
        """Return the description of the recording, with a fresh link, or None if there is no recording yet.

        Args:
            meeting_code: The meeting code of the interview.
        """
        return await self._transport.call(endpoints.GET_RECORDING, meeting_code=meeting_code)

    async def download_recording(self, meeting_code: str, file: str | PathLike[str], /) -> Recording | None:
        """Download a recording to a file, and return its description, or None if there is no recording yet.

        The file appears when the download is complete, and replaces an existing file. Only its owner may read it. If
        the connection breaks, the download resumes where it stopped. If the link expires, it continues with a fresh
        one. Your key is never sent to the server that stores the video.

        Each wait for data may take up to the ``timeout`` of the client. Its ``retry.deadline`` covers the whole
        download.

        Args:
            meeting_code: The meeting code of the interview.
            file: The path of the file.

        Raises:
            OSError: The file cannot be written.
            APITimeoutError: No data arrived, and the retries are used up.
            DeadlineExceededError: The deadline passed, or the next wait would have exceeded it.
        """
        ends = self._transport.ends()  # the deadline includes the request for the link
        return await download(self._transport, lambda: self.get_recording(meeting_code), Path(file), ends=ends)

    async def get_transcript(self, meeting_code: str, /) -> tuple[TranscriptEntry, ...]:
        """Return the transcript. It is empty until the interview has taken place.

        Args:
            meeting_code: The meeting code of the interview.
        """
        return await self._transport.call(endpoints.GET_TRANSCRIPT, meeting_code=meeting_code)

    async def get_evaluation(self, meeting_code: str, /) -> Evaluation | None:
        """Return the evaluation, or None until the analysis has run.

        Args:
            meeting_code: The meeting code of the interview.
        """
        return await self._transport.call(endpoints.GET_EVALUATION, meeting_code=meeting_code)

    async def trigger_analysis(self, meeting_code: str, /) -> AnalysisJob:
        """Queue a new analysis. It runs in the background and replaces the evaluation.

        Args:
            meeting_code: The meeting code of the interview.

        Raises:
            AmbiguousWriteError: The analysis may have been queued.
        """
        return await self._transport.call(endpoints.TRIGGER_ANALYSIS, meeting_code=meeting_code)

    async def get_availability(
        self, email: str, /, *, duration_minutes: int | None = None, days: int | None = None
    ) -> Availability:
        """Return the times at which a person is free.

        Args:
            email: The e-mail address of the person.
            duration_minutes: The duration of a slot, in minutes, at least 5. Default: 30.
            days: The number of days to look ahead, 1 to 30. Default: 14.
        """
        query = AvailabilityQuery(email=email, duration_minutes=duration_minutes, days=days)
        return await self._transport.call(endpoints.GET_AVAILABILITY, query=query)

    async def get_busy_blocks(self, email: str, /, *, days: int | None = None) -> BusyBlocks:
        """Return the times at which a person is busy.

        Args:
            email: The e-mail address of the person.
            days: The number of days to look ahead, 1 to 30. Default: 14.
        """
        return await self._transport.call(endpoints.GET_BUSY_BLOCKS, query=BusyBlocksQuery(email=email, days=days))

    async def wait_for_evaluation(
        self, meeting_code: str, /, *, timeout: float = 900.0, poll: float = 10.0
    ) -> Evaluation:
        """Wait until an interview has been evaluated, and return the evaluation.

        A human interview that is ``COMPLETED`` can be resumed, so the wait continues until it has an ``end_reason``.
        Even then its host, an owner or an admin can reopen it, so ``InterviewNotEvaluatedError`` is not final for a
        human interview. Team meetings are never evaluated. If you receive webhooks, you do not need this method.

        Args:
            meeting_code: The meeting code of the interview.
            timeout: How long to wait, in seconds. Default: 900.
            poll: The pause between requests, in seconds. Default: 10.

        Raises:
            InterviewNotEvaluatedError: The interview is a team meeting, or was cancelled, failed, expired or missed.
            DeadlineExceededError: There was no evaluation after ``timeout`` seconds.
            ConfigurationError: ``timeout`` or ``poll`` is not a number of seconds above zero.
        """
        check("timeout", timeout, SECONDS)
        check("poll", poll, SECONDS)
        try:
            async with asyncio.timeout(timeout):
                return await evaluation_of(self, meeting_code, poll)
        except TimeoutError as error:
            if isinstance(error, APIError):
                raise
        operation, organization_id = "interviews.wait_for_evaluation", self._transport.organization_id
        raise DeadlineExceededError(operation, timeout, "evaluation", organization_id=organization_id)

    async def resolve(self, error: AmbiguousWriteError, /) -> Interview | NotSeen | CannotTell:
        """Look for the interview of a ``create`` that raised ``AmbiguousWriteError``.

        The search compares the e-mail addresses of all interviews that were created since the request was sent. It
        counts against the rate limit of reads.

        Args:
            error: The error that ``create`` raised.

        Returns:
            The interview, if exactly one matches. ``NotSeen``, if none matches, although the API may still carry out
                the request late. ``CannotTell``, if several match or the error is not from ``create``.
        """
        if error.operation != endpoints.CREATE_INTERVIEW.operation or not error.people:
            return CannotTell(reason=f"the error of {error.operation} names no interview to look for")
        return await created_by(error, self, self._transport.pool.server_clock)
