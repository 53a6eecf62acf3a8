"""The controls under /_sandbox/: run flows of interviews, advance the clock, plan faults, inspect the state.

The controls need no key, have no rate limit and are not recorded. They validate bodies as strictly as the API.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, cast

from aiohttp import web

from boooply.sandbox.checks import Field, check_fields, check_names, integer_from, one_of
from boooply.sandbox.fault_table import FAULTS
from boooply.sandbox.faults import FAULTY, Faults
from boooply.sandbox.flows import FLOWS, run_flow
from boooply.sandbox.limits import Clock
from boooply.sandbox.records import Fault
from boooply.sandbox.responses import Respond, read_object, success
from boooply.sandbox.state import State
from boooply.sandbox.views import call_view, delivery_view, email_view, meeting_view, organization_summary, planned_view
from boooply.sandbox.webhooks import WebhookDispatcher
from boooply.sandbox.wire import invalid, iso, malformed, missing

__all__ = ["CONTROL", "Route", "control_routes", "fault_routes", "webhook_routes"]

Route = tuple[str, str, Respond]
"""Method, path, and the function that responds."""

CONTROL: Final = "/_sandbox/"
PLAN: Final = (Field("operation", one_of(*FAULTY), required=True), Field("fault", one_of(*FAULTS), required=True))


def control_routes(state: State) -> tuple[Route, ...]:
    """Return the controls of the state and its clock."""

    async def flow(name: str, request: web.Request) -> web.StreamResponse:
        interview = run_flow(state, name, request.match_info["code"], await read_object(request))
        return success({"meeting": meeting_view(interview, state.base_url)})

    async def emails(_request: web.Request) -> web.StreamResponse:
        return success({"emails": [email_view(email) for email in state.emails]})

    async def calls(_request: web.Request) -> web.StreamResponse:
        return success({"calls": [call_view(call) for call in state.calls]})

    async def organizations(_request: web.Request) -> web.StreamResponse:
        found = [organization_summary(one, state.interviews_left(one)) for one in state.organizations()]
        return success({"organizations": found})

    async def revoke_keys(request: web.Request) -> web.StreamResponse:
        return success({"revoked": state.revoke_keys(request.match_info["id"])})

    async def clock(request: web.Request) -> web.StreamResponse:
        _advance(state.clock, await read_object(request))
        return success({"now": iso(state.clock.now())})

    return (
        *(("POST", f"{CONTROL}interviews/{{code}}/{name}", partial(flow, name)) for name in FLOWS),
        ("GET", f"{CONTROL}emails", emails),
        ("GET", f"{CONTROL}calls", calls),
        ("GET", f"{CONTROL}organizations", organizations),
        ("POST", f"{CONTROL}organizations/{{id}}/revoke-keys", revoke_keys),
        ("POST", f"{CONTROL}clock", clock),
    )


def fault_routes(faults: Faults) -> tuple[Route, ...]:
    """Return the controls of the planned faults."""

    async def see_faults(_request: web.Request) -> web.StreamResponse:
        return success({"faults": [planned_view(one) for one in faults.planned]})

    async def add_fault(request: web.Request) -> web.StreamResponse:
        _plan(faults, await read_object(request))
        return await see_faults(request)

    async def clear_faults(request: web.Request) -> web.StreamResponse:
        faults.clear()
        return await see_faults(request)

    return (
        ("GET", f"{CONTROL}faults", see_faults),
        ("POST", f"{CONTROL}faults", add_fault),
        ("DELETE", f"{CONTROL}faults", clear_faults),
    )


def webhook_routes(state: State, dispatcher: WebhookDispatcher) -> tuple[Route, ...]:
    """Return the controls of the webhooks."""

    async def see_webhooks(_request: web.Request) -> web.StreamResponse:
        return success({"url": dispatcher.url, "deliveries": [delivery_view(one) for one in state.deliveries.values()]})

    async def set_endpoint(request: web.Request) -> web.StreamResponse:
        _point(dispatcher, await read_object(request))
        return await see_webhooks(request)

    async def replay(request: web.Request) -> web.StreamResponse:
        return success({"delivery": delivery_view(dispatcher.replay(request.match_info["id"]))})

    return (
        ("GET", f"{CONTROL}webhooks", see_webhooks),
        ("POST", f"{CONTROL}webhooks", set_endpoint),
        ("POST", f"{CONTROL}webhooks/{{id}}/replay", replay),
    )


def _plan(faults: Faults, body: Mapping[str, Any]) -> None:
    check_names(("operation", "fault", "times"), body)
    check_fields(PLAN, body)
    times = body.get("times", 1)
    # null means every time
    if times is not None:
        integer_from(1)("times", times)
    faults.add(body["operation"], cast("Fault", body["fault"]), times)


def _advance(clock: Clock, body: Mapping[str, Any]) -> None:
    check_names(("advance",), body)
    if "advance" not in body:
        raise missing("advance")
    seconds = body["advance"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise malformed("advance must be a number of seconds", "INVALID_TYPE")
    try:
        clock.advance(seconds)
    except ValueError as error:
        raise invalid("advance", f"is invalid: {error}") from error


def _point(dispatcher: WebhookDispatcher, body: Mapping[str, Any]) -> None:
    check_names(("url",), body)
    if "url" not in body:
        raise missing("url", "is required: an address, or null for no endpoint")
    url = body["url"]
    if url is not None and not isinstance(url, str):
        raise malformed("url must be text or null", "INVALID_TYPE")
    try:
        dispatcher.point_to(url)
    except ValueError as error:
        raise invalid("url", f"is invalid: {error}") from error
