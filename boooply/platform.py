"""The platform: it mints its customers' keys and hands out clients that use them."""

from ssl import SSLContext

import attrs

from boooply.client import RATE_LIMITS, RETRY, AsyncBoooplyClient, Connection, Options, connect
from boooply.models import OrganizationApiKey, Tenant
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.protocol.retry import RetryPolicy
from boooply.protocol.settings import ORGANIZATION, PLATFORM, key
from boooply.ratelimit.limits import RateLimits
from boooply.resources.keys import key_of, key_request
from boooply.secret import Secret, as_secret
from boooply.transport import TIMEOUT


class AsyncBoooplyPlatform(Connection):
    """Connect the platform's customers, each to an organization of its own.

    ``platform_key`` and ``base_url`` fall back to ``BOOOPLY_PLATFORM_KEY`` and ``BOOOPLY_BASE_URL``; ``timeout`` is in
    seconds, for one attempt; ``retry`` says how often and how long a call is tried; ``rate_limits=None`` stops waiting
    in line; ``ssl_context`` trusts a certificate authority of your own. Use it as an async context manager, or
    ``await close()``.

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
    ) -> None:
        secret = platform_key = as_secret(platform_key)
        options = Options(
            timeout=timeout,
            retry=retry,
            rate_limits=rate_limits,
            ssl_context=ssl_context,
            allow_insecure=allow_insecure,
        )
        transport = connect(secret, PLATFORM, base_url, options)
        super().__init__(transport, owner=True)

    async def create_organization_api_key(self, tenant: Tenant, /) -> OrganizationApiKey:
        """Mint the key of a customer's organization: once for each customer, when it connects.

        The key is shown once: store ``api_key.reveal()``. A second call for the same customer mints a further key.
        """
        answer = self._transport.send(key_request(tenant))
        return key_of(tenant, CREATE_ORGANIZATION_API_KEY.parse(await answer))

    def organization(self, api_key: str | Secret, /) -> AsyncBoooplyClient:
        """Make the client of one customer over the platform's connections; a thousand of them cost little.

        Raises:
            ConfigurationError: It is a platform key, or no key at all.
        """
        secret = as_secret(api_key)
        del api_key
        return AsyncBoooplyClient.over(attrs.evolve(self._transport, key=key(secret, ORGANIZATION, None)))
