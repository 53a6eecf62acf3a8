"""The API's enumerations.

Wherever one of these is accepted, so is a plain string. A value that the API adds later is returned as a plain string.
"""

from enum import StrEnum


class TeamRole(StrEnum):
    """The role of a team member in the customer's organization."""

    OWNER = "OWNER"
    """The owner of the organization. Sees assessments of interviewers."""
    ADMIN = "ADMIN"
    """An administrator of the organization. Sees assessments of interviewers."""
    MEMBER = "MEMBER"
    """A regular member of the organization."""


class MeetingType(StrEnum):
    """Who leads an interview: the AI or people."""

    AI_ONLY = "AI_ONLY"
    """The AI interviews one candidate."""
    HUMAN = "HUMAN"
    """People lead the interview or team meeting."""


class InterviewType(StrEnum):
    """The types of interview that ``interviews.list(type=…)`` can select."""

    AI_ONLY = "AI_ONLY"
    """Interviews that the AI leads."""
    HUMAN = "HUMAN"
    """Interviews that people lead."""
    TEAM = "TEAM"
    """Team meetings."""


class SessionStatus(StrEnum):
    """The status of an interview.

    A human or team meeting can return from ``ACTIVE`` or ``COMPLETED`` to ``SCHEDULED``. To check whether an interview
    has ended, use ``Interview.is_over``.
    """

    SCHEDULED = "SCHEDULED"
    """The interview has not started, or can be resumed."""
    ACTIVE = "ACTIVE"
    """The interview is in progress."""
    COMPLETED = "COMPLETED"
    """The interview has ended. Final for AI interviews only."""
    CANCELLED = "CANCELLED"
    """The interview was cancelled before it started."""
    FAILED = "FAILED"
    """The interview failed, and will not be evaluated."""


class EndReason(StrEnum):
    """Why an interview is over. ``Interview.end_reason`` is None while the interview can be resumed."""

    HOST_COMPLETED = "HOST_COMPLETED"
    """The host completed the meeting."""
    NO_SHOW = "NO_SHOW"
    """Somebody who was invited did not appear. There is no evaluation."""
    AUTO_COMPLETED = "AUTO_COMPLETED"
    """The interview was completed automatically."""
    EXPIRED = "EXPIRED"
    """Nothing happened until 24 hours after the scheduled end. There is no evaluation."""
    HOST_ENDED = "HOST_ENDED"
    """The host ended the meeting."""


class ParticipantRole(StrEnum):
    """The role of a person in an interview."""

    CANDIDATE = "CANDIDATE"
    """The person who is interviewed."""
    INTERVIEWER = "INTERVIEWER"
    """A person who interviews the candidate."""
    HOST = "HOST"
    """The host of the meeting. A team meeting needs at least one."""
    CO_HOST = "CO_HOST"
    """A person who supports the host."""
    PARTICIPANT = "PARTICIPANT"
    """A person who takes part in the meeting, such as an external guest."""
    OBSERVER = "OBSERVER"
    """The old name of ``PARTICIPANT``."""


class AuthProvider(StrEnum):
    """The identity provider of a participant's account."""

    TALENTFLOW = "TALENTFLOW"
    """TalentFlow."""
    GOOGLE = "GOOGLE"
    """Google."""
    MICROSOFT = "MICROSOFT"
    """Microsoft."""
    GITHUB = "GITHUB"
    """GitHub."""
    NATIVE = "NATIVE"
    """Your own platform."""


class SchedulingMode(StrEnum):
    """How the time of an interview is set: now, at a fixed time, or by the candidate."""

    IMMEDIATE = "IMMEDIATE"
    """The interview can start at once. The default without ``scheduled_at``."""
    FIXED = "FIXED"
    """The interview starts at ``scheduled_at``. The default with ``scheduled_at``."""
    CANDIDATE_PICKS = "CANDIDATE_PICKS"
    """The candidate picks one of ``available_slots``. Not for team meetings."""


class Seniority(StrEnum):
    """The seniority of the role."""

    JUNIOR = "JUNIOR"
    """Junior."""
    MID = "MID"
    """Mid-level."""
    SENIOR = "SENIOR"
    """Senior."""
    LEAD = "LEAD"
    """Lead."""
    PRINCIPAL = "PRINCIPAL"
    """Principal."""


class WorkSetup(StrEnum):
    """Where the work is done."""

    REMOTE = "REMOTE"
    """Remotely."""
    ONSITE = "ONSITE"
    """On site."""
    HYBRID = "HYBRID"
    """Partly remotely, partly on site."""


class EmploymentType(StrEnum):
    """The type of employment."""

    FULL_TIME = "FULL_TIME"
    """Full-time employment."""
    PART_TIME = "PART_TIME"
    """Part-time employment."""
    CONTRACT = "CONTRACT"
    """Work under a contract."""


class InterviewCategory(StrEnum):
    """The category of the interview."""

    SCREENING = "SCREENING"
    """A first screening."""
    TECHNICAL = "TECHNICAL"
    """Technical skills."""
    BEHAVIORAL = "BEHAVIORAL"
    """Behavior in past situations."""
    ASSIGNMENT = "ASSIGNMENT"
    """An assignment that the candidate works on."""
    CULTURAL = "CULTURAL"
    """Cultural fit."""
    CASE_STUDY = "CASE_STUDY"
    """A case study."""
    PANEL = "PANEL"
    """An interview with several interviewers."""
    FINAL = "FINAL"
    """The last interview before the decision."""


class EvaluationFocus(StrEnum):
    """What the evaluation gives the most weight to."""

    KNOWLEDGE = "knowledge"
    """Knowledge of the field."""
    BALANCED = "balanced"
    """Everything equally."""
    COMMUNICATION = "communication"
    """Communication."""
    PROBLEM_SOLVING = "problem_solving"
    """Problem solving."""
    CULTURE = "culture"
    """Cultural fit."""


class DateField(StrEnum):
    """The date that ``date_from`` and ``date_to`` compare."""

    SCHEDULED = "scheduled"
    """The time at which the interview takes place."""
    CREATED = "created"
    """The time at which the interview was created. The default."""


class Recommendation(StrEnum):
    """The recommendation of an evaluation."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    """Continue with the candidate."""
    FAIL = "FAIL"
    """Do not continue with the candidate."""
    REVIEW = "REVIEW"
    """A person must decide."""


class AIRecommendation(StrEnum):
    """The recommendation of an evaluation with a rubric, and the decision of a recruiter."""

    STRONG_HIRE = "STRONG_HIRE"
    """Hire, with strong conviction."""
    HIRE = "HIRE"
    """Hire."""
    NO_HIRE = "NO_HIRE"
    """Do not hire."""
    STRONG_NO_HIRE = "STRONG_NO_HIRE"
    """Do not hire, with strong conviction."""


class SpeakerRole(StrEnum):
    """The role of a speaker in a transcript."""

    AI = "AI"
    """The AI that leads the interview."""
    CANDIDATE = "CANDIDATE"
    """The candidate."""
    INTERVIEWER = "INTERVIEWER"
    """A person who interviews the candidate."""
    HOST = "HOST"
    """The host of the meeting."""
    PARTICIPANT = "PARTICIPANT"
    """Another person in the meeting."""


class ConfidenceLevel(StrEnum):
    """The confidence of an assessment."""

    HIGH = "HIGH"
    """High confidence."""
    MEDIUM = "MEDIUM"
    """Medium confidence."""
    LOW = "LOW"
    """Low confidence. An assessment of an interviewer then has no overall rating."""
