"""One attempt on the wire: a response, or the failure in its place."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Final

import aiohttp
import attrs
from yarl import URL

from boooply.errors import APIConnectionError, APIError, APITimeoutError, DecodingError
from boooply.protocol.messages import Request, Response
from boooply.protocol.retry import FailureKind
from boooply.secret import Secret
from boooply.transport.deadlines import TimeLimit
from boooply.transport.pool import Pool

LARGEST_BODY: Final = 32 * 2**20
CONNECT_TIMEOUT: Final = 10.0

_JSON: Final = {"Content-Type": "application/json"}
_NEVER_SENT, _BROKEN = FailureKind.NEVER_SENT, FailureKind.BROKEN

# The first class that fits. The reasons are ours, since aiohttp's own texts quote addresses and headers.
_FAILURES: Final[tuple[tuple[type[BaseException], FailureKind, str], ...]] = (
    (aiohttp.ClientConnectorDNSError, _NEVER_SENT, "the host of base_url has no address"),
    (aiohttp.ClientConnectorCertificateError, _NEVER_SENT, "the certificate of the API's host is not trusted"),
    (aiohttp.ClientConnectorSSLError, _NEVER_SENT, "no secure connection to the API's host"),
    (aiohttp.ClientProxyConnectionError, _NEVER_SENT, "the proxy cannot be reached"),
    (aiohttp.ClientConnectorError, _NEVER_SENT, "the API's host refuses connections"),
    (aiohttp.ClientHttpProxyError, _NEVER_SENT, "the proxy does not connect to the API's host"),
    (aiohttp.ConnectionTimeoutError, _NEVER_SENT, "the API's host does not respond"),
    (aiohttp.ServerDisconnectedError, _BROKEN, "the API closed the connection"),
    (aiohttp.ClientResponseError, _BROKEN, "the response was not HTTP"),
)


@attrs.frozen
class Failure:
    """The failure of an attempt: its kind, which decides about another one, and the error to raise."""

    kind: FailureKind
    error: APIError


async def attempt(
    session: aiohttp.ClientSession, pool: Pool, request: Request, key: Secret, *, timeout: float
) -> Response | Failure:
    """Send a request once, within ``timeout`` seconds."""
    status = 0
    try:
        async with (
            TimeLimit(timeout),
            session.request(
                request.method,
                URL(pool.base_url + request.target, encoded=True),
                data=request.body,
                headers={"Authorization": f"Bearer {key.reveal()}"} | ({} if request.body is None else _JSON),
                timeout=_connect_timeout(timeout),
                proxy=None if pool.proxy is None else pool.proxy.reveal(),
                allow_redirects=False,  # neither key nor body is sent to another host
            ) as response,
        ):
            status = response.status
            body = await _read_body(response, is_traced=bool(session.trace_configs))
    except Exception as error:  # noqa: BLE001 - after any error, the request may have been sent
        return failure(request.operation, error, timeout=timeout, status=status)
    if body is None:
        problem = f"the body is over {LARGEST_BODY // 2**20} MiB"
        return Failure(FailureKind.TOO_LARGE, DecodingError(request.operation, status=status, problems=(problem,)))
    return Response(status=status, headers=response.headers, body=body, key=key, request=request)


def failure(operation: str, error: Exception, *, timeout: float, status: int = 0) -> Failure:
    """Return what an error of aiohttp means, in our own words."""
    if isinstance(error, aiohttp.ClientPayloadError):
        problem = "the response broke off"
        return Failure(FailureKind.UNREADABLE, DecodingError(operation, status=status, problems=(problem,)))
    for error_type, kind, reason in _FAILURES:
        if isinstance(error, error_type):
            return Failure(kind, APIConnectionError(operation, reason))
    if isinstance(error, TimeoutError):
        return Failure(_BROKEN, APITimeoutError(operation, timeout))
    return Failure(_BROKEN, APIConnectionError(operation, "the connection broke"))


def _connect_timeout(seconds: float) -> aiohttp.ClientTimeout:
    # Connecting must end before the attempt does: only then is it certain that nothing was sent.
    # Without the threshold, aiohttp rounds a timeout of more than five seconds up.
    return aiohttp.ClientTimeout(total=None, connect=min(0.9 * seconds, CONNECT_TIMEOUT), ceil_threshold=inf)


async def _read_body(response: aiohttp.ClientResponse, *, is_traced: bool) -> bytes | None:
    """Read a body, or return None if it is over the cap."""
    if _is_small(response.headers):
        # Most bodies arrive with the head. Taking them directly is most of what keeps calls within their CPU budget,
        # but bypasses tracers.
        arrived = response.content.is_eof() and not is_traced
        return response.content.read_nowait() if arrived else await response.read()
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_BODY:
            response.close()
            return None
    return bytes(body)


def _is_small(headers: Mapping[str, str]) -> bool:
    length = headers.get("Content-Length")  # aiohttp has checked that it is a number
    return length is not None and int(length) <= LARGEST_BODY and "Content-Encoding" not in headers
