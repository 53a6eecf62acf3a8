"""Real requests to Flask, Django and aiohttp.web, each verifying what a sandbox delivers: no framework needs more."""

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.simple_server import make_server as make_wsgi_server

import pytest
from aiohttp import web
from django.conf import settings  # type: ignore[import-untyped]  # Django ships no types
from django.core.wsgi import get_wsgi_application  # type: ignore[import-untyped]  # the same
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]  # the same
from django.urls import path  # type: ignore[import-untyped]  # the same
from django.views.decorators.csrf import csrf_exempt  # type: ignore[import-untyped]  # the same
from flask import Flask, request
from werkzeug.serving import make_server as make_werkzeug_server

from boooply import AIInterview, BoooplyPlatform, Candidate, InvalidSignatureError, Tenant, WebhookError
from boooply.sandbox import Sandbox, Webhooks
from boooply.webhooks import EvaluationEvent, Event, Webhook, sign

LARGEST = 10 * 2**20
OF_AN_AI_INTERVIEW = {"interview.transcript", "interview.evaluation", "interview.scores", "interview.recording"}


class Endpoint:
    """Verify as a user's view does, and record the event."""

    def __init__(self) -> None:
        self.url = ""
        self.events: list[Event] = []
        self.errors: list[WebhookError] = []

    def take(self, body: bytes, headers: Any) -> int:
        try:
            self.events.append(Webhook().verify(body, headers))
        except WebhookError as error:
            self.errors.append(error)
            return 401 if isinstance(error, InvalidSignatureError) else 400
        return 204


Serve = Callable[[Endpoint], AbstractContextManager[int]]


@contextmanager
def in_a_thread(server: Any) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# ---- each framework: /webhooks passes the raw bytes, /rewritten what was made of them


@contextmanager
def flask_serves(endpoint: Endpoint) -> Iterator[int]:
    app = Flask("receiver")

    @app.post("/webhooks")
    def take() -> tuple[str, int]:
        return "", endpoint.take(request.get_data(), request.headers)

    @app.post("/rewritten")
    def rewritten() -> tuple[str, int]:
        return "", endpoint.take(json.dumps(request.get_json()).encode(), request.headers)

    with in_a_thread(make_werkzeug_server("127.0.0.1", 0, app, threaded=True)) as port:
        yield port


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def django_serves(endpoint: Endpoint) -> Iterator[int]:
    if not settings.configured:  # once in a process, as Django requires
        settings.configure(
            ALLOWED_HOSTS=["127.0.0.1"],
            DATA_UPLOAD_MAX_MEMORY_SIZE=LARGEST,
            LOGGING_CONFIG=None,
            MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
            SECRET_KEY="of this test alone",
        )

    @csrf_exempt  # type: ignore[untyped-decorator]  # Django ships no types
    def take(asked: HttpRequest) -> HttpResponse:
        return HttpResponse(status=endpoint.take(asked.body, asked.headers))

    @csrf_exempt  # type: ignore[untyped-decorator]  # the same
    def rewritten(asked: HttpRequest) -> HttpResponse:
        return HttpResponse(status=endpoint.take(json.dumps(json.loads(asked.body)).encode(), asked.headers))

    settings.ROOT_URLCONF = (path("webhooks", take), path("rewritten", rewritten))  # a new one for each test
    server = make_wsgi_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, _Quiet)
    with in_a_thread(server) as port:
        yield port


