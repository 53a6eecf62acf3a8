"""The blocking client and platform."""

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
    """One key's blocking way to the API; it closes the connections if it opened them."""

    _owner: bool = False

    request: Final = sync(Connection.request)

    def with_options(
        self, *, timeout: float | None = None, retry: RetryPolicy | None = None, on_response: OnResponse | None = None
    ) -> Self:
        """Return a copy with other options on the same connections, which only the original closes.

        Raises:
            ConfigurationError: An option cannot work.
        """
        made = copy_without_resources(self)
        original = self._original.with_options(timeout=timeout, retry=retry, on_response=on_response)
        vars(made).update(_original=original, _owner=False)
        return made

    @property
    def rate_limits(self) -> dict[RateLimitClass, RateLimitStatus]:
        """The status of each rate limit of this key: what remains, and who waits; empty with ``rate_limits=None``."""
        return self._original.rate_limits

    @property
    def base_url(self) -> str:
        """The API's address, without a trailing slash."""
        return self._original.base_url

    def close(self) -> None:
        """Close the connections, unless they belong to the platform or client that this one was made from."""
        if self._owner:
            self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class BoooplyClient(BlockingConnection[AsyncBoooplyClient]):
    """Read and write one organization's interviews, blocking: for scripts, notebooks and threads.

    ``api_key`` and ``base_url`` fall back to ``BOOOPLY_API_KEY`` and ``BOOOPLY_BASE_URL``; ``timeout`` is in seconds,
    for one attempt; ``retry`` says how often and how long a call is tried; ``rate_limits=None`` stops waiting in line.
    ``ssl_context`` trusts a certificate authority of your own. ``on_response`` is called after each attempt, in the
    client's own thread. Use it as a context manager, or ``close()``.

    Raises:
        ConfigurationError: The key or the URL is missing, or cannot work: https only, unless the host is this machine
            or ``allow_insecure=True``.
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
        """Mint the key of a customer's organization, in one call; ``BoooplyPlatform`` mints many over one pool.

        The API shows the key only once: store ``api_key.reveal()``. Another call for the same customer mints another
        key.

        Raises:
            ConfigurationError: The platform key or the URL is missing, or cannot work.
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
    """Connect the platform's customers, each to an organization of its own, blocking.

    ``platform_key`` and ``base_url`` fall back to ``BOOOPLY_PLATFORM_KEY`` and ``BOOOPLY_BASE_URL``; ``timeout`` is in
    seconds, for one attempt; ``retry`` says how often and how long a call is tried; ``rate_limits=None`` stops waiting
    in line; ``ssl_context`` trusts a certificate authority of your own; ``on_response`` is called after each attempt,
    in the platform's own thread. Use it as a context manager, or ``close()``.

    Raises:
        ConfigurationError: The key or the URL is missing, or cannot work: https only, unless the host is this machine
            or ``allow_insecure=True``.
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
        """Return the client of one customer over the platform's connections; a thousand of them cost little.

        Raises:
            ConfigurationError: It is a platform key, or no key at all.
        """
        secret = as_secret(api_key)
        del api_key
        return over(BoooplyClient, self._runner, self._original.organization(secret or ""))
