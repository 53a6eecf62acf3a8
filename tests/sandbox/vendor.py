"""The vendor's published examples as the referee of what the sandbox sends: its keys, value types and scales.

A path names a key of a body: `meeting.participants[].role`. Each key of an example is known; the contract's further
keys are in `CONTRACT`. Where the vendor publishes only a part of a body, or an older form of it, `PARTIAL` and `OLDER`
say so. What an example lists under `assumed` has no authority: there, any key and value passes.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data" / "vendor"


def examples_of(name: str) -> list[dict[str, Any]]:
    examples: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text("utf-8"))
    return examples


REQUESTS = examples_of("requests")
RESPONSES = [
    {"operation": example["operation"], "of": example["operation"], **example} for example in examples_of("responses")
]
WEBHOOKS = [{"of": example["body"]["event"], **example} for example in examples_of("webhooks")]
OLDER = frozenset({
    "created, fields at the top level (JS README)",
    "list, older form",
    "job description, older field name",
    "key minted, with an older prefix",
    "get, code and status under their alternative names",
    "get, fields at the top level",
    "evaluation, fields at the top level",
    "organization, fields at the top level",
    "evaluation, with overallRecommendation instead of recommendation",
    "First form (March 2026): no data wrapper, overallRating 0-100",
    "First form of scores: flat, all values 0-100",
})  # fmt: skip
SPARSE = (
    "interviewer evaluation of a sparse transcript: LOW confidence, no rating; a legal risk caps the "
    "professionalConduct rating at 2"
)
PARTIAL = frozenset({
    "evaluation with a rubric: the five categories fall back to overallScore",
    SPARSE,
    "scores of an interview created in the dashboard: no source",
})  # fmt: skip
INTERVIEWER = "data.interviewerEvaluation"
ASSUMED: dict[str, tuple[str, ...]] = {
    "get, finalized by a recruiter": ("meeting.evaluationFinalizedBy",),
    "evaluation": ("rawAnalysis.skillEvaluations[]",),
    "evaluation with a rubric: the five categories fall back to overallScore": (
        "evaluation.byCriterion",
        "evaluation.mustHavesMet",
        "evaluation.overallConfidence",
        "evaluation.rubricSnapshot",
    ),
    "participant added": (),  # only the envelope, and something must be sent
    "get, with the evaluation (null until the analysis has run)": ("meeting.evaluation",),
    "interviewer evaluation: every part of candidateExperience is a whole number 1-5, evidence is text": (
        "data.participants[]",
        f"{INTERVIEWER}.strengths[]",
        f"{INTERVIEWER}.improvements[]",
        f"{INTERVIEWER}.coachingRecommendations[]",
        f"{INTERVIEWER}.biasAssessment.identifiedBiases[]",
        f"{INTERVIEWER}.timeManagement.rushedTopics[]",
        f"{INTERVIEWER}.timeManagement.missedTopics[]",
        f"{INTERVIEWER}.professionalConduct.inappropriateQuestions[]",
    ),
    SPARSE: (f"{INTERVIEWER}.professionalConduct.legalRiskQuestions[]",),
}
"""The paths that each example's own `assumed` means."""

# ---- the contract's keys that no example of the operation has

