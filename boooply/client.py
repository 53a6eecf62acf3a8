"""The client of one organization, and the base class that it shares with the platform.

Each constructor spells out its options, because ty accepts any name in place of a ``TypedDict`` with ``Unpack``.
"""

import os
from collections.abc import Mapping
from ssl import SSLContext
from types import TracebackType
from typing import Any, ClassVar, Final, Self, TypeVar

import attrs

from boooply.errors import DecodingError
from boooply.models import OrganizationApiKey, Tenant
from boooply.protocol.attempts import ON_RESPONSE, OnResponse
from boooply.protocol.errors import error_from_response
from boooply.protocol.hosts import BASE_URL, base_url
from boooply.protocol.messages import A_PAGE, RateLimitClass, Response, json_object, raw_request
from boooply.protocol.retry import RetryPolicy, failure_of
from boooply.protocol.settings import (
    FLAG,
    ORGANIZATION,
    PLATFORM,
    TIMEOUT_RULE,
    KeyKind,
    Rule,
    check_all,
    instance,
    key,
    optional,
    platform_keys,
)
from boooply.ratelimit.limits import RateLimits
from boooply.ratelimit.status import RateLimitStatus
from boooply.resources.ai import AsyncAI
from boooply.resources.interviews import AsyncInterviews
from boooply.resources.keys import mint_key
from boooply.resources.organization import AsyncOrganization
from boooply.resources.resource import Resource, copy_without_resources
from boooply.secret import Secret, as_secret, hide_locals
from boooply.transport import TIMEOUT, Pool, Transport
from boooply.transport.hooks import reporting_hooks

RETRY: Final = RetryPolicy()
RATE_LIMITS: Final = RateLimits()

_RULES: Final[dict[str, Rule]] = {
    "timeout": TIMEOUT_RULE,
    "retry": instance(RetryPolicy, "a RetryPolicy, such as RetryPolicy(attempts=3)"),
    "rate_limits": optional(instance(RateLimits, "a RateLimits, such as RateLimits(reads=100)"), "None for no limits"),
    "ssl_context": optional(
        instance(SSLContext, "an ssl.SSLContext, such as ssl.create_default_context(cafile=…)"),
        "None for the certificate authorities that Python trusts",
    ),
    "allow_insecure": FLAG,
    "on_response": optional(ON_RESPONSE),
}

C = TypeVar("C", bound="Connection")


def connect(  # noqa: PLR0913 - each is an option of the clients
    secret: Secret | None,
    kind: KeyKind,
    url: str | None,
    timeout: float,
    retry: RetryPolicy,
    rate_limits: RateLimits | None,
    ssl_context: SSLContext | None,
    *,
    allow_insecure: bool,
    on_response: OnResponse | None = None,
) -> Transport:
    """Return a transport with a new pool, from arguments and environment variables.

    Raises:
        ConfigurationError: The key or the URL is missing, or an option cannot work.
    """
    check_all(
        _RULES,
        timeout=timeout,
        retry=retry,
        rate_limits=rate_limits,
        ssl_context=ssl_context,
        allow_insecure=allow_insecure,
        on_response=on_response,
    )
    chosen = key(secret, kind, None) if secret is not None else _key_in_environment(kind)
    address = base_url(url, os.environ.get(BASE_URL), allow_insecure=allow_insecure)
    pool = Pool(address, rate_limits, ssl_context)
    return Transport(pool, chosen, timeout, retry, reporting_hooks(on_response))


def _key_in_environment(kind: KeyKind) -> Secret:
    value = as_secret(os.environ.get(kind.variable))
    return platform_keys(value)[0] if kind is PLATFORM else key(None, kind, value)


