"""Interviews as the API returns them, and the query for a list of interviews."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict, cast
from uuid import UUID

import attrs

from boooply.errors import BoooplyError, ValidationError
from boooply.models import validators
from boooply.models.enums import AIRecommendation, DateField, EndReason, InterviewType, MeetingType, SessionStatus
from boooply.models.people import InterviewParticipant
from boooply.models.request import RequestModel
from boooply.models.response import ABSENT, ResponseModel, about, field
from boooply.models.results import Evaluation
from boooply.secret import Secret

_WITHOUT_EVALUATION = frozenset({SessionStatus.FAILED, SessionStatus.CANCELLED, EndReason.NO_SHOW, EndReason.EXPIRED})
_any_score = validators.number_between(0, 100)
_page_number = validators.number_between(1, whole=True)
_page_size = validators.number_between(1, 100, whole=True)
_each_status = validators.each_item(validators.one_of(SessionStatus))


@attrs.frozen(kw_only=True, slots=False)
class Interview(ResponseModel):
    """An interview, identified by its meeting code.

    Pickling leaves out the join tokens and ``extra``.
    """

    meeting_code: str = attrs.field(
        metadata=about("The meeting code, which identifies the interview in every call, such as Boooply-AI-1234567890.")
    )
    id: str | None = field("The ID of the interview at Boooply.")
    url: str | None = field("The URL of the interview. For a participant's personal link, call join_link.")
    title: str | None = field("The title that participants see.")
    description: str | None = field("The description of the interview.")
    meeting_type: MeetingType | str | None = field("Who leads the interview: the AI or people.")
    is_team_meeting: bool | None = field("Whether the interview is a team meeting. Team meetings are never evaluated.")
    job_role: str | None = field("The role to fill.")
    session_status: SessionStatus | str | None = field(
        "The status. To check whether the interview has ended, use is_over."
    )
    end_reason: EndReason | str | None = field("Why the interview ended. None while it can be resumed.")
    scheduled_at: datetime | None = field("The scheduled start.")
    duration_minutes: int | None = field("The planned duration, in minutes.")
    created_at: datetime | None = field("When the interview was created.")
    participants: tuple[InterviewParticipant, ...] = field("The participants.", default=ABSENT)
    source: str | None = field("The name of the customer's organization.")
    source_id: str | None = field("Your own ID of the customer whose key created the interview.")
    source_platform: str | None = field("The name of your platform, as set when the platform key was created.")
    overall_score: float | None = field(
        "The overall score, 0-100. None until the interview is evaluated, and always None for a team meeting and for "
        "an interview that was missed, expired, cancelled or failed."
    )
    evaluation: Evaluation | None = field("The evaluation, if you read a single interview and the analysis has run.")
    evaluation_recommendation: AIRecommendation | str | None = field(
        "The decision of the recruiter who finalized the evaluation."
    )
    evaluation_recommendation_rationale: str | None = field("The recruiter's reason for the decision.")
    evaluation_finalized_by: str | None = field("The recruiter who finalized the evaluation.")
    evaluation_finalized_at: datetime | None = field("When the evaluation was finalized.")

    @property
    def code(self) -> str:
        """The meeting code, under the API's second name for it."""
        return self.meeting_code

    @property
    def is_over(self) -> bool:
        """Whether the interview has ended.

        True for an AI interview that is ``COMPLETED``, for any interview that is ``CANCELLED`` or ``FAILED``, and for
        any interview with an ``end_reason``. A human or team meeting without an ``end_reason`` can be resumed.

        For a human or team meeting that ended early, True is not final: until it is evaluated, its host, an owner or an
        admin can reopen it.
        """
        if self.end_reason is not None or self.session_status in {SessionStatus.CANCELLED, SessionStatus.FAILED}:
            return True
        led_by_ai = self.meeting_type == MeetingType.AI_ONLY
        return led_by_ai and self.session_status == SessionStatus.COMPLETED

    @property
    def ended_unevaluated(self) -> bool:
        """Whether the interview was cancelled, failed, expired or missed, and will not be evaluated."""
        return self.session_status in _WITHOUT_EVALUATION or self.end_reason in _WITHOUT_EVALUATION

    def join_link(self, participant: InterviewParticipant, /) -> Secret | None:
        """Return a participant's personal link, or None if the API sent no ``url`` or no join token.

        Args:
            participant: One of ``participants``.
        """
        if self.url is None or participant.join_token is None:
            return None
        return Secret(f"{self.url}?token={participant.join_token.reveal()}")


