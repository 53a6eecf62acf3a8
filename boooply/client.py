"""The client of one organization, and what it shares with the platform: one key's way to the API."""

import os
import ssl
from collections.abc import Mapping
from ssl import SSLContext
from types import TracebackType
from typing import Any, Final, Self

import attrs

from boooply.errors import DecodingError
from boooply.models import OrganizationApiKey, Tenant
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.protocol.errors import error_from_response
from boooply.protocol.messages import RateLimitClass, Response, json_object, raw_request
from boooply.protocol.retry import RetryPolicy, failure_of
from boooply.protocol.settings import BASE_URL, ORGANIZATION, PLATFORM, KeyKind, base_url, key, seconds
from boooply.ratelimit.limiter import RateLimits
from boooply.ratelimit.status import RateLimitStatus
from boooply.resources.ai import AsyncAI
from boooply.resources.interviews import AsyncInterviews
from boooply.resources.keys import key_of, key_request
from boooply.resources.organization import AsyncOrganization
from boooply.resources.resource import Resource
from boooply.secret import Secret, as_secret
from boooply.transport import TIMEOUT, Pool, Transport

RETRY: Final = RetryPolicy()
RATE_LIMITS: Final = RateLimits()


@attrs.frozen(kw_only=True)
class Options:
    """Gather what every client and platform can be told, beside key and URL."""

    timeout: float
    retry: RetryPolicy
    rate_limits: RateLimits | None
    ssl_context: ssl.SSLContext | None
    allow_insecure: bool


def connect(secret: Secret | None, kind: KeyKind, url: str | None, options: Options) -> Transport:
    """Make a transport of its own pool from arguments and environment.

    Raises:
        ConfigurationError: The key or the URL is missing, or cannot work.
    """
    chosen = key(secret, kind, as_secret(os.environ.get(kind.variable)))
    address = base_url(url, os.environ.get(BASE_URL), allow_insecure=options.allow_insecure)
    pool = Pool(address, options.rate_limits, options.ssl_context)
    return Transport(pool, chosen, seconds(options.timeout), options.retry)


class Connection:
    """Send with one key over a pool; whoever opened the pool closes it."""

    def __init__(self, transport: Transport, *, owner: bool) -> None:
        self._transport = transport
        self._owner = owner

    @classmethod
    def over(cls, transport: Transport, /) -> Self:
        """Make one over a transport that somebody else opened, and closes."""
        connection = cls.__new__(cls)
        Connection.__init__(connection, transport, owner=False)
        return connection

    def with_options(self, *, timeout: float | None = None, retry: RetryPolicy | None = None) -> Self:
        """Make a copy that differs in the options given, on the same connections; only the first one closes them."""
        ours = self._transport
        return self.over(
            attrs.evolve(ours, timeout=ours.timeout if timeout is None else seconds(timeout), retry=retry or ours.retry)
        )

    @property
    def rate_limits(self) -> dict[RateLimitClass, RateLimitStatus]:
        """Where this key's allowances stand: what is left, who waits, how long it takes; empty where they are off."""
        return self._transport.pool.rate_limits(self._transport.key)

    @property
    def base_url(self) -> str:
        """The API's address, without a trailing slash."""
        return self._transport.pool.base_url

    async def request(
        self, method: str, path: str, /, *, json: Any = None, params: Mapping[str, Any] | None = None
    ) -> Response:
        """Send what this SDK does not name yet, with the same key, limits, timeouts and errors.

        ``path`` starts with ``/`` and is percent-encoded where need be; anything but GET counts as creating something.

        Raises:
            APIStatusError: The answer says no.
            DecodingError: The answer is a page of HTML; after anything but GET that is an ``AmbiguousWriteError``.
            ValidationError: The path leads out of the API, or the body has no JSON form.
        """
        request = raw_request(method, path, json=json, params=params)
        response = await self._transport.send(request)
        refused = error_from_response(request.operation, response, json_object(response))
        if refused is not None:
            del response  # what is raised leads to this frame
            raise refused
        if failure_of(request, response) is not None:
            raise DecodingError(request.operation, status=response.status, problems=("a page of HTML",))
        return response

    @property
    def transport(self) -> Transport:
        """What sends with this key: for the rooms above that need more than one call of it."""
        return self._transport

    @property
    def pool(self) -> Pool:
        """The connections, which other clients may share."""
        return self._transport.pool

    @property
    def owns_pool(self) -> bool:
        """Whether closing this closes the connections."""
        return self._owner

    async def close(self) -> None:
        """Close the connections, unless they belong to the platform or client that this one was made from."""
        if self._owner:
            await self._transport.pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def transport_of(client: Connection) -> Transport:
    """Return what sends for a client or platform."""
    return client.transport


class AsyncBoooplyClient(Connection):
    """Read and write one organization's interviews.

    ``api_key`` and ``base_url`` fall back to ``BOOOPLY_API_KEY`` and ``BOOOPLY_BASE_URL``; ``timeout`` is in seconds,
    for one attempt; ``retry`` says how often and how long a call is tried; ``rate_limits=None`` stops waiting in line.
    ``ssl_context`` trusts a certificate authority of your own. Use it as an async context manager, or
    ``await close()``.

    Raises:
        ConfigurationError: The key or the URL is missing, or cannot work: https only, unless the host is this machine
            or ``allow_insecure=True``.
    """

    interviews: Resource[AsyncInterviews] = Resource(
        AsyncInterviews, lambda client, _: AsyncInterviews(transport_of(client))
    )
    ai: Resource[AsyncAI] = Resource(AsyncAI, lambda client, _: AsyncAI(transport_of(client)))
    organization: Resource[AsyncOrganization] = Resource(
        AsyncOrganization, lambda client, _: AsyncOrganization(transport_of(client))
    )

    def __init__(
        self,
        *,
        api_key: str | Secret | None = None,
        base_url: str | None = None,
        timeout: float = TIMEOUT,
        retry: RetryPolicy = RETRY,
        rate_limits: RateLimits | None = RATE_LIMITS,
        ssl_context: SSLContext | None = None,
        allow_insecure: bool = False,
    ) -> None:
        secret = api_key = as_secret(api_key)
        options = Options(
            timeout=timeout,
            retry=retry,
            rate_limits=rate_limits,
            ssl_context=ssl_context,
            allow_insecure=allow_insecure,
        )
        transport = connect(secret, ORGANIZATION, base_url, options)
        super().__init__(transport, owner=True)

    @staticmethod
    async def create_organization_api_key(
        tenant: Tenant,
        /,
        *,
        platform_key: str | Secret | None = None,
        base_url: str | None = None,
        timeout: float = TIMEOUT,
        retry: RetryPolicy = RETRY,
        rate_limits: RateLimits | None = RATE_LIMITS,
        ssl_context: SSLContext | None = None,
        allow_insecure: bool = False,
    ) -> OrganizationApiKey:
        """Mint the key of a customer's organization, in one call; ``AsyncBoooplyPlatform`` does many over one pool.

        The key is shown once: store ``api_key.reveal()``. A second call for the same customer mints a further key.

        Raises:
            ConfigurationError: The platform key or the URL is missing, or cannot work.
        """
        secret = platform_key = as_secret(platform_key)
        options = Options(
            timeout=timeout,
            retry=retry,
            rate_limits=rate_limits,
            ssl_context=ssl_context,
            allow_insecure=allow_insecure,
        )
        transport = connect(secret, PLATFORM, base_url, options)
        async with Connection(transport, owner=True):
            answer = transport.send(key_request(tenant))
            return key_of(tenant, CREATE_ORGANIZATION_API_KEY.parse(await answer))
