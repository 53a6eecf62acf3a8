"""What a user of each extra does first, on a sandbox; ``nox -s build`` runs it where that extra alone is installed.

``python tests/release/smoke.py bare`` is the package without extras.
"""

import asyncio
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from boooply import (
    AIInterview,
    AsyncBoooplyPlatform,
    BoooplyClient,
    BoooplyPlatform,
    Candidate,
    ConfigurationError,
    StoreError,
    Tenant,
    __version__,
)
from boooply.sandbox import Sandbox
from boooply.webhooks import EvaluationEvent, Webhook, sign

ACME = Tenant(user_id="1", user_email="admin@acme.example", organization_id="org_acme")
JANE = Candidate(name="Jane", email="jane@example.com")
BODY = b'{"event":"interview.evaluation","data":{"meetingCode":"Boooply-AI-1","overallRating":4}}'


@contextmanager
def a_sandbox() -> Generator[Sandbox]:
    """Set what ``boooply sandbox`` prints, and a key and a place for the store."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as place:
        os.environ |= {
            "BOOOPLY_BASE_URL": sandbox.base_url,
            "BOOOPLY_API_KEY": sandbox.api_key,
            "BOOOPLY_PLATFORM_KEY": sandbox.platform_key,
            "BOOOPLY_WEBHOOK_SECRET": sandbox.webhook_secret,
            "BOOOPLY_STORE_URL": f"sqlite:///{place}/boooply.db",
            "BOOOPLY_STORE_KEY": "c" * 43 + "=",
        }
        yield sandbox


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    command = Path(sysconfig.get_path("scripts"), "boooply")
    return subprocess.run([str(command), *words], check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - our own words


def bare() -> None:
    with a_sandbox() as sandbox:
        with BoooplyPlatform() as platform:
            client = platform.organization(platform.create_organization_api_key(ACME).api_key)
            assert client.organization.get().external_org_id == "org_acme"
        with BoooplyClient() as client:
            interview = client.interviews.create(AIInterview(job_role="Cook", candidate=JANE))
            sandbox.play(interview.meeting_code)
            assert client.interviews.wait_for_evaluation(interview.meeting_code).overall_score is not None
        assert isinstance(Webhook().verify(BODY, {"X-Boooply-Signature": signature()}), EvaluationEvent)
    asyncio.run(mints())


async def mints() -> None:
    with a_sandbox():
        async with AsyncBoooplyPlatform() as platform:
            key = await platform.create_organization_api_key(ACME)
            assert (await platform.organization(key.api_key).organization.get()).external_org_id == "org_acme"


def signature() -> str:
    return sign(BODY, os.environ["BOOOPLY_WEBHOOK_SECRET"])


def the_command_is_lacking() -> None:
    lacking = ran("sandbox")
    assert (lacking.returncode, lacking.stdout) == (2, ""), lacking
    assert lacking.stderr.endswith('"boooply[cli]"\n'), lacking.stderr


def store() -> None:
    asyncio.run(connects())


async def connects() -> None:
    from boooply import AsyncTenants  # noqa: PLC0415 - it is of the extra
    from boooply.store import AsyncStore  # noqa: PLC0415 - the same

    with a_sandbox() as sandbox:
        async with AsyncStore.open() as opened, AsyncBoooplyPlatform() as platform:
            for _ in range(2):
                client = await AsyncTenants(platform, opened).connect(ACME)
                assert (await client.organization.get()).external_org_id == "org_acme"
        assert sandbox.mints == {"org_acme": 1}


def postgres() -> None:
    store()
    asyncio.run(reaches_for_a_server())


async def reaches_for_a_server() -> None:
    """Look for a PostgreSQL that is not there; without its driver it would be another error."""
    from boooply.store import AsyncStore  # noqa: PLC0415 - it is of the extra

    with a_sandbox(), socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql+psycopg://boooply@127.0.0.1:{server.getsockname()[1]}/boooply"
        server.close()
        try:
            async with AsyncStore.open(url):
                raise AssertionError(url)
        except StoreError:
            pass


def distributed() -> None:
    postgres()
    asyncio.run(queues())


async def queues() -> None:
    from procrastinate.schema import SchemaManager  # noqa: PLC0415 - it is of the extra

    from boooply.provisioning import AsyncQueue  # noqa: PLC0415 - the same
    from boooply.store import AsyncStore  # noqa: PLC0415 - the same

    assert "procrastinate_fetch_job_v2" in SchemaManager.get_schema()
    with a_sandbox():
        async with AsyncStore.open() as opened:
            try:
                async with AsyncQueue.open(opened):
                    raise AssertionError(opened)
            except ConfigurationError:
                pass  # it is not on PostgreSQL


def speed() -> None:
    import orjson  # noqa: PLC0415 - it is of the extra

    from boooply.protocol import bodies  # noqa: PLC0415 - it imports orjson

    assert bodies._loads is orjson.loads
    bare()
    if sys.platform != "win32":
        import uvloop  # noqa: PLC0415 - it is of the extra

        uvloop.run(mints())


def fastapi() -> None:
    asyncio.run(takes_an_event())


async def takes_an_event() -> None:
    import uvicorn  # noqa: PLC0415 - it is of the extra
    from fastapi import FastAPI  # noqa: PLC0415 - the same

    from boooply.integrations.fastapi import WEBHOOK_PATH, Boooply  # noqa: PLC0415 - the same

    boooply, handled = Boooply(), asyncio.Event()
    app = FastAPI(lifespan=boooply.lifespan)
    boooply.add_to(app)

    @boooply.on(EvaluationEvent)
    async def evaluated(event: EvaluationEvent) -> None:
        assert event.overall_rating == 4
        handled.set()

    with a_sandbox(), socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.to_thread(post, f"http://127.0.0.1:{listener.getsockname()[1]}{WEBHOOK_PATH}")
        await asyncio.wait_for(handled.wait(), timeout=10)
        server.should_exit = True
        await serving


def post(url: str) -> None:
    request = urllib.request.Request(url, BODY, {"X-Boooply-Signature": signature()})  # noqa: S310 - on this machine
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - the same
        pass  # a refusal is raised


def cli() -> None:
    assert ran("--version").stdout == f"{__version__}\n"
    quickstart = ran("quickstart")
    assert quickstart.returncode == 0, quickstart.stderr


def mcp() -> None:
    asyncio.run(offers_tools())


async def offers_tools() -> None:
    from mcp import Client  # noqa: PLC0415 - it is of the extra

    from boooply.integrations.mcp import open_server  # noqa: PLC0415 - the same

    with a_sandbox():
        async with open_server() as server, Client(server) as host:
            assert "list_interviews" in {tool.name for tool in (await host.list_tools()).tools}
    assert ran("mcp", "--help").returncode == 0


def excel() -> None:
    from openpyxl import Workbook  # noqa: PLC0415 - it is of the extra

    from boooply.provisioning import read_tenants  # noqa: PLC0415 - the same

    book = Workbook()
    for row in (("Organization ID", "User ID", "User Email"), (7, 1, "admin@acme.example")):
        book.worksheets[0].append(row)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "tenants.xlsx")
        book.save(path)
        (tenant,) = read_tenants(path).tenants
    assert tenant.organization_id == "7"


SMOKES: dict[str, tuple[Callable[[], object], ...]] = {
    "bare": (bare, the_command_is_lacking),
    "store": (store, the_command_is_lacking),
    "postgres": (postgres,),
    "distributed": (distributed,),
    "speed": (speed,),
    "excel": (excel,),
    "fastapi": (fastapi,),
    "cli": (cli,),
    "mcp": (mcp,),
}

if __name__ == "__main__":
    for smoke in SMOKES[sys.argv[1]]:
        smoke()
