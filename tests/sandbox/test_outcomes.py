"""An outcome that the caller sets, as the API and the webhooks show it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from boooply.sandbox import SandboxError

HOST = {"name": "Zoë", "email": "zoe@example.com", "role": "HOST"}
HUMAN: dict[str, Any] = {"meetingType": "HUMAN", "participants": [HOST]}
TEAM: dict[str, Any] = {"meetingType": "HUMAN", "isTeamMeeting": True, "participants": [HOST], "candidate": ...}
SCORES = {
    "overall": 35,
    "communication": 50,
    "technicalSkills": 20,
    "problemSolving": 0,
    "cultureFit": 100,
    "experienceMatch": 35,
}
RUBRIC = {
    "criteria": [
        {"name": "SQL depth", "mustHave": True, "anchors": {"1": "none", "3": "some", "5": "deep"}},
        {"name": "On-call"},
    ],
    "version": 3,
}
SPEECH = [
    {"speaker": "AI Interviewer", "role": "AI", "content": "Why Straße?", "timestamp": "2031-04-01T14:00:05Z"},
    {"speaker": "Jane", "role": "CANDIDATE", "content": "Because.", "timestamp": "2031-04-01T14:00:17Z"},
    {"speaker": "AI Interviewer", "role": "AI", "content": "Thanks."},
]
TALK = [
    {
        "id": "t-1",
        "speaker": "Zoë",
        "role": "HOST",
        "content": "Hello",
        "startMs": 1000,
        "endMs": 3500,
        "confidence": 1,
    },
    {"speaker": "Jane", "role": "CANDIDATE", "content": "Hi", "startMs": 4000, "endMs": 9000},
]


async def results(call: Any, code: str) -> dict[str, Any]:
    found = {name: (await call(f"GET /interviews/{code}/{name}")).body for name in ("evaluation", "transcript")}
    recording = (await call(f"GET /interviews/{code}/recording")).body["recording"]
    meeting = (await call(f"GET /interviews/{code}")).meeting
    events = {one.event: json.loads(one.body)["data"] for one in call.sandbox.webhooks.deliveries}
    return {**found["evaluation"], **found["transcript"], "recording": recording, "meeting": meeting, "events": events}


def as_set(shown: list[Any], given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: one[name] for name in entry} for one, entry in zip(shown, given, strict=True)]


# ---- the evaluation


async def test_the_scores_and_the_recommendation_are_those_that_were_set(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code, evaluation={**SCORES, "recommendation": "FAIL"})
    shown = await results(call, code)
    evaluation = shown["evaluation"]
    assert {name: evaluation[name] for name in ("overallScore", "communication", "technical")} == {
        "overallScore": 35,
        "communication": 50,
        "technical": 20,
    }
    assert (evaluation["problemSolving"], evaluation["cultureFit"], evaluation["experienceMatch"]) == (0, 100, 35)
    assert (evaluation["recommendation"], shown["meeting"]["overallScore"]) == ("FAIL", 35)
    for event in ("interview.evaluation", "interview.scores"):
        assert (shown["events"][event]["scores"], shown["events"][event]["recommendation"]) == (SCORES, "FAIL")
        assert shown["events"][event]["ratingsForRecruiters"]["technicalSkills"] == 20
    assert shown["events"]["interview.evaluation"]["recruiterSummary"]["quickDecision"] == "REJECT"
    assert shown["rawAnalysis"]["scores"] == SCORES
    assert shown["rawAnalysis"]["recruiterSummary"]["quickDecision"] == "REJECT"


@pytest.mark.parametrize(
    ("recommendation", "shown", "decision"),
    [
        ("STRONG_PASS", "PASS", "ADVANCE"),
        ("PASS", "PASS", "ADVANCE"),
        ("REVIEW", "REVIEW", "HOLD"),
        ("FAIL", "FAIL", "REJECT"),
        ("STRONG_FAIL", "FAIL", "REJECT"),
    ],
)
async def test_a_recommendation_alone_decides_the_score_as_well(
    call: Any, recommendation: str, shown: str, decision: str
) -> None:
    codes = [(await call.create()).code for _ in range(2)]
    call.sandbox.play(codes[0], evaluation={"recommendation": recommendation})
    first = await results(call, codes[0])
    event = first["events"]["interview.evaluation"]
    assert (event["recommendation"], first["evaluation"]["recommendation"]) == (recommendation, shown)
    assert event["recruiterSummary"]["quickDecision"] == decision
    call.sandbox.play(codes[1], evaluation={"overall": first["evaluation"]["overallScore"]})
    again = (await results(call, codes[1]))["events"]["interview.evaluation"]
    assert again["recommendation"] == recommendation


async def test_the_score_of_a_recommendation_stays_in_its_band(call: Any) -> None:
    scores = set()
    for _ in range(60):
        code = (await call.create()).code
        call.sandbox.play(code, evaluation={"recommendation": "STRONG_PASS"})
        scores.add((await call(f"GET /interviews/{code}")).meeting["overallScore"])
    assert scores <= set(range(90, 101))
    assert len(scores) > 5


async def test_a_recommendation_may_contradict_the_score(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code, evaluation={"overall": 95, "recommendation": "STRONG_FAIL"})
    shown = await results(call, code)
    assert (shown["evaluation"]["overallScore"], shown["evaluation"]["recommendation"]) == (95, "FAIL")
    assert shown["events"]["interview.scores"]["recommendation"] == "STRONG_FAIL"


async def test_a_category_that_is_left_out_falls_back_to_the_overall_score(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code, evaluation={"overall": 42, "cultureFit": 7})
    shown = await results(call, code)
    assert (shown["evaluation"]["technical"], shown["evaluation"]["cultureFit"]) == (42, 7)
    assert shown["events"]["interview.scores"]["scores"] == {"overall": 42, "cultureFit": 7}


async def test_the_overall_score_is_the_mean_of_the_categories_if_it_is_left_out(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code, evaluation={"communication": 10, "cultureFit": 21})
    assert (await results(call, code))["evaluation"]["overallScore"] == 16


async def test_another_analysis_confirms_what_was_set(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code, evaluation=SCORES)
    await call(f"POST /interviews/{code}/analyze")
    assert (await results(call, code))["evaluation"]["technical"] == 20


# ---- the rubric


async def test_a_rubric_is_shown_as_it_was_set(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code, rubric=RUBRIC, evaluation={"overall": 35, "technicalSkills": 20})
    evaluation = (await results(call, code))["evaluation"]
    assert evaluation["rubricSnapshot"] == RUBRIC
    assert set(evaluation["byCriterion"]) == {"SQL depth", "On-call"}
    categories = ("communication", "technical", "cultureFit", "problemSolving", "experienceMatch")
    assert [evaluation[name] for name in categories] == [35] * 5
    assert evaluation["aiRecommendation"] in {"NO_HIRE", "STRONG_NO_HIRE"}


async def test_without_a_rubric_its_fields_are_absent(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code, evaluation=SCORES)
    assert not {"byCriterion", "rubricSnapshot", "aiRecommendation"} & set((await results(call, code))["evaluation"])


# ---- transcript and recording


async def test_the_transcript_is_the_one_that_was_set(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code, transcript=SPEECH)
    shown = await results(call, code)
    assert as_set(shown["transcript"], SPEECH) == SPEECH
    assert all({"id", "timestamp"} <= set(one) for one in shown["transcript"])
    assert len({one["id"] for one in shown["transcript"]}) == 3
    event = shown["events"]["interview.transcript"]
    assert [(one["speaker"], one["text"]) for one in event["transcript"]] == [
        (one["speaker"], one["content"]) for one in SPEECH
    ]
    assert event["transcript"][1]["startMs"] - event["transcript"][0]["startMs"] == 12_000
    assert (event["transcriptCount"], shown["meetingStatistics"]["turnCount"]) == (3, 3)


async def test_the_transcript_of_people_keeps_its_times(call: Any) -> None:
    code = (await call.create(**HUMAN)).code
    call.sandbox.play(code, transcript=TALK)
    shown = await results(call, code)
    assert as_set(shown["transcript"], TALK) == TALK
    assert shown["transcript"][1]["confidence"] > 0
    lines = shown["events"]["interview.transcript"]["transcript"]
    assert [(one["startMs"], one["endMs"]) for one in lines] == [(1000, 3500), (4000, 9000)]
    assert shown["meetingStatistics"]["duration"] == shown["recording"]["duration"] == 9


async def test_a_session_that_can_be_resumed_has_a_transcript_too(call: Any) -> None:
    code = (await call.create(**HUMAN)).code
    call.sandbox.play(code, "COMPLETED", transcript=TALK, recording=False)
    shown = await results(call, code)
    assert ([one["content"] for one in shown["transcript"]], shown["recording"]) == (["Hello", "Hi"], None)
    call.sandbox.play(code, "END", evaluation={"overall": 90})
    shown = await results(call, code)
    assert ([one["content"] for one in shown["transcript"]], shown["recording"]) == (["Hello", "Hi"], None)
    assert shown["evaluation"]["overallScore"] == 90


async def test_an_interview_can_have_no_recording(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code, recording=False)
    shown = await results(call, code)
    assert shown["recording"] is None
    assert "interview.recording" not in shown["events"]
    assert {"interview.transcript", "interview.evaluation"} <= set(shown["events"])


async def test_a_transcript_can_be_empty(call: Any) -> None:
    code = (await call.create(**HUMAN)).code
    call.sandbox.play(code, transcript=[])
    shown = await results(call, code)
    assert (shown["transcript"], shown["meetingStatistics"]["turnCount"]) == ([], 0)


async def test_a_team_meeting_takes_a_transcript_if_it_is_transcribed(call: Any) -> None:
    code = (await call.create(**TEAM, transcriptionEnabled=True)).code
    call.sandbox.play(code, transcript=TALK)
    assert [one["content"] for one in (await results(call, code))["transcript"]] == ["Hello", "Hi"]


# ---- what cannot be


WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"evaluation": {"technicalSkill": 1}}, "422 .*evaluation.technicalSkill is unknown: did you mean technicalSk"),
    ({}, {"evaluation": {"technical_skills": 1}}, "did you mean technicalSkills"),
    ({}, {"evaluation": {"overal": 1}}, r"evaluation.overal is unknown: did you mean overall\?"),
    ({}, {"evaluation": {"zzz": 1}}, "evaluation.zzz is unknown: the known names are overall, communication"),
    ({}, {"evaluation": {"overall": 101}}, "422 .*evaluation.overall must be from 0 to 100"),
    ({}, {"evaluation": {"overall": True}}, "400 .*evaluation.overall must be a whole number"),
    ({}, {"evaluation": {"overall": None}}, "422 .*evaluation.overall must not be null"),
    ({}, {"evaluation": {"recommendation": "HIRE"}}, "evaluation.recommendation must be one of STRONG_PASS, PASS"),
    ({}, {"evaluation": 35}, "400 .*evaluation must be an object"),
    ({}, {"transcript": [{"speaker": "A", "role": "AI", "text": "?"}]}, r"transcript\[0\].text is unknown: the known"),
    ({}, {"transcript": [SPEECH[0], TALK[0]]}, r"transcript\[1\].startMs is unknown"),
    (HUMAN, {"transcript": SPEECH}, r"transcript\[0\].timestamp is unknown"),
    ({}, {"transcript": [{"speaker": "A", "content": "?"}]}, r"400 .*transcript\[0\].role is required"),
    ({}, {"transcript": "hello"}, "400 .*transcript must be a list"),
    ({}, {"rubric": {"criterias": []}}, "400 .*rubric.criteria is required"),
    ({}, {"rubric": {"criteria": [{"title": "SQL"}]}}, r"rubric.criteria\[0\].name is required"),
    ({}, {"rubric": {"criteria": [{"name": "SQL"}, {"name": "SQL"}]}}, "rubric.criteria must not name SQL twice"),
    ({}, {"recording": "no"}, "400 .*recording must be true or false"),
    ({}, {"to": "NO_SHOW", "transcript": SPEECH}, "transcript must be left out: an interview has none after NO_SHOW"),
    ({}, {"to": "ACTIVE", "recording": False}, "recording must be left out: an interview has none after ACTIVE"),
    (
        HUMAN,
        {"to": "COMPLETED", "evaluation": SCORES},
        "evaluation must be left out: an interview has none after COMPLETED",
    ),
    (TEAM, {"evaluation": SCORES}, "evaluation must be left out: a team meeting is never evaluated"),
    (TEAM, {"rubric": RUBRIC}, "rubric must be left out: a team meeting is never evaluated"),
    (TEAM, {"transcript": TALK}, "transcript must be left out: .* without transcriptionEnabled"),
    (TEAM, {"recording": True}, "recording must be left out: .* without transcriptionEnabled"),
]


@pytest.mark.parametrize(("created", "body", "problem"), WRONG, ids=[row[2][-40:] for row in WRONG])
async def test_a_wrong_outcome_changes_nothing_and_names_the_key(
    call: Any, created: dict[str, Any], body: dict[str, Any], problem: str
) -> None:
    code = (await call.create(**created)).code
    response = await call(f"POST /_sandbox/interviews/{code}/play", body, key=None)
    with pytest.raises(SandboxError, match=problem) as raised:
        call.sandbox.play(code, **body)
    assert str(raised.value) == f"{response.status} {response.body['code']}: {response.body['error']}"
    assert "Because." not in str(raised.value)
    assert (await call(f"GET /interviews/{code}")).meeting["sessionStatus"] == "SCHEDULED"


async def test_an_outcome_over_http_is_the_same(call: Any) -> None:
    codes = [(await call.create(title="Talk")).code for _ in range(2)]
    body = {"evaluation": SCORES, "rubric": RUBRIC, "transcript": SPEECH, "recording": False}
    call.sandbox.play(codes[0], **body)
    assert (await call(f"POST /_sandbox/interviews/{codes[1]}/play", body, key=None)).status == 200
    first, second = [(await call(f"GET /interviews/{code}/evaluation")).body["evaluation"] for code in codes]
    assert first["rubricSnapshot"] == second["rubricSnapshot"]
    assert first["overallScore"] == second["overallScore"] == 35


async def test_times_may_be_datetimes_and_a_later_change_has_no_effect(call: Any) -> None:
    code = (await call.create()).code
    entry = {**SPEECH[0], "timestamp": datetime(2031, 4, 1, tzinfo=UTC)}
    call.sandbox.play(code, transcript=(entry,))
    entry["content"] = "changed"
    (shown,) = (await results(call, code))["transcript"]
    assert (shown["content"], shown["timestamp"]) == (SPEECH[0]["content"], "2031-04-01T00:00:00+00:00")


async def test_the_questions_are_those_of_the_transcript(call: Any) -> None:
    code = (await call.create(questions=["Why Straße?", "Never asked?"])).code
    call.sandbox.play(code, transcript=SPEECH)
    event = (await results(call, code))["events"]["interview.evaluation"]
    (asked,) = event["questionsAsked"]
    assert (asked["question"], asked["candidateAnswer"]) == ("Why Straße?", "Because.")
    assert event["customQuestionResponses"] == [{"question": "Why Straße?", "candidateAnswer": "Because."}]


async def test_what_the_candidate_says_next_is_no_question(call: Any) -> None:
    code = (await call.create()).code
    call.sandbox.play(code, transcript=[*SPEECH[:2], {"speaker": "Jane", "role": "CANDIDATE", "content": "And so on."}])
    (rated,) = (await results(call, code))["evaluation"]["questionEvaluations"]
    assert rated["question"] == "Why Straße?"


async def test_nobody_is_rated_for_what_was_not_said(call: Any) -> None:
    code = (await call.create(**HUMAN)).code
    call.sandbox.play(code, transcript=[])
    shown = (await results(call, code))["interviewerEvaluation"]
    assert (shown["overallRating"], shown["confidenceLevel"]) == (None, "LOW")
