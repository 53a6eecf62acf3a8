"""A request that is sent exactly once, over real TLS."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from aiohttp import web

from boooply.errors import APIConnectionError
from boooply.protocol.endpoints import GET_ORGANIZATION
from boooply.secret import Secret
from boooply.transport import Pool
from boooply.transport.probing import Exchange, probe

ENDS = datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)
KEY = Secret("bply_org_0123456789abcdef")


class API:
    def __init__(self) -> None:
        self.keys: list[str | None] = []
        self.status = 200
        self.port = 0

    async def respond(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Authorization"))
        return web.json_response({"success": self.status == 200}, status=self.status, headers={"Retry-After": "0"})


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Kestrel Trust")


@pytest.fixture
async def api(authority: trustme.CA) -> AsyncIterator[API]:
    api, context, app = API(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), web.Application()
    authority.issue_cert("localhost", not_after=ENDS).configure_cert(context)
    app.router.add_get("/api/integration/organization", api.respond)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    api.port = runner.addresses[0][1]
    yield api
    await runner.cleanup()


@pytest.fixture
async def pool(api: API, authority: trustme.CA) -> AsyncIterator[Pool]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    pool = Pool(f"https://localhost:{api.port}", None, context)
    yield pool
    await pool.close()


async def exchange(pool: Pool, key: Secret | None = None) -> Exchange:
    return await probe(pool, GET_ORGANIZATION.request(), key, timeout=5)


async def test_the_certificate_is_known_of_new_and_of_kept_connections(pool: Pool) -> None:
    for found in [await exchange(pool), await exchange(pool)]:
        assert found.tls is not None
        assert (found.tls.version, found.tls.issuer) == ("TLSv1.3", "Kestrel Trust")
        assert found.tls.expires_at == ENDS.timestamp()
        assert 0 <= found.seconds < 5


async def test_a_key_is_sent_only_where_there_is_one(api: API, pool: Pool) -> None:
    await exchange(pool)
    await exchange(pool, KEY)

    assert api.keys == [None, f"Bearer {KEY.reveal()}"]


@pytest.mark.parametrize("status", [429, 503])
async def test_it_is_sent_once_whatever_comes_of_it(api: API, pool: Pool, status: int) -> None:
    api.status = status
    found = await exchange(pool, KEY)

    assert len(api.keys) == 1
    assert found.response is not None
    assert found.response.status == status


async def test_a_certificate_that_is_not_trusted(api: API) -> None:
    pool = Pool(f"https://localhost:{api.port}")
    found = await exchange(pool, KEY)
    await pool.close()

    assert isinstance(found.result, APIConnectionError)
    assert (found.response, found.tls, api.keys) == (None, None, [])
