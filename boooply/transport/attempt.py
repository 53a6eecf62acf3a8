"""One attempt on the wire: what came, or what went wrong, as a value.

Nothing is raised from here but cancellation. An exception would lead to aiohttp's frames, which hold the key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from math import inf
from typing import Final

import aiohttp
import attrs
from yarl import URL

from boooply.errors import APIConnectionError, APITimeoutError, BoooplyError, DecodingError
from boooply.protocol.messages import Request, Response
from boooply.protocol.retry import FailureKind
from boooply.secret import Secret
from boooply.transport.pool import LoopSession

LARGEST_BODY: Final = 32 * 2**20

CONNECT_TIMEOUT: Final = 10.0
_JSON: Final = {"Content-Type": "application/json"}

# The first class that fits: what it means for a second send, and why no answer came, for people. aiohttp's own texts
# are not used, since they quote.
_FAULTS: Final[tuple[tuple[type[BaseException], FailureKind, str], ...]] = (
    (aiohttp.ClientConnectorDNSError, FailureKind.NEVER_SENT, "the host of base_url has no address"),
    (
        aiohttp.ClientConnectorCertificateError,
        FailureKind.NEVER_SENT,
        "the certificate of the API's host is not trusted",
    ),
    (aiohttp.ClientConnectorSSLError, FailureKind.NEVER_SENT, "no secure connection to the API's host"),
    (aiohttp.ClientProxyConnectionError, FailureKind.NEVER_SENT, "the proxy cannot be reached"),
    (aiohttp.ClientConnectorError, FailureKind.NEVER_SENT, "the API's host refuses connections"),
    (aiohttp.ClientHttpProxyError, FailureKind.NEVER_SENT, "the proxy does not connect to the API's host"),
    (aiohttp.ConnectionTimeoutError, FailureKind.NEVER_SENT, "the API's host does not answer"),
    (aiohttp.ServerDisconnectedError, FailureKind.BROKEN, "the API hung up"),
    (aiohttp.ClientResponseError, FailureKind.BROKEN, "the answer was not HTTP"),
)


@attrs.frozen
class Failure:
    """Hold what went wrong, for the table, and the error that tells of it."""

    fault: FailureKind
    error: BoooplyError


async def attempt(
    wire: LoopSession, base_url: str, request: Request, key: Secret, *, timeout: float, proxy: Secret | None
) -> Response | Failure:
    """Send a request once, within ``timeout`` seconds."""
    outcome: Response | Failure
    cancelled: tuple[object, ...] | None = None
    status = 0
    answer: aiohttp.ClientResponse | None = None
    under_way = wire.deadlines.begin(timeout)
    try:
        answer = await wire.session.request(
            request.method,
            URL(base_url + request.target, encoded=True),
            data=request.body,
            headers={"Authorization": f"Bearer {key.reveal()}"} | ({} if request.body is None else _JSON),
            timeout=_connecting(timeout),
            proxy=None if proxy is None else proxy.reveal(),
            allow_redirects=False,  # neither key nor body goes anywhere else
        )
        status, told = answer.status, answer.headers
        if not _is_short(told):
            body = await _capped(answer)
        elif answer.content.is_eof() and not wire.session.trace_configs:
            # it came along with the head, as most do; aiohttp has one that somebody else has read already
            body = answer.content.read_nowait() or await answer.read()
        else:
            body = await answer.read()
        outcome = (
            _unreadable(FailureKind.TOO_LARGE, request, status, f"the body is over {LARGEST_BODY // 2**20} MiB")
            if body is None
            else Response(status=status, headers=told, body=body, key=key)
        )
    except asyncio.CancelledError as error:
        cancelled = error.args
        outcome = Failure(FailureKind.BROKEN, APITimeoutError(request.operation, timeout))
    except aiohttp.ClientPayloadError:
        outcome = _unreadable(FailureKind.UNREADABLE, request, status, "the answer broke off")
    except Exception as error:  # noqa: BLE001 - whatever it is, its frames hold the key
        outcome = failure(request.operation, error)
    finally:
        if answer is not None and not answer.closed:
            answer.release()  # where it was not read to its end: a change of protocol that nobody asked for, say
        answer = None  # a cancellation leads to this frame, and it holds the key
        is_late = wire.deadlines.end(under_way)
    if cancelled is not None and not is_late:
        raise asyncio.CancelledError(*cancelled)
    return outcome


@lru_cache(maxsize=16)  # nearly all attempts have the same
def _connecting(seconds: float) -> aiohttp.ClientTimeout:
    # connecting ends before the attempt does: only then is it certain that nothing was sent
    # (aiohttp would round what is above five seconds up to a whole one of the loop)
    return aiohttp.ClientTimeout(total=None, connect=min(0.9 * seconds, CONNECT_TIMEOUT), ceil_threshold=inf)


def _is_short(headers: Mapping[str, str]) -> bool:
    announced = headers.get("Content-Length")  # aiohttp has seen that it is a number
    return announced is not None and int(announced) <= LARGEST_BODY and "Content-Encoding" not in headers


async def _capped(answer: aiohttp.ClientResponse) -> bytes | None:
    """Read a body as it unfolds, or None where it is over the cap."""
    async with answer:
        chunks: list[bytes] = []
        size = 0
        while chunk := await answer.content.readany():
            size += len(chunk)
            if size > LARGEST_BODY:
                answer.close()
                return None
            chunks.append(chunk)
        return b"".join(chunks)


def failure(operation: str, error: BaseException) -> Failure:
    """Say what aiohttp's error means, in our own words."""
    for kind, fault, reason in _FAULTS:
        if isinstance(error, kind):
            return Failure(fault, APIConnectionError(operation, reason))
    return Failure(FailureKind.BROKEN, APIConnectionError(operation, "the connection broke"))


def _unreadable(fault: FailureKind, request: Request, status: int, problem: str) -> Failure:
    return Failure(fault, DecodingError(request.operation, status=status, problems=(problem,)))
