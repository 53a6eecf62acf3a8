"""The ledger's entries: listed and forgotten, on real databases."""

import pytest

from boooply import Secret, StoreError, Tenant
from boooply.recording import Recorder
from boooply.store import AsyncStore
from boooply.store.ledger import connected_without_zeros

KEY = Secret("bply_org_0123456789abcdef")


def customer(number: int) -> Tenant:
    return Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number}")


async def test_all_entries_come_in_the_order_of_their_ids_over_several_batches(store):
    await Recorder(store).enroll(customer(number) for number in range(1200))
    ids = [one.organization_id async for one in store.ledger.entries()]
    assert ids == sorted(ids)
    assert len(ids) == 1200
    asked = [one.organization_id async for one in store.ledger.entries(ids[:1100])]
    assert asked == ids[:1100]


async def test_connected_ids_are_found_by_their_digits_without_leading_zeros(store):
    ledger = Recorder(store)
    await ledger.enroll(Tenant(user_id="1", user_email="a@b.example", organization_id=one) for one in ("00400", "0"))
    for one in ("00123", "007", "7", "0A1", "00", "500"):
        await store.keys.put(one, f"{KEY.reveal()}_{one}")

    assert await connected_without_zeros(store.database) == {"123": "00123", "A1": "0A1"}


async def test_forgetting_deletes_key_and_entry(store):
    await Recorder(store).finish(customer(1), KEY, claim_token="ours")
    await store.keys.delete("org_1")
    assert [one async for one in store.ledger.entries()] == []
    assert [one async for one in store.keys.organizations()] == []


async def test_a_closed_store_refuses_reads_and_names_the_reason(store_url, encryption_key):
    async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
        pass
    with pytest.raises(StoreError, match="closed"):
        await store.keys.get("org_1")
