"""Request bodies, checked on construction (contract section 5.1)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs

from boooply.errors import ValidationError
from boooply.models import validators
from boooply.models.calendars import Slot
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

_MOST_SLOTS = 50
_LEAST_MINUTES = 5
_DEFAULT_MINUTES = 30  # the API's default

_optional_text = validators.optional(validators.text)
_minutes = validators.optional(validators.int_between(_LEAST_MINUTES, unit="minutes"))


def _slots(value: Iterable[Slot]) -> tuple[Slot, ...]:
    return validators.as_tuple(value)


@attrs.frozen(kw_only=True)
class InterviewRequest:
    """The fields of all three kinds of interview; times are sent in UTC.

    ``duration_minutes`` is 30 by default. ``scheduled_at`` is required if ``scheduling_mode`` is ``FIXED``. Creating an
    interview e-mails every participant immediately.
    """

    title: str | None = attrs.field(default=None, validator=_optional_text)
    job_description: str | None = attrs.field(default=None, validator=_optional_text)
    department: str | None = attrs.field(default=None, validator=_optional_text)
    stage: str | None = attrs.field(default=None, validator=_optional_text)
    company_name: str | None = attrs.field(default=None, validator=_optional_text)
    external_job_id: str | None = attrs.field(default=None, validator=_optional_text)
    candidate_cv: str | None = attrs.field(default=None, validator=_optional_text, repr=False)
    skills: tuple[str, ...] = attrs.field(
        default=(), converter=validators.texts, validator=validators.each_item(validators.text)
    )
    questions: tuple[str, ...] = attrs.field(
        default=(), converter=validators.texts, validator=validators.each_item(validators.text)
    )
    seniority: Seniority | str | None = attrs.field(
        default=None, validator=validators.optional(validators.one_of(Seniority))
    )
    work_setup: WorkSetup | str | None = attrs.field(
        default=None, validator=validators.optional(validators.one_of(WorkSetup))
    )
    employment_type: EmploymentType | str | None = attrs.field(
        default=None, validator=validators.optional(validators.one_of(EmploymentType))
    )
    category: InterviewCategory | str | None = attrs.field(
        default=None, validator=validators.optional(validators.one_of(InterviewCategory))
    )
    evaluation_focus: EvaluationFocus | str | None = attrs.field(
        default=None, validator=validators.optional(validators.one_of(EvaluationFocus))
    )
    ai_generate: bool | None = attrs.field(default=None, validator=validators.optional(validators.flag))
    send_candidate_feedback: bool | None = attrs.field(default=None, validator=validators.optional(validators.flag))
    duration_minutes: int | None = attrs.field(default=None, validator=_minutes)
    scheduled_at: datetime | None = attrs.field(default=None, validator=validators.optional(validators.tz_aware))
    scheduling_mode: SchedulingMode | str | None = attrs.field(
        default=None, validator=validators.optional(validators.one_of(SchedulingMode))
    )

    def __attrs_post_init__(self) -> None:
        if self.scheduling_mode == SchedulingMode.FIXED and self.scheduled_at is None:
            raise ValidationError("scheduled_at", "is required if scheduling_mode is FIXED")


@attrs.frozen(kw_only=True)
class CandidateInterview(InterviewRequest):
    """The fields of AI and human interviews.

    With ``scheduling_mode="CANDIDATE_PICKS"``, the candidate picks one of ``available_slots``: at most 50, none shorter
    than ``duration_minutes``.
    """

    job_role: str = attrs.field(validator=validators.text)
    available_slots: tuple[Slot, ...] = attrs.field(
        default=(), converter=_slots, validator=validators.each_item(validators.instance_of(Slot), most=_MOST_SLOTS)
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
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


@attrs.frozen(kw_only=True)
class AIInterview(CandidateInterview):
    """An interview that the AI leads with one candidate."""

    candidate: Candidate = attrs.field(validator=validators.instance_of(Candidate))


@attrs.frozen(kw_only=True)
class HumanInterview(CandidateInterview):
    """An interview that people lead: give ``participants``, ``candidate`` or both."""

    candidate: Candidate | None = attrs.field(
        default=None, validator=validators.optional(validators.instance_of(Candidate))
    )
    participants: tuple[Participant, ...] = attrs.field(
        default=(), converter=participants, validator=validators.each_item(validators.instance_of(Participant))
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not self.participants and self.candidate is None:
            raise ValidationError("participants", "is required unless candidate is given")


@attrs.frozen(kw_only=True)
class TeamMeeting(InterviewRequest):
    """A meeting of the team; at least one participant must be a ``HOST``."""

    participants: tuple[Participant, ...] = attrs.field(
        converter=participants, validator=validators.each_item(validators.instance_of(Participant))
    )
    job_role: str | None = attrs.field(default=None, validator=_optional_text)
    agenda: tuple[str, ...] = attrs.field(
        default=(), converter=validators.texts, validator=validators.each_item(validators.text)
    )
    transcription_enabled: bool | None = attrs.field(default=None, validator=validators.optional(validators.flag))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not any(person.role == ParticipantRole.HOST for person in self.participants):
            raise ValidationError("participants", "must include at least one with the role HOST")
        if self.scheduling_mode == SchedulingMode.CANDIDATE_PICKS:
            raise ValidationError("scheduling_mode", "must be IMMEDIATE or FIXED for a team meeting")


@attrs.frozen(kw_only=True)
class Cancellation:
    """The body of a request to cancel an interview."""

    reason: str | None = attrs.field(default=None, validator=_optional_text)


@attrs.frozen(kw_only=True)
class Rescheduling:
    """The body of a request to move an interview to another time."""

    scheduled_at: datetime = attrs.field(validator=validators.tz_aware)
    duration_minutes: int | None = attrs.field(default=None, validator=_minutes)
    reason: str | None = attrs.field(default=None, validator=_optional_text)


@attrs.frozen(kw_only=True)
class Invitation:
    """The body of a request to add people to an interview."""

    participants: tuple[Participant, ...] = attrs.field(
        converter=participants, validator=validators.each_item(validators.instance_of(Participant))
    )

    def __attrs_post_init__(self) -> None:
        if not self.participants:
            raise ValidationError("participants", "is empty: give at least one")


@attrs.frozen(kw_only=True)
class JobBrief:
    """A role, for which the AI writes a job description (contract section 6)."""

    job_role: str = attrs.field(validator=validators.text)
    department: str | None = attrs.field(default=None, validator=_optional_text)
    skills: tuple[str, ...] = attrs.field(
        default=(), converter=validators.texts, validator=validators.each_item(validators.text)
    )
    seniority: Seniority | str | None = attrs.field(
        default=None, validator=validators.optional(validators.one_of(Seniority))
    )
    work_setup: WorkSetup | str | None = attrs.field(
        default=None, validator=validators.optional(validators.one_of(WorkSetup))
    )
    employment_type: EmploymentType | str | None = attrs.field(
        default=None, validator=validators.optional(validators.one_of(EmploymentType))
    )