class InterviewNotEvaluatedError(BoooplyError):
    """The interview is a team meeting, or was cancelled, failed, expired or missed. It will not be evaluated.

    Attributes:
        interview: The interview, as it was last read. If the error was rebuilt from its ``args``, it has only
            ``meeting_code``, ``end_reason`` and ``is_team_meeting``.
    """

    def __init__(
        self,
        interview: Interview | str,
        end_reason: str | None = None,
        is_team_meeting: bool | None = None,  # noqa: FBT001 - `args` are positional
    ) -> None:
        if isinstance(interview, str):  # rebuilt from `args`
            interview = Interview(meeting_code=interview, end_reason=end_reason, is_team_meeting=is_team_meeting)
        reason = interview.end_reason or interview.session_status
        why = "it is a team meeting" if interview.is_team_meeting else f"it ended as {reason}"
        super().__init__(f"interview {interview.meeting_code} will not be evaluated: {why}")
        self._take_args(interview.meeting_code, reason, interview.is_team_meeting)
        self.interview = interview


@attrs.frozen(kw_only=True, slots=False)
class Page(ResponseModel):
    """A page of a list of interviews."""

    items: tuple[Interview, ...] = attrs.field(metadata=about("The interviews on this page, newest first."))
    page: int = field("The number of this page. The first page is 1.", default=1)
    limit: int | None = field("The most interviews that a page can have.")
    total: int | None = field("The total number of interviews on all pages.")
    total_pages: int | None = field("The number of pages.")

    def is_last(self, read: int, /) -> bool:
        """Return whether this is the last page.

        Args:
            read: The number of interviews read so far, including those of this page.
        """
        if self.total_pages is not None:
            return self.page >= self.total_pages
        return not self.items or (self.total is not None and read >= self.total)


@attrs.frozen
class NotSeen:
    """The result of ``interviews.resolve`` if no interview was found.

    The interview may still appear later, because the API may carry out a request late.
    """


@attrs.frozen(kw_only=True)
class CannotTell:
    """The result of ``interviews.resolve`` if it cannot decide whether the interview was created.

    Attributes:
        reason: Why it cannot decide.
    """

    reason: str


class InterviewFilters(TypedDict, total=False):
    """The filters of ``interviews.list`` and ``interviews.iterate``.

    All filters are optional. An interview must match all filters that you pass.
    """

    status: Iterable[SessionStatus | str]
    """One status or several. Matches the ``session_status`` of an interview."""
    type: InterviewType | str
    """The type of interview: ``AI_ONLY``, ``HUMAN`` or ``TEAM``."""
    search: str
    """A text to find in the meeting code, the candidate's name, the job role or the title."""
    source_id: str | int | UUID
    """Your own ID of a customer. Matches the ``source_id`` of an interview."""
    date_field: DateField | str
    """The date that ``date_from`` and ``date_to`` compare: ``created`` (the default) or ``scheduled``."""
    date_from: datetime | str
    """The earliest date, with an offset: a datetime or ISO 8601 text."""
    date_to: datetime | str
    """The latest date, with an offset: a datetime or ISO 8601 text."""
    score_min: float
    """The lowest ``overall_score``, 0-100. Excludes interviews without a score."""
    score_max: float
    """The highest ``overall_score``, 0-100."""


def _statuses(value: Iterable[SessionStatus | str]) -> tuple[SessionStatus | str, ...]:
    given = value.split(",") if isinstance(value, str) else value  # the API separates several by commas
    return _each_status(given)


def _score(value: float | None) -> float | None:
    return cast("float", _any_score(value))


def _page(value: int) -> int:
    return cast("int", _page_number(value))


def _limit(value: int) -> int:
    return cast("int", _page_size(value))


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class InterviewQuery(RequestModel):
    """The query of ``interviews.list``."""

    status: tuple[SessionStatus | str, ...] = attrs.field(default=(), converter=_statuses)
    type: InterviewType | str | None = None
    search: str | None = None
    source_id: str | None = attrs.field(default=None, converter=validators.optional_identity)
    date_field: DateField | str | None = None
    date_from: datetime | None = attrs.field(default=None, converter=validators.optional_time)
    date_to: datetime | None = attrs.field(default=None, converter=validators.optional_time)
    score_min: float | None = attrs.field(default=None, converter=_score)
    score_max: float | None = attrs.field(default=None, converter=_score)
    page: int = attrs.field(default=1, converter=_page)
    limit: int = attrs.field(default=20, converter=_limit)

    def __attrs_post_init__(self) -> None:
        if self.date_from is not None and self.date_to is not None and self.date_to < self.date_from:
            raise ValidationError("date_to", "is before date_from")
        if self.score_min is not None and self.score_max is not None and self.score_max < self.score_min:
            raise ValidationError("score_max", "is below score_min")
