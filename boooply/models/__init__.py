"""The models of requests and responses. The names in ``__all__`` are public names of ``boooply``."""

from boooply.models.calendars import *
from boooply.models.enums import *
from boooply.models.interviewers import *
from boooply.models.interviews import *
from boooply.models.people import *
from boooply.models.requests import *
from boooply.models.response import *
from boooply.models.results import *
from boooply.models.tenants import *

__all__ = [
    "AIInterview",
    "AIRecommendation",
    "AnalysisJob",
    "AuthProvider",
    "Availability",
    "BiasAssessment",
    "BusyBlocks",
    "Candidate",
    "CandidateExperience",
    "CannotTell",
    "ConfidenceLevel",
    "CriterionScore",
    "DateField",
    "EmploymentType",
    "EndReason",
    "Evaluation",
    "EvaluationFocus",
    "HumanInterview",
    "Interview",
    "InterviewCategory",
    "InterviewFilters",
    "InterviewNotEvaluatedError",
    "InterviewParticipant",
    "InterviewRequest",
    "InterviewType",
    "InterviewerEvaluation",
    "MeetingStatistics",
    "MeetingType",
    "NotSeen",
    "Organization",
    "OrganizationApiKey",
    "Page",
    "Participant",
    "ParticipantRole",
    "ProfessionalConduct",
    "QuestionEvaluation",
    "QuestionQuality",
    "Recommendation",
    "Recommendations",
    "Recording",
    "SchedulingMode",
    "Seniority",
    "SessionStatus",
    "Slot",
    "SpeakerRole",
    "TeamMeeting",
    "TeamMember",
    "TeamRole",
    "Tenant",
    "TimeManagement",
    "TranscriptEntry",
    "WorkSetup",
]
