"""The API over HTTP: who may call, within which limits, and what is written down about it."""

import asyncio
import logging
from collections.abc import Callable
from email.utils import format_datetime
from functools import partial

from aiohttp import web
from attrs import evolve

from boooply.sandbox.console import console_routes
from boooply.sandbox.control import CONTROL, control_routes, webhook_routes
from boooply.sandbox.deliveries import WebhookDispatcher
from boooply.sandbox.errors import SandboxError, forbidden
from boooply.sandbox.fault_table import ELSEWHERE
from boooply.sandbox.faults import UNKNOWN, Faults, Outcome, answered
from boooply.sandbox.limits import Allowance, Verdict, Windows, allowance_of
from boooply.sandbox.operations import OPERATIONS, Operation
from boooply.sandbox.recordings import STORAGE, Video, check_signature, video_of
from boooply.sandbox.records import Call, Key, RedirectHit
from boooply.sandbox.request_context import RequestContext
from boooply.sandbox.state import State
from boooply.sandbox.wire import Answering, bearer, in_json_form, rate_limited, read_object, success, video

__all__ = ["Server"]

OUTSIDE = (CONTROL, STORAGE)
"""What is not the API: no key, no limits, no record."""

WRONG_KEY = {
    "organization": ("a platform key cannot be used here: use the organization's key", "ORGANIZATION_KEY_REQUIRED"),
    "platform": ("an organization key cannot be used here: use the platform key", "PLATFORM_KEY_REQUIRED"),
}
HOME = frozenset({"127.0.0.1", "localhost", "::1"})
LARGEST_BODY = 8 * 2**20
TOO_MANY = 429

logger: logging.Logger = logging.getLogger("boooply.sandbox")


