"""The ledger on a real database."""

import asyncio

import pytest
from sqlalchemy import event

from boooply import CorruptKeyError, NotConnectedError, Secret, StoreError, Tenant
from boooply.store import AsyncStore, ClaimResult, Entry, State, tenant_of

KEY = Secret("bply_org_0123456789abcdef")
OTHER = Secret("bply_org_fedcba9876543210")


def customer(number: int, name: str | None = None) -> Tenant:
    return Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number}", organization_name=name)


async def entry(store: AsyncStore, organization_id: str = "org_1") -> Entry:
    (found,) = [one async for one in store.ledger.entries([organization_id])]
    return found


async def take(store: AsyncStore, number: int = 1, *, run: str = "ours", lease: float = 60.0) -> ClaimResult:
    return (await store.ledger.claim(customer(number), run=run, lease=lease)).standing


async def test_a_customer_is_held_until_its_lease_is_over_by_the_databases_clock(store):
    assert await take(store, lease=0.3) is ClaimResult.TAKEN
    assert await take(store, run="other") is ClaimResult.HELD
    await asyncio.sleep(0.35)
    assert await take(store, run="other") is ClaimResult.TAKEN
    assert not await store.ledger.begin("org_1", run="ours", lease=60)


async def test_what_was_sent_and_not_finished_is_in_doubt_once_its_lease_is_over(store):
    await take(store)
    assert await store.ledger.begin("org_1", run="ours", lease=0.2)
    assert (await entry(store)).state is State.SENT
    await asyncio.sleep(0.25)
    assert (await entry(store)).state is State.IN_DOUBT
    assert await take(store, run="other") is ClaimResult.IN_DOUBT
    assert (await entry(store)).reason == "the run ended while the request was under way"


async def test_a_key_that_comes_late_makes_it_done(store):
    await take(store)
    await store.ledger.begin("org_1", run="ours", lease=0.0)
    assert await take(store, run="other") is ClaimResult.IN_DOUBT
    assert await store.ledger.finish(customer(1), KEY, run="ours")
    assert (await entry(store)).state is State.DONE
    assert await store.keys.get("org_1") == KEY


async def test_the_first_key_stays_and_a_second_one_is_an_orphan(store):
    assert await store.ledger.finish(customer(1), KEY, run="ours")
    assert await store.ledger.finish(customer(1), KEY, run="ours")  # said twice is said once
    assert not await store.ledger.finish(customer(1), OTHER, run="other")
    assert await store.keys.get("org_1") == KEY
    assert (await entry(store)).orphans == 1


async def test_key_and_done_are_one_transaction(store, monkeypatch):
    def fail(*_arguments):
        raise ZeroDivisionError

    await take(store)
    await store.ledger.begin("org_1", run="ours", lease=60)
    monkeypatch.setattr("boooply.store.ledger.put", fail)
    with pytest.raises(ZeroDivisionError):
        await store.ledger.finish(customer(1), KEY, run="ours")
    assert (await entry(store)).state is State.SENT
    with pytest.raises(NotConnectedError):
        await store.keys.get("org_1")


@pytest.mark.parametrize("known", [False, True])
async def test_two_processes_take_each_customer_once(store_url, encryption_key, known):
    async with (
        AsyncStore.open(store_url, encryption_key=encryption_key) as one,
        AsyncStore.open(store_url, encryption_key=encryption_key) as other,
    ):
        if known:
            await one.ledger.enroll(customer(number) for number in range(50))
        standings = await asyncio.gather(
            *(take(store, number, run=run) for number in range(50) for store, run in ((one, "a"), (other, "b")))
        )
    assert sorted(standing.name for standing in standings) == ["HELD"] * 50 + ["TAKEN"] * 50


async def test_one_customer_twice_in_a_group_is_taken_once(store):
    standings = await asyncio.gather(*(take(store, run=f"ours/{turn}") for turn in range(3)))
    assert sorted(standing.name for standing in standings) == ["HELD", "HELD", "TAKEN"]


async def test_many_share_a_commit(store):
    commits: list[object] = []
    event.listen(store.database.engine, "commit", commits.append)
    await asyncio.gather(*(take(store, number) for number in range(200)))
    assert len(commits) <= 5


async def test_those_who_shared_a_commit_share_the_next_though_they_come_one_by_one(store):
    await asyncio.gather(*(take(store, number) for number in range(50)))
    commits: list[object] = []
    event.listen(store.database.engine, "commit", commits.append)

    async def go_on(number):
        for _ in range(3 if number else 0):  # the first is back before the others
            await asyncio.sleep(0)
        return await store.ledger.begin(f"org_{number}", run="ours", lease=60)

    assert all(await asyncio.gather(*(go_on(number) for number in range(50))))
    assert len(commits) == 1


