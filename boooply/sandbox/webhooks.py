"""Webhooks: their delivery as the vendor does it (section 7), and what a test sees and controls of it.

The contract counts five attempts in total, so of the five pauses that it names, the last one is never made.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar
from attrs import evolve

from boooply.sandbox.masking import mask
from boooply.sandbox.records import Attempt, Delivery, WebhookRequest
from boooply.sandbox.state import State
from boooply.sandbox.wire import conflict, not_found

__all__ = ["WebhookDispatcher", "Webhooks", "check_url"]

PAUSES: Final = (5, 10, 20, 40)
PLATFORM: Final = "custom"
"""`X-Boooply-Platform`: not the name of the platform, but its kind."""

RESPONSE_TIMEOUT: Final = 30.0
BODY_TIMEOUT: Final = 1.0
BODY_KEPT: Final = 2048
"""Seconds, and bytes: what the console shows of a response is only its beginning."""

CLOCK_POLL: Final = 0.02
"""Seconds of real time between two looks at the sandbox's clock, which a test may push forward."""

IDLE_POLL: Final = 0.01
"""Seconds between two checks whether anything is still under way."""


def check_url(url: str) -> str:
    """Return an endpoint's address.

    Raises:
        ValueError: It is not `http://HOST…` or `https://HOST…`, or has credentials in it.
    """
    parts = urlsplit(url)
    if not url.isprintable() or " " in url:
        raise ValueError("the webhook URL must not contain spaces or control characters")
    _ = parts.port  # raises if it is not a port
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the webhook URL must be of the form http://HOST/PATH or https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the webhook URL must not have credentials in it")
    return url


NO_ENDPOINT: Final = (
    "there is no endpoint to send it to: set webhooks.url in Python, the Endpoint URL in the console, "
    'or POST {"url": …} to /_sandbox/webhooks'
)


