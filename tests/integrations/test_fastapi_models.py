"""Models as bodies and responses of FastAPI, and as fields of pydantic's models."""

from typing import Annotated, Any

import attrs
import pytest
from fastapi import Body, FastAPI
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are another package
from pydantic import BaseModel, TypeAdapter
from pydantic import ValidationError as PydanticError

from boooply import (
    AIInterview,
    Candidate,
    HumanInterview,
    Interview,
    InterviewParticipant,
    InterviewRequest,
    OrganizationApiKey,
    Participant,
    Secret,
    TeamMeeting,
    Tenant,
)
from boooply.converter import to_dict, unstructure
from boooply.models import ResponseModel

KEY = "bply_org_0123456789abcdef"
CV = "Ten years at the stove"
JANE = {"name": "Jane", "email": "jane@example.com"}
AI: dict[str, Any] = {"jobRole": "Cook", "candidate": JANE}
HOST = {"name": "Ann", "email": "ann@acme.example", "role": "HOST"}
KINDS: dict[str, dict[str, Any]] = {"ai": AI, "human": AI, "team": {"participants": [HOST]}}

app = FastAPI()


@app.post("/ai")
async def ai(body: Annotated[AIInterview, Body()]) -> Interview:
    person = InterviewParticipant(email="jane@example.com", join_token=Secret(KEY))
    return Interview(meeting_code="Boooply-AI-1", title=body.title, participants=(person,), extra={"hostToken": KEY})


@app.post("/any")
async def any_kind(body: Annotated[InterviewRequest, Body()]) -> dict[str, str]:
    return {"kind": type(body).__name__}


@app.post("/tenant")
async def tenant(body: Annotated[Tenant, Body()]) -> OrganizationApiKey:
    return OrganizationApiKey(api_key=Secret(KEY), organization_id=body.organization_id)


@app.get("/interviews")
async def interviews() -> list[Interview]:
    return [Interview(meeting_code="Boooply-AI-1")]


@pytest.fixture(scope="module")
def browser() -> TestClient:
    return TestClient(app)


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return app.openapi()


def test_a_body_becomes_a_request_and_a_response_leaves_secrets_out(browser: TestClient) -> None:
    response = browser.post("/ai", json=AI | {"title": "First talk", "candidateCV": "\fCV"})

    assert response.status_code == 200, response.text
    assert response.json() == {
        "meetingCode": "Boooply-AI-1",
        "title": "First talk",
        "participants": [{"email": "jane@example.com"}],
    }
    minted = browser.post("/tenant", json={"userId": 1, "userEmail": "a@b.example", "organizationId": 2})
    assert minted.json() == {"organizationId": "2"}
    assert browser.get("/interviews").json()[0]["meetingCode"] == "Boooply-AI-1"


@pytest.mark.parametrize(
    ("kind", "model"), [("ai", "AIInterview"), ("human", "HumanInterview"), ("team", "TeamMeeting")]
)
def test_a_body_of_any_kind(browser: TestClient, kind: str, model: str) -> None:
    assert browser.post("/any", json=KINDS[kind] | {"type": kind}).json() == {"kind": model}


@pytest.mark.parametrize(
    ("body", "path", "rule"),
    [
        ({"candidate": JANE}, ["jobRole"], "is missing"),
        ({"job_role": "Cook"}, ["candidate"], "is missing: pass candidate, or a participant with the role CANDIDATE"),
        (AI | {"candidate": {"name": "Jane", "mail": "x"}}, ["candidate", "mail"], "is unknown: did you mean email?"),
        (AI | {"skills": ["knives", " "]}, ["skills", 1], "is blank"),
        (AI | {"scheduling_mode": "FIXED"}, ["scheduledAt"], "is required if schedulingMode is FIXED"),
        ([AI], [], "must be an object"),
        ("Cook", [], "must be an object"),
    ],
)
def test_wrong_input_is_a_422_with_its_path_and_without_the_input(
    browser: TestClient, body: Any, path: list[str | int], rule: str
) -> None:
    if isinstance(body, dict):
        body = body | {"candidateCV": CV, "jobDescription": KEY}

    response = browser.post("/ai", json=body)

    assert response.status_code == 422
    assert response.json()["detail"] == [{"type": "value_error", "loc": ["body", *path], "msg": rule, "input": None}]
    assert CV not in response.text
    assert KEY not in response.text


