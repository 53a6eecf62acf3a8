"""Webhooks, sent when an interview has a transcript, an evaluation or a recording (contract section 7).

    event = Webhook(secret).verify(raw_body, headers)

Nothing here does I/O, so it works in any framework.
"""

from boooply.webhooks.events import (
    EvaluationEvent,
    Event,
    InterviewerEvaluationEvent,
    RecordingEvent,
    ScoresEvent,
    TranscriptEvent,
    UnknownEvent,
    read_event,
)
from boooply.webhooks.parts import (
    AnalysisMeta,
    EventScores,
    FollowUp,
    OverallRecommendation,
    Point,
    PositiveSignal,
    QuestionAsked,
    QuickDecision,
    RecruiterRatings,
    RecruiterSummary,
    RedFlag,
    SentimentAnalysis,
    Severity,
    SkillAssessment,
    StrengthsAndWeaknesses,
    TranscriptLine,
)
from boooply.webhooks.signature import sign
from boooply.webhooks.webhook import Webhook

__all__ = [
    "AnalysisMeta",
    "EvaluationEvent",
    "Event",
    "EventScores",
    "FollowUp",
    "InterviewerEvaluationEvent",
    "OverallRecommendation",
    "Point",
    "PositiveSignal",
    "QuestionAsked",
    "QuickDecision",
    "RecordingEvent",
    "RecruiterRatings",
    "RecruiterSummary",
    "RedFlag",
    "ScoresEvent",
    "SentimentAnalysis",
    "Severity",
    "SkillAssessment",
    "StrengthsAndWeaknesses",
    "TranscriptEvent",
    "TranscriptLine",
    "UnknownEvent",
    "Webhook",
    "read_event",
    "sign",
]
