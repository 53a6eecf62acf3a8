"""The blocking clients of an organization and of a platform."""

from __future__ import annotations

from ssl import SSLContext
from types import TracebackType
from typing import Final, Self, TypeVar

from boooply.blocking.proxy import SyncProxy, over, resource, sync
from boooply.blocking.resources import AI, Interviews, Organization
from boooply.blocking.runner import LoopRunner
from boooply.client import RATE_LIMITS, RETRY, AsyncBoooplyClient, Connection
from boooply.models import OrganizationApiKey, Tenant
from boooply.platform import AsyncBoooplyPlatform
from boooply.protocol.attempts import OnResponse
from boooply.protocol.messages import RateLimitClass
from boooply.protocol.retry import RetryPolicy
from boooply.ratelimit.limits import RateLimits
from boooply.ratelimit.status import RateLimitStatus
from boooply.resources.resource import Resource, copy_without_resources
from boooply.secret import Secret, as_secret
from boooply.transport import TIMEOUT

C_co = TypeVar("C_co", bound=Connection, covariant=True)


class BlockingConnection(SyncProxy[C_co]):
    """A blocking client or platform. Closing it closes the connections only if it opened them."""

    _owner: bool = False

    request: Final = sync(Connection.request)

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
        made = copy_without_resources(self)
        original = self._original.with_options(timeout=timeout, retry=retry, on_response=on_response)
        vars(made).update(_original=original, _owner=False)
        return made

    @property
    def rate_limits(self) -> dict[RateLimitClass, RateLimitStatus]:
        """The status of each rate limit of this key. Empty with ``rate_limits=None``."""
        return self._original.rate_limits

    @property
    def base_url(self) -> str:
        """The URL of the API, without a trailing slash."""
        return self._original.base_url

    def close(self) -> None:
        """Close the connections, unless they belong to the platform or client that this one was created from."""
        if self._owner:
            self._runner.close()

    def __enter__(self) -> Self:
        self._runner.check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class BoooplyClient(BlockingConnection[AsyncBoooplyClient]):
    """A blocking client of one organization, for scripts, notebooks and threads.

    It has the methods of ``AsyncBoooplyClient``, without ``await``. Use it as a context manager, or call
    ``client.close()`` at the end.

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
        on_response: A function that is called with an ``AttemptInfo`` after each attempt, in
            the client's own thread. Not a coroutine function. Default: None.

    Raises:
        ConfigurationError: The key or the URL is missing, or an option cannot work.
    """

    interviews: Resource[Interviews] = resource(Interviews)
    ai: Resource[AI] = resource(AI)
    organization: Resource[Organization] = resource(Organization)

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
        client = AsyncBoooplyClient(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            retry=retry,
            rate_limits=rate_limits,
            ssl_context=ssl_context,
            allow_insecure=allow_insecure,
            on_response=on_response,
        )
        super().__init__(LoopRunner(client.close), client)
        self._owner = True

    @staticmethod
    def create_organization_api_key(
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
        several customers, use ``BoooplyPlatform``, which reuses its connections.

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
        with BoooplyPlatform(
            platform_key=platform_key,
            base_url=base_url,
            timeout=timeout,
            retry=retry,
            rate_limits=rate_limits,
            ssl_context=ssl_context,
            allow_insecure=allow_insecure,
        ) as platform:
            return platform.create_organization_api_key(tenant)


class BoooplyPlatform(BlockingConnection[AsyncBoooplyPlatform]):
    """A blocking client of your platform, which mints the keys of your customers and creates their clients.

    It has the methods of ``AsyncBoooplyPlatform``, without ``await``. Use it as a context manager, or call
    ``platform.close()`` at the end.

    Args:
        platform_key: The platform key. Default: the environment variable ``BOOOPLY_PLATFORM_KEY``, which may contain
            several keys, separated by commas. The first key is used. A store accepts all of them as this platform's.
        base_url: The URL of the API, ``https://HOST[:PORT][/PATH]``. http is allowed for this machine. Default: the
            environment variable ``BOOOPLY_BASE_URL``.
        timeout: The timeout of one attempt, in seconds, at most 3600. Default: 30.
        retry: How often and for how long a call is tried. Default: ``RetryPolicy()``.
        rate_limits: The rate limits to stay within. None sends every call at once. Default: ``RateLimits()``.
        ssl_context: The TLS settings, for example to trust a certificate authority of your own. Default: Python's.
        allow_insecure: Whether to allow an http URL on another machine. The key is then sent unencrypted. Default:
            False.
        on_response: A function that is called with an ``AttemptInfo`` after each attempt, in the platform's own thread,
            also by customers' clients. Not a coroutine function. Default: None.

    Raises:
        ConfigurationError: The key or the URL is missing, or an option cannot work.
    """

    create_organization_api_key: Final = sync(AsyncBoooplyPlatform.create_organization_api_key)

    def __init__(
        self,
        *,
        platform_key: str | Secret | None = None,
        base_url: str | None = None,
        timeout: float = TIMEOUT,
        retry: RetryPolicy = RETRY,
        rate_limits: RateLimits | None = RATE_LIMITS,
        ssl_context: SSLContext | None = None,
        allow_insecure: bool = False,
        on_response: OnResponse | None = None,
    ) -> None:
        platform_key = as_secret(platform_key)
        platform = AsyncBoooplyPlatform(
            platform_key=platform_key,
            base_url=base_url,
            timeout=timeout,
            retry=retry,
            rate_limits=rate_limits,
            ssl_context=ssl_context,
            allow_insecure=allow_insecure,
            on_response=on_response,
        )
        super().__init__(LoopRunner(platform.close), platform)
        self._owner = True

    def organization(self, api_key: str | Secret, /) -> BoooplyClient:
        """Return the client of one customer, which uses the platform's connections.

        You can create a client for each call, and do not need to close it.

        Args:
            api_key: The customer's organization key.

        Raises:
            ConfigurationError: The key is empty, is a platform key, or is not a key.
        """
        secret = as_secret(api_key)
        del api_key
        return over(BoooplyClient, self._runner, self._original.organization(secret or ""))
