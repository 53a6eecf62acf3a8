"""A real application under a real uvicorn, and a sandbox that delivers to it."""

import asyncio
import contextlib
import io
import json
import logging
import os
import random
import socket
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import psycopg
import pytest
import uvicorn
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from boooply import (
    AsyncBoooplyPlatform,
    AsyncTenants,
    AttemptInfo,
    AuthenticationError,
    BoooplyError,
    ConfigurationError,
    ConflictError,
    DeadlineExceededError,
    InterviewNotEvaluatedError,
    InvalidSignatureError,
    KeysNotStoredError,
    MalformedEventError,
    NotConnectedError,
    PaymentRequiredError,
    PermissionDeniedError,
    ProvisioningError,
    Secret,
    StoreError,
    StoreMismatchError,
    Tenant,
    WebhookError,
)
from boooply.integrations.fastapi import Boooply, error_response
from boooply.recording import Recorder
from boooply.sandbox import Sandbox
from boooply.store import AsyncInbox, AsyncStore, EventRecord
from boooply.webhooks import EvaluationEvent, Event, TranscriptEvent, sign

Start = Callable[..., Any]
HERE = Path(__file__).parent
SLOW_IMPORTS = (
    "boooply.integrations.fastapi",
    "boooply.store.database",
    "cryptography.fernet",
    "sqlalchemy.dialects.postgresql",
    "uvicorn",
)
ACME = {"X-Customer": "org_acme"}


def a_free_port() -> int:
    """Return a free port that the system gives to no other server or connection until this one's program uses it."""
    while True:
        port = random.randrange(10_000, 32_000)  # below the range of ports that the system chooses from
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Application:
    """Run the application in separate processes."""

    def __init__(self, start: Start, sandbox: Sandbox, store_url: str, encryption_key: str, place: Path) -> None:
        self.start = start
        self.sandbox = sandbox
        self.notes = place / "notes"
        self.log = place / "log"
        self.notes.touch()
        self.url = f"http://127.0.0.1:{a_free_port()}"
        self.environment = os.environ | {
            "BOOOPLY_BASE_URL": sandbox.base_url,
            "BOOOPLY_PLATFORM_KEY": sandbox.platform_key,
            "BOOOPLY_WEBHOOK_SECRET": sandbox.webhook_secret,
            "BOOOPLY_STORE_URL": store_url,
            "BOOOPLY_STORE_KEY": encryption_key,
            "APPLICATION_NOTES": str(self.notes),
        }

    @contextlib.contextmanager
    def running(self, workers: int = 1) -> Iterator[None]:
        port = self.url.rpartition(":")[2]
        command = [sys.executable, "-m", "uvicorn", "application:app", "--port", port, "--workers", str(workers)]
        with self.log.open("w", encoding="utf-8") as log:
            process = self.start(command, modules=SLOW_IMPORTS, cwd=HERE, env=self.environment, stdout=log, stderr=log)
            try:
                until = time.monotonic() + 60
                while not self._is_up(int(port), workers):
                    assert process.poll() is None, self.log.read_text(encoding="utf-8")
                    assert time.monotonic() < until
                    time.sleep(0.05)
                yield
            finally:
                process.terminate()
                process.wait(timeout=30)

    def _is_up(self, port: int, workers: int) -> bool:
        if self.log.read_text(encoding="utf-8").count("Application startup complete") < workers:
            return False
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        return False

    @property
    def handled(self) -> list[str]:
        return self.notes.read_text(encoding="utf-8").splitlines()

    async def until_handled(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.handled) < count:  # noqa: ASYNC110 - it is a file
                await asyncio.sleep(0.02)

    async def until_logged(self, words: str) -> None:
        async with asyncio.timeout(60):
            while words not in self.log.read_text(encoding="utf-8"):  # noqa: ASYNC110 - it is a file
                await asyncio.sleep(0.02)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def application(
    start_program: Start, threaded_sandbox: Sandbox, sqlite_store_url: str, encryption_key: str, tmp_path: Path
) -> Application:
    return Application(start_program, threaded_sandbox, sqlite_store_url, encryption_key, tmp_path)


