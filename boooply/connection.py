"""What a client and a platform have in common: one key's way to the API, and its end."""

import os
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import attrs

from boooply.errors import DecodingError
from boooply.protocol.limits import RateLimits
from boooply.protocol.messages import Limit, Response, json_object, raw_request
from boooply.protocol.refusals import refusal
from boooply.protocol.retry import RetryPolicy, fault_of
from boooply.protocol.settings import BASE_URL, KeyKind, base_url, key, seconds
from boooply.protocol.sharing import Allowance
from boooply.secret import Secret, hide
from boooply.transport import Pool, Transport

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
    chosen = key(secret, kind, hide(os.environ.get(kind.variable)))
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
    def rate_limits(self) -> dict[Limit, Allowance]:
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
            APIError: The answer says no.
            DecodingError: The answer is a page of HTML; after anything but GET that is an ``AmbiguousWriteError``.
            ValidationError: The path leads out of the API, or the body has no JSON form.
        """
        request = raw_request(method, path, json=json, params=params)
        response = await self._transport.send(request)
        refused = refusal(request.operation, response, json_object(response))
        if refused is not None:
            del response  # what is raised leads to this frame
            raise refused
        if fault_of(request, response) is not None:
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
