"""Request bodies, checked when they are created."""

from datetime import datetime

import attrs

from boooply.errors import ValidationError
from boooply.models import validators
from boooply.models.calendars import Slot, minutes, slots
from boooply.models.enums import (
    EmploymentType,
    EvaluationFocus,
    InterviewCategory,
    ParticipantRole,
    SchedulingMode,
    Seniority,
    WorkSetup,
)
from boooply.models.people import Candidate, Participant, candidate, participants, same_person
from boooply.models.request import RequestModel

_MOST_SLOTS = 50
_FIXED, _PICKS = SchedulingMode.FIXED, SchedulingMode.CANDIDATE_PICKS
_CANDIDATE, _HOST = ParticipantRole.CANDIDATE, ParticipantRole.HOST


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class InterviewRequest(RequestModel):
    """The fields that all three kinds of interview share.

    ``interviews.create`` accepts its subclasses ``AIInterview``, ``HumanInterview`` and ``TeamMeeting``. Nested values
    may be dictionaries, and times may be ISO 8601 text.

    Raises:
        ValidationError: A value is missing or invalid, or two values contradict each other.
    """

    title: str | None = None
    job_description: str | None = attrs.field(default=None, converter=validators.optional_long_text)
    department: str | None = None
    stage: str | None = None
    company_name: str | None = None
    external_job_id: str | None = attrs.field(default=None, converter=validators.optional_identity)
    candidate_cv: str | None = attrs.field(default=None, repr=False, converter=validators.optional_long_text)
    skills: tuple[str, ...] = attrs.field(default=(), converter=validators.texts)
    questions: tuple[str, ...] = attrs.field(default=(), converter=validators.long_texts)
    seniority: Seniority | str | None = None
    work_setup: WorkSetup | str | None = None
    employment_type: EmploymentType | str | None = None
    category: InterviewCategory | str | None = None
    evaluation_focus: EvaluationFocus | str | None = None
    ai_generate: bool | None = None
    send_candidate_feedback: bool | None = None
    duration_minutes: int | None = attrs.field(default=None, converter=minutes)
    scheduled_at: datetime | None = attrs.field(default=None, converter=validators.optional_time)
    scheduling_mode: SchedulingMode | str | None = None

    def __attrs_post_init__(self) -> None:
        if self.scheduling_mode is not None:
            self._check_time()

    def _check_time(self) -> None:
        if self.scheduling_mode == _FIXED and self.scheduled_at is None:
            raise ValidationError("scheduled_at", "is required if scheduling_mode is FIXED")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class CandidateInterview(InterviewRequest):
    """The fields that AI and human interviews share.

    Pass ``candidate``, ``participants`` or both. If the candidate is also in ``participants``, by e-mail address, both
    entries are merged.

    With ``scheduling_mode="CANDIDATE_PICKS"``, the candidate picks one of up to 50 ``available_slots``. The interview
    then lasts ``duration_minutes`` from the start of that slot.
    """

    job_role: str
    candidate: Candidate | None = attrs.field(default=None, converter=candidate)
    participants: tuple[Participant, ...] = attrs.field(default=(), converter=participants)
    available_slots: tuple[Slot, ...] = attrs.field(default=(), converter=slots)

    def __attrs_post_init__(self) -> None:
        if self.scheduling_mode is not None or self.available_slots:
            self._check_time()
        if self.candidate is None or self.participants:
            self._check_people(self.candidate)

    def _check_time(self) -> None:
        super()._check_time()
        picks = self.scheduling_mode == _PICKS
        if picks and not self.available_slots:
            raise ValidationError("available_slots", "is required if scheduling_mode is CANDIDATE_PICKS")
        if self.available_slots and not picks:
            raise ValidationError("scheduling_mode", "must be CANDIDATE_PICKS if available_slots is given")
        if len(self.available_slots) > _MOST_SLOTS:
            raise ValidationError(
                "available_slots", f"must be at most {_MOST_SLOTS} long, not {len(self.available_slots)}"
            )

    def _check_people(self, candidate: Candidate | None) -> None:
        for place, person in enumerate(self.participants):
            is_candidate = candidate is not None and same_person(person.email, candidate.email)
            if is_candidate and person.role != _CANDIDATE:
                raise ValidationError(
                    f"participants[{place}].role", "must be CANDIDATE, because candidate has the same e-mail address"
                )


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class AIInterview(CandidateInterview):
    """An AI interview with one candidate, for ``interviews.create``.

    Pass ``candidate``, or a participant with the role ``CANDIDATE``. With both, the entries of the same e-mail address
    are merged.

    Raises:
        ValidationError: A value is missing or invalid, or two values contradict each other.
    """

    def _check_people(self, candidate: Candidate | None) -> None:
        super()._check_people(candidate)
        if candidate is None and all(person.role != _CANDIDATE for person in self.participants):
            raise ValidationError("candidate", "is missing: pass candidate, or a participant with the role CANDIDATE")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class HumanInterview(CandidateInterview):
    """An interview that people lead, for ``interviews.create``.

    Pass ``candidate``, ``participants`` or both.

    Raises:
        ValidationError: A value is missing or invalid, or two values contradict each other.
    """

    def _check_people(self, candidate: Candidate | None) -> None:
        super()._check_people(candidate)
        if candidate is None and not self.participants:
            raise ValidationError("participants", "is missing: pass participants, candidate or both")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class TeamMeeting(InterviewRequest):
    """A team meeting, for ``interviews.create``.

    At least one participant must have the role ``HOST``. Team meetings are never evaluated.

    Raises:
        ValidationError: A value is missing or invalid, or two values contradict each other.
    """

    participants: tuple[Participant, ...] = attrs.field(converter=participants)
    job_role: str | None = None
    agenda: tuple[str, ...] = attrs.field(default=(), converter=validators.long_texts)
    transcription_enabled: bool | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not any(person.role == _HOST for person in self.participants):
            raise ValidationError("participants", "must include at least one person with the role HOST")

    def _check_time(self) -> None:
        super()._check_time()
        if self.scheduling_mode == _PICKS:
            raise ValidationError("scheduling_mode", "must be IMMEDIATE or FIXED for a team meeting")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Cancellation(RequestModel):
    """The body of a request to cancel an interview."""

    reason: str | None = attrs.field(default=None, converter=validators.optional_long_text)


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Rescheduling(RequestModel):
    """The body of a request to reschedule an interview."""

    scheduled_at: datetime = attrs.field(converter=validators.time)
    duration_minutes: int | None = attrs.field(default=None, converter=minutes)
    reason: str | None = attrs.field(default=None, converter=validators.optional_long_text)


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class Invitation(RequestModel):
    """The body of a request to add people to an interview."""

    participants: tuple[Participant, ...] = attrs.field(converter=participants)

    def __attrs_post_init__(self) -> None:
        if not self.participants:
            raise ValidationError("participants", "is empty: pass at least one participant")


@attrs.frozen(kw_only=True, field_transformer=validators.by_annotation)
class JobBrief(RequestModel):
    """The body of a request for a job description."""

    job_role: str
    department: str | None = None
    skills: tuple[str, ...] = attrs.field(default=(), converter=validators.texts)
    seniority: Seniority | str | None = None
    work_setup: WorkSetup | str | None = None
    employment_type: EmploymentType | str | None = None
