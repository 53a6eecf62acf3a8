"""The console: a page at `/` that shows the sandbox live, with details and buttons for the controls.

After each change, the page receives a complete snapshot as a server-sent event. It requests details, and the pages of
filtered lists. None of these contains a key or a join token, and only details contain transcripts.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from boooply.sandbox.control import CONTROL, Route
from boooply.sandbox.details import details_of
from boooply.sandbox.exchanges import KEPT
from boooply.sandbox.fault_table import FAULTS
from boooply.sandbox.faults import FAULTY, UNKNOWN, Faults
from boooply.sandbox.flows import HIRING
from boooply.sandbox.limits import Windows
from boooply.sandbox.listing import LISTS, newest, read_filters, read_page
from boooply.sandbox.operations import OPERATIONS
from boooply.sandbox.outcomes import RECOMMENDATIONS
from boooply.sandbox.playing import expire_overdue
from boooply.sandbox.recordings import video_of
from boooply.sandbox.responses import success, video_response
from boooply.sandbox.snippets import first_call, first_interview
from boooply.sandbox.state import State
from boooply.sandbox.views import planned_view
from boooply.sandbox.webhooks import WebhookDispatcher
from boooply.sandbox.wire import iso, not_found
from boooply.version import __version__

__all__ = ["console_routes", "snapshot"]

MOST_CUSTOMERS: Final = 500
"""The number of newest customers in the filter and in the panel of limits."""

POLL: Final = 0.2
HEARTBEAT: Final = 15.0
"""Both in seconds; a heartbeat detects that the browser has disconnected."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


def console_routes(state: State, faults: Faults, windows: Windows, dispatcher: WebhookDispatcher) -> tuple[Route, ...]:
    """Return the routes of the page and its data."""

    def take_snapshot() -> dict[str, Any]:
        return snapshot(state, faults, windows, dispatcher)

    async def show_snapshot(_request: web.Request) -> web.StreamResponse:
        return success(take_snapshot())

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        with suppress(ConnectionError):  # the browser has disconnected
            async for message in _messages(take_snapshot, state):
                await response.write(message)
        return response

    async def show_list(request: web.Request) -> web.StreamResponse:
        listing = LISTS.get(request.match_info["list"])
        if listing is None:
            raise not_found("the list")
        expire_overdue(state)
        return success(read_page(state, listing, read_filters(request.query)))

    async def show_details(request: web.Request) -> web.StreamResponse:
        expire_overdue(state)
        return success(details_of(state, dispatcher, request.match_info["kind"], request.match_info["name"]))

    async def show_video(request: web.Request) -> web.StreamResponse:
        return video_response(request, video_of(state.interview_of_anyone(request.match_info["code"])))

    return (
        *_page_routes(),
        ("GET", f"{CONTROL}snapshot", show_snapshot),
        ("GET", f"{CONTROL}stream", stream),
        ("GET", f"{CONTROL}lists/{{list}}", show_list),
        ("GET", f"{CONTROL}details/{{kind}}/{{name}}", show_details),
        ("GET", f"{CONTROL}recordings/{{code}}.mp4", show_video),
    )


def _page_routes() -> tuple[Route, ...]:
    found = files("boooply.sandbox").joinpath("page").iterdir()
    page = {file.name: file.read_text(encoding="utf-8") for file in found if file.name.rpartition(".")[2] in TYPES}

    async def show(request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("file", "console.html")
        if name not in page:
            raise not_found("the file")
        return web.Response(text=page[name], content_type=TYPES[name.rpartition(".")[2]], headers=HEADERS)

    async def open_interview(request: web.Request) -> web.StreamResponse:
        # the vendor has the meeting here; the console has the buttons that play it
        target = f"/#interview-{quote(request.match_info['code'], safe='')}"
        return web.Response(status=302, headers={"Location": target})

    return (
        ("GET", "/", show),
        ("GET", f"{CONTROL}page/{{file}}", show),
        ("GET", "/meeting/{code}", open_interview),
        ("GET", "/meeting/{code}/book", open_interview),
    )


async def _messages(take_snapshot: Callable[[], dict[str, Any]], state: State) -> AsyncGenerator[bytes]:
    last_sent, silent = "", 0.0
    while True:
        current = take_snapshot()
        # the time always changes: only an advance of the clock counts as a change
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
    """Return everything that the page shows without filters, with the first page of long lists."""
    expire_overdue(state)
    lists = {name: newest(state, listing) for name, listing in LISTS.items()}
    return {
        "now": iso(state.clock.now()),
        "baseUrl": state.base_url,
        "version": __version__,
        "keptCalls": KEPT,
        "firstSteps": {"interviews": first_interview(state.base_url), "calls": first_call(state.base_url)},
        "customers": _customers(state),
        "operations": [*(operation.name for operation in OPERATIONS), UNKNOWN],
        **lists,
        "interviews": {
            **lists["interviews"],
            "byStatus": dict(Counter(one.status for one in state.all_interviews())),
            "hiring": list(HIRING),
            "recommendations": list(RECOMMENDATIONS),
        },
        "limits": _limits_view(state, windows),
        "webhooks": {"url": dispatcher.url, **lists["webhooks"]},
        "faults": {
            "planned": [planned_view(one) for one in faults.planned],
            "operations": list(FAULTY),
            "kinds": [{"name": name, "meaning": fault.meaning} for name, fault in FAULTS.items()],
        },
    }


def _customers(state: State) -> list[str]:
    newest_first = islice(reversed(state.organizations()), MOST_CUSTOMERS)
    return sorted({state.tenant(one.id) for one in newest_first}, key=str.casefold)


def _limits_view(state: State, windows: Windows) -> dict[str, Any]:
    shown = [
        {
            "tenant": state.tenant_of_key(key),
            "allowance": allowance,
            "limit": usage.limit,
            "remaining": usage.remaining,
            "resetsAt": iso(datetime.fromtimestamp(usage.resets_at, UTC)),
        }
        for key, allowance, usage in islice(windows.usage(state.clock.timestamp()), MOST_CUSTOMERS)
    ]
    return {"window": windows.window, "items": shown}