PERSON = {"id": "text", "name": "text", "email": "text", "role": "text", "joinToken": "text"}
MEETING = {
    "id": "text",
    "meetingCode": "code",
    "code": "code",
    "url": "url",
    "title": "text",
    "meetingType": "text",
    "isTeamMeeting": "boolean",
    "sessionStatus": "text",
    "scheduledAt": "time null",
    "durationMinutes": "number",
    "participants": "list",
    "participants[]": "object",
    **{f"participants[].{name}": kind for name, kind in PERSON.items()},
    "source": "text null",
    "sourceId": "text null",
    "sourcePlatform": "text null",
    "overallScore": "number null",
    "endReason": "text",
    "description": "text",
    "evaluationRecommendation": "text",
    "evaluationRecommendationRationale": "text",
    "evaluationFinalizedBy": "text",
    "evaluationFinalizedAt": "time",
}
INTERVIEWER_EVALUATION = {
    f"interviewerEvaluation.{path}": kind
    for path, kind in {
        "overallRating": "number null",
        "overallSummary": "text",
        "confidenceLevel": "text",
        "confidenceReasoning": "text",
        "questionQuality": "object",
        "biasAssessment": "object",
        "timeManagement": "object",
        "candidateExperience": "object",
        "professionalConduct": "object",
        "questionQuality.rating": "number",
        "questionQuality.openEndedCount": "number",
        "questionQuality.closedEndedCount": "number",
        "questionQuality.leadingQuestionsCount": "number",
        "questionQuality.technicalDepth": "text",
        "questionQuality.topicCoverage": "text",
        "questionQuality.bestQuestion": "text",
        "questionQuality.worstQuestion": "text",
        "questionQuality.evidence": "text",
        "biasAssessment.rating": "number",
        "biasAssessment.identifiedBiases": "list",
        "biasAssessment.identifiedBiases[]": "text",
        "biasAssessment.evidence": "text",
        "timeManagement.rating": "number",
        "timeManagement.isInterviewerDominant": "boolean",
        "timeManagement.rushedTopics": "list",
        "timeManagement.rushedTopics[]": "text",
        "timeManagement.missedTopics": "list",
        "timeManagement.missedTopics[]": "text",
        "candidateExperience.rating": "number",
        "candidateExperience.welcomingAndRapport": "number",
        "candidateExperience.clearExpectationSetting": "number",
        "candidateExperience.activeListening": "number",
        "candidateExperience.appropriateFollowUps": "number",
        "candidateExperience.closingAndNextSteps": "number",
        "professionalConduct.rating": "number",
        "professionalConduct.inappropriateQuestions": "list",
        "professionalConduct.inappropriateQuestions[]": "text",
        "professionalConduct.legalRiskQuestions": "list",
        "professionalConduct.legalRiskQuestions[]": "text",
        "strengths": "list",
        "strengths[]": "text",
        "improvements": "list",
        "improvements[]": "text",
        "coachingRecommendations": "list",
        "coachingRecommendations[]": "text",
    }.items()
}


def under(prefix: str, paths: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}.{path}": kind for path, kind in paths.items()}


CONTRACT: dict[str, dict[str, str]] = {
    # section 5.2
    "interviews.create": under("meeting", MEETING),
    "interviews.get": under("meeting", MEETING),
    "interviews.cancel": under("meeting", MEETING),
    "interviews.reschedule": under("meeting", MEETING),
    "interviews.list": {"success": "boolean", **under("meetings[]", MEETING)},
    # section 5
    "interviews.list_participants": {"participants[].joinedAt": "null", "participants[].leftAt": "time"},
    "interviews.get_availability": {"slots[].start": "time", "slots[].end": "time"},
    "interviews.get_transcript": {"success": "boolean"},  # the vendor's end-to-end test requires it
    # section 5.4
    "interviews.get_evaluation": {
        "interviewerEvaluation": "object",
        **INTERVIEWER_EVALUATION,
        "rawAnalysis.skillEvaluations[]": "object",
    },
    # section 4: an id is text, not only digits
    "create_organization_api_key": {"userId": "text", "organizationId": "text"},
    # section 6
    "organization.get": {"organization.externalOrgId": "null"},
    # section 7
    "interview.transcript": {"data.source": "null", "data.sourceId": "null", "data.sourcePlatform": "null"},
    "interview.evaluation": {
        "data.source": "null",
        "data.sourceId": "null",
        "data.sourcePlatform": "null",
        "data.meetingStatistics": "object",
        "data.meetingStatistics.duration": "number",
        "data.meetingStatistics.turnCount": "number",
        "data.customQuestionResponses": "list",
    },
    "interview.scores": {},
    "interview.interviewer_evaluation": {"data.source": "null", "data.sourceId": "null", "data.sourcePlatform": "null"},
    "interview.recording": {"data.source": "null", "data.sourceId": "null", "data.sourcePlatform": "null"},
}
CATEGORIES = ("communication", "technicalSkills", "problemSolving", "cultureFit", "experienceMatch")
ABSENT_IF_UNSCORED = frozenset(
    f"{scores}.{category}"
    for scores in ("rawAnalysis.scores", "data.scores", "data.ratingsForRecruiters")
    for category in CATEGORIES
)
"""A category that the analysis did not score (section 5.4); the example of a dashboard's interview has only overall."""

