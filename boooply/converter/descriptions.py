"""The descriptions and bounds of fields in JSON Schemas; they check nothing."""

from typing import Any, Final

# By the field's name, as requests spell it, and by the request's too where the name alone is not enough. An
# enumeration is described by its docstring, and a field of a response by itself.
FIELDS: Final[dict[str, str]] = {
    "meeting_code": "The interview's meetingCode, such as Boooply-AI-1234567890.",
    "title": "The title that people see.",
    "job_role": "The role that is filled, such as Frontend Engineer.",
    "job_description": "The description of the role.",
    "department": "The department of the role.",
    "stage": "The stage of your hiring process that this interview is.",
    "company_name": "The name of the company that hires.",
    "external_job_id": "The id of the job in your own system.",
    "candidate_cv": "The candidate's CV: plain text, Markdown, or JSON as text.",
    "skills": "The skills that are looked for.",
    "questions": "Questions to ask.",
    "ai_generate": "Whether the AI writes questions too.",
    "send_candidate_feedback": "Whether the candidate is e-mailed feedback after the evaluation, without any score.",
    "duration_minutes": "How long it lasts, in minutes: at least 5, and 30 unless given.",
    "scheduled_at": "When it takes place, with an offset, such as 2026-05-01T09:00:00Z. FIXED requires it.",
    "available_slots": "Times to pick from, which should last as long as the interview. CANDIDATE_PICKS only.",
    "candidate": "The candidate, who is e-mailed at once. Or one of the participants has the role CANDIDATE.",
    "participants": "The people, who are e-mailed at once.",
    "agenda": "The points of the agenda.",
    "transcription_enabled": "Whether it is recorded and transcribed.",
    "name": "The person's name.",
    "email": "The person's e-mail address.",
    "external_user_id": "The person's id in your own system.",
    "external_role": "The person's role in your own system.",
    "avatar_url": "The address of the person's picture.",
    "start": "When it begins, with an offset.",
    "end": "When it ends, with an offset.",
    "status": "Only interviews with one of these statuses.",
    "type": "Only interviews of this kind.",
    "search": "Only interviews in which this text is found.",
    "source_id": "The platform's own id of the customer whose key created the interview.",
    "date_from": "Only interviews from this time on, with an offset.",
    "date_to": "Only interviews up to this time, with an offset.",
    "score_min": "Only interviews with at least this overall score.",
    "score_max": "Only interviews with at most this overall score.",
    "page": "The number of the page.",
    "limit": "How many interviews a page has.",
    "days": "How many days ahead to look: 14 unless given.",
    "user_id": "Your own id of the user who connects the customer.",
    "user_email": "The e-mail address of that user.",
    "user_name": "The name of that user.",
    "organization_name": "The customer's name.",
    "team_members": "Colleagues to import into the customer's organization.",
    # ---- of one request
    "AvailabilityQuery.email": "The e-mail address of the person whose calendar is asked.",
    "AvailabilityQuery.duration_minutes": "The shortest free slot, in minutes: 30 unless given.",
    "BusyBlocksQuery.email": "The e-mail address of the person whose calendar is asked.",
    "Cancellation.reason": "Why it is cancelled.",
    "InterviewQuery.source_id": "Only interviews of this customer, by the platform's own id.",
    "Participant.name": "The person's name, as the e-mail addresses them.",
    "Rescheduling.scheduled_at": "The new time, with an offset, such as 2026-05-01T09:00:00Z.",
    "Rescheduling.duration_minutes": "How long it lasts from now on, in minutes: unchanged unless given.",
    "Rescheduling.reason": "Why it is moved.",
    "TeamMeeting.participants": "The people, who are e-mailed at once; at least one has the role HOST.",
    "TeamMember.name": "The colleague's name.",
    "TeamMember.email": "The colleague's e-mail address.",
    "Tenant.organization_id": "Your own id of the customer. However often it is connected, it gets one key.",
}

# What a language model must not take for an instruction.
QUOTES: Final = frozenset({"content", "evidence_quotes"})

# The models' own checks, in the terms of JSON Schema; the tests compare the two.
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
