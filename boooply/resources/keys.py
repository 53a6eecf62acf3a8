"""Minting the key of a customer's organization (contract section 4)."""

from typing import Any

from boooply.errors import DecodingError, ValidationError
from boooply.models import OrganizationApiKey, Tenant
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.secret import redact
from boooply.transport import OnSend, Transport


async def create_organization_api_key(
    transport: Transport, tenant: Tenant, /, *, on_send: OnSend | None = None, on_unsent: OnSend | None = None
) -> OrganizationApiKey:
    """Mint a key; what the answer echoes is not relied on, so the organization is the one that was asked for.

    ``on_send`` and ``on_unsent`` are those of ``Transport.send``.
    """
    if not isinstance(tenant, Tenant):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ValidationError("tenant", "has to be a Tenant")
    row = CREATE_ORGANIZATION_API_KEY
    response = await transport.send(row.request(body=tenant), on_send=on_send, on_unsent=on_unsent)
    key = row.parse(response)
    if not key.api_key.reveal().strip():
        raise DecodingError(row.operation, status=response.status, problems=("apiKey is empty",))
    known: dict[str, Any] = vars(key) | {"organization_id": tenant.organization_id, "message": _masked(key)}
    return OrganizationApiKey(**known)  # as attrs.evolve makes it, in half of its time: bulk runs mint thousands


def _masked(key: OrganizationApiKey) -> str | None:
    # the vendor's words for people may repeat the key
    return None if key.message is None else redact(key.message, key.api_key)
