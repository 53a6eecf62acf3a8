"""Webhooks, which Boooply sends when an interview has a transcript, an evaluation or a recording.

    event = Webhook(secret).verify(raw_body, headers)

Nothing here does I/O, so it works with any framework.
"""

from boooply.webhooks.events import *
from boooply.webhooks.parts import *
from boooply.webhooks.signature import *
from boooply.webhooks.webhook import *

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
