"""The client of one organization."""

from functools import cached_property
from ssl import SSLContext

from boooply.connection import RATE_LIMITS, RETRY, Connection, Options, connect
from boooply.models import OrganizationApiKey, Tenant
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.protocol.limits import RateLimits
from boooply.protocol.retry import RetryPolicy
from boooply.protocol.settings import ORGANIZATION, PLATFORM
from boooply.resources.ai import AsyncAI
from boooply.resources.interviews import AsyncInterviews
from boooply.resources.keys import key_of, key_request
from boooply.resources.organization import AsyncOrganization
from boooply.secret import Secret, hide
from boooply.transport import TIMEOUT


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
        secret = api_key = hide(api_key)
        options = Options(
            timeout=timeout,
            retry=retry,
            rate_limits=rate_limits,
            ssl_context=ssl_context,
            allow_insecure=allow_insecure,
        )
        transport = connect(secret, ORGANIZATION, base_url, options)
        super().__init__(transport, owner=True)

    @cached_property
    def interviews(self) -> AsyncInterviews:
        """Create, follow and read interviews."""
        return AsyncInterviews(self._transport)

    @cached_property
    def ai(self) -> AsyncAI:
        """Let the AI write."""
        return AsyncAI(self._transport)

    @cached_property
    def organization(self) -> AsyncOrganization:
        """Tell about the key's organization."""
        return AsyncOrganization(self._transport)

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
        secret = platform_key = hide(platform_key)
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
