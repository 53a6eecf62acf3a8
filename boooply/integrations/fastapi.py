"""Boooply in a FastAPI application: one platform, one store, and no webhook lost (the extra ``fastapi``)."""

# No postponed annotations here: FastAPI reads those of ``client_of``'s inner function, which name its own parameter.
import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from functools import cached_property
from math import ceil
from typing import Annotated, Any, Final, TypeVar, cast

import attrs
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from boooply.client import AsyncBoooplyClient
from boooply.errors import (
    AmbiguousWriteError,
    APIConnectionError,
    APIStatusError,
    BadRequestError,
    BoooplyError,
    ConfigurationError,
    ConflictError,
    CorruptKeyError,
    DeadlineExceededError,
    DecodingError,
    InvalidSignatureError,
    MalformedEventError,
    NotConnectedError,
    NotFoundError,
    ProvisioningError,
    RateLimitError,
    StoreError,
    UnprocessableEntityError,
    ValidationError,
    WebhookError,
)
from boooply.models import InterviewNotEvaluatedError
from boooply.platform import AsyncBoooplyPlatform
from boooply.provisioning.outcomes import KeysNotStoredError
from boooply.provisioning.pending_keys import PendingKeys
from boooply.provisioning.tenants import AsyncTenants
from boooply.ratelimit.limiter import RateLimits
from boooply.secret import redact
from boooply.store import AsyncInbox, AsyncStore, DeclinedError
from boooply.webhooks import Event, Webhook
from boooply.webhooks.webhook import LARGEST_BODY, SIGNATURE

E = TypeVar("E", bound=Event)
Handler = Callable[[E], Awaitable[None]]

WEBHOOK_PATH: Final = "/webhooks/boooply"

_NOT_US: Final = "Boooply cannot be reached just now."
_ACCESS_LOG: Final = "uvicorn.access"
_COME_BACK: Final = 5  # seconds

logger: logging.Logger = logging.getLogger("boooply.fastapi")


@attrs.frozen
class _Answer:
    """Hold a status, and a text for people; without a text the error's own is shown."""

    status: int
    text: str | None = None


# The first class that fits. What a user of the application cannot mend is told in general words, and logged in full.
_ANSWERS: Final[tuple[tuple[type[BoooplyError], _Answer], ...]] = (
    (ValidationError, _Answer(422)),
    (InvalidSignatureError, _Answer(401)),
    (WebhookError, _Answer(400)),
    (NotConnectedError, _Answer(409, "Boooply is not connected yet.")),
    (KeysNotStoredError, _Answer(503, "Boooply is connected, and not ready yet: try again in a moment.")),
    (InterviewNotEvaluatedError, _Answer(409)),
    (ProvisioningError, _Answer(409, "Boooply cannot be connected: somebody has to look into it.")),
    (BadRequestError, _Answer(400)),
    (NotFoundError, _Answer(404)),
    (ConflictError, _Answer(409)),
    (UnprocessableEntityError, _Answer(422)),
    (RateLimitError, _Answer(503, "Boooply is busy: try again in a moment.")),
    (AmbiguousWriteError, _Answer(502, "Boooply did not answer, and may have done it: look before you try again.")),
    (DeadlineExceededError, _Answer(504, _NOT_US)),
    (APIConnectionError, _Answer(502, _NOT_US)),
    (DecodingError, _Answer(502, _NOT_US)),
    (APIStatusError, _Answer(502, _NOT_US)),
    (CorruptKeyError, _Answer(500, "Boooply's key for this customer is damaged: somebody has to look into it.")),
    (StoreError, _Answer(503, "The store cannot be reached just now.")),
)
_OTHERWISE: Final = _Answer(500, "Boooply is not set up correctly.")


@attrs.frozen
class _Opened:
    """Hold what one running application shares."""

    platform: AsyncBoooplyPlatform
    store: AsyncStore
    tenants: AsyncTenants
    inbox: AsyncInbox
    late: PendingKeys


