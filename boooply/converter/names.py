"""The API's names of our fields: tables of the exceptions from camelCase."""

from typing import Final

from boooply.models import AIInterview, AvailabilityQuery, HumanInterview, Interview, Page, TeamMeeting
from boooply.models.names import camel_case

RENAMED: Final[dict[type, dict[str, str]]] = {
    AvailabilityQuery: {"duration_minutes": "duration"},
    Page: {"items": "meetings"},
}
# Second names that the API uses, read if the first is missing.
ALSO: Final[dict[type, dict[str, str]]] = {
    Interview: {"code": "meeting_code", "status": "session_status"},
    Page: {"interviews": "items"},
}
# Fields that follow from the class of a request.
DERIVED: Final[dict[type, dict[str, object]]] = {
    AIInterview: {"meetingType": "AI_ONLY"},
    HumanInterview: {"meetingType": "HUMAN"},
    TeamMeeting: {"meetingType": "HUMAN", "isTeamMeeting": True},
}


def wire_name(model: type, name: str) -> str:
    """Return the API's name of a field."""
    return RENAMED.get(model, {}).get(name) or camel_case(name)
