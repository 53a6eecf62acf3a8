"""Playing interviews, and their results."""

from datetime import timedelta
from typing import Any

import pytest

from boooply.sandbox import SandboxError

JANE = {"name": "Jane", "email": "jane@example.com"}
HOST = {"name": "Zoë", "email": "zoe@example.com", "role": "HOST"}
AI: dict[str, Any] = {}
HUMAN: dict[str, Any] = {"meetingType": "HUMAN", "participants": [HOST]}
TEAM: dict[str, Any] = {"meetingType": "HUMAN", "isTeamMeeting": True, "participants": [HOST], "candidate": ...}
TRANSCRIBED: dict[str, Any] = {**TEAM, "transcriptionEnabled": True}
KINDS = {"AI": AI, "HUMAN": HUMAN, "TEAM": TEAM, "TRANSCRIBED": TRANSCRIBED}
ALL_STEPS = ("ACTIVE", "COMPLETED", "SCHEDULED", "END", "HOST_ENDED", "NO_SHOW", "EXPIRED", "FAILED")

# kind, steps that lead there, steps that are possible then
POSSIBLE = [
    ("AI", (), "ACTIVE COMPLETED END NO_SHOW EXPIRED FAILED"),
    ("HUMAN", (), "ACTIVE COMPLETED END HOST_ENDED NO_SHOW EXPIRED FAILED"),
    ("TEAM", (), "ACTIVE COMPLETED END HOST_ENDED NO_SHOW EXPIRED FAILED"),
    ("AI", ("ACTIVE",), "COMPLETED END NO_SHOW FAILED"),
    ("HUMAN", ("ACTIVE",), "COMPLETED SCHEDULED END HOST_ENDED NO_SHOW FAILED"),
    ("AI", ("COMPLETED",), ""),
    ("TEAM", ("COMPLETED",), "ACTIVE SCHEDULED END HOST_ENDED"),
    ("HUMAN", ("HOST_ENDED",), "ACTIVE SCHEDULED"),
    ("TEAM", ("ACTIVE", "SCHEDULED"), "ACTIVE COMPLETED END HOST_ENDED NO_SHOW EXPIRED FAILED"),
    *[(kind, (last,), "") for kind in ("AI", "HUMAN") for last in ("END", "NO_SHOW", "EXPIRED", "FAILED")],
]


@pytest.mark.parametrize(
    ("kind", "steps", "possible"), POSSIBLE, ids=[f"{kind} {' '.join(steps)}" for kind, steps, _ in POSSIBLE]
)
@pytest.mark.parametrize("step", ALL_STEPS)
async def test_the_status_decides_which_steps_are_possible(
    call, kind: str, steps: tuple[Any, ...], possible: str, step: str
) -> None:
    code = (await call.create(**KINDS[kind])).code
    for earlier in steps:
        call.sandbox.play(code, earlier)
    before = (await call(f"GET /interviews/{code}")).meeting
    response = await call(f"POST /_sandbox/interviews/{code}/play", {"to": step}, key=None)
    assert response.status == (200 if step in possible.split() else 409)
    after = (await call(f"GET /interviews/{code}")).meeting
    assert after == (response.meeting if response.status == 200 else before)


async def test_a_cancelled_interview_cannot_be_played(call) -> None:
    code = (await call.create()).code
    await call(f"PATCH /interviews/{code}/cancel")
    with pytest.raises(
        SandboxError, match="409 ILLEGAL_TRANSITION: the interview is CANCELLED and cannot be played to END"
    ):
        call.sandbox.play(code)


OUTCOMES = [
    # kind, step, status, end reason, played, evaluated
    ("AI", "END", "COMPLETED", "AUTO_COMPLETED", True, True),
    ("AI", "COMPLETED", "COMPLETED", "AUTO_COMPLETED", True, True),
    ("HUMAN", "END", "COMPLETED", "HOST_COMPLETED", True, True),
    ("TEAM", "END", "COMPLETED", "HOST_COMPLETED", False, False),
    ("TRANSCRIBED", "END", "COMPLETED", "HOST_COMPLETED", True, False),
    ("TEAM", "COMPLETED", "COMPLETED", None, False, False),
    ("TRANSCRIBED", "COMPLETED", "COMPLETED", None, True, False),
    ("HUMAN", "COMPLETED", "COMPLETED", None, True, False),
    ("AI", "ACTIVE", "ACTIVE", None, False, False),
    ("AI", "NO_SHOW", "COMPLETED", "NO_SHOW", False, False),
    ("HUMAN", "EXPIRED", "COMPLETED", "EXPIRED", False, False),
    ("AI", "FAILED", "FAILED", None, False, False),
    ("AI", None, "SCHEDULED", None, False, False),
]


