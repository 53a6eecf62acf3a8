"""The platform, the customers' clients and the webhooks of a FastAPI application."""

# No postponed annotations here: FastAPI reads the annotations of ``client_of``'s inner function, which use a parameter.
import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import Annotated, Any, Final, TypeVar, cast

import attrs
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from boooply.client import AsyncBoooplyClient
from boooply.errors import BoooplyError, ConfigurationError
from boooply.integrations.fastapi.requests import RedactingFilter, body_of
from boooply.integrations.fastapi.responses import error_response
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.attempts import ON_RESPONSE, OnResponse
from boooply.protocol.settings import COUNT, Rule, check_all, optional
from boooply.provisioning.engine import GRACE
from boooply.provisioning.identity import check_store
from boooply.provisioning.outcomes import KeysNotStoredError
from boooply.provisioning.pending_keys import PendingKeys
from boooply.provisioning.tenants import AsyncTenants
from boooply.ratelimit.limits import RateLimits
from boooply.secret import hide_locals
from boooply.store import AsyncInbox, AsyncStore, DeclinedError
from boooply.store.inbox import dispatch
from boooply.store.inbox_workers import OnDead
from boooply.webhooks import Event, Webhook

E = TypeVar("E", bound=Event)
Handler = Callable[[E], object]
D = TypeVar("D", bound=OnDead)

WEBHOOK_PATH: Final = "/webhooks/boooply"

_ACCESS_LOG: Final = "uvicorn.access"


@attrs.frozen
class _Opened:
    """The resources that one running application shares."""

    platform: AsyncBoooplyPlatform
    store: AsyncStore
    tenants: AsyncTenants
    inbox: AsyncInbox


def platform_over(store: AsyncStore, /) -> AsyncBoooplyPlatform:
    """Create a platform from the ``BOOOPLY_…`` variables that shares its rate limits with all processes on a store.

    Args:
        store: The open store.

    Raises:
        ConfigurationError: The platform key or the base URL is missing or invalid.
    """
    return AsyncBoooplyPlatform(rate_limits=RateLimits(shared=store))


_RULES: Final[dict[str, Rule]] = {
    "store": Rule("a function that opens the store, such as lambda: AsyncStore.open(url)", callable),
    "platform": Rule("a function that creates the platform for a store", callable),
    "webhook": Rule("a function that creates the webhook, such as lambda: Webhook(secret)", callable),
    "inbox": Rule("a function that creates the inbox of a store, such as lambda store: AsyncInbox(store)", callable),
    "concurrency": COUNT,
    "on_response": optional(ON_RESPONSE),
    "kind": Rule(
        "a class of events, such as EvaluationEvent", lambda value: isinstance(value, type) and issubclass(value, Event)
    ),
}


