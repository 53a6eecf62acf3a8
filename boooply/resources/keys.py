"""The minting of an organization's key (contract section 4)."""

import attrs

from boooply.errors import ValidationError
from boooply.models import OrganizationApiKey, Tenant
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.protocol.messages import Request
from boooply.secret import redact
from boooply.transport import Transport


def key_request(tenant: Tenant, /) -> Request:
    """Return the request for a key.

    Raises:
        ValidationError: The argument is not a Tenant.
    """
    if not isinstance(tenant, Tenant):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ValidationError("tenant", "must be a Tenant")
    return CREATE_ORGANIZATION_API_KEY.request(body=tenant)


async def mint_key(transport: Transport, tenant: Tenant, /) -> OrganizationApiKey:
    """Mint a key; it belongs to the customer it was requested for, whatever the response echoes."""
    minted = CREATE_ORGANIZATION_API_KEY.parse(await transport.send(key_request(tenant)))
    # the vendor's message for people may repeat the key
    message = None if minted.message is None else redact(minted.message, minted.api_key)
    return attrs.evolve(minted, organization_id=tenant.organization_id, message=message)