@pytest.mark.parametrize(
    ("kind", "step", "status", "reason", "played", "evaluated"),
    OUTCOMES,
    ids=[f"{row[0]} {row[1]}" for row in OUTCOMES],
)
async def test_a_step_sets_status_end_reason_and_results(
    call, kind: str, step: Any, status: str, reason: str | None, played: bool, evaluated: bool
) -> None:
    code = (await call.create(**KINDS[kind])).code
    if step:
        call.sandbox.play(code, step)
    meeting = (await call(f"GET /interviews/{code}")).meeting
    assert (meeting["sessionStatus"], meeting.get("endReason"), "endReason" in meeting) == (
        status,
        reason,
        bool(reason),
    )
    assert (meeting["overallScore"] is not None) is evaluated
    recording = (await call(f"GET /interviews/{code}/recording")).body
    assert (recording["recording"] is not None, "message" in recording) == (played, not played)
    assert bool((await call(f"GET /interviews/{code}/transcript")).body["transcript"]) is played
    evaluation = (await call(f"GET /interviews/{code}/evaluation")).body
    assert (evaluation["evaluation"] is not None) is evaluated
    if not evaluated:
        assert evaluation == {
            "success": True,
            "evaluation": None,
            "aiSummary": None,
            "recommendations": None,
            "meetingStatistics": None,
            "rawAnalysis": None,
            "interviewerEvaluation": None,
        }
    analyzed = await call(f"POST /interviews/{code}/analyze")
    can_analyze = played and kind in {"AI", "HUMAN"}
    assert (analyzed.status, analyzed.body.get("code")) == ((200, None) if can_analyze else (400, "NOTHING_TO_ANALYZE"))


async def test_participants_are_active_while_the_interview_is(call) -> None:
    code = (await call.create(**HUMAN)).code

    async def presence(step: Any) -> list[tuple[bool, bool, bool]]:
        call.sandbox.play(code, step)
        people = (await call(f"GET /interviews/{code}/participants")).body["participants"]
        return [(bool(one["joinedAt"]), bool(one["leftAt"]), one["isActive"]) for one in people]

    assert await presence("ACTIVE") == [(True, False, True)] * 2
    assert await presence("SCHEDULED") == [(True, True, False)] * 2
    assert await presence("ACTIVE") == [(True, False, True)] * 2
    assert await presence("END") == [(True, True, False)] * 2


async def test_the_play_control_is_strict_and_leaves_no_record(call) -> None:
    code = (await call.create()).code
    for body, status in (({"to": "DONE"}, 422), ({"to": 1}, 400), ({"to": None}, 422)):
        assert (await call(f"POST /_sandbox/interviews/{code}/play", body)).status == status
    assert (await call("POST /_sandbox/interviews/nothing/play")).status == 404
    played = await call(f"POST /_sandbox/interviews/{code}/play", key=None)
    assert (played.status, played.meeting["sessionStatus"]) == (200, "COMPLETED")
    assert "X-RateLimit-Limit" not in played.headers
    assert [one.operation for one in call.sandbox.calls] == ["interviews.create"]
    with pytest.raises(SandboxError, match="404 INTERVIEW_NOT_FOUND"):
        call.sandbox.play("nothing")


# ---- transcript and evaluation


async def test_the_transcript_of_an_ai_interview(call) -> None:
    code = (await call.create(questions=["Why?", "How?"])).code
    call.sandbox.play(code)
    entries = (await call(f"GET /interviews/{code}/transcript")).body["transcript"]
    assert [(one["role"], one["speaker"]) for one in entries] == [("AI", "AI Interviewer"), ("CANDIDATE", "Jane")] * 2
    assert [one["content"] for one in entries[::2]] == ["Why?", "How?"]
    assert {frozenset(one) for one in entries} == {frozenset({"id", "speaker", "role", "content", "timestamp"})}
    assert len({one["id"] for one in entries}) == 4


@pytest.mark.parametrize(
    ("kind", "speakers"), [("HUMAN", ["Zoë", "Jane"]), ("TRANSCRIBED", ["Zoë", "Zoë"])], ids=["human", "team of one"]
)
async def test_the_transcript_of_people(call, kind: str, speakers: list[str]) -> None:
    code = (await call.create(**KINDS[kind])).code
    call.sandbox.play(code)
    entries = (await call(f"GET /interviews/{code}/transcript")).body["transcript"]
    assert [one["speaker"] for one in entries[:2]] == speakers
    assert all(set(one) == {"id", "speaker", "role", "content", "startMs", "endMs", "confidence"} for one in entries)
    assert [one["startMs"] for one in entries[1:]] == [one["endMs"] for one in entries[:-1]]
    assert all(0 < one["confidence"] <= 1 for one in entries)


