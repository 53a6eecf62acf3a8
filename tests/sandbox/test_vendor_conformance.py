"""Over 200 seeded interviews of all kinds, the sandbox sends what the vendor's published examples have, and no more."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.played import ENDS, EVALUATED_ENDS, KINDS, RESUMABLE_ENDS, Sent, all_sent
from tests.sandbox.vendor import (
    ASSUMED,
    CATEGORIES,
    KNOWN,
    OLDER,
    PARTIAL,
    REQUESTS,
    RESPONSES,
    WEBHOOKS,
    faults_of,
    kind_of,
)


@pytest.fixture(scope="module")
def sent() -> Sent:
    return asyncio.run(all_sent())


# ---- the referee itself


def test_the_tables_name_the_vendors_examples() -> None:
    names = {example["name"] for example in [*RESPONSES, *WEBHOOKS]}
    assert names >= OLDER | PARTIAL | set(ASSUMED)
    assert {example["name"] for example in [*RESPONSES, *WEBHOOKS] if "assumed" in example} == set(ASSUMED)


@pytest.mark.parametrize(
    "example",
    [one for one in [*RESPONSES, *WEBHOOKS] if one["name"] not in OLDER | PARTIAL and one.get("status", 200) < 400],
    ids=lambda example: example["name"],
)
def test_an_example_passes_its_own_test(example: dict[str, Any]) -> None:
    assert [*faults_of(example["of"], example["body"])] == []


EVALUATION = "interview.evaluation"
SPOILED: list[tuple[str, Callable[[Any], object], str]] = [
    ("interviews.get_recording", lambda body: body["recording"].update(size=1), "recording.size is the"),
    ("interviews.get_recording", lambda body: body["recording"].pop("format"), "recording has no format"),
    ("interviews.get_recording", lambda body: body["recording"].update(createdAt="2031-04-01"), "createdAt is text"),
    ("interviews.get_recording", lambda body: body["recording"].update(duration=12.5), "recording.duration is 12.5"),
    (EVALUATION, lambda body: body["data"]["ratingsForRecruiters"].update(overall=101), "overall is 101, not a whole"),
    (EVALUATION, lambda body: body["data"].update(overallRating=72), "data.overallRating is 72"),
    (EVALUATION, lambda body: body["data"]["recruiterSummary"].update(quickDecision="GO"), "is GO, not one of"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "spoil", "fault"), SPOILED, ids=[row[2] for row in SPOILED])
def test_a_body_that_differs_fails(of: str, spoil: Callable[[Any], object], fault: str) -> None:
    full = next(one for one in [*RESPONSES, *WEBHOOKS] if one["of"] == of and one["name"] not in OLDER)
    body = json.loads(json.dumps(full["body"]))
    spoil(body)
    assert any(fault in found for found in faults_of(of, body)), [*faults_of(of, body)]


# ---- what the sandbox sends


@pytest.mark.parametrize("of", sorted(KNOWN))
def test_every_body_has_the_vendors_keys_types_and_scales(sent: Sent, of: str) -> None:
    bodies = [*sent.bodies(of)]
    assert bodies, "nothing was sent"
    assert Counter(fault for body in bodies for fault in faults_of(of, body)) == Counter()


def test_every_kind_of_interview_was_seen(sent: Sent) -> None:
    assert len(sent.interviews) >= 200
    assert {one.kind for one in sent.interviews} == set(KINDS)
    seen = {one.steps for one in sent.interviews}
    assert seen == {*ENDS, *RESUMABLE_ENDS, *EVALUATED_ENDS}


def test_codes_name_the_kind(sent: Sent) -> None:
    prefixes = {"AI": "Boooply-AI", "profile": "Boooply-AI", "human": "Boooply-H", "panel": "Boooply-H"}
    for one in sent.interviews:
        assert re.fullmatch(rf"{prefixes.get(one.kind, 'Team')}-\d{{10}}", one.code)
        meeting = one.last("interviews.get")["meeting"]
        assert meeting["code"] == meeting["meetingCode"] == one.code
        assert one.code in meeting["url"]


def test_the_source_is_the_platforms_customer(sent: Sent) -> None:
    tenants = [(None, None), ("Nordwind Logistik", "org_5550001234"), ("Nordwind Logistik", "org_5550001234")]
    for number, one in enumerate(sent.interviews):
        for body in (
            one.last("interviews.get")["meeting"],
            *(data for of in KNOWN if of in WEBHOOK_NAMES for data in one.events(of)),
        ):
            assert (body["source"], body["sourceId"]) == tenants[number % 3]
            assert (body["sourcePlatform"] is None) is (body["sourceId"] is None)


WEBHOOK_NAMES = {example["of"] for example in WEBHOOKS}


def test_the_default_title_names_candidate_role_and_company(sent: Sent) -> None:
    untitled = [one for one in sent.interviews if one.kind in {"AI", "profile"} and "title" not in one.given]
    titles = {one.last("interviews.get")["meeting"]["title"] for one in untitled}
    assert titles == {
        f"AI Interview with Kim Sato for Data Engineer at {company}"
        for company in ("Sandbox Company", "Nordwind Logistik", "Fjord")
    }


def test_webhooks_have_the_vendors_headers(sent: Sent) -> None:
    assert {headers["X-Boooply-Platform"] for headers in sent.headers} == {"custom"}


# ---- which interview has which results


def test_an_interview_that_ended_has_its_events_and_no_other_has_any(sent: Sent) -> None:
    usual = {"interview.transcript", "interview.evaluation", "interview.scores", "interview.recording"}
    of_kind = {
        "AI": usual,
        "profile": usual,
        "human": usual | {"interview.interviewer_evaluation"},
        "panel": usual | {"interview.interviewer_evaluation"},
        "team": set(),
        "transcribed": {"interview.transcript", "interview.recording"},
    }
    for one in sent.interviews:
        assert {of for of in WEBHOOK_NAMES if one.bodies[of]} == (of_kind[one.kind] if one.has_ended else set())


def test_only_a_transcribed_team_meeting_has_a_recording_and_a_transcript(sent: Sent) -> None:
    for one in sent.interviews:
        took_place = one.kind != "team" and one.took_place
        assert bool(one.last("interviews.get_transcript")["transcript"]) is took_place
        recording = one.last("interviews.get_recording")
        assert (recording["recording"] is not None) is took_place
        assert recording.get("message") == (None if took_place else "No recording available")


@pytest.mark.parametrize(
    ("kind", "recipients"), [("team", []), ("transcribed", ["mia@nordwind.example", "olga@nordwind.example"])]
)
async def test_the_recap_of_a_transcribed_team_meeting_goes_to_everybody(
    call: Any, kind: str, recipients: list[str]
) -> None:
    code = (await call("POST /interviews", KINDS[kind])).meeting["code"]
    call.sandbox.play(code, "COMPLETED")
    assert {email.kind for email in call.sandbox.sent_emails} == {"invitation"}
    call.sandbox.play(code, "END")
    assert [email.to for email in call.sandbox.sent_emails if email.kind == "recap"] == recipients
    assert (await call(f"POST /interviews/{code}/analyze")).status == 400


def test_a_team_meeting_is_never_evaluated(sent: Sent) -> None:
    for one in sent.interviews:
        is_evaluated = one.has_ended and one.kind not in {"team", "transcribed"}
        evaluation = one.last("interviews.get_evaluation")
        assert (evaluation["evaluation"] is not None) is is_evaluated
        assert (one.last("interviews.get")["meeting"]["overallScore"] is not None) is is_evaluated
        if not is_evaluated:
            assert {value for name, value in evaluation.items() if name != "success"} == {None}


def test_only_a_one_to_one_interview_evaluates_its_interviewers(sent: Sent) -> None:
    for one in sent.interviews:
        is_assessed = one.has_ended and one.kind in {"human", "panel"}
        assert (one.last("interviews.get_evaluation")["interviewerEvaluation"] is not None) is is_assessed


def test_an_ai_transcript_has_timestamps_and_others_milliseconds(sent: Sent) -> None:
    for one in sent.interviews:
        is_ai = one.kind in {"AI", "profile"}
        times = {"timestamp"} if is_ai else {"id", "startMs", "endMs", "confidence"}
        for entry in one.last("interviews.get_transcript")["transcript"]:
            assert set(entry) - {"id"} == {"speaker", "role", "content", *times} - {"id"}
        for data in one.events("interview.transcript"):
            ends = [("endMs" in line, line["speaker"]) for line in data["transcript"]]
            assert all(has_end is (not is_ai or speaker == "Kim Sato") for has_end, speaker in ends)
            assert data["transcriptCount"] == len(data["transcript"])
            assert ("candidateName" in data, "jobRole" in data) == (
                (False,) * 2 if one.kind == "transcribed" else (True,) * 2
            )


def test_the_recording_endpoint_is_its_own_stable_address(sent: Sent) -> None:
    for one in sent.interviews:
        for recording in (one.last("interviews.get_recording")["recording"], *one.events("interview.recording")):
            if recording is not None:
                api, _, path = recording["videoApiUrl"].partition("/api/")
                assert path == f"integration/interviews/{one.code}/recording"
                assert not recording["videoUrl"].startswith(api)
                assert "X-Amz-Expires=604800" in recording["videoUrl"]


# ---- what the figures mean


def test_ratings_for_recruiters_are_the_scores(sent: Sent) -> None:
    for one in sent.evaluated():
        for data in [*one.events("interview.evaluation"), *one.events("interview.scores")]:
            scores = data["scores"]
            names = ("technicalSkills", "communication", "cultureFit", "overall")
            assert data["ratingsForRecruiters"] == {name: scores[name] for name in names if name in scores}


def test_the_evaluation_and_its_event_agree(sent: Sent) -> None:
    decisions = {"ADVANCE": "PASS", "HOLD": "REVIEW", "REJECT": "FAIL"}
    for one in sent.evaluated():
        body, data = one.last("interviews.get_evaluation"), one.events("interview.evaluation")[-1]
        evaluation, raw = body["evaluation"], body["rawAnalysis"]
        assert one.last("interviews.get")["meeting"]["overallScore"] == evaluation["overallScore"]
        assert raw["scores"] == data["scores"]
        assert raw["recruiterSummary"] == data["recruiterSummary"]
        assert (raw["overallRating"], raw["scores"]["overall"]) == (data["overallRating"], evaluation["overallScore"])
        assert evaluation["recommendation"] == decisions[raw["recruiterSummary"]["quickDecision"]]
        assert body["meetingStatistics"] == data["meetingStatistics"]
        scores = one.events("interview.scores")[-1]
        assert {name: value for name, value in scores.items() if name != "timestamp"}.items() <= data.items()


def test_a_category_that_was_not_scored_falls_back_to_the_overall_score(sent: Sent) -> None:
    unscored = 0
    for one in sent.evaluated():
        body = one.last("interviews.get_evaluation")
        evaluation, scores = body["evaluation"], body["rawAnalysis"]["scores"]
        for category in CATEGORIES:
            shown = evaluation["technical" if category == "technicalSkills" else category]
            assert shown == scores.get(category, evaluation["overallScore"])
            unscored += category not in scores
    assert unscored


def test_without_a_rubric_there_is_no_field_of_one(sent: Sent) -> None:
    rubric = {"byCriterion", "mustHavesMet", "overallConfidence", "aiRecommendation", "rubricSnapshot"}
    for body in sent.bodies("interviews.get_evaluation"):
        assert not rubric & set(body["evaluation"] or {})


RUBRIC = {"criteria": [{"name": "SQL depth", "mustHave": True, "anchors": {"1": "none"}}, {"name": "On-call"}]}
CRITERION = {
    "score": "number null",
    "evidenceCount": "number",
    "evidenceQuotes": "list",
    "confidence": "text",
    "assessmentState": "text",
    "ratingLabel": "text null",
    "rationale": "text",
}


async def test_with_a_rubric_the_categories_are_the_overall_score(call: Any) -> None:
    seen = set()
    for _ in range(30):
        code = (await call("POST /interviews", KINDS["AI"])).meeting["code"]
        call.sandbox.play(code, rubric=RUBRIC)
        body = (await call(f"GET /interviews/{code}/evaluation")).body
        assert [*faults_of("interviews.get_evaluation", body)] == []
        evaluation = body["evaluation"]
        shown = [evaluation[name] for name in (*CATEGORIES, "technical") if name in evaluation]
        assert shown == [evaluation["overallScore"]] * 5
        assert (evaluation["rubricSnapshot"], list(evaluation["byCriterion"])) == (RUBRIC, ["SQL depth", "On-call"])
        for criterion in evaluation["byCriterion"].values():
            assert {name: kind_of(value) in CRITERION[name].split() for name, value in criterion.items()} == (
                dict.fromkeys(CRITERION, True)
            )
            assert criterion["score"] in {None, 1, 2, 3, 4, 5}
            assert (criterion["score"] is None) is (criterion["evidenceCount"] == 0)
        assert evaluation["mustHavesMet"] is ((evaluation["byCriterion"]["SQL depth"]["score"] or 0) >= 3)
        seen.add(evaluation["aiRecommendation"])
    assert seen == {"STRONG_HIRE", "HIRE", "NO_HIRE", "STRONG_NO_HIRE"}


def test_low_confidence_leaves_the_interviewer_without_a_rating(sent: Sent) -> None:
    seen = set()
    for one in sent.interviews:
        for data in one.events("interview.interviewer_evaluation"):
            assessed = data["interviewerEvaluation"]
            assert (assessed["overallRating"] is None) is (assessed["confidenceLevel"] == "LOW")
            seen.add(assessed["confidenceLevel"])
            conduct = assessed["professionalConduct"]
            assert not conduct["legalRiskQuestions"] or conduct["rating"] <= 2
            seen.add(bool(conduct["legalRiskQuestions"]))
        if one.events("interview.interviewer_evaluation"):
            assert (
                one.last("interviews.get_evaluation")["interviewerEvaluation"]
                == (one.events("interview.interviewer_evaluation")[-1]["interviewerEvaluation"])
            )
    assert seen == {"HIGH", "MEDIUM", "LOW", True, False}


def test_scores_spread_and_every_recommendation_occurs(sent: Sent) -> None:
    data = [one.events("interview.evaluation")[0] for one in sent.evaluated()]
    overall = [one["scores"]["overall"] for one in data]
    assert min(overall) < 10
    assert max(overall) > 90
    tenths = Counter(min(score // 10, 9) for score in overall)
    assert len(tenths) == 10
    assert {one["recommendation"] for one in data} == {"STRONG_PASS", "PASS", "REVIEW", "FAIL", "STRONG_FAIL"}
    assert {one["recruiterSummary"]["quickDecision"] for one in data} == {"ADVANCE", "HOLD", "REJECT"}
    assert {one["overallRating"] for one in data} == {1, 2, 3, 4, 5}
    assert {one["confidenceLevel"] for one in data} == {"HIGH", "MEDIUM", "LOW"}
    evaluations = [one.last("interviews.get_evaluation")["evaluation"] for one in sent.evaluated()]
    assert {one["recommendation"] for one in evaluations} == {"PASS", "REVIEW", "FAIL"}


def test_a_removed_participant_is_named(sent: Sent) -> None:
    messages = {body["message"] for body in sent.bodies("interviews.remove_participant")}
    assert messages == {"Participant Dan Out removed"}


# ---- what the sandbox accepts

KIND_OF_TYPE: dict[str, dict[str, Any]] = {
    "ai": {"meetingType": "AI_ONLY", "isTeamMeeting": False},
    "human": {"meetingType": "HUMAN", "isTeamMeeting": False},
    "team": {"meetingType": "HUMAN", "isTeamMeeting": True},
}


def wire_body(request: dict[str, Any]) -> Any:
    """Return what goes over the wire: `body`, or else `sdk` converted by the contract's rules."""
    if "body" in request or "sdk" not in request:
        return request.get("body")
    given = {"durationMinutes": 30, **request["sdk"]}
    if "candidate" in given:
        given["participants"] = [{**given.pop("candidate"), "role": "CANDIDATE"}]
    return {**(KIND_OF_TYPE[given.pop("type")] if "type" in given else {}), **given}


@pytest.mark.parametrize("request_", REQUESTS, ids=[request["name"] for request in REQUESTS])
async def test_the_sandbox_accepts_every_request_of_the_vendor(call: Any, request_: dict[str, Any]) -> None:
    path = request_["path"]
    if "CODE" in path or re.search(r"interviews/[^/]", path):
        body = KINDS["human" if path.endswith("participants") else "AI"]
        interview = (await call("POST /interviews", body)).meeting
        code = interview["meetingCode"]
        if path.endswith("analyze"):
            call.sandbox.play(code)
        path = re.sub(r"interviews/[^/]+", f"interviews/{code}", path)
        path = path.replace("/p-1", f"/{interview['participants'][0]['id']}")
    key = call.sandbox.platform_key if "server-auth" in path else call.sandbox.api_key
    headers = {"Content-Type": "application/json"}
    response = await call(
        f"{request_['method']} {path}", wire_body(request_), key=key, params=request_.get("query"), headers=headers
    )
    assert response.status in {200, 201}, response.body
