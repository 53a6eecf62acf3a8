"""The sandbox as an async or blocking context manager."""

import asyncio
import json
import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from boooply.sandbox.background import LoopThread
from boooply.sandbox.faults import Faults
from boooply.sandbox.flows import in_json, run_flow
from boooply.sandbox.limits import GENEROUS, Clock, Limits, Windows
from boooply.sandbox.plans import read_plan
from boooply.sandbox.playing import Step
from boooply.sandbox.records import Call, Email, RedirectHit
from boooply.sandbox.saving import OwnKeys, Saved, StateFile
from boooply.sandbox.server import Server
from boooply.sandbox.state import State
from boooply.sandbox.webhooks import WebhookDispatcher, Webhooks

__all__ = ["Sandbox"]

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
RATE_LIMITED = "RATE_LIMIT_EXCEEDED"
STOP_WITHIN = 0.05
"""Seconds that calls in flight get at the end; a call that still waits for its latency is cut off."""


class Sandbox:
    """A local server that behaves like Boooply's API and keeps state.

    `async with` serves from the running event loop, `with` from an event loop in a daemon thread. The sandbox starts
    with a platform key and one organization that no platform created: its `externalOrgId` and the `sourceId` of its
    interviews are null. It listens on 127.0.0.1 only.

    Attributes:
        platform_key: The platform key, for `/api/server-auth/`.
        api_key: The key of the first organization, for `/api/integration/`.
        webhook_secret: The secret that signs webhooks.
        webhooks: The webhooks that the sandbox sends, and their endpoint.
        clock: The sandbox's time, which tests can advance.
        faults: The faults of future calls.

    Args:
        limits: The rate limits of each key. By default calls are not limited, and the limit headers report a million.
        latency: The delay of each API response, in seconds, after the operation has taken effect.
        port: The port to listen on; 0 picks a free one.
        webhook_url: The endpoint that receives webhooks. You can also set `webhooks.url` later.
        on_call: A function that the server's loop calls with each API call once its response is ready. It must not
            block. The sandbox logs exceptions that it raises.
        plan: The plan of every organization: `free` (5 interviews in total), `starter`, `growth`, `scale` (100, 300 or
            500 a month) or `custom` (unlimited, the default). Upper and lower case are equal. Once a plan is used up,
            creating an interview fails with 402.
        seed: The text from which the keys are derived. The same seed gives the same keys; by default they are random.
        state: A file that keeps the state, including keys and people's data, between runs. Only its owner can read it,
            and only one sandbox at a time can use it. `plan` and `webhook_url` override the saved values. Calls, rate
            limits and faults are not saved. By default the state is lost at exit.

    Raises:
        TypeError: `limits` is not a `Limits`.
        ValueError: The latency or the webhook URL is invalid, the plan is unknown, the seed is blank, or the state file
            is not a sandbox's, or has another version or seed.
        OSError: On entering: the port is taken, the state file cannot be written, or another sandbox uses it.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        latency: float = 0.0,
        port: int = 0,
        webhook_url: str | None = None,
        on_call: Callable[[Call], None] | None = None,
        plan: str | None = None,
        seed: str | None = None,
        state: str | os.PathLike[str] | None = None,
    ) -> None:
        self.clock: Clock = Clock()
        self.faults: Faults = Faults()
        self._state = State(self.clock)
        self._file = None if state is None else StateFile(state)
        saved = None if self._file is None else self._file.load()
        self._own = self._begin(seed) if saved is None else self._restore(saved, seed)
        if plan is not None:
            self._state.change_plan(read_plan(plan))
        self.platform_key: str = self._own.platform_key
        self.api_key: str = self._own.api_key
        self.webhook_secret: str = self._own.webhook_secret
        windows = Windows(GENEROUS if limits is None else limits)
        url = saved.webhook_url if saved is not None and webhook_url is None else webhook_url
        self._dispatcher = WebhookDispatcher(self._state, self.webhook_secret, url)
        self.webhooks: Webhooks = Webhooks(self._state, self._dispatcher, self._on_loop)
        self._server = Server(self._state, windows, self.faults, self._dispatcher, latency=latency, on_call=on_call)
        self._port = port
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread_id = 0
        self._own_thread: LoopThread | None = None
        self._saving: asyncio.Task[None] | None = None

    def _begin(self, seed: str | None) -> OwnKeys:
        own = OwnKeys.from_seed(secrets.token_hex(16) if seed is None else seed)
        organization = self._state.add_organization(own.organization_id, "Sandbox Company")
        self._state.add_platform_key(own.platform_key)
        self._state.add_organization_key(organization.id, own.api_key)
        return own

    def _restore(self, saved: Saved, seed: str | None) -> OwnKeys:
        if seed is not None and saved.own != OwnKeys.from_seed(seed):
            raise ValueError("the state has the keys of another seed: leave out the seed, or name another file")
        self._state.restore(saved)
        return saved.own

    @property
    def base_url(self) -> str:
        """The address to pass to a client.

        Raises:
            RuntimeError: The sandbox has not been entered.
        """
        if not self._state.base_url:
            raise RuntimeError("the sandbox has no address yet: use it in a with block")
        return self._state.base_url

    @property
    def sent_emails(self) -> tuple[Email, ...]:
        """The e-mails that Boooply would have sent, oldest first."""
        return tuple(self._state.emails)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The API calls, oldest first, including every attempt and calls with faults.

        A call is recorded when its response is ready, before the sandbox sends the first byte. Requests to the controls
        and the file store are not recorded.
        """
        return tuple(self._state.calls)

    @property
    def duplicates(self) -> tuple[Email, ...]:
        """The repeated invitations: the later one of each pair.

        An invitation is repeated if the same organization has already invited the same address to an interview with
        the same job role and title, even if the earlier interview was cancelled or deleted. Upper and lower case of the
        address are equal. People who are added to an interview later do not count.
        """
        return tuple(self._state.duplicates)

    @property
    def mints(self) -> Mapping[str, int]:
        """The number of keys created for each customer, by the platform's ID of the customer."""
        organizations = self._state.organizations()
        return {one.external_org_id: one.mints for one in organizations if one.external_org_id is not None}

    @property
    def redirected(self) -> tuple[RedirectHit, ...]:
        """The requests that followed the fault `redirect` to its target; a correct client makes none."""
        return tuple(self._state.redirect_hits)

    def assert_nobody_emailed_twice(self) -> None:
        """Assert that `duplicates` is empty, so that no interview was created twice.

        Raises:
            AssertionError: An invitation was repeated; the message names the interviews.
        """
        if self.duplicates:
            codes = ", ".join(sorted({email.meeting_code for email in self.duplicates}))
            raise AssertionError(f"invitations went out twice ({len(self.duplicates)}), the second time for {codes}")

    def assert_within_limits(self) -> None:
        """Assert that no call exceeded the rate limits.

        Raises:
            AssertionError: A call exceeded them; the message names the operations.
        """
        over = [call for call in self.calls if call.error_code == RATE_LIMITED and call.fault is None]
        if over:
            names = ", ".join(sorted({call.operation for call in over}))
            raise AssertionError(f"{len(over)} of {len(self.calls)} calls were over the limits: {names}")

    def play(
        self,
        code: str,
        to: Step = "END",
        *,
        evaluation: Mapping[str, Any] | None = None,
        transcript: Sequence[Mapping[str, Any]] | None = None,
        rubric: Mapping[str, Any] | None = None,
        recording: bool | None = None,
    ) -> None:
        """Play an interview one step, and set its outcome; the sandbox invents what you leave out.

        You can call it from any thread. `boooply.sandbox.Step` lists the steps.

        Args:
            code: The meeting code.
            to: The step, such as `ACTIVE`, `END` or `NO_SHOW`.
            evaluation: Scores from 0 to 100, named as in the webhooks' `scores`: `overall`, `communication`,
                `technicalSkills`, `problemSolving`, `cultureFit`, `experienceMatch`; and a `recommendation`:
                `STRONG_PASS`, `PASS`, `REVIEW`, `FAIL` or `STRONG_FAIL`.
            transcript: The entries of the transcript, each with at least `speaker`, `role` and `content`.
            rubric: The rubric of the evaluation, in the form of `rubricSnapshot`: `{"criteria": [{"name": …}]}`.
            recording: False for an interview without a recording.

        Raises:
            SandboxError: 400 or 422 for an invalid outcome, 404 for an unknown code, 409 for a step that is not
                possible now.
        """
        outcome = {"evaluation": evaluation, "transcript": transcript, "rubric": rubric, "recording": recording}
        self._run("play", code, to=to, **outcome)

    def book(self, code: str, start: datetime | str | None = None) -> None:
        """Book a slot as the candidate of an interview with `CANDIDATE_PICKS`; all participants get an e-mail.

        Args:
            code: The meeting code.
            start: The start of the slot, as a datetime or ISO text; by default the first slot.

        Raises:
            SandboxError: 404 for an unknown code, 409 if there is no slot to book, 410 if the booking link is older
                than 7 days, 422 if the slot was not offered.
        """
        self._run("book", code, start=start)

    def finalize(self, code: str, recommendation: str, *, rationale: str | None = None, by: str | None = None) -> None:
        """Finalize an evaluated interview as a recruiter.

        Args:
            code: The meeting code.
            recommendation: `STRONG_HIRE`, `HIRE`, `NO_HIRE` or `STRONG_NO_HIRE`.
            rationale: The recruiter's reasons.
            by: The recruiter's ID.

        Raises:
            SandboxError: 404 for an unknown code, 409 if there is no evaluation, 422 for an unknown recommendation.
        """
        self._run("finalize", code, recommendation=recommendation, rationale=rationale, by=by)

    def revoke_keys(self, organization_id: str | None = None) -> int:
        """Revoke the keys of an organization, as its staff can in the dashboard, and return their number.

        Calls with a revoked key fail with 401. A key that is created afterwards works.

        Args:
            organization_id: Your ID of the customer, the API's ID of the organization, or `sandbox-company`, which is
                the organization of `api_key` and the default.

        Raises:
            SandboxError: 404 for an unknown organization.
        """
        named = self._own.organization_id if organization_id is None else organization_id
        return self._on_loop(lambda: self._state.revoke_keys(named))

    def _run(self, flow: str, code: str, **arguments: object) -> None:
        given = {name: value for name, value in arguments.items() if value is not None}
        # converts values as HTTP would, and makes a copy that the caller cannot change later
        body: dict[str, Any] = json.loads(json.dumps(given, default=in_json))
        self._on_loop(lambda: run_flow(self._state, flow, code, body))

    def _on_loop(self, action: Callable[[], T]) -> T:
        # only the loop's thread may use the state
        if self._loop is None or threading.get_ident() == self._loop_thread_id:
            return action()

        async def run() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def __aenter__(self) -> Self:
        if self._runner is not None:
            raise RuntimeError("the sandbox is serving already")
        if self._file is None:
            await self._serve()
            return self
        self._file.lock()
        try:
            self._file.save(self._take())  # fail now if the file cannot be written
            await self._serve()
            self._saving = asyncio.create_task(self._file.keep(self._take, self._changes))
        except BaseException:
            self._file.unlock()
            raise
        return self

    async def _serve(self) -> None:
        # without an access log, which would print queries with addresses
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

    def _take(self) -> Saved:
        return self._state.take(self._own, self._dispatcher.url)

    def _changes(self) -> object:
        return self._state.changes, self.clock.ahead, self._dispatcher.url

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        runner, self._runner, self._loop = self._runner, None, None
        saving, self._saving = self._saving, None
        if saving is not None:
            saving.cancel()
        await self._dispatcher.stop()
        if runner is not None:
            await runner.cleanup()
        if self._file is not None:
            self._file.save_or_log(self._take())
            self._file.unlock()

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
