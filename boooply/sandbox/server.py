"""The API over HTTP: keys, rate limits, faults, and the record of calls."""

import asyncio
import logging
import time
from collections.abc import Callable
from email.utils import format_datetime
from functools import partial
from math import inf

from aiohttp import web
from attrs import evolve

from boooply.sandbox.console import console_routes
from boooply.sandbox.context import RequestContext
from boooply.sandbox.control import CONTROL, control_routes, fault_routes, webhook_routes
from boooply.sandbox.exchanges import exchange_of
from boooply.sandbox.fault_table import ELSEWHERE
from boooply.sandbox.faults import DOWNLOAD, UNKNOWN, Faults, Outcome, respond_with_fault
from boooply.sandbox.limits import Allowance, Decision, Windows, allowance_of
from boooply.sandbox.operations import OPERATIONS, Operation
from boooply.sandbox.playing import expire_overdue
from boooply.sandbox.recordings import STORAGE, check_signature, video_of
from boooply.sandbox.records import Call, Key, RedirectHit
from boooply.sandbox.responses import (
    Respond,
    bearer,
    rate_limited,
    read_object,
    respond_in_json,
    success,
    video_response,
)
from boooply.sandbox.state import State
from boooply.sandbox.webhooks import WebhookDispatcher
from boooply.sandbox.wire import SandboxError, forbidden

__all__ = ["Server"]

OUTSIDE = (CONTROL, STORAGE)
"""The paths outside the API: without keys, limits and records."""

WRONG_KEY = {
    "organization": ("a platform key cannot be used here: use the organization's key", "ORGANIZATION_KEY_REQUIRED"),
    "platform": ("an organization key cannot be used here: use the platform key", "PLATFORM_KEY_REQUIRED"),
}
OWN_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
LARGEST_BODY = 8 * 2**20
TOO_MANY_REQUESTS = 429

logger: logging.Logger = logging.getLogger("boooply.sandbox")


def _seconds(latency: object) -> float:
    if isinstance(latency, int | float) and 0 <= latency < inf:
        return latency
    raise ValueError("latency must be a number of seconds, at least 0")