class WebhookDispatcher:
    """The delivery of the state's events to one endpoint, on the server's loop."""

    def __init__(self, state: State, secret: str, url: str | None) -> None:
        self._state = state
        self._secret = secret
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.url: str | None = None if url is None else check_url(url)
        state.on_announcement = self.deliver_unsent

    def start(self) -> None:
        """Start delivering the events that are announced."""
        self._loop = asyncio.get_running_loop()
        self._session = ClientSession(
            timeout=ClientTimeout(total=RESPONSE_TIMEOUT), cookie_jar=DummyCookieJar(), auto_decompress=False
        )
        self.deliver_unsent()

    async def stop(self) -> None:
        """Stop the deliveries under way; the next start takes them up again."""
        session, self._session, self._loop = self._session, None, None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for delivery in tuple(self._state.deliveries.values()):
            if delivery.state == "pending":
                self._save(evolve(delivery, state="unsent", next_attempt_at=None))
        if session is not None:
            await session.close()

    def runs_here(self) -> bool:
        """Return whether the caller runs on the loop that delivers."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def point_to(self, url: str | None) -> None:
        """Deliver to an endpoint from now on, or to none; pending events are sent at once.

        Raises:
            ValueError: It is no http or https address.
        """
        self.url = None if url is None else check_url(url)
        self.deliver_unsent()

    def deliver_unsent(self) -> None:
        """Start delivering what is unsent, if there is an endpoint."""
        if self.url is None or self._session is None:
            return
        for delivery in tuple(self._state.deliveries.values()):
            if delivery.state == "unsent":
                self._begin(delivery)

    def replay(self, delivery_id: str) -> Delivery:
        """Deliver an event again, whatever its state, as the vendor's dashboard does.

        Raises:
            SandboxError: 404 for an unknown delivery, 409 for one that is under way or has no endpoint to go to.
        """
        delivery = self._state.deliveries.get(delivery_id)
        if delivery is None:
            raise not_found("the delivery", "DELIVERY_NOT_FOUND")
        if delivery.state == "pending":
            raise conflict("the delivery is under way already", "DELIVERY_PENDING")
        if self.url is None or self._session is None:
            raise conflict(NO_ENDPOINT, "NO_ENDPOINT")
        self._begin(delivery)
        return self._state.deliveries[delivery_id]

    def request(self, delivery: Delivery) -> WebhookRequest:
        """Build the request that delivers an event."""
        signature = hmac.new(self._secret.encode(), delivery.body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Boooply-Signature": signature,
            "X-Boooply-Event": delivery.event,
            "X-Boooply-Platform": PLATFORM,
            "X-Boooply-Meeting-Id": delivery.meeting_code,
            "Authorization": f"Bearer {self._secret}",
        }
        return WebhookRequest(event=delivery.event, headers=headers, body=delivery.body)

    @property
    def is_busy(self) -> bool:
        """Whether something is under way or due now."""
        now = self._state.clock.now()
        pending = [one for one in self._state.deliveries.values() if one.state == "pending"]
        return any(one.next_attempt_at is None or one.next_attempt_at <= now for one in pending)

    def _begin(self, delivery: Delivery) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(self._due(delivery, 0)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        for pause in (*PAUSES, None):
            await self._until(delivery.next_attempt_at)
            url, session = self.url, self._session
            if url is None or session is None:  # it is delivered once there is an endpoint again
                self._save(evolve(delivery, state="unsent", next_attempt_at=None))
                return
            attempt = await self._attempt(session, url, delivery)
            delivery = evolve(delivery, attempts=(*delivery.attempts, attempt))
            if attempt.succeeded or pause is None:
                self._save(evolve(delivery, state="delivered" if attempt.succeeded else "failed", next_attempt_at=None))
                return
            delivery = self._due(delivery, pause)

    async def _until(self, due: datetime | None) -> None:
        while due is not None and self._state.clock.now() < due:  # noqa: ASYNC110 - a clock has no event to wait for
            await asyncio.sleep(CLOCK_POLL)

    def _due(self, delivery: Delivery, pause: float) -> Delivery:
        due = self._state.clock.now() + timedelta(seconds=pause)
        return self._save(evolve(delivery, state="pending", next_attempt_at=due))

    def _save(self, delivery: Delivery) -> Delivery:
        return self._state.save_delivery(delivery)

    async def _attempt(self, session: ClientSession, url: str, delivery: Delivery) -> Attempt:
        request = self.request(delivery)
        began = time.perf_counter()
        try:
            async with session.post(url, data=request.body, headers=request.headers, allow_redirects=False) as response:
                status, text = response.status, await _beginning(response)
        except (ClientError, OSError, ValueError, TimeoutError) as error:
            seconds = time.perf_counter() - began
            return Attempt(at=self._state.clock.now(), error=type(error).__name__, seconds=seconds)
        seconds = time.perf_counter() - began
        return Attempt(at=self._state.clock.now(), status=status, seconds=seconds, response=text)


async def _beginning(response: ClientResponse) -> str:
    # The status alone decides, so a body that is late or broken changes nothing.
    with suppress(ClientError, OSError, TimeoutError):
        async with asyncio.timeout(BODY_TIMEOUT):
            return mask((await response.content.read(BODY_KEPT)).decode(errors="replace"))
    return ""


class Webhooks:
    """The webhooks of a sandbox, delivered with the vendor's headers and retries.

    An interview that is played to its end announces a transcript, an evaluation, its scores and a recording; a
    one-to-one human interview also announces the assessment of the interviewers. A team meeting announces only what
    was recorded. What is announced while there is no `url` is delivered once there is one. Retries follow the
    sandbox's clock, which `sandbox.clock.advance()` pushes forward.
    """

    def __init__(
        self, state: State, dispatcher: WebhookDispatcher, on_loop: Callable[[Callable[[], Any]], Any]
    ) -> None:
        self._state = state
        self._dispatcher = dispatcher
        self._on_loop = on_loop

    @property
    def url(self) -> str | None:
        """The endpoint: an address, or None for no deliveries.

        Raises:
            ValueError: It is no http or https address.
        """
        return self._dispatcher.url

    @url.setter
    def url(self, url: str | None) -> None:
        self._on_loop(lambda: self._dispatcher.point_to(url))

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The announced events, oldest first, delivered or not."""
        return tuple(self._state.deliveries.values())

    @property
    def requests(self) -> tuple[WebhookRequest, ...]:
        """The request of each event, oldest first, for a test that passes them to an application itself."""
        return tuple(self._dispatcher.request(delivery) for delivery in self.deliveries)

    def replay(self, delivery_id: str, /) -> None:
        """Deliver an event again, as the vendor's dashboard does.

        Raises:
            SandboxError: 404 for an unknown delivery, 409 for one that is under way or has no endpoint to go to.
        """
        self._on_loop(lambda: self._dispatcher.replay(delivery_id))

    async def delivered(self, timeout: float = 10.0) -> None:
        """Wait until every attempt that is due now has been made, whether it failed or not.

        Raises:
            TimeoutError: Something is still under way after that many seconds.
        """
        until = time.monotonic() + timeout
        while self._is_busy(until):  # noqa: ASYNC110 - the dispatcher may run on another loop
            await asyncio.sleep(IDLE_POLL)

    def wait(self, timeout: float = 10.0) -> None:
        """Wait as `delivered` does, for blocking code.

        Raises:
            RuntimeError: The sandbox runs on this thread's event loop, which would block: await `delivered()`.
            TimeoutError: Something is still under way after that many seconds.
        """
        if self._dispatcher.runs_here():
            raise RuntimeError("wait() would block the event loop that the sandbox runs on: await delivered() instead")
        until = time.monotonic() + timeout
        while self._is_busy(until):
            time.sleep(IDLE_POLL)

    def _is_busy(self, until: float) -> bool:
        is_busy: bool = self._on_loop(lambda: self._dispatcher.is_busy)
        if is_busy and time.monotonic() > until:
            raise TimeoutError("some webhooks are still under way: does wait() block the endpoint that they go to?")
        return is_busy