def test_an_error_of_any_kind_spells_names_as_the_api_does(browser: TestClient) -> None:
    body = {"type": "team", "participants": [HOST], "transcription_enabled": "yes"}

    assert browser.post("/any", json=body).json()["detail"][0]["loc"] == ["body", "transcriptionEnabled"]


def resolved(openapi: dict[str, Any], name: str) -> dict[str, Any]:
    schema: dict[str, Any] = openapi["components"]["schemas"][name]
    Draft202012Validator.check_schema(schema)
    return schema


def test_openapi_names_the_models(openapi: dict[str, Any]) -> None:
    operation = openapi["paths"]["/ai"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    response = operation["responses"]["200"]["content"]["application/json"]["schema"]

    assert (body, response) == (
        {"$ref": "#/components/schemas/AIInterview"},
        {"$ref": "#/components/schemas/Interview"},
    )


VALID = [
    AI,
    {"jobRole": "Cook", "participants": [HOST | {"role": "CANDIDATE"}]},
    AI | {"seniority": "LEAD", "skills": ["a"]},
]
INVALID = [
    {},
    {"jobRole": "Cook"},
    {"candidate": JANE},
    AI | {"job_role": "Cook"},
    AI | {"seniority": "BOSS"},
    AI | {"durationMinutes": 4},
    AI | {"candidate": {"name": "Jane"}},
    AI | {"skills": "a"},
]


@pytest.mark.parametrize("body", [*VALID, *INVALID])
def test_the_schema_of_a_body_accepts_what_is_accepted(openapi: dict[str, Any], body: dict[str, Any]) -> None:
    assert Draft202012Validator(resolved(openapi, "AIInterview")).is_valid(body) is (body in VALID)


def test_the_schema_of_a_body_of_any_kind_tells_them_apart(openapi: dict[str, Any]) -> None:
    schema = Draft202012Validator(resolved(openapi, "InterviewRequest"))

    assert all(schema.is_valid(KINDS[kind] | {"type": kind}) for kind in KINDS)
    assert not schema.is_valid(KINDS["team"] | {"type": "ai"})
    assert not schema.is_valid(AI)


def test_the_schema_of_a_response_describes_what_is_written(openapi: dict[str, Any]) -> None:
    schema = resolved(openapi, "Interview")

    assert Draft202012Validator(schema).is_valid(to_dict(Interview(meeting_code="c")))
    assert schema["required"] == ["meetingCode"]
    assert "joinToken" not in schema["properties"]["participants"]["items"]["properties"]
    assert "apiKey" not in resolved(openapi, "OrganizationApiKey")["properties"]
    assert schema["properties"]["overallScore"]["description"] == (
        "The overall score, 0-100. None until the interview is evaluated, and always None for a team meeting and for "
        "an interview that was missed, expired, cancelled or failed."
    )


class Invitation(BaseModel):
    interview: AIInterview
    colleagues: tuple[Participant, ...] = ()


def test_a_model_is_a_field_of_a_pydantic_model() -> None:
    made = Invitation.model_validate({"interview": AI, "colleagues": [HOST]})

    assert made.interview == AIInterview(job_role="Cook", candidate=JANE)
    assert made.colleagues == (Participant(name="Ann", email="ann@acme.example", role="HOST"),)
    assert made.model_dump()["interview"] == unstructure(made.interview)
    assert Invitation.model_validate(made.model_dump()).interview.participants[0].email == "jane@example.com"
    assert Invitation(interview=made.interview).interview is made.interview
    with pytest.raises(PydanticError, match=r"colleagues\.0\.role"):
        Invitation.model_validate({"interview": AI, "colleagues": [JANE]})


@pytest.mark.parametrize("model", [AIInterview, HumanInterview, TeamMeeting, Tenant, Candidate, Interview])
def test_every_model_has_both_schemas(model: type) -> None:
    for mode in ("validation", "serialization"):
        Draft202012Validator.check_schema(TypeAdapter(model).json_schema(mode=mode))


WRITTEN: dict[str, Any] = {
    "title": "Candidate",
    "description": "The candidate to invite: the short form of a participant with the role ``CANDIDATE``.",
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The person's name."},
        "email": {"type": "string", "description": "The person's e-mail address."},
        "externalUserId": {"type": "string", "description": "The person's ID in your own system."},
        "authProvider": {"type": "string", "description": "The identity provider of a participant's account."},
        "externalRole": {"type": "string", "description": "The person's role in your own system."},
        "avatarUrl": {"type": "string", "description": "The URL of the person's picture."},
    },
    "required": ["name", "email"],
}