class Connection:
    """A key and a pool of connections. Closing it closes the pool only if it opened the pool."""

    _kind: ClassVar[KeyKind] = PLATFORM

    def __init__(self, transport: Transport, *, owns_pool: bool) -> None:
        self._transport = transport
        self._owns_pool = owns_pool

    def __repr__(self) -> str:
        if "_transport" not in vars(self):  # the constructor failed, and a traceback shows the object
            return object.__repr__(self)
        return f"{type(self).__name__}({self.base_url!r}, {self._kind.argument}={str(self._transport.key)!r})"

    def with_options(
        self, *, timeout: float | None = None, retry: RetryPolicy | None = None, on_response: OnResponse | None = None
    ) -> Self:
        """Return a copy with other options, which shares the connections of the original.

        Closing the copy does not close the connections. An option that is None stays as it is.

        Args:
            timeout: The timeout of one attempt, in seconds, at most 3600.
            retry: How often and for how long a call is tried.
            on_response: A function that is called with an ``AttemptInfo`` after each attempt.

        Raises:
            ConfigurationError: An option cannot work.
        """
        options = {"timeout": timeout, "retry": retry, "on_response": on_response}
        changes: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        check_all(_RULES, **changes)
        if changes.pop("on_response", None) is not None:
            changes["hooks"] = reporting_hooks(on_response)
        made = copy_without_resources(self)  # keeps the attributes that a subclass has set
        Connection.__init__(made, attrs.evolve(self._transport, **changes), owns_pool=False)
        return made

    @property
    def rate_limits(self) -> dict[RateLimitClass, RateLimitStatus]:
        """The status of each rate limit of this key. Empty with ``rate_limits=None``."""
        return self._transport.pool.rate_limits(self._transport.key)

    @property
    def base_url(self) -> str:
        """The URL of the API, without a trailing slash."""
        return self._transport.pool.base_url

    @hide_locals
    async def request(
        self, method: str, path: str, /, *, json: Any = None, params: Mapping[str, Any] | None = None
    ) -> Response:
        """Send a request for which this SDK has no method yet.

        The key, rate limits, timeouts, retries and errors are the same as for all other calls. Every method except GET
        counts as a write that must not be sent twice.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: The path after ``base_url``. It starts with ``/`` and is percent-encoded.
            json: The body, from values that JSON can contain. Default: no body.
            params: The query parameters. The values of a list are joined by commas. Default: none.

        Raises:
            APIStatusError: The response reports an error.
            DecodingError: The response to a GET is a page of HTML.
            AmbiguousWriteError: Another request may have been carried out.
            ValidationError: The path leaves the API, or the body cannot be written as JSON.
        """
        request = raw_request(method, path, json=json, params=params)
        response = await self._transport.send(request)
        error = error_from_response(request.operation, response, json_object(response))
        if error is not None:
            raise error
        if failure_of(request, response) is not None:
            organization_id = response.organization_id
            raise DecodingError(request.operation, response.status, (A_PAGE,), organization_id=organization_id)
        return response

    async def close(self) -> None:
        """Close the connections, unless they belong to the platform or client that this one was created from."""
        if self._owns_pool:
            await self._transport.pool.close()

    async def __aenter__(self) -> Self:
        self._transport.pool.check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def connection_over(kind: type[C], transport: Transport) -> C:
    """Return a client or platform that uses the connections of another one."""
    made = kind.__new__(kind)
    Connection.__init__(made, transport, owns_pool=False)
    return made


def transport_of(connection: Connection) -> Transport:
    """Return the transport of a client or platform."""
    return connection._transport  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # a function hides it from users


def owns_pool(connection: Connection) -> bool:
    """Return whether closing a client or platform closes its connections."""
    return connection._owns_pool  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same


class AsyncBoooplyClient(Connection):
    """A client of one organization, which reads and writes its interviews.

    Use it as an async context manager, or call ``await client.close()`` at the end.

    Args:
        api_key: The organization key. Default: the environment variable ``BOOOPLY_API_KEY``.
        base_url: The URL of the API, ``https://HOST[:PORT][/PATH]``. http is allowed for this machine. Default: the
            environment variable ``BOOOPLY_BASE_URL``.
        timeout: The timeout of one attempt, in seconds, at most 3600. Default: 30.
        retry: How often and for how long a call is tried. Default: ``RetryPolicy()``.
        rate_limits: The rate limits to stay within. None sends every call at once. Default: ``RateLimits()``.
        ssl_context: The TLS settings, for example to trust a certificate authority of your own. Default: Python's.
        allow_insecure: Whether to allow an http URL on another machine. The key is then sent unencrypted. Default:
            False.
        on_response: A function that is called with an ``AttemptInfo`` after each attempt. Not a
            coroutine function. Default: None.

    Raises:
        ConfigurationError: The key or the URL is missing, or an option cannot work.
    """

    _kind = ORGANIZATION

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
        on_response: OnResponse | None = None,
    ) -> None:
        api_key = as_secret(api_key)
        transport = connect(
            api_key,
            ORGANIZATION,
            base_url,
            timeout,
            retry,
            rate_limits,
            ssl_context,
            allow_insecure=allow_insecure,
            on_response=on_response,
        )
        super().__init__(transport, owns_pool=True)

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
        """Mint the key of one customer's organization.

        The API shows the key only once: store ``api_key.reveal()``. Each call mints another key. To mint keys for
        several customers, use ``AsyncBoooplyPlatform``, which reuses its connections.

        Args:
            tenant: The customer.
            platform_key: The platform key. Default: the environment variable ``BOOOPLY_PLATFORM_KEY``.
            base_url: The URL of the API, ``https://HOST[:PORT][/PATH]``. http is allowed for this machine. Default: the
                environment variable ``BOOOPLY_BASE_URL``.
            timeout: The timeout of one attempt, in seconds, at most 3600. Default: 30.
            retry: How often and for how long a call is tried. Default: ``RetryPolicy()``.
            rate_limits: The rate limits to stay within. None sends every call at once. Default: ``RateLimits()``.
            ssl_context: The TLS settings, for example to trust a certificate authority of your own. Default: Python's.
            allow_insecure: Whether to allow an http URL on another machine. The key is then sent unencrypted. Default:
                False.

        Raises:
            ConfigurationError: The platform key or the URL is missing, or an option cannot work.
            AmbiguousWriteError: The key may have been minted.
            APIError: The call failed.
        """
        platform_key = as_secret(platform_key)
        transport = connect(
            platform_key, PLATFORM, base_url, timeout, retry, rate_limits, ssl_context, allow_insecure=allow_insecure
        )
        async with Connection(transport, owns_pool=True):
            return await mint_key(transport, tenant)
