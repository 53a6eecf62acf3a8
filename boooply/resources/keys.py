"""Minting the key of a customer's organization (contract section 4)."""

from typing import Any

from boooply.errors import ValidationError
from boooply.models import OrganizationApiKey, Tenant
from boooply.protocol.endpoints import CREATE_ORGANIZATION_API_KEY
from boooply.protocol.messages import Request
from boooply.secret import redact


def key_request(tenant: Tenant, /) -> Request:
    """Ask for a key.

    Raises:
        ValidationError: What is given is no tenant.
    """
    if not isinstance(tenant, Tenant):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise ValidationError("tenant", "has to be a Tenant")
    return CREATE_ORGANIZATION_API_KEY.request(body=tenant)


def key_of(tenant: Tenant, minted: OrganizationApiKey, /) -> OrganizationApiKey:
    """Say whose key was minted: what the answer echoes is not relied on, so it is the one that was asked for."""
    known: dict[str, Any] = vars(minted) | {"organization_id": tenant.organization_id}
    if minted.message is not None:  # the vendor's words for people, which may repeat the key
        known["message"] = redact(minted.message, minted.api_key)
    return OrganizationApiKey(**known)  # as attrs.evolve makes it, in half of its time: bulk runs mint thousands
