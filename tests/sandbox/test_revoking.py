"""Keys that are revoked, from Python and by the controls."""

from pathlib import Path
from typing import Any

import pytest

from boooply.sandbox import Sandbox, SandboxError


@pytest.fixture(params=["python", "http"])
def revoke(request: pytest.FixtureRequest, call: Any) -> Any:
    """Revoke an organization's keys by one of the doors; an unknown one is a SandboxError by both."""

    async def run(organization_id: str) -> int:
        if request.param == "python":
            return int(call.sandbox.revoke_keys(organization_id))
        response = await call(f"POST /_sandbox/organizations/{organization_id}/revoke-keys", key=None)
        if response.status != 200:
            raise SandboxError(response.status, response.body["code"], response.body["error"])
        return int(response.body["revoked"])

    return run


async def test_a_revoked_key_opens_nothing_and_a_new_one_opens_the_same(call: Any, revoke: Any) -> None:
    call.key = (await call.provision("org_1")).body["apiKey"]
    code = (await call.create()).code
    assert await revoke("org_1") == 1

    rejected = await call("GET /interviews")
    assert (rejected.status, rejected.body["code"]) == (401, "INVALID_API_KEY")
    assert (await call("GET /organization", key=call.sandbox.api_key)).status == 200  # another customer's
    call.key = (await call.provision("org_1")).body["apiKey"]
    assert (await call(f"GET /interviews/{code}")).status == 200
    assert await revoke("org_1") == 1


async def test_an_organization_may_be_named_by_the_api_s_own_id(call: Any, revoke: Any) -> None:
    own = (await call("GET /organization")).body["organization"]["id"]
    assert await revoke(own) == 1
    assert (await call("GET /organization")).status == 401
    assert await revoke(own) == 0


async def test_the_sandbox_s_own_organization_may_be_named_as_it_is_shown(call: Any, revoke: Any) -> None:
    await call("GET /organization")
    assert await revoke(call.sandbox.calls[-1].tenant) == 1
    assert (await call("GET /organization")).status == 401


async def test_a_customer_is_named_before_the_sandbox_s_own_organization(call: Any, revoke: Any) -> None:
    await call.provision("sandbox-company")
    assert await revoke("sandbox-company") == 1
    assert (await call("GET /organization")).status == 200


async def test_without_an_id_the_sandbox_s_own_key_is_revoked(call: Any) -> None:
    assert call.sandbox.revoke_keys() == 1
    assert (await call("GET /organization")).status == 401


async def test_an_unknown_organization_is_an_error(revoke: Any) -> None:
    with pytest.raises(SandboxError) as caught:
        await revoke("org_9")
    assert (caught.value.status, caught.value.code) == (404, "ORGANIZATION_NOT_FOUND")
    ids = "use your own id of a customer, the API's id, or sandbox-company"
    assert caught.value.message == f"the organization was not found: {ids}"


async def test_the_platform_s_key_stays(call: Any, revoke: Any) -> None:
    await call.provision("org_1")
    await revoke("org_1")
    assert (await call.provision("org_2")).status == 201


async def test_the_console_shows_the_limits_of_a_revoked_key(call: Any) -> None:
    call.key = (await call.provision("org_1")).body["apiKey"]
    await call("GET /organization")
    call.sandbox.revoke_keys("org_1")
    limits = (await call("GET /_sandbox/snapshot")).body["limits"]["items"]
    assert ("org_1", "reads") in {(one["tenant"], one["allowance"]) for one in limits}


async def test_a_key_stays_revoked_after_a_restart(caller_of: Any, tmp_path: Path) -> None:
    file = tmp_path / "sandbox.json"
    async with Sandbox(state=file) as sandbox:
        sandbox.revoke_keys()
    async with Sandbox(state=file) as sandbox:
        assert (await caller_of(sandbox)("GET /organization")).status == 401
