"""Delivering webhooks as the vendor does (section 7): its headers, its retries, by the sandbox's clock.

The contract counts five attempts and names five pauses that add up to 155 s; here they are five more after the first.
"""

import asyncio
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from attrs import evolve

from boooply.sandbox.errors import conflict, not_found
from boooply.sandbox.records import Attempt, Delivery, WebhookRequest
from boooply.sandbox.state import PLATFORM_NAME, State

__all__ = ["WebhookDispatcher", "check_url"]

PAUSES: Final = (5, 10, 20, 40, 80)
ANSWER_WITHIN: Final = 30.0
LOOK_AGAIN: Final = 0.02
"""Seconds of real time between two looks at the sandbox's clock, which a test may push forward."""


def check_url(url: str) -> str:
    """Return an endpoint's address.

    Raises:
        ValueError: It is not `http://HOST…` or `https://HOST…`, or has credentials in it.
    """
    parts = urlsplit(url)
    if not url.isprintable() or " " in url:
        raise ValueError("the webhook URL must not hold spaces or control characters")
    _ = parts.port  # which raises where it is none
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the webhook URL must be of the form http://HOST/PATH or https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the webhook URL must not have credentials in it")
    return url


class WebhookDispatcher:
    """Deliver what the state announces to one endpoint; runs on the server's loop."""

    def __init__(self, state: State, secret: str, url: str | None) -> None:
        self._state = state
        self._secret = secret
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.url: str | None = None if url is None else check_url(url)
        state.on_announcement = self.take_up

    def start(self) -> None:
        """Deliver from now on what is announced."""
        self._loop = asyncio.get_running_loop()
        self._session = ClientSession(
            timeout=ClientTimeout(total=ANSWER_WITHIN), cookie_jar=DummyCookieJar(), auto_decompress=False
        )
        self.take_up()

    async def stop(self) -> None:
        """Give up what is under way; it is delivered once there is a next start."""
        session, self._session, self._loop = self._session, None, None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for delivery in tuple(self._state.deliveries.values()):
            if delivery.state == "pending":
                self._keep(evolve(delivery, state="unsent", next_attempt_at=None))
        if session is not None:
            await session.close()

    def runs_here(self) -> bool:
        """Tell whether the caller stands on the loop that delivers."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def point_to(self, url: str | None) -> None:
        """Deliver to an endpoint from now on, or to none; what waits is on its way at once.

        Raises:
            ValueError: It is no http or https address.
        """
        self.url = None if url is None else check_url(url)
        self.take_up()

    def take_up(self) -> None:
        """Begin to deliver what is new, if there is an endpoint."""
        if self.url is None or self._session is None:
            return
        for delivery in tuple(self._state.deliveries.values()):
            if delivery.state == "unsent":
                self._begin(delivery)

    def replay(self, delivery_id: str) -> Delivery:
        """Deliver an event again, whatever became of it, as the vendor's dashboard does.

        Raises:
            Refused: 404 for an unknown delivery, 409 for one that is under way or has no endpoint to go to.
        """
        delivery = self._state.deliveries.get(delivery_id)
        if delivery is None:
            raise not_found("the delivery", "DELIVERY_NOT_FOUND")
        if delivery.state == "pending":
            raise conflict("the delivery is under way already", "DELIVERY_PENDING")
        if self.url is None or self._session is None:
            raise conflict("there is no endpoint: set one first", "NO_ENDPOINT")
        self._begin(delivery)
        return self._state.deliveries[delivery_id]

    def request(self, delivery: Delivery) -> WebhookRequest:
        """Make the request that delivers an event."""
        signature = hmac.new(self._secret.encode(), delivery.body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Boooply-Signature": signature,
            "X-Boooply-Event": delivery.event,
            "X-Boooply-Platform": PLATFORM_NAME,
            "X-Boooply-Meeting-Id": delivery.meeting_code,
            "Authorization": f"Bearer {self._secret}",
        }
        return WebhookRequest(event=delivery.event, headers=headers, body=delivery.body)

    @property
    def is_busy(self) -> bool:
        """Tell whether something is under way or due now."""
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
            if url is None or session is None:  # it goes on once there is an endpoint again
                self._keep(evolve(delivery, state="unsent", next_attempt_at=None))
                return
            attempt = await self._attempt(session, url, delivery)
            delivery = evolve(delivery, attempts=(*delivery.attempts, attempt))
            if attempt.succeeded or pause is None:
                self._keep(evolve(delivery, state="delivered" if attempt.succeeded else "failed", next_attempt_at=None))
                return
            delivery = self._due(delivery, pause)

    async def _until(self, due: datetime | None) -> None:
        while due is not None and self._state.clock.now() < due:  # noqa: ASYNC110 - a clock has no event to wait for
            await asyncio.sleep(LOOK_AGAIN)

    def _due(self, delivery: Delivery, pause: float) -> Delivery:
        due = self._state.clock.now() + timedelta(seconds=pause)
        return self._keep(evolve(delivery, state="pending", next_attempt_at=due))

    def _keep(self, delivery: Delivery) -> Delivery:
        self._state.deliveries[delivery.id] = delivery
        return delivery

    async def _attempt(self, session: ClientSession, url: str, delivery: Delivery) -> Attempt:
        request = self.request(delivery)
        try:
            async with session.post(url, data=request.body, headers=request.headers, allow_redirects=False) as answer:
                return Attempt(at=self._state.clock.now(), status=answer.status)
        except (ClientError, OSError, ValueError, TimeoutError) as error:
            return Attempt(at=self._state.clock.now(), error=type(error).__name__)