def platform_over(store: AsyncStore, /) -> AsyncBoooplyPlatform:
    """Make a platform from the ``BOOOPLY_…`` variables that shares its allowance with all processes on the store."""
    return AsyncBoooplyPlatform(rate_limits=RateLimits(shared=store))


class Boooply:
    """Give a FastAPI application its platform, its customers' clients and its webhooks.

    ::

        boooply = Boooply()
        app = FastAPI(lifespan=boooply.lifespan)
        boooply.add_to(app)

    All settings come from the ``BOOOPLY_…`` variables; ``store``, ``platform`` and ``webhook`` make those parts
    otherwise. They are called when the application starts, once in each of its processes; the processes share their
    work through the store.
    """

    def __init__(
        self,
        *,
        store: Callable[[], AbstractAsyncContextManager[AsyncStore]] = AsyncStore.open,
        platform: Callable[[AsyncStore], AsyncBoooplyPlatform] = platform_over,
        webhook: Callable[[], Webhook] = Webhook,
    ) -> None:
        self._make_store = store
        self._make_platform = platform
        self._make_webhook = webhook
        self._handlers: dict[type[Event], Handler[Any]] = {}
        self._opened: _Opened | None = None

    @asynccontextmanager
    async def lifespan(self, _app: object = None, /) -> AsyncGenerator[None]:
        """Open store and platform, handle stored events meanwhile, and close everything at the end.

        Raises:
            ConfigurationError: A setting is missing or cannot work; the application does not start.
            StoreError: The store cannot be opened.
        """
        async with AsyncExitStack() as stack:
            stack.enter_context(_redacted_access_log())
            self.__dict__.pop("_webhook", None)  # that of an earlier life may have had another secret
            if self._handlers:
                _ = self._webhook  # a missing secret is to be told now, and not at the first delivery
            store = await stack.enter_async_context(self._make_store())
            platform = await stack.enter_async_context(self._make_platform(store))
            self._opened = _Opened(
                platform, store, AsyncTenants(platform, store), AsyncInbox(store), PendingKeys(store)
            )
            if self._handlers:
                await stack.enter_async_context(_under_way(self._opened.inbox.work(self._handle)))
            stack.push_async_callback(self._opened.late.close)
            try:
                yield
            finally:
                self._opened = None

    def add_to(self, app: FastAPI, /, *, path: str = WEBHOOK_PATH) -> None:
        """Add the answers to errors, and the endpoint of the webhooks."""
        # what Starlette hands over is what is registered here, which it does not say in its types
        app.add_exception_handler(BoooplyError, cast("Any", self._answer))
        app.add_api_route(path, self._take, methods=["POST"], status_code=204, include_in_schema=False)

    # ---- dependencies

    def platform(self) -> AsyncBoooplyPlatform:
        """Give the platform: ``Annotated[AsyncBoooplyPlatform, Depends(boooply.platform)]``."""
        return self._running.platform

    def store(self) -> AsyncStore:
        """Give the store: ``Annotated[Store, Depends(boooply.store)]``."""
        return self._running.store

    def tenants(self) -> AsyncTenants:
        """Give the customers: ``Annotated[Tenants, Depends(boooply.provisioning.tenants)]``."""
        return self._running.tenants

    def client_of(self, customer: Callable[..., Any], /) -> Callable[..., Awaitable[AsyncBoooplyClient]]:
        """Make a dependency that gives the client of the customer whose id a dependency of yours tells.

        ::

            CustomersClient = Annotated[AsyncBoooplyClient, Depends(boooply.client_of(current_customer))]
        """

        async def client(organization_id: Annotated[str, Depends(customer)]) -> AsyncBoooplyClient:
            return await self.tenants().client(organization_id)

        return client

    async def event(self, request: Request) -> Event:
        """Give a verified event, to handle yourself: ``Annotated[Event, Depends(boooply.event)]``.

        Answer 2xx only once it is handled or stored, since the vendor forgets it then.
        """
        return self._webhook.verify(await _body(request), request.headers.raw)

    async def _answer(self, request: Request, error: BoooplyError) -> JSONResponse:
        if isinstance(error, KeysNotStoredError):
            self._running.late.keep(error.keys)
        return answer_to(request, error)

    # ---- webhooks

    def on(self, kind: type[E], /) -> Callable[[Handler[E]], Handler[E]]:
        """Register a handler for one class of events, or with ``Event`` for all that have none of their own.

        It runs in the background, once the event is stored and answered; where it raises, it is run again later. An
        event that no handler wants is answered and forgotten.

        Raises:
            ConfigurationError: There is one for this class already, so that which of two failed could not be told; or
                the application is running.
        """

        def register(handler: Handler[E]) -> Handler[E]:
            if self._opened is not None:
                raise ConfigurationError("the application is running: register handlers before it starts")
            if kind in self._handlers:
                raise ConfigurationError(f"there is a handler for {kind.__name__} already: let one do both")
            self._handlers[kind] = handler
            return handler

        return register

    async def _take(self, request: Request) -> Response:
        body = await _body(request)
        try:
            event = self._webhook.verify(body, request.headers.raw)
            if self._handler_of(event) is not None:
                await self._running.inbox.put(event, body)
        finally:
            del body  # a traceback shows local names
        return Response(status_code=204)

    async def _handle(self, event: Event) -> None:
        handler = self._handler_of(event)
        if handler is None:  # stored by another process, which has handlers that this one has not
            raise DeclinedError
        await handler(event)

    def _handler_of(self, event: Event) -> Handler[Any] | None:
        return next((self._handlers[kind] for kind in type(event).__mro__ if kind in self._handlers), None)

    @cached_property
    def _webhook(self) -> Webhook:
        return self._make_webhook()

    @property
    def _running(self) -> _Opened:
        if self._opened is None:
            raise ConfigurationError("the application is not running: pass lifespan=boooply.lifespan to FastAPI")
        return self._opened