# ---- scales and values

SCORE, RATING, COUNT = (0, 100), (1, 5), (0, 10**6)
SCALES: tuple[tuple[str, tuple[int, int]], ...] = (
    (r"(meeting|meetings\[\])\.overallScore", SCORE),
    (r"evaluation\.(overallScore|communication|technical|cultureFit|problemSolving|experienceMatch)", SCORE),
    (r"evaluation\.questionEvaluations\[\]\.score", SCORE),
    (r"(rawAnalysis|data)\.scores\.\w+", SCORE),
    (r"data\.ratingsForRecruiters\.\w+", SCORE),
    (r"(rawAnalysis|data)\.overallRating", RATING),
    (r"data\.skillsAssessment\[\]\.rating", RATING),
    (r"data\.questionsAsked\[\]\.answerQuality", RATING),
    (r"(data\.)?interviewerEvaluation\.overallRating", RATING),
    (r"(data\.)?interviewerEvaluation\.\w+\.rating", RATING),
    (r"(data\.)?interviewerEvaluation\.candidateExperience\.\w+", RATING),
    (r"(data\.)?interviewerEvaluation\.questionQuality\.\w+Count", COUNT),
    (r"(recording|data)\.duration", (1, 86_400)),
    (r"(data\.)?meetingStatistics\.duration", (1, 86_400)),
    (r"(data\.)?meetingStatistics\.turnCount", COUNT),
    (r"(data\.)?transcript\[\]\.(startMs|endMs)", (0, 86_400_000)),
    (r"data\.transcriptCount", COUNT),
    (r"data\.analysisMeta\.durationMs", (1, 600_000)),
    (r"(meeting|meetings\[\])\.durationMinutes", (5, 1440)),
    (r"durationMinutes|days|total|pagination\.\w+", COUNT),
)
"""Whole numbers from and to; a confidence is the one fraction."""

LEVELS = "HIGH MEDIUM LOW"
VALUES: tuple[tuple[str, str], ...] = (
    (r".*meetingType", "AI_ONLY HUMAN"),
    (r".*sessionStatus", "SCHEDULED ACTIVE COMPLETED CANCELLED FAILED"),
    (r".*endReason", "HOST_COMPLETED NO_SHOW AUTO_COMPLETED EXPIRED HOST_ENDED"),
    (r"transcript\[\]\.role", "AI CANDIDATE INTERVIEWER HOST PARTICIPANT"),
    (r".*participants\[\]\.role", "CANDIDATE INTERVIEWER HOST CO_HOST PARTICIPANT"),
    (r"evaluation\.recommendation", "PASS FAIL REVIEW"),
    (r"evaluation\.aiRecommendation", "STRONG_HIRE HIRE NO_HIRE STRONG_NO_HIRE"),
    (r".*evaluationRecommendation", "STRONG_HIRE HIRE NO_HIRE STRONG_NO_HIRE"),
    (r"data\.recommendation", "STRONG_PASS PASS REVIEW FAIL STRONG_FAIL"),
    (r".*recruiterSummary\.quickDecision", "ADVANCE HOLD REJECT"),
    (r".*confidenceLevel", LEVELS),
    (r"data\.redFlags\[\]\.severity", "CRITICAL WARNING"),
    (r"data\.sentimentAnalysis\.(enthusiasm|stressLevel)", LEVELS),
    (r"data\.sentimentAnalysis\.authenticity", "GENUINE"),
    (r"rawAnalysis\.perceivedLevel", "JUNIOR MID SENIOR LEAD PRINCIPAL"),
    (r".*technicalDepth", "DEEP"),
    (r".*topicCoverage", "COMPREHENSIVE"),
    (r".*\.format", "mp4"),
)

# ---- comparing

