"""The platform, which mints its customers' keys and makes the clients that use them."""

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
    """The client of a platform, with its platform key, which gives each customer an organization of its own.

    ``platform_key`` and ``base_url`` fall back to ``BOOOPLY_PLATFORM_KEY`` and ``BOOOPLY_BASE_URL``. That variable may
    name several keys, with commas between them: the first one is used, and a store takes all of them for this
    platform's. ``timeout`` is in seconds, for one attempt. ``retry`` limits how often and for how long a call is tried.
    ``rate_limits=None`` sends every call at once. ``ssl_context`` trusts a certificate authority of your own.
    ``on_response`` is called after each attempt, also by the clients of customers. Use the platform as an async context
    manager, or ``await close()``.

    Raises:
        ConfigurationError: The key or the URL is missing, or cannot work: https only, unless the host is this machine
            or ``allow_insecure=True``.
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
        """Mint the key of a customer's organization: once for each customer, when it connects.

        The API shows the key only once: store ``api_key.reveal()``. Another call for the same customer mints another
        key.
        """
        return await mint_key(self._transport, tenant)

    @hide_locals
    def organization(self, api_key: str | Secret, /) -> AsyncBoooplyClient:
        """Return the client of one customer over the platform's connections; a thousand of them cost little.

        Raises:
            ConfigurationError: It is a platform key, or no key at all.
        """
        secret = as_secret(api_key)
        if secret is None or not secret.reveal():
            raise MissingKeyError(
                ORGANIZATION.argument, "connect the customer first, and pass the key that is stored for it"
            )
        chosen = key(secret, ORGANIZATION, None)
        return connection_over(AsyncBoooplyClient, attrs.evolve(self._transport, key=chosen))


def platform_keys_of(platform: AsyncBoooplyPlatform, /) -> tuple[Secret, ...]:
    """Return the keys that a store takes for those of a platform, the one in use first."""
    return platform._keys  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # a function hides it from users