@pytest.fixture
def store_variables(sqlite_store_url: str, encryption_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_STORE_URL", sqlite_store_url)
    monkeypatch.setenv("BOOOPLY_STORE_KEY", encryption_key)


def an_event(event: str = "interview.evaluation", **data: Any) -> bytes:
    return json.dumps({"event": event, "data": {"meetingCode": "Boooply-AI-1", **data}}).encode()


async def test_connect_create_play_and_receive_the_webhook(
    application: Application, http: aiohttp.ClientSession
) -> None:
    sandbox = application.sandbox
    with application.running():
        sandbox.webhooks.url = f"{application.url}/webhooks/boooply"
        async with http.post(f"{application.url}/interviews?job_role=Cook", headers=ACME) as response:
            assert response.status == 409
            assert await response.json() == {"detail": "Boooply is not connected yet.", "code": "not_connected"}
        async with http.post(f"{application.url}/connect", headers=ACME) as response:
            assert await response.json() == {"name": "org_acme"}
        async with http.post(f"{application.url}/interviews?job_role=Cook", headers=ACME) as response:
            code = (await response.json())["code"]
        sandbox.play(code)
        await sandbox.webhooks.delivered()
        await application.until_handled(1)
        assert {one.state for one in sandbox.webhooks.deliveries} == {"delivered"}
        assert f"{code} org_acme" in application.handled[0]
        async with http.get(f"{application.url}/interviews/{code}", headers=ACME) as response:
            assert await response.json() == {"status": "COMPLETED"}
    log = application.log.read_text(encoding="utf-8")
    assert f"interview.transcript of {code} for customer org_acme failed, attempt 1" in log
    assert "Application shutdown complete" in log


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_fifty_deliveries_over_four_workers_are_handled_once(
    database: str,
    request: pytest.FixtureRequest,
    start_program: Start,
    threaded_sandbox: Sandbox,
    encryption_key: str,
    tmp_path: Path,
) -> None:
    store_url = request.getfixturevalue(f"{database}_store_url")
    application = Application(start_program, threaded_sandbox, store_url, encryption_key, tmp_path)
    body = an_event(overallRating=4)
    headers = {"X-Boooply-Signature": sign(body, threaded_sandbox.webhook_secret)}
    with application.running(workers=4):
        pids = set()

        async def deliver() -> int:
            # a connection each, so that the deliveries reach all the workers
            async with aiohttp.ClientSession() as session:
                async with session.get(f"{application.url}/worker") as response:
                    pids.add(await response.text())
                async with session.post(f"{application.url}/webhooks/boooply", data=body, headers=headers) as response:
                    return response.status

        assert set(await asyncio.gather(*(deliver() for _ in range(50)))) == {204}
        await application.until_handled(1)
        await asyncio.sleep(1)  # another worker would look by now
        assert len(application.handled) == 1
    assert len(pids) > 1


async def test_a_stored_event_outlives_the_process(application: Application, http: aiohttp.ClientSession) -> None:
    body = an_event("interview.transcript")  # its handler fails, and it is tried again
    headers = {"X-Boooply-Signature": sign(body, application.sandbox.webhook_secret)}
    with application.running():
        async with http.post(f"{application.url}/webhooks/boooply", data=body, headers=headers) as response:
            assert response.status == 204
        await application.until_logged("failed, attempt 1")
    with application.running():
        await application.until_logged("failed, attempt 2")


async def test_errors_have_sensible_responses(application: Application, http: aiohttp.ClientSession) -> None:
    async def ask(method: str, path: str, **options: Any) -> tuple[int, str]:
        async with http.request(method, f"{application.url}{path}", **options) as response:
            return response.status, (await response.json())[
                "detail"
            ] if response.content_type == "application/json" else ""

    with application.running():
        async with http.post(f"{application.url}/connect", headers=ACME) as response:
            assert response.status == 200
        assert await ask("GET", "/interviews/nothing", headers=ACME) == (404, "the interview was not found")
        assert await ask("POST", "/interviews?job_role=%20", headers=ACME) == (422, "job_role: is blank")
        application.sandbox.faults.add("interviews.get", "html", times=None)
        assert await ask("GET", "/interviews/x", headers=ACME) == (502, "Boooply cannot be reached at the moment.")
        application.sandbox.faults.clear()
        application.sandbox.faults.add("interviews.create", "commit-then-drop")
        status, detail = await ask("POST", "/interviews?job_role=Cook", headers=ACME)
        assert (status, "check before you try again" in detail) == (502, True)
        body = an_event()
        wrong = {"X-Boooply-Signature": "a" * 64}
        assert (await ask("POST", "/webhooks/boooply", data=body, headers=wrong))[0] == 401
        genuine = {"X-Boooply-Signature": sign(b"[]", application.sandbox.webhook_secret)}
        assert (await ask("POST", "/webhooks/boooply", data=b"[]", headers=genuine))[0] == 400
        assert (await ask("POST", "/webhooks/boooply", data=io.BytesIO(b" " * 11 * 2**20), headers=wrong))[0] == 400
        own = {"X-Boooply-Signature": sign(body, application.sandbox.webhook_secret)}
        async with http.post(f"{application.url}/own-webhook", data=body, headers=own) as response:
            assert await response.json() == {"event": "interview.evaluation"}
        unwanted = an_event("interview.scores")
        signed = {"X-Boooply-Signature": sign(unwanted, application.sandbox.webhook_secret)}
        assert (await ask("POST", "/webhooks/boooply", data=unwanted, headers=signed))[0] == 204
        again = await ask("GET", "/worker?key=bply_org_0123456789abcdef&token=a-join-token-of-somebody")
        assert again[0] == 200
    log = application.log.read_text(encoding="utf-8")
    assert "/worker?key=" in log
    for secret in ("0123456789abcdef", "a-join-token", application.sandbox.platform_key, "Bearer "):
        assert secret not in log


@pytest.mark.usefixtures("boooply_sandbox", "store_variables")
async def test_the_access_log_shows_no_key_and_no_join_token(
    http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # caplog depends on `propagate`, which a server without an access log, such as the one for MCP, sets to False
    written, log = io.StringIO(), logging.getLogger("uvicorn.access")
    monkeypatch.setattr(log, "handlers", [logging.StreamHandler(written)])
    app = FastAPI(lifespan=Boooply().lifespan)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    with caplog.at_level(logging.INFO, log.name):
        serving = asyncio.create_task(server.serve())
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.01)
        query = "key=bply_org_0123456789abcdef&token=a-join-token-of-somebody"
        port = server.servers[0].sockets[0].getsockname()[1]
        async with http.get(f"http://127.0.0.1:{port}/nowhere?{query}") as response:
            assert response.status == 404
        server.should_exit = True
        await serving
    (line,) = written.getvalue().splitlines()
    assert "/nowhere?key=bply_org_" in line
    assert "0123456789abcdef" not in line
    assert "join-token" not in line


def test_a_missing_setting_stops_the_start(application: Application) -> None:
    del application.environment["BOOOPLY_WEBHOOK_SECRET"]
    with pytest.raises(AssertionError, match="BOOOPLY_WEBHOOK_SECRET"), application.running():
        pass


@pytest.mark.usefixtures("boooply_sandbox", "store_variables")
async def test_a_store_of_another_api_stops_the_start() -> None:
    async with Boooply().lifespan():
        pass  # which mints nothing, so the store belongs to nobody yet
    async with AsyncStore.open() as store:
        await store.identity.record("https://api.example", [Secret("bply_platform_0123456789abcdef")])
    with pytest.raises(StoreMismatchError, match=r"belongs to the API at https://api\.example"):
        async with Boooply().lifespan():
            pass


@pytest.mark.usefixtures("boooply_sandbox", "store_variables")
async def test_a_store_that_fails_does_not_delay_the_end_beyond_the_grace(
    postgresql_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.integrations.fastapi.application.GRACE", 1.0)
    monkeypatch.setenv("BOOOPLY_STORE_URL", postgresql_store_url)
    monkeypatch.setenv("BOOOPLY_WEBHOOK_SECRET", "whsec_0123456789abcdef")
    boooply = Boooply()
    boooply.on(Event)(print)
    with down(postgresql_store_url) as go_down:
        async with boooply.lifespan():
            go_down()
            await asyncio.sleep(3)  # by now the inbox has looked for events, which is retried for a minute
            begun = time.monotonic()
        assert time.monotonic() - begun < 10


@contextlib.contextmanager
def down(url: str) -> Iterator[Callable[[], None]]:
    """Yield a function with which the server ends all connections to the store's database and refuses new ones."""
    server = url.replace("+psycopg", "").replace("/store?", "/postgres?")
    with psycopg.connect(server, autocommit=True) as connection:

        def go_down() -> None:
            connection.execute("ALTER DATABASE store ALLOW_CONNECTIONS false")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'store'")

        try:
            yield go_down
        finally:
            connection.execute("ALTER DATABASE store ALLOW_CONNECTIONS true")


@pytest.mark.usefixtures("boooply_sandbox", "store_variables")
def test_each_life_of_an_application_has_its_own_secret() -> None:
    boooply = Boooply()
    app = FastAPI(lifespan=boooply.lifespan)
    boooply.add_to(app)

    @boooply.on(EvaluationEvent)
    async def evaluated(_event: EvaluationEvent) -> None:
        pass

    for secret in ("whsec_first_0123456789", "whsec_second_0123456789"):
        os.environ["BOOOPLY_WEBHOOK_SECRET"] = secret
        with TestClient(app) as client:
            body = an_event()
            headers = {"X-Boooply-Signature": sign(body, secret)}
            assert client.post("/webhooks/boooply", content=body, headers=headers).status_code == 204
            with pytest.raises(ConfigurationError, match="before it starts"):
                boooply.on(EvaluationEvent)(evaluated)


def test_a_second_handler_for_one_class_raises() -> None:
    boooply = Boooply()

    @boooply.on(Event)
    async def handle(_event: Event) -> None:
        pass

    with pytest.raises(ConfigurationError, match="handler for Event already"):
        boooply.on(Event)(handle)


@pytest.mark.parametrize("kind", ["interview.evaluation", print, Tenant, None])
def test_a_handler_is_for_a_class_of_events(kind: Any) -> None:
    with pytest.raises(ConfigurationError, match="kind must be a class of events, such as EvaluationEvent"):
        Boooply().on(kind)


# Older Starlettes leave the streams of a TestClient open if its application does not start.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <function MemoryObject:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.usefixtures("boooply_sandbox", "store_variables")
def test_entering_one_boooply_twice_raises_and_leaves_the_first_one_running() -> None:
    boooply = Boooply()
    app = FastAPI(lifespan=boooply.lifespan)
    with TestClient(app):
        with pytest.raises(ConfigurationError, match="is used by a running application already"), TestClient(app):
            pass
        boooply.store()
    with TestClient(app):  # one after the other is fine
        boooply.store()


@pytest.mark.usefixtures("boooply_sandbox", "store_variables")
def test_a_mounted_application_whose_lifespan_never_runs_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    boooply = Boooply()
    mounted = FastAPI(lifespan=boooply.lifespan)
    boooply.add_to(mounted)

    @mounted.get("/")
    async def index(_store: Annotated[AsyncStore, Depends(boooply.store)]) -> None:
        pass

    app = FastAPI()
    app.mount("/api", mounted)
    with TestClient(app) as client:
        assert client.get("/api/").status_code == 500
    assert "pass it to the outermost application, because the lifespan of a mounted application never" in caplog.text


@pytest.mark.usefixtures("store_variables")
def test_what_the_api_says_about_a_customer_reaches_the_user(boooply_sandbox: Sandbox) -> None:
    boooply = Boooply()
    app = FastAPI(lifespan=boooply.lifespan)
    boooply.add_to(app)
    failures = {
        "key": AuthenticationError("interviews.get", status=401, message="Invalid API key", code="INVALID_API_KEY"),
        "mint": AuthenticationError("create_organization_api_key", status=401, message="Invalid platform key"),
        "may not": PermissionDeniedError("create_organization_api_key", status=403, message="This key may not mint"),
        "plan": PaymentRequiredError("interviews.create", status=402, message="The plan has no interviews left"),
        "role": PermissionDeniedError("interviews.create", status=403, message="Only owners may do this"),
        "mute": PermissionDeniedError("interviews.create", status=403, message=""),
    }

    @app.get("/{kind}")
    async def fail(kind: str) -> None:
        raise failures[kind]

    @app.get("/")
    async def customers(tenants: Annotated[AsyncTenants, Depends(boooply.tenants)]) -> None:
        await tenants.connect(Tenant(user_id="1", user_email="a@b.example", organization_id="org_1"))
        await boooply.store().keys.put("org_1", "bply_org_revoked_in_the_dashboard")
        await AsyncTenants(boooply.platform(), boooply.store()).client("org_1")

    with TestClient(app) as client:
        responses = {kind: client.get(f"/{kind}") for kind in (*failures, "")}
    assert {kind: response.status_code for kind, response in responses.items()} == {
        "key": 409,
        "mint": 500,
        "may not": 500,
        "plan": 402,
        "role": 403,
        "mute": 403,
        "": 409,
    }
    details = {kind: response.json()["detail"] for kind, response in responses.items()}
    assert details["key"] == details[""]
    assert details["key"] == "Boooply no longer accepts the key of this customer: reconnect Boooply."
    assert details["mint"] == details["may not"] == "Boooply is not set up correctly."
    assert details["plan"] == "The plan has no interviews left"
    assert details["role"] == "Only owners may do this"
    assert details["mute"] == "interviews.create: HTTP 403"
    assert {kind: response.json()["code"] for kind, response in responses.items()} == {
        "key": "key_rejected",
        "mint": "not_set_up",
        "may not": "not_set_up",
        "plan": "payment_required",
        "role": "permission_denied",
        "mute": "permission_denied",
        "": "key_rejected",
    }
    assert boooply_sandbox.mints == {"org_1": 1}


CONFLICTS = {
    "not_connected": NotConnectedError("org_1"),
    "in_doubt": ProvisioningError("org_1 is in doubt"),
    "key_rejected": AuthenticationError("interviews.get", status=401, message="Invalid API key"),
    "not_evaluated": InterviewNotEvaluatedError("Boooply-AI-1", "CANCELLED"),
    "conflict": ConflictError("interviews.cancel", status=409, message="It is cancelled already"),
}


@pytest.mark.parametrize("code", CONFLICTS)
def test_a_program_can_distinguish_the_conflicts(code: str) -> None:
    app = FastAPI()
    Boooply().add_to(app)

    @app.get("/")
    async def fail() -> None:
        raise CONFLICTS[code]

    response = TestClient(app).get("/")
    assert (response.status_code, response.json()["code"]) == (409, code)


@pytest.mark.parametrize("given", ["", Secret("")], ids=["text", "secret"])
def test_a_customer_whose_key_is_empty_is_not_connected(boooply_sandbox: Sandbox, given: str | Secret) -> None:
    app = FastAPI()
    app.exception_handler(BoooplyError)(error_response)

    @app.get("/")
    async def read() -> None:
        async with AsyncBoooplyPlatform() as platform:
            await platform.organization(given).organization.get()

    response = TestClient(app).get("/")
    assert response.status_code == 409
    assert response.json() == {"detail": "Boooply is not connected yet.", "code": "not_connected"}
    assert boooply_sandbox.calls == ()


@pytest.mark.usefixtures("boooply_sandbox")
@pytest.mark.parametrize("given", ["", None])
def test_a_platform_key_that_is_empty_is_reported_as_missing(
    given: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", "")
    app = FastAPI()
    app.exception_handler(BoooplyError)(error_response)

    @app.get("/")
    async def connect() -> None:
        AsyncBoooplyPlatform(platform_key=given)

    response = TestClient(app).get("/")
    assert response.status_code == 503
    assert response.json() == {"detail": "Boooply is not set up: its platform key is missing.", "code": "not_set_up"}
    assert "Retry-After" not in response.headers
    assert "set BOOOPLY_PLATFORM_KEY" in caplog.text


def test_a_deadline_is_a_timeout_whose_log_names_the_customer(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    app.exception_handler(BoooplyError)(error_response)

    @app.get("/")
    async def read() -> None:
        raise DeadlineExceededError("interviews.get", 8, "further attempt", 503, organization_id="org_acme")

    response = TestClient(app).get("/")
    assert (response.status_code, response.headers["Retry-After"]) == (504, "5")
    text = "The request to Boooply took too long. Try again in a moment."
    assert response.json() == {"detail": text, "code": "timeout"}
    (record,) = [record for record in caplog.records if record.name == "boooply.fastapi"]
    assert record.getMessage() == (
        "DeadlineExceededError for customer org_acme: interviews.get: no further attempt within 8 s; "
        "the last response was 503"
    )


@pytest.mark.usefixtures("store_variables")
def test_a_handler_may_be_a_plain_function(boooply_sandbox: Sandbox) -> None:
    boooply, handled = Boooply(), threading.Event()
    app = FastAPI(lifespan=boooply.lifespan)
    boooply.add_to(app)
    threads: list[str] = []

    @boooply.on(EvaluationEvent)
    def evaluated(_event: EvaluationEvent) -> None:
        threads.append(threading.current_thread().name)
        handled.set()

    body = an_event()
    headers = {"X-Boooply-Signature": sign(body, boooply_sandbox.webhook_secret)}
    with TestClient(app) as client:
        assert client.post("/webhooks/boooply", content=body, headers=headers).status_code == 204
        assert handled.wait(10)
        time.sleep(0.3)
    assert threads == ["boooply-call"]


@pytest.mark.usefixtures("store_variables")
def test_a_revoked_key_is_a_409_and_its_line_names_the_customer(
    boooply_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    reports: list[AttemptInfo] = []
    boooply = Boooply(on_response=reports.append)
    app = FastAPI(lifespan=boooply.lifespan)
    boooply.add_to(app)
    acme = Tenant(user_id="1", user_email="a@acme.example", organization_id="org_acme")
    customers = Annotated[AsyncTenants, Depends(boooply.tenants)]

    @app.post("/{step}")
    async def connect(step: str, tenants: customers) -> str | None:
        client = await (tenants.reconnect(acme) if step == "reconnect" else tenants.connect(acme))
        return (await client.organization.get()).external_org_id

    with TestClient(app) as client:
        assert client.post("/connect").status_code == 200
        boooply_sandbox.revoke_keys("org_acme")
        response = client.post("/connect")
        assert (response.status_code, "reconnect Boooply" in response.json()["detail"]) == (409, True)
        assert "org_acme" not in response.text
        assert client.post("/reconnect").json() == "org_acme"
    assert [(one.organization_id, one.status) for one in reports if one.status == 401] == [("org_acme", 401)]
    (line,) = [one.getMessage() for one in caplog.records if one.name == "boooply.fastapi"]
    assert line.startswith("AuthenticationError: organization.get for customer org_acme: HTTP 401 INVALID_API_KEY")


@pytest.mark.usefixtures("store_variables")
def test_the_line_of_a_rejected_stored_key_says_what_to_do(
    boooply_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    boooply = Boooply()
    app = FastAPI(lifespan=boooply.lifespan)
    boooply.add_to(app)
    customers = Annotated[AsyncTenants, Depends(boooply.tenants)]

    @app.post("/")
    async def connect(tenants: customers) -> None:
        await tenants.connect(Tenant(user_id="1", user_email="a@acme.example", organization_id="org_acme"))

    with TestClient(app) as client:
        assert client.post("/").status_code == 200
    boooply_sandbox.revoke_keys("org_acme")
    with TestClient(app) as client:  # as after a restart
        assert client.post("/").status_code == 409

    (line,) = [one.getMessage() for one in caplog.records if one.name == "boooply.fastapi"]
    assert line.startswith("AuthenticationError: organization.get for customer org_acme: HTTP 401 INVALID_API_KEY")
    assert " The API rejected the stored key of org_acme. " in line
    assert line.endswith("Otherwise, reconnect the customer.")


def test_a_coroutine_function_as_on_response_is_rejected() -> None:
    async def report(_info: AttemptInfo) -> None:
        pass

    with pytest.raises(ConfigurationError, match="on_response must be a plain function"):
        Boooply(on_response=report)


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, "4", True, None])
def test_a_concurrency_that_cannot_work_is_rejected(concurrency: Any) -> None:
    with pytest.raises(ConfigurationError, match="concurrency must be a whole number above zero"):
        Boooply(concurrency=concurrency)


@pytest.mark.usefixtures("store_variables")
@pytest.mark.parametrize("concurrency", [1, 6])
def test_so_many_events_are_handled_at_once(boooply_sandbox: Sandbox, concurrency: int) -> None:
    boooply = Boooply(concurrency=concurrency)
    app = FastAPI(lifespan=boooply.lifespan)
    boooply.add_to(app)
    running, most, handled = 0, 0, threading.Semaphore(0)

    @boooply.on(EvaluationEvent)
    async def evaluated(_event: EvaluationEvent) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        until = time.monotonic() + 30
        while most < concurrency and time.monotonic() < until:  # noqa: ASYNC110 - its neighbours set it
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        running -= 1
        handled.release()

    with TestClient(app) as client:
        for number in range(7):
            body = json.dumps(
                {"event": "interview.evaluation", "data": {"meetingCode": f"Boooply-AI-{number}", "overallRating": 4.0}}
            ).encode()
            headers = {"X-Boooply-Signature": sign(body, boooply_sandbox.webhook_secret)}
            assert client.post("/webhooks/boooply", content=body, headers=headers).status_code == 204
        for _ in range(7):
            assert handled.acquire(timeout=60)
    assert most == concurrency


def test_using_an_application_before_it_runs_raises() -> None:
    with pytest.raises(ConfigurationError, match=r"lifespan=boooply\.lifespan"):
        Boooply().platform()


def impatient(store: AsyncStore) -> AsyncInbox:
    return AsyncInbox(store, pauses=(0.05,))


@pytest.mark.usefixtures("store_variables")
def test_an_event_without_a_handler_is_left_to_another_process(
    boooply_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boooply.store.inbox_workers._LOOK_AGAIN", 0.05)
    is_declined, is_handled, is_open = threading.Event(), threading.Event(), threading.Event()
    body = an_event()
    headers = {"X-Boooply-Signature": sign(body, boooply_sandbox.webhook_secret)}

    # the newer one of a rolling deploy takes an event, and ends before it has handled it
    newer = Boooply(inbox=impatient)

    @newer.on(EvaluationEvent)
    async def evaluated(_event: EvaluationEvent) -> None:
        if not is_open.is_set():
            raise RuntimeError
        is_handled.set()

    app = FastAPI(lifespan=newer.lifespan)
    newer.add_to(app)
    with TestClient(app) as client:
        assert client.post("/webhooks/boooply", content=body, headers=headers).status_code == 204

    older = Boooply(inbox=impatient)

    @older.on(TranscriptEvent)
    async def transcribed(_event: TranscriptEvent) -> None:
        pass

    handler_here = Boooply._handler_here

    def watched(self: Boooply, event: Event) -> Any:
        try:
            return handler_here(self, event)
        finally:
            is_declined.set()

    with monkeypatch.context() as watching:
        watching.setattr(Boooply, "_handler_here", watched)
        with TestClient(FastAPI(lifespan=older.lifespan)):
            assert is_declined.wait(10)
            time.sleep(0.2)
    is_open.set()
    with TestClient(app):
        assert is_handled.wait(10)


@pytest.mark.usefixtures("store_variables")
@pytest.mark.parametrize("is_async", [True, False])
def test_an_event_that_always_fails_is_dead_and_can_be_retried(boooply_sandbox: Sandbox, is_async: bool) -> None:
    boooply = Boooply(inbox=lambda store: AsyncInbox(store, pauses=(0.0,), attempts=2))
    app = FastAPI(lifespan=boooply.lifespan)
    boooply.add_to(app)
    has_died, is_handled, dead, calls = (
        threading.Event(),
        threading.Event(),
        list[EventRecord](),
        list[EvaluationEvent](),
    )

    @boooply.on(EvaluationEvent)
    async def evaluated(event: EvaluationEvent) -> None:
        calls.append(event)
        if not has_died.is_set():
            raise LookupError
        is_handled.set()

    async def alert(record: EventRecord) -> None:
        alert_plainly(record)

    def alert_plainly(record: EventRecord) -> None:
        dead.append(record)
        has_died.set()

    boooply.on_dead(alert if is_async else alert_plainly)

    @app.post("/retry")
    async def retry(store: Annotated[AsyncStore, Depends(boooply.store)]) -> list[bool]:
        return [await store.events.retry(one.idempotency_key) async for one in store.events.list(state="dead")]

    body = an_event()
    headers = {"X-Boooply-Signature": sign(body, boooply_sandbox.webhook_secret)}
    with TestClient(app) as client:
        assert client.post("/webhooks/boooply", content=body, headers=headers).status_code == 204
        assert has_died.wait(20)
        assert client.post("/retry").json() == [True]
        assert is_handled.wait(20)
        with pytest.raises(ConfigurationError, match="the application is running"):
            boooply.on_dead(alert)
    assert (len(calls), len(dead)) == (3, 1)
    assert (dead[0].state, dead[0].attempts, dead[0].event) == ("dead", 2, "interview.evaluation")
    assert "test_an_event_that_always_fails" in str(dead[0].last_failure)


def test_there_is_one_function_for_dead_events() -> None:
    boooply = Boooply()
    assert boooply.on_dead(print) is print
    with pytest.raises(ConfigurationError, match="there is a function for dead events already"):
        boooply.on_dead(print)


@pytest.mark.usefixtures("boooply_sandbox", "store_variables")
@pytest.mark.parametrize("is_stored", [True, False])
def test_a_key_that_could_not_be_stored_is_kept_at(
    is_stored: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("boooply.provisioning.pending_keys._RETRY_AFTER", 0.05)
    boooply = Boooply()
    app = FastAPI(lifespan=boooply.lifespan)
    boooply.add_to(app)
    restore, failures, attempts = Recorder.restore, 3 if is_stored else 10**9, threading.Semaphore(0)

    async def fail(self: Recorder, organization_id: str, api_key: Any, **options: bool) -> bool | None:
        nonlocal failures
        failures -= 1
        try:
            if failures > 0:
                raise StoreError("gone")
            return await restore(self, organization_id, api_key, **options)
        finally:
            attempts.release()

    monkeypatch.setattr(Recorder, "restore", fail)

    @app.post("/connect")
    async def connect(store: Annotated[AsyncStore, Depends(boooply.store)]) -> None:
        await Recorder(store).enroll([Tenant(user_id="1", user_email="a@b.example", organization_id="org_1")])
        raise KeysNotStoredError({"org_1": Secret("bply_org_0123456789abcdef")}, "the disk is full")

    @app.get("/connected")
    async def connected(tenants: Annotated[AsyncTenants, Depends(boooply.tenants)]) -> str:
        await tenants.client("org_1")
        return "yes"

    with TestClient(app) as client:
        assert client.post("/connect").status_code == 503
        for _ in range(3):  # it is tried again and again
            assert attempts.acquire(timeout=30)
        # with a key that is none of the sandbox's: it gets as far as asking with it
        response = client.get("/connected")
        assert response.status_code == 409
        assert ("reconnect Boooply" in response.json()["detail"]) is is_stored
    assert ("the key of org_1 was minted but could not be stored" in caplog.text) is not is_stored
    assert len([*tmp_path.glob("boooply-rescued-keys-*")]) == (not is_stored)
    assert "0123456789abcdef" not in caplog.text


@pytest.mark.usefixtures("boooply_sandbox", "store_variables")
@pytest.mark.parametrize(("times", "problem"), [(1, InvalidSignatureError), (2**19, MalformedEventError)])
@pytest.mark.parametrize("path", ["/webhooks", "/own-webhook"])
def test_no_frame_of_an_error_contains_the_body(path: str, times: int, problem: type[WebhookError]) -> None:
    boooply = Boooply()
    app = FastAPI(lifespan=boooply.lifespan)
    app.add_api_route("/webhooks", boooply._receive, methods=["POST"])
    app.add_api_route("/own-webhook", boooply.event, methods=["POST"], response_model=None)
    with TestClient(app) as client, pytest.raises(problem) as caught:
        client.post(path, content=b"a very private thought" * times, headers={"X-Boooply-Signature": "a" * 64})
    formatted = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in formatted.stack if "/boooply/" in frame.filename]
    assert ours
    assert not [frame.name for frame in ours if "private thought" in str(frame.locals)]
