"""A request that is sent exactly once, with its result and its TLS connection."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any, cast

import attrs

from boooply.errors import APIError
from boooply.protocol.messages import Request, Response
from boooply.secret import Secret, hide_locals
from boooply.transport.attempt import attempt
from boooply.transport.connector import AttemptProgress
from boooply.transport.local_limiter import clock
from boooply.transport.pool import Pool

if TYPE_CHECKING:
    from asyncio import BaseTransport


@attrs.frozen(kw_only=True)
class TLS:
    """A TLS connection: its version, and the issuer and expiry (seconds since 1970) of the host's certificate."""

    version: str
    issuer: str | None
    expires_at: float | None


@attrs.frozen(kw_only=True)
class Exchange:
    """The result of a request.

    Attributes:
        sent_at: When the request was sent, in seconds since 1970 by this machine's clock.
        seconds: The duration, in seconds.
        result: The response, which may report an error, or the error if there was no complete response.
        tls: The TLS connection, if there was one.
    """

    sent_at: float
    seconds: float
    result: Response | APIError
    tls: TLS | None = None

    @property
    def response(self) -> Response | None:
        """The response, or None."""
        return self.result if isinstance(self.result, Response) else None


@hide_locals
async def probe(pool: Pool, request: Request, key: Secret | None, *, timeout: float) -> Exchange:
    """Send a request once, without rate limit and retries, with or without a key.

    Raises:
        ConfigurationError: The pool is closed.
    """
    seen: list[TLS | None] = []
    progress = AttemptProgress(on_connection=lambda transport: seen.append(_tls_of(transport)))
    session = await pool.session()
    sent_at, started = time.time(), clock()
    result = await attempt(session, pool, request, key, timeout=timeout, progress=progress)
    return Exchange(
        sent_at=sent_at,
        seconds=clock() - started,
        result=result if isinstance(result, Response) else result.error,
        tls=seen[-1] if seen else None,
    )


def _tls_of(transport: BaseTransport | None) -> TLS | None:
    connection = None if transport is None else transport.get_extra_info("ssl_object")
    if connection is None:
        return None
    certificate: dict[str, Any] = connection.getpeercert() or {}
    ends = certificate.get("notAfter")
    return TLS(
        version=connection.version() or "",
        issuer=_organization(certificate.get("issuer", ())),
        expires_at=None if ends is None else float(ssl.cert_time_to_seconds(ends)),
    )


def _organization(name: object) -> str | None:
    """Return the organization in a distinguished name, or else the common name."""
    pairs = cast("tuple[tuple[tuple[str, str], ...], ...]", name)
    parts = {kind: value for pair in pairs for kind, value in pair}
    return parts.get("organizationName") or parts.get("commonName")
