"""The recorder's steps on real databases."""

import asyncio
import contextlib
import threading

import psycopg
import pytest

from boooply import CorruptKeyError, NotConnectedError, Secret, Tenant
from boooply.recording import Recorder
from boooply.store import AsyncStore, ClaimResult, Entry, State, tenant_of
from boooply.store.keys import write_key

KEY = Secret("bply_org_0123456789abcdef")
OTHER = Secret("bply_org_fedcba9876543210")


def customer(number: int, name: str | None = None) -> Tenant:
    return Tenant(user_id="1", user_email="a@b.example", organization_id=f"org_{number}", organization_name=name)


async def entry(store: AsyncStore, organization_id: str = "org_1") -> Entry:
    (found,) = [one async for one in store.ledger.entries([organization_id])]
    return found


async def claim(store: AsyncStore, number: int = 1, *, by: str = "ours", lease: float = 60.0) -> ClaimResult:
    return (await Recorder(store).claim(customer(number), claim_token=by, lease=lease)).result


async def test_a_claimed_customer_is_busy_until_its_lease_ends_by_the_databases_clock(store):
    assert await claim(store, lease=1.0) is ClaimResult.CLAIMED
    assert await claim(store, by="other") is ClaimResult.BUSY
    await asyncio.sleep(1.05)
    assert await claim(store, by="other") is ClaimResult.CLAIMED
    assert not await Recorder(store).begin("org_1", claim_token="ours", lease=60)


async def test_what_was_sent_and_not_finished_is_in_doubt_once_its_lease_ends(store):
    await claim(store)
    assert await Recorder(store).begin("org_1", claim_token="ours", lease=1.0)
    assert (await entry(store)).state is State.SENT
    await asyncio.sleep(1.05)
    assert (await entry(store)).state is State.IN_DOUBT
    assert await claim(store, by="other") is ClaimResult.IN_DOUBT
    assert (await entry(store)).reason == "the run ended while the request was under way"


async def test_a_key_that_arrives_late_makes_the_customer_done(store):
    await claim(store)
    await Recorder(store).begin("org_1", claim_token="ours", lease=0.0)
    assert await claim(store, by="other") is ClaimResult.IN_DOUBT
    assert await Recorder(store).finish(customer(1), KEY, claim_token="ours")
    assert (await entry(store)).state is State.DONE
    assert await store.keys.get("org_1") == KEY


async def test_the_first_key_stays_and_a_second_one_is_an_orphan(store):
    assert await Recorder(store).finish(customer(1), KEY, claim_token="ours")
    assert await Recorder(store).finish(customer(1), KEY, claim_token="ours")  # repeated
    assert not await Recorder(store).finish(customer(1), OTHER, claim_token="other")
    assert await store.keys.get("org_1") == KEY
    assert (await entry(store)).orphans == 1


async def test_the_key_and_done_are_committed_together(store, monkeypatch):
    def fail(*_arguments):
        raise ZeroDivisionError

    await claim(store)
    await Recorder(store).begin("org_1", claim_token="ours", lease=60)
    for name in ("boooply.store.rows.put", "boooply.recording.recorder.write_key"):
        with monkeypatch.context() as broken:
            broken.setattr(name, fail)
            with pytest.raises(ZeroDivisionError):
                await Recorder(store).finish(customer(1), KEY, claim_token="ours")
        assert (await entry(store)).state is State.SENT
        with pytest.raises(NotConnectedError):
            await store.keys.get("org_1")


@pytest.mark.parametrize("known", [False, True])
async def test_of_two_processes_one_claims_each_customer(store_url, encryption_key, known):
    async with (
        AsyncStore.open(store_url, encryption_key=encryption_key) as one,
        AsyncStore.open(store_url, encryption_key=encryption_key) as other,
    ):
        if known:
            await Recorder(one).enroll(customer(number) for number in range(50))
        results = await asyncio.gather(
            *(claim(store, number, by=token) for number in range(50) for store, token in ((one, "a"), (other, "b")))
        )
    assert sorted(result.name for result in results) == ["BUSY"] * 50 + ["CLAIMED"] * 50


async def test_of_simultaneous_claims_of_one_run_one_succeeds(store):
    results = await asyncio.gather(*(claim(store, by=f"ours/{number}") for number in range(3)))
    assert sorted(result.name for result in results) == ["BUSY", "BUSY", "CLAIMED"]


