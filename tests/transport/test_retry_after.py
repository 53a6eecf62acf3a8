"""A failed call is sent again after the time that ``Retry-After`` names, as far as it may be sent again."""

import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import attrs
import pytest
from aiohttp import web

from boooply import AmbiguousWriteError, AsyncBoooplyClient, RetryPolicy

ORGANIZATION = {"success": True, "organization": {"id": "1", "name": "Acme", "slug": "acme"}}
INTERVIEW = {"success": True, "meeting": {"meetingCode": "Boooply-AI-1", "sessionStatus": "SCHEDULED"}}


@attrs.define
class Api:
    """An API that is unavailable at first."""

    retry_after: str = "1"
    failures: int = 1
    status: int = 503
    times: list[tuple[str, float]] = attrs.Factory(list)
    url: str = ""

    async def respond(self, request: web.Request) -> web.Response:
        self.times.append((request.method, time.monotonic()))
        if request.method != "GET" or "interviews" not in request.path:
            self.failures -= 1
            if self.failures >= 0:
                return web.Response(status=self.status, headers={"Retry-After": self.retry_after})
        return web.json_response(INTERVIEW if "interviews" in request.path else ORGANIZATION)

    def pauses(self, method: str) -> list[float]:
        times = [when for name, when in self.times if name == method]
        return [later - earlier for earlier, later in itertools.pairwise(times)]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.respond)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield api
    await runner.cleanup()


@pytest.fixture
async def client(api: Api) -> AsyncIterator[AsyncBoooplyClient]:
    async with AsyncBoooplyClient(
        api_key="bply_org_0123456789abcdef", base_url=api.url, retry=RetryPolicy(backoff=0.01)
    ) as client:
        yield client


async def shortest_pause(api: Api, method: str, call: Callable[[], Awaitable[object]]) -> float:
    """Return the shortest pause of three calls: the machine may stall meanwhile."""
    pauses = []
    for _ in range(3):
        api.failures, api.times = 1, []
        await call()
        pauses += api.pauses(method)
    assert len(pauses) == 3
    return min(pauses)


@pytest.mark.parametrize(("retry_after", "seconds"), [("1", 1.0), ("0.4", 0.4), ("soon", 0.0), ("9" * 400, 0.0)])
async def test_a_read_waits_for_as_long_as_a_503_names(api, client, retry_after: str, seconds: float) -> None:
    api.retry_after = retry_after
    assert seconds <= await shortest_pause(api, "GET", client.organization.get) < seconds + 0.5


async def test_a_cancellation_waits_for_as_long_as_a_503_names(api, client) -> None:
    cancel = partial(client.interviews.cancel, "Boooply-AI-1")
    assert 1.0 <= await shortest_pause(api, "PATCH", cancel) < 1.5


async def test_a_creation_that_got_a_503_is_not_sent_again(api, client) -> None:
    with pytest.raises(AmbiguousWriteError) as caught:
        await client.ai.generate_job_description(job_role="Engineer")
    assert len(api.times) == 1
    assert caught.value.status_error is not None
    assert caught.value.status_error.retry_after == 1.0


async def test_no_call_waits_for_more_than_an_hour(api, client, monkeypatch) -> None:
    pauses = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    api.retry_after = "86400"
    monkeypatch.setattr("boooply.transport.sending.asyncio.sleep", note)
    await client.organization.get()
    assert 3600 <= pauses[0] < 3601
