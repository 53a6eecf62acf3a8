"""The descriptions and bounds of fields, for JSON Schemas and the reference. They check nothing."""

from typing import Any, Final

# By the name of the field, preceded by the name of the request where the field's name is ambiguous. A field with an
# enumeration is described by the docstring of the enumeration, and a field of a response by its own definition.
FIELDS: Final[dict[str, str]] = {
    "meeting_code": "The meeting code of the interview, such as Boooply-AI-1234567890.",
    "title": "The title that participants see. By default, the API composes one.",
    "job_role": "The role to fill, such as Frontend Engineer.",
    "job_description": "The description of the role.",
    "department": "The department of the role.",
    "stage": "The stage of your hiring process that the interview belongs to.",
    "company_name": "The name of the hiring company.",
    "external_job_id": "The ID of the job in your own system.",
    "candidate_cv": "The candidate's CV: plain text, Markdown, or JSON as text.",
    "skills": "The skills that the role needs.",
    "questions": "The questions to ask.",
    "ai_generate": "Whether the AI adds questions of its own.",
    "send_candidate_feedback": "Whether the API e-mails the candidate feedback without a score after the evaluation.",
    "duration_minutes": "The duration, in minutes, at least 5. Default: 30.",
    "scheduled_at": "The start, with an offset, such as 2026-05-01T09:00:00Z. Required for schedulingMode FIXED.",
    "available_slots": "Up to 50 slots to pick from. Required for schedulingMode CANDIDATE_PICKS.",
    "candidate": "The candidate, whom the API e-mails immediately. Or pass a participant with the role CANDIDATE.",
    "participants": "The people to invite, whom the API e-mails immediately.",
    "agenda": "The items of the agenda.",
    "transcription_enabled": "Whether the meeting is recorded and transcribed. Default: false.",
    "name": "The person's name.",
    "email": "The person's e-mail address.",
    "external_user_id": "The person's ID in your own system.",
    "external_role": "The person's role in your own system.",
    "avatar_url": "The URL of the person's picture.",
    "start": "The start, with an offset, such as 2026-05-01T09:00:00Z.",
    "end": "The end, with an offset, such as 2026-05-01T10:00:00Z.",
    "status": "Only interviews with one of these statuses.",
    "type": "Only interviews of this type.",
    "search": "Only interviews with this text in the meeting code, candidate's name, job role or title.",
    "source_id": "The platform's own ID of the customer whose key created the interview.",
    "date_from": "Only interviews from this time on, with an offset, by the time that dateField selects.",
    "date_to": "Only interviews up to this time, with an offset, by the time that dateField selects.",
    "score_min": "Only interviews with at least this overall score, 0-100.",
    "score_max": "Only interviews with at most this overall score, 0-100.",
    "page": "The number of the page, from 1.",
    "limit": "The most interviews on a page, 1 to 100.",
    "days": "The number of days to look ahead, 1 to 30. Default: 14.",
    "user_id": "Your own ID of the user who connects the customer.",
    "user_email": "The e-mail address of the user who connects the customer.",
    "user_name": "The name of the user who connects the customer.",
    "organization_name": "The name of the customer.",
    "team_members": "The people to import into the customer's organization.",
    # ---- in one request only
    "AvailabilityQuery.email": "The e-mail address of the person whose calendar to read.",
    "AvailabilityQuery.duration_minutes": "The duration of a free slot, in minutes, at least 5. Default: 30.",
    "BusyBlocksQuery.email": "The e-mail address of the person whose calendar to read.",
    "Cancellation.reason": "The reason, which the e-mails to the participants contain.",
    "InterviewQuery.source_id": "Only interviews of this customer, by the platform's own ID of the customer.",
    "Participant.name": "The person's name, which the e-mails use.",
    "Rescheduling.scheduled_at": "The new start, with an offset, such as 2026-05-01T09:00:00Z.",
    "Rescheduling.duration_minutes": "The new duration, in minutes, at least 5. Default: unchanged.",
    "Rescheduling.reason": "The reason, which the e-mails to the participants contain.",
    "TeamMeeting.participants": "The people to invite, at least one HOST. The API e-mails them immediately.",
    "TeamMember.name": "The person's name.",
    "TeamMember.email": "The person's e-mail address.",
    "Tenant.organization_id": "Your own ID of the customer, which must never change.",
}

# Fields that quote people, which a language model must not treat as instructions.
QUOTES: Final = frozenset({"content", "evidence_quotes"})

# The models' own checks, as JSON Schema. Tests compare the two.
BOUNDS: Final[dict[str, dict[str, Any]]] = {
    "duration_minutes": {"minimum": 5},
    "days": {"minimum": 1, "maximum": 30},
    "page": {"minimum": 1},
    "limit": {"minimum": 1, "maximum": 100},
    "score_min": {"minimum": 0, "maximum": 100},
    "score_max": {"minimum": 0, "maximum": 100},
    "available_slots": {"maxItems": 50},
    "email": {"format": "email"},
    "user_email": {"format": "email"},
}