def answer_to(_request: Request, error: BoooplyError) -> JSONResponse:
    """Answer with what fits an error, in FastAPI's own form; no text shows a key."""
    answer = next((answer for kind, answer in _ANSWERS if isinstance(error, kind)), _OTHERWISE)
    if answer.text is None:
        text = error.message if isinstance(error, APIStatusError) else str(error)
    else:
        text = answer.text
        logger.warning("%s: %s", type(error).__name__, error)
    headers = {"Retry-After": str(_wait(error))} if answer.status == 503 else None  # noqa: PLR2004 - the status that knows this header
    return JSONResponse({"detail": text}, status_code=answer.status, headers=headers)


def _wait(error: BoooplyError) -> int:
    told = error.retry_after if isinstance(error, APIStatusError) else None
    return _COME_BACK if told is None else max(1, ceil(told))


async def _body(request: Request) -> bytes:
    if SIGNATURE not in request.headers:
        raise InvalidSignatureError(f"the header {SIGNATURE} is missing")  # and its body is not worth reading
    pieces: list[bytes] = []
    piece, size = b"", 0
    problem = None
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > LARGEST_BODY:
                problem = f"the body is larger than {LARGEST_BODY:,} bytes"
                break
            pieces.append(piece)
    except ClientDisconnect:
        problem = "the sender hung up"
    if problem is None:
        return b"".join(pieces)
    pieces.clear()
    piece = b""  # a traceback shows local names
    raise MalformedEventError(problem)


@asynccontextmanager
async def _under_way(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    task = asyncio.create_task(work, name="boooply inbox")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})  # and not itself, which would swallow a cancellation of ours


class _Redacting(logging.Filter):
    """Mask keys and join tokens in the queries that uvicorn writes to its access log."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(redact(one) if isinstance(one, str) else one for one in record.args)
        return True


@contextmanager
def _redacted_access_log() -> Generator[None]:
    redacting = _Redacting()
    log = logging.getLogger(_ACCESS_LOG)
    log.addFilter(redacting)
    try:
        yield
    finally:
        log.removeFilter(redacting)
