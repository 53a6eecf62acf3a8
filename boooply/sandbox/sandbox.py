"""The sandbox as Python code meets it: a context manager, async or blocking."""

import asyncio
import secrets
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web

from boooply.sandbox.background import LoopThread
from boooply.sandbox.clock import Clock
from boooply.sandbox.control import play_interview
from boooply.sandbox.deliveries import WebhookDispatcher
from boooply.sandbox.faults import Faults
from boooply.sandbox.limits import GENEROUS, Limits, Windows
from boooply.sandbox.playing import Step
from boooply.sandbox.records import Call, Email, RedirectHit
from boooply.sandbox.server import Server
from boooply.sandbox.state import State
from boooply.sandbox.webhooks import Webhooks

__all__ = ["Sandbox"]

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
RATE_LIMITED = "RATE_LIMIT_EXCEEDED"
STOP_WITHIN = 0.05
"""Seconds that calls in flight get at the end; a call that waits for its latency is cut off then."""


class Sandbox:
    """Serve a stateful stand-in for Boooply's API on the loopback interface.

    Enter it with `async with`, where it serves from the running loop, or with `with`, where it serves from a loop in
    a daemon thread of its own. It starts with a platform key and one ready organization, which no platform created:
    its `externalOrgId` and its interviews' `sourceId` are null. Keys are random, state is in memory and gone at exit.

    Attributes:
        platform_key: Opens `/api/server-auth/`.
        api_key: The ready organization's key; opens `/api/integration/`.
        webhook_secret: What webhooks are signed with.
        webhooks: What the sandbox announces, and where it delivers it.
        clock: The sandbox's time, which a test may advance.
        faults: What is to go wrong, and how often.

    Args:
        limits: The allowance of each key. None lifts it: the limit headers are sent as ever, and name a million.
        latency: Seconds that each API answer is held back, after its effect has taken place.
        port: The port to serve on; 0 picks a free one.
        webhook_url: The endpoint to deliver webhooks to; `webhooks.url` can be set later as well.
        on_call: Called with each API call once its answer is ready, on the server's loop; it must not block, and what
            it raises is logged.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        latency: float = 0.0,
        port: int = 0,
        webhook_url: str | None = None,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        self.clock: Clock = Clock()
        self.faults: Faults = Faults()
        self._state = State(self.clock)
        ready = self._state.add_organization("Sandbox Company")
        self.platform_key: str = self._state.add_platform_key()
        self.api_key: str = self._state.add_organization_key(ready.id)
        self.webhook_secret: str = f"whsec_{secrets.token_hex(16)}"
        windows = Windows(limits or GENEROUS)
        self._courier = WebhookDispatcher(self._state, self.webhook_secret, webhook_url)
        self.webhooks: Webhooks = Webhooks(self._state, self._courier, self._on_loop)
        self._server = Server(self._state, windows, self.faults, self._courier, latency=latency, on_call=on_call)
        self._port = port
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread_id = 0
        self._own_thread: LoopThread | None = None

    @property
    def base_url(self) -> str:
        """Return the address to give to a client.

        Raises:
            RuntimeError: The sandbox was not entered yet.
        """
        if not self._state.base_url:
            raise RuntimeError("the sandbox has no address before it is entered")
        return self._state.base_url

    @property
    def sent_emails(self) -> tuple[Email, ...]:
        """Return the e-mails that the vendor would have sent, oldest first."""
        return tuple(self._state.emails)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Return the API calls, oldest first, each attempt and the faulted ones too.

        A call is noted when its answer is ready, just before the first byte of it, or its fault, goes out. The
        controls and the storage are not among them.
        """
        return tuple(self._state.calls)

    @property
    def duplicates(self) -> tuple[Email, ...]:
        """Return the invitations that somebody got twice, each time the later one.

        A create call repeats an invitation where an earlier one of the same tenant has invited the same address,
        whatever its case, to an interview of the same job role and title. Cancelling or deleting the earlier
        interview takes back no e-mail. People who are added to an interview later do not count.
        """
        return tuple(self._state.duplicates)

    @property
    def mints(self) -> Mapping[str, int]:
        """Return how many keys were minted for each of the platform's organizations, by the platform's own id."""
        organizations = self._state.organizations()
        return {one.external_org_id: one.mints for one in organizations if one.external_org_id is not None}

    @property
    def redirected(self) -> tuple[RedirectHit, ...]:
        """Return the requests that followed the fault `redirect` to where it points; there should be none."""
        return tuple(self._state.landings)

    def assert_nobody_emailed_twice(self) -> None:
        """Fail where `duplicates` has something: an interview was created again that had been created before.

        Raises:
            AssertionError: It names the interviews; who was invited is in `duplicates`.
        """
        if self.duplicates:
            codes = ", ".join(sorted({email.meeting_code for email in self.duplicates}))
            raise AssertionError(f"{len(self.duplicates)} invitations went out twice, the second time for {codes}")

    def assert_within_limits(self) -> None:
        """Fail where a call was refused because its window was used up.

        Raises:
            AssertionError: It names the operations.
        """
        refused = [call for call in self.calls if call.error_code == RATE_LIMITED and call.fault is None]
        if refused:
            names = ", ".join(sorted({call.operation for call in refused}))
            raise AssertionError(f"{len(refused)} of {len(self.calls)} calls were over the limits: {names}")

    def play(self, code: str, to: Step = "END") -> None:
        """Play an interview one step on, whoever owns it.

        Safe from any thread while the sandbox serves. See `boooply.sandbox.playing` for the steps.

        Raises:
            Refused: 404 for an unknown code, 409 for a step that is impossible now.
        """
        self._on_loop(lambda: play_interview(self._state, code, to))

    def _on_loop(self, action: Callable[[], T]) -> T:
        # The state belongs to the loop's thread; from elsewhere the action goes there.
        if self._loop is None or threading.get_ident() == self._loop_thread_id:
            return action()

        async def run() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def __aenter__(self) -> Self:
        if self._runner is not None:
            raise RuntimeError("the sandbox is serving already")
        # No access log: it would print queries, which hold addresses.
        runner = web.AppRunner(self._server.app(), access_log=None, shutdown_timeout=STOP_WITHIN)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._loop, self._loop_thread_id = asyncio.get_running_loop(), threading.get_ident()
        self._state.base_url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
        self._courier.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        runner, self._runner, self._loop = self._runner, None, None
        await self._courier.stop()
        if runner is not None:
            await runner.cleanup()

    def __enter__(self) -> Self:
        if self._own_thread is not None:
            raise RuntimeError("the sandbox is serving already")
        thread = LoopThread("boooply-sandbox")
        try:
            thread.run(self.__aenter__())
        except BaseException:
            thread.stop()
            raise
        self._own_thread = thread
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        thread, self._own_thread = self._own_thread, None
        if thread is not None:
            try:
                thread.run(self.__aexit__(kind, error, traceback))
            finally:
                thread.stop()
