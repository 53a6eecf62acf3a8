"""A sandbox that fails, behind a proxy that doubles, swaps and replaces responses: nothing is crossed or lost."""

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil

import pytest

from boooply import (
    AIInterview,
    AmbiguousWriteError,
    AsyncBoooplyClient,
    AsyncBoooplyPlatform,
    BoooplyError,
    Candidate,
    RetryPolicy,
    Secret,
    Tenant,
)
from boooply.errors import NotConnectedError
from boooply.provisioning import Connected, async_provision
from boooply.sandbox import Fault, Sandbox
from boooply.store import AsyncStore, State

CALLS = int(os.environ.get("BOOOPLY_TEST_CALLS", "400"))
CUSTOMERS = ceil(CALLS / 4 / 2)  # four calls for each, on either database
CHUNK = 500
FAULTS: tuple[Fault, ...] = (
    *("reset-before", "reset-after", "drop-before", "commit-then-drop", "drop-midway", "422", "500", "500-after"),
    *("502", "503", "504", "html", "bad-json", "redirect", "stale"),
)
FAULTED = 0.1  # of the calls, at the sandbox
CROSSED = 0.05  # of the responses, by each of the proxy's three ways
PARTNER_WITHIN = 0.05  # seconds that a response waits for another one to be swapped with


