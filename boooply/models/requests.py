"""Request bodies, checked on construction (contract section 5.1)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs

from boooply.errors import ValidationError
from boooply.models import validators
from boooply.models.calendars import Slot, minutes
from boooply.models.enums import (
    EmploymentType,
    EvaluationFocus,
    InterviewCategory,
    ParticipantRole,
    SchedulingMode,
    Seniority,
    WorkSetup,
)
from boooply.models.people import Candidate, Participant, participants
from boooply.models.request import RequestModel

_MOST_SLOTS = 50
_DEFAULT_MINUTES = 30  # the API's default


def _slots(value: Iterable[Slot]) -> tuple[Slot, ...]:
    return validators.as_tuple(value)


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class InterviewRequest(RequestModel):
    """The fields of all three kinds of interview; times are sent in UTC.

    ``duration_minutes`` is 30 by default. ``scheduled_at`` is required if ``scheduling_mode`` is ``FIXED``. Creating an
    interview e-mails every participant immediately.
    """

    title: str | None = None
    job_description: str | None = None
    department: str | None = None
    stage: str | None = None
    company_name: str | None = None
    external_job_id: str | None = None
    candidate_cv: str | None = attrs.field(default=None, repr=False)
    skills: tuple[str, ...] = attrs.field(default=(), converter=validators.texts)
    questions: tuple[str, ...] = attrs.field(default=(), converter=validators.texts)
    seniority: Seniority | str | None = None
    work_setup: WorkSetup | str | None = None
    employment_type: EmploymentType | str | None = None
    category: InterviewCategory | str | None = None
    evaluation_focus: EvaluationFocus | str | None = None
    ai_generate: bool | None = None
    send_candidate_feedback: bool | None = None
    duration_minutes: int | None = attrs.field(default=None, validator=minutes)
    scheduled_at: datetime | None = None
    scheduling_mode: SchedulingMode | str | None = None

    def __attrs_post_init__(self) -> None:
        if self.scheduling_mode == SchedulingMode.FIXED and self.scheduled_at is None:
            raise ValidationError("scheduled_at", "is required if scheduling_mode is FIXED")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class CandidateInterview(InterviewRequest):
    """The fields of AI and human interviews.

    With ``scheduling_mode="CANDIDATE_PICKS"``, the candidate picks one of ``available_slots``: at most 50, none shorter
    than ``duration_minutes``.
    """

    job_role: str
    available_slots: tuple[Slot, ...] = attrs.field(default=(), converter=_slots)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if len(self.available_slots) > _MOST_SLOTS:
            raise ValidationError(
                "available_slots", f"must be at most {_MOST_SLOTS} long, not {len(self.available_slots)}"
            )
        picks = self.scheduling_mode == SchedulingMode.CANDIDATE_PICKS
        if picks and not self.available_slots:
            raise ValidationError("available_slots", "is required if scheduling_mode is CANDIDATE_PICKS")
        if self.available_slots and not picks:
            raise ValidationError("scheduling_mode", "must be CANDIDATE_PICKS if available_slots is given")
        if not picks:
            return
        minutes = self.duration_minutes or _DEFAULT_MINUTES
        if any(slot.end - slot.start < timedelta(minutes=minutes) for slot in self.available_slots):
            raise ValidationError(
                "available_slots", f"must each last at least {minutes} minutes, as the interview does"
            )


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class AIInterview(CandidateInterview):
    """An interview that the AI leads with one candidate."""

    candidate: Candidate


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class HumanInterview(CandidateInterview):
    """An interview that people lead: give ``participants``, ``candidate`` or both."""

    candidate: Candidate | None = None
    participants: tuple[Participant, ...] = attrs.field(default=(), converter=participants)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not self.participants and self.candidate is None:
            raise ValidationError("participants", "is required unless candidate is given")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class TeamMeeting(InterviewRequest):
    """A meeting of the team; at least one participant must be a ``HOST``."""

    participants: tuple[Participant, ...] = attrs.field(converter=participants)
    job_role: str | None = None
    agenda: tuple[str, ...] = attrs.field(default=(), converter=validators.texts)
    transcription_enabled: bool | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not any(person.role == ParticipantRole.HOST for person in self.participants):
            raise ValidationError("participants", "must include at least one with the role HOST")
        if self.scheduling_mode == SchedulingMode.CANDIDATE_PICKS:
            raise ValidationError("scheduling_mode", "must be IMMEDIATE or FIXED for a team meeting")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Cancellation(RequestModel):
    """The body of a request to cancel an interview."""

    reason: str | None = None


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Rescheduling(RequestModel):
    """The body of a request to move an interview to another time."""

    scheduled_at: datetime
    duration_minutes: int | None = attrs.field(default=None, validator=minutes)
    reason: str | None = None


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Invitation(RequestModel):
    """The body of a request to add people to an interview."""

    participants: tuple[Participant, ...] = attrs.field(converter=participants)

    def __attrs_post_init__(self) -> None:
        if not self.participants:
            raise ValidationError("participants", "is empty: give at least one")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class JobBrief(RequestModel):
    """A role, for which the AI writes a job description (contract section 6)."""

    job_role: str
    department: str | None = None
    skills: tuple[str, ...] = attrs.field(default=(), converter=validators.texts)
    seniority: Seniority | str | None = None
    work_setup: WorkSetup | str | None = None
    employment_type: EmploymentType | str | None = None
