"""Minting the key of a customer's organization (contract section 4)."""

import attrs

from boooply.errors import ValidationError
from boooply.models import OrganizationApiKey, Tenant
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.transport import Transport


async def create_organization_api_key(transport: Transport, tenant: Tenant, /) -> OrganizationApiKey:
    """Mint a key; what the answer echoes is not relied on, so the organization is the one that was asked for."""
    if not isinstance(tenant, Tenant):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ValidationError("tenant", "has to be a Tenant")
    key = await transport.call(CREATE_ORGANIZATION_API_KEY, body=tenant)
    return attrs.evolve(key, organization_id=tenant.organization_id)