class Server:
    """Answer HTTP for one state.

    Every API call passes in this order: its window (429), its fault if one is planned, its route (404, 405), its key
    (401, 403), the operation. So everything that a known key asks for counts, wrong routes and refusals too, but for
    what its window refused.

    The answer waits for `latency` after the operation was carried out: who hangs up meanwhile has changed the state
    all the same, as in real life.
    """

    def __init__(
        self,
        state: State,
        windows: Windows,
        faults: Faults,
        courier: WebhookDispatcher,
        *,
        latency: float = 0.0,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        self._state = state
        self._faults = faults
        self._courier = courier
        self._windows = windows
        self._latency = latency
        self._on_call = on_call

    def app(self) -> web.Application:
        """Return the application to serve."""

        @web.middleware
        async def at_home(request: web.Request, handler: Answering) -> web.StreamResponse:
            if request.path == "/" or request.path.startswith(CONTROL):
                return await in_json_form(partial(_only_from_here, handler), request)
            return await handler(request)

        @web.middleware
        async def unrouted(request: web.Request, handler: Answering) -> web.StreamResponse:
            if request.match_info.http_exception is None:
                return await handler(request)
            if request.path.startswith(OUTSIDE):
                return await in_json_form(handler, request)
            return await self._answer(UNKNOWN, allowance_of(request.method), self._key(request), handler, request)

        app = web.Application(middlewares=[at_home, unrouted], client_max_size=LARGEST_BODY)
        for operation in OPERATIONS:
            app.router.add_route(operation.method, operation.path, partial(self._route, operation))
        for method, path, answering in (
            ("GET", f"{STORAGE}{{code}}.mp4", self._stored_video),
            ("*", ELSEWHERE, self._land),
            *control_routes(self._state, self._faults),
            *webhook_routes(self._state, self._courier),
            *console_routes(self._state, self._faults, self._windows, self._courier),
        ):
            app.router.add_route(method, path, partial(in_json_form, answering))
        return app

    async def _route(self, operation: Operation, request: web.Request) -> web.StreamResponse:
        key = self._key(request)
        performing = partial(self._perform, operation, key)
        return await self._answer(operation.name, operation.allowance, key, performing, request)

    async def _answer(
        self, name: str, allowance: Allowance, key: Key | None, answering: Answering, request: web.Request
    ) -> web.StreamResponse:
        verdict = None if key is None else self._windows.take(key.digest, allowance, self._state.clock.timestamp())
        # First of all, since a fault may use up the body that this reads.
        tenant = await self._tenant(key, request)
        fault = self._faults.take(name) if verdict is not None and verdict.granted else None
        if verdict is None or verdict.granted:
            outcome = await answered(answering, request, fault)
        else:
            outcome = Outcome.of(rate_limited())
        response = outcome.response
        if verdict is not None and outcome.shows_limits:
            response.headers.update(_limit_headers(verdict, response.status))
        if self._latency:
            await asyncio.sleep(self._latency)
        now = self._state.clock.now()
        response.headers["Date"] = format_datetime(now, usegmt=True)
        self._write_down(
            Call(
                operation=name,
                method=request.method,
                path=request.path,
                status=response.status,
                error_code=outcome.error_code,
                tenant=tenant,
                at=now,
                fault=fault,
                carried_out=outcome.carried_out,
            )
        )
        return response

    async def _perform(self, operation: Operation, key: Key | None, request: web.Request) -> web.StreamResponse:
        organization_id = _admit(operation, key)
        visit = RequestContext(
            organization_id=organization_id,
            body=await read_object(request) if operation.reads_body else {},
            query=request.query,
            code=request.match_info.get("code", ""),
            participant_id=request.match_info.get("participant_id", ""),
        )
        answer = operation.answer(self._state, visit)
        return video(request, answer) if isinstance(answer, Video) else success(answer, operation.status)

    async def _stored_video(self, request: web.Request) -> web.StreamResponse:
        state, code = self._state, request.match_info["code"]
        has_key = "Authorization" in request.headers
        check_signature(state.signing_secret, code, request.query, state.clock.now(), has_key=has_key)
        return video(request, video_of(state.interview_of_anyone(code)))

    async def _land(self, request: web.Request) -> web.StreamResponse:
        self._state.landings.append(RedirectHit(method=request.method, has_key="Authorization" in request.headers))
        return success({})

    def _write_down(self, call: Call) -> None:
        self._state.calls.append(call)
        if self._on_call is None:
            return
        try:
            self._on_call(call)
        except Exception:
            logger.exception("on_call failed")

    def _key(self, request: web.Request) -> Key | None:
        presented = bearer(request)
        return None if presented is None else self._state.key(presented)

    async def _tenant(self, key: Key | None, request: web.Request) -> str | None:
        if key is None:
            return None
        if key.opens == "organization":
            return self._state.tenant(key.organization_id)
        try:
            named = (await read_object(request)).get("organizationId")
        except (SandboxError, web.HTTPException):
            return None
        return named if isinstance(named, str) else None


async def _only_from_here(handler: Answering, request: web.Request) -> web.StreamResponse:
    # The console and the controls want no key, so no page of somebody else may reach them through a browser on this
    # machine: neither by a form, which names its origin, nor by a host name of its own that leads here.
    if request.url.host not in HOME:
        raise forbidden("the console answers to this machine's own names alone", "FOREIGN_HOST")
    origin = request.headers.get("Origin")
    if origin is not None and origin != str(request.url.origin()):
        raise forbidden("the controls answer to their own page and to programs alone", "FOREIGN_ORIGIN")
    return await handler(request)


def _limit_headers(verdict: Verdict, status: int) -> dict[str, str]:
    # The 429 of a fault looks like one of the window.
    shown = evolve(verdict, granted=False, remaining=0) if status == TOO_MANY else verdict
    return shown.headers()


def _admit(operation: Operation, key: Key | None) -> str:
    """Return whose key it is, if it opens the operation."""
    if key is None:
        raise SandboxError(401, "INVALID_API_KEY", "Invalid or missing API key")
    if key.opens != operation.opens:
        raise forbidden(*WRONG_KEY[operation.opens])
    return key.organization_id
