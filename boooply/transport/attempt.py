"""One attempt of a request, which returns a response or a failure."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache, partial
from math import inf
from typing import Final

import aiohttp
import attrs
from yarl import URL

from boooply.errors import APIConnectionError, APIError, APITimeoutError, DecodingError
from boooply.protocol.messages import Request, Response
from boooply.protocol.retry import FailureKind
from boooply.secret import Secret
from boooply.transport.connector import ATTEMPT, AttemptProgress
from boooply.transport.deadlines import TimeLimit
from boooply.transport.pool import Pool

LARGEST_BODY: Final = 32 * 2**20
_CONNECT_TIMEOUT: Final = 10.0

_JSON: Final = {"Content-Type": "application/json"}
_WITH_BODIES: Final = frozenset({"POST", "PATCH", "PUT"})
_NO_HEADERS: Final[Mapping[str, str]] = {}
_OK: Final = range(200, 300)

# The first entry whose class matches the error or its cause. The reasons are our own texts, because those of aiohttp
# quote addresses and headers.
_Reasons = tuple[tuple[type[BaseException], str], ...]
_NO_CONNECTION: Final[_Reasons] = (
    (aiohttp.ClientConnectorDNSError, "the host of base_url has no address"),
    (aiohttp.ClientConnectorCertificateError, "the certificate of the API's host is not trusted"),
    (aiohttp.ClientConnectorSSLError, "no secure connection to the API's host"),
    (ConnectionRefusedError, "the API's host refuses connections"),
    (Exception, "no connection to the API's host"),
)
_NO_CONNECTION_BY_PROXY: Final[_Reasons] = (
    (aiohttp.ClientConnectorDNSError, "the host of the proxy has no address"),
    (aiohttp.ClientConnectorCertificateError, "the certificate of the API's host is not trusted"),
    (aiohttp.ClientConnectorSSLError, "no secure connection to the API's host"),
    (aiohttp.ClientProxyConnectionError, "the proxy cannot be reached"),
    (Exception, "the proxy does not connect to the API's host"),
)
_NO_RESPONSE: Final[_Reasons] = (
    (aiohttp.ServerDisconnectedError, "the API closed the connection"),
    (aiohttp.ClientResponseError, "the response was not HTTP"),
    (Exception, "the connection broke"),
)


@attrs.frozen
class Failure:
    """A failed attempt: the kind of failure, which determines whether to retry, and the error to raise."""

    kind: FailureKind
    error: APIError


class TooLargeError(Exception):
    """A body is too large."""


async def attempt(
    session: aiohttp.ClientSession,
    pool: Pool,
    request: Request,
    key: Secret | None,
    *,
    timeout: float,
    organization_id: str | None = None,
    progress: AttemptProgress | None = None,
) -> Response | Failure:
    """Send a request once, within ``timeout`` seconds, with or without a key."""
    respond = partial(Response, key=key, request=request, organization_id=organization_id)
    progress = progress or AttemptProgress()
    ATTEMPT.set(progress)
    status, headers, body = 0, _NO_HEADERS, bytearray()
    try:
        async with (
            TimeLimit(timeout),
            session.request(
                request.method,
                URL(pool.base_url + request.target, encoded=True),
                data=request.body,
                headers=_authorization(key) | (_JSON if _may_have_body(request) else {}),
                timeout=client_timeout(timeout),
                proxy=None if pool.proxy is None else pool.proxy.reveal(),
                allow_redirects=False,  # do not send the key or the body to another host
            ) as response,
        ):
            status, headers = response.status, response.headers
            whole = await _read_body(response, body, is_traced=bool(session.trace_configs))
    except Exception as error:  # noqa: BLE001 - after any error, the request may have been sent
        if status and status not in _OK:  # the status and headers suffice, even if the body is incomplete
            return respond(status=status, headers=headers, body=bytes(body))
        return failure(request.operation, error, progress, timeout=timeout, proxy=pool.proxy, status=status)
    return respond(status=status, headers=headers, body=whole)


def _authorization(key: Secret | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key.reveal()}"}


def _may_have_body(request: Request) -> bool:
    # The vendor's SDK sends the content type of an empty body too.
    return request.body is not None or request.method in _WITH_BODIES


def failure(
    operation: str,
    error: Exception,
    progress: AttemptProgress,
    *,
    timeout: float,
    proxy: Secret | None,
    status: int = 0,
) -> Failure:
    """Return the failure that an error of aiohttp means. ``status`` is 0 unless the head of a response arrived."""
    if isinstance(error, TooLargeError):
        problem = f"the body is over {LARGEST_BODY // 2**20} MiB"
        return Failure(FailureKind.TOO_LARGE, DecodingError(operation, status=status, problems=(problem,)))
    if isinstance(error, aiohttp.ClientPayloadError):
        problem = "the response broke off"
        return Failure(FailureKind.UNREADABLE, DecodingError(operation, status=status, problems=(problem,)))
    kind = FailureKind.BROKEN if progress.has_connection else FailureKind.NEVER_SENT
    if isinstance(error, TimeoutError):
        connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
        seconds = _connect_timeout(timeout) if connecting else timeout
        return Failure(kind, APITimeoutError(operation, seconds, status=status or None, connecting=connecting))
    cause = _cause(error)
    reasons = _NO_RESPONSE if progress.has_connection else _NO_CONNECTION if proxy is None else _NO_CONNECTION_BY_PROXY
    connection_error = APIConnectionError(
        operation,
        _reason(reasons, error, cause),
        errno=_errno(cause),
        cause_name=type(cause).__name__,
        status=status or None,
    )
    return Failure(kind, connection_error)


def _reason(reasons: _Reasons, error: Exception, cause: BaseException) -> str:
    return next(reason for fitting, reason in reasons if isinstance(error, fitting) or isinstance(cause, fitting))


def _cause(error: Exception) -> BaseException:
    """Return the error of the operating system or of the library below aiohttp."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    return error.__cause__ or error


