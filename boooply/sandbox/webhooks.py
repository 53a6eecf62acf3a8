"""Webhooks as a test meets them: where they go, what became of them, and the requests themselves."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from boooply.sandbox.deliveries import WebhookDispatcher
from boooply.sandbox.records import Delivery, WebhookRequest
from boooply.sandbox.state import State

__all__ = ["Webhooks"]

LOOK_AGAIN: Final = 0.01


class Webhooks:
    """Deliver what the sandbox announces, by the vendor's headers and retries, and show what became of it.

    An interview that is played to its end announces a transcript, an evaluation, its scores and a recording; a
    one-to-one human interview the assessment of the interviewer too. What is announced while there is no `url` is
    delivered once there is one. Retries go by the sandbox's clock, which `sandbox.clock.advance()` pushes forward.
    """

    def __init__(self, state: State, courier: WebhookDispatcher, on_loop: Callable[[Callable[[], Any]], Any]) -> None:
        self._state = state
        self._courier = courier
        self._on_loop = on_loop

    @property
    def url(self) -> str | None:
        """Return the endpoint, or set it: an address, or None for no deliveries.

        Raises:
            ValueError: It is no http or https address.
        """
        return self._courier.url

    @url.setter
    def url(self, url: str | None) -> None:
        self._on_loop(lambda: self._courier.point_to(url))

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Return what was announced, oldest first, delivered or not."""
        return tuple(self._state.deliveries.values())

    @property
    def requests(self) -> tuple[WebhookRequest, ...]:
        """Return the request of each event, oldest first, for a test that hands them to an application itself."""
        return tuple(self._courier.request(delivery) for delivery in self.deliveries)

    def replay(self, delivery_id: str, /) -> None:
        """Deliver an event again, as the vendor's dashboard does.

        Raises:
            Refused: 404 for an unknown delivery, 409 for one that is under way or has no endpoint to go to.
        """
        self._on_loop(lambda: self._courier.replay(delivery_id))

    async def delivered(self, timeout: float = 10.0) -> None:
        """Wait until every attempt that is due now has been made, whether it failed or not.

        Raises:
            TimeoutError: Something is still under way after that many seconds.
        """
        until = time.monotonic() + timeout
        while self._is_busy(until):  # noqa: ASYNC110 - the courier may run on another loop
            await asyncio.sleep(LOOK_AGAIN)

    def wait(self, timeout: float = 10.0) -> None:
        """Wait as `delivered` does, for blocking code.

        Raises:
            RuntimeError: The sandbox runs on this thread's event loop, which would stand still: await `delivered()`.
            TimeoutError: Something is still under way after that many seconds.
        """
        if self._courier.runs_here():
            raise RuntimeError("wait() would stop the event loop that the sandbox runs on: await delivered() instead")
        until = time.monotonic() + timeout
        while self._is_busy(until):
            time.sleep(LOOK_AGAIN)

    def _is_busy(self, until: float) -> bool:
        is_busy: bool = self._on_loop(lambda: self._courier.is_busy)
        if is_busy and time.monotonic() > until:
            raise TimeoutError("some webhooks are still under way: does wait() block the endpoint that they go to?")
        return is_busy