async def test_an_interview_without_participants_has_a_transcript(call) -> None:
    meeting = (await call.create(**TRANSCRIBED, agenda=["Budget"])).meeting
    await call(f"DELETE /interviews/{meeting['code']}/participants/{meeting['participants'][0]['id']}")
    call.sandbox.play(meeting["code"])
    entries = (await call(f"GET /interviews/{meeting['code']}/transcript")).body["transcript"]
    assert (entries[0]["content"], entries[0]["speaker"]) == ("Budget", "")


async def test_the_evaluation_is_complete_and_plausible(call) -> None:
    code = (await call.create(skills=["Go"])).code
    call.sandbox.play(code)
    body = (await call(f"GET /interviews/{code}/evaluation")).body
    assert body == (await call(f"GET /interviews/{code}/evaluation")).body
    evaluation = body["evaluation"]
    figures = ("overallScore", "communication", "technical", "cultureFit", "problemSolving", "experienceMatch")
    assert all(0 <= evaluation[figure] <= 100 for figure in figures)
    assert evaluation["overallScore"] == (await call(f"GET /interviews/{code}")).meeting["overallScore"]
    assert evaluation["recommendation"] in {"PASS", "FAIL", "REVIEW"}
    assert all(set(one) == {"question", "score", "notes"} for one in evaluation["questionEvaluations"])
    assert set(body["recommendations"]) == {"strengths", "improvements", "nextSteps"}
    assert (body["meetingStatistics"]["duration"], body["meetingStatistics"]["turnCount"]) == (120, 6)
    assert isinstance(body["aiSummary"], str)
    assert [one["skill"] for one in body["rawAnalysis"]["skillEvaluations"]] == ["Go"]


async def test_a_recommendation_follows_from_the_score(call) -> None:
    seen = set()
    for _ in range(40):
        code = (await call.create()).code
        call.sandbox.play(code)
        evaluation = (await call(f"GET /interviews/{code}/evaluation")).body["evaluation"]
        score = evaluation["overallScore"]
        assert evaluation["recommendation"] == ("PASS" if score >= 70 else "REVIEW" if score >= 50 else "FAIL")
        seen.add(evaluation["recommendation"])
    assert len(seen) == 3


SAM = {"name": "Sam", "email": "sam@example.com", "role": "INTERVIEWER"}


@pytest.mark.parametrize(
    ("body", "given"),
    [(HUMAN, True), (AI, False), (TEAM, False), ({**HUMAN, "participants": [HOST, SAM]}, True),
     ({**HUMAN, "candidate": ..., "participants": [HOST, SAM]}, False),
     ({**HUMAN, "participants": [{**SAM, "role": "PARTICIPANT"}]}, False)],
    ids=["one to one", "AI", "team", "two interviewers", "nobody is the candidate", "nobody is the interviewer"],
)  # fmt: skip
async def test_only_a_one_to_one_interview_evaluates_the_interviewer(call, body: dict[str, Any], given: bool) -> None:
    code = (await call.create(**body)).code
    call.sandbox.play(code)
    evaluation = (await call(f"GET /interviews/{code}/evaluation")).body["interviewerEvaluation"]
    assert (evaluation is not None) is given
    if given:
        assert evaluation["overallRating"] in {None, 1, 2, 3, 4, 5}
        assert {"questionQuality", "biasAssessment", "timeManagement", "candidateExperience"} <= set(evaluation)


@pytest.mark.parametrize("step", ["END", "COMPLETED"])
async def test_analysis_runs_again(call, step: Any) -> None:
    code = (await call.create(**HUMAN)).code
    call.sandbox.play(code, step)
    before = (await call(f"GET /interviews/{code}/evaluation")).body
    response = await call(f"POST /interviews/{code}/analyze")
    assert (response.status, set(response.body), response.body["queued"]) == (200, {"success", "queued", "jobId"}, True)
    after = (await call(f"GET /interviews/{code}/evaluation")).body
    assert after["evaluation"] is not None
    assert after["evaluation"] != before["evaluation"]


# ---- recordings


@pytest.fixture
async def recorded(call) -> dict[str, Any]:
    code = (await call.create()).code
    call.sandbox.play(code)
    found: dict[str, Any] = (await call(f"GET /interviews/{code}/recording")).body["recording"]
    return {**found, "code": code}


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


async def test_the_recording_names_both_links(call, recorded: dict[str, Any]) -> None:
    assert set(recorded) - {"code"} == {"duration", "format", "createdAt", "videoUrl", "videoApiUrl"}
    assert (recorded["duration"], recorded["format"]) == (120, "mp4")
    assert recorded["videoApiUrl"] == f"{call.sandbox.base_url}/api/integration/interviews/{recorded['code']}/recording"
    assert recorded["videoUrl"].startswith("http://localhost:")
    assert "X-Amz-Signature=" in recorded["videoUrl"]