class Server:
    """The HTTP server of a state.

    Each API call passes these checks in order: rate limit (429), planned fault, route (404, 405), key (401, 403). Then
    the operation runs. Every call with a known key that is within the limit counts, including wrong routes and errors.

    The response waits for `latency` after the operation. A client that disconnects meanwhile has changed the state.
    """

    def __init__(
        self,
        state: State,
        windows: Windows,
        faults: Faults,
        dispatcher: WebhookDispatcher,
        *,
        latency: float = 0.0,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        self._state = state
        self._faults = faults
        self._dispatcher = dispatcher
        self._windows = windows
        self._latency = _seconds(latency)
        self._on_call = on_call

    def app(self) -> web.Application:
        """Return the application to serve."""

        @web.middleware
        async def own_pages_only(request: web.Request, handler: Respond) -> web.StreamResponse:
            if request.path == "/" or request.path.startswith(CONTROL):
                return await respond_in_json(partial(_reject_foreign, handler), request)
            return await handler(request)

        @web.middleware
        async def unrouted(request: web.Request, handler: Respond) -> web.StreamResponse:
            if request.match_info.http_exception is None:
                return await handler(request)
            if request.path.startswith(OUTSIDE):
                return await respond_in_json(handler, request)
            return await self._respond(UNKNOWN, allowance_of(request.method), self._key(request), handler, request)

        app = web.Application(middlewares=[own_pages_only, unrouted], client_max_size=LARGEST_BODY)
        for operation in OPERATIONS:
            app.router.add_route(operation.method, operation.path, partial(self._route, operation))
        for method, path, respond in (
            ("GET", f"{STORAGE}{{code}}.mp4", self._store),
            ("*", ELSEWHERE, self._record_redirect_hit),
            *control_routes(self._state),
            *fault_routes(self._faults),
            *webhook_routes(self._state, self._dispatcher),
            *console_routes(self._state, self._faults, self._windows, self._dispatcher),
        ):
            app.router.add_route(method, path, partial(respond_in_json, respond))
        return app

    async def _route(self, operation: Operation, request: web.Request) -> web.StreamResponse:
        key = self._key(request)
        perform = partial(self._perform, operation, key)
        return await self._respond(operation.name, operation.allowance, key, perform, request)

    async def _respond(
        self, name: str, allowance: Allowance, key: Key | None, respond: Respond, request: web.Request
    ) -> web.StreamResponse:
        began = time.perf_counter()
        decision = None if key is None else self._windows.take(key.digest, allowance, self._state.clock.timestamp())
        # before the fault, which can consume the body
        tenant = await self._tenant(key, request)
        is_allowed = decision is None or decision.granted
        fault = self._faults.take(name) if decision is not None and is_allowed else None
        outcome = await respond_with_fault(respond, request, fault) if is_allowed else Outcome.of(rate_limited())
        response = outcome.response
        if decision is not None and outcome.shows_limits:
            response.headers.update(_limit_headers(decision, response.status))
        if self._latency:
            await asyncio.sleep(self._latency)
        now = self._state.clock.now()
        response.headers["Date"] = format_datetime(now, usegmt=True)
        exchange = await exchange_of(
            request,
            response,
            opens=None if key is None else key.opens,
            customer=self._state.customer_of_key(bearer(request)),
            allowance=allowance,
            decision=decision,
            seconds=time.perf_counter() - began,
        )
        self._state.exchanges.add(len(self._state.calls) + 1, exchange)
        self._record(
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
        organization_id = _authorize(operation, key)
        context = RequestContext(
            organization_id=organization_id,
            body=await read_object(request) if operation.reads_body else {},
            query=request.query,
            code=request.match_info.get("code", ""),
            participant_id=request.match_info.get("participant_id", ""),
        )
        expire_overdue(self._state)
        result = operation.perform(self._state, context)
        return success(result, operation.status)

    async def _store(self, request: web.Request) -> web.StreamResponse:
        return (await respond_with_fault(self._stored_video, request, self._faults.take(DOWNLOAD))).response

    async def _stored_video(self, request: web.Request) -> web.StreamResponse:
        state, code = self._state, request.match_info["code"]
        has_key = "Authorization" in request.headers
        check_signature(state.signing_secret, code, request.query, state.clock.now(), has_key=has_key)
        return video_response(request, video_of(state.interview_of_anyone(code)))

    async def _record_redirect_hit(self, request: web.Request) -> web.StreamResponse:
        self._state.redirect_hits.append(RedirectHit(method=request.method, has_key="Authorization" in request.headers))
        return success({})

    def _record(self, call: Call) -> None:
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


async def _reject_foreign(respond: Respond, request: web.Request) -> web.StreamResponse:
    # The console and the controls need no key, so reject other web pages in a browser on this machine: a form sends its
    # origin, and a foreign host name that resolves to this machine is in the URL.
    if request.url.host not in OWN_HOSTS:
        raise forbidden("the console accepts only this machine's own host names", "FOREIGN_HOST")
    origin = request.headers.get("Origin")
    if origin is not None and origin != str(request.url.origin()):
        raise forbidden("the controls accept only their own page and programs", "FOREIGN_ORIGIN")
    return await respond(request)


def _limit_headers(decision: Decision, status: int) -> dict[str, str]:
    # the 429 of a fault looks like that of a used-up window
    stated = evolve(decision, granted=False, remaining=0) if status == TOO_MANY_REQUESTS else decision
    return stated.headers()


def _authorize(operation: Operation, key: Key | None) -> str:
    """Return the organization of the key.

    Raises:
        SandboxError: 401 without a known key, 403 if the operation requires the other kind of key.
    """
    if key is None:
        raise SandboxError(401, "INVALID_API_KEY", "Invalid or missing API key")
    if key.opens != operation.opens:
        raise forbidden(*WRONG_KEY[operation.opens])
    return key.organization_id
