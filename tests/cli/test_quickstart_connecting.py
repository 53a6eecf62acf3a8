"""Many customers over few workers."""

import asyncio
from collections.abc import Iterator

import pytest

from boooply import APIStatusError, OrganizationApiKey, Secret, ServerError, Tenant
from boooply.cli.quickstart import connect_all


def tenants(count: int) -> Iterator[Tenant]:
    for number in range(count):
        yield Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number}")


def key_of(tenant: Tenant) -> OrganizationApiKey:
    return OrganizationApiKey(api_key=Secret("bply_org_x"), organization_id=tenant.organization_id)


async def test_each_key_comes_with_the_position_of_its_customer_in_any_order() -> None:
    connected: dict[int, str] = {}

    async def mint(tenant: Tenant) -> OrganizationApiKey:
        for _ in range(5 - int(tenant.organization_id[-1]) % 5):
            await asyncio.sleep(0)
        return key_of(tenant)

    await connect_all(tenants(50), mint, lambda place, key: connected.update({place: key.organization_id}), workers=7)

    assert connected == {number: f"org_{number}" for number in range(50)}
    assert list(connected) != sorted(connected)


async def test_there_are_never_more_calls_than_workers_and_all_of_them_work() -> None:
    running, most = 0, 0

    async def mint(tenant: Tenant) -> OrganizationApiKey:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return key_of(tenant)

    await connect_all(tenants(40), mint, lambda _place, _key: None, workers=3)

    assert most == 3


async def test_customers_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []
    connected: list[int] = []

    def counted() -> Iterator[Tenant]:
        for number, tenant in enumerate(tenants(100)):
            taken.append(number)
            assert len(taken) - len(connected) <= 4
            yield tenant

    async def mint(tenant: Tenant) -> OrganizationApiKey:
        await asyncio.sleep(0)
        return key_of(tenant)

    await connect_all(counted(), mint, lambda place, _key: connected.append(place), workers=4)

    assert len(taken) == len(connected) == 100


async def test_the_first_error_stops_all_workers_and_is_raised_unwrapped() -> None:
    asked: list[str] = []

    async def mint(tenant: Tenant) -> OrganizationApiKey:
        asked.append(tenant.organization_id)
        await asyncio.sleep(0)
        if tenant.organization_id == "org_5":
            raise ServerError("create", status=500, message="no")
        return key_of(tenant)

    with pytest.raises(APIStatusError) as caught:
        await connect_all(tenants(1000), mint, lambda _place, _key: None, workers=4)

    assert caught.value.status == 500
    assert len(asked) < 20


async def test_no_customers_need_no_calls() -> None:
    async def mint(tenant: Tenant) -> OrganizationApiKey:
        raise AssertionError(tenant)

    await connect_all([], mint, lambda _place, _key: None)
