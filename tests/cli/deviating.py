"""An API that deviates: a real HTTP server in front of a sandbox, which changes what the sandbox responds."""

import json
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from boooply.sandbox import Sandbox
from boooply.sandbox.background import LoopThread

Payload = dict[str, Any]
Change = Callable[[str, Payload], object]

_PER_HOP = frozenset({"content-length", "content-type", "date", "server", "transfer-encoding", "connection"})


class Deviating:
    """The sandbox's API with other responses.

    Attributes:
        change: Changes the JSON of a response in place, or returns another; it receives the last part of the path.
        headers: Replaces headers of every response; None removes one.
        respond: Takes the place of the sandbox for a part of the path, unless it returns None.
        seen: The last part of each path, and the key that came with it.
    """

    def __init__(self, sandbox: Sandbox, tls: ssl.SSLContext | None = None) -> None:
        self.sandbox = sandbox
        self.change: Change = lambda _place, _payload: None
        self.headers: dict[str, str | None] = {}
        self.respond: dict[str, Callable[[], web.Response | None]] = {}
        self.seen: list[tuple[str, str | None]] = []
        self.methods: set[str] = set()
        self.port = 0
        self._tls = tls

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        place = request.path.rpartition("/")[2]
        self.seen.append((place, request.headers.get("Authorization")))
        self.methods.add(request.method)
        if place in self.respond and (own := self.respond[place]()) is not None:
            return own
        url = f"{self.sandbox.base_url}{request.path_qs}"
        sent = {name: request.headers[name] for name in ("Authorization",) if name in request.headers}
        async with aiohttp.ClientSession() as session, session.get(url, headers=sent) as genuine:
            payload = await genuine.json()
            changed = self.change(place, payload) if genuine.status == 200 else None
            headers = {name: value for name, value in genuine.headers.items() if name.lower() not in _PER_HOP}
            kept = {name: value for name, value in (headers | self.headers).items() if value is not None}
            body = json.dumps(payload if changed is None else changed)
            return web.Response(status=genuine.status, text=body, headers=kept, content_type="application/json")

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.port = self._runner.addresses[0][1]

    def __enter__(self) -> Self:
        self._thread = LoopThread("deviating")
        self._thread.run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.run(self._runner.cleanup())
        self._thread.stop()