async def test_one_that_fails_does_not_spoil_its_neighbours(store):
    await store.ledger.finish(customer(2), KEY, run="ours")
    await store.database.write(_swap, ("org_2", "org_3"))
    results = await asyncio.gather(
        *(store.ledger.finish(customer(number), OTHER, run="other") for number in (1, 3, 4)), return_exceptions=True
    )
    assert [type(result) for result in results] == [bool, CorruptKeyError, bool]
    assert await store.keys.get("org_4") == OTHER


def _swap(connection, pairs):
    for old, new in pairs:
        connection.exec_driver_sql(
            f"UPDATE boooply_keys SET organization_id = '{new}' WHERE organization_id = '{old}'"  # noqa: S608 - ours
        )
    return [None] * len(pairs)


async def test_a_customer_comes_out_as_it_went_in(store):
    await store.ledger.enroll([customer(1, "Ünïcode & Söhne"), customer(2)])
    await store.ledger.enroll([customer(1, "Other")])
    assert tenant_of(await entry(store)) == customer(1, "Ünïcode & Söhne")


async def test_any_text_comes_out_as_it_went_in(store):
    odd = """quotes " ' and \\, a brace }, 🎈, a new line \n and %s $1 :rows"""
    await store.ledger.claim(customer(1, odd), run=odd, lease=60)
    assert await store.ledger.begin("org_1", run=odd, lease=60)
    assert await store.ledger.fail("org_1", run=odd, reason=odd)
    found = await entry(store)
    assert (tenant_of(found), found.run, found.reason) == (customer(1, odd), odd, odd)


async def test_all_entries_come_in_the_order_of_their_ids_over_several_batches(store):
    await store.ledger.enroll(customer(number) for number in range(1200))
    ids = [one.organization_id async for one in store.ledger.entries()]
    assert ids == sorted(ids)
    assert len(ids) == 1200
    asked = [one.organization_id async for one in store.ledger.entries(ids[:1100])]
    assert asked == ids[:1100]


@pytest.mark.parametrize("step", ["begin", "mark_not_sent", "fail", "doubt"])
async def test_no_step_is_taken_for_a_customer_that_was_forgotten(store, step):
    await take(store)
    await store.ledger.forget("org_1")
    options = {"lease": 60.0} if step in {"begin", "mark_not_sent"} else {"reason": "422"}
    assert await getattr(store.ledger, step)("org_1", run="ours", **options) is False
    assert [one async for one in store.ledger.entries()] == []


async def test_one_that_was_only_enrolled_is_begun_by_nobody(store):
    await store.ledger.enroll([customer(1)])
    assert not await store.ledger.begin("org_1", run="ours", lease=60)


async def test_a_claim_whose_word_was_lost_is_repeated(store):
    assert await take(store, run="ours/1") is ClaimResult.TAKEN
    assert await take(store, run="ours/1") is ClaimResult.TAKEN


async def test_a_key_put_by_hand_ends_a_doubt(store):
    await take(store)
    await store.ledger.begin("org_1", run="ours", lease=0.0)
    assert (await entry(store)).state is State.IN_DOUBT
    await store.keys.put("org_1", KEY)
    assert (await entry(store)).state is State.DONE
    assert await take(store, run="other") is ClaimResult.DONE


async def test_of_a_key_put_by_hand_and_one_minted_in_the_same_moment_none_is_lost_unseen(store_url, encryption_key):
    async with (
        AsyncStore.open(store_url, encryption_key=encryption_key) as one,
        AsyncStore.open(store_url, encryption_key=encryption_key) as other,
    ):
        for number in range(20):
            identity = f"org_{number}"
            ours, _ = await asyncio.gather(
                one.ledger.finish(customer(number), KEY, run="ours"), other.keys.put(identity, OTHER)
            )
            kept = await one.keys.get(identity)
            assert kept == OTHER
            assert (await entry(one, identity)).orphans == (not ours)


async def test_an_orphan_that_was_told_already_is_not_counted_twice(store):
    await store.ledger.finish(customer(1), KEY, run="ours")
    for _ in range(2):
        assert not await store.ledger.finish(customer(1), OTHER, run="other/1")
    assert (await entry(store)).orphans == 1


async def test_forgetting_deletes_key_and_entry(store):
    await store.ledger.finish(customer(1), KEY, run="ours")
    await store.keys.delete("org_1")
    assert [one async for one in store.ledger.entries()] == []
    assert [one async for one in store.keys.organizations()] == []


