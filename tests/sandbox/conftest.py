from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from aiohttp import ClientSession
from attrs import frozen

from boooply.sandbox import Sandbox

API = "/api/integration"


@frozen
class Response:
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def meeting(self) -> Any:
        return self.body["meeting"]

    @property
    def code(self) -> str:
        code: str = self.body["meeting"]["code"]
        return code


class Caller:
    """Call a sandbox over real HTTP; checks the one rule of all bodies on the way."""

    def __init__(self, sandbox: Sandbox, session: ClientSession) -> None:
        self.sandbox = sandbox
        self._session = session
        self.key: str | None = sandbox.api_key

    async def __call__(self, route: str, body: Any = None, *, key: str | None = "", **options: Any) -> Response:
        method, path = route.split(" ", 1)
        if not path.startswith(("/api/", "/_", "/other")):
            path = f"{API}{path}"
        headers = dict(options.pop("headers", {}))
        presented = self.key if key == "" else key
        if presented is not None:
            headers["Authorization"] = f"Bearer {presented}"
        if body is not None:
            options["json"] = body
        url = self.sandbox.base_url + path
        async with self._session.request(method, url, headers=headers, **options) as received:
            if received.content_type != "application/json":
                return Response(received.status, received.headers.copy(), await received.read())
            response = Response(received.status, received.headers.copy(), await received.json())
        assert response.body["success"] == (response.status < 400)
        if response.status >= 400:
            assert set(response.body) == {"success", "error", "code"}
        return response

    async def create(self, **changes: Any) -> Response:
        body = {name: value for name, value in {**AI, **changes}.items() if value is not ...}
        if "candidate" in body:  # the short form of the vendor's SDK, which does the same
            body["participants"] = [{**body.pop("candidate"), "role": "CANDIDATE"}, *body.get("participants", ())]
        response = await self("POST /interviews", body)
        assert response.status == 201, response.body
        return response

    async def provision(self, organization_id: str = "org_1", **changes: Any) -> Response:
        return await self(
            "POST /api/server-auth/create-api-key",
            {**TENANT, "organizationId": organization_id, **changes},
            key=self.sandbox.platform_key,
        )


AI: dict[str, Any] = {
    "meetingType": "AI_ONLY",
    "jobRole": "Engineer",
    "candidate": {"name": "Jane", "email": "jane@example.com"},
}
TENANT = {"userId": "1", "userEmail": "admin@acme.com", "organizationId": "org_1"}


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def call(sandbox: Sandbox, session: ClientSession) -> Caller:
    return Caller(sandbox, session)


@pytest.fixture
def caller_of(session: ClientSession) -> Callable[[Sandbox], Caller]:
    """For a sandbox that is not the usual one."""
    return lambda sandbox: Caller(sandbox, session)
