"""The console: one page at `/` that shows the sandbox live and has buttons for the controls.

The page gets whole snapshots over server-sent events, a new one whenever something has changed. No snapshot contains a
key, a join token or a transcript.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from itertools import islice
from typing import Any, Final, TypeVar

from aiohttp import web

from boooply.sandbox.control import CONTROL, Route
from boooply.sandbox.evaluations import overall_score
from boooply.sandbox.fault_table import FAULTS
from boooply.sandbox.faults import FAULTY, Faults
from boooply.sandbox.flows import HIRING, open_slots
from boooply.sandbox.limits import Windows
from boooply.sandbox.outcomes import RECOMMENDATIONS
from boooply.sandbox.playing import expire_overdue, possible_steps
from boooply.sandbox.records import Interview, Organization
from boooply.sandbox.responses import success
from boooply.sandbox.state import State
from boooply.sandbox.views import call_view, delivery_view, email_view, organization_summary, planned_view
from boooply.sandbox.webhooks import WebhookDispatcher
from boooply.sandbox.wire import iso

__all__ = ["console_routes", "snapshot"]

T = TypeVar("T")

SHOWN: Final = 100
"""How many items of a kind are shown, newest first; the totals count all."""

POLL: Final = 0.2
HEARTBEAT: Final = 15.0
"""Both in seconds; a heartbeat detects that the browser has gone."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def console_routes(state: State, faults: Faults, windows: Windows, dispatcher: WebhookDispatcher) -> tuple[Route, ...]:
    """Return the routes of the page and of the data that it reads."""
    page = files("boooply.sandbox").joinpath("console.html").read_text(encoding="utf-8")

    async def show(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=page, content_type="text/html", headers=HEADERS)

    async def show_snapshot(_request: web.Request) -> web.StreamResponse:
        return success(snapshot(state, faults, windows, dispatcher))

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        with suppress(ConnectionError):  # the browser has gone
            async for message in _messages(lambda: snapshot(state, faults, windows, dispatcher), state):
                await response.write(message)
        return response

    return (("GET", "/", show), ("GET", f"{CONTROL}snapshot", show_snapshot), ("GET", f"{CONTROL}stream", stream))


async def _messages(take_snapshot: Callable[[], dict[str, Any]], state: State) -> AsyncGenerator[bytes]:
    last_sent, silent = "", 0.0
    while True:
        current = take_snapshot()
        # the time always changes; only a clock that was pushed forward counts as a change
        compared = json.dumps({**current, "now": state.clock.ahead})
        silent += POLL
        if compared != last_sent:
            yield b"data: " + json.dumps(current).encode() + b"\n\n"
            last_sent, silent = compared, 0.0
        elif silent >= HEARTBEAT:
            yield b": here\n\n"
            silent = 0.0
        await asyncio.sleep(POLL)


def snapshot(state: State, faults: Faults, windows: Windows, dispatcher: WebhookDispatcher) -> dict[str, Any]:
    """Return everything that the page shows; of long lists, the newest entries, newest first."""
    expire_overdue(state)
    organizations, deliveries = state.organizations(), tuple(state.deliveries.values())
    interviews = state.all_interviews()
    return {
        "now": iso(state.clock.now()),
        "baseUrl": state.base_url,
        "organizations": _newest(organizations, (_organization_view(state, one) for one in reversed(organizations))),
        "interviews": {
            **_newest(interviews, (_interview_view(state, one) for one in reversed(interviews))),
            "byStatus": dict(Counter(one.status for one in interviews)),
            "hiring": list(HIRING),
            "recommendations": list(RECOMMENDATIONS),
        },
        "calls": _newest(state.calls, map(call_view, reversed(state.calls))),
        "limits": _limits_view(state, windows),
        "emails": _newest(state.emails, map(email_view, reversed(state.emails))),
        "webhooks": {"url": dispatcher.url, **_newest(deliveries, map(delivery_view, reversed(deliveries)))},
        "faults": {
            "planned": [planned_view(one) for one in faults.planned],
            "operations": list(FAULTY),
            "kinds": [{"name": name, "meaning": fault.meaning} for name, fault in FAULTS.items()],
        },
    }


def _newest(all_of_them: Sequence[Any], views: Iterable[T]) -> dict[str, Any]:
    return {"total": len(all_of_them), "items": list(islice(views, SHOWN))}


def _organization_view(state: State, organization: Organization) -> dict[str, Any]:
    return organization_summary(organization, state.interviews_left(organization))


def _interview_view(state: State, interview: Interview) -> dict[str, Any]:
    candidate = next((person.name for person in interview.participants if person.role == "CANDIDATE"), None)
    return {
        "code": interview.code,
        "title": interview.title,
        "kind": interview.kind,
        "status": interview.status,
        "endReason": interview.end_reason,
        "tenant": state.tenant(interview.organization_id),
        "candidate": candidate,
        "overallScore": overall_score(interview),
        "createdAt": iso(interview.created_at),
        "scheduledAt": iso(interview.scheduled_at),
        "finalized": None if interview.finalization is None else interview.finalization.recommendation,
        "steps": sorted(possible_steps(interview)),
        "slots": [iso(start) for start in open_slots(interview, state.clock.now())],
        "isEvaluated": interview.analyses > 0,
    }


def _limits_view(state: State, windows: Windows) -> dict[str, Any]:
    shown = [
        {
            "tenant": state.tenant_of_key(key),
            "allowance": allowance,
            "limit": usage.limit,
            "remaining": usage.remaining,
            "resetsAt": iso(datetime.fromtimestamp(usage.resets_at, UTC)),
        }
        for key, allowance, usage in islice(windows.usage(state.clock.timestamp()), SHOWN)
    ]
    return {"window": windows.window, "items": shown}