def test_the_schema_of_what_is_read_is_stricter_than_that_of_what_is_written() -> None:
    providers = ["TALENTFLOW", "GOOGLE", "MICROSOFT", "GITHUB", "NATIVE"]
    stricter = {"email": {"format": "email"}, "authProvider": {"enum": providers}}
    properties = {name: schema | stricter.get(name, {}) for name, schema in WRITTEN["properties"].items()}
    read = WRITTEN | {"properties": properties, "additionalProperties": False}

    assert TypeAdapter(Candidate).json_schema(mode="serialization") == WRITTEN
    assert TypeAdapter(Candidate).json_schema(mode="validation") == read


def test_both_schemas_of_a_response_are_the_same() -> None:
    read, written = (TypeAdapter(OrganizationApiKey).json_schema(mode=mode) for mode in ("validation", "serialization"))

    assert read == written
    assert (read["title"], read["description"]) == ("OrganizationApiKey", "The key of a customer's organization.")
    assert "additionalProperties" not in read


def test_the_schema_of_a_body_of_any_kind_is_those_of_all_kinds_with_their_type() -> None:
    schema = TypeAdapter(InterviewRequest).json_schema(mode="validation")

    assert schema.keys() == {"title", "description", "oneOf"}
    assert (schema["title"], schema["description"]) == (
        "InterviewRequest",
        "The fields that all three kinds of interview share.",
    )
    models = {"ai": AIInterview, "human": HumanInterview, "team": TeamMeeting}
    for (kind, model), found in zip(models.items(), schema["oneOf"], strict=True):
        alone = TypeAdapter(model).json_schema(mode="validation")
        named = {"type": {"type": "string", "enum": [kind], "description": "The kind of interview."}}
        del alone["description"]
        assert found == alone | {"properties": named | alone["properties"], "required": ["type", *alone["required"]]}


@pytest.mark.parametrize(
    ("model", "required"), [(AIInterview, ["jobRole"]), (HumanInterview, ["jobRole"]), (TeamMeeting, ["participants"])]
)
def test_the_schema_of_an_interview_requires_a_candidate_or_participants(model: type, required: list[str]) -> None:
    schema = TypeAdapter(model).json_schema(mode="validation")

    assert (schema["title"], schema["required"]) == (model.__name__, required)
    if model is TeamMeeting:
        assert "anyOf" not in schema
    else:
        assert schema["anyOf"] == [{"required": ["candidate"]}, {"required": ["participants"]}]


def test_an_adapter_reads_and_writes_a_model() -> None:
    adapter = TypeAdapter(Candidate)

    jane = adapter.validate_python(JANE)

    assert jane == Candidate(name="Jane", email="jane@example.com")
    assert adapter.dump_python(jane) == JANE
    assert adapter.dump_json(jane) == b'{"name":"Jane","email":"jane@example.com"}'


def test_models_of_the_same_name_are_told_apart() -> None:
    first, second = (
        attrs.make_class("Note", {name: attrs.field(type=str)}, bases=(ResponseModel,), frozen=True, kw_only=True)
        for name in ("text", "place")
    )

    both: Any = tuple[first, second]  # type: ignore[valid-type]  # classes made at run time

    read = TypeAdapter(both).validate_python([{"text": "a"}, {"place": "b"}])

    assert read == (first(text="a"), second(place="b"))


def test_an_application_names_a_model_once_in_its_schema() -> None:
    application = FastAPI()

    @application.post("/")
    async def invite(body: Annotated[Candidate, Body()]) -> list[Interview]:
        raise NotImplementedError

    schemas = application.openapi()["components"]["schemas"]

    assert {"Candidate", "Interview"} <= schemas.keys()
