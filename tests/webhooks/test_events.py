"""The five event classes, with every published field."""

import json
from typing import Any

import pytest

from boooply import ConfidenceLevel, MalformedEventError
from boooply.webhooks import (
    EvaluationEvent,
    InterviewerEvaluationEvent,
    OverallRecommendation,
    QuickDecision,
    RecordingEvent,
    ScoresEvent,
    Severity,
    TranscriptEvent,
    UnknownEvent,
    read_event,
)


def read(event: str, /, **data: Any) -> Any:
    return read_event(json.dumps({"event": event, "data": {"meetingCode": "Boooply-AI-1", **data}}).encode())


def test_a_transcript() -> None:
    lines = [
        {"speaker": "Boooply AI", "text": "Hello", "startMs": 0},
        {"speaker": "Zoë", "text": "Hi", "startMs": 900, "endMs": 1500},
    ]
    event = read("interview.transcript", transcript=lines, transcriptCount=2)
    assert isinstance(event, TranscriptEvent)
    assert [(one.speaker, one.text, one.start_ms, one.end_ms) for one in event.transcript] == [
        ("Boooply AI", "Hello", 0, None),
        ("Zoë", "Hi", 900, 1500),
    ]
    assert event.transcript_count == 2


EVALUATION: dict[str, Any] = {
    "summary": "S",
    "oneLineSummary": "one line",
    "overallRating": 4.2,
    "recommendation": "STRONG_PASS",
    "confidenceLevel": "HIGH",
    "scores": {"overall": 91, "technicalSkills": 88, "cultureFit": 70},
    "recruiterSummary": {"tldr": "hire", "quickDecision": "ADVANCE"},
    "skillsAssessment": [{"skill": "React", "rating": 5, "evidence": "built one"}],
    "strengthsAndWeaknesses": {"strengths": [{"point": "calm", "evidence": "stayed calm"}], "weaknesses": []},
    "redFlags": [{"flag": "late", "severity": "WARNING", "context": "c"}],
    "positiveSignals": [{"signal": "curious", "context": "c"}],
    "sentimentAnalysis": {"enthusiasm": "HIGH", "authenticity": "GENUINE", "stressLevel": "LOW"},
    "questionsAsked": [
        {"topic": "t", "question": "q", "candidateAnswer": "a", "answerQuality": 4, "timestamp": "01:20"}
    ],
    "meetingStatistics": {"duration": 120, "turnCount": 6},
    "nextSteps": {"recommendation": "r", "questionsToAsk": ["q"], "focusAreasForNextRound": ["f"]},
    "customQuestionResponses": [{"any": "thing"}],
    "ratingsForRecruiters": {"technicalSkills": 88, "overall": 91},
}


def test_an_evaluation() -> None:
    event = read("interview.evaluation", **EVALUATION)
    assert isinstance(event, EvaluationEvent)
    assert event.extra == {}
    assert event.recommendation is OverallRecommendation.STRONG_PASS
    assert event.confidence_level is ConfidenceLevel.HIGH
    assert event.scores is not None
    assert (event.scores.overall, event.scores.technical_skills, event.scores.communication) == (91, 88, None)
    assert event.recruiter_summary is not None
    assert event.recruiter_summary.quick_decision is QuickDecision.ADVANCE
    assert event.skills_assessment[0].evidence == "built one"
    assert event.strengths_and_weaknesses is not None
    assert event.strengths_and_weaknesses.strengths[0].evidence == "stayed calm"
    assert event.red_flags[0].severity is Severity.WARNING
    assert event.positive_signals[0].signal == "curious"
    assert event.sentiment_analysis is not None
    assert event.sentiment_analysis.authenticity == "GENUINE"
    assert event.questions_asked[0].candidate_answer == "a"
    assert event.next_steps is not None
    assert event.next_steps.focus_areas_for_next_round == ("f",)
    assert event.ratings_for_recruiters is not None
    assert event.ratings_for_recruiters.overall == 91


@pytest.mark.parametrize("name", ["interview.evaluation", "interview.scores"])
def test_the_second_spelling_of_the_recommendation_is_read(name: str) -> None:
    assert read(name, overallRecommendation="FAIL").recommendation is OverallRecommendation.FAIL
    assert read(name, overallRecommendation="FAIL", recommendation=None).recommendation is OverallRecommendation.FAIL
    both = read(name, overallRecommendation="FAIL", recommendation="PASS")
    assert (both.recommendation, both.extra) == (OverallRecommendation.PASS, {"overallRecommendation": "FAIL"})


def test_scores() -> None:
    event = read("interview.scores", **{name: EVALUATION[name] for name in ("overallRating", "scores")})
    assert isinstance(event, ScoresEvent)
    assert event.overall_rating == 4.2


def test_an_evaluation_of_the_interviewer() -> None:
    assessed = {"overallRating": None, "confidenceLevel": "LOW", "strengths": ["listens"]}
    event = read("interview.interviewer_evaluation", interviewerEvaluation=assessed, analysisMeta={"durationMs": 12})
    assert isinstance(event, InterviewerEvaluationEvent)
    assert event.interviewer_evaluation is not None
    assert (event.interviewer_evaluation.overall_rating, event.interviewer_evaluation.strengths) == (None, ("listens",))
    assert event.analysis_meta is not None
    assert event.analysis_meta.duration_ms == 12


def test_the_repr_of_a_recording_leaves_out_its_link() -> None:
    link = "https://storage.example/v.mp4?X-Amz-Signature=abcdef"
    event = read("interview.recording", duration=60, format="mp4", videoUrl=link, videoApiUrl="https://api.example/v")
    assert isinstance(event, RecordingEvent)
    assert event.video_url is not None
    assert event.video_url.reveal() == link
    assert "abcdef" not in repr(event)


def test_unknown_fields_and_wrong_types_go_to_extra() -> None:
    event = read(
        "interview.scores", overallRating="four", confidenceLevel="SO_SO", brandNew=1, event="x", idempotencyKey="y"
    )
    assert event.overall_rating is None
    assert event.confidence_level == "SO_SO"
    assert event.extra == {"overallRating": "four", "brandNew": 1, "event": "x", "idempotencyKey": "y"}
    assert event.event == "interview.scores"
    assert event.idempotency_key != "y"


def test_an_unknown_event_may_have_data_within_data() -> None:
    event = read("interview.new", data={"inner": 1})
    assert isinstance(event, UnknownEvent)
    assert event.data == {"meetingCode": "Boooply-AI-1", "data": {"inner": 1}}


def test_the_repr_leaves_out_what_was_said() -> None:
    shown = repr(read("interview.evaluation", candidateName="Zoë", **EVALUATION))
    for private in ("Zoë", "one line", "built one", "stayed calm", "'hire'", "curious", "late"):
        assert private not in shown


def test_an_event_without_a_meeting_code_is_rejected() -> None:
    with pytest.raises(MalformedEventError, match=r"data\.meetingCode"):
        read_event(b'{"event":"interview.scores","data":{"meetingCode":null}}')
