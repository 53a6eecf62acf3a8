"""The console: one page at `/` that shows what happens in the sandbox, live, and has buttons for the controls.

The page gets whole snapshots over server-sent events, a new one whenever something has changed. No snapshot holds a
key, a join token or what was said in an interview.
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
from boooply.sandbox.deliveries import WebhookDispatcher
from boooply.sandbox.evaluations import overall_score
from boooply.sandbox.fault_table import FAULTS
from boooply.sandbox.faults import FAULTY, Faults
from boooply.sandbox.limits import Windows
from boooply.sandbox.moments import iso
from boooply.sandbox.playing import possible_steps
from boooply.sandbox.records import Interview
from boooply.sandbox.state import State
from boooply.sandbox.views import call_view, delivery_view, email_view, organization_summary, planned_view
from boooply.sandbox.wire import success

__all__ = ["console_routes", "snapshot"]

T = TypeVar("T")

MOST: Final = 100
"""How many of a kind are shown, the newest; the totals count all."""

LOOK_AGAIN: Final = 0.2
HEARTBEAT: Final = 15.0
"""Both in seconds; a heartbeat finds out that nobody reads any more."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def console_routes(state: State, faults: Faults, windows: Windows, courier: WebhookDispatcher) -> tuple[Route, ...]:
    """Return the page, and what it reads."""
    page = files("boooply.sandbox").joinpath("console.html").read_text(encoding="utf-8")

    async def show(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=page, content_type="text/html", headers=HEADERS)

    async def look(_request: web.Request) -> web.StreamResponse:
        return success(snapshot(state, faults, windows, courier))

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        with suppress(ConnectionError):  # nobody reads any more
            async for message in _messages(lambda: snapshot(state, faults, windows, courier), state):
                await response.write(message)
        return response

    return (("GET", "/", show), ("GET", f"{CONTROL}snapshot", look), ("GET", f"{CONTROL}stream", stream))


async def _messages(look: Callable[[], dict[str, Any]], state: State) -> AsyncGenerator[bytes]:
    shown, silent = "", 0.0
    while True:
        seen = look()
        # the time itself changes always; that it was pushed forward is news
        news = json.dumps({**seen, "now": state.clock.ahead})
        silent += LOOK_AGAIN
        if news != shown:
            yield b"data: " + json.dumps(seen).encode() + b"\n\n"
            shown, silent = news, 0.0
        elif silent >= HEARTBEAT:
            yield b": here\n\n"
            silent = 0.0
        await asyncio.sleep(LOOK_AGAIN)


def snapshot(state: State, faults: Faults, windows: Windows, courier: WebhookDispatcher) -> dict[str, Any]:
    """Show everything that the page shows; of long lists the newest entries, newest first."""
    organizations, deliveries = state.organizations(), tuple(state.deliveries.values())
    interviews = state.all_interviews()
    return {
        "now": iso(state.clock.now()),
        "baseUrl": state.base_url,
        "organizations": _newest(organizations, map(organization_summary, reversed(organizations))),
        "interviews": {
            **_newest(interviews, (_interview_view(state, one) for one in reversed(interviews))),
            "byStatus": dict(Counter(one.status for one in interviews)),
        },
        "calls": _newest(state.calls, map(call_view, reversed(state.calls))),
        "limits": _limits_view(state, windows),
        "emails": _newest(state.emails, map(email_view, reversed(state.emails))),
        "webhooks": {"url": courier.url, **_newest(deliveries, map(delivery_view, reversed(deliveries)))},
        "faults": {
            "planned": [planned_view(one) for one in faults.planned],
            "operations": list(FAULTY),
            "kinds": [{"name": name, "meaning": fault.meaning} for name, fault in FAULTS.items()],
        },
    }


def _newest(all_of_them: Sequence[Any], views: Iterable[T]) -> dict[str, Any]:
    return {"total": len(all_of_them), "items": list(islice(views, MOST))}


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
        "steps": sorted(possible_steps(interview)),
    }


def _limits_view(state: State, windows: Windows) -> dict[str, Any]:
    shown = [
        {
            "tenant": state.holder(key),
            "allowance": allowance,
            "limit": verdict.limit,
            "remaining": verdict.remaining,
            "resetsAt": iso(datetime.fromtimestamp(verdict.resets_at, UTC)),
        }
        for key, allowance, verdict in islice(windows.seen(state.clock.timestamp()), MOST)
    ]
    return {"window": windows.window, "items": shown}
