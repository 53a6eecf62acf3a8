"""The API's enumerations.

A plain string does wherever one of these is taken, and a value the API adds later comes through as the string it is.
"""

from enum import StrEnum


class TeamRole(StrEnum):
    """What a team member may do in the customer's organization."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"


class MeetingType(StrEnum):
    """Who leads the interview."""

    AI_ONLY = "AI_ONLY"
    HUMAN = "HUMAN"


class InterviewType(StrEnum):
    """What ``interviews.list(type=…)`` tells apart."""

    AI_ONLY = "AI_ONLY"
    HUMAN = "HUMAN"
    TEAM = "TEAM"


class SessionStatus(StrEnum):
    """Where an interview stands.

    Not monotonic for human and team meetings: see ``Interview.is_over``.
    """

    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class EndReason(StrEnum):
    """Why an interview is over; absent while it can be resumed."""

    HOST_COMPLETED = "HOST_COMPLETED"
    NO_SHOW = "NO_SHOW"
    AUTO_COMPLETED = "AUTO_COMPLETED"
    EXPIRED = "EXPIRED"
    HOST_ENDED = "HOST_ENDED"


class ParticipantRole(StrEnum):
    """What a person does in an interview (``OBSERVER`` is the old name of ``PARTICIPANT``)."""

    CANDIDATE = "CANDIDATE"
    INTERVIEWER = "INTERVIEWER"
    HOST = "HOST"
    CO_HOST = "CO_HOST"
    PARTICIPANT = "PARTICIPANT"
    OBSERVER = "OBSERVER"


class AuthProvider(StrEnum):
    """Where a participant's account comes from."""

    TALENTFLOW = "TALENTFLOW"
    GOOGLE = "GOOGLE"
    MICROSOFT = "MICROSOFT"
    GITHUB = "GITHUB"
    NATIVE = "NATIVE"


class SchedulingMode(StrEnum):
    """When an interview takes place: now, at a given time, or at a slot the candidate picks."""

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
    """Where the work is done."""

    REMOTE = "REMOTE"
    ONSITE = "ONSITE"
    HYBRID = "HYBRID"


class EmploymentType(StrEnum):
    """The kind of employment."""

    FULL_TIME = "FULL_TIME"
    PART_TIME = "PART_TIME"
    CONTRACT = "CONTRACT"


class InterviewCategory(StrEnum):
    """What kind of interview it is."""

    SCREENING = "SCREENING"
    TECHNICAL = "TECHNICAL"
    BEHAVIORAL = "BEHAVIORAL"
    ASSIGNMENT = "ASSIGNMENT"
    CULTURAL = "CULTURAL"
    CASE_STUDY = "CASE_STUDY"
    PANEL = "PANEL"
    FINAL = "FINAL"


class EvaluationFocus(StrEnum):
    """What the evaluation weighs most (lower case in the API)."""

    KNOWLEDGE = "knowledge"
    BALANCED = "balanced"
    COMMUNICATION = "communication"
    PROBLEM_SOLVING = "problem_solving"
    CULTURE = "culture"


class DateField(StrEnum):
    """Which time ``date_from`` and ``date_to`` are held against."""

    SCHEDULED = "scheduled"
    CREATED = "created"


class Recommendation(StrEnum):
    """What an evaluation recommends."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    REVIEW = "REVIEW"


class AIRecommendation(StrEnum):
    """What an evaluation by rubric recommends."""

    STRONG_HIRE = "STRONG_HIRE"
    HIRE = "HIRE"
    NO_HIRE = "NO_HIRE"
    STRONG_NO_HIRE = "STRONG_NO_HIRE"


class SpeakerRole(StrEnum):
    """Who speaks in a transcript."""

    AI = "AI"
    CANDIDATE = "CANDIDATE"
    INTERVIEWER = "INTERVIEWER"
    HOST = "HOST"
    PARTICIPANT = "PARTICIPANT"


class ConfidenceLevel(StrEnum):
    """How sure an assessment is of itself."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
