"""What a user of each extra does first, on a sandbox; ``nox -s build`` runs it where that extra alone is installed.

``python tests/release/smoke.py bare`` is the package without extras.
"""

import asyncio
import io
import os
import re
import socket
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stdout
from functools import partial, reduce
from pathlib import Path
from urllib.request import url2pathname

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
from boooply.cli.main import main
from boooply.extras import install_command
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


def installs(extra: str) -> str:
    """Return the command that installs an extra here: from the wheel that this environment was made of."""
    command = install_command(extra)
    found = re.fullmatch(rf'python -m pip install "boooply\[{extra}\] @ (file://.+\.whl)"', command)
    assert found is not None, command
    assert Path(url2pathname(found[1].removeprefix("file://"))).is_file(), command
    return command


def the_command_is_lacking() -> None:
    for words in (("sandbox",), ("provison",), ("--verson",), ("--version",), ("--help",), ()):
        lacking = ran(*words)
        assert (lacking.returncode, lacking.stdout) == (2, ""), lacking
        assert lacking.stderr == f"boooply: the command needs an extra. Install it with: {installs('cli')}\n", (
            lacking.stderr
        )


MISTAKES = {
    ("provison",): 'Unknown command "provison". Did you mean "provision"?\nTry: boooply --help\n',
    ("help", "provison"): 'Unknown command "provison". Did you mean "provision"?\nTry: boooply --help\n',
    ("wroker",): 'Unknown command "wroker". Did you mean "worker"?\nTry: boooply --help\n',
    ("--verson",): 'Unknown option "--verson". Did you mean "--version"?\nTry: boooply --help\n',
    ("tenants", "lst"): 'Unknown command "lst". Did you mean "list"?\nTry: boooply tenants --help\n',
    ("sandbox", "--prot"): 'Unknown option "--prot". Did you mean "--port"?\nTry: boooply sandbox --help\n',
}


def the_command_line(**missing: str) -> None:
    """Try mistakes, help, the version and completion, and the commands whose extras are missing."""
    for words, says in MISTAKES.items():
        mistaken = ran(*words)
        assert (mistaken.returncode, mistaken.stdout, mistaken.stderr) == (2, "", f"boooply: {says}"), mistaken
    for words in (("--version",), ("-V",)):
        assert ran(*words).stdout == f"{__version__}\n"
    for name, extra in missing.items():
        lacking = ran(name, "--some", "words")
        assert (lacking.returncode, lacking.stdout) == (2, ""), lacking
        assert lacking.stderr == f"boooply: {name} needs an extra. Install it with: {installs(extra)}\n", lacking.stderr
    with tempfile.TemporaryDirectory() as place:
        script = Path(place, "script")
        assert ran("--install-completion", "--shell", "bash", "--output", str(script)).returncode == 0
        completed = script.read_text(encoding="utf-8")
    for words in every_command():
        with redirect_stdout(io.StringIO()) as shown:
            assert main([*words, "--help"]) == 0, words
        assert shown.getvalue().startswith(" ".join(("Usage: boooply", *words))), words
        assert all(word in completed for word in words), words


def every_command() -> list[tuple[str, ...]]:
    from boooply.cli.app import app  # noqa: PLC0415 - it is of the extra

    def within(words: tuple[str, ...]) -> list[tuple[str, ...]]:
        group = reduce(lambda found, word: found[word], words, app)
        names = [name for name in group if not name.startswith("-")]
        return [words, *(below for name in names for below in within((*words, name)))]

    return within(())


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


QUEUE = dict.fromkeys(("enqueue", "worker", "queue"), "cli,distributed")
SMOKES: dict[str, tuple[Callable[[], object], ...]] = {
    "bare": (bare, the_command_is_lacking),
    "store": (store, the_command_is_lacking),
    "postgres": (postgres, the_command_is_lacking),
    "distributed": (distributed, the_command_is_lacking),
    "speed": (speed, the_command_is_lacking),
    "excel": (excel, the_command_is_lacking),
    "fastapi": (fastapi, the_command_is_lacking),
    "cli": (cli, partial(the_command_line, **QUEUE, mcp="mcp")),
    "cli,distributed": (cli, distributed, partial(the_command_line, mcp="mcp")),
    "mcp": (cli, mcp, partial(the_command_line, **QUEUE)),
}

if __name__ == "__main__":
    for smoke in SMOKES[sys.argv[1]]:
        smoke()