async def test_of_two_processes_that_finish_one_key_for_two_customers_one_succeeds(
    store_url, encryption_key, monkeypatch
):
    meeting = threading.Barrier(2)

    def write_slowly(*arguments):
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(0.5)  # for the other one: it would have found nobody with the key either
        write_key(*arguments)

    monkeypatch.setattr("boooply.recording.recorder.write_key", write_slowly)
    async with (
        AsyncStore.open(store_url, encryption_key=encryption_key) as one,
        AsyncStore.open(store_url, encryption_key=encryption_key) as other,
    ):
        for number, store in enumerate((one, other)):
            await claim(store, number)
            await Recorder(store).begin(f"org_{number}", claim_token="ours", lease=60)
        results = await asyncio.gather(
            *(
                Recorder(store).finish(customer(number), KEY, claim_token="ours")
                for number, store in enumerate((one, other))
            ),
            return_exceptions=True,
        )
        found = {name: (await entry(one, name)).state for name in ("org_0", "org_1")}
        holders = [name async for name in one.keys.organizations()]
    assert sorted(type(result).__name__ for result in results) == ["SharedKeyError", "bool"]
    assert sorted(found.values()) == [State.DONE, State.IN_DOUBT]
    assert [name for name in found if found[name] is State.DONE] == holders


