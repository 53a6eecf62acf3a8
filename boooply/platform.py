"""The client of a platform, which mints its customers' keys and creates their clients."""

import os
from ssl import SSLContext

import attrs

from boooply.client import RATE_LIMITS, RETRY, AsyncBoooplyClient, Connection, connect, connection_over
from boooply.models import OrganizationApiKey, Tenant
from boooply.protocol.attempts import OnResponse
from boooply.protocol.retry import RetryPolicy
from boooply.protocol.settings import ORGANIZATION, PLATFORM, MissingKeyError, key, platform_keys
from boooply.ratelimit.limits import RateLimits
from boooply.resources.keys import mint_key
from boooply.secret import Secret, as_secret, hide_locals
from boooply.transport import TIMEOUT


class AsyncBoooplyPlatform(Connection):
    """A client of your platform, which mints the keys of your customers and creates their clients.

    Use it as an async context manager, or call ``await platform.close()`` at the end.

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
        on_response: A function that is called with an ``AttemptInfo`` after each attempt, also by customers' clients.
            Not a coroutine function. Default: None.

    Raises:
        ConfigurationError: The key or the URL is missing, or an option cannot work.
    """

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
        transport = connect(
            platform_key,
            PLATFORM,
            base_url,
            timeout,
            retry,
            rate_limits,
            ssl_context,
            allow_insecure=allow_insecure,
            on_response=on_response,
        )
        super().__init__(transport, owns_pool=True)
        in_environment = as_secret(os.environ.get(PLATFORM.variable))
        self._keys = platform_keys(in_environment if platform_key is None else platform_key)

    async def create_organization_api_key(self, tenant: Tenant, /) -> OrganizationApiKey:
        """Mint the key of a customer's organization. Call it once for each customer.

        The API shows the key only once: store ``api_key.reveal()``. Each call mints another key.

        Args:
            tenant: The customer.

        Raises:
            AmbiguousWriteError: The key may have been minted.
            APIError: The call failed.
        """
        return await mint_key(self._transport, tenant)

    @hide_locals
    def organization(self, api_key: str | Secret, /) -> AsyncBoooplyClient:
        """Return the client of one customer, which uses the platform's connections.

        You can create a client for each call, and do not need to close it.

        Args:
            api_key: The customer's organization key.

        Raises:
            ConfigurationError: The key is empty, is a platform key, or is not a key.
        """
        secret = as_secret(api_key)
        if secret is None or not secret.reveal():
            raise MissingKeyError(
                ORGANIZATION.argument, "connect the customer first, then pass the key that you stored for it"
            )
        chosen = key(secret, ORGANIZATION, None)
        return connection_over(AsyncBoooplyClient, attrs.evolve(self._transport, key=chosen))


def platform_keys_of(platform: AsyncBoooplyPlatform, /) -> tuple[Secret, ...]:
    """Return all keys of a platform, the one in use first."""
    return platform._keys  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # a function hides it from users
