"""The API's enumerations.

A plain string works wherever one of these is accepted. A value that the API adds later stays a string.
"""

from enum import StrEnum


class TeamRole(StrEnum):
    """The role of a team member in the customer's organization."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"


class MeetingType(StrEnum):
    """The lead of an interview: the AI, or people."""

    AI_ONLY = "AI_ONLY"
    HUMAN = "HUMAN"


class InterviewType(StrEnum):
    """The types that ``interviews.list(type=…)`` distinguishes."""

    AI_ONLY = "AI_ONLY"
    HUMAN = "HUMAN"
    TEAM = "TEAM"


class SessionStatus(StrEnum):
    """The state of an interview.

    Not monotonic for human and team meetings: see ``Interview.is_over``.
    """

    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class EndReason(StrEnum):
    """The reason why an interview is over; absent while it can be resumed."""

    HOST_COMPLETED = "HOST_COMPLETED"
    NO_SHOW = "NO_SHOW"
    AUTO_COMPLETED = "AUTO_COMPLETED"
    EXPIRED = "EXPIRED"
    HOST_ENDED = "HOST_ENDED"


class ParticipantRole(StrEnum):
    """The role of a person in an interview (``OBSERVER`` is the old name of ``PARTICIPANT``)."""

    CANDIDATE = "CANDIDATE"
    INTERVIEWER = "INTERVIEWER"
    HOST = "HOST"
    CO_HOST = "CO_HOST"
    PARTICIPANT = "PARTICIPANT"
    OBSERVER = "OBSERVER"


class AuthProvider(StrEnum):
    """The provider of a participant's account."""

    TALENTFLOW = "TALENTFLOW"
    GOOGLE = "GOOGLE"
    MICROSOFT = "MICROSOFT"
    GITHUB = "GITHUB"
    NATIVE = "NATIVE"


class SchedulingMode(StrEnum):
    """The time of an interview: now, at a given time, or in a slot that the candidate picks."""

    IMMEDIATE = "IMMEDIATE"
    FIXED = "FIXED"
    CANDIDATE_PICKS = "CANDIDATE_PICKS"


class Seniority(StrEnum):
    """The level of the role."""

    JUNIOR = "JUNIOR"
    MID = "MID"
    SENIOR = "SENIOR"
    LEAD = "LEAD"
    PRINCIPAL = "PRINCIPAL"


class WorkSetup(StrEnum):
    """The place of work."""

    REMOTE = "REMOTE"
    ONSITE = "ONSITE"
    HYBRID = "HYBRID"


class EmploymentType(StrEnum):
    """The kind of employment."""

    FULL_TIME = "FULL_TIME"
    PART_TIME = "PART_TIME"
    CONTRACT = "CONTRACT"


class InterviewCategory(StrEnum):
    """The kind of interview."""

    SCREENING = "SCREENING"
    TECHNICAL = "TECHNICAL"
    BEHAVIORAL = "BEHAVIORAL"
    ASSIGNMENT = "ASSIGNMENT"
    CULTURAL = "CULTURAL"
    CASE_STUDY = "CASE_STUDY"
    PANEL = "PANEL"
    FINAL = "FINAL"


class EvaluationFocus(StrEnum):
    """The skill to which the evaluation gives most weight (lower case in the API)."""

    KNOWLEDGE = "knowledge"
    BALANCED = "balanced"
    COMMUNICATION = "communication"
    PROBLEM_SOLVING = "problem_solving"
    CULTURE = "culture"


class DateField(StrEnum):
    """The time that ``date_from`` and ``date_to`` filter by."""

    SCHEDULED = "scheduled"
    CREATED = "created"


class Recommendation(StrEnum):
    """The recommendation of an evaluation."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    REVIEW = "REVIEW"


class AIRecommendation(StrEnum):
    """The recommendation of an evaluation by rubric."""

    STRONG_HIRE = "STRONG_HIRE"
    HIRE = "HIRE"
    NO_HIRE = "NO_HIRE"
    STRONG_NO_HIRE = "STRONG_NO_HIRE"


class SpeakerRole(StrEnum):
    """The role of a speaker in a transcript."""

    AI = "AI"
    CANDIDATE = "CANDIDATE"
    INTERVIEWER = "INTERVIEWER"
    HOST = "HOST"
    PARTICIPANT = "PARTICIPANT"


class ConfidenceLevel(StrEnum):
    """The confidence of an assessment."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
