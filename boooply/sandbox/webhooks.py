"""The sandbox's webhooks, delivered as the vendor delivers them, and their controls for tests.

The vendor documents five attempts in total and five pauses, so the last pause never happens.
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
"""The value of `X-Boooply-Platform`, which is the kind of the platform and not its name."""

RESPONSE_TIMEOUT: Final = 30.0
BODY_TIMEOUT: Final = 1.0
BODY_KEPT: Final = 2048
"""The time for a response and for its body, in seconds, and the bytes that the console shows of the body."""

CLOCK_POLL: Final = 0.02
"""Seconds of real time between two checks of the sandbox's clock, which tests can advance."""

IDLE_POLL: Final = 0.01
"""Seconds between two checks for unfinished deliveries."""


def check_url(url: str) -> str:
    """Check the URL of an endpoint, and return it.

    Raises:
        ValueError: The URL is not `http://HOST…` or `https://HOST…`, or contains credentials.
    """
    parts = urlsplit(url)
    if not url.isprintable() or " " in url:
        raise ValueError("the webhook URL must not contain spaces or control characters")
    _ = parts.port  # raises if it is not a port
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the webhook URL must be of the form http://HOST/PATH or https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the webhook URL must not contain credentials")
    return url


NO_ENDPOINT: Final = (
    "there is no endpoint: set webhooks.url in Python, the Endpoint URL in the console, "
    'or POST {"url": …} to /_sandbox/webhooks'
)


class WebhookDispatcher:
    """The delivery of events to one endpoint, on the server's loop."""

    def __init__(self, state: State, secret: str, url: str | None) -> None:
        self._state = state
        self._secret = secret
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.url: str | None = None if url is None else check_url(url)
        state.on_announcement = self.deliver_unsent

    def start(self) -> None:
        """Start delivering events."""
        self._loop = asyncio.get_running_loop()
        self._session = ClientSession(
            timeout=ClientTimeout(total=RESPONSE_TIMEOUT), cookie_jar=DummyCookieJar(), auto_decompress=False
        )
        self.deliver_unsent()

    async def stop(self) -> None:
        """Stop unfinished deliveries; the next start resumes them."""
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
        """Check whether the caller runs on the loop that delivers."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def point_to(self, url: str | None) -> None:
        """Set or remove the endpoint; unsent events are sent at once.

        Raises:
            ValueError: The URL is not a valid http or https address.
        """
        self.url = None if url is None else check_url(url)
        self.deliver_unsent()

    def deliver_unsent(self) -> None:
        """Start delivering unsent events, if there is an endpoint."""
        if self.url is None or self._session is None:
            return
        for delivery in tuple(self._state.deliveries.values()):
            if delivery.state == "unsent":
                self._begin(delivery)

    def replay(self, delivery_id: str) -> Delivery:
        """Deliver an event again in any state, as the vendor's dashboard does.

        Raises:
            SandboxError: 404 for an unknown delivery, 409 if it is in progress or there is no endpoint.
        """
        delivery = self._state.deliveries.get(delivery_id)
        if delivery is None:
            raise not_found("the delivery", "DELIVERY_NOT_FOUND")
        if delivery.state == "pending":
            raise conflict("the delivery is already in progress", "DELIVERY_PENDING")
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
        """Check for deliveries that are in progress or due."""
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
            if url is None or session is None:  # delivered once there is an endpoint
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
    # only the status matters, so a late or broken body changes nothing
    with suppress(ClientError, OSError, TimeoutError):
        async with asyncio.timeout(BODY_TIMEOUT):
            return mask((await response.content.read(BODY_KEPT)).decode(errors="replace"))
    return ""


class Webhooks:
    """The webhooks of a sandbox, with the vendor's headers, signatures and retries.

    Playing an interview to its end sends a transcript, an evaluation, its scores and a recording. A one-to-one human
    interview also sends an assessment of the interviewers. A team meeting sends only what was recorded. Without a
    `url`, events wait until you set one. Retries follow the sandbox's clock: call `sandbox.clock.advance()` to skip
    pauses.
    """

    def __init__(
        self, state: State, dispatcher: WebhookDispatcher, on_loop: Callable[[Callable[[], Any]], Any]
    ) -> None:
        self._state = state
        self._dispatcher = dispatcher
        self._on_loop = on_loop

    @property
    def url(self) -> str | None:
        """The URL of the endpoint; None delivers nothing.

        Raises:
            ValueError: The URL is not a valid http or https address.
        """
        return self._dispatcher.url

    @url.setter
    def url(self, url: str | None) -> None:
        self._on_loop(lambda: self._dispatcher.point_to(url))

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """All events, oldest first, delivered or not."""
        return tuple(self._state.deliveries.values())

    @property
    def requests(self) -> tuple[WebhookRequest, ...]:
        """The request of each event, oldest first, for tests that pass it to an application directly."""
        return tuple(self._dispatcher.request(delivery) for delivery in self.deliveries)

    def replay(self, delivery_id: str, /) -> None:
        """Deliver an event again, as the vendor's dashboard does.

        Raises:
            SandboxError: 404 for an unknown delivery, 409 if it is in progress or there is no endpoint.
        """
        self._on_loop(lambda: self._dispatcher.replay(delivery_id))

    async def delivered(self, timeout: float = 10.0) -> None:
        """Wait until every attempt that is due has succeeded or failed.

        Raises:
            TimeoutError: Attempts are still in progress after `timeout` seconds.
        """
        until = time.monotonic() + timeout
        while self._is_busy(until):  # noqa: ASYNC110 - the dispatcher may run on another loop
            await asyncio.sleep(IDLE_POLL)

    def wait(self, timeout: float = 10.0) -> None:
        """Wait like `delivered`, in blocking code.

        Raises:
            RuntimeError: The sandbox runs on this thread's event loop, which would block: await `delivered()` instead.
            TimeoutError: Attempts are still in progress after `timeout` seconds.
        """
        if self._dispatcher.runs_here():
            raise RuntimeError("wait() would block the event loop that the sandbox runs on: await delivered() instead")
        until = time.monotonic() + timeout
        while self._is_busy(until):
            time.sleep(IDLE_POLL)

    def _is_busy(self, until: float) -> bool:
        is_busy: bool = self._on_loop(lambda: self._dispatcher.is_busy)
        if is_busy and time.monotonic() > until:
            raise TimeoutError("webhooks are still in progress: check that wait() does not block their own endpoint")
        return is_busy
