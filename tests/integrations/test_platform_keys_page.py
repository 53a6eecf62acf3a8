"""The vendor's "full integration example" of its platform-keys page, with FastAPI."""

import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated

import attrs
import pytest
from fastapi import Body, Depends, FastAPI, Request
from fastapi.testclient import TestClient

from boooply import AIInterview, AsyncBoooplyPlatform, BoooplyError, Interview, Tenant
from boooply.integrations.fastapi import error_response
from boooply.sandbox import Sandbox

JAVASCRIPT_LINES = 33
IMPORTS = 6  # of the example: contextlib, typing, fastapi, boooply, its integration, and its own database


@attrs.define
class User:
    """A user of the platform, who is logged in."""

    id: int = 12345
    email: str = "admin@acme.example"
    name: str = "Jane Admin"
    org_id: int = 7


@attrs.define
class Customer:
    """A row of the platform's own table of customers."""

    id: int = 7
    name: str = "Acme Corporation"
    boooply_api_key: str = ""


class Database:
    """The platform's own database."""

    def __init__(self) -> None:
        self.customers = {7: Customer()}

    async def get_customer(self, org_id: int) -> Customer:
        return self.customers[org_id]

    async def update(self, org_id: int, boooply_api_key: str) -> None:
        self.customers[org_id].boooply_api_key = boooply_api_key


db = Database()


async def current_customer() -> Customer:
    return await db.get_customer(User().org_id)


def the_example() -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, AsyncBoooplyPlatform]]:
        async with AsyncBoooplyPlatform() as platform:  # reads BOOOPLY_BASE_URL and BOOOPLY_PLATFORM_KEY
            yield {"boooply": platform}

    def opened_platform(request: Request) -> AsyncBoooplyPlatform:
        return request.state.boooply  # type: ignore[no-any-return]  # as users write it

    app = FastAPI(lifespan=lifespan)
    app.exception_handler(BoooplyError)(error_response)
    Platform = Annotated[AsyncBoooplyPlatform, Depends(opened_platform)]  # noqa: N806 - a type

    @app.post("/api/connect-boooply")  # 1. Customer connects Boooply
    async def connect(platform: Platform, user: CurrentUser, customer: CurrentCustomer) -> dict[str, bool | str]:
        tenant = Tenant(
            user_id=user.id,
            user_email=user.email,
            user_name=user.name,
            organization_id=customer.id,
            organization_name=customer.name,
        )
        key = await platform.create_organization_api_key(tenant)
        await db.update(customer.id, boooply_api_key=key.api_key.reveal())
        return {"success": True, "message": "Boooply connected"}

    @app.post("/api/interviews")  # 2. Create interview on behalf of customer
    async def invite(platform: Platform, body: Annotated[AIInterview, Body()], customer: CurrentCustomer) -> Interview:
        return await platform.organization(customer.boooply_api_key).interviews.create(body)

    return app


CurrentUser = Annotated[User, Depends(User)]
CurrentCustomer = Annotated[Customer, Depends(current_customer)]


@pytest.fixture
def app(threaded_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setenv("BOOOPLY_BASE_URL", threaded_sandbox.base_url)
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", threaded_sandbox.platform_key)
    return the_example()


@pytest.fixture
def browser(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as browser:
        yield browser


def test_the_application_can_start_again(app: FastAPI) -> None:
    """As in several tests of one application."""
    for _ in range(2):
        with TestClient(app) as browser:
            assert browser.post("/api/connect-boooply").json()["success"]


def test_it_is_shorter_than_the_javascript() -> None:
    lines = [line for line in inspect.getsource(the_example).splitlines() if line.strip()]
    its_own = len(lines) - 2  # without the def around it, and the return

    assert its_own + IMPORTS <= 30 < JAVASCRIPT_LINES


def test_a_customer_connects_and_invites(browser: TestClient, threaded_sandbox: Sandbox) -> None:
    assert browser.post("/api/connect-boooply").json() == {"success": True, "message": "Boooply connected"}
    candidate = {"name": "Jane", "email": "jane@example.com"}
    body = {"jobRole": "Frontend Engineer", "candidate": candidate, "skills": ["React"]}

    created = browser.post("/api/interviews", json=body).json()

    assert created["meetingCode"].startswith("Boooply-AI-")
    assert created["participants"][0]["email"] == "jane@example.com"
    assert "joinToken" not in created["participants"][0]
    assert threaded_sandbox.mints == {"7": 1}
    assert [email.to for email in threaded_sandbox.sent_emails] == ["jane@example.com"]


def test_wrong_input_is_a_422_with_its_path(browser: TestClient, threaded_sandbox: Sandbox) -> None:
    browser.post("/api/connect-boooply")

    response = browser.post("/api/interviews", json={"jobRole": "Cook", "candidate": {"name": "Jane"}})

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "candidate", "email"]
    assert threaded_sandbox.sent_emails == ()