async def test_a_closed_store_says_so(store_url, encryption_key):
    async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
        pass
    with pytest.raises(StoreError, match="closed"):
        await store.keys.get("org_1")


async def test_what_was_not_carried_out_is_free_again_at_once_or_after_its_lease(store):
    await take(store)
    assert not await store.ledger.mark_not_sent("org_1", run="other")
    assert await store.ledger.begin("org_1", run="ours", lease=60)
    assert not await store.ledger.mark_not_sent("org_1", run="other")
    assert (await entry(store)).state is State.SENT
    assert await store.ledger.mark_not_sent("org_1", run="ours", lease=0.3)
    assert (await entry(store)).state is State.TODO
    assert await take(store, run="other") is ClaimResult.HELD
    await asyncio.sleep(0.35)
    assert await take(store, run="other") is ClaimResult.TAKEN
    assert await store.ledger.mark_not_sent("org_1", run="other")
    assert await take(store, run="third") is ClaimResult.TAKEN


async def test_a_doubt_is_told_by_who_has_sent_it_and_keeps_its_reason(store):
    await take(store)
    assert not await store.ledger.doubt("org_1", run="ours", reason="nothing was sent yet")
    assert await store.ledger.begin("org_1", run="ours", lease=60)
    assert not await store.ledger.doubt("org_1", run="other", reason="not its own")
    assert await store.ledger.doubt("org_1", run="ours", reason="no answer came")
    found = await entry(store)
    assert (found.state, found.reason, found.lease_ends) == (State.IN_DOUBT, "no answer came", 0.0)


async def test_a_failure_is_told_by_who_has_taken_it_and_is_tried_again_by_another_run(store):
    await take(store, run="ours/1")
    assert not await store.ledger.fail("org_1", run="other", reason="not its own")
    assert await store.ledger.fail("org_1", run="ours/1", reason="the API said no")
    assert (await entry(store)).reason == "the API said no"
    assert await take(store, run="ours/2") is ClaimResult.FAILED
    assert await take(store, run="other/1") is ClaimResult.TAKEN
    assert (await entry(store)).reason is None


async def test_a_doubt_is_minted_again_on_purpose_alone_and_once_a_run(store):
    async def claim(run, *, remint):
        return (await store.ledger.claim(customer(1), run=run, lease=60, remint=remint)).standing

    await take(store, run="first/1")
    await store.ledger.begin("org_1", run="first/1", lease=60)
    await store.ledger.doubt("org_1", run="first/1", reason="no answer came")
    assert await claim("second/1", remint=False) is ClaimResult.IN_DOUBT
    assert await claim("first/2", remint=True) is ClaimResult.IN_DOUBT
    assert await claim("second/2", remint=True) is ClaimResult.TAKEN
    assert (await entry(store)).orphans == 1


async def test_a_claim_tells_whether_the_customer_was_minted_with_other_data(store):
    async def claim(number, name):
        claimed = await store.ledger.claim(customer(number, name), run="other", lease=60)
        assert claimed.entry == await entry(store, f"org_{number}")
        return claimed.standing, claimed.is_changed

    await store.ledger.finish(customer(1, "Acme"), KEY, run="ours")
    assert await claim(1, "Acme") == (ClaimResult.DONE, False)
    assert await claim(1, "Other") == (ClaimResult.DONE, True)
    assert await claim(2, "Acme") == (ClaimResult.TAKEN, False)
    assert await claim(2, "Other") == (ClaimResult.TAKEN, False)  # taken again by the same run: nothing was minted yet


async def test_a_customer_is_written_as_json_with_its_names_in_order(store):
    await store.ledger.claim(customer(1, "Söhne"), run="ours", lease=60)
    assert (await entry(store)).tenant == (
        '{"organizationId":"org_1","organizationName":"Söhne","userEmail":"a@b.example","userId":"1"}'
    )


async def test_in_one_group_each_customer_has_its_own_answer(store):
    await store.ledger.finish(customer(1), KEY, run="ours")
    assert (await entry(store)).tenant.startswith('{"organizationId":"org_1"')  # though nobody had claimed it
    answers = await asyncio.gather(
        store.ledger.begin("org_9", run="ours", lease=60),  # nobody knows it
        take(store, 1, run="other"),
        take(store, 2),
        take(store, 3),
    )
    assert [*answers] == [False, ClaimResult.DONE, ClaimResult.TAKEN, ClaimResult.TAKEN]
    assert [one.organization_id async for one in store.ledger.entries()] == ["org_1", "org_2", "org_3"]
