"""Minting keys, in both flavours."""

import asyncio

import pytest

import boooply
from boooply import (
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
    Secret,
    TeamMember,
    Tenant,
    ValidationError,
)
from boooply.client import transport_of
from boooply.sandbox import Sandbox

ACME = Tenant(
    user_id="12345",
    user_email="admin@acme.example",
    user_name="Jane Admin",
    organization_id="org_7234567890",
    organization_name="Acme Corporation",
    team_members=[TeamMember(email="bob@acme.example", name="Bob", role="ADMIN"), TeamMember(email="eve@acme.example")],
)


async def test_a_minted_key_opens_the_organization_it_was_minted_for(face) -> None:
    key = await face.do(face.platform.create_organization_api_key, ACME)

    assert isinstance(key.api_key, Secret)
    assert key.api_key.reveal().startswith("bply_org_")
    assert (key.organization_id, key.organization_name, key.user_id) == ("org_7234567890", "Acme Corporation", "12345")
    acme = face.platform.organization(key.api_key)
    organization = await face.do(acme.organization.get)
    assert (organization.external_org_id, organization.name) == ("org_7234567890", "Acme Corporation")


async def test_the_key_that_was_stored_as_text_works_as_well(face, tenant) -> None:
    stored = (await face.do(face.platform.create_organization_api_key, tenant)).api_key.reveal()

    organization = await face.do(face.platform.organization(stored).organization.get)

    assert organization.external_org_id == tenant.organization_id


async def test_the_one_shot_call_mints_without_a_platform_object(face, sandbox: Sandbox, tenant) -> None:
    key = await face.do(
        type(face.client).create_organization_api_key,
        tenant,
        platform_key=sandbox.platform_key,
        base_url=sandbox.base_url,
    )

    assert key.organization_id == tenant.organization_id
    assert key.api_key.reveal().startswith("bply_org_")


async def test_a_second_mint_returns_a_further_key_of_the_same_organization(face, tenant) -> None:
    first = await face.do(face.platform.create_organization_api_key, tenant)
    second = await face.do(face.platform.create_organization_api_key, tenant)

    assert first.api_key != second.api_key
    one = await face.do(face.platform.organization(first.api_key).organization.get)
    other = await face.do(face.platform.organization(second.api_key).organization.get)
    assert one.id == other.id


async def test_create_organization_api_key_rejects_anything_but_a_tenant(face, sandbox: Sandbox) -> None:
    with pytest.raises(ValidationError, match="tenant: must be a Tenant"):
        await face.do(face.platform.create_organization_api_key, {"userId": "1"})

    assert sandbox.calls == ()


@pytest.mark.parametrize("platform_key", ["bply_platform_unknown0123", "bply_something_else0123"])
async def test_an_unknown_platform_key_is_an_authentication_error(
    face, sandbox: Sandbox, tenant, platform_key: str
) -> None:
    with pytest.raises(AuthenticationError) as caught:
        await face.do(
            type(face.client).create_organization_api_key, tenant, platform_key=platform_key, base_url=sandbox.base_url
        )

    assert caught.value.status == 401
    assert caught.value.code == "INVALID_API_KEY"
    assert platform_key not in str(caught.value)


async def test_a_key_of_the_wrong_kind_without_a_prefix_is_a_403(platform) -> None:
    with pytest.raises(PermissionDeniedError):
        await platform.request("GET", "/api/integration/organization")


async def test_a_thousand_customers_share_one_pool(platform: boooply.AsyncBoooplyPlatform, tenant) -> None:
    key = (await platform.create_organization_api_key(tenant)).api_key
    clients = [platform.organization(key) for _ in range(1000)]

    organizations = await asyncio.gather(*(client.organization.get() for client in clients[:20]))

    assert {organization.external_org_id for organization in organizations} == {tenant.organization_id}
    assert {id(transport_of(client).pool) for client in clients} == {id(transport_of(platform).pool)}


async def test_closing_a_customers_client_leaves_the_platform_open(face, tenant) -> None:
    key = (await face.do(face.platform.create_organization_api_key, tenant)).api_key
    await face.do(face.platform.organization(key).close)

    organization = await face.do(face.platform.organization(key).organization.get)

    assert organization.external_org_id == tenant.organization_id


@pytest.mark.parametrize(
    ("given", "problem"),
    [("", "api_key is missing: connect the customer first"), ("bply_platform_0123", "api_key is a platform key")],
)
async def test_a_customers_key_that_cannot_be(face, given: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        face.platform.organization(given)