async def test_the_stable_link_requires_the_key_and_brings_a_fresh_signed_one(call, recorded: dict[str, Any]) -> None:
    route = f"GET {path_of(recorded['videoApiUrl'])}"
    assert (await call(route, key=None)).status == 401
    call.sandbox.clock.advance(timedelta(days=8).total_seconds())
    assert (await call(f"GET {path_of(recorded['videoUrl'])}", key=None)).body["code"] == "LINK_EXPIRED"
    again = (await call(route)).body["recording"]
    assert again["videoApiUrl"] == recorded["videoApiUrl"]
    video = await call(f"GET {path_of(again['videoUrl'])}", key=None)
    assert (video.status, video.headers["Content-Type"], video.body[4:8]) == (200, "video/mp4", b"ftyp")
    assert call.sandbox.calls[-1].operation == "interviews.get_recording"


async def test_the_signed_link_requires_its_signature_and_no_key(call, recorded: dict[str, Any], session) -> None:
    route = f"GET {path_of(recorded['videoUrl'])}"
    calls = len(call.sandbox.calls)
    async with session.get(recorded["videoUrl"]) as response:
        assert (response.status, "X-RateLimit-Limit" in response.headers) == (200, False)
        assert len(await response.read()) == SIZE
    with_key = await call(route)
    assert (with_key.status, with_key.body["code"]) == (400, "INVALID_ARGUMENT")
    for wrong in (
        route[:-1] + "é",
        route.partition("?")[0],
        route.replace("Expires=", "Expires=9"),
        route.replace("Date=", "Date=9"),
    ):
        response = await call(wrong, key=None)
        assert (response.status, response.body["code"]) == (403, "SIGNATURE_DOES_NOT_MATCH")
    assert len(call.sandbox.calls) == calls


async def test_the_signed_link_expires_after_seven_days(call, recorded: dict[str, Any]) -> None:
    route = f"GET {path_of(recorded['videoUrl'])}"
    call.sandbox.clock.advance(timedelta(days=7).total_seconds() - 10)
    assert (await call(route, key=None)).status == 200
    call.sandbox.clock.advance(20)
    assert (await call(route, key=None)).body["code"] == "LINK_EXPIRED"
    await call(f"DELETE /interviews/{recorded['code']}")


async def test_the_signed_link_of_a_deleted_interview_is_not_found(call, recorded: dict[str, Any]) -> None:
    await call(f"DELETE /interviews/{recorded['code']}")
    assert (await call(f"GET {path_of(recorded['videoUrl'])}", key=None)).status == 404


SIZE = 28 + 4096
RANGES = [
    ("bytes=0-3", 206, slice(0, 4), f"bytes 0-3/{SIZE}"),
    ("bytes=100-", 206, slice(100, None), f"bytes 100-{SIZE - 1}/{SIZE}"),
    ("bytes=-10", 206, slice(SIZE - 10, None), f"bytes {SIZE - 10}-{SIZE - 1}/{SIZE}"),
    ("bytes=-99999", 206, slice(0, None), f"bytes 0-{SIZE - 1}/{SIZE}"),
    ("bytes=4000-99999", 206, slice(4000, None), f"bytes 4000-{SIZE - 1}/{SIZE}"),
    (f"bytes={SIZE}-", 416, slice(0, 0), f"bytes */{SIZE}"),
    ("bytes=-0", 416, slice(0, 0), f"bytes */{SIZE}"),
    ("bytes=5-4", 416, slice(0, 0), f"bytes */{SIZE}"),
    ("bytes=-", 200, slice(0, None), None),
    ("bytes=0-1,3-4", 200, slice(0, None), None),
    ("lines=0-1", 200, slice(0, None), None),
    (f"bytes={'9' * 5000}-", 200, slice(0, None), None),
]


@pytest.mark.parametrize(("wanted", "status", "part", "says"), RANGES, ids=[row[0][:30] for row in RANGES])
async def test_a_download_can_be_resumed(
    call, recorded: dict[str, Any], wanted: str, status: int, part: slice, says: str | None
) -> None:
    route = f"GET {path_of(recorded['videoUrl'])}"
    whole = await call(route, key=None)
    assert (len(whole.body), whole.headers["Accept-Ranges"]) == (SIZE, "bytes")
    response = await call(route, key=None, headers={"Range": wanted})
    assert (response.status, response.headers.get("Content-Range")) == (status, says)
    assert response.body == whole.body[part]


async def test_if_range_decides_between_a_part_and_the_whole(call, recorded: dict[str, Any]) -> None:
    route = f"GET {path_of(recorded['videoUrl'])}"
    etag = (await call(route, key=None)).headers["ETag"]
    for if_range, status in ((etag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=5-", "If-Range": if_range}
        assert (await call(route, key=None, headers=headers)).status == status