TEXTS = (
    ("time", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")),
    ("code", re.compile(r"(Boooply-AI|Boooply-H|Team)-\d{10}")),
    ("url", re.compile(r"(https?://|\{(api|files)\}/)\S+")),
    ("minutes", re.compile(r"\d\d:\d\d")),
    ("digits", re.compile(r"\d+")),
)


def kind_of(value: Any) -> str:
    if isinstance(value, str):
        return next((kind for kind, form in TEXTS if form.fullmatch(value)), "text")
    kinds = {type(None): "null", bool: "boolean", int: "number", float: "number", list: "list", dict: "object"}
    return kinds[type(value)]


def values_in(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Iterate over everything in a body, with its path."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, part in value.items():
            yield from values_in(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for part in value:
            yield from values_in(part, f"{path}[]")


def _known(examples: Iterable[dict[str, Any]]) -> dict[str, dict[str, set[str]]]:
    known: dict[str, dict[str, set[str]]] = {}
    for example in examples:
        if example["name"] in OLDER or example.get("status", 200) >= 400:
            continue
        kinds = known.setdefault(example["of"], {})
        for path, value in values_in(example["body"]):
            kinds.setdefault(path, set()).add(kind_of(value))
    for of, paths in CONTRACT.items():
        for path, more in paths.items():
            known.setdefault(of, {}).setdefault(path, set()).update(more.split())
    return known


def _required(examples: Iterable[dict[str, Any]]) -> dict[str, dict[str, frozenset[str]]]:
    required: dict[str, dict[str, frozenset[str]]] = {}
    for example in examples:
        if example["name"] in OLDER | PARTIAL or example.get("status", 200) >= 400:
            continue
        shared = required.setdefault(example["of"], {})
        for path, value in [("", example["body"]), *values_in(example["body"])]:
            if isinstance(value, dict):
                shared[path] = shared.get(path, frozenset(value)) & frozenset(value)
    return required


KNOWN = _known([*RESPONSES, *WEBHOOKS])
"""Operation or event, path, and the kinds of value there."""

REQUIRED = _required([*RESPONSES, *WEBHOOKS])
"""Operation or event, path of an object, and the keys that all full examples have there."""

FREE = {"interview.evaluation": ("data.customQuestionResponses[]",)}
"""What the contract names without saying what is in it."""

_FREE = {
    of: (
        *FREE.get(of, ()),
        *(path for one in [*RESPONSES, *WEBHOOKS] if one["of"] == of for path in ASSUMED.get(one["name"], ())),
    )
    for of in KNOWN
}


def is_assumed(of: str, path: str) -> bool:
    """Return whether a path is in what an example assumes, which rules nothing."""
    return any(path == free or path.startswith((f"{free}.", f"{free}[")) for free in _FREE[of])


def faults_of(of: str, body: Any) -> Iterator[str]:
    """Iterate over what distinguishes a body of an operation or event from the vendor's."""
    for path, value in values_in(body):
        if is_assumed(of, path):
            continue
        kinds = KNOWN[of].get(path)
        if kinds is None:
            yield f"{path} is the vendor's nowhere"
        elif kind_of(value) not in kinds and not ("text" in kinds and isinstance(value, str)):
            yield f"{path} is {kind_of(value)}, not {' or '.join(sorted(kinds))}"
        yield from _wrong_value(path, value)
    for path, value in [("", body), *values_in(body)]:
        if isinstance(value, dict) and not is_assumed(of, path):
            for name in REQUIRED.get(of, {}).get(path, frozenset()) - frozenset(value):
                if f"{path}.{name}" not in ABSENT_IF_UNSCORED:
                    yield f"{path or 'the body'} has no {name}"


def _wrong_value(path: str, value: Any) -> Iterator[str]:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int | float) and not path.endswith("confidence"):
        scale = _entry(SCALES, path)
        if scale is None:
            yield f"{path} has no scale in this table"
        elif not isinstance(value, int) or not scale[0] <= value <= scale[1]:
            yield f"{path} is {value}, not a whole number from {scale[0]} to {scale[1]}"
    if path.endswith("transcript[].confidence") and not 0 <= value <= 1:
        yield f"{path} is {value}, not from 0 to 1"
    allowed = _entry(VALUES, path)
    if allowed is not None and value not in allowed.split():
        yield f"{path} is {value}, not one of {allowed}"


@cache
def _entry(table: tuple[tuple[str, Any], ...], path: str) -> Any:
    return next((entry for form, entry in table if re.fullmatch(form, path)), None)
