"""The migration page shows every call before and after, and calls nothing that does not exist."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from boooply import AsyncBoooplyClient, AsyncBoooplyPlatform, InterviewFilters, participants
from boooply.protocol.endpoints import ENDPOINTS
from boooply.resources.ai import AsyncAI
from boooply.resources.interviews import AsyncInterviews
from boooply.resources.organization import AsyncOrganization

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "migrating.md").read_text(encoding="utf-8")
ROWS = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in PAGE.splitlines() if line.startswith("| ")]
BLOCK = re.compile(r"^```(js|\{\.python notest\})\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


@attrs.frozen
class Section:
    """One heading of the page: the JavaScript, the Python and the text below it."""

    javascript: str
    python: str
    text: str


def section_of(text: str) -> Section:
    found = dict(BLOCK.findall(text))
    return Section(found.get("js", ""), found.get("{.python notest}", ""), BLOCK.sub("", text).strip())


SECTIONS = [section_of(part.partition("\n")[2]) for part in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]]

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
KINDS = {"ai": "AIInterview", "human": "HumanInterview", "team": "TeamMeeting"}
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
    "client": AsyncBoooplyClient,
    "AsyncBoooplyClient": AsyncBoooplyClient,
}


def sections_with(javascript: str) -> list[Section]:
    return [section for section in SECTIONS if javascript in section.javascript]


def test_every_operation_of_the_table_is_known_here() -> None:
    assert {row.operation for row in ENDPOINTS} == IN_JAVASCRIPT.keys()


@pytest.mark.parametrize("operation", IN_JAVASCRIPT)
def test_every_call_is_shown_on_both_sides(operation: str) -> None:
    sections = sections_with(f"{IN_JAVASCRIPT[operation]}(")
    assert sections
    for section in sections:
        assert f".{operation}(" in section.python
        assert section.text  # what differs


@pytest.mark.parametrize(("kind", "request_class"), KINDS.items())
def test_every_kind_of_interview_is_shown(kind: str, request_class: str) -> None:
    (section,) = sections_with(f"interviews.create({{ type: '{kind}'")
    assert f"interviews.create({request_class}(" in section.python


@pytest.mark.parametrize("mapper", MAPPERS)
def test_every_mapper_is_shown(mapper: str) -> None:
    (section,) = sections_with(f"{mapper}(")
    assert f"\n{MAPPERS[mapper]}(" in section.python
    assert callable(getattr(participants, MAPPERS[mapper]))
    assert section.text


def test_every_tool_of_the_vendors_server_is_named() -> None:
    assert len(TOOLS) == 13
    for tool, call in TOOLS.items():
        (row,) = [row for row in ROWS if row[0] == f"`{tool}`"]
        assert row[1]
        assert row[2].startswith(f"`{call}")


def test_every_operation_runs_on_the_page() -> None:
    code = "".join(re.findall(r"^```\{\.python(?: fixture[^\n]*)?\}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    for operation in IN_JAVASCRIPT:
        assert f".{operation}(" in code
    for mapper in MAPPERS.values():
        assert f" {mapper}(" in code


def python_calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Iterate over the calls in the blocks that no test runs, and in the table of tools."""
    cells = [row[2].strip("`").replace("…", "...") for row in ROWS if row[0].strip("`") in TOOLS]
    for code in [*(section.python for section in SECTIONS), *cells]:
        tree = compile(code, "migrating.md", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                owner = ast.unparse(call.func.value).removeprefix("client.")
                if owner in OWNERS:
                    yield owner, call.func.attr, call


@pytest.mark.parametrize(("owner", "method", "call"), list(python_calls()))
def test_every_python_call_is_one(owner: str, method: str, call: ast.Call) -> None:
    function: Callable[..., Any] = getattr(OWNERS[owner], method)
    is_bound = inspect.ismethod(function) or isinstance(inspect.getattr_static(OWNERS[owner], method), staticmethod)
    given = {word.arg: None for word in call.keywords if word.arg is not None}
    arguments = inspect.signature(function).bind(*(() if is_bound else (None,)), *call.args, **given).arguments
    assert arguments.get("filters", {}).keys() <= InterviewFilters.__annotations__.keys()
