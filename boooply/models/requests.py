"""What can be asked for: each object checks itself when it is built (contract section 5.1)."""

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
_FIXED, _PICKS = SchedulingMode.FIXED, SchedulingMode.CANDIDATE_PICKS
_DEFAULT_MINUTES = 30  # what the API takes where duration_minutes is left out

_optional_text = validators.optional(validators.text)
_minutes = validators.optional(validators.whole(_LEAST_MINUTES, unit="minutes"))


def _slots(value: Iterable[Slot]) -> tuple[Slot, ...]:
    return validators.as_tuple(value)


# Without slots, here and in all that inherit: with them attrs fills a frozen class field by field, past its own guard,
# which is a third of the time that building one takes.
@attrs.frozen(kw_only=True, slots=False)
class InterviewRequest:
    """Hold what the three kinds of interview have in common; times go out in UTC.

    ``duration_minutes`` is 30 where it is not given. ``scheduled_at`` is needed when ``scheduling_mode`` is ``FIXED``.
    Creating an interview e-mails every participant at once.
    """

    title: str | None = attrs.field(default=None, validator=_optional_text)
    job_description: str | None = attrs.field(default=None, validator=_optional_text)
    department: str | None = attrs.field(default=None, validator=_optional_text)
    stage: str | None = attrs.field(default=None, validator=_optional_text)
    company_name: str | None = attrs.field(default=None, validator=_optional_text)
    external_job_id: str | None = attrs.field(default=None, validator=_optional_text)
    candidate_cv: str | None = attrs.field(default=None, validator=_optional_text, repr=False)
    skills: tuple[str, ...] = attrs.field(
        default=(), converter=validators.texts, validator=validators.each(validators.text)
    )
    questions: tuple[str, ...] = attrs.field(
        default=(), converter=validators.texts, validator=validators.each(validators.text)
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
    scheduled_at: datetime | None = attrs.field(default=None, validator=validators.optional(validators.aware))
    scheduling_mode: SchedulingMode | str | None = attrs.field(
        default=None, validator=validators.optional(validators.one_of(SchedulingMode))
    )

    def __attrs_post_init__(self) -> None:
        if self.scheduling_mode == _FIXED and self.scheduled_at is None:
            raise ValidationError("scheduled_at", "is needed when scheduling_mode is FIXED")


@attrs.frozen(kw_only=True, slots=False)
class CandidateInterview(InterviewRequest):
    """Hold what AI and human interviews have in common.

    With ``scheduling_mode="CANDIDATE_PICKS"`` the candidate picks one of ``available_slots``: at most 50, none shorter
    than ``duration_minutes``.
    """

    job_role: str = attrs.field(validator=validators.text)
    available_slots: tuple[Slot, ...] = attrs.field(
        default=(), converter=_slots, validator=validators.each(validators.a(Slot), most=_MOST_SLOTS)
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        picks = self.scheduling_mode == _PICKS
        if picks and not self.available_slots:
            raise ValidationError("available_slots", "is needed when scheduling_mode is CANDIDATE_PICKS")
        if self.available_slots and not picks:
            raise ValidationError("scheduling_mode", "has to be CANDIDATE_PICKS when available_slots is given")
        if not picks:
            return
        minutes = self.duration_minutes or _DEFAULT_MINUTES
        if any(slot.end - slot.start < timedelta(minutes=minutes) for slot in self.available_slots):
            raise ValidationError("available_slots", f"have to last the interview's {minutes} minutes each")


@attrs.frozen(kw_only=True, slots=False)
class AIInterview(CandidateInterview):
    """Ask for an interview that the AI leads with one candidate."""

    candidate: Candidate = attrs.field(validator=validators.a(Candidate))


@attrs.frozen(kw_only=True, slots=False)
class HumanInterview(CandidateInterview):
    """Ask for an interview that people lead: give ``participants``, ``candidate`` or both."""

    candidate: Candidate | None = attrs.field(default=None, validator=validators.optional(validators.a(Candidate)))
    participants: tuple[Participant, ...] = attrs.field(
        default=(), converter=participants, validator=validators.each(validators.a(Participant))
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not self.participants and self.candidate is None:
            raise ValidationError("participants", "is needed, unless candidate is given")


@attrs.frozen(kw_only=True, slots=False)
class TeamMeeting(InterviewRequest):
    """Ask for a meeting of the team; at least one participant is a ``HOST``."""

    participants: tuple[Participant, ...] = attrs.field(
        converter=participants, validator=validators.each(validators.a(Participant))
    )
    job_role: str | None = attrs.field(default=None, validator=_optional_text)
    agenda: tuple[str, ...] = attrs.field(
        default=(), converter=validators.texts, validator=validators.each(validators.text)
    )
    transcription_enabled: bool | None = attrs.field(default=None, validator=validators.optional(validators.flag))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not any(person.role == ParticipantRole.HOST for person in self.participants):
            raise ValidationError("participants", "need at least one whose role is HOST")
        if self.scheduling_mode == _PICKS:
            raise ValidationError("scheduling_mode", "has to be IMMEDIATE or FIXED for a team meeting")


@attrs.frozen(kw_only=True)
class Cancellation:
    """Cancel an interview."""

    reason: str | None = attrs.field(default=None, validator=_optional_text)


@attrs.frozen(kw_only=True)
class Rescheduling:
    """Move an interview to another time."""

    scheduled_at: datetime = attrs.field(validator=validators.aware)
    duration_minutes: int | None = attrs.field(default=None, validator=_minutes)
    reason: str | None = attrs.field(default=None, validator=_optional_text)


@attrs.frozen(kw_only=True)
class Invitation:
    """Add people to an interview."""

    participants: tuple[Participant, ...] = attrs.field(
        converter=participants, validator=validators.each(validators.a(Participant))
    )

    def __attrs_post_init__(self) -> None:
        if not self.participants:
            raise ValidationError("participants", "is empty: give at least one")


@attrs.frozen(kw_only=True)
class JobBrief:
    """Describe a role, for the AI to write its description (contract section 6)."""

    job_role: str = attrs.field(validator=validators.text)
    department: str | None = attrs.field(default=None, validator=_optional_text)
    skills: tuple[str, ...] = attrs.field(
        default=(), converter=validators.texts, validator=validators.each(validators.text)
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