class Boooply:
    """The platform, the customers' clients and the webhooks of a FastAPI application.

        boooply = Boooply()
        app = FastAPI(lifespan=boooply.lifespan)
        boooply.add_to(app)

    By default, all settings come from the ``BOOOPLY_…`` variables. The functions that you pass are called when the
    application starts, once in each of its processes. The processes share their work through the store.

    Args:
        store: A function that opens the store.
        platform: A function that creates the platform. It receives the open store.
        webhook: A function that creates the ``Webhook`` that verifies events.
        inbox: A function that creates the inbox of a store, for example with other pauses or another number of
            attempts.
        concurrency: The largest number of events that each process handles at once.
        on_response: A plain function that is called after each attempt of a call. It runs in the event loop, so it must
            be fast.

    Raises:
        ConfigurationError: An argument is invalid.
    """

    def __init__(
        self,
        *,
        store: Callable[[], AbstractAsyncContextManager[AsyncStore]] = AsyncStore.open,
        platform: Callable[[AsyncStore], AsyncBoooplyPlatform] = platform_over,
        webhook: Callable[[], Webhook] = Webhook,
        inbox: Callable[[AsyncStore], AsyncInbox] = AsyncInbox,
        concurrency: int = 4,
        on_response: OnResponse | None = None,
    ) -> None:
        check_all(_RULES, store=store, platform=platform, webhook=webhook, inbox=inbox)
        check_all(_RULES, concurrency=concurrency, on_response=on_response)
        self._on_response = on_response
        self._concurrency = concurrency
        self._make_store = store
        self._make_platform = platform
        self._make_webhook = webhook
        self._make_inbox = inbox
        self._handlers: dict[type[Event], Handler[Any]] = {}
        self._on_dead: OnDead | None = None
        self._opened: _Opened | None = None
        self._is_entered = False

    @asynccontextmanager
    async def lifespan(self, _app: object = None, /) -> AsyncGenerator[None]:
        """Open the store and the platform, handle stored events while the application runs, and close everything.

        If this raises an error, the application does not start.

        Raises:
            ConfigurationError: A setting is missing or invalid, or a running application already uses this object.
            StoreError: The store cannot be opened.
            StoreMismatchError: The store belongs to another API or to other platform keys.
        """
        if self._is_entered:
            raise ConfigurationError(
                "this Boooply object is used by a running application already. Create one for each application."
            )
        self._is_entered = True
        async with AsyncExitStack() as stack:
            stack.callback(self._leave)
            log, redacting = logging.getLogger(_ACCESS_LOG), RedactingFilter()
            log.addFilter(redacting)
            stack.callback(log.removeFilter, redacting)
            self.__dict__.pop("_webhook", None)  # an earlier lifespan may have used another secret
            if self._handlers:
                _ = self._webhook  # reports a missing secret now instead of at the first delivery
            store = await stack.enter_async_context(self._make_store())
            platform = await stack.enter_async_context(self._make_platform(store))
            platform = platform.with_options(on_response=self._on_response)
            await check_store(store, platform)
            self._pending_keys = PendingKeys(store, platform)
            self._opened = _Opened(platform, store, AsyncTenants(platform, store), self._make_inbox(store))
            if self._handlers:
                inbox, handlers, on_dead = self._opened.inbox, self._handler_here, self._on_dead
                work = dispatch(inbox, handlers, concurrency=self._concurrency, on_dead=on_dead)
                await stack.enter_async_context(_under_way(work))
            stack.push_async_callback(self._pending_keys.close)
            try:
                yield
            finally:
                self._opened = None

    def _leave(self) -> None:
        self._is_entered = False

    def add_to(self, app: FastAPI, /, *, path: str = WEBHOOK_PATH) -> None:
        """Add the error responses and the webhook endpoint to an application.

        Args:
            app: The application.
            path: The path of the webhook endpoint.
        """
        # Starlette calls the handler only with the registered class, which its types do not express
        app.add_exception_handler(BoooplyError, cast("Any", self._respond_to_error))
        app.add_api_route(path, self._receive, methods=["POST"], status_code=204, include_in_schema=False)

    # ---- dependencies

    def platform(self) -> AsyncBoooplyPlatform:
        """Return the platform, as a dependency: ``Annotated[AsyncBoooplyPlatform, Depends(boooply.platform)]``.

        Raises:
            ConfigurationError: The lifespan is not running.
        """
        return self._running.platform

    def store(self) -> AsyncStore:
        """Return the open store, as a dependency: ``Annotated[AsyncStore, Depends(boooply.store)]``.

        Raises:
            ConfigurationError: The lifespan is not running.
        """
        return self._running.store

    def tenants(self) -> AsyncTenants:
        """Return the customers, as a dependency: ``Annotated[AsyncTenants, Depends(boooply.tenants)]``.

        Raises:
            ConfigurationError: The lifespan is not running.
        """
        return self._running.tenants

    def client_of(self, customer: Callable[..., Any], /) -> Callable[..., Awaitable[AsyncBoooplyClient]]:
        """Create a dependency that returns a customer's client.

            CustomersClient = Annotated[AsyncBoooplyClient, Depends(boooply.client_of(current_customer))]

        Args:
            customer: A dependency that returns your own ID of the customer.

        Returns:
            The dependency. It raises the errors of ``AsyncTenants.client``.
        """

        async def client(organization_id: Annotated[str, Depends(customer)]) -> AsyncBoooplyClient:
            return await self.tenants().client(organization_id)

        return client

    async def event(self, request: Request) -> Event:
        """Return a verified event, as a dependency: ``Annotated[Event, Depends(boooply.event)]``.

        Use it to handle events in your own endpoint. Respond with 2xx only after you have handled or stored the event,
        because Boooply does not deliver it again.

        Raises:
            InvalidSignatureError: The signature is missing or wrong.
            StaleEventError: The event is older than the webhook allows.
            MalformedEventError: The body is too large, or is not an event.
        """
        return self._webhook.verify(await body_of(request), request.headers.raw)

    async def _respond_to_error(self, request: Request, error: BoooplyError) -> JSONResponse:
        if isinstance(error, KeysNotStoredError):
            self._pending_keys.keep(error.keys)  # even after the lifespan, which does not wait for requests
        return error_response(request, error)

    # ---- webhooks

    def on(self, kind: type[E], /) -> Callable[[Handler[E]], Handler[E]]:
        """Register a handler for a class of events, as a decorator.

        The handler runs in the background, after the event was stored and the endpoint has responded. A coroutine
        function runs in the event loop, a plain function in a thread. If the handler raises an exception or takes
        longer than five minutes, it runs again later.

        The events of one interview are handled one at a time, in the order in which they arrived. An event that waits
        for a retry does not delay the events after it. The endpoint acknowledges and discards an event without a
        handler.

        Args:
            kind: The class of events, such as ``EvaluationEvent``. ``Event`` registers a handler for all classes that
                have no handler.

        Raises:
            ConfigurationError: The argument is not a class of events, the class already has a handler, or the
                application is running.
        """
        check_all(_RULES, kind=kind)

        def register(handler: Handler[E]) -> Handler[E]:
            self._check_not_running()
            if kind in self._handlers:
                raise ConfigurationError(
                    f"there is a handler for {kind.__name__} already. Do both tasks in one handler."
                )
            self._handlers[kind] = handler
            return handler

        return register

    def on_dead(self, function: D, /) -> D:
        """Register a function for dead events, as a decorator. An event is dead after its last attempt has failed.

        The function is called in addition to the log line. ``store.events`` also lists dead events.

        Args:
            function: A function that is called with the ``EventRecord`` of the event. A coroutine function runs in the
                event loop, a plain function in a thread. An exception that it raises is logged and otherwise ignored.

        Returns:
            The same function.

        Raises:
            ConfigurationError: There is such a function already, or the application is running.
        """
        self._check_not_running()
        if self._on_dead is not None:
            raise ConfigurationError("there is a function for dead events already. Do both tasks in one function.")
        self._on_dead = function
        return function

    def _check_not_running(self) -> None:
        if self._opened is not None:
            raise ConfigurationError("the application is running. Register handlers before it starts.")

    @hide_locals
    async def _receive(self, request: Request) -> Response:
        body = await body_of(request)
        event = self._webhook.verify(body, request.headers.raw)
        if self._handler_of(event) is not None:
            await self._running.inbox.put(event, body)
        return Response(status_code=204)

    def _handler_here(self, event: Event) -> Handler[Any]:
        handler = self._handler_of(event)
        if handler is None:  # another process, with other handlers, has stored the event
            raise DeclinedError
        return handler

    def _handler_of(self, event: Event) -> Handler[Any] | None:
        return next((self._handlers[kind] for kind in type(event).__mro__ if kind in self._handlers), None)

    @cached_property
    def _webhook(self) -> Webhook:
        return self._make_webhook()

    @property
    def _running(self) -> _Opened:
        if self._opened is None:
            raise ConfigurationError(
                "the lifespan of this Boooply object is not running. Pass lifespan=boooply.lifespan to FastAPI. If the "
                "application is mounted, pass it to the outermost application, because the lifespan of a mounted "
                "application never runs."
            )
        return self._opened


@asynccontextmanager
async def _under_way(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    task = asyncio.create_task(work, name="boooply inbox")
    try:
        yield
    finally:
        task.cancel()
        # Awaiting the task itself would swallow our own cancellation. The timeout limits the wait for a failing store.
        # The leases then free the events.
        await asyncio.wait({task}, timeout=GRACE)
