"""The sandbox's Python API: a context manager, async or blocking."""

import asyncio
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web

from boooply.sandbox.background import LoopThread
from boooply.sandbox.faults import Faults
from boooply.sandbox.flows import run_flow
from boooply.sandbox.limits import GENEROUS, Clock, Limits, Windows
from boooply.sandbox.plans import DEFAULT_PLAN, read_plan
from boooply.sandbox.playing import Step
from boooply.sandbox.records import Call, Email, RedirectHit
from boooply.sandbox.server import Server
from boooply.sandbox.state import State
from boooply.sandbox.webhooks import WebhookDispatcher, Webhooks

__all__ = ["Sandbox"]

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
RATE_LIMITED = "RATE_LIMIT_EXCEEDED"
STOP_WITHIN = 0.05
"""Seconds that calls in flight get at the end; a call still waiting for its latency is cut off then."""


class Sandbox:
    """A stateful stand-in for Boooply's API, served on the loopback interface.

    Enter it with `async with`, where it serves from the running loop, or with `with`, where it serves from a loop in
    a daemon thread of its own. It starts with a platform key and one organization that no platform created, so its
    `externalOrgId` and its interviews' `sourceId` are null. Keys are random; the state is in memory and lost at exit.

    Attributes:
        platform_key: Opens `/api/server-auth/`.
        api_key: That organization's key; opens `/api/integration/`.
        webhook_secret: The secret that signs webhooks.
        webhooks: The webhooks that it sends, and their endpoint.
        clock: The sandbox's time, which a test may advance.
        faults: The faults that calls are going to meet.

    Args:
        limits: The allowance of each key. None lifts it: the limit headers are still sent, and name a million.
        latency: Seconds by which each API response is delayed, after the operation has taken effect.
        port: The port to serve on; 0 picks a free one.
        webhook_url: The endpoint to deliver webhooks to; `webhooks.url` can be set later as well.
        on_call: Called with each API call once its response is ready, on the server's loop. It must not block; an
            exception that it raises is logged.
        plan: The plan of every organization, in any case: `free` (5 interviews in all), `starter`, `growth`, `scale`
            (100, 300, 500 a month) or `custom` (any number). A used-up plan refuses further interviews with 402.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        latency: float = 0.0,
        port: int = 0,
        webhook_url: str | None = None,
        on_call: Callable[[Call], None] | None = None,
        plan: str = DEFAULT_PLAN,
    ) -> None:
        self.clock: Clock = Clock()
        self.faults: Faults = Faults()
        self._state = State(self.clock, read_plan(plan))
        organization = self._state.add_organization("Sandbox Company")
        self.platform_key: str = self._state.add_platform_key()
        self.api_key: str = self._state.add_organization_key(organization.id)
        self.webhook_secret: str = f"whsec_{secrets.token_hex(16)}"
        windows = Windows(limits or GENEROUS)
        self._dispatcher = WebhookDispatcher(self._state, self.webhook_secret, webhook_url)
        self.webhooks: Webhooks = Webhooks(self._state, self._dispatcher, self._on_loop)
        self._server = Server(self._state, windows, self.faults, self._dispatcher, latency=latency, on_call=on_call)
        self._port = port
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread_id = 0
        self._own_thread: LoopThread | None = None

    @property
    def base_url(self) -> str:
        """The address to pass to a client.

        Raises:
            RuntimeError: The sandbox was not entered yet.
        """
        if not self._state.base_url:
            raise RuntimeError("the sandbox has no address before it is entered")
        return self._state.base_url

    @property
    def sent_emails(self) -> tuple[Email, ...]:
        """The e-mails that the vendor would have sent, oldest first."""
        return tuple(self._state.emails)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The API calls, oldest first, including every attempt and those that met a fault.

        A call is recorded when its response is ready, just before the first byte of it, or its fault, goes out. Calls
        to the controls and the storage are not recorded.
        """
        return tuple(self._state.calls)

    @property
    def duplicates(self) -> tuple[Email, ...]:
        """The repeated invitations: the later one of each pair.

        A create call repeats an invitation if an earlier one of the same tenant has invited the same address,
        whatever its case, to an interview of the same job role and title. Cancelling or deleting the earlier
        interview does not take back its e-mail. People who are added to an interview later do not count.
        """
        return tuple(self._state.duplicates)

    @property
    def mints(self) -> Mapping[str, int]:
        """The number of keys minted for each of the platform's organizations, by the platform's own id."""
        organizations = self._state.organizations()
        return {one.external_org_id: one.mints for one in organizations if one.external_org_id is not None}

    @property
    def redirected(self) -> tuple[RedirectHit, ...]:
        """The requests that followed the fault `redirect` to its target; there should be none."""
        return tuple(self._state.redirect_hits)

    def assert_nobody_emailed_twice(self) -> None:
        """Assert that `duplicates` is empty: no interview was created twice.

        Raises:
            AssertionError: Names the interviews; the people invited are in `duplicates`.
        """
        if self.duplicates:
            codes = ", ".join(sorted({email.meeting_code for email in self.duplicates}))
            raise AssertionError(f"{len(self.duplicates)} invitations went out twice, the second time for {codes}")

    def assert_within_limits(self) -> None:
        """Assert that no call was over the limits.

        Raises:
            AssertionError: Names the operations.
        """
        over = [call for call in self.calls if call.error_code == RATE_LIMITED and call.fault is None]
        if over:
            names = ", ".join(sorted({call.operation for call in over}))
            raise AssertionError(f"{len(over)} of {len(self.calls)} calls were over the limits: {names}")

    def play(self, code: str, to: Step = "END") -> None:
        """Play an interview one step, whoever owns it.

        Safe from any thread while the sandbox serves, as are `book` and `finalize`. See `boooply.sandbox.playing` for
        the steps.

        Raises:
            SandboxError: 404 for an unknown code, 409 for a step that is impossible now.
        """
        self._run("play", code, to=to)

    def book(self, code: str, start: datetime | str | None = None) -> None:
        """Book a slot as the candidate, who was invited with `CANDIDATE_PICKS`; everybody is notified.

        Args:
            code: The meeting code.
            start: When the slot starts, as a datetime or ISO text; None books the first one.

        Raises:
            SandboxError: 404 for an unknown code, 409 if there is nothing to book, 410 if the booking link is older
                than 7 days, 422 if no such slot was offered.
        """
        self._run("book", code, start=start.isoformat() if isinstance(start, datetime) else start)

    def finalize(self, code: str, recommendation: str, *, rationale: str | None = None, by: str | None = None) -> None:
        """Finalize an evaluated interview as a recruiter.

        Args:
            code: The meeting code.
            recommendation: `STRONG_HIRE`, `HIRE`, `NO_HIRE` or `STRONG_NO_HIRE`.
            rationale: The recruiter's reasons.
            by: The recruiter's id.

        Raises:
            SandboxError: 404 for an unknown code, 409 if there is no evaluation, 422 for another recommendation.
        """
        self._run("finalize", code, recommendation=recommendation, rationale=rationale, by=by)

    def _run(self, flow: str, code: str, **arguments: object) -> None:
        body = {name: value for name, value in arguments.items() if value is not None}
        self._on_loop(lambda: run_flow(self._state, flow, code, body))

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
        # No access log: it would print queries, which contain addresses.
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
        self._dispatcher.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        runner, self._runner, self._loop = self._runner, None, None
        await self._dispatcher.stop()
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
