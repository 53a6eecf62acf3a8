"""The minting of an organization key."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from boooply.errors import AmbiguousWriteError, BoooplyError, ValidationError
from boooply.models import OrganizationApiKey, Tenant
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY, GET_ORGANIZATION
from boooply.protocol.messages import Request
from boooply.secret import Secret, hide_locals, redact
from boooply.transport import OnSend, Transport


def key_request(tenant: Tenant, /) -> Request:
    """Return the request that mints a key.

    Raises:
        ValidationError: The argument is not a Tenant.
    """
    if not isinstance(tenant, Tenant):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ValidationError("tenant", "must be a Tenant")
    return CREATE_ORGANIZATION_API_KEY.request(body=tenant)


@hide_locals
async def mint_key(
    transport: Transport, tenant: Tenant, /, *, on_send: OnSend | None = None, on_unsent: OnSend | None = None
) -> OrganizationApiKey:
    """Mint a key. If the response names another customer, ask the API whose key it is.

    Raises:
        APIError: The errors of ``Transport.send`` and ``Endpoint.parse``.
        AmbiguousWriteError: The key belongs to another customer, or the API does not say whose key it is.
    """
    sent_at = datetime.now(UTC)

    async def sending() -> None:
        nonlocal sent_at
        if on_send is not None:
            await on_send()
        sent_at = datetime.now(UTC)

    request = key_request(tenant)
    response = await transport.send(request, on_send=sending, on_unsent=on_unsent)
    minted = CREATE_ORGANIZATION_API_KEY.parse(response)
    if minted.organization_id not in {"", tenant.organization_id}:
        problem = await doubt_about(transport, minted.api_key, tenant.organization_id)
        if problem is not None:
            raise AmbiguousWriteError(
                request.operation,
                identity=tenant.organization_id,
                people=(),
                status=response.status,
                sent_at=sent_at,
                message=f"it names another customer, and {problem}",
            )
    # the API's message may repeat the key
    message = None if minted.message is None else redact(minted.message, minted.api_key)
    return attrs.evolve(minted, organization_id=tenant.organization_id, message=message)


async def doubt_about(transport: Transport, api_key: Secret, organization_id: str, /) -> str | None:
    """Ask the API whose key it is. Return None if it belongs to the customer, and otherwise the problem."""
    try:
        found = await attrs.evolve(transport, key=api_key).call(GET_ORGANIZATION)
    except BoooplyError as error:  # the key was minted, but after an error it is unknown for whom
        return f"the API does not say whose key it is ({error})"
    if found.external_org_id is None:
        return "the API does not say whose key it is"
    return None if found.external_org_id == organization_id else "the key belongs to another customer"