async def test_a_step_that_fails_leaves_its_neighbours_alone(store):
    await Recorder(store).finish(customer(2), KEY, claim_token="ours")
    await store.database.write(_move_key)
    results = await asyncio.gather(
        *(Recorder(store).finish(customer(number), own_key(number), claim_token="other") for number in (1, 3, 4)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [bool, CorruptKeyError, bool]
    assert await store.keys.get("org_4") == own_key(4)


def own_key(number: int) -> Secret:
    return Secret(f"bply_org_of_customer_{number}")


def _move_key(connection):
    connection.exec_driver_sql("UPDATE boooply_keys SET organization_id = 'org_3' WHERE organization_id = 'org_2'")


async def test_a_customer_is_read_as_it_was_enrolled_last_before_it_was_sent(store):
    recorder = Recorder(store)
    await recorder.enroll([customer(1, "Ünïcode & Söhne"), customer(2)])
    assert tenant_of(await entry(store)) == customer(1, "Ünïcode & Söhne")
    await recorder.enroll([customer(1, "Corrected")])
    assert tenant_of(await entry(store)) == customer(1, "Corrected")
    await recorder.claim(customer(1, "Corrected"), claim_token="ours", lease=60)
    await recorder.begin("org_1", claim_token="ours", lease=60)
    await recorder.enroll([customer(1, "Too late")])
    assert tenant_of(await entry(store)) == customer(1, "Corrected")
    await recorder.finish(customer(1, "Corrected"), KEY, claim_token="ours")
    await recorder.enroll([customer(1, "Too late")])
    assert tenant_of(await entry(store)) == customer(1, "Corrected")


async def test_any_text_is_read_as_it_was_written(store):
    odd = """quotes " ' and \\, a brace }, 🎈, a new line \n and %s $1 :rows"""
    await Recorder(store).claim(customer(1, odd), claim_token=odd, lease=60)
    assert await Recorder(store).begin("org_1", claim_token=odd, lease=60)
    assert await Recorder(store).fail("org_1", claim_token=odd, reason=odd)
    found = await entry(store)
    assert (tenant_of(found), found.claim_token, found.reason) == (customer(1, odd), odd, odd)


@pytest.mark.parametrize("step", ["begin", "mark_not_sent", "fail", "mark_in_doubt"])
async def test_a_step_returns_false_for_a_customer_that_was_forgotten(store, step):
    await claim(store)
    await store.ledger.forget("org_1")
    options = {"lease": 60.0} if step in {"begin", "mark_not_sent"} else {"reason": "422"}
    assert await getattr(Recorder(store), step)("org_1", claim_token="ours", **options) is False
    assert [one async for one in store.ledger.entries()] == []


async def test_an_enrolled_customer_must_be_claimed_before_it_is_begun(store):
    await Recorder(store).enroll([customer(1)])
    assert not await Recorder(store).begin("org_1", claim_token="ours", lease=60)


async def test_a_claim_whose_result_was_lost_can_be_repeated(store):
    assert await claim(store, by="ours/1") is ClaimResult.CLAIMED
    assert await claim(store, by="ours/1") is ClaimResult.CLAIMED


async def test_a_key_put_by_hand_makes_a_customer_in_doubt_done(store):
    await claim(store)
    await Recorder(store).begin("org_1", claim_token="ours", lease=0.0)
    assert (await entry(store)).state is State.IN_DOUBT
    await store.keys.put("org_1", KEY)
    assert (await entry(store)).state is State.DONE
    assert await claim(store, by="other") is ClaimResult.DONE


async def test_a_key_put_by_hand_while_another_is_minted_stays_and_the_other_is_an_orphan(store_url, encryption_key):
    async with (
        AsyncStore.open(store_url, encryption_key=encryption_key) as one,
        AsyncStore.open(store_url, encryption_key=encryption_key) as other,
    ):
        for number in range(20):
            identity = f"org_{number}"
            ours, _ = await asyncio.gather(
                Recorder(one).finish(customer(number), KEY, claim_token="ours"), other.keys.put(identity, OTHER)
            )
            kept = await one.keys.get(identity)
            assert kept == OTHER
            assert (await entry(one, identity)).orphans == (not ours)


async def test_an_orphan_is_counted_once_when_its_finish_is_repeated(store):
    await Recorder(store).finish(customer(1), KEY, claim_token="ours")
    for _ in range(2):
        assert not await Recorder(store).finish(customer(1), OTHER, claim_token="other/1")
    assert (await entry(store)).orphans == 1


async def test_a_customer_marked_not_sent_can_be_claimed_at_once_or_after_its_lease(store):
    await claim(store)
    assert not await Recorder(store).mark_not_sent("org_1", claim_token="other")
    assert await Recorder(store).begin("org_1", claim_token="ours", lease=60)
    assert not await Recorder(store).mark_not_sent("org_1", claim_token="other")
    assert (await entry(store)).state is State.SENT
    assert await Recorder(store).mark_not_sent("org_1", claim_token="ours", lease=1.0)
    assert (await entry(store)).state is State.TODO
    assert await claim(store, by="other") is ClaimResult.BUSY
    await asyncio.sleep(1.05)
    assert await claim(store, by="other") is ClaimResult.CLAIMED
    assert await Recorder(store).mark_not_sent("org_1", claim_token="other")
    assert await claim(store, by="third") is ClaimResult.CLAIMED


async def test_only_the_claim_that_sent_a_request_marks_it_in_doubt_with_a_reason(store):
    await claim(store)
    assert not await Recorder(store).mark_in_doubt("org_1", claim_token="ours", reason="nothing was sent yet")
    assert await Recorder(store).begin("org_1", claim_token="ours", lease=60)
    assert not await Recorder(store).mark_in_doubt("org_1", claim_token="other", reason="not its own")
    assert await Recorder(store).mark_in_doubt("org_1", claim_token="ours", reason="no response came")
    found = await entry(store)
    assert (found.state, found.reason, found.locked_until) == (State.IN_DOUBT, "no response came", 0.0)


async def test_only_the_claim_itself_fails_and_another_run_tries_again(store):
    await claim(store, by="ours/1")
    assert not await Recorder(store).fail("org_1", claim_token="other", reason="not its own")
    assert await Recorder(store).fail("org_1", claim_token="ours/1", reason="the API rejected it")
    assert (await entry(store)).reason == "the API rejected it"
    assert await claim(store, by="ours/2") is ClaimResult.FAILED
    assert await claim(store, by="other/1") is ClaimResult.CLAIMED
    assert (await entry(store)).reason is None


async def test_a_customer_in_doubt_is_minted_again_only_on_purpose_and_once_a_run(store):
    async def claim_again(token, *, remint):
        return (await Recorder(store).claim(customer(1), claim_token=token, lease=60, remint=remint)).result

    await claim(store, by="first/1")
    await Recorder(store).begin("org_1", claim_token="first/1", lease=60)
    await Recorder(store).mark_in_doubt("org_1", claim_token="first/1", reason="no response came")
    assert await claim_again("second/1", remint=False) is ClaimResult.IN_DOUBT
    assert await claim_again("first/2", remint=True) is ClaimResult.IN_DOUBT
    assert await claim_again("second/2", remint=True) is ClaimResult.CLAIMED
    assert (await entry(store)).orphans == 1


async def test_a_claim_shows_whether_the_customer_was_minted_with_other_data(store):
    async def claim_as(number, name):
        claimed = await Recorder(store).claim(customer(number, name), claim_token="other", lease=60)
        assert claimed.entry == await entry(store, f"org_{number}")
        return claimed.result, claimed.is_changed

    await Recorder(store).finish(customer(1, "Acme"), KEY, claim_token="ours")
    assert await claim_as(1, "Acme") == (ClaimResult.DONE, False)
    assert await claim_as(1, "Other") == (ClaimResult.DONE, True)
    assert await claim_as(2, "Acme") == (ClaimResult.CLAIMED, False)
    assert await claim_as(2, "Other") == (ClaimResult.CLAIMED, False)  # the same run again


async def test_a_customer_whose_key_is_not_replaced_is_listed_as_connected(store):
    recorder = Recorder(store)
    await recorder.finish(customer(1), KEY, claim_token="first/1")
    await recorder.claim(customer(1), claim_token="second/1", lease=0.0, replace=True)
    assert (await entry(store)).state is State.DONE  # nothing was sent
    await recorder.begin("org_1", claim_token="second/1", lease=60)
    assert (await entry(store)).state is State.SENT
    await recorder.fail("org_1", claim_token="second/1", reason="the API rejected it")
    assert (await entry(store)).state is State.DONE


async def test_a_customer_whose_key_in_doubt_is_not_replaced_is_listed_as_in_doubt(store):
    recorder = Recorder(store)
    await recorder.finish(customer(1), KEY, claim_token="first/1")
    await recorder.reopen("org_1", reason="another customer has its key")
    await recorder.claim(customer(1), claim_token="second/1", lease=0.0, remint=True)
    found = await entry(store)
    assert (found.state, found.reason) == (
        State.IN_DOUBT,
        "its key may belong to another customer, and no other key was minted to replace it",
    )


async def leave_unreplaced(recorder: Recorder, *, is_rejected: bool, **how: bool) -> None:
    """Claim a customer with a key to replace it, and leave it in the state ``failed`` or ``todo``."""
    await recorder.claim(customer(1), claim_token="second/1", lease=0.0, **how)
    if is_rejected:
        await recorder.begin("org_1", claim_token="second/1", lease=60)
        await recorder.fail("org_1", claim_token="second/1", reason="the API rejected it")


@pytest.mark.parametrize("is_rejected", [True, False])
async def test_reminting_does_not_replace_a_key_that_is_in_no_doubt(store, is_rejected):
    recorder = Recorder(store)
    await recorder.finish(customer(1), KEY, claim_token="first/1")
    await leave_unreplaced(recorder, is_rejected=is_rejected, replace=True)
    claimed = await recorder.claim(customer(1), claim_token="third/1", lease=60, remint=True)
    assert (claimed.result, claimed.entry.orphans) == (ClaimResult.DONE, 0)
    assert (await entry(store)).state is State.DONE


@pytest.mark.parametrize("is_rejected", [True, False])
async def test_reminting_tries_again_to_replace_a_key_in_doubt(store, is_rejected):
    recorder = Recorder(store)
    await recorder.finish(customer(1), KEY, claim_token="first/1")
    await recorder.reopen("org_1", reason="another customer has its key")
    await leave_unreplaced(recorder, is_rejected=is_rejected, remint=True)
    claimed = await recorder.claim(customer(1), claim_token="third/1", lease=60, remint=True)
    assert (claimed.result, claimed.entry.orphans) == (ClaimResult.CLAIMED, 1)


async def test_a_customer_is_written_as_json_with_sorted_names(store):
    await Recorder(store).claim(customer(1, "Söhne"), claim_token="ours", lease=60)
    assert (await entry(store)).tenant == (
        '{"organizationId":"org_1","organizationName":"Söhne","userEmail":"a@b.example","userId":"1"}'
    )


async def test_simultaneous_steps_return_the_results_of_their_own_customers(store):
    await Recorder(store).finish(customer(1), KEY, claim_token="ours")
    assert (await entry(store)).tenant.startswith('{"organizationId":"org_1"')  # though nobody had claimed it
    results = await asyncio.gather(
        Recorder(store).begin("org_9", claim_token="ours", lease=60),  # it is unknown
        claim(store, 1, by="other"),
        claim(store, 2),
        claim(store, 3),
    )
    assert [*results] == [False, ClaimResult.DONE, ClaimResult.CLAIMED, ClaimResult.CLAIMED]
    assert [one.organization_id async for one in store.ledger.entries()] == ["org_1", "org_2", "org_3"]


async def test_a_lease_starts_after_the_row_was_waited_for(postgresql_store_url, encryption_key):
    async with AsyncStore.open(postgresql_store_url, encryption_key=encryption_key) as store:
        await Recorder(store).enroll([customer(1)])
        with psycopg.connect(postgresql_store_url.replace("+psycopg", "")) as other:
            other.execute("SELECT * FROM boooply_ledger FOR UPDATE")
            claiming = asyncio.create_task(claim(store, lease=60))
            await asyncio.sleep(0.5)
            (released_at,) = other.execute("SELECT extract(epoch FROM clock_timestamp())::float").fetchone() or (0.0,)
        assert await claiming is ClaimResult.CLAIMED
        assert (await entry(store)).locked_until >= released_at + 60