@contextmanager
def aiohttp_serves(endpoint: Endpoint) -> Iterator[int]:
    async def take(asked: web.Request) -> web.Response:
        return web.Response(status=endpoint.take(await asked.read(), asked.headers))

    async def rewritten(asked: web.Request) -> web.Response:
        return web.Response(status=endpoint.take(json.dumps(await asked.json()).encode(), asked.headers))

    app = web.Application(client_max_size=LARGEST)
    app.add_routes([web.post("/webhooks", take), web.post("/rewritten", rewritten)])
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield runner.addresses[0][1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(runner.cleanup())
        loop.close()


FRAMEWORKS: dict[str, tuple[Serve, str]] = {
    "flask": (flask_serves, "Flask: request.get_data()"),
    "django": (django_serves, "Django: request.body"),
    "aiohttp": (aiohttp_serves, "aiohttp: await request.read()"),
}


@pytest.fixture(params=list(FRAMEWORKS))
def framework(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def endpoint(framework: str, boooply_sandbox: Sandbox) -> Iterator[Endpoint]:  # noqa: ARG001 - it sets the secret's variable
    endpoint = Endpoint()
    serve, _ = FRAMEWORKS[framework]
    with serve(endpoint) as port:
        endpoint.url = f"http://127.0.0.1:{port}"
        yield endpoint


def play_an_interview_to_its_end(sandbox: Sandbox, platform: BoooplyPlatform) -> str:
    acme = Tenant(user_id="1", user_email="admin@acme.example", organization_id="org_acme")
    client = platform.organization(platform.create_organization_api_key(acme).api_key)
    zoe = Candidate(name="Zoë", email="zoe@example.com")  # in ASCII, a body could be rewritten unseen
    code = client.interviews.create(AIInterview(job_role="Küchenchef", candidate=zoe)).code
    sandbox.play(code)
    return code


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("POST", parts.path, body, {"Content-Type": "application/json", **headers})
        return connection.getresponse().status
    finally:
        connection.close()


# ---- the tests, each for each framework


def test_the_sandboxs_deliveries_are_verified(
    endpoint: Endpoint, boooply_sandbox: Sandbox, boooply_webhooks: Webhooks, boooply_blocking_platform: BoooplyPlatform
) -> None:
    boooply_webhooks.url = f"{endpoint.url}/webhooks"
    code = play_an_interview_to_its_end(boooply_sandbox, boooply_blocking_platform)
    boooply_webhooks.wait()
    assert endpoint.errors == []
    assert {event.event for event in endpoint.events} == OF_AN_AI_INTERVIEW
    assert {(event.meeting_code, event.source_id) for event in endpoint.events} == {(code, "org_acme")}
    assert {event.candidate_name for event in endpoint.events if event.event != "interview.recording"} == {"Zoë"}
    (evaluation,) = [event for event in endpoint.events if isinstance(event, EvaluationEvent)]
    assert evaluation.overall_rating is not None
    assert [one.state for one in boooply_webhooks.deliveries] == ["delivered"] * len(OF_AN_AI_INTERVIEW)
    assert [attempt.status for one in boooply_webhooks.deliveries for attempt in one.attempts] == [204] * 4


def test_a_replay_has_the_same_idempotency_key(
    endpoint: Endpoint, boooply_sandbox: Sandbox, boooply_webhooks: Webhooks, boooply_blocking_platform: BoooplyPlatform
) -> None:
    boooply_webhooks.url = f"{endpoint.url}/webhooks"
    play_an_interview_to_its_end(boooply_sandbox, boooply_blocking_platform)
    boooply_webhooks.wait()
    first = {event.event: event.idempotency_key for event in endpoint.events}
    endpoint.events.clear()
    for delivery in boooply_webhooks.deliveries:
        boooply_webhooks.replay(delivery.id)
    boooply_webhooks.wait()
    assert {event.event: event.idempotency_key for event in endpoint.events} == first
    assert len(set(first.values())) == len(OF_AN_AI_INTERVIEW)


def test_a_body_that_was_parsed_and_rewritten_is_named_as_such(
    framework: str, endpoint: Endpoint, boooply_sandbox: Sandbox
) -> None:
    body = '{"event":"interview.scores","data":{"meetingCode":"Boooply-AI-1","candidateName":"Zoë"}}'.encode()
    signature = {"X-Boooply-Signature": sign(body, boooply_sandbox.webhook_secret)}
    assert post(f"{endpoint.url}/webhooks", body, signature) == 204
    assert post(f"{endpoint.url}/rewritten", body, signature) == 401
    (error,) = endpoint.errors
    assert isinstance(error, InvalidSignatureError)
    assert error.is_reserialized
    assert "Pass the raw bytes" in str(error)
    _, way_out = FRAMEWORKS[framework]
    assert way_out in str(error)


def test_a_forged_body_is_not_called_rewritten(endpoint: Endpoint, boooply_sandbox: Sandbox) -> None:
    body = json.dumps({"event": "interview.scores", "data": {"meetingCode": "Boooply-AI-1"}}).encode()
    signature = {"X-Boooply-Signature": sign(body, boooply_sandbox.webhook_secret)}
    assert post(f"{endpoint.url}/webhooks", body, signature) == 204
    assert post(f"{endpoint.url}/webhooks", body.replace(b"AI-1", b"AI-2"), signature) == 401
    (error,) = endpoint.errors
    assert isinstance(error, InvalidSignatureError)
    assert not error.is_reserialized


def test_an_event_of_some_megabytes_comes_through(endpoint: Endpoint, boooply_sandbox: Sandbox) -> None:
    lines = [{"speaker": "Zoë", "text": "x" * 1000, "startMs": number} for number in range(4000)]
    data = {"meetingCode": "Boooply-AI-1", "transcript": lines}
    body = json.dumps({"event": "interview.transcript", "data": data}, ensure_ascii=False).encode()
    assert 4_000_000 < len(body) < LARGEST
    assert (
        post(f"{endpoint.url}/webhooks", body, {"X-Boooply-Signature": sign(body, boooply_sandbox.webhook_secret)})
        == 204
    )
    assert [event.event for event in endpoint.events] == ["interview.transcript"]
