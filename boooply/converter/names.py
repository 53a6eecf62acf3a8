"""The API's names for our fields: tables of everything that the plain rule does not give."""

from typing import Final

from boooply.models import AIInterview, AvailabilityQuery, HumanInterview, Interview, Page, TeamMeeting
from boooply.models.names import camel_case

RENAMED: Final[dict[type, dict[str, str]]] = {
    AvailabilityQuery: {"duration_minutes": "duration"},
    Page: {"items": "meetings"},
}
# The second spellings of contract section 9, read where the first is missing.
ALSO: Final[dict[type, dict[str, str]]] = {
    Interview: {"code": "meeting_code", "status": "session_status"},
    Page: {"interviews": "items"},
}
# What follows from the class of a request.
DERIVED: Final[dict[type, dict[str, object]]] = {
    AIInterview: {"meetingType": "AI_ONLY"},
    HumanInterview: {"meetingType": "HUMAN"},
    TeamMeeting: {"meetingType": "HUMAN", "isTeamMeeting": True},
}


def wire_name(model: type, name: str) -> str:
    """Return the API's name for a field of a model."""
    return RENAMED.get(model, {}).get(name) or camel_case(name)
