"""Interviews as the API returns them (contract section 5.2), and the query for a list of them (5.3)."""

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
    """An interview, identified by its meeting code. A pickled one has neither join tokens nor ``extra``."""

    meeting_code: str = attrs.field(metadata=about("Its identity in every call, such as Boooply-AI-1234567890."))
    id: str | None = field("Its id at Boooply.")
    url: str | None = field("Its address. The personal link of a participant needs the join token too.")
    title: str | None = field("The title that people see.")
    description: str | None = field("What it is about.")
    meeting_type: MeetingType | str | None = field("Who leads it: the AI, or people.")
    is_team_meeting: bool | None = field("Whether it is a team meeting, which is never evaluated.")
    job_role: str | None = field("The role that is filled.")
    session_status: SessionStatus | str | None = field("Its state, final for AI interviews alone: see is_over.")
    end_reason: EndReason | str | None = field("Why it ended. Absent while it can be resumed.")
    scheduled_at: datetime | None = field("When it begins.")
    duration_minutes: int | None = field("How long it is planned to last, in minutes.")
    created_at: datetime | None = field("When it was created.")
    participants: tuple[InterviewParticipant, ...] = field("Who takes part.", default=ABSENT)
    source: str | None = field("The name of the customer's organization.")
    source_id: str | None = field("The platform's own id of the customer whose key created it.")
    source_platform: str | None = field("The name of the platform, as it was given with the platform key.")
    overall_score: float | None = field("The overall score, 0-100.")
    evaluation: Evaluation | None = field("Its evaluation, if a single interview was read and has been analysed.")
    evaluation_recommendation: AIRecommendation | str | None = field(
        "The decision of the recruiter who finalized the evaluation."
    )
    evaluation_recommendation_rationale: str | None = field("The recruiter's reason for that decision.")
    evaluation_finalized_by: str | None = field("The recruiter who finalized the evaluation.")
    evaluation_finalized_at: datetime | None = field("When the evaluation was finalized.")

    @property
    def code(self) -> str:
        """Return the meeting code, under the API's second name for it."""
        return self.meeting_code

    @property
    def is_over(self) -> bool:
        """Return whether the interview has ended, as far as can be known.

        Certain for an AI interview that is ``COMPLETED``, and for any interview that is ``CANCELLED`` or ``FAILED``.
        A human or team meeting also counts as over once it has an ``end_reason``; without one it falls back to
        ``SCHEDULED`` and can be resumed. That is not certain: until it has an evaluation, its host, or an owner or
        admin, can reopen a meeting that ended early (contract section 5.2).
        """
        if self.end_reason is not None or self.session_status in {SessionStatus.CANCELLED, SessionStatus.FAILED}:
            return True
        led_by_ai = self.meeting_type == MeetingType.AI_ONLY
        return led_by_ai and self.session_status == SessionStatus.COMPLETED

    @property
    def ended_unevaluated(self) -> bool:
        """Return whether the interview ended in a way that leaves nothing to evaluate."""
        return self.session_status in _WITHOUT_EVALUATION or self.end_reason in _WITHOUT_EVALUATION

    def join_link(self, participant: InterviewParticipant, /) -> Secret | None:
        """Return a participant's personal link, or None if the API sent no ``url`` or no token."""
        if self.url is None or participant.join_token is None:
            return None
        return Secret(f"{self.url}?token={participant.join_token.reveal()}")


class InterviewNotEvaluatedError(BoooplyError):
    """An interview that was cancelled, failed, expired or missed: there will be no evaluation.

    Attributes:
        interview: The interview, as last read.
    """

    def __init__(self, interview: Interview | str, end_reason: str | None = None) -> None:
        if isinstance(interview, str):  # rebuilt from `args`
            interview = Interview(meeting_code=interview, end_reason=end_reason)
        reason = interview.end_reason or interview.session_status
        super().__init__(f"interview {interview.meeting_code} will not be evaluated: it ended as {reason}")
        self._take_args(interview.meeting_code, reason)
        self.interview = interview


@attrs.frozen(kw_only=True, slots=False)
class Page(ResponseModel):
    """A page of a list of interviews."""

    items: tuple[Interview, ...] = attrs.field(metadata=about("The interviews of this page, newest first."))
    page: int = field("The number of this page, from 1.", default=1)
    limit: int | None = field("The most interviews that a page has.")
    total: int | None = field("The number of interviews on all pages.")
    total_pages: int | None = field("The number of pages.")

    def is_last(self, read: int, /) -> bool:
        """Return whether this is the last page, given that ``read`` items have been read up to and including it."""
        if self.total_pages is not None:
            return self.page >= self.total_pages
        return not self.items or (self.total is not None and read >= self.total)


@attrs.frozen
class NotSeen:
    """The result of a look-up that found no interview for an ambiguous create: no proof, since it may appear later."""


@attrs.frozen(kw_only=True)
class CannotTell:
    """The result of a look-up that cannot decide whether something was created, with the reason."""

    reason: str


class InterviewFilters(TypedDict, total=False):
    """Filters for a list of interviews, all of them optional.

    ``status`` accepts one value or several. ``search`` matches titles, roles and people. ``source_id`` is the
    platform's own id of a customer. ``date_field`` (``created`` by default) is the time that ``date_from`` and
    ``date_to`` filter by. Scores run from 0 to 100.
    """

    status: Iterable[SessionStatus | str]
    type: InterviewType | str
    search: str
    source_id: str | int | UUID
    date_field: DateField | str
    date_from: datetime | str
    date_to: datetime | str
    score_min: float
    score_max: float


def _statuses(value: Iterable[SessionStatus | str]) -> tuple[SessionStatus | str, ...]:
    given = value.split(",") if isinstance(value, str) else value  # as the API itself has several
    return _each_status(given)


def _score(value: float | None) -> float | None:
    return cast("float", _any_score(value))


def _page(value: int) -> int:
    return cast("int", _page_number(value))


def _limit(value: int) -> int:
    return cast("int", _page_size(value))


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class InterviewQuery(RequestModel):
    """A query for one page of the list: pages count from 1 and have at most 100 interviews."""

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
