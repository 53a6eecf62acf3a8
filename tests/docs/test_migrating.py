"""The migration page leaves nothing out, and names nothing that there is not."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boooply import AsyncBoooplyClient, AsyncBoooplyPlatform, InterviewFilters, participants
from boooply.protocol.endpoints import ENDPOINTS
from boooply.resources.ai import AsyncAI
from boooply.resources.interviews import AsyncInterviews
from boooply.resources.organization import AsyncOrganization

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "migrating.md").read_text(encoding="utf-8")
ROWS = [
    tuple(re.sub(r"\\\|", "|", cell).strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
    for line in PAGE.splitlines()
    if line.startswith("| ")
]

# What JavaScript calls each operation of the table in the vendor's JavaScript SDK.
IN_JAVASCRIPT = {
    "create_organization_api_key": "BoooplyClient.createOrganizationApiKey",
    "interviews.create": "interviews.create",
    "interviews.list": "interviews.list",
    "interviews.get": "interviews.get",
    "interviews.cancel": "interviews.cancel",
    "interviews.reschedule": "interviews.reschedule",
    "interviews.delete": "interviews.delete",
    "interviews.add_participants": "interviews.addParticipant",
    "interviews.list_participants": "interviews.getParticipants",
    "interviews.remove_participant": "interviews.removeParticipant",
    "interviews.get_recording": "interviews.getRecording",
    "interviews.get_transcript": "interviews.getTranscript",
    "interviews.get_evaluation": "interviews.getEvaluation",
    "interviews.trigger_analysis": "interviews.triggerAnalysis",
    "interviews.get_availability": "interviews.getAvailability",
    "interviews.get_busy_blocks": "interviews.getBusyBlocks",
    "ai.generate_job_description": "ai.generateJobDescription",
    "organization.get": "organization.get",
}
MAPPERS = {
    "mapGoogleParticipant": "from_google",
    "mapMicrosoftParticipant": "from_microsoft",
    "mapGenericParticipant": "from_user",
}
TOOLS = {
    "create_ai_interview": "interviews.create(AIInterview",
    "create_human_interview": "interviews.create(HumanInterview",
    "create_team_meeting": "interviews.create(TeamMeeting",
    "list_interviews": "interviews.list(",
    "get_interview": "interviews.get(",
    "cancel_interview": "interviews.cancel(",
    "reschedule_interview": "interviews.reschedule(",
    "get_evaluation": "interviews.get_evaluation(",
    "get_transcript": "interviews.get_transcript(",
    "trigger_analysis": "interviews.trigger_analysis(",
    "get_availability": "interviews.get_availability(",
    "get_busy_blocks": "interviews.get_busy_blocks(",
    "generate_job_description": "ai.generate_job_description(",
}
OWNERS: dict[str, type] = {
    "interviews": AsyncInterviews,
    "ai": AsyncAI,
    "organization": AsyncOrganization,
    "platform": AsyncBoooplyPlatform,
    "AsyncBoooplyClient": AsyncBoooplyClient,
}


def rows_of(first: str) -> list[tuple[str, ...]]:
    """Find the rows whose first cell begins with this, as code."""
    return [row for row in ROWS if row[0].startswith(f"`{first}")]


def test_every_operation_of_the_table_is_known_here() -> None:
    assert {row.operation for row in ENDPOINTS} == IN_JAVASCRIPT.keys()


@pytest.mark.parametrize("operation", IN_JAVASCRIPT)
def test_every_call_is_named_on_both_sides(operation: str) -> None:
    rows = rows_of(f"{IN_JAVASCRIPT[operation]}(")
    assert rows
    for row in rows:
        assert f"{operation}(" in row[1]
        assert len(row) == 3
        assert row[2]  # what differs


@pytest.mark.parametrize("kind", ["ai", "human", "team"])
def test_every_kind_of_interview_is_named(kind: str) -> None:
    assert [row for row in ROWS if row[0] == f"`interviews.create({{type: '{kind}', …}})`"]


@pytest.mark.parametrize("mapper", MAPPERS)
def test_every_mapper_is_named(mapper: str) -> None:
    (row,) = rows_of(f"{mapper}(")
    assert row[1].startswith(f"`{MAPPERS[mapper]}(")
    assert callable(getattr(participants, MAPPERS[mapper]))
    assert row[2]


def test_every_tool_of_the_vendors_server_is_named() -> None:
    assert len(TOOLS) == 13
    for tool, call in TOOLS.items():
        (row,) = rows_of(f"{tool}`")
        assert row[1]
        assert call in row[2]


def test_every_operation_runs_on_the_page() -> None:
    code = "".join(re.findall(r"^```\{\.python[^\n]*\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    for operation in IN_JAVASCRIPT:
        assert f".{operation}(" in code
    for mapper in MAPPERS.values():
        assert f" {mapper}(" in code


def python_calls() -> list[tuple[str, str, str]]:
    cells = [row[1] for row in ROWS if len(row) == 3] + [row[2] for row in ROWS if len(row) == 3]
    inside = r"(?:[^()`]|\((?:[^()]|\([^()]*\))*\))*"  # with two further pairs of brackets in it
    found = (re.finditer(rf"\b(\w+)\.([a-z_]+)\(({inside})\)", cell) for cell in cells)
    return sorted({(one[1], one[2], one[3]) for several in found for one in several if one[1] in OWNERS})


@pytest.mark.parametrize(("owner", "method", "given"), python_calls())
def test_every_python_call_is_one(owner: str, method: str, given: str) -> None:
    function: Callable[..., Any] = getattr(OWNERS[owner], method)
    parameters = inspect.signature(function).parameters
    filters = InterviewFilters.__annotations__.keys() if "filters" in parameters else set[str]()
    outer = re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", given))
    assert set(re.findall(r"(\w+)=", outer)) <= parameters.keys() | filters