def _errno(cause: BaseException) -> int | None:
    """Return the error number of the operating system. TLS and name resolution use other numbers, so they have none."""
    if isinstance(cause, ssl.SSLError | socket.gaierror) or not isinstance(cause, OSError):
        return None
    return cause.errno


@lru_cache(maxsize=16)  # most attempts have the same timeout
def client_timeout(seconds: float, *, read: float | None = None) -> aiohttp.ClientTimeout:
    """Return aiohttp's timeouts for an attempt of up to ``seconds``. ``read`` is the timeout of each wait for data."""
    # Without the threshold, aiohttp rounds up timeouts of more than five seconds.
    return aiohttp.ClientTimeout(total=None, connect=_connect_timeout(seconds), sock_read=read, ceil_threshold=inf)


def _connect_timeout(seconds: float) -> float:
    # Connecting must time out before the attempt: only then is it certain that nothing was sent.
    return min(0.9 * seconds, _CONNECT_TIMEOUT)


async def _read_body(response: aiohttp.ClientResponse, body: bytearray, *, is_traced: bool) -> bytes:
    """Read a body. ``body`` receives the data of a body that may break off.

    Raises:
        TooLargeError: The body is too large.
    """
    if response.status in _OK and _is_small(response.headers):
        # Most bodies arrive together with the head. Reading them directly saves much of the CPU time of a call, but
        # bypasses tracers.
        arrived = response.content.is_eof() and not is_traced
        return response.content.read_nowait() if arrived else await response.read()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_BODY:
            response.close()
            raise TooLargeError
    return bytes(body)


def _is_small(headers: Mapping[str, str]) -> bool:
    length = headers.get("Content-Length")  # aiohttp has checked that it is a number
    return length is not None and int(length) <= LARGEST_BODY and "Content-Encoding" not in headers