class Proxy:
    """A proxy that mixes up responses.

    Only those that name a subject, or leave everything open as a 5xx does: another customer's 4xx reads like one's own.

    Attributes:
        is_harmful: Whether it mixes responses up, and lets calls meet the sandbox's faults.
        crossed: How many responses it has mixed up, by the way it did.
        misled: The keys about whose owner it has given a wrong response, which nobody can notice.
    """

    def __init__(self, sandbox: Sandbox, rng: random.Random) -> None:
        self.is_harmful = True
        self.crossed: Counter[str] = Counter()
        self.misled: set[Secret] = set()
        self._sandbox = sandbox
        self._rng = rng
        self._earlier: dict[str, bytes] = {}
        self._waiting: dict[str, tuple[bytes, asyncio.Future[bytes]]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection's requests on, until either side ends it."""
        api_reader, api_writer = await asyncio.open_connection(
            *self._sandbox.base_url.removeprefix("http://").split(":")
        )
        try:
            is_ahead = False
            while not is_ahead:
                request = await message(reader)
                if self.is_harmful and self._rng.random() < FAULTED:
                    self._sandbox.faults.add("*", self._rng.choice(FAULTS))
                api_writer.write(request)
                is_ahead = await self._respond(request, await message(api_reader), writer)
            request = await message(reader)  # the client takes the double for its response
            self._mislead(request)
            self.crossed["doubled and read"] += 1
            api_writer.write(request)
            await message(api_reader)
        except asyncio.IncompleteReadError as error:
            writer.write(error.partial)
        except ConnectionError:
            writer.transport.abort()
        finally:
            writer.close()
            api_writer.close()

    async def _respond(self, request: bytes, response: bytes, writer: asyncio.StreamWriter) -> bool:
        """Send a response, or another one, and return whether it was sent twice."""
        way = self._way(request, response)
        sent = await self._swapped(request, response) if way == "swapped" else response
        if way == "foreign":
            sent = self._earlier.get(kind(request), response)
        if response.startswith(b"HTTP/1.1 2"):
            self._earlier[kind(request)] = response
        if sent != response:
            self.crossed[way] += 1
            self._mislead(request)
        writer.write(sent)
        if way == "doubled":
            self.crossed[way] += 1
            await asyncio.sleep(self._rng.choice([0, 0.001, 0.01]))
            writer.write(sent)
        return way == "doubled"

    def _way(self, request: bytes, response: bytes) -> str:
        if not self.is_harmful or response[9:10] not in b"25":
            return "own"
        if kind(request) in self._waiting:
            return "swapped"
        rest = 1 - 3 * CROSSED
        return self._rng.choices(["doubled", "swapped", "foreign", "own"], [CROSSED, CROSSED, CROSSED, rest])[0]

    async def _swapped(self, request: bytes, response: bytes) -> bytes:
        """Exchange the response for the next one of its kind; if none comes, return the response itself."""
        if kind(request) in self._waiting:
            other, partner = self._waiting.pop(kind(request))
            partner.set_result(response)
            return other
        own: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[kind(request)] = (response, own)
        await asyncio.wait({own}, timeout=PARTNER_WITHIN)
        if own.done():
            return own.result()
        del self._waiting[kind(request)]
        return response

    def _mislead(self, request: bytes) -> None:
        if b"/organization " in request:
            self.misled.add(Secret(re.findall(rb"Bearer (\S+)", request)[0].decode()))


async def message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    try:
        return head + await reader.readexactly(int(length[1]) if length else 0)
    except asyncio.IncompleteReadError as error:
        raise asyncio.IncompleteReadError(head + error.partial, error.expected) from None


def kind(request: bytes) -> str:
    """Return a request's method and path, without the interview."""
    return re.sub(r"Boooply-\w+-\d+", "*", request.split(b" HTTP", 1)[0].decode())


@asynccontextmanager
async def proxying(sandbox: Sandbox, rng: random.Random) -> AsyncIterator[tuple[Proxy, str]]:
    proxy = Proxy(sandbox, rng)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        yield proxy, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Customers:
    """Customers that are connected and each invite one person, and the outcomes."""

    def __init__(self, sandbox: Sandbox, store: AsyncStore) -> None:
        self.seen: Counter[str] = Counter()
        self._sandbox = sandbox
        self._store = store
        self._owners: dict[Secret, str | None] = {}
        self._inviting: set[str] = set()
        self._codes: dict[str, str | None] = {}  # of each person's interview; None if that is ambiguous

    async def provision(self, names: list[str], url: str, *, remint: bool) -> None:
        """Connect customers over new connections, and let each one invite a person as soon as it is first connected."""
        tenants = (Tenant(user_id="1", user_email="admin@acme.example", organization_id=name) for name in names)
        async with (
            AsyncBoooplyPlatform(
                platform_key=self._sandbox.platform_key, base_url=url, timeout=20, retry=RetryPolicy(backoff=0)
            ) as platform,
            asyncio.TaskGroup() as inviting,
        ):
            async for outcome in async_provision(tenants, platform=platform, store=self._store, remint_in_doubt=remint):
                self.seen[type(outcome).__name__] += 1
                # connected again if its key turned out to be another customer's as well
                if isinstance(outcome, Connected) and outcome.organization_id not in self._inviting:
                    self._inviting.add(outcome.organization_id)
                    key = await self._store.keys.get(outcome.organization_id)
                    inviting.create_task(self._invite(outcome.organization_id, platform.organization(key)))

    async def _invite(self, organization_id: str, client: AsyncBoooplyClient) -> None:
        email = f"{organization_id}@example.com"
        request = AIInterview(job_role="Engineer", candidate=Candidate(name=organization_id, email=email))
        try:
            created = await client.interviews.create(request)
            self._codes[email] = code = created.meeting_code
            assert [person.email for person in created.participants] == [email]
            found = await client.interviews.get(code)
            assert (found.meeting_code, [person.email for person in found.participants]) == (code, [email])
            assert (await client.interviews.cancel(code)).meeting_code == code
            self.seen["whole"] += 1
        except BoooplyError as error:
            self.seen[type(error).__name__] += 1
            if isinstance(error, AmbiguousWriteError) and error.operation == "interviews.create":
                self._codes[email] = None

    def check_interviews(self) -> None:
        """Compare every result with the interviews that the API has."""
        invited = {email.to: email.meeting_code for email in self._sandbox.sent_emails if email.kind == "invitation"}
        assert self._sandbox.duplicates == ()
        for email, code in invited.items():
            assert self._codes[email] in {code, None}, "an interview that its caller does not know of"
        assert {email for email, code in self._codes.items() if code} <= set(invited)

    async def check_keys(self, names: list[str], misled: set[Secret]) -> None:
        """Compare the ledger and the keys with what the API minted."""
        mints = self._sandbox.mints
        async with AsyncBoooplyPlatform(
            platform_key=self._sandbox.platform_key, base_url=self._sandbox.base_url, rate_limits=None
        ) as direct:
            async for entry in self._store.ledger.entries(names):
                known = entry.orphans + (entry.state in {State.DONE, State.IN_DOUBT})
                assert mints.get(entry.organization_id, 0) <= known, f"a key that nobody counts: {entry.state}"
                try:
                    key = await self._store.keys.get(entry.organization_id)
                except NotConnectedError:
                    assert entry.state is not State.DONE
                    continue
                if key not in self._owners:
                    found = await direct.organization(key).organization.get()
                    self._owners[key] = found.external_org_id
                is_own = self._owners[key] == entry.organization_id
                assert is_own or key in misled, "another customer's key"


@pytest.mark.timeout(120 + CALLS // 20)
async def test_mixed_up_responses_cross_and_lose_nothing(store: AsyncStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boooply.provisioning.outage._FIRST_PAUSE", 1 / 4000)
    monkeypatch.setattr("boooply.provisioning.sources._RETRY_BUSY_AFTER", 0.01)
    async with Sandbox() as sandbox, proxying(sandbox, random.Random(7)) as (proxy, url):
        customers = Customers(sandbox, store)
        for first in range(0, CUSTOMERS, CHUNK):
            names = [f"org_{number}" for number in range(first, min(first + CHUNK, CUSTOMERS))]
            for run, proxy.is_harmful in enumerate((True, True, False)):
                await customers.provision(names, url, remint=run > 0)
                sandbox.faults.clear()
                await customers.check_keys(names, proxy.misled)
        customers.check_interviews()
        states = Counter([entry.state async for entry in store.ledger.entries()])
        proxy.crossed["faulted"] = sum(call.fault is not None for call in sandbox.calls)
        print(f"{len(sandbox.calls)} calls: {dict(proxy.crossed)}, {dict(customers.seen)}")  # noqa: T201 - the figures are for the reader of a long run
    assert states == {State.DONE: CUSTOMERS}
    assert proxy.crossed.total() > CUSTOMERS / 10
