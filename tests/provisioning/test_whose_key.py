"""Whose key it is: a key that may be another customer's connects nobody."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from boooply import (
    AmbiguousWriteError,
    AsyncBoooplyPlatform,
    AsyncTenants,
    ProvisioningError,
    Secret,
    StoreError,
    Tenant,
    WrongTenantError,
)
from boooply.client import transport_of
from boooply.provisioning import Connected, InDoubt, Outcome, async_provision
from boooply.provisioning.pending_keys import PendingKeys
from boooply.provisioning.shared_keys import restore_key
from boooply.recording import Recorder
from boooply.resources.keys import doubt_about
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore, ClaimResult, State

Mint = Callable[[int, str], dict[str, Any]]
PLATFORM_KEY = "bply_platform_x"
KEY = "bply_org_the_same_one"


def customers(count: int) -> Iterator[Tenant]:
    for number in range(count):
        yield Tenant(user_id="1", user_email="admin@acme.example", organization_id=f"org_{number}")


async def run(platform: AsyncBoooplyPlatform, store: AsyncStore, count: int, **options: Any) -> list[Outcome]:
    options = {"concurrency": 1, **options}
    return [one async for one in async_provision(customers(count), platform=platform, store=store, **options)]


def kinds(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(type(outcome).__name__ for outcome in outcomes)


async def states(store: AsyncStore) -> dict[str, State]:
    return {entry.organization_id: entry.state async for entry in store.ledger.entries()}


@asynccontextmanager
async def api(mint: Mint, owners: dict[str, str | None]) -> AsyncIterator[AsyncBoooplyPlatform]:
    """Serve an API with these responses to mints, and whose each key is; of other keys it knows nothing."""
    numbers = iter(range(1000))

    async def post(request: web.Request) -> web.Response:
        asked = (await request.json())["organizationId"]
        return web.json_response({"success": True, **mint(next(numbers), asked)})

    async def get(request: web.Request) -> web.Response:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        if key not in owners:
            return web.json_response({"success": False, "error": "unknown"}, status=401)
        return web.json_response({"success": True, "organization": {"id": "o", "externalOrgId": owners[key]}})

    app = web.Application()
    app.router.add_post("/{path:.*}", post)
    app.router.add_get("/{path:.*}", get)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with AsyncBoooplyPlatform(platform_key=PLATFORM_KEY, base_url=url, rate_limits=None) as platform:
        yield platform
    await runner.cleanup()


def naming(name: str) -> Mint:
    return lambda number, _asked: {"apiKey": f"bply_org_key{number}", "organizationId": name}


@pytest.mark.parametrize(
    ("owners", "reason"),
    [
        pytest.param({"bply_org_key0": "org_0"}, None, id="its own"),
        pytest.param({"bply_org_key0": "org_9"}, "the key belongs to another customer", id="another's"),
        pytest.param({"bply_org_key0": None}, "the API does not say whose key it is", id="silence"),
        pytest.param({}, "the API does not say whose key it is (organization.get: HTTP 401", id="refused"),
    ],
)
async def test_a_mint_that_names_another_customer_is_checked(
    store: AsyncStore, owners: dict[str, str | None], reason: str | None
) -> None:
    async with api(naming("org_9"), owners) as platform:
        (outcome,) = await run(platform, store, 1)
    if reason is None:
        assert outcome == Connected("org_0")
        assert (await store.keys.get("org_0")).reveal() == "bply_org_key0"
    else:
        assert isinstance(outcome, InDoubt)
        assert f"it names another customer, and {reason}" in outcome.reason
        assert await states(store) == {"org_0": State.IN_DOUBT}
        assert [one async for one in store.keys.organizations()] == []


async def test_the_name_in_a_mint_is_compared_exactly(store: AsyncStore) -> None:
    async with api(naming("ORG_0"), {}) as platform:
        assert kinds(await run(platform, store, 1)) == {"InDoubt": 1}


async def test_a_mint_by_hand_is_checked_too(tenant: Tenant) -> None:
    async with api(naming("org_9"), {"bply_org_key0": "org_9"}) as platform:
        with pytest.raises(AmbiguousWriteError, match="the key belongs to another customer") as caught:
            await platform.create_organization_api_key(tenant)
    assert (caught.value.identity, caught.value.status) == (tenant.organization_id, 200)


async def test_responses_that_all_name_somebody_else_connect_nobody(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.provisioning.outage._PATIENCE", -59)  # a second with the timeout of 30
    async with api(naming("org_99"), {f"bply_org_key{number}": "org_99" for number in range(20)}) as platform:
        with pytest.raises(ProvisioningError, match="the key belongs to another customer"):
            await run(platform, store, 20, concurrency=4)
    found = Counter((await states(store)).values())
    assert State.DONE not in found
    assert 3 <= found[State.IN_DOUBT] <= 9


def same(_number: int, _asked: str) -> dict[str, Any]:
    return {"apiKey": "bply_org_the_same_one"}


@pytest.mark.parametrize(
    ("owners", "first"),
    [
        ({"bply_org_the_same_one": "org_0"}, State.DONE),
        ({"bply_org_the_same_one": "org_1"}, State.IN_DOUBT),
        ({}, State.IN_DOUBT),
    ],
    ids=["the first one's", "another's", "unknown"],
)
async def test_one_key_for_all_leaves_all_but_its_owner_in_doubt(
    store: AsyncStore, owners: dict[str, str | None], first: State
) -> None:
    async with api(same, owners) as platform:
        outcomes = await run(platform, store, 20)
    assert kinds(outcomes) == {"Connected": 1, "InDoubt": 19}
    assert await states(store) == {"org_0": first} | {f"org_{number}": State.IN_DOUBT for number in range(1, 20)}
    assert "bply_org" not in str(outcomes)
    assert [one async for one in store.keys.organizations()] == ["org_0"]


@pytest.mark.parametrize(
    ("owners", "first"),
    [({KEY: "org_0"}, State.DONE), ({KEY: "org_1"}, State.IN_DOUBT), ({}, State.IN_DOUBT)],
    ids=["the first one's", "another's", "unknown"],
)
async def test_a_late_key_that_another_customer_has_connects_nobody(
    store: AsyncStore, owners: dict[str, str | None], first: State, caplog: pytest.LogCaptureFixture
) -> None:
    tenants, recorder = [*customers(2)], Recorder(store)
    await recorder.finish(tenants[0], Secret(KEY), claim_token="a/0")
    await recorder.claim(tenants[1], claim_token="a/1", lease=60)
    await recorder.begin("org_1", claim_token="a/1", lease=60)
    async with api(same, owners) as platform:
        pending = PendingKeys(store, platform)
        pending.keep({"org_1": Secret(KEY)})
        async with asyncio.timeout(30):
            while "its key is not stored" not in caplog.text:  # noqa: ASYNC110 - another task logs it
                await asyncio.sleep(0.01)
        await pending.close()
    assert await states(store) == {"org_0": first, "org_1": State.IN_DOUBT}
    assert [one async for one in store.keys.organizations()] == ["org_0"]
    assert "org_1: its key is not stored: the response contained the key of org_0" in caplog.text
    assert KEY not in caplog.text


async def test_a_customer_with_another_key_is_not_in_doubt_over_a_late_one(store: AsyncStore) -> None:
    tenants, recorder, own = [*customers(2)], Recorder(store), Secret("bply_org_its_own")
    await recorder.finish(tenants[0], Secret(KEY), claim_token="a/0")
    await recorder.finish(tenants[1], own, claim_token="b/0")
    async with api(same, {}) as platform:
        ask = partial(doubt_about, transport_of(platform))
        assert await restore_key(recorder, ask, "org_1", Secret(KEY)) is not None
    assert await states(store) == {"org_0": State.IN_DOUBT, "org_1": State.DONE}
    assert await store.keys.get("org_1") == own


async def test_a_key_of_an_unknown_customer_is_stored_only_on_request(store: AsyncStore) -> None:
    async def ask(_api_key: Secret, _organization_id: str) -> str | None:
        raise AssertionError("no other customer has the key")

    recorder = Recorder(store)
    problem = await restore_key(recorder, ask, "org_1", Secret(KEY))
    assert problem == "was disconnected in the meantime: its late key is not stored"
    assert await states(store) == {}
    assert await restore_key(recorder, ask, "org_1", Secret(KEY), create=True) is None
    assert await states(store) == {"org_1": State.DONE}
    assert await store.keys.get("org_1") == Secret(KEY)


async def test_a_reconnection_whose_response_names_nobody_is_checked(store: AsyncStore) -> None:
    async with api(lambda number, _asked: {"apiKey": f"bply_org_key{number}"}, {"bply_org_key0": "org_9"}) as platform:
        with pytest.raises(WrongTenantError, match="belongs to org_9"):
            await AsyncTenants(platform, store).reconnect(next(customers(1)))


async def test_a_customer_whose_key_is_in_doubt_can_be_minted_again(store: AsyncStore) -> None:
    def twice_the_same(number: int, asked: str) -> dict[str, Any]:
        return same(number, asked) if number < 2 else {"apiKey": f"bply_org_{asked}"}

    async with api(twice_the_same, {}) as platform:
        await run(platform, store, 2)
        assert kinds(await run(platform, store, 2)) == {"InDoubt": 2}
        assert kinds(await run(platform, store, 2, remint_in_doubt=True)) == {"Connected": 2}
    assert (await store.keys.get("org_0")).reveal() == "bply_org_org_0"


async def test_a_customer_whose_key_is_in_doubt_stays_so_if_no_other_key_comes(store: AsyncStore) -> None:
    recorder, (tenant,) = Recorder(store), customers(1)
    await recorder.finish(tenant, Secret("bply_org_the_same_one"), claim_token="a/0")
    await recorder.reopen("org_0", reason="another customer has its key")
    claimed = await recorder.claim(tenant, claim_token="b/0", lease=9, remint=True)
    assert claimed.result is ClaimResult.CLAIMED
    await recorder.mark_not_sent("org_0", claim_token="b/0")
    for run_id in ("c/0", "d/0"):
        claimed = await recorder.claim(tenant, claim_token=run_id, lease=9)
        assert claimed.result is ClaimResult.IN_DOUBT
        assert (
            claimed.entry.reason == "its key may belong to another customer, and no other key was minted to replace it"
        )
    assert await states(store) == {"org_0": State.IN_DOUBT}


async def test_a_mint_whose_check_fails_for_any_reason_leaves_the_customer_in_doubt(
    store: AsyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise StoreError("the limits cannot be read")

    monkeypatch.setattr("boooply.transport.Transport.call", failing)
    async with api(naming("org_9"), {}) as platform:
        assert kinds(await run(platform, store, 1)) == {"InDoubt": 1}


@pytest.mark.parametrize("pause", [0.0, 0.02])
async def test_a_response_that_is_sent_twice_gives_nobody_anothers_key(store: AsyncStore, pause: float) -> None:
    """A proxy sends the first response of each connection twice: none may reach the next customer."""
    async with Sandbox(limits=None) as sandbox:

        async def proxied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            api_reader, api_writer = await asyncio.open_connection(
                "127.0.0.1", int(sandbox.base_url.rpartition(":")[2])
            )
            repeats = 1
            try:
                while True:
                    api_writer.write(await message(reader))
                    response = await message(api_reader)
                    writer.write(response)
                    if repeats:
                        repeats = 0
                        await asyncio.sleep(pause)
                        writer.write(response)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()
                api_writer.close()

        server = await asyncio.start_server(proxied, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with (
            server,
            AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=url, rate_limits=None) as platform,
            AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as direct,
        ):
            outcomes = await run(platform, store, 10)
            for outcome in outcomes:
                if isinstance(outcome, Connected):
                    owner = direct.organization(await store.keys.get(outcome.organization_id))
                    assert (await owner.organization.get()).external_org_id == outcome.organization_id
        await asyncio.sleep(0.05)
    assert kinds(outcomes)["Connected"] + kinds(outcomes)["InDoubt"] == 10
    assert kinds(outcomes)["Connected"] >= 5


async def message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return head + await reader.readexactly(int(length[1]) if length else 0)
